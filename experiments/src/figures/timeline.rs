//! Throughput over time where decisions are periodic: one plot for each tenant with what changes marked, and below them when
//! each policy put a decision in place.

use std::time::Duration;

use hopperkv_bench::spec::Phase;
use plotters::prelude::{Color, RGBColor, Rectangle};

use super::axis::Axis;
use super::canvas::{
    self, Anchor, Area, DrawError, FAINT_INK, INK, SMALL, WIDTH, fitting, number, style, write_at,
};
use super::legend::{Key, Legend};
use super::palette::{Hatch, Look, Marker, of_policy};
use super::plot::{Frame, LEFT_ROOM, Plot, TOP_ROOM, segment};
use super::{Draft, Figure, FigureError, Grid, at_point, kind};
use crate::outcome::Interval;
use crate::results::{Experiment, sane};
use crate::spec::{Policy, Scale, Tenant, Traffic};

/// More tenants than these are drawn as their sum.
const MOST_PLOTS: usize = 8;
/// Points of one line; longer series are averaged.
const MOST_POINTS: usize = 240;
/// A run that lasts longer is a mistake of its series.
const LONGEST_S: f64 = 1e9;
const PLOT_HEIGHT: i32 = 230;
const STRIP_ROW: i32 = 38;
/// Size of what marks of changes say.
const CHANGE_TEXT: i32 = 20;
/// Of marks of what changes.
const CHANGE: RGBColor = RGBColor(0x77, 0x77, 0x77);

/// One plot: a tenant, or all of them.
struct Track {
    name: String,
    lines: Vec<(Policy, Vec<(f64, f64)>)>,
    changes: Vec<(f64, String)>,
}

/// Nothing if there was one decision at most.
pub(super) fn draw(experiment: &Experiment<'_>) -> Vec<Result<Figure, FigureError>> {
    if experiment.spec.allocator.every.is_none() {
        return Vec::new();
    }
    experiment.points().into_iter().filter_map(|point| at(experiment, point).transpose()).collect()
}

/// End of the longest series of a point, in seconds.
pub(super) fn end_s(experiment: &Experiment<'_>, point: usize) -> f64 {
    let runs = experiment.runs().filter(|run| run.point == point);
    let last = runs.flat_map(|run| &run.tenants).filter_map(|tenant| tenant.series.last());
    last.map(|interval| interval.until_s).filter(|until_s| *until_s < LONGEST_S).fold(0.0, f64::max)
}

fn at(experiment: &Experiment<'_>, point: usize) -> Result<Option<Figure>, FigureError> {
    let end_s = end_s(experiment, point);
    let names = experiment.tenants();
    let policies = experiment.policies();
    if end_s <= 0.0 || policies.is_empty() {
        return Ok(None);
    }
    // A trace may be gone since, and results may be of an older spec: then nothing is marked.
    let is_planned = point < experiment.spec.points();
    let tenants = is_planned.then(|| experiment.spec.at(point, Scale::FULL).unwrap_or_default());
    let tenants = tenants.unwrap_or_default();
    let tracks: Vec<Track> = if names.len() > MOST_PLOTS {
        vec![together(experiment, point, names.len(), end_s)]
    } else {
        let of = |name: &&str| of_tenant(experiment, point, name, &tenants, end_s);
        names.iter().map(of).collect()
    };
    let mut legend = Legend::of(&policies, Key::Line);
    if tracks.iter().any(|track| !track.changes.is_empty()) {
        let look = Look {
            color: CHANGE,
            dash: Some((4, 6)),
            marker: Marker::None,
            hatch: Hatch::None,
            width: 2,
        };
        legend.add("change of the workload", look, Key::Line);
    }
    let grid = Grid::new(1, legend.height(), PLOT_HEIGHT);
    let plots_end = grid.height(tracks.len());
    let deciding: Vec<Policy> = policies
        .into_iter()
        .filter(|p| !matches!(p, Policy::Static | Policy::NonPartitioned))
        .collect();
    let strip_rows = i32::try_from(deciding.len()).unwrap_or(0);
    let of_point = at_point(experiment, point);
    let whose = if names.len() > MOST_PLOTS { "of all tenants together" } else { "per tenant" };
    let description = format!(
        "Requests per second {whose} over time{of_point}, one line for each policy. Upright dotted lines mark changes of the \
         workload, arrivals and departures; the strip at the bottom marks when each policy put a decision in place."
    );
    Draft::new(&kind("timeline", point), format!("Throughput over time{of_point}"), description)
        .finish(experiment, plots_end + TOP_ROOM + strip_rows * STRIP_ROW + 20, |area| {
            legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
            for (number, track) in tracks.iter().enumerate() {
                let is_last = number + 1 == tracks.len();
                track.draw(area, grid.frame(number), end_s, is_last)?;
            }
            strip(area, experiment, point, &deciding, (plots_end, end_s))
        })
        .map(Some)
}

