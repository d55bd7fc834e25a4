//! Live against simulated: the same spec, scale, point, policy and tenant by both engines, side by side. The simulation is
//! believed as far as this table goes.

use std::collections::HashMap;

use hare::Resources;

use super::document::{Cell, Document, Table};
use super::wording::{UNKNOWN, percent, scale, signed};
use crate::outcome::TenantOutcome;
use crate::results::{Experiment, sane};
use crate::spec::{Engine, Policy};

/// Throughputs may differ by this part.
const THROUGHPUT_BAR: f64 = 0.05;
/// Hit ratios may differ by this much.
const HIT_RATIO_BAR: f64 = 0.02;
/// Shares that differ by less than this part are the same.
const LEAST_SHARE: f64 = 0.005;
/// Rows of one table.
const MOST_ROWS: usize = 64;

/// One tenant of one run by both engines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair<'a> {
    pub(super) point: usize,
    pub(super) policy: Policy,
    pub(super) tenant: &'a str,
    /// Simulated over live throughput, less 1; `None` if it was nothing live only, or one of them is no number.
    pub(super) throughput_off: Option<f64>,
    /// Simulated less live hit ratio; `None` without partitions, where live runs know but that of all together.
    pub(super) hit_ratio_off: Option<f64>,
    /// Simulated over live share, less 1, of the resource where that differs most. Engines that decide differently serve
    /// differently.
    pub(super) share_off: f64,
}

/// Both engines' runs of one spec at one scale.
#[derive(Debug)]
pub(super) struct Comparison<'e, 'a> {
    pub(super) experiment: &'e Experiment<'a>,
    pub(super) pairs: Vec<Pair<'a>>,
}

impl<'a> Pair<'a> {
    fn new(point: usize, policy: Policy, live: &'a TenantOutcome, sim: &TenantOutcome) -> Self {
        let served = (sane(sim.throughput_per_s), sane(live.throughput_per_s));
        let throughput_off = match served {
            (Some(sim), Some(live)) if live > 0.0 => Some(sim / live - 1.0),
            // Nothing by both is agreement.
            (Some(sim), Some(_)) if sim <= 0.0 => Some(0.0),
            _ => None,
        };
        let hits = sane(sim.hit_ratio).zip(sane(live.hit_ratio));
        let hits = hits.filter(|_| policy != Policy::NonPartitioned);
        let hit_ratio_off = hits.map(|(sim, live)| sim - live);
        let share_off = share_off(&sim.share, &live.share);
        Self { point, policy, tenant: &live.name, throughput_off, hit_ratio_off, share_off }
    }

    pub(super) fn meets_throughput(&self) -> bool {
        self.throughput_off.is_some_and(|off| off.abs() <= THROUGHPUT_BAR + 1e-9)
    }

    /// Not known to be beyond the bar.
    pub(super) fn meets_hit_ratio(&self) -> bool {
        self.hit_ratio_off.is_none_or(|off| off.abs() <= HIT_RATIO_BAR + 1e-9)
    }

    /// How far it is beyond its bars, for the order of what is shown.
    fn severity(&self) -> f64 {
        let throughput = self.throughput_off.map_or(f64::MAX, |off| off.abs() / THROUGHPUT_BAR);
        let hit_ratio = self.hit_ratio_off.map_or(0.0, |off| off.abs() / HIT_RATIO_BAR);
        throughput.max(hit_ratio)
    }
}

/// The largest difference of two shares, as a part of the live one.
fn share_off(sim: &Resources, live: &Resources) -> f64 {
    let parts = |share: &Resources| {
        [
            share.cache_bytes as f64,
            share.read_units_per_s,
            share.write_units_per_s,
            share.net_bytes_per_s,
        ]
    };
    let off = parts(sim).into_iter().zip(parts(live)).filter_map(|(sim, live)| {
        let (sim, live) = (sane(sim)?, sane(live).filter(|live| *live > 0.0)?);
        Some(sim / live - 1.0)
    });
    off.fold(0.0, |most: f64, off| if off.abs() > most.abs() { off } else { most })
}

