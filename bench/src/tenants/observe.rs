//! Several tenants second by second: a line for all of them, a CSV and an HDR log with a row for each.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{TenantsObserver, TenantsPlan};
use crate::error::LoadError;
use crate::hdr_log::HdrLog;
use crate::progress::{Goal, ProgressLine, SecondsCsv, per_second, ratio, troubles};
use crate::supervisor::Tick;
use crate::tally::Counts;

/// How often the line is shown, a little less than tenants tick.
const SHOWN_EVERY: Duration = Duration::from_millis(950);

/// A tenant that has said nothing for so long has ended.
const ENDED_AFTER: Duration = Duration::from_millis(1_500);

/// The line of all tenants: of their preloads first, then of their loads.
#[derive(Debug)]
pub struct TenantsLine {
    label: &'static str,
    line: ProgressLine,
    /// When the loads, or the preloads, began.
    begun: Option<Instant>,
    shown: Instant,
    /// Goal of the loads, while preloads are shown.
    next_goal: Option<Goal>,
    tenants: Vec<Row>,
}

/// What one tenant did.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    /// When it last said something.
    seen: Option<Instant>,
    /// In its last second.
    per_s: f64,
    recent: Counts,
    /// Since it began.
    total: Counts,
}

impl TenantsLine {
    /// For the tenants of a plan.
    #[must_use]
    pub fn new(plan: &TenantsPlan) -> Self {
        let lengths = plan.tenants.iter().map(|tenant| match tenant.job.goal() {
            Goal::Elapsed(length) => Some(length + tenant.start_after),
            Goal::Requests(_) | Goal::Unknown => None,
        });
        let longest = lengths.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        let preloading = plan.tenants.iter().filter(|tenant| !tenant.job.preloads.is_empty());
        let counts = preloading.map(|tenant| match tenant.job.preload_goal() {
            Goal::Requests(count) => Some(count),
            Goal::Elapsed(_) | Goal::Unknown => None,
        });
        let requests = counts.sum::<Option<u64>>().map_or(Goal::Unknown, Goal::Requests);
        Self {
            label: "preload, ",
            line: ProgressLine::new("", requests),
            begun: None,
            shown: Instant::now(),
            next_goal: Some(longest.map_or(Goal::Unknown, Goal::Elapsed)),
            tenants: plan.tenants.iter().map(|_| Row::default()).collect(),
        }
    }

    fn show(&mut self, tenant: usize, tick: &Tick<'_>) {
        let now = Instant::now();
        let begun = *self.begun.get_or_insert(now.checked_sub(tick.elapsed).unwrap_or(now));
        if let Some(row) = self.tenants.get_mut(tenant) {
            let recent = tick.recent.counts;
            let per_s = per_second(recent.requests(), tick.interval);
            *row = Row { seen: Some(now), per_s, recent, total: tick.total.counts };
        }
        if self.shown.elapsed() < SHOWN_EVERY {
            return;
        }
        self.shown = now;
        let (mut recent, mut total) = (Counts::default(), Counts::default());
        let (mut per_s, mut least) = (0.0, f64::INFINITY);
        for row in &self.tenants {
            total.merge(&row.total);
            // One that has ended is no longer slow, nor one that has not begun.
            if row.seen.is_some_and(|seen| seen.elapsed() < ENDED_AFTER) {
                per_s += row.per_s;
                least = least.min(row.per_s);
                recent.merge(&row.recent);
            }
        }
        let elapsed = now.saturating_duration_since(begun);
        let text = format!(
            "{}{} tenants {:>4.0} s  {per_s:>9.0} requests/s, the slowest {least:.0}  hits {:>5.1} %{}",
            self.label,
            self.tenants.len(),
            elapsed.as_secs_f64(),
            ratio(recent.hits, recent.gets) * 100.0,
            troubles(&total)
        );
        self.line.show(text, elapsed, total.requests());
    }
}

impl TenantsObserver for TenantsLine {
    fn tick(&mut self, tenant: usize, tick: &Tick<'_>) {
        if let Some(goal) = self.next_goal.take() {
            (self.label, self.begun) = ("", None);
            self.line = ProgressLine::new("", goal);
            self.tenants.fill(Row::default());
        }
        self.show(tenant, tick);
    }

    fn preload_tick(&mut self, tenant: usize, tick: &Tick<'_>) {
        self.show(tenant, tick);
    }
}

/// A file with a row per second and tenant.
#[derive(Debug)]
pub struct TenantsFiles {
    names: Vec<String>,
    csv: Option<SecondsCsv>,
    hdr: Option<HdrLog>,
}

impl TenantsFiles {
    /// Creates those that are asked for.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn create(
        plan: &TenantsPlan,
        csv: Option<&Path>,
        hdr: Option<&Path>,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            names: plan.tenants.iter().map(|tenant| tenant.name.clone()).collect(),
            csv: csv.map(SecondsCsv::of_tenants).transpose()?,
            hdr: hdr.map(HdrLog::create).transpose()?,
        })
    }
}

impl TenantsObserver for TenantsFiles {
    fn tick(&mut self, tenant: usize, tick: &Tick<'_>) {
        let name = self.names.get(tenant).map(String::as_str);
        if let Some(csv) = &mut self.csv {
            csv.write(name, tick);
        }
        if let Some(hdr) = &mut self.hdr {
            hdr.write(name, tick);
        }
    }
}
