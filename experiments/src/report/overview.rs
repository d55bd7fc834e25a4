//! The top of the report: the headline as the paper states its, and all experiments at a glance.

use super::document::{Cell, Document, Table};
use super::wording::{UNKNOWN, engine, maybe_times, times, whose};
use crate::figures::id_of;
use crate::results::{BELOW_BASE, Experiment, Summary, TenantGain};
use crate::spec::{Engine, Policy, Spec};

/// The largest gain that a policy gave any tenant, with what others got beside it.
#[derive(Debug, Clone)]
pub(super) struct Headline<'e, 'a> {
    pub(super) experiment: &'e Experiment<'a>,
    /// Whose gain it is.
    pub(super) best: TenantGain<'a>,
    pub(super) gain: f64,
    /// Who gains least in the same run.
    pub(super) least_in_run: Option<TenantGain<'a>>,
    /// Who gains least at any point of the same experiment.
    pub(super) least: Option<TenantGain<'a>>,
}

impl<'e, 'a> Headline<'e, 'a> {
    /// Of the paper's experiments if any of them has results, else of our own.
    pub(super) fn of(
        experiments: &'e [Experiment<'a>],
        policy: Policy,
        engine: Option<Engine>,
    ) -> Option<Self> {
        let among = |of_paper: bool| {
            let chosen = experiments.iter().filter(|experiment| {
                experiment.spec.paper.is_some() == of_paper
                    && engine.is_none_or(|engine| engine == experiment.engine)
            });
            let headlines = chosen.filter_map(|experiment| Self::in_one(experiment, policy));
            headlines.max_by(|a, b| a.gain.total_cmp(&b.gain))
        };
        among(true).or_else(|| among(false))
    }

    fn in_one(experiment: &'e Experiment<'a>, policy: Policy) -> Option<Self> {
        let all = Summary::of(&experiment.all_gains(policy));
        let best = all.largest?;
        let in_run = Summary::of(&experiment.gains(best.point, policy));
        let gain = best.gain?;
        Some(Self { experiment, best, gain, least_in_run: in_run.least, least: all.least })
    }

    /// The sentence.
    pub(super) fn sentence(&self) -> String {
        let Experiment { spec, .. } = self.experiment;
        let point = match self.experiment.point_label(self.best.point) {
            "" => String::new(),
            label => {
                let what = spec.vary.as_ref().map_or("point", |vary| &vary.label);
                format!(" at {what} = {label}")
            }
        };
        let mut text = format!(
            "Up to {} the throughput of the static base share: tenant {}{point} in {} ({}), policy {}, {}.",
            times(self.gain),
            self.best.tenant,
            spec.name,
            spec.paper.as_deref().unwrap_or("our own experiment"),
            self.best.policy,
            engine(self.experiment),
        );
        if let Some((tenant, gain)) = self.least_in_run.and_then(|t| Some((t, t.gain?))) {
            let below = if gain < BELOW_BASE { ", which is below its base" } else { "" };
            text.push_str(&format!(
                " The tenant that gains least in the same run, {}, gets {}{below}.",
                tenant.tenant,
                times(gain)
            ));
        }
        if let Some((tenant, gain)) = self.least.and_then(|t| Some((t, t.gain?)))
            && self.experiment.points().len() > 1
        {
            let who = whose(self.experiment, &tenant);
            text.push_str(&format!(
                " Over all of {} the least is {} ({who}).",
                spec.name,
                times(gain)
            ));
        }
        text
    }
}

