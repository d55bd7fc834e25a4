//! Set times at a constant rate, exact however long it runs.

use std::time::Duration;

/// Nanoseconds in a second.
const SECOND_NS: u128 = 1_000_000_000;

/// The set time of every request, counted from the start.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    per_s: u64,
}

impl Schedule {
    /// So many requests per second (at least one), evenly spaced.
    #[must_use]
    pub fn new(per_s: u64) -> Self {
        Self { per_s: per_s.max(1) }
    }

    /// When request `index` (from 0) is due.
    #[must_use]
    pub fn due(&self, index: u64) -> Duration {
        let nanos = u128::from(index) * SECOND_NS / u128::from(self.per_s);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many requests are due by `elapsed`.
    #[must_use]
    pub fn due_by(&self, elapsed: Duration) -> u64 {
        // Request i is due when floor(i * s / rate) <= elapsed, that is when i * s < (elapsed + 1) * rate.
        let product = (elapsed.as_nanos() + 1) * u128::from(self.per_s);
        u64::try_from(product.div_ceil(SECOND_NS)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use proptest::prelude::{prop_assert, proptest};
    use std::time::Duration;

    #[test]
    fn requests_are_evenly_spaced_and_do_not_drift() {
        let schedule = Schedule::new(20_000);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(1), Duration::from_micros(50));
        assert_eq!(Schedule::new(3).due(3_000_000), Duration::from_secs(1_000_000));
        assert_eq!(schedule.due_by(Duration::ZERO), 1);
        assert_eq!(schedule.due_by(Duration::from_micros(49)), 1);
        assert_eq!(schedule.due_by(Duration::from_micros(50)), 2);
    }

    proptest! {
        #[test]
        fn what_is_due_by_a_time_is_what_is_due_before_it(per_s in 1_u64..3_000_000, index in 0_u64..1_000_000_000) {
            let schedule = Schedule::new(per_s);
            let due = schedule.due(index);
            prop_assert!(schedule.due_by(due) > index);
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                prop_assert!(schedule.due_by(before) <= index);
            }
        }
    }
}
