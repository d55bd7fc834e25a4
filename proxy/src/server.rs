//! Starts everything in order, deals clients to workers, and ends everything in order.
//!
//! Start: data directory -> storage -> tenants (table, Redis) -> sockets -> workers -> admin and epoch loop. Whatever
//! fails on the way undoes what was started before. Stop: no new clients -> requests under way finish -> epoch loop and
//! admin end -> Redis children stop -> storage closes.

mod dealer;
mod lock;
mod open_files;
mod start;

pub(crate) use dealer::Dealer;
pub(crate) use start::{Server, StartError};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use crate::admin::Denials;
use crate::clients::Clients;
use crate::config::Config;
use crate::connection::FlowLimits;
use crate::tenant::Tenants;

/// What all threads of the proxy share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The configuration it was started with.
    pub(crate) config: Config,
    /// The tenants.
    pub(crate) tenants: Arc<Tenants>,
    /// Who is connected.
    pub(crate) clients: Clients,
    /// Bounds of each connection.
    pub(crate) flow_limits: FlowLimits,
    /// When it was started, in epoch ms.
    pub(crate) started_ms: u64,
    /// Identifies this run.
    pub(crate) run_id: String,
    /// Counts of the whole proxy.
    pub(crate) counts: ServerCounts,
}

/// Counts of the whole proxy since start.
#[derive(Debug, Default)]
pub(crate) struct ServerCounts {
    /// Connections accepted.
    pub(crate) accepted: AtomicU64,
    /// Connections refused because too many were open.
    pub(crate) refused: AtomicU64,
    /// Failed sign-ins.
    pub(crate) denied: AtomicU64,
    /// Requests of the admin API that were turned away.
    pub(crate) admin_denials: Denials,
    /// Those who listen to its events now.
    pub(crate) admin_listeners: AtomicUsize,
    /// Memory of its history.
    pub(crate) admin_history_bytes: AtomicUsize,
}
