//! The order of starting and stopping.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dealer::{Dealer, bind};
use super::lock::{DataDirError, DataDirLock};
use super::{ServerCounts, Shared, open_files};
use crate::admin::AdminState;
use crate::clients::Clients;
use crate::config::{Config, StorageKind};
use crate::connection::FlowLimits;
use crate::epoch::Allocator;
use crate::state::{SavedState, StateError};
use crate::storage::{self, OpenError, Storage};
use crate::tenant::{OpenTenantError, Tenant, TenantSettings, Tenants};
use crate::worker::{Arrival, Worker};

/// Sockets waiting for their worker.
const ARRIVALS: usize = 256;
/// Tenants opened at a time: their tables are looked at, and made if need be.
const OPENINGS: usize = 32;
/// How often a long start says how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

/// Why the proxy did not start; nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(DataDirError),
    /// What an earlier run left there.
    #[error(transparent)]
    State(StateError),
    /// Storage.
    #[error("storage: {0}")]
    Storage(OpenError),
    /// A tenant.
    #[error(transparent)]
    Tenant(OpenTenantError),
    /// A socket.
    #[error("cannot listen on {addr} for {purpose}: {source}; {hint}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// What for.
        purpose: String,
        /// The system's error.
        source: io::Error,
        /// What to do.
        hint: String,
    },
    /// A thread.
    #[error("cannot start a worker thread: {0}")]
    Worker(io::Error),
}

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    listen: SocketAddr,
    admin: SocketAddr,
    tenant_ports: Vec<(String, SocketAddr)>,
    stop_accepting: CancellationToken,
    drain: CancellationToken,
    stop_control: CancellationToken,
    control_tasks: TaskTracker,
    workers: Vec<JoinHandle<()>>,
    storage: Storage,
    _lock: DataDirLock,
}

impl Server {
    /// Starts everything on the current (control) runtime and returns when clients are served.
    ///
    /// # Errors
    /// [`StartError`] names the place and the fix.
    pub(crate) async fn start(mut config: Config) -> Result<Self, StartError> {
        let lock = DataDirLock::take(&config.server.data_dir).map_err(StartError::DataDir)?;
        let saved = SavedState::load(&config.server.data_dir).map_err(StartError::State)?;
        saved.apply_to(&mut config).map_err(StartError::State)?;
        open_files::raise_limit(config.server.max_clients, config.tenants.len());
        let sockets = Sockets::bind(&config).await?;
        let storage = Storage::open(storage_config(&config), Handle::current())
            .await
            .map_err(StartError::Storage)?;
        let tenants = Arc::new(Tenants::new(TenantSettings {
            cache: config.cache.clone(),
            allocator: config.allocator.clone(),
            data_dir: config.server.data_dir.clone(),
            storage: storage.clone(),
            consistent_reads: config.storage.consistent_reads,
            workers: config.server.workers.count(),
        }));
        if let Err(error) = open_tenants(&tenants, &config).await {
            tenants.close().await;
            storage.shutdown().await;
            return Err(StartError::Tenant(error));
        }
        saved.restore_quotas(&tenants);
        let shared = Arc::new(Shared {
            flow_limits: FlowLimits {
                max_pipeline: config.server.max_pipeline,
                output_bytes: usize::try_from(config.server.output_buffer_bytes)
                    .unwrap_or(usize::MAX),
            },
            config,
            tenants,
            clients: Clients::default(),
            started_ms: crate::clock::unix_ms(),
            run_id: format!("{:040x}", rand::random::<u128>()),
            counts: ServerCounts::default(),
        });
        Self::run(shared, storage, sockets, saved, lock)
    }

    fn run(
        shared: Arc<Shared>,
        storage: Storage,
        sockets: Sockets,
        saved: SavedState,
        lock: DataDirLock,
    ) -> Result<Self, StartError> {
        let drain = CancellationToken::new();
        let (stop_accepting, stop_control) = (CancellationToken::new(), CancellationToken::new());
        let control_tasks = TaskTracker::new();
        let (senders, workers) = start_workers(&shared, &drain).map_err(StartError::Worker)?;
        let (listen, admin) = (sockets.listen.1, sockets.admin.1);
        let dealer = Dealer::new(Arc::clone(&shared), senders, stop_accepting.clone());
        let mut tenant_ports = Vec::new();
        dealer.deal(sockets.listen.0, None);
        for (name, listener, addr) in sockets.tenant_ports {
            dealer.deal(listener, shared.tenants.get(&name));
            tenant_ports.push((name, addr));
        }
        let allocator = Arc::new(Allocator::new(Arc::clone(&shared)));
        control_tasks.spawn(Arc::clone(&allocator).run(stop_control.clone()));
        let state = AdminState::new(
            Arc::clone(&shared),
            allocator,
            saved,
            dealer,
            listen,
            stop_control.clone(),
        );
        control_tasks.spawn(crate::admin::serve(sockets.admin.0, state));
        Ok(Self {
            shared,
            listen,
            admin,
            tenant_ports,
            stop_accepting,
            drain,
            stop_control,
            control_tasks,
            workers,
            storage,
            _lock: lock,
        })
    }

    /// Where clients connect.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where the admin API is.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Ports of single tenants, with their names.
    pub(crate) fn tenant_ports(&self) -> &[(String, SocketAddr)] {
        &self.tenant_ports
    }

    /// Names of the tenants it serves.
    pub(crate) fn tenant_names(&self) -> Vec<String> {
        self.shared.tenants.all().iter().map(|t| t.name.to_string()).collect()
    }

