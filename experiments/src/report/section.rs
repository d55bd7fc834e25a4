//! What the report says of one experiment: what was run, figures, gains per policy, predictions.

use std::collections::{BTreeMap, HashMap};

use super::document::{Cell, Document, Table};
use super::overview::anchor;
use super::wording::{UNKNOWN, duration, engine, maybe_times, milliseconds, percent, rate, whose};
use crate::figures::{self, bytes, number};
use crate::outcome::TenantOutcome;
use crate::results::{Experiment, OFF_PREDICTION, Summary, TenantGain, sane};
use crate::spec::Policy;

/// Rows of a table that has one for each tenant and point; `gains.csv` has them all.
const MOST_ROWS: usize = 64;
/// Different notes that are told.
const MOST_NOTES: usize = 12;
/// Names in a sentence.
const MOST_NAMES: usize = 5;

/// Adds the section.
pub(super) fn write(document: &mut Document, experiment: &Experiment<'_>) {
    let name = &experiment.spec.name;
    document.heading(3, &anchor(experiment), format!("{name}, {}", engine(experiment)));
    setup(document, experiment);
    missing(document, experiment);
    notes(document, experiment);
    for figure in figures::of(experiment) {
        match figure {
            Ok(figure) => document.blocks.push(super::document::Block::Figure(figure)),
            Err(error) => document.warning(error.to_string()),
        }
    }
    gains(document, experiment);
    predictions(document, experiment);
    document.table(throughput(experiment));
}

fn setup(document: &mut Document, experiment: &Experiment<'_>) {
    let spec = experiment.spec;
    let runs: Vec<_> = experiment.runs().collect();
    let longest = |of: fn(&crate::outcome::Outcome) -> f64| {
        runs.iter().map(|run| of(run)).filter_map(sane).fold(0.0, f64::max)
    };
    let wall_s: f64 = runs.iter().filter_map(|run| sane(run.wall_s)).sum();
    let decided = match spec.allocator.every {
        Some(every) => format!("every {}", duration(every.as_secs_f64())),
        None => format!("once, after {}", duration(spec.learn.as_secs_f64())),
    };
    let apply = format!("{:?}", spec.allocator.apply).to_lowercase();
    document.paragraph(format!(
        "Measured: {} tenants, {} runs, {}, {} each by the run's own clock, {} of machine time in all; seed {}; each tenant has \
         {} connections with {} requests in flight; decisions {decided}, put in place by the method “{apply}”.",
        experiment.tenants().len(),
        runs.len(),
        engine(experiment),
        duration(longest(|run| run.measured_s)),
        duration(wall_s),
        experiment.seed,
        spec.connections,
        spec.depth,
    ));
    let Some(run) = runs.first() else { return };
    let head = ["tenant", "asks for", "cache", "read units/s", "write units/s", "network"];
    let mut table = Table::new("Tenants and their base shares, at this scale", head);
    for tenant in run.tenants.iter().take(MOST_ROWS) {
        table.row([
            tenant.name.as_str().into(),
            tenant.workload.as_str().into(),
            bytes(tenant.base.cache_bytes as f64).into(),
            number(tenant.base.read_units_per_s).into(),
            number(tenant.base.write_units_per_s).into(),
            format!("{}/s", bytes(tenant.base.net_bytes_per_s)).into(),
        ]);
    }
    table.caption.push_str(&match (&spec.vary, run.point_label.as_str()) {
        (Some(vary), label) if !label.is_empty() => format!("; {} is {label} here", vary.label),
        _ => String::new(),
    });
    document.table(table);
    if run.tenants.len() > MOST_ROWS {
        document.paragraph(format!("And {} tenants more.", run.tenants.len() - MOST_ROWS));
    }
}

fn missing(document: &mut Document, experiment: &Experiment<'_>) {
    let missing = experiment.missing();
    if missing.is_empty() {
        return;
    }
    let name = |(point, policy): &(usize, Policy)| match experiment.point_label(*point) {
        "" => policy.to_string(),
        label => format!("{policy} at {label}"),
    };
    let mut names: Vec<String> = missing.iter().take(12).map(name).collect();
    if missing.len() > names.len() {
        names.push(format!("{} more", missing.len() - names.len()));
    }
    let asked = experiment.spec.points() * experiment.spec.policies.len();
    document.warning(format!(
        "{} of {asked} runs have no result (stopped, or ended with an error): {}. Run the experiment again to make them; finished \
         runs are kept.",
        missing.len(),
        names.join(", ")
    ));
}

