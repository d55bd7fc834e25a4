//! The three limits of a tenant, and the error a client gets when one holds it back too long.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::limiter::Limiter;
use hopperkv_control::amount::{Amount, Rate};

/// A resource that is used up by requests and refilled by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Storage read capacity, in RCU.
    ReadUnits,
    /// Storage write capacity, in WCU.
    WriteUnits,
    /// Network bytes, towards clients and storage.
    Net,
}

/// The rates of a tenant; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Read units per second.
    pub read_units: Option<Rate>,
    /// Write units per second.
    pub write_units: Option<Rate>,
    /// Network bytes per second.
    pub net: Option<Rate>,
}

/// What one tenant may use per second, and how long its requests wait for it.
#[derive(Debug)]
pub struct TenantLimits {
    /// Charged before storage is read.
    pub read_units: Limiter,
    /// Charged before storage is written.
    pub write_units: Limiter,
    /// Charged before a reply is sent.
    pub net: Limiter,
    max_wait_ns: AtomicU64,
}

/// A request that was refused because its tenant uses too much. Its text is the client's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "THROTTLED {tenant} {resource}: {cause} for {amount} {} at {}; \
     lower the rate or raise the quota",
    resource.unit(),
    RateText(*rate, *resource)
)]
pub struct Throttled {
    /// Whose limit it was.
    pub tenant: Arc<str>,
    /// Which limit it was.
    pub resource: Resource,
    /// What the request asked for.
    pub amount: Amount,
    /// The rate when it was refused.
    pub rate: Option<Rate>,
    /// Why it was refused.
    pub cause: Cause,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It waited this long in vain.
    Waited(Duration),
    /// Too many were waiting already.
    Crowded,
}

impl TenantLimits {
    /// Limits with empty buckets for `tenant`.
    #[must_use]
    pub fn new(tenant: &str, quota: Quota, max_wait: Duration) -> Self {
        let tenant: Arc<str> = tenant.into();
        let limiter = |resource, rate| Limiter::new(Arc::clone(&tenant), resource, rate);
        Self {
            read_units: limiter(Resource::ReadUnits, quota.read_units),
            write_units: limiter(Resource::WriteUnits, quota.write_units),
            net: limiter(Resource::Net, quota.net),
            max_wait_ns: AtomicU64::new(ns_of(max_wait)),
        }
    }

    /// Charges one resource, waiting for at most [`Self::max_wait`].
    ///
    /// # Errors
    /// [`Throttled`], see [`Limiter::charge`].
    pub async fn charge(&self, resource: Resource, amount: Amount) -> Result<(), Throttled> {
        self.limiter(resource).charge(amount, self.max_wait()).await
    }

    /// The limiter of one resource.
    #[must_use]
    pub fn limiter(&self, resource: Resource) -> &Limiter {
        match resource {
            Resource::ReadUnits => &self.read_units,
            Resource::WriteUnits => &self.write_units,
            Resource::Net => &self.net,
        }
    }

    /// The present rates.
    #[must_use]
    pub fn quota(&self) -> Quota {
        Quota {
            read_units: self.read_units.rate(),
            write_units: self.write_units.rate(),
            net: self.net.rate(),
        }
    }

    /// Changes the rates, for waiting requests too.
    pub fn set_quota(&self, quota: Quota) {
        self.read_units.set_rate(quota.read_units);
        self.write_units.set_rate(quota.write_units);
        self.net.set_rate(quota.net);
    }

    /// How long a request waits for one resource.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_nanos(self.max_wait_ns.load(Ordering::Relaxed))
    }

    /// Changes how long requests wait; those waiting keep the old time.
    pub fn set_max_wait(&self, max_wait: Duration) {
        self.max_wait_ns.store(ns_of(max_wait), Ordering::Relaxed);
    }
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReadUnits, Self::WriteUnits, Self::Net];

    /// The name used in errors, metrics and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadUnits => "read_units",
            Self::WriteUnits => "write_units",
            Self::Net => "net",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::ReadUnits => "RCU",
            Self::WriteUnits => "WCU",
            Self::Net => "B",
        }
    }

    /// What an idle bucket holds at the least, so that ordinary requests pass at low rates.
    pub(super) const fn least_burst(self) -> Amount {
        match self {
            Self::ReadUnits | Self::WriteUnits => Amount::units(1),
            Self::Net => Amount::bytes(4096),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waited(wait) => write!(f, "waited {} ms", wait.as_millis()),
            Self::Crowded => f.write_str("too many requests wait already"),
        }
    }
}

struct RateText(Option<Rate>, Resource);

impl fmt::Display for RateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => write!(f, "{rate} {}/s", self.1.unit()),
            None => f.write_str("no limit"),
        }
    }
}

fn ns_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Amount, Cause, Quota, Rate, Resource, TenantLimits, Throttled};

    fn throttled(resource: Resource, cause: Cause) -> Throttled {
        let rate = Some(Rate::per_second(50.0));
        Throttled { tenant: "orders".into(), resource, amount: Amount::units(3), rate, cause }
    }

    #[test]
    fn the_error_says_who_what_and_what_to_do() {
        assert_eq!(
            throttled(Resource::ReadUnits, Cause::Waited(Duration::from_secs(1))).to_string(),
            "THROTTLED orders read_units: waited 1000 ms for 3 RCU at 50 RCU/s; \
             lower the rate or raise the quota"
        );
        assert_eq!(
            throttled(Resource::Net, Cause::Crowded).to_string(),
            "THROTTLED orders net: too many requests wait already for 3 B at 50 B/s; \
             lower the rate or raise the quota"
        );
    }

    #[test]
    fn a_quota_reaches_each_limiter() {
        let limits = TenantLimits::new("orders", Quota::default(), Duration::from_secs(1));
        assert!(Resource::ALL.iter().all(|&resource| limits.limiter(resource).rate().is_none()));
        let rate = |per_s| Some(Rate::per_second(per_s));
        let quota = Quota { read_units: rate(62.5), write_units: rate(7.0), net: rate(1e10) };
        limits.set_quota(quota);
        assert_eq!(limits.quota(), quota);
    }
}