    /// Ends in order; requests under way get the configured time. True if all of them finished.
    pub(crate) async fn stop(self) -> bool {
        self.stop_accepting.cancel();
        self.drain.cancel();
        let patience = self.shared.config.server.drain_timeout;
        let drained = wait_for(self.workers, patience).await;
        if !drained {
            tracing::warn!(
                ?patience,
                "requests were still under way when the time to drain ran out"
            );
        }
        self.stop_control.cancel();
        self.control_tasks.close();
        self.control_tasks.wait().await;
        self.shared.tenants.close().await;
        self.storage.shutdown().await;
        drained
    }
}

/// Bound before anything else is started, so that a port in use leaves nothing half done.
struct Sockets {
    listen: (TcpListener, SocketAddr),
    admin: (TcpListener, SocketAddr),
    tenant_ports: Vec<(String, TcpListener, SocketAddr)>,
}

impl Sockets {
    async fn bind(config: &Config) -> Result<Self, StartError> {
        let server = &config.server;
        let listen = bind(server.listen, "clients", "[server] listen").await?;
        let admin = bind(server.admin, "the admin API", "[server] admin").await?;
        let mut tenant_ports = Vec::new();
        for tenant in &config.tenants {
            if let Some(port) = tenant.port {
                let addr = SocketAddr::new(server.listen.ip(), port);
                let purpose = format!("tenant \"{}\"", tenant.name);
                let (listener, addr) = bind(addr, &purpose, "the tenant's `port`").await?;
                tenant_ports.push((tenant.name.clone(), listener, addr));
            }
        }
        Ok(Self { listen, admin, tenant_ports })
    }
}

/// Opens the tenants side by side, a bounded number at a time, and says how far it is when that takes long.
async fn open_tenants(tenants: &Arc<Tenants>, config: &Config) -> Result<(), OpenTenantError> {
    let opening = config.tenants.iter().map(|tenant| tenants.open(tenant.clone()));
    let mut opening = pin!(stream::iter(opening).buffered(OPENINGS));
    let mut progress = tokio::time::interval(PROGRESS);
    progress.reset();
    let (mut open, all) = (0, config.tenants.len());
    loop {
        tokio::select! {
            opened = opening.next() => match opened {
                Some(opened) => {
                    let tenant: Arc<Tenant> = opened?;
                    open += 1;
                    tracing::debug!(tenant = %tenant.name, redis = %tenant.cache.address, "tenant is open");
                }
                None => return Ok(()),
            },
            _ = progress.tick() => tracing::info!("{open} of {all} tenants are open"),
        }
    }
}

type Workers = (Vec<mpsc::Sender<Arrival>>, Vec<JoinHandle<()>>);

fn start_workers(shared: &Arc<Shared>, drain: &CancellationToken) -> io::Result<Workers> {
    let mut senders = Vec::new();
    let mut threads = Vec::new();
    for number in 0..shared.config.server.workers.count() {
        let (sender, arrivals) = mpsc::channel(ARRIVALS);
        let (shared, drain) = (Arc::clone(shared), drain.clone());
        let (started, starts) = std::sync::mpsc::sync_channel(1);
        let thread =
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                // It cannot be moved between threads, so it is made on its own.
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    // Others on this core go first: while they run more arrives, which is then taken together, and
                    // often the sleep and the waking are saved.
                    .on_thread_park(std::thread::yield_now)
                    .build_local(LocalOptions::default());
                let (runtime, result) = match runtime {
                    Ok(runtime) => (Some(runtime), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                // Its starter waits for this.
                let _ = started.send(result);
                if let Some(runtime) = runtime {
                    runtime.block_on(Worker::run(shared, arrivals, drain));
                }
            })?;
        starts.recv().map_err(io::Error::other)??;
        senders.push(sender);
        threads.push(thread);
    }
    Ok((senders, threads))
}

async fn wait_for(threads: Vec<JoinHandle<()>>, patience: Duration) -> bool {
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            // A worker that panicked has ended as well; the panic was printed.
            let _ = thread.join();
        }
    });
    tokio::time::timeout(patience, joined).await.is_ok()
}

fn storage_config(config: &Config) -> storage::StorageConfig {
    let from = &config.storage;
    storage::StorageConfig {
        kind: match from.kind {
            StorageKind::Embedded => storage::StorageKind::Embedded,
            StorageKind::Dynamodb => storage::StorageKind::DynamoDb,
            StorageKind::Synthetic => storage::StorageKind::Synthetic,
        },
        endpoint: from.endpoint.clone(),
        region: from.region.clone(),
        consistent_reads: from.consistent_reads,
        create_tables: from.create_tables,
        connect_timeout: from.connect_timeout,
        attempt_timeout: from.attempt_timeout,
        operation_timeout: from.operation_timeout,
        max_attempts: from.max_attempts,
        max_concurrency: from.max_concurrency,
        batch: from.batch,
        attributes: storage::AttributeNames {
            key: from.key_attribute.clone(),
            value: from.value_attribute.clone(),
            kind: from.type_attribute.clone(),
            expiry_ms: from.expiry_attribute.clone(),
            ttl_s: from.ttl_attribute.clone(),
        },
        data_dir: config.server.data_dir.clone(),
        synthetic_latency: from.latency,
        synthetic_value_bytes: usize::try_from(from.value_bytes).unwrap_or(usize::MAX),
        synthetic_value_sizes: synthetic_value_sizes(from),
        ..storage::StorageConfig::default()
    }
}

fn synthetic_value_sizes(from: &crate::config::StorageConfig) -> Vec<(u64, usize)> {
    let stretches = from.value_sizes.stretches().iter();
    stretches
        .map(|(offset, size)| (*offset, usize::try_from(*size).unwrap_or(usize::MAX)))
        .collect()
}
