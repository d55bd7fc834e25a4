//! THE room: what a command does, across cache, storage and limits.
//!
//! One [`Service`] per tenant and worker. [`read`] follows a read from the cache to storage and back; [`write`] says
//! how each write decides, [`change`] where it decides from, and [`commit`] makes it durable and visible; [`native`]
//! lets Redis compute what the proxy does not, [`transaction`] is EXEC, [`keyspace`] walks through all keys, and
//! [`hits`] takes the straight path of a read that Redis answers. Nothing in here knows about sockets; replies leave as
//! values or as raw bytes into the client's reply queue.

mod change;
mod commit;
mod execute;
mod failure;
mod hits;
mod keyspace;
mod native;
mod read;
mod scripting;
mod snapshot;
mod transaction;
mod watch;
mod write;

use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::cache::{
    Coherence, Deliver, Health, HitBatch, RedisAddress, TenantCache, Ticket, Upstream,
};
use crate::inflight::KeyOf;
use crate::resp::Protocol;
use crate::tenant::{Counters, Tenant};

pub(crate) use execute::Request;
pub(crate) use failure::Failure;
pub(crate) use read::FlightResult;
pub(crate) use transaction::{BlockCommand, Executed, array_of};
pub(crate) use watch::Watched;

/// One tenant on one worker.
#[derive(Debug)]
pub(crate) struct Service {
    tenant: Arc<Tenant>,
    counters: Arc<Counters>,
    coherence: Coherence,
    tasks: TaskTracker,
    this: Weak<Service>,
    upstream_task: AbortHandle,
    /// The connection for RESP3 clients, opened for the first of them.
    resp3: OnceCell<(Rc<Upstream>, AbortHandle)>,
    /// Connections to the spare Redis in RESP2 and RESP3, opened when they are first needed.
    spares: [OnceCell<(Rc<Upstream>, AbortHandle)>; 2],
    /// A running mean of the bytes of whole items that Redis computes with, for reads that show a part of one.
    typical_bytes: Cell<f64>,
}

impl Service {
    /// Opens the tenant on the current worker: connects to its Redis in the background.
    pub(crate) fn open(tenant: Arc<Tenant>, tasks: TaskTracker) -> Rc<Self> {
        let counters = tenant.new_counters();
        Rc::new_cyclic(|this| {
            let cache = &tenant.cache;
            let (upstream, upstream_task) =
                connect(&cache.address, &cache.health, Protocol::Resp2, this);
            let coherence = Coherence::new(upstream, tenant.cache.times);
            Self {
                tenant,
                counters,
                coherence,
                tasks,
                this: Weak::clone(this),
                upstream_task,
                resp3: OnceCell::new(),
                spares: Default::default(),
                typical_bytes: Cell::new(0.0),
            }
        })
    }

    /// The tenant.
    pub(crate) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// This worker's counters of the tenant.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The connection on which Redis answers in the client's dialect.
    pub(crate) fn upstream(&self, protocol: Protocol) -> &Upstream {
        match protocol {
            Protocol::Resp2 => self.coherence.upstream(),
            Protocol::Resp3 => {
                let TenantCache { address, health, .. } = &self.tenant.cache;
                let connect = || connect(address, health, Protocol::Resp3, &self.this);
                &self.resp3.get_or_init(connect).0
            }
        }
    }

    /// A connection to a Redis that can compute, which answers in the client's dialect: the tenant's own or, while that
    /// is down, the spare one.
    async fn engine(&self, protocol: Protocol) -> Option<&Upstream> {
        let own = self.upstream(protocol);
        if own.is_usable() {
            return Some(own);
        }
        let spare = &self.tenant.spare;
        let (address, health) = spare.place()?;
        if !spare.is_ready().await {
            return None;
        }
        let connect = || connect(address, health, protocol, &self.this);
        let spare = &self.spares.get(protocol as usize)?.get_or_init(connect).0;
        spare.is_usable().then_some(spare)
    }

    fn key_of(&self, key: &Bytes) -> KeyOf {
        KeyOf { tenant: self.tenant.number, key: key.clone() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.upstream_task.abort();
        for (_, task) in self.spares.iter().chain([&self.resp3]).filter_map(OnceCell::get) {
            task.abort();
        }
    }
}

/// Connects to a Redis in the background.
fn connect(
    address: &RedisAddress,
    health: &Arc<Health>,
    protocol: Protocol,
    service: &Weak<Service>,
) -> (Rc<Upstream>, AbortHandle) {
    let deliver = Box::new(ToService(Weak::clone(service)));
    let upstream = Upstream::new(address.clone(), protocol, Arc::clone(health), deliver);
    let task = tokio::task::spawn_local(Rc::clone(&upstream).run()).abort_handle();
    (upstream, task)
}

/// The upstream's way back to the service that owns it.
struct ToService(Weak<Service>);

impl Deliver for ToService {
    fn hits(&self, batch: &mut HitBatch, bytes: &[u8]) {
        if let Some(service) = self.0.upgrade() {
            service.deliver_hits(batch, bytes);
        }
    }

    fn miss(&self, ticket: Ticket, asked: Bytes) {
        if let Some(service) = self.0.upgrade() {
            service.take_miss(ticket, &asked);
        }
    }
}