/// What runs say must be known to believe them: each note once, with the runs it is of.
fn notes(document: &mut Document, experiment: &Experiment<'_>) {
    let mut runs_of: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for run in experiment.runs() {
        for note in &run.notes {
            let name = match experiment.point_label(run.point) {
                "" => run.policy.to_string(),
                label => format!("{} at {label}", run.policy),
            };
            runs_of.entry(note).or_default().push(name);
        }
    }
    let untold = runs_of.len().saturating_sub(MOST_NOTES);
    for (note, mut runs) in runs_of.into_iter().take(MOST_NOTES) {
        if runs.len() > MOST_NAMES {
            let more = runs.len() - MOST_NAMES;
            runs.truncate(MOST_NAMES);
            runs.push(format!("{more} more"));
        }
        document.warning(format!("{note} ({})", runs.join(", ")));
    }
    if untold > 0 {
        document.warning(format!("{untold} more notes are in the outcomes of the runs."));
    }
}

fn gains(document: &mut Document, experiment: &Experiment<'_>) {
    let head = [
        "policy",
        "least gain",
        "largest gain",
        "mean",
        "geometric mean",
        "nobody below base (3 %)",
    ];
    let mut table = Table::new("Gains of tenants over their static base share, all points", head);
    for policy in experiment.compared() {
        let summary = Summary::of(&experiment.all_gains(policy));
        let with_name = |tenant: Option<TenantGain<'_>>| {
            tenant.map_or(UNKNOWN.to_owned(), |tenant| {
                format!("{} ({})", maybe_times(tenant.gain), whose(experiment, &tenant))
            })
        };
        table.row([
            policy.name().into(),
            with_name(summary.least).into(),
            with_name(summary.largest).into(),
            maybe_times(summary.mean).into(),
            maybe_times(summary.geometric_mean).into(),
            below(experiment, &summary),
        ]);
    }
    document.table(table);
}

/// Whether nobody fell below base, else who and by how much.
fn below(experiment: &Experiment<'_>, summary: &Summary<'_>) -> Cell {
    let unknown = match summary.unknown {
        0 => String::new(),
        count => format!("; {count} cannot be told (served nothing under base, or no such run)"),
    };
    if summary.known == 0 {
        return Cell::from(format!("not known{unknown}"));
    }
    if summary.below.is_empty() {
        return Cell::from(format!("yes{unknown}"));
    }
    let one = |tenant: &TenantGain<'_>| {
        let by = tenant.gain.map_or(UNKNOWN.to_owned(), |gain| percent(gain - 1.0));
        format!("{} {by}", whose(experiment, tenant))
    };
    let mut names: Vec<String> = summary.below.iter().take(MOST_NAMES).map(one).collect();
    if summary.below.len() > names.len() {
        names.push(format!("{} more", summary.below.len() - names.len()));
    }
    let count = format!("{} of {}", summary.below.len(), summary.known);
    Cell::marked(format!("no, {count}: {}{unknown}", names.join(", ")), true)
}

