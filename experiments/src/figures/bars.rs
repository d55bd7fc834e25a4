//! Normalised throughput as bars: one group for each tenant, one bar for each policy.

use super::axis::Axis;
use super::canvas::{self, Area, DrawError, INK, SMALL, TITLE_HEIGHT, number, write_along};
use super::legend::{Key, Legend};
use super::palette::of_policy;
use super::plot::Plot;
use super::{Draft, FEW_POINTS, Figure, FigureError, Grid, MOST_COLUMNS, at_point, kind};
use crate::results::{Experiment, TenantGain};
use crate::spec::Policy;

/// More tenants than these have no bars; their distribution is drawn.
const MOST_TENANTS: usize = 32;
/// Groups in one row of the figure.
const GROUPS_PER_ROW: usize = 8;
/// Part of a tenant's place that its bars fill.
const FILLED: f64 = 0.84;

/// One figure for each point, if points are few; a handful of tenants under something varied have lines instead.
pub(super) fn draw(experiment: &Experiment<'_>) -> Vec<Result<Figure, FigureError>> {
    let (tenants, points) = (experiment.tenants(), experiment.points());
    let has_lines = experiment.spec.vary.is_some() && tenants.len() <= MOST_COLUMNS;
    if has_lines || tenants.len() > MOST_TENANTS || points.len() > FEW_POINTS {
        return Vec::new();
    }
    points.into_iter().filter_map(|point| at(experiment, point, &tenants)).collect()
}

/// Where an axis of gains ends so that one giant among them does not make dwarfs of the others.
pub(super) fn limit(gains: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = gains.chain([1.0]).collect();
    sorted.sort_by(f64::total_cmp);
    let (middle, largest) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    let enough = (3.0 * middle).max(2.0);
    if largest > 1.5 * enough { enough } else { largest }
}

fn at(
    experiment: &Experiment<'_>,
    point: usize,
    tenants: &[&str],
) -> Option<Result<Figure, FigureError>> {
    let of_policy = |policy| (policy, experiment.gains(point, policy));
    let mut gains: Vec<(Policy, Vec<TenantGain<'_>>)> =
        experiment.compared().into_iter().map(of_policy).collect();
    gains.retain(|(_, gains)| !gains.is_empty());
    if gains.is_empty() {
        return None;
    }
    let all = gains.iter().flat_map(|(_, gains)| gains).filter_map(|tenant| tenant.gain);
    let limit = limit(all);
    let of_point = at_point(experiment, point);
    let description = format!(
        "Throughput of each of {} tenants{of_point} over what its static base share gives it, one bar for each policy; the \
         dashed line is the base. A bar that is longer than the axis has its number on top. The numbers are in the tables \
         below.",
        tenants.len()
    );
    let policies: Vec<Policy> = gains.iter().map(|(policy, _)| *policy).collect();
    let legend = Legend::of(&policies, Key::Fill);
    // Rows of equal length: 16 tenants are two rows of eight, 9 are five and four.
    let rows = tenants.len().div_ceil(GROUPS_PER_ROW).max(1);
    let per_row = tenants.len().div_ceil(rows).max(1);
    let grid = Grid::new(1, legend.height(), 380);
    let title = format!("Normalised throughput per tenant{of_point}");
    let draft = Draft::new(&kind("normalised", point), title, description);
    Some(draft.finish(experiment, grid.height(rows), |area| {
        legend.draw(area, TITLE_HEIGHT + 8)?;
        for (row, names) in tenants.chunks(per_row).enumerate() {
            let mut labels: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            // The last row may be shorter: its bars are as wide as those above.
            labels.resize(per_row, String::new());
            let x = Axis::places(if row + 1 == rows { "tenant" } else { "" }, labels);
            let y = Axis::from_zero("× throughput of base", limit, number);
            let plot = Plot::open(area, grid.frame(row), "", (&x, &y))?;
            groups(area, &plot, names, &gains, y.to)?;
            plot.level(1.0, INK, Some((8, 6)))?;
        }
        Ok(())
    }))
}

/// The bars of one row.
fn groups(
    area: &Area<'_>,
    plot: &Plot<'_, '_>,
    names: &[&str],
    gains: &[(Policy, Vec<TenantGain<'_>>)],
    axis_ends: f64,
) -> Result<(), DrawError> {
    let width = FILLED / gains.len() as f64;
    for (place, name) in names.iter().enumerate() {
        for (index, (policy, gains)) in gains.iter().enumerate() {
            let of_tenant = gains.iter().find(|tenant| tenant.tenant == *name);
            let Some(gain) = of_tenant.and_then(|tenant| tenant.gain) else { continue };
            let from = place as f64 - FILLED / 2.0 + index as f64 * width;
            plot.bar(from, from + width, gain, of_policy(*policy))?;
            if gain > axis_ends {
                let (x, y) = plot.at(from + width / 2.0, axis_ends);
                let digits = if gain < 9.95 { 1 } else { 0 };
                let text = format!("{gain:.digits$}×");
                write_along(area, &text, (x - canvas::SMALL / 2, y - 6), SMALL)?;
            }
        }
    }
    Ok(())
}
