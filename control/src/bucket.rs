//! The token bucket: a balance that any thread may spend from, and the meter that mints into it.
//!
//! Spending is one compare-and-swap and reads no clock. Minting happens only when somebody is
//! short, under the limiter's lock, with the time passed in. A negative balance is debt.
//!
//! Spending without a clock costs one bucketful of accuracy: a full bucket may be emptied and,
//! because nobody looked at the clock meanwhile, minted full once more. So over any window the
//! grants are at most `rate * window + 2 * burst`, plus the largest single amount where that
//! exceeds the burst. [`BURST_MS`] is chosen so that two bursts are 0.8 % of ten seconds.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::amount::{Amount, Rate};

/// How many milliseconds of the rate an idle bucket holds.
pub const BURST_MS: u64 = 40;

const NS_PER_S: u64 = 1_000_000_000;

/// Far above any balance, far below overflow.
const MOST_MINTED: i64 = 1 << 60;

/// The shared balance, in sub-units.
#[derive(Debug, Default)]
pub struct Bucket {
    balance: AtomicI64,
    burst: AtomicI64,
    unlimited: AtomicBool,
}

impl Bucket {
    /// Whether there is no limit.
    #[inline]
    pub fn is_unlimited(&self) -> bool {
        self.unlimited.load(Ordering::Relaxed)
    }

    /// What can be spent now, in sub-units; below zero is debt.
    #[inline]
    pub fn balance(&self) -> i64 {
        self.balance.load(Ordering::Acquire)
    }

    /// What an idle bucket holds, in sub-units.
    #[inline]
    pub fn burst(&self) -> i64 {
        self.burst.load(Ordering::Relaxed)
    }

    /// Spends `amount` if the balance covers all of it.
    #[inline]
    pub fn try_spend(&self, amount: Amount) -> bool {
        let wanted = amount.signed();
        let mut balance = self.balance.load(Ordering::Relaxed);
        while balance >= wanted {
            match self.balance.compare_exchange_weak(
                balance,
                balance - wanted,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => balance = now,
            }
        }
        false
    }

    /// Takes `amount` whatever the balance is; what is missing becomes debt.
    pub fn owe(&self, amount: Amount) {
        self.update(|balance| balance.saturating_sub(amount.signed()));
    }

    /// Adds tokens up to `cap`. A balance above the cap stays as it is.
    pub fn add(&self, tokens: i64, cap: i64) {
        self.update(|balance| balance.saturating_add(tokens).min(cap.max(balance)));
    }

    /// Drops what exceeds `cap`.
    pub fn clamp(&self, cap: i64) {
        self.update(|balance| balance.min(cap));
    }

    /// Takes over a new rate. The balance is carried over, never filled up: it shrinks to the new
    /// burst, and leaving the unlimited state forgives debt.
    pub fn retune(&self, rate: Option<Rate>, least_burst: Amount) {
        let was_unlimited = self.unlimited.swap(rate.is_none(), Ordering::Relaxed);
        let Some(rate) = rate else { return };
        let burst = burst_of(rate, least_burst);
        self.burst.store(burst, Ordering::Relaxed);
        self.update(|balance| balance.max(if was_unlimited { 0 } else { balance }).min(burst));
    }

    fn update(&self, change: impl Fn(i64) -> i64) {
        let mut balance = self.balance.load(Ordering::Relaxed);
        while let Err(now) = self.balance.compare_exchange_weak(
            balance,
            change(balance),
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            balance = now;
        }
    }
}

/// Turns elapsed time into tokens without losing a fraction.
#[derive(Debug)]
pub struct Meter {
    rate: Option<Rate>,
    minted_at_ns: u64,
    /// Sub-units times nanoseconds that did not make a whole sub-unit yet.
    carry: u64,
}

impl Meter {
    /// A meter that begins at `now_ns`; without a rate it mints nothing.
    pub fn new(rate: Option<Rate>, now_ns: u64) -> Self {
        Self { rate, minted_at_ns: now_ns, carry: 0 }
    }

    /// The rate it mints at; `None` is no limit.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Sub-units earned since the last call; none when unlimited. A clock that steps back earns
    /// nothing.
    pub fn mint(&mut self, now_ns: u64) -> i64 {
        let elapsed_ns = now_ns.saturating_sub(self.minted_at_ns);
        self.minted_at_ns = self.minted_at_ns.max(now_ns);
        let Some(rate) = self.rate else { return 0 };
        let earned =
            u128::from(rate.sub_units_per_s()) * u128::from(elapsed_ns) + u128::from(self.carry);
        self.carry = u64::try_from(earned % u128::from(NS_PER_S)).unwrap_or(0);
        i64::try_from(earned / u128::from(NS_PER_S)).unwrap_or(MOST_MINTED).min(MOST_MINTED)
    }

    /// The rate from now on. Mint first, or the past is paid at the new rate.
    pub fn set_rate(&mut self, rate: Option<Rate>) {
        self.rate = rate;
    }

