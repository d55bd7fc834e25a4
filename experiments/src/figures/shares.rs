//! Shares over time where decisions are periodic: for each policy, the tenants' shares of the four resources on top of each
//! other.

use std::collections::HashMap;

use plotters::prelude::{Color, RGBColor, Rectangle};

use super::axis::Axis;
use super::canvas::{self, Anchor, Area, DrawError, INK, SMALL, number, style, write_at};
use super::legend::{Key, Legend};
use super::palette::{Hatch, Look, Marker, OF_OTHERS, TENANTS, of_tenant};
use super::plot::Plot;
use super::timeline::end_s;
use super::{Draft, Figure, FigureError, Grid, at_point, kind};
use crate::outcome::{Outcome, TenantOutcome};
use crate::results::{Experiment, sane};
use crate::spec::Policy;
use hare::Resources;

/// A tenant that never has so much of anything, in percent, would be a line and no band.
const LEAST_PART: f64 = 1.0;
/// Points of one edge.
const MOST_POINTS: usize = 180;
/// Least height of a band that is labelled, in percent.
const LABELLED: f64 = 13.0;

type Part = fn(&Resources) -> f64;

/// Name and value of each resource.
const RESOURCES: [(&str, Part); 4] = [
    ("cache", |share| share.cache_bytes as f64),
    ("read units/s", |share| share.read_units_per_s),
    ("write units/s", |share| share.write_units_per_s),
    ("network", |share| share.net_bytes_per_s),
];

/// One figure for each policy that moves shares.
pub(super) fn draw(experiment: &Experiment<'_>) -> Vec<Result<Figure, FigureError>> {
    let mut figures = Vec::new();
    if experiment.spec.allocator.every.is_none() {
        return figures;
    }
    for point in experiment.points() {
        let policies = experiment.compared().into_iter();
        let runs: Vec<&Outcome> = policies
            .filter(|policy| *policy != Policy::NonPartitioned)
            .filter_map(|policy| experiment.run(point, policy))
            .collect();
        let end_s = end_s(experiment, point);
        let own = with_bands(&runs);
        // Where everybody is a sliver there is nothing to be seen.
        if end_s > 0.0 && !own.is_empty() {
            figures.extend(runs.iter().map(|run| of_run(experiment, run, end_s, &own)));
        }
    }
    figures
}

/// Who has a band of its own, the same in all runs: all if that is few enough, else the largest in any run and resource.
fn with_bands<'a>(runs: &[&'a Outcome]) -> Vec<&'a str> {
    let mut largest: Vec<(&str, f64)> = Vec::new();
    let mut place: HashMap<&str, usize> = HashMap::new();
    for run in runs {
        for (_, of) in RESOURCES {
            let most = |tenant: &TenantOutcome| {
                let shares = tenant.series.iter().filter_map(|interval| sane(of(&interval.share)));
                shares.fold(0.0, f64::max)
            };
            let all: f64 = run.tenants.iter().filter_map(|tenant| sane(of(&tenant.base))).sum();
            for tenant in &run.tenants {
                let index = *place.entry(&tenant.name).or_insert_with(|| {
                    largest.push((&tenant.name, 0.0));
                    largest.len() - 1
                });
                largest[index].1 = largest[index].1.max(100.0 * most(tenant) / all.max(1e-9));
            }
        }
    }
    if largest.len() > TENANTS {
        let mut parts: Vec<f64> = largest.iter().map(|(_, part)| *part).collect();
        parts.sort_by(|a, b| b.total_cmp(a));
        let least = parts[TENANTS - 1].max(LEAST_PART);
        // Of equals the first, in the order of the spec.
        largest.retain(|(_, part)| *part >= least);
        largest.truncate(TENANTS);
    }
    largest.into_iter().map(|(name, _)| name).collect()
}

fn of_run(
    experiment: &Experiment<'_>,
    run: &Outcome,
    end_s: f64,
    own: &[&str],
) -> Result<Figure, FigureError> {
    let mut names: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
    let others = run.tenants.iter().filter(|tenant| !own.contains(&tenant.name.as_str())).count();
    if others > 0 {
        names.push(format!("{others} others"));
    }
    let policy = run.policy;
    let value = at_point(experiment, run.point);
    let description = format!(
        "Each tenant's part of cache, read units, write units and network over time under {policy}{value}, in percent of all, \
         as areas on top of each other: {} from bottom to top.",
        names.join(", ")
    );
    let mut legend = Legend::default();
    for (number, name) in names.iter().enumerate() {
        legend.add(name, look(fill(number, own.len())), Key::Fill);
    }
    let grid = Grid::new(2, legend.height(), 300);
    let title = format!("Shares over time under {policy}{value}");
    Draft::new(&kind(&format!("shares-{policy}"), run.point), title, description).finish(
        experiment,
        grid.height(RESOURCES.len()),
        |area| {
            legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
            for (index, (title, of)) in RESOURCES.iter().enumerate() {
                let x = Axis::of_time(end_s);
                let name = if index % 2 == 0 { "part of all, %" } else { "" };
                let y = Axis::between(name, 0.0, 100.0, number);
                let plot = Plot::open(area, grid.frame(index), title, (&x, &y))?;
                bands(area, &plot, &stacked(run, own, end_s, *of), &names, own.len())?;
            }
            Ok(())
        },
    )
}