impl Track {
    fn draw(
        &self,
        area: &Area<'_>,
        frame: Frame,
        end_s: f64,
        is_last: bool,
    ) -> Result<(), DrawError> {
        let values = self.lines.iter().flat_map(|(_, line)| line).map(|(_, value)| *value);
        let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        // Room at the top for what the marks say.
        let room = if self.changes.is_empty() { 1.0 } else { 1.16 };
        let y = Axis::from_zero("requests/s", largest * room, number);
        let mut x = Axis::of_time(end_s);
        if !is_last {
            x.name.clear();
        }
        let plot = Plot::open(area, frame, &self.name, (&x, &y))?;
        for (index, (at_s, text)) in self.changes.iter().enumerate() {
            plot.upright(*at_s, CHANGE, Some((4, 6)))?;
            let next_s = self.changes.get(index + 1).map_or(end_s, |(next_s, _)| *next_s);
            let (from, to) = (plot.at(*at_s, 0.0).0, plot.at(next_s, 0.0).0);
            // A few letters of it would say nothing; what tenants ask for is in a table too.
            let short = fitting(text, to - from - 14, CHANGE_TEXT);
            if short == *text || to - from > 160 {
                let small = style(CHANGE_TEXT, FAINT_INK, Anchor::Left);
                write_at(area, &short, (from + 8, frame.top + 4), small)?;
            }
        }
        for (policy, line) in &self.lines {
            plot.line(line, of_policy(*policy))?;
            let spread = line.len() / 10;
            let marks = line.iter().skip(spread / 2).step_by(spread.max(1)).copied();
            plot.markers(&marks.collect::<Vec<_>>(), of_policy(*policy))?;
        }
        Ok(())
    }
}

fn of_tenant(
    experiment: &Experiment<'_>,
    point: usize,
    name: &str,
    tenants: &[Tenant],
    end_s: f64,
) -> Track {
    let line = |policy: Policy| {
        let run = experiment.run(point, policy)?;
        let tenant = run.tenants.iter().find(|tenant| tenant.name == name)?;
        Some((policy, points(&tenant.series, end_s)))
    };
    let mut changes = tenants.iter().find(|tenant| tenant.name == name).map_or(Vec::new(), changes);
    changes.retain(|(at_s, _)| *at_s < end_s);
    let lines = experiment.policies().into_iter().filter_map(line).collect();
    Track { name: name.to_owned(), lines, changes }
}

fn together(experiment: &Experiment<'_>, point: usize, count: usize, end_s: f64) -> Track {
    let line = |policy: Policy| {
        let run = experiment.run(point, policy)?;
        let mut sum: Vec<(f64, f64)> = Vec::new();
        for tenant in &run.tenants {
            for (slot, (at_s, value)) in points(&tenant.series, end_s).into_iter().enumerate() {
                let value = if value.is_finite() { value } else { 0.0 };
                match sum.get_mut(slot) {
                    Some(known) => known.1 += value,
                    None => sum.push((at_s, value)),
                }
            }
        }
        Some((policy, sum))
    };
    let lines = experiment.policies().into_iter().filter_map(line).collect();
    Track { name: format!("all {count} tenants"), lines, changes: Vec::new() }
}