    /// Nanoseconds until `short` more sub-units are minted; `None` if that never happens.
    pub fn ns_until(&self, short: i64) -> Option<u64> {
        let short = u128::from(u64::try_from(short).unwrap_or(0));
        let per_s = u128::from(self.rate?.sub_units_per_s());
        if per_s == 0 {
            return None;
        }
        let wanted = (short * u128::from(NS_PER_S)).saturating_sub(u128::from(self.carry));
        u64::try_from(wanted.div_ceil(per_s)).ok()
    }
}

/// `BURST_MS` of the rate, at least `least` so that one ordinary request passes an idle bucket of
/// any rate but zero.
fn burst_of(rate: Rate, least: Amount) -> i64 {
    if rate == Rate::ZERO {
        return 0;
    }
    Amount::from_sub_units(rate.sub_units_per_s() * BURST_MS / 1000).max(least).signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Bucket, Meter};
    use crate::amount::{Amount, Rate};

    fn bucket(rate: Rate) -> (Bucket, Meter) {
        let bucket = Bucket::default();
        bucket.retune(Some(rate), Amount::units(1));
        (bucket, Meter::new(Some(rate), 0))
    }

    #[test]
    fn an_idle_bucket_holds_forty_milliseconds() {
        let (bucket, mut meter) = bucket(Rate::per_second(1000.0));
        bucket.add(meter.mint(u64::MAX), bucket.burst());
        assert_eq!(bucket.balance(), Amount::units(40).signed());
        assert!(!bucket.try_spend(Amount::units(41)));
        assert!(bucket.try_spend(Amount::units(40)));
    }

    #[test]
    fn waiting_as_long_as_told_is_enough() {
        let mut meter = Meter::new(Some(Rate::per_second(62.5)), 0);
        let ns = meter.ns_until(Amount::units(1).signed());
        assert_eq!(ns, Some(16_000_000));
        assert_eq!(meter.mint(16_000_000), Amount::units(1).signed());
    }

    #[test]
    fn a_lowered_rate_clamps_and_a_raised_one_does_not_fill() {
        let (bucket, mut meter) = bucket(Rate::per_second(1000.0));
        bucket.add(meter.mint(1_000_000_000), bucket.burst());
        bucket.retune(Some(Rate::per_second(100.0)), Amount::units(1));
        assert_eq!(bucket.balance(), Amount::units(4).signed());
        bucket.retune(Some(Rate::per_second(1e6)), Amount::units(1));
        assert_eq!(bucket.balance(), Amount::units(4).signed());
        bucket.retune(Some(Rate::ZERO), Amount::units(1));
        assert_eq!(bucket.balance(), 0);
    }

    #[test]
    fn debt_is_kept_by_a_new_rate_and_forgiven_by_no_limit() {
        let (bucket, _) = bucket(Rate::per_second(1000.0));
        bucket.owe(Amount::units(10));
        bucket.retune(Some(Rate::per_second(10.0)), Amount::units(1));
        assert_eq!(bucket.balance(), -Amount::units(10).signed());
        bucket.retune(None, Amount::units(1));
        bucket.retune(Some(Rate::per_second(10.0)), Amount::units(1));
        assert_eq!(bucket.balance(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// However the time is cut, the same time earns the same tokens.
        #[test]
        fn minting_loses_nothing(
            per_s in 0.1..1e10f64,
            steps in prop::collection::vec(0u64..50_000_000, 1..200),
        ) {
            let rate = Rate::per_second(per_s);
            let mut meter = Meter::new(Some(rate), 0);
            let (mut now_ns, mut sum) = (0, 0);
            for step in steps {
                now_ns += step;
                sum += meter.mint(now_ns);
            }
            let exact = u128::from(rate.sub_units_per_s()) * u128::from(now_ns) / 1_000_000_000;
            prop_assert_eq!(u128::try_from(sum).unwrap(), exact);
        }

        /// Under a simulated clock, spending at random moments never exceeds the stated bound in
        /// any window, and a greedy spender gets all of the rate.
        #[test]
        fn no_window_exceeds_the_bound(
            units_per_s in 1u32..100_000,
            steps in prop::collection::vec((0u64..30_000_000, any::<bool>()), 1..200),
        ) {
            let rate = Rate::per_second(f64::from(units_per_s));
            let (bucket, mut meter) = bucket(rate);
            let grant = Amount::from_sub_units((rate.sub_units_per_s() / 200).clamp(1, 64));
            let (mut now_ns, mut spent) = (0u64, 0i64);
            let mut log = vec![(0u64, 0i64)];
            for (step, spends) in steps {
                now_ns += step;
                if !spends { continue; }
                while bucket.try_spend(grant) { spent += grant.signed(); }
                bucket.add(meter.mint(now_ns), bucket.burst());
                while bucket.try_spend(grant) { spent += grant.signed(); }
                log.push((now_ns, spent));
            }
            for (i, &(from_ns, before)) in log.iter().enumerate() {
                for &(to_ns, after) in &log[i..] {
                    let earned = u128::from(rate.sub_units_per_s())
                        * u128::from(to_ns - from_ns) / 1_000_000_000;
                    let bound = i64::try_from(earned).unwrap() + 2 * bucket.burst() + 1;
                    prop_assert!(after - before <= bound);
                }
            }
        }
    }
}
