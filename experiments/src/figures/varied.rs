//! Throughput and shares over what is varied: one line for each policy, one column for each tenant.

use super::axis::Axis;
use super::canvas::{self, DrawError, number};
use super::legend::{Key, Legend};
use super::palette::of_policy;
use super::plot::Plot;
use super::{Draft, Figure, FigureError, Grid, MOST_COLUMNS};
use crate::outcome::TenantOutcome;
use crate::results::{Experiment, Summary, sane};
use crate::spec::Policy;

const PLOT_HEIGHT: i32 = 230;

/// What one row of plots shows of a tenant.
struct Row {
    name: &'static str,
    of: fn(&TenantOutcome) -> f64,
    /// A share, which a policy without partitions does not have.
    is_share: bool,
    in_bytes: bool,
}

const ROWS: [Row; 5] = [
    Row {
        name: "requests/s",
        of: |tenant| tenant.throughput_per_s,
        is_share: false,
        in_bytes: false,
    },
    Row {
        name: "cache",
        of: |tenant| tenant.share.cache_bytes as f64,
        is_share: true,
        in_bytes: true,
    },
    Row {
        name: "read units/s",
        of: |tenant| tenant.share.read_units_per_s,
        is_share: true,
        in_bytes: false,
    },
    Row {
        name: "write units/s",
        of: |tenant| tenant.share.write_units_per_s,
        is_share: true,
        in_bytes: false,
    },
    Row {
        name: "network, bytes/s",
        of: |tenant| tenant.share.net_bytes_per_s,
        is_share: true,
        in_bytes: true,
    },
];

/// Nothing if nothing is varied.
pub(super) fn draw(experiment: &Experiment<'_>) -> Result<Option<Figure>, FigureError> {
    let Some(vary) = &experiment.spec.vary else { return Ok(None) };
    let points = experiment.points();
    let tenants = experiment.tenants();
    if tenants.len() > MOST_COLUMNS {
        // Two points are no line; they have bars.
        if points.len() < 3 {
            return Ok(None);
        }
        return extremes(experiment, &vary.label, &points).map(Some);
    }
    let title = format!("Throughput and shares over: {}", vary.label);
    let description = format!(
        "Requests per second and the four resource shares of {} tenants (columns) at {} values of “{}”, one line for each \
         policy. The numbers of throughput are in the tables below.",
        tenants.len(),
        points.len(),
        vary.label
    );
    let legend = Legend::of(&experiment.policies(), Key::Line);
    let grid = Grid::new(tenants.len(), legend.height(), PLOT_HEIGHT);
    let height = grid.height(ROWS.len() * tenants.len());
    Draft::new("varied", title, description)
        .finish(experiment, height, |area| {
            legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
            for (row_number, row) in ROWS.iter().enumerate() {
                // One scale for a row: tenants can be compared.
                let y = row.axis(experiment, &points);
                for (column, tenant) in tenants.iter().enumerate() {
                    let x = Axis::places(
                        if row_number + 1 == ROWS.len() { &vary.label } else { "" },
                        points.iter().map(|point| experiment.point_label(*point).to_owned()),
                    );
                    let frame = grid.frame(row_number * tenants.len() + column);
                    let title = if row_number == 0 { *tenant } else { "" };
                    let mut y = y.clone();
                    if column > 0 {
                        y.name.clear();
                    }
                    let plot = Plot::open(area, frame, title, (&x, &y))?;
                    row.lines(&plot, experiment, &points, tenant)?;
                }
            }
            Ok(())
        })
        .map(Some)
}

impl Row {
    fn policies(&self, experiment: &Experiment<'_>) -> Vec<Policy> {
        let mut policies = experiment.policies();
        policies.retain(|policy| !self.is_share || *policy != Policy::NonPartitioned);
        policies
    }

    fn value(
        &self,
        experiment: &Experiment<'_>,
        point: usize,
        policy: Policy,
        name: &str,
    ) -> Option<f64> {
        let run = experiment.run(point, policy)?;
        let tenant = run.tenants.iter().find(|tenant| tenant.name == name)?;
        sane((self.of)(tenant))
    }

    fn axis(&self, experiment: &Experiment<'_>, points: &[usize]) -> Axis {
        let mut largest = 0.0_f64;
        for policy in self.policies(experiment) {
            for point in points {
                let run = experiment.run(*point, policy);
                for tenant in run.iter().flat_map(|run| &run.tenants) {
                    largest = largest.max(sane((self.of)(tenant)).unwrap_or(0.0));
                }
            }
        }
        if self.in_bytes {
            Axis::of_bytes(self.name, largest)
        } else {
            Axis::from_zero(self.name, largest, number)
        }
    }

    fn lines(
        &self,
        plot: &Plot<'_, '_>,
        experiment: &Experiment<'_>,
        points: &[usize],
        tenant: &str,
    ) -> Result<(), DrawError> {
        for policy in self.policies(experiment) {
            let value = |(place, point): (usize, &usize)| {
                let value = self.value(experiment, *point, policy, tenant);
                (place as f64, value.unwrap_or(f64::NAN))
            };
            let line: Vec<(f64, f64)> = points.iter().enumerate().map(value).collect();
            plot.line(&line, of_policy(policy))?;
            plot.markers(&line, of_policy(policy))?;
        }
        Ok(())
    }
}

/// For many tenants: the smallest and the largest gain at each point.
fn extremes(
    experiment: &Experiment<'_>,
    label: &str,
    points: &[usize],
) -> Result<Figure, FigureError> {
    let policies = experiment.compared();
    let of = |policy: Policy, largest: bool| {
        let value = |(place, point): (usize, &usize)| {
            let summary = Summary::of(&experiment.gains(*point, policy));
            let tenant = if largest { summary.largest } else { summary.least };
            (place as f64, tenant.and_then(|tenant| tenant.gain).unwrap_or(f64::NAN))
        };
        points.iter().enumerate().map(value).collect::<Vec<(f64, f64)>>()
    };
    let title = format!("Smallest and largest gain over: {label}");
    let description = format!(
        "Normalised throughput (over that of the static base share) of the tenant that gains least and of the one that gains \
         most, at {} values of “{label}”, one line for each policy.",
        points.len()
    );
    let legend = Legend::of(&policies, Key::Line);
    let grid = Grid::new(2, legend.height(), 480);
    Draft::new("varied", title, description).finish(experiment, grid.height(2), |area| {
        legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
        for (number_of_plot, title) in
            ["tenant that gains least", "tenant that gains most"].into_iter().enumerate()
        {
            let lines: Vec<Vec<(f64, f64)>> =
                policies.iter().map(|policy| of(*policy, number_of_plot == 1)).collect();
            let values = lines.iter().flatten().map(|(_, gain)| *gain);
            let largest = values.filter(|gain| gain.is_finite()).fold(1.0, f64::max);
            let labels = points.iter().map(|point| experiment.point_label(*point).to_owned());
            let x = Axis::places(label, labels);
            let y = Axis::from_zero("× throughput of base", largest, number);
            let frame = grid.frame(number_of_plot);
            let plot = Plot::open(area, frame, title, (&x, &y))?;
            plot.level(1.0, canvas::INK, Some((6, 6)))?;
            for (policy, line) in policies.iter().zip(&lines) {
                plot.line(line, of_policy(*policy))?;
                plot.markers(line, of_policy(*policy))?;
            }
        }
        Ok(())
    })
}
