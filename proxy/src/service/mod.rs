//! THE room: what a command does, across cache, storage and limits.
//!
//! One [`Service`] per tenant and worker. [`read`] follows a read from the cache to storage and back; [`write`] says
//! how each write decides, [`change`] where it decides from, and [`commit`] makes it durable and visible; [`native`]
//! lets Redis compute what the proxy does not, [`transaction`] is EXEC, [`keyspace`] walks through all keys, and
//! [`hits`] takes the straight path of a read that Redis answers, [`near`] that of one that need not go
//! there. Nothing in here knows about sockets; replies leave as
//! values or as raw bytes into the client's reply queue.

mod change;
mod commit;
mod execute;
mod failure;
mod hits;
mod keyspace;
mod lanes;
mod native;
mod near;
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

use crate::cache::{Coherence, Deliver, Health, Hit, RedisAddress, TenantCache, Ticket, Upstream};
use crate::inflight::KeyOf;
use crate::near::NearCache;
use crate::resp::Protocol;
use crate::tenant::{Counters, Tenant};

use lanes::{Lane, Lanes};

pub(crate) use execute::Request;
pub(crate) use failure::Failure;
use near::NearHits;
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
    /// The connections to the tenant's Redis; the first in RESP2 is also `coherence`'s.
    lanes: Lanes,
    /// Connections to the spare Redis in RESP2 and RESP3, opened when they are first needed.
    spares: [OnceCell<Lane>; 2],
    /// A running mean of the bytes of whole items that Redis computes with, for reads that show a part of one.
    typical_bytes: Cell<f64>,
    /// This worker's near copies, if the tenant has a near cache, and what resizes them.
    near: Option<(Rc<NearCache>, AbortHandle)>,
    near_hits: NearHits,
}

impl Service {
    /// Opens the tenant on the current worker: connects to its Redis in the background.
    pub(crate) fn open(tenant: Arc<Tenant>, tasks: TaskTracker) -> Rc<Self> {
        let counters = tenant.new_counters();
        tenant.cache.health.wake();
        Rc::new_cyclic(|this| {
            let cache = &tenant.cache;
            let lanes = Lanes::default();
            let open = || connect(&cache.address, &cache.health, Protocol::Resp2, false, this);
            let upstream = Rc::clone(lanes.get(Protocol::Resp2, 0, open));
            let coherence = Coherence::new(upstream, tenant.cache.times);
            let near = tenant.near.as_ref().map(|near| {
                let near = Rc::new(near.open());
                let follower = Rc::clone(&near);
                let follow = async move { follower.follow_budget().await };
                (near, tokio::task::spawn_local(follow).abort_handle())
            });
            Self {
                tenant,
                counters,
                coherence,
                tasks,
                this: Weak::clone(this),
                lanes,
                spares: Default::default(),
                typical_bytes: Cell::new(0.0),
                near,
                near_hits: NearHits::default(),
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

    /// The lane for the reads of a client that has none under way.
    pub(crate) fn free_lane(&self, protocol: Protocol) -> usize {
        self.lanes.pick(protocol)
    }

    /// The first connection on which Redis answers in the client's dialect.
    pub(crate) fn upstream(&self, protocol: Protocol) -> &Upstream {
        self.lane(protocol, 0)
    }

    /// A connection on which Redis answers in the client's dialect.
    pub(crate) fn lane(&self, protocol: Protocol, lane: usize) -> &Upstream {
        self.lanes.get(protocol, lane, || {
            let TenantCache { address, health, .. } = &self.tenant.cache;
            connect(address, health, protocol, lane > 0, &self.this)
        })
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
        let connect = || connect(address, health, protocol, false, &self.this);
        let spare = &self.spares.get(protocol as usize)?.get_or_init(connect).0;
        spare.is_usable().then_some(spare)
    }

    fn key_of(&self, key: &Bytes) -> KeyOf {
        KeyOf { tenant: self.tenant.number, key: key.clone() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some((_, follow)) = &self.near {
            follow.abort();
        }
        for (_, task) in self.spares.iter().filter_map(OnceCell::get) {
            task.abort();
        }
    }
}

/// Connects to a Redis in the background.
fn connect(
    address: &RedisAddress,
    health: &Arc<Health>,
    protocol: Protocol,
    is_extra: bool,
    service: &Weak<Service>,
) -> Lane {
    let deliver = Box::new(ToService(Weak::clone(service)));
    let upstream = Upstream::new(address.clone(), protocol, is_extra, Arc::clone(health), deliver);
    let task = tokio::task::spawn_local(Rc::clone(&upstream).run()).abort_handle();
    (upstream, task)
}

/// The upstream's way back to the service that owns it.
struct ToService(Weak<Service>);

impl Deliver for ToService {
    fn hits(&self, hits: &mut Vec<Hit>, asked: &[u8], replies: &[u8]) {
        if let Some(service) = self.0.upgrade() {
            service.deliver_hits(hits, asked, replies);
        }
    }

    fn miss(&self, ticket: Ticket, asked: Bytes) {
        if let Some(service) = self.0.upgrade() {
            service.take_miss(ticket, &asked);
        }
    }
}