impl<'e, 'a> Comparison<'e, 'a> {
    /// Every live experiment with the simulated one of the same scale, of the same seed if there is one.
    pub(super) fn all(experiments: &'e [Experiment<'a>]) -> Vec<Self> {
        let live = experiments.iter().filter(|experiment| experiment.engine == Engine::Live);
        let of_live = |live: &'e Experiment<'a>| {
            let same = |other: &&Experiment<'a>| {
                other.engine == Engine::Sim
                    && other.spec.name == live.spec.name
                    && (other.scale / live.scale - 1.0).abs() < 1e-9
            };
            let simulated = experiments.iter().filter(same);
            let simulated = simulated.min_by_key(|other| other.seed != live.seed)?;
            let pairs = pairs(live, simulated);
            (!pairs.is_empty()).then_some(Self { experiment: live, pairs })
        };
        live.filter_map(of_live).collect()
    }
}

fn pairs<'a>(live: &Experiment<'a>, simulated: &Experiment<'a>) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for run in live.runs() {
        let Some(other) = simulated.run(run.point, run.policy) else { continue };
        let by_name: HashMap<&str, &TenantOutcome> =
            other.tenants.iter().map(|tenant| (tenant.name.as_str(), tenant)).collect();
        for tenant in &run.tenants {
            if let Some(sim) = by_name.get(tenant.name.as_str()) {
                pairs.push(Pair::new(run.point, run.policy, tenant, sim));
            }
        }
    }
    pairs
}