/// The others, who come last, are grey.
fn fill(number: usize, own: usize) -> RGBColor {
    if number < own { of_tenant(number) } else { OF_OTHERS }
}

fn look(color: RGBColor) -> Look {
    Look { color, dash: None, marker: Marker::None, hatch: Hatch::None, width: 2 }
}

/// For each band, and one for all others, its edges: time, lower and upper edge in percent.
fn stacked(run: &Outcome, own: &[&str], end_s: f64, of: Part) -> Vec<Vec<(f64, f64, f64)>> {
    let bands = own.len() + 1;
    let place: HashMap<&str, usize> = own.iter().copied().zip(0..).collect();
    let longest = run.tenants.iter().map(|tenant| tenant.series.len()).max().unwrap_or(0);
    let samples = longest.clamp(2, MOST_POINTS);
    let mut edges = vec![Vec::with_capacity(samples); bands];
    let mut at = vec![0_usize; run.tenants.len()];
    for sample in 0..samples {
        let time_s = end_s * sample as f64 / (samples - 1) as f64;
        let mut parts = vec![0.0; bands];
        for (number, tenant) in run.tenants.iter().enumerate() {
            let position = &mut at[number];
            while tenant.series.get(*position).is_some_and(|interval| interval.until_s < time_s) {
                *position += 1;
            }
            // Nothing before it arrived, nothing after it left.
            let share = tenant.series.get(*position).map_or(0.0, |interval| of(&interval.share));
            let band = place.get(tenant.name.as_str()).copied().unwrap_or(own.len());
            parts[band] += sane(share).unwrap_or(0.0);
        }
        let all: f64 = parts.iter().sum();
        let mut below = 0.0;
        for (band, part) in parts.iter().enumerate() {
            let above = if all > 0.0 { below + 100.0 * part / all } else { below };
            edges[band].push((time_s, below, above.min(100.0)));
            below = above.min(100.0);
        }
    }
    edges
}

/// The areas, named where they are widest.
fn bands(
    area: &Area<'_>,
    plot: &Plot<'_, '_>,
    edges: &[Vec<(f64, f64, f64)>],
    names: &[String],
    own: usize,
) -> Result<(), DrawError> {
    for (number, band) in edges.iter().enumerate().take(names.len()) {
        plot.band(band, fill(number, own))?;
    }
    for (band, name) in edges.iter().zip(names) {
        let name = canvas::fitting(name, plot.frame.width / 4, SMALL);
        let half = canvas::text_width(&name, SMALL) / 2 + 6;
        let part = f64::from(half) / f64::from(plot.frame.width);
        let Some((at, lower, upper)) = widest(band, part) else { continue };
        if upper - lower >= LABELLED {
            let (x, y) = plot.at(band[at].0, f64::midpoint(lower, upper));
            let white = RGBColor(0xff, 0xff, 0xff);
            let corners = [(x - half, y - 16), (x + half, y + 16)];
            area.draw(&Rectangle::new(corners, white.filled()))?;
            write_at(area, &name, (x, y - SMALL / 2), style(SMALL, INK, Anchor::Middle))?;
        }
    }
    Ok(())
}

/// Where a name that takes this part of the width on either side fits best, with the edges of the band there: where the band is
/// wide, rather in the middle than at the ends.
fn widest(band: &[(f64, f64, f64)], part: f64) -> Option<(usize, f64, f64)> {
    let count = band.len();
    let reach = (1..count).find(|reach| *reach as f64 >= part * count as f64)?;
    let room = |at: usize| {
        let near = &band[at - reach..=at + reach];
        let lower = near.iter().map(|(_, lower, _)| *lower).fold(0.0, f64::max);
        let upper = near.iter().map(|(_, _, upper)| *upper).fold(100.0, f64::min);
        let from_middle = (at as f64 / count as f64 - 0.5).abs();
        (upper - lower - 4.0 * from_middle, (at, lower, upper))
    };
    let places = (reach..count.saturating_sub(reach)).map(room);
    places.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place)| place)
}
