//! The demo's output: a table that redraws itself on a terminal, and the summary.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::POLICY;
use super::meter::Measured;
use super::scenario::FIRST;
use super::verdict::{Verdict, ratio};
use crate::admin::{Quota, Run};

/// Without a terminal, one table in this many is printed.
const PLAIN_EVERY: u32 = 5;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) policy: &'static str,
    pub(super) tenant: &'static str,
    pub(super) measured: Measured,
    /// Predicted and measured throughput over that of the base share.
    pub(super) gains: Option<(f64, f64)>,
}

/// One decision of the allocator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch<'a> {
    /// Time since the change of roles.
    pub(super) after: Duration,
    /// Shares in force, and throughput over that of the base share in the last second.
    pub(super) quotas: [Quota; 2],
    pub(super) gains: [f64; 2],
    pub(super) run: &'a Run,
}

/// Where the demo is shown: standard output.
#[derive(Debug)]
pub(super) struct Table {
    live: Option<Live>,
    shown: u32,
}

#[derive(Debug)]
struct Live {
    screen: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Table {
    /// An empty table.
    pub(super) fn new() -> Self {
        Self { live: None, shown: 0 }
    }

    /// Prints a sentence; a table on the screen stays as it is, above it.
    pub(super) fn say(&mut self, text: &str) {
        self.settle();
        print_line(text);
    }

    /// Shows the tenants' present state.
    pub(super) fn show(&mut self, rows: &[Row]) {
        self.live(rows);
        if !io::stdout().is_terminal() {
            self.shown += 1;
            if self.shown.is_multiple_of(PLAIN_EVERY) {
                texts(rows).for_each(|text| print_line(&text));
            }
        }
    }

    /// Shows the tenants' present state on a terminal; elsewhere it is left out.
    pub(super) fn live(&mut self, rows: &[Row]) {
        if io::stdout().is_terminal() {
            let live = self.live.get_or_insert_with(|| Live::new(rows.len() + 1));
            for (line, text) in live.lines.iter().zip(texts(rows)) {
                line.set_message(text);
                line.tick();
            }
        }
    }

    /// Prints what each tenant had under both policies, and the gains.
    pub(super) fn summary(&mut self, run: &Run, fixed: &[Measured; 2], moved: &[Measured; 2]) {
        self.settle();
        print_line("");
        print_line(&header());
        for (index, tenant) in FIRST.iter().enumerate() {
            let (before, after) = (fixed[index], moved[index]);
            let gain = ratio(after.requests_per_s, before.requests_per_s);
            let gains = Some((run.predicted_gain(tenant.name), gain));
            let tenant = tenant.name;
            print_line(&Row { policy: "static", tenant, measured: before, gains: None }.text());
            print_line(&Row { policy: POLICY, tenant, measured: after, gains }.text());
        }
        print_line("");
    }

    /// Begins the list of the allocator's decisions.
    pub(super) fn epochs(&mut self, tenants: [&str; 2]) {
        self.settle();
        let of = |name| format!("{name:-<34}");
        print_line(&format!("{:>8} {} {}", "", of(tenants[0]), of(tenants[1])));
        let columns =
            format!("{:>9} {:>8} {:>8} {:>6}", "cache MiB", "reads/s", "net MB/s", "gain");
        print_line(&format!("{:>8} {columns} {columns} decision", "after"));
    }

    /// Adds a decision to the list; a table on the screen stays below it.
    pub(super) fn epoch(&mut self, epoch: &Epoch<'_>) {
        let text = epoch.text();
        match &self.live {
            // What cannot be written to the terminal is written by nobody.
            Some(live) => drop(live.screen.println(text)),
            None => print_line(&text),
        }
    }

    /// Prints the verdict.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        self.settle();
        print_line("");
        verdict.lines().iter().for_each(|line| print_line(line));
    }

    /// Leaves the live table on the screen for good.
    fn settle(&mut self) {
        if let Some(live) = self.live.take() {
            for line in &live.lines {
                line.abandon();
            }
        }
        self.shown = 0;
    }
}

impl Live {
    fn new(count: usize) -> Self {
        let screen = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::stdout());
        let style = ProgressStyle::with_template("{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let lines = (0..count)
            .map(|_| screen.add(ProgressBar::new_spinner().with_style(style.clone())))
            .collect();
        Self { screen, lines }
    }
}

impl Row {
    fn text(&self) -> String {
        let Measured { requests_per_s, hit_ratio, quota } = self.measured;
        let gains = self.gains.map_or_else(String::new, |(predicted, measured)| {
            format!("{predicted:>9.2}x {measured:>8.2}x")
        });
        format!(
            "{:<7} {:<6} {requests_per_s:>10.0} {:>6.1} % {:>9.1} {:>8.0} {:>8.0} {:>9.2} {gains}",
            self.policy,
            self.tenant,
            hit_ratio * 100.0,
            mebibytes(quota.cache_bytes),
            quota.read_units_per_s,
            quota.write_units_per_s,
            quota.net_bytes_per_s / 1e6,
        )
    }
}

impl Epoch<'_> {
    fn text(&self) -> String {
        let share = |index: usize| {
            let quota = self.quotas[index];
            format!(
                "{:>9.1} {:>8.0} {:>8.2} {:>5.2}x",
                mebibytes(quota.cache_bytes),
                quota.read_units_per_s,
                quota.net_bytes_per_s / 1e6,
                self.gains[index],
            )
        };
        let after_s = self.after.as_secs_f64();
        let applied = if self.run.applied { "moves" } else { "stays" };
        format!("{after_s:>6.1} s {} {} {applied}: {}", share(0), share(1), self.run.reason_code)
    }
}

/// The header and the rows.
fn texts(rows: &[Row]) -> impl Iterator<Item = String> {
    std::iter::once(header()).chain(rows.iter().map(Row::text))
}

fn header() -> String {
    format!(
        "{:<7} {:<6} {:>10} {:>8} {:>9} {:>8} {:>8} {:>9} {:>10} {:>9}",
        "policy",
        "tenant",
        "requests/s",
        "hits",
        "cache MiB",
        "reads/s",
        "writes/s",
        "net MB/s",
        "predicted",
        "measured"
    )
}

fn print_line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
