//! Numbers in words of the report.

use crate::figures::{number, thousands};
use crate::results::{Experiment, TenantGain};

/// For what cannot be told.
pub(super) const UNKNOWN: &str = "–";

/// `1.74×`.
pub(super) fn times(gain: f64) -> String {
    match gain {
        huge if huge >= 1e6 => format!("{gain:.1e}×"),
        large if large >= 100.0 => format!("{gain:.0}×"),
        _ => format!("{gain:.2}×"),
    }
}

/// As [`times`], of a gain that may be unknown.
pub(super) fn maybe_times(gain: Option<f64>) -> String {
    gain.map_or_else(|| UNKNOWN.to_owned(), times)
}

/// `+3.1 %`, with a real minus.
pub(super) fn percent(part: f64) -> String {
    // Not to be parted from its number at the end of a line.
    signed(part * 100.0, 1) + "\u{a0}%"
}

/// With its sign always, and none for what rounds to zero.
pub(super) fn signed(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return text;
    }
    format!("{}{text}", if value < 0.0 { '−' } else { '+' })
}

/// A rate with three digits or so.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        known if (0.0..1e15).contains(&known) && known < 100.0 => format!("{known:.1}"),
        known if (0.0..1e15).contains(&known) => thousands(&format!("{known:.0}")),
        _ => UNKNOWN.to_owned(),
    }
}

/// A latency.
pub(super) fn milliseconds(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{} s", number(ms / 1000.0)) }
}

/// `1/16` or `1`, as the command line takes it.
pub(super) fn scale(scale: f64) -> String {
    let inverse = (1.0 / scale).round();
    if (2.0..1e9).contains(&inverse) && (inverse * scale - 1.0).abs() < 1e-9 {
        return format!("1/{inverse}");
    }
    format!("{scale}")
}

/// Seconds of the clock, in a unit that fits.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        unknown if !unknown.is_finite() => UNKNOWN.to_owned(),
        short if short < 120.0 => format!("{} s", number(short)),
        middle if middle < 7200.0 => format!("{} min", number(middle / 60.0)),
        long => format!("{} h", number(long / 3600.0)),
    }
}

/// Engine and scale of an experiment.
pub(super) fn engine(experiment: &Experiment<'_>) -> String {
    let engine = match experiment.engine {
        crate::spec::Engine::Live => "live",
        crate::spec::Engine::Sim => "simulated",
    };
    format!("{engine}, scale {}", scale(experiment.scale))
}

/// `t1`, or `t1 at 4m`.
pub(super) fn whose(experiment: &Experiment<'_>, tenant: &TenantGain<'_>) -> String {
    match experiment.point_label(tenant.point) {
        "" => tenant.tenant.to_owned(),
        label => format!("{} at {label}", tenant.tenant),
    }
}
