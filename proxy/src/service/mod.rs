//! THE room: what a command does, across cache, storage and limits.
//!
//! One [`Service`] per tenant and worker. [`read`] follows a read from the cache to storage and back, [`write`] a write
//! to storage and into the cache, [`hits`] takes the straight path of a `GET` that Redis answers. Nothing in here knows
//! about sockets; replies leave as values or as raw bytes into the client's reply queue.

mod execute;
mod failure;
mod hits;
mod read;
mod write;

use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::cache::{Coherence, Deliver, GetTicket, HitBatch, Upstream};
use crate::inflight::KeyOf;
use crate::tenant::{Counters, Tenant};

pub(crate) use execute::Request;
pub(crate) use failure::Failure;
pub(crate) use read::FlightResult;

/// One tenant on one worker.
#[derive(Debug)]
pub(crate) struct Service {
    tenant: Arc<Tenant>,
    counters: Arc<Counters>,
    coherence: Coherence,
    tasks: TaskTracker,
    this: Weak<Service>,
    upstream_task: AbortHandle,
}

impl Service {
    /// Opens the tenant on the current worker: connects to its Redis in the background.
    pub(crate) fn open(tenant: Arc<Tenant>, tasks: TaskTracker) -> Rc<Self> {
        let counters = tenant.new_counters();
        Rc::new_cyclic(|this| {
            let upstream = Upstream::new(
                tenant.cache.address.clone(),
                Arc::clone(&tenant.cache.health),
                Box::new(ToService(Weak::clone(this))),
            );
            let upstream_task = tokio::task::spawn_local(Rc::clone(&upstream).run()).abort_handle();
            let coherence = Coherence::new(upstream, tenant.cache.times);
            Self { tenant, counters, coherence, tasks, this: Weak::clone(this), upstream_task }
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

    /// The connection that plain `GET`s are forwarded on.
    pub(crate) fn upstream(&self) -> &Upstream {
        self.coherence.upstream()
    }

    fn key_of(&self, key: &Bytes) -> KeyOf {
        KeyOf { tenant: self.tenant.number, key: key.clone() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.upstream_task.abort();
    }
}

/// The upstream's way back to the service that owns it.
struct ToService(Weak<Service>);

impl Deliver for ToService {
    fn hits(&self, batch: &mut HitBatch, bytes: &[u8]) {
        if let Some(service) = self.0.upgrade() {
            service.deliver_hits(batch, bytes);
        }
    }

    fn miss(&self, ticket: GetTicket, key: Bytes) {
        if let Some(service) = self.0.upgrade() {
            service.take_miss(ticket, key);
        }
    }
}
