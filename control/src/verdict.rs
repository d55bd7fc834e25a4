//! Whether a decision is worth putting in place.

use hare::{Policy, Resources};

use crate::approach::Moving;
use crate::decide::{Options, differs};
use crate::decision::ReasonCode;
use crate::seat::Seat;

/// Part of its base throughput that a tenant may be predicted to lose: promise 5's tolerance.
const TOLERANCE: f64 = 0.03;
/// Differences below this are rounding.
const ROUNDING: f64 = 1e-9;
/// Thresholds, or tolerances, beyond which a finding needs no second run to confirm it.
pub(crate) const SURE: f64 = 2.0;
/// Part of a total by which the reserve may be used before it is taken back.
const RESERVE_TOLERANCE: f64 = 0.02;

/// Gains over base of those by whom an improvement is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Improvement {
    /// Gain per weight of the tenant that gains least, with the new shares.
    pub(crate) new: f64,
    /// The same with the present shares.
    pub(crate) current: f64,
    /// Gain of the tenant that is worst off, whatever its weight and cap, with the new shares.
    worst_new: f64,
    /// The same with the present shares.
    worst_current: f64,
    /// The last run found an improvement too.
    found_before: bool,
}

impl Improvement {
    pub(crate) fn of(seats: &[Seat<'_>], shares: &[Resources], found_before: bool) -> Self {
        let least = |gains: &mut dyn Iterator<Item = f64>| {
            let least = gains.fold(f64::INFINITY, f64::min);
            if least.is_finite() { least } else { 0.0 }
        };
        let pairs = || seats.iter().zip(shares).filter(|(seat, _)| seat.is_active());
        // The same tenants for both, or the two could not be compared.
        let pacers = || pairs().filter(|(seat, share)| seat.sets_the_pace(share));
        Self {
            new: least(&mut pacers().map(|(seat, share)| seat.weighted_gain(share))),
            current: least(&mut pacers().map(|(seat, _)| seat.weighted_gain(&seat.view.current))),
            worst_new: least(&mut pairs().map(|(seat, share)| seat.gain(share) - 1.0)),
            worst_current: least(&mut pairs().map(|(seat, _)| seat.gain(&seat.view.current) - 1.0)),
            found_before,
        }
    }
}

/// Judges `shares`, which are to share out `total`.
pub(crate) fn judge(
    seats: &[Seat<'_>],
    shares: &[Resources],
    total: &Resources,
    options: &Options,
    improvement: &Improvement,
    moving: Option<&Moving>,
) -> (ReasonCode, String) {
    let changed = |seat: &Seat<'_>, share| differs(&seat.view.current, share);
    let active = seats.iter().filter(|seat| seat.is_active()).count();
    if !seats.iter().zip(shares).any(|(seat, share)| changed(seat, share)) {
        return if active < 2 && options.policy != Policy::Static {
            let reason = format!("{active} of {} tenants take part; it takes two", seats.len());
            (ReasonCode::TooFewTenants, reason)
        } else {
            (ReasonCode::Unchanged, String::from("every tenant has this share already"))
        };
    }
    let owed = seats.iter().zip(shares).find(|(seat, share)| {
        (!seat.is_active() || active < 2 || options.policy == Policy::Static)
            && changed(seat, share)
    });
    if let Some((seat, _)) = owed {
        let reason = format!("tenant {} gets its base share back", seat.view.name);
        return (ReasonCode::RestoresBase, reason);
    }
    let held: Resources = seats.iter().map(|seat| seat.view.current).sum();
    if exceeds(&held, total, 1e-6) {
        let reason = "the present shares add up to more than there is";
        return (ReasonCode::TotalExceeded, String::from(reason));
    }
    if options.policy == Policy::Optimum && options.reserve > 0.0 {
        let due: Resources = shares.iter().sum();
        if exceeds(&Resources { cache_bytes: 0, ..held }, &due, RESERVE_TOLERANCE) {
            let reason = "the present shares use what is to be held in reserve";
            return (ReasonCode::TotalExceeded, String::from(reason));
        }
    }
    worth(options, improvement, moving)
}

fn worth(
    options: &Options,
    improvement: &Improvement,
    moving: Option<&Moving>,
) -> (ReasonCode, String) {
    let percent = |ratio: f64| ratio * 100.0;
    // Where caches are cold there may be no way to give everybody base throughput at once, but a better one.
    let is_better = moving.is_some() && improvement.worst_new > improvement.worst_current;
    if improvement.worst_new < -TOLERANCE && !is_better {
        let reason = format!(
            "a tenant would fall {:.1} % below what its base share gives",
            percent(-improvement.worst_new)
        );
        return (ReasonCode::WouldHarm, reason);
    }
    if let Some(moving) = moving.filter(|moving| moving.is_due && moving.moved_bytes > 0) {
        return (ReasonCode::Improves, moving.reason());
    }
    let (new, now) = (percent(improvement.new), percent(improvement.current));
    let more = improvement.new - improvement.current;
    // The best of many ways looks better than the present one by chance alone, now and then; hardly twice running.
    let is_sure = improvement.found_before || more > SURE * options.threshold;
    if more > options.threshold + ROUNDING && is_sure {
        let reason = format!("everybody gains {new:.1} % over base, now {now:.1} %");
        return (ReasonCode::Improves, reason);
    }
    let is_sure = improvement.found_before || improvement.worst_current < -SURE * TOLERANCE;
    if improvement.worst_current < -TOLERANCE && is_sure {
        let reason = format!(
            "a tenant is {:.1} % below what its base share gives",
            percent(-improvement.worst_current)
        );
        return (ReasonCode::EndsHarm, reason);
    }
    if improvement.worst_current < -TOLERANCE {
        let reason = format!(
            "a tenant may be {:.1} % below what its base share gives; the next run may confirm it",
            percent(-improvement.worst_current)
        );
        return (ReasonCode::Unconfirmed, reason);
    }
    if more > options.threshold + ROUNDING {
        let reason = format!(
            "everybody would gain {new:.1} % over base, now {now:.1} %; the next run may confirm it"
        );
        return (ReasonCode::Unconfirmed, reason);
    }
    if let Some(moving) = moving.filter(|moving| moving.is_promising) {
        let reason = format!(
            "everybody could gain {:.1} % over base with other caches, {:.1} % with these; the next run may confirm it",
            percent(moving.ratio),
            percent(moving.current_ratio)
        );
        return (ReasonCode::Unconfirmed, reason);
    }
    let least = percent(options.threshold);
    let reason = format!(
        "everybody would gain {new:.1} % over base, now {now:.1} %; \
         a change needs {least:.1} points more"
    );
    (ReasonCode::BelowThreshold, reason)
}

/// Whether `held` is more of anything than `due` and `tolerance` of it.
fn exceeds(held: &Resources, due: &Resources, tolerance: f64) -> bool {
    let more = |held: f64, due: f64| held > due * (1.0 + tolerance);
    held.cache_bytes > due.cache_bytes
        || more(held.read_units_per_s, due.read_units_per_s)
        || more(held.write_units_per_s, due.write_units_per_s)
        || more(held.net_bytes_per_s, due.net_bytes_per_s)
}