fn predictions(document: &mut Document, experiment: &Experiment<'_>) {
    let predicting: Vec<Policy> = experiment
        .compared()
        .into_iter()
        .filter(|policy| experiment.all_gains(*policy).iter().any(|t| t.predicted.is_some()))
        .collect();
    let decides = |policy: &Policy| matches!(policy, Policy::Hare | Policy::Ours);
    if predicting.is_empty() {
        if experiment.compared().iter().any(decides) {
            document.warning(
                "Predicted against delivered gain: no run says what its decision predicted.",
            );
        }
        return;
    }
    let bar = OFF_PREDICTION * 100.0;
    let (mut all, mut off) = (0, 0);
    for policy in &predicting {
        for tenant in experiment.all_gains(*policy) {
            all += usize::from(tenant.off_by().is_some());
            off += usize::from(tenant.is_off());
        }
    }
    let since = match experiment.spec.allocator.every {
        Some(_) => " Decisions are periodic here: delivered is what was served since the last one.",
        None => "",
    };
    document.paragraph(format!(
        "Predicted against delivered gain: {} of {all} are within {bar:.0} %. ▼ marks the others.{since}",
        all - off
    ));
    let mut rows: Vec<(usize, &str)> = Vec::new();
    for point in experiment.points() {
        let names = experiment.tenants().into_iter();
        rows.extend(names.map(|name| (point, name)));
    }
    let head = std::iter::once("tenant").chain(predicting.iter().map(|policy| policy.name()));
    let caption = "Predicted → delivered gain (difference), per tenant";
    let mut table = Table::new(caption, head);
    let by_name = |policy: &Policy| -> HashMap<(usize, &str), TenantGain<'_>> {
        let gains = experiment.all_gains(*policy).into_iter();
        gains.map(|tenant| ((tenant.point, tenant.tenant), tenant)).collect()
    };
    let of_policy: Vec<_> = predicting.iter().map(by_name).collect();
    let found = |row: &(usize, &str)| -> Vec<Option<TenantGain<'_>>> {
        of_policy.iter().map(|gains| gains.get(row).copied()).collect()
    };
    let mut kept: Vec<Vec<Option<TenantGain<'_>>>> = rows.iter().map(found).collect();
    kept.retain(|row| row.iter().flatten().any(|tenant| tenant.predicted.is_some()));
    let of = kept.len();
    if of > MOST_ROWS {
        let worst = |row: &Vec<Option<TenantGain<'_>>>| {
            let off = row.iter().flatten().filter_map(TenantGain::off_by);
            off.map(f64::abs).fold(0.0, f64::max)
        };
        kept.sort_by(|a, b| worst(b).total_cmp(&worst(a)));
        kept.truncate(MOST_ROWS);
        table.caption.push_str(&format!(
            "; the {MOST_ROWS} of {of} that are furthest off, all in gains.csv"
        ));
    }
    for row in kept {
        let name = row.iter().flatten().next().map_or(String::new(), |t| whose(experiment, t));
        table.row(std::iter::once(Cell::from(name)).chain(row.iter().map(prediction)));
    }
    document.table(table);
}

fn prediction(tenant: &Option<TenantGain<'_>>) -> Cell {
    let Some(tenant) = tenant else { return UNKNOWN.into() };
    let (predicted, delivered) = (maybe_times(tenant.predicted), maybe_times(tenant.delivered));
    match tenant.off_by() {
        Some(off) => {
            Cell::marked(format!("{predicted} → {delivered} ({})", percent(off)), tenant.is_off())
        }
        None => format!("{predicted} → {delivered}").into(),
    }
}

/// Throughput per tenant and policy: what the gains are made of.
fn throughput(experiment: &Experiment<'_>) -> Table {
    let policies = experiment.policies();
    let head = std::iter::once("tenant").chain(policies.iter().map(|policy| policy.name()));
    let mut table = Table::new("Requests/s (hit ratio; 99th percentile of latency)", head);
    let points = experiment.points();
    let tenants = experiment.tenants();
    let all = points.len() * tenants.len();
    let rows = points.iter().flat_map(|point| tenants.iter().map(move |name| (*point, *name)));
    for (point, name) in rows.take(MOST_ROWS) {
        let label = match experiment.point_label(point) {
            "" => name.to_owned(),
            label => format!("{name} at {label}"),
        };
        let cell = |policy: &Policy| {
            let run = experiment.run(point, *policy);
            let tenant = run.and_then(|run| run.tenants.iter().find(|t| t.name == name));
            tenant.map_or(UNKNOWN.into(), served)
        };
        table.row(std::iter::once(Cell::from(label)).chain(policies.iter().map(cell)));
    }
    if all > MOST_ROWS {
        table.caption.push_str(&format!("; the first {MOST_ROWS} of {all}, all in gains.csv"));
    }
    table
}

fn served(tenant: &TenantOutcome) -> Cell {
    let hit_ratio =
        sane(tenant.hit_ratio).map_or(UNKNOWN.to_owned(), |ratio| format!("{ratio:.2}"));
    let p99 = sane(tenant.p99_ms).map_or(UNKNOWN.to_owned(), milliseconds);
    let refused = match tenant.refused {
        0 => String::new(),
        count => format!("; {count} refused"),
    };
    format!("{} ({hit_ratio}; {p99}{refused})", rate(tenant.throughput_per_s)).into()
}