/// Headline, where it comes from, and the table of specs and policies.
pub(super) fn write(document: &mut Document, specs: &[Spec], experiments: &[Experiment<'_>]) {
    document.heading(2, "headline", "Headline");
    match Headline::of(experiments, Policy::Ours, None) {
        Some(headline) => document.headline(headline.sentence()),
        None => document.warning(
            "No headline yet: it needs a run of the policy ours and one of static at the same point.",
        ),
    }
    document.paragraph(
        "The paper says “up to 1.9×” of its own policy (hare here). A gain is a tenant's throughput over what it gets under its \
         static base share, in the same experiment, engine and scale. A maximum over tenants flatters: the tenant that \
         gains least stands beside it.",
    );
    document.table(headlines(experiments));
    document.heading(2, "overview", "Overview");
    let text = format!(
        "Smallest and largest gain of any tenant at any point. ▼ marks a smallest gain below {BELOW_BASE}: somebody fell below \
         base. Non-partitioned has no shares, and promises nobody anything."
    );
    document.paragraph(text);
    document.paragraph(counted(specs, experiments));
    document.table(glance(specs, experiments));
}

/// How much there is of what was asked for.
fn counted(specs: &[Spec], experiments: &[Experiment<'_>]) -> String {
    let ran = |spec: &&Spec| experiments.iter().any(|experiment| experiment.spec.name == spec.name);
    let missing: usize = experiments.iter().map(|experiment| experiment.missing().len()).sum();
    let runs: usize = experiments.iter().map(|experiment| experiment.runs().count()).sum();
    format!(
        "{} of {} specs have results, {runs} runs; of those specs {missing} runs are missing.",
        specs.iter().filter(ran).count(),
        specs.len()
    )
}

fn headlines(experiments: &[Experiment<'_>]) -> Table {
    let mut table = Table::new(
        "Largest gain of any tenant, by policy and engine, and the smallest beside it",
        [
            "policy",
            "engine",
            "up to",
            "experiment",
            "tenant",
            "least in that run",
            "least in all of it",
        ],
    );
    for policy in [Policy::Ours, Policy::Hare, Policy::Memshare, Policy::Drf] {
        for engine_kind in [Engine::Live, Engine::Sim] {
            let Some(headline) = Headline::of(experiments, policy, Some(engine_kind)) else {
                continue;
            };
            let least = |tenant: Option<TenantGain<'_>>| {
                let gain = tenant.and_then(|tenant| tenant.gain);
                Cell::marked(maybe_times(gain), gain.is_some_and(|gain| gain < BELOW_BASE))
            };
            table.row([
                policy.name().into(),
                engine(headline.experiment).into(),
                times(headline.gain).into(),
                headline.experiment.spec.name.as_str().into(),
                whose(headline.experiment, &headline.best).into(),
                least(headline.least_in_run),
                least(headline.least),
            ]);
        }
    }
    table
}

fn glance(specs: &[Spec], experiments: &[Experiment<'_>]) -> Table {
    let all = || Policy::ALL.into_iter().filter(|policy| *policy != Policy::Static);
    let head = ["experiment", "engine"].into_iter().chain(all().map(Policy::name));
    let mut table = Table::new("Smallest to largest gain, by experiment and policy", head);
    for spec in specs {
        let of_spec: Vec<&Experiment<'_>> =
            experiments.iter().filter(|experiment| experiment.spec.name == spec.name).collect();
        if of_spec.is_empty() {
            let nothing = all().map(|_| Cell::from(UNKNOWN));
            let start = [Cell::from(spec.name.as_str()), "no results".into()];
            table.row(start.into_iter().chain(nothing));
        }
        for experiment in of_spec {
            let start = [Cell::from(spec.name.as_str()), engine(experiment).into()];
            table.row(start.into_iter().chain(all().map(|policy| range(experiment, policy))));
        }
    }
    table
}

fn range(experiment: &Experiment<'_>, policy: Policy) -> Cell {
    if !experiment.policies().contains(&policy) {
        let asked = experiment.spec.policies.contains(&policy);
        return if asked { "missing".into() } else { UNKNOWN.into() };
    }
    let summary = Summary::of(&experiment.all_gains(policy));
    let gain = |tenant: Option<TenantGain<'_>>| tenant.and_then(|tenant| tenant.gain);
    let (Some(least), Some(largest)) = (gain(summary.least), gain(summary.largest)) else {
        return "no gain known".into();
    };
    let missing = experiment.missing().iter().any(|(_, other)| *other == policy);
    let partial = if missing { " (partial)" } else { "" };
    let text = format!("{} to {}{partial}", times(least), times(largest));
    Cell::marked(text, least < BELOW_BASE && policy != Policy::NonPartitioned)
}

/// Where the section of an experiment is.
pub(super) fn anchor(experiment: &Experiment<'_>) -> String {
    format!("experiment-{}", id_of(experiment))
}
