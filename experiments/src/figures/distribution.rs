//! Distribution of normalised throughput over tenants: for each policy, which part of them gains at most so much.

use super::axis::Axis;
use super::bars::limit;
use super::canvas::{self, INK, number};
use super::legend::{Key, Legend};
use super::palette::of_policy;
use super::plot::Plot;
use super::{Draft, FEW_POINTS, Figure, FigureError, Grid, at_point, kind};
use crate::results::{Experiment, TenantGain};
use crate::spec::Policy;

const TITLE: &str = "Distribution of normalised throughput over tenants";
/// Fewer gains than these are no distribution.
const FEWEST: usize = 5;
/// Steps of a line that can be told apart; more are thinned out.
const MOST_STEPS: usize = 400;
/// Markers on a line.
const MARKERS: usize = 8;

/// Nothing for a handful of tenants. One figure for each point, if points are few, else one for all of them.
pub(super) fn draw(experiment: &Experiment<'_>) -> Vec<Result<Figure, FigureError>> {
    if experiment.tenants().len() < FEWEST {
        return Vec::new();
    }
    let points = experiment.points();
    if points.len() > FEW_POINTS {
        let draft = |description| {
            Draft::new("distribution", format!("{TITLE}, all points together"), description)
        };
        return of_gains(experiment, |policy| experiment.all_gains(policy), draft)
            .into_iter()
            .collect();
    }
    let at = |point: usize| {
        let title = format!("{TITLE}{}", at_point(experiment, point));
        let draft = |description| Draft::new(&kind("distribution", point), title, description);
        of_gains(experiment, |policy| experiment.gains(point, policy), draft)
    };
    points.into_iter().filter_map(at).collect()
}

fn of_gains<'a>(
    experiment: &Experiment<'a>,
    gains_of: impl Fn(Policy) -> Vec<TenantGain<'a>>,
    draft: impl FnOnce(String) -> Draft,
) -> Option<Result<Figure, FigureError>> {
    let sorted = |policy: Policy| {
        let mut gains: Vec<f64> =
            gains_of(policy).iter().filter_map(|tenant| tenant.gain).collect();
        gains.sort_by(f64::total_cmp);
        (policy, gains)
    };
    let mut lines: Vec<(Policy, Vec<f64>)> =
        experiment.compared().into_iter().map(sorted).collect();
    lines.retain(|(_, gains)| !gains.is_empty());
    let most = lines.iter().map(|(_, gains)| gains.len()).max()?;
    let all = || lines.iter().flat_map(|(_, gains)| gains).copied();
    let (from, to) = (all().fold(1.0, f64::min), limit(all()));
    let margin = ((to - from) * 0.05).max(0.02);
    let beyond = match all().filter(|gain| *gain > to).count() {
        0 => String::new(),
        count => format!(" {count} gains are beyond the axis."),
    };
    let description = format!(
        "For each policy, the part of {most} gains that are at most so large. A line further to the right is better; what is \
         left of 1 fell below the static base share.{beyond}"
    );
    let policies: Vec<Policy> = lines.iter().map(|(policy, _)| *policy).collect();
    let legend = Legend::of(&policies, Key::Line);
    let grid = Grid::new(1, legend.height(), 480);
    Some(draft(description).finish(experiment, grid.height(1), |area| {
        legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
        let (from, to) = ((from - margin).max(0.0), to + margin);
        let x = Axis::between("× throughput of base", from, to, number);
        let y = Axis::between("part of tenants, %", 0.0, 104.0, number);
        let plot = Plot::open(area, grid.frame(0), "", (&x, &y))?;
        plot.upright(1.0, INK, Some((8, 6)))?;
        for (policy, gains) in &lines {
            plot.line(&steps(gains, (x.from, x.to)), of_policy(*policy))?;
            let middle = |mark: usize| {
                let rank = (2 * mark + 1) * gains.len() / (2 * MARKERS);
                (gains[rank], 100.0 * (rank as f64 + 0.5) / gains.len() as f64)
            };
            let marks = (0..MARKERS.min(gains.len())).map(middle).filter(|(x, _)| *x <= to);
            plot.markers(&marks.collect::<Vec<_>>(), of_policy(*policy))?;
        }
        Ok(())
    }))
}

/// The line goes up at each gain and right to the next.
fn steps(gains: &[f64], (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let (every, all) = (gains.len().div_ceil(MOST_STEPS).max(1), gains.len() as f64);
    let mut line = vec![(from, 0.0)];
    let mut reached = 0.0;
    for (rank, gain) in gains.iter().enumerate() {
        if *gain > to {
            line.push((to, reached));
            return line;
        }
        if (rank + 1) % every == 0 || rank + 1 == gains.len() {
            line.push((*gain, reached));
            reached = 100.0 * (rank + 1) as f64 / all;
            line.push((*gain, reached));
        }
    }
    line.push((to, 100.0));
    line
}
