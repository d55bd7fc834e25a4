//! The demo's output: a table that redraws itself on a terminal, and the summary.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::admin::Run;
use super::gain;
use super::scenario::TENANTS;
use super::stage::Measured;

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

/// Where the demo is shown: standard output.
#[derive(Debug)]
pub(super) struct Table {
    live: Option<Live>,
    shown: u32,
}

#[derive(Debug)]
struct Live {
    _screen: MultiProgress,
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
        let texts: Vec<String> =
            std::iter::once(header()).chain(rows.iter().map(Row::text)).collect();
        if io::stdout().is_terminal() {
            let live = self.live.get_or_insert_with(|| Live::new(texts.len()));
            for (line, text) in live.lines.iter().zip(texts) {
                line.set_message(text);
                line.tick();
            }
        } else {
            self.shown += 1;
            if self.shown.is_multiple_of(PLAIN_EVERY) {
                texts.iter().for_each(|text| print_line(text));
            }
        }
    }

    /// Prints what each tenant had under both policies, and the gains.
    pub(super) fn summary(&mut self, run: &Run, fixed: &[Measured], hare: &[Measured]) {
        self.settle();
        print_line("");
        print_line(&header());
        for (index, tenant) in TENANTS.iter().enumerate() {
            let (before, after) = (fixed[index], hare[index]);
            let gains = Some((run.predicted_gain(tenant.name), gain(&before, &after)));
            let tenant = tenant.name;
            print_line(&Row { policy: "static", tenant, measured: before, gains: None }.text());
            print_line(&Row { policy: "hare", tenant, measured: after, gains }.text());
        }
        print_line("");
        for (index, tenant) in TENANTS.iter().enumerate() {
            let (before, after) = (fixed[index], hare[index]);
            let gain = gain(&before, &after);
            let predicted = run.predicted_gain(tenant.name);
            print_line(&format!(
                "{}: {:.0} -> {:.0} requests/s, {gain:.2}x (predicted {predicted:.2}x){}",
                tenant.name,
                before.requests_per_s,
                after.requests_per_s,
                if gain > 1.0 { "" } else { "  NOT ABOVE STATIC" },
            ));
        }
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
        Self { _screen: screen, lines }
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
