//! The edge where wall time comes in. Everything below takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, as expiries are written.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