/// The chapter that says how far the simulation can be believed.
pub(super) fn write(document: &mut Document, experiments: &[Experiment<'_>]) {
    document.heading(2, "validation", "Live against simulated");
    let comparisons = Comparison::all(experiments);
    let bars = "within 5 % for throughput and 0.02 for the hit ratio";
    if comparisons.is_empty() {
        document.warning(format!(
            "No experiment has runs by both engines at the same scale, so nothing here says how far the simulation can be \
             believed. Run one with `--engine live` and with `--engine sim` at the same `--scale`; the bars are {bars}."
        ));
        return;
    }
    let all: Vec<&Pair<'_>> = comparisons.iter().flat_map(|of_spec| &of_spec.pairs).collect();
    let count = |met: fn(&Pair<'_>) -> bool| all.iter().filter(|pair| met(pair)).count();
    document.paragraph(format!(
        "Simulated over live throughput, and simulated less live hit ratio, for each tenant of each run that both engines made \
         at the same scale; the bars are {bars}. Of {} comparisons {} meet the bar of throughput and {} of {} that of the hit \
         ratio. Both engines decide on what they learned themselves: where their decisions gave different shares, the largest \
         difference of any of the four is told, and throughput can be expected to differ by as much. Without partitions live \
         runs know the hit ratio of all tenants together only, and it is not compared.",
        all.len(),
        count(|pair| pair.meets_throughput()),
        count(|pair| pair.hit_ratio_off.is_some() && pair.meets_hit_ratio()),
        count(|pair| pair.hit_ratio_off.is_some()),
    ));
    if let Some(words) = noise(&comparisons) {
        document.warning(words);
    }
    document.table(summary(&comparisons));
    for comparison in &comparisons {
        document.table(tenants(comparison));
    }
}

/// Live runs that were disturbed prove nothing, neither way.
fn noise(comparisons: &[Comparison<'_, '_>]) -> Option<String> {
    let runs = || comparisons.iter().flat_map(|of_spec| of_spec.experiment.runs());
    let noted = runs().filter(|run| !run.notes.is_empty()).count();
    (noted > 0).then(|| {
        format!(
            "{noted} of {} live runs say that the machine was busy or the processors were the limit; their notes are in the \
             chapters of the experiments. Differences of these runs may be the machine's.",
            runs().count()
        )
    })
}

/// How many meet the bars, by spec and policy.
fn summary(comparisons: &[Comparison<'_, '_>]) -> Table {
    let head = [
        "experiment",
        "scale",
        "policy",
        "throughput within 5 %",
        "furthest",
        "hit ratio within 0.02",
        "furthest",
        "shares differ by up to",
    ];
    let mut table = Table::new("Comparisons that meet the bars, by experiment and policy", head);
    for comparison in comparisons {
        for policy in Policy::ALL {
            let pairs: Vec<&Pair<'_>> =
                comparison.pairs.iter().filter(|pair| pair.policy == policy).collect();
            if pairs.is_empty() {
                continue;
            }
            let met = |met: fn(&Pair<'_>) -> bool, known: fn(&Pair<'_>) -> bool| {
                let all = pairs.iter().filter(|pair| known(pair)).count();
                let count = pairs.iter().filter(|pair| known(pair) && met(pair)).count();
                if all == 0 {
                    return Cell::from(UNKNOWN);
                }
                Cell::marked(format!("{count} of {all}"), count < all)
            };
            let furthest = |of: fn(&Pair<'_>) -> Option<f64>| {
                let values = pairs.iter().filter_map(|pair| of(pair));
                values.max_by(|a, b| a.abs().total_cmp(&b.abs()))
            };
            table.row([
                comparison.experiment.spec.name.as_str().into(),
                scale(comparison.experiment.scale).into(),
                policy.name().into(),
                met(|pair| pair.meets_throughput(), |_| true),
                furthest(|pair| pair.throughput_off)
                    .map_or(UNKNOWN.into(), |off| percent(off).into()),
                met(|pair| pair.meets_hit_ratio(), |pair| pair.hit_ratio_off.is_some()),
                furthest(|pair| pair.hit_ratio_off)
                    .map_or(UNKNOWN.into(), |off| signed(off, 3).into()),
                furthest(|pair| Some(pair.share_off))
                    .map_or(UNKNOWN.into(), |off| percent(off).into()),
            ]);
        }
    }
    table
}

/// Every tenant of a spec: one row each, one column for each policy.
fn tenants(comparison: &Comparison<'_, '_>) -> Table {
    let experiment = comparison.experiment;
    let policies: Vec<Policy> = Policy::ALL
        .into_iter()
        .filter(|policy| comparison.pairs.iter().any(|pair| pair.policy == *policy))
        .collect();
    let head = std::iter::once("tenant").chain(policies.iter().map(|policy| policy.name()));
    let mut caption = format!(
        "{} at scale {}: throughput, hit ratio; largest difference of shares (simulated against live)",
        experiment.spec.name,
        scale(experiment.scale)
    );
    let mut rows: Vec<(usize, &str, Vec<&Pair<'_>>)> = Vec::new();
    let mut place: HashMap<(usize, &str), usize> = HashMap::new();
    for pair in &comparison.pairs {
        let key = (pair.point, pair.tenant);
        let index = *place.entry(key).or_insert_with(|| {
            rows.push((pair.point, pair.tenant, Vec::new()));
            rows.len() - 1
        });
        rows[index].2.push(pair);
    }
    if rows.len() > MOST_ROWS {
        let worst = |pairs: &[&Pair<'_>]| pairs.iter().map(|p| p.severity()).fold(0.0, f64::max);
        rows.sort_by(|a, b| worst(&b.2).total_cmp(&worst(&a.2)));
        caption.push_str(&format!("; the {MOST_ROWS} of {} that differ most", rows.len()));
        rows.truncate(MOST_ROWS);
    }
    let mut table = Table::new(&caption, head);
    for (point, name, pairs) in rows {
        let label = match experiment.point_label(point) {
            "" => name.to_owned(),
            label => format!("{name} at {label}"),
        };
        let cell = |policy: &Policy| {
            let Some(pair) = pairs.iter().find(|pair| pair.policy == *policy) else {
                return Cell::from(UNKNOWN);
            };
            let throughput = pair.throughput_off.map_or(UNKNOWN.to_owned(), percent);
            let hits = pair.hit_ratio_off.map_or(UNKNOWN.to_owned(), |off| signed(off, 3));
            let is_bad = !(pair.meets_throughput() && pair.meets_hit_ratio());
            let shares = match pair.share_off {
                same if same.abs() < LEAST_SHARE => String::new(),
                off => format!("; shares {}", percent(off)),
            };
            Cell::marked(format!("{throughput}, {hits}{shares}"), is_bad)
        };
        table.row(std::iter::once(Cell::from(label)).chain(policies.iter().map(cell)));
    }
    table
}
