//! Miss-ratio curves as the last decision saw them, with the base cache and the cache each policy gave at the end.

use super::axis::Axis;
use super::canvas::{self, Area, DrawError, INK, number};
use super::legend::{Key, Legend};
use super::palette::{Hatch, Look, Marker, of_policy};
use super::plot::Plot;
use super::{Draft, Figure, FigureError, Grid, at_point};
use crate::outcome::{Outcome, TenantOutcome};
use crate::results::{Experiment, Summary};
use crate::spec::Policy;

/// Plots of one figure; the tenants whose cache changed most are drawn.
const MOST_PLOTS: usize = 8;
/// Caches beyond this many bytes are no caches, and are not drawn.
const LARGEST: f64 = 1e15;
/// Points of one curve.
const MOST_POINTS: usize = 200;

/// Nothing if no decision saw a curve.
pub(super) fn draw(experiment: &Experiment<'_>) -> Result<Option<Figure>, FigureError> {
    let Some(run) = with_curves(experiment) else { return Ok(None) };
    let mut tenants: Vec<&TenantOutcome> =
        run.tenants.iter().filter(|tenant| !points(tenant).is_empty()).collect();
    let all = tenants.len();
    if all > MOST_PLOTS {
        let moved = |tenant: &&TenantOutcome| {
            let (share, base) = (tenant.share.cache_bytes as f64, tenant.base.cache_bytes as f64);
            (share / base.max(1.0)).max(1e-9).ln().abs()
        };
        tenants.sort_by(|a, b| moved(b).total_cmp(&moved(a)));
        tenants.truncate(MOST_PLOTS);
    }
    let policies: Vec<Policy> = experiment
        .compared()
        .into_iter()
        .filter(|policy| *policy != Policy::NonPartitioned)
        .filter(|policy| experiment.run(run.point, *policy).is_some())
        .collect();
    let value = at_point(experiment, run.point);
    let chosen = if all > tenants.len() {
        format!("the {} of {all} tenants whose cache changed most", tenants.len())
    } else {
        format!("{all} tenants")
    };
    let description = format!(
        "Miss ratio over cache size of {chosen}{value}, as the last decision of {} saw it; the dashed line is the base cache, \
         markers are the cache that each policy gave at the end.",
        run.policy
    );
    let mut legend = Legend::default();
    legend.add("base cache", of_policy(Policy::Static), Key::Line);
    for policy in &policies {
        legend.add(policy.name(), of_policy(*policy), Key::Marker);
    }
    let grid = Grid::new(tenants.len().min(2), legend.height(), 300);
    Draft::new("curves", format!("Miss-ratio curves{value}"), description)
        .finish(experiment, grid.height(tenants.len()), |area| {
            legend.draw(area, canvas::TITLE_HEIGHT + 8)?;
            for (index, tenant) in tenants.iter().enumerate() {
                let place = (index, tenants.len());
                one(
                    area,
                    grid,
                    place,
                    (tenant, &caches(experiment, run.point, &policies, tenant)),
                )?;
            }
            Ok(())
        })
        .map(Some)
}

/// Final caches of one tenant, by policy.
fn caches(
    experiment: &Experiment<'_>,
    point: usize,
    policies: &[Policy],
    tenant: &TenantOutcome,
) -> Vec<(Policy, f64)> {
    let of_policy = |policy: &Policy| {
        let run = experiment.run(point, *policy)?;
        let found = run.tenants.iter().find(|other| other.name == tenant.name)?;
        Some((*policy, found.share.cache_bytes as f64))
    };
    policies.iter().filter_map(of_policy).filter(|(_, cache)| *cache < LARGEST).collect()
}

/// The plot of one tenant.
fn one(
    area: &Area<'_>,
    grid: Grid,
    (index, of): (usize, usize),
    (tenant, caches): (&TenantOutcome, &[(Policy, f64)]),
) -> Result<(), DrawError> {
    let curve = points(tenant);
    let base = tenant.base.cache_bytes as f64;
    let ends = caches.iter().map(|(_, cache)| *cache);
    let ends = ends.chain(curve.last().map(|(size, _)| *size)).fold(base.min(LARGEST), f64::max);
    let mut x = Axis::of_bytes(if index + 2 >= of { "cache" } else { "" }, ends);
    // Curves end a little beyond a power of two; another step for that would be an empty strip.
    x.to = ends * 1.03;
    x.ticks.retain(|(size, _)| *size <= ends * 1.03);
    let y = Axis::between(if index % 2 == 0 { "miss ratio" } else { "" }, 0.0, 1.04, number);
    let plot = Plot::open(area, grid.frame(index), &tenant.name, (&x, &y))?;
    if base < LARGEST {
        plot.upright(base, INK, Some((6, 6)))?;
    }
    let look = Look { color: INK, dash: None, marker: Marker::None, hatch: Hatch::None, width: 4 };
    plot.line(&curve, look)?;
    for (policy, cache) in caches {
        plot.markers(&[(*cache, miss_ratio(&curve, *cache))], of_policy(*policy))?;
    }
    Ok(())
}

/// The run whose curves are drawn: of the point with the largest gain, by the policy we care for most.
fn with_curves<'a>(experiment: &Experiment<'a>) -> Option<&'a Outcome> {
    let has = |run: &&Outcome| run.tenants.iter().any(|tenant| !points(tenant).is_empty());
    let gain = |run: &Outcome| {
        let summary = Summary::of(&experiment.gains(run.point, run.policy));
        summary.largest.and_then(|tenant| tenant.gain).unwrap_or(0.0)
    };
    let order = [Policy::Ours, Policy::Hare, Policy::Memshare, Policy::Drf, Policy::Static];
    order.into_iter().find_map(|policy| {
        let runs = experiment.runs().filter(|run| run.policy == policy).filter(has);
        runs.max_by(|a, b| gain(a).total_cmp(&gain(b)))
    })
}

/// What can be drawn of a curve, from no cache on, in order.
fn points(tenant: &TenantOutcome) -> Vec<(f64, f64)> {
    let known =
        tenant.curve.iter().filter(|(size, miss)| (*size as f64) < LARGEST && miss.is_finite());
    let mut points: Vec<(f64, f64)> =
        known.map(|(size, miss)| (*size as f64, miss.clamp(0.0, 1.0))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    if points.first().is_some_and(|(size, _)| *size > 0.0) {
        points.insert(0, (0.0, 1.0));
    }
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let keep = |(index, point)| (index % every == 0 || index == last).then_some(point);
    points.into_iter().enumerate().filter_map(keep).collect()
}

/// Linear between points, the last value beyond them.
fn miss_ratio(curve: &[(f64, f64)], cache: f64) -> f64 {
    let above = curve.partition_point(|(size, _)| *size < cache);
    match (curve.get(above.wrapping_sub(1)), curve.get(above)) {
        (Some((x1, y1)), Some((x2, y2))) => y1 + (y2 - y1) * (cache - x1) / (x2 - x1),
        (Some((_, miss)), None) | (None, Some((_, miss))) => *miss,
        (None, None) => 1.0,
    }
}
