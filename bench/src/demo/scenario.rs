//! Who the demo's tenants are and how large everything is.
//!
//! An entry takes about 4.2 kB of Redis memory, so 16 MiB hold some 3,500. At base, the tenant whose
//! working set is small (1,100 keys, all hits) is bound by its bandwidth at about 4,500 requests/s; the
//! one whose working set is large (8,000 keys) misses most and is bound by its read units at some 700.
//! Bandwidth is what the pool then runs out of, so the allocator gives the large one cache that the
//! small one does not need: fewer misses, and less of everything per request.
//!
//! Sizes are chosen so that a large working set is gone through in about ten seconds: a curve can only
//! show what has been read twice.

use std::fmt::Write;
use std::path::Path;

use crate::closed_loop::Sizes;

/// Sizes of all keys and values.
pub(super) const SIZES: Sizes = Sizes { key_bytes: 16, value_bytes: 4000 };
/// Connections per tenant, one request in flight on each.
pub(super) const CLIENTS: u64 = 16;
/// Connections per tenant while filling caches.
pub(super) const FILL_CLIENTS: u64 = 8;
/// Share of requests that are SETs.
const WRITE_RATIO: f64 = 0.05;
/// Both tenants' base share.
const BASE: &str = "cache = \"16MiB\"\nread_units = 400\nwrite_units = 1600\nnet = \"20MB/s\"\n";
/// Keys of a working set that fits the base cache with room to spare.
const SMALL: u64 = 1_100;
/// Keys of a working set more than twice the base cache.
const LARGE: u64 = 8_000;

/// A tenant of the demo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant {
    /// Its name, also the user name.
    pub(super) name: &'static str,
    /// Its working set, in keys.
    pub(super) keys: u64,
}

/// Both tenants, with the working sets they have at the time.
pub(super) type Cast = [Tenant; 2];

/// The tenants as they begin.
pub(super) const FIRST: Cast =
    [Tenant { name: "alpha", keys: SMALL }, Tenant { name: "beta", keys: LARGE }];
/// The tenants after the change: each has the other's working set.
pub(super) const SWAPPED: Cast =
    [Tenant { name: "alpha", keys: LARGE }, Tenant { name: "beta", keys: SMALL }];

impl Tenant {
    /// Its password; the server only listens on loopback while the demo runs.
    pub(super) fn password(&self) -> String {
        format!("{}-demo", self.name)
    }

    /// Its workload in the grammar of `hopperkv-load run`.
    pub(super) fn workload(&self) -> String {
        let Sizes { key_bytes, value_bytes } = SIZES;
        format!("n={},k={key_bytes},v={value_bytes},w={WRITE_RATIO},d=unif", self.keys)
    }
}

/// The server's configuration file.
///
/// The allocator starts switched off, so that filling the caches leaves no mark on the demand it sees.
/// What is not set has its default.
pub(super) fn config(token: &str, data_dir: &Path) -> String {
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nadmin_token = \"{token}\"\n\
         data_dir = \"{}\"\n\n\
         [storage]\nkind = \"synthetic\"\nlatency = \"5ms\"\nvalue_bytes = {}\n\n\
         [cache]\nkind = \"managed\"\n\n\
         [allocator]\npolicy = \"static\"\nenabled = false\ninterval = \"4s\"\nsmoothing = 2\n\
         gradual_step = \"4MiB\"\nmin_cache = \"4MiB\"\n",
        data_dir.display(),
        SIZES.value_bytes,
    );
    for tenant in FIRST {
        let (name, password) = (tenant.name, tenant.password());
        let _ = write!(text, "\n[[tenant]]\nname = \"{name}\"\npassword = \"{password}\"\n{BASE}");
    }
    text
}
