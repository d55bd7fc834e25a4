//! How many files the process may have open: every client takes one, and every connection to a Redis.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files of a tenant in use: its connections to Redis, one per worker and protocol, and the keeper's.
const PER_TENANT: usize = 6;
/// Sockets that are listened on, storage, logs, runtimes.
const OTHERS: usize = 128;

/// Raises the limit to what the configuration may need, as Redis does, and warns where the system allows less. Children that
/// are started later inherit it.
pub(super) fn raise_limit(max_clients: usize, tenants: usize) {
    let needed = max_clients.saturating_add(tenants * PER_TENANT + OTHERS) as u64;
    let allowed = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(now, most)| {
        if now < needed.min(most) {
            setrlimit(Resource::RLIMIT_NOFILE, needed.min(most), most)?;
        }
        Ok(most)
    });
    match allowed {
        Ok(allowed) if allowed < needed => tracing::warn!(
            "the system allows {allowed} open files; [server] max_clients = {max_clients} and {tenants} tenants may need \
             {needed}: raise the hard limit (ulimit -Hn, or LimitNOFILE of the service), or lower max_clients"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}
