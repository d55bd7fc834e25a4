//! A Redis that computes for tenants whose own Redis is down, so that their reads and writes go on.
//!
//! One per proxy, started when it is first needed and kept from then on; stock, on a unix socket, without persistence
//! or a bound on memory. It holds nothing between two computations ([`super::staging`]), so it may serve any tenant,
//! and nothing is lost with it. A [`Keeper`] restarts it. Where no redis-server can be started, nothing is computed in
//! an outage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::health::Health;
use super::keeper::Keeper;
use super::link::RedisAddress;
use super::managed::ManagedRedis;
use super::ownership::Ownership;

/// Its name in the log and of its files; no tenant's name begins like this.
const NAME: &str = "_spare";
/// Of no consequence: nothing is evicted.
const SAMPLES: u32 = 5;
/// A request waits so long for it to start.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// The spare Redis, running or not.
#[derive(Debug)]
pub(crate) struct Spare {
    address: Option<RedisAddress>,
    health: Arc<Health>,
    /// Until it is started.
    keeper: Mutex<Option<Keeper>>,
    /// Where it is kept: it outlives the worker that needs it first.
    runtime: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Spare {
    /// Starts nothing yet. Called on the control runtime; `tasks` is waited for at a shutdown.
    pub(crate) fn new(program: &str, data_dir: &Path, tasks: TaskTracker) -> Self {
        let health = Arc::new(Health::default());
        // A data directory whose sockets' paths are too long has none.
        let redis = ManagedRedis::new(program, data_dir, NAME, SAMPLES).ok();
        let address = redis.as_ref().map(ManagedRedis::address);
        let unbounded = Arc::new(AtomicU64::new(0));
        let keeper = redis.map(|redis| {
            let (address, health) = (redis.address(), Arc::clone(&health));
            let ownership = Ownership::Managed(Box::new(redis));
            Keeper::new(
                NAME.into(),
                address,
                ownership,
                SAMPLES,
                health,
                unbounded,
                Keeper::starts(),
            )
        });
        let stop = CancellationToken::new();
        let keeper = Mutex::new(keeper);
        Self { address, health, keeper, runtime: Handle::current(), tasks, stop }
    }

    /// Where it is, and whether it may be asked.
    pub(crate) fn place(&self) -> Option<(&RedisAddress, &Arc<Health>)> {
        Some((self.address.as_ref()?, &self.health))
    }

    /// Starts it if need be, and waits until it serves; false if it does not.
    pub(crate) async fn is_ready(self: &Arc<Self>) -> bool {
        if self.health.is_serving() {
            return true;
        }
        if let Some(keeper) = self.keeper.lock().take() {
            self.start(keeper);
        }
        let serves = async {
            while !self.health.is_serving() {
                tokio::time::sleep(POLL).await;
            }
        };
        self.address.is_some() && tokio::time::timeout(PATIENCE, serves).await.is_ok()
    }

    /// Ends it with the proxy.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.keeper.lock().take();
    }

    fn start(self: &Arc<Self>, mut keeper: Keeper) {
        let spare = Arc::clone(self);
        let kept = async move {
            match keeper.start().await {
                Ok(()) => {
                    tracing::info!("a spare Redis computes while a tenant's own cannot");
                    keeper.run(spare.stop.clone()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "no spare Redis: what Redis has to compute waits for the tenant's own");
                    // Not again at once for every request that would have it.
                    tokio::select! {
                        () = tokio::time::sleep(PATIENCE) => *spare.keeper.lock() = Some(keeper),
                        () = spare.stop.cancelled() => {}
                    }
                }
            }
        };
        self.tasks.spawn_on(kept, &self.runtime);
    }
}