/// Means of equal stretches of time; a stretch without any interval is no number.
fn points(series: &[Interval], end_s: f64) -> Vec<(f64, f64)> {
    let stretches = series.len().clamp(1, MOST_POINTS);
    let length_s = end_s / stretches as f64;
    let mut sums = vec![(0.0, 0.0); stretches];
    let (mut from_s, mut slot) = (0.0, 0);
    for interval in series {
        let middle_s = f64::midpoint(from_s, interval.until_s);
        let over_s = interval.until_s - from_s;
        from_s = interval.until_s;
        let known = sane(interval.throughput_per_s).filter(|_| over_s > 0.0 && middle_s >= 0.0);
        while slot + 1 < stretches && middle_s >= (slot as f64 + 1.0) * length_s {
            slot += 1;
        }
        if let Some(throughput) = known {
            sums[slot].0 += throughput * over_s;
            sums[slot].1 += over_s;
        }
    }
    let point = |(slot, (served, over_s)): (usize, (f64, f64))| {
        ((slot as f64 + 0.5) * length_s, if over_s > 0.0 { served / over_s } else { f64::NAN })
    };
    sums.into_iter().enumerate().map(point).collect()
}

/// When a tenant comes, changes and goes, in seconds, and what it is called.
fn changes(tenant: &Tenant) -> Vec<(f64, String)> {
    let mut changes = Vec::new();
    let mut at = tenant.arrives;
    if at > Duration::ZERO {
        changes.push((at.as_secs_f64(), "arrives".to_owned()));
    }
    if let Traffic::Workload(workload) = &tenant.traffic {
        for pair in workload.phases.windows(2) {
            let Some(duration) = pair[0].duration else { break };
            at += duration;
            changes.push((at.as_secs_f64(), difference(&pair[0], &pair[1])));
        }
    }
    if let Some(leaves) = tenant.leaves {
        changes.retain(|(at_s, _)| *at_s < leaves.as_secs_f64());
        changes.push((leaves.as_secs_f64(), "leaves".to_owned()));
    }
    changes
}

/// What a phase changes, in the words of the workload grammar.
fn difference(before: &Phase, after: &Phase) -> String {
    let mut parts = Vec::new();
    if after.keys != before.keys {
        parts.push(format!("n={}", count(after.keys)));
    }
    if after.key_bytes != before.key_bytes {
        parts.push(format!("k={}", after.key_bytes));
    }
    if after.value_bytes != before.value_bytes {
        parts.push(format!("v={}", after.value_bytes));
    }
    if after.write_ratio.total_cmp(&before.write_ratio).is_ne() {
        parts.push(format!("w={}", after.write_ratio));
    }
    if after.distribution != before.distribution {
        parts.push(after.distribution.to_string());
    }
    parts.join(",")
}

/// As the workload grammar writes it.
fn count(keys: u64) -> String {
    match keys {
        millions if millions % 1_000_000 == 0 => format!("{}m", millions / 1_000_000),
        thousands if thousands % 1_000 == 0 => format!("{}k", thousands / 1_000),
        other => other.to_string(),
    }
}

/// When decisions were put in place: a row for each policy, on the scale of the plots above.
fn strip(
    area: &Area<'_>,
    experiment: &Experiment<'_>,
    point: usize,
    policies: &[Policy],
    (top, end_s): (i32, f64),
) -> Result<(), DrawError> {
    let width = WIDTH - LEFT_ROOM - 36;
    let heading = style(canvas::TEXT, INK, Anchor::Left);
    write_at(area, "decisions put in place", (LEFT_ROOM, top), heading)?;
    for (row, policy) in policies.iter().enumerate() {
        let y = top + TOP_ROOM + STRIP_ROW * i32::try_from(row).unwrap_or(0);
        let name = fitting(policy.name(), LEFT_ROOM - 20, SMALL - 3);
        let right = style(SMALL - 3, FAINT_INK, Anchor::Right);
        write_at(area, &name, (LEFT_ROOM - 12, y + 2), right)?;
        let base = y + STRIP_ROW - 8;
        segment(area, (LEFT_ROOM, base), (LEFT_ROOM + width, base), canvas::GRID, None)?;
        let decisions = experiment.run(point, *policy).map_or(&[][..], |run| &run.decisions);
        for decision in decisions.iter().filter(|decision| decision.applied) {
            if (0.0..=end_s).contains(&decision.at_s) {
                let x = LEFT_ROOM + canvas::pixels(f64::from(width) * decision.at_s / end_s);
                let color = of_policy(*policy).color;
                area.draw(&Rectangle::new([(x - 2, y), (x + 2, base)], color.filled()))?;
            }
        }
    }
    Ok(())
}
