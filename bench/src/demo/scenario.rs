//! Who the demo's tenants are and how large everything is.
//!
//! An entry takes about 590 bytes of Redis memory, so 24 MiB hold some 39,000. At base, `alpha`
//! (12,000 keys, all hits) is bound by its bandwidth at about 2,400 requests/s. `beta` (90,000
//! keys) misses 57 % and is bound by its read units at about 370 requests/s. Bandwidth is what the
//! pool then runs out of, so HARE gives `beta` cache that `alpha` does not need: fewer misses, and
//! less of everything per request. The optimum is about 1.7 times the base for both.

use std::fmt::Write;
use std::path::Path;

use crate::closed_loop::Sizes;

/// Sizes of all keys and values.
pub(super) const SIZES: Sizes = Sizes { key_bytes: 16, value_bytes: 500 };
/// Connections per tenant, one request in flight on each.
pub(super) const CLIENTS: u64 = 16;
/// Connections per tenant while filling caches.
pub(super) const FILL_CLIENTS: u64 = 8;
/// Share of requests that are SETs.
const WRITE_RATIO: f64 = 0.05;
/// Both tenants' base share.
const BASE: &str = "cache = \"24MiB\"\nread_units = 200\nwrite_units = 200\nnet = \"1.3MB/s\"\n";

/// A tenant of the demo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant {
    /// Its name, also the user name.
    pub(super) name: &'static str,
    /// Its working set, in keys.
    pub(super) keys: u64,
}

/// The two tenants.
pub(super) const TENANTS: [Tenant; 2] =
    [Tenant { name: "alpha", keys: 12_000 }, Tenant { name: "beta", keys: 90_000 }];

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
/// The allocator starts switched off, so that filling the caches leaves no mark on the demand it
/// sees, and samples more keys than usual, because the working sets are small.
pub(super) fn config(listen: &str, admin: &str, token: &str, data_dir: &Path) -> String {
    let mut text = format!(
        "[server]\nlisten = \"{listen}\"\nadmin = \"{admin}\"\nadmin_token = \"{token}\"\n\
         data_dir = \"{}\"\n\n\
         [storage]\nkind = \"synthetic\"\nlatency = \"5ms\"\nvalue_bytes = {}\n\n\
         [cache]\nkind = \"managed\"\n\n\
         [allocator]\npolicy = \"static\"\nenabled = false\ninterval = \"5s\"\n\
         apply = \"direct\"\nthreshold = 0.0\nsample_one_in = 8\n",
        data_dir.display(),
        SIZES.value_bytes,
    );
    for tenant in TENANTS {
        let (name, password) = (tenant.name, tenant.password());
        let _ = write!(text, "\n[[tenant]]\nname = \"{name}\"\npassword = \"{password}\"\n{BASE}");
    }
    text
}
