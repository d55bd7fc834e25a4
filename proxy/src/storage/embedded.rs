//! The embedded engine: a DynamoDB-compatible server inside this process.
//!
//! The proxy talks to it over loopback with the same SDK as to AWS, so there is
//! one storage path to test and to trust. The engine runs SQLite inline, where
//! it blocks; it therefore has a thread and a runtime to itself, and the sweep
//! of expired items has another.
//!
//! Durability: SQLite in WAL mode with `synchronous = FULL`, one fsync before
//! each acknowledgement. Acknowledged writes survive `kill -9` at any moment,
//! and a power cut as far as the disk keeps what it reported as flushed.
//!
//! The endpoint has no authentication: any local user who finds the port can
//! read and write the tables. It only ever listens on 127.0.0.1.

use dynoxide::Database;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

const DATABASE_FILE: &str = "dynamodb.sqlite";
const LOCK_FILE: &str = "dynamodb.lock";
const BACKLOG: u32 = 1024;

/// How long requests in progress may take once a stop was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The embedded engine did not start.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The data directory or a file in it cannot be used.
    #[error("data directory {}: {action}: {source}; set [server] data_dir to a directory this user can write", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error(
        "data directory {} is in use by another hopperkv (process {owner}); stop that one or set another [server] data_dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Process id found in the lock file.
        owner: String,
    },
    /// The database file could not be opened.
    #[error("database {}: {detail}; restore the file from a backup or move it away", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// The server could not be started on loopback.
    #[error("embedded storage: {action}: {source}")]
    Server {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A running engine. Stopped by [`Embedded::stop`], or when dropped.
#[derive(Debug)]
pub struct Embedded {
    endpoint: String,
    stop_server: Option<oneshot::Sender<()>>,
    stop_sweep: Option<SyncSender<()>>,
    sweep_ended: Option<Receiver<()>>,
    server: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Opens (or creates) the database under `data_dir` and serves it on a free
    /// loopback port. Expired items are deleted every `sweep_interval`; a sweep
    /// reads every item. Blocks while the file is opened.
    ///
    /// # Errors
    /// [`EmbeddedError`]: the directory cannot be written or is in use, the
    /// file is not a database, or no thread or port is to be had.
    pub fn start(data_dir: &Path, sweep_interval: Duration) -> Result<Self, EmbeddedError> {
        let lock = Arc::new(lock_directory(data_dir)?);
        let database = open_database(&data_dir.join(DATABASE_FILE))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| server_error("start a runtime", source))?;
        let listener = {
            let _context = runtime.enter();
            listen().map_err(|source| server_error("listen on 127.0.0.1", source))?
        };
        let address =
            listener.local_addr().map_err(|source| server_error("read the port", source))?;

        let (stop_server, stopped) = oneshot::channel::<()>();
        let (stop_sweep, sweep_stopped) = sync_channel::<()>(1);
        let (ending, sweep_ended) = sync_channel::<()>(1);
        let (served, server_lock) = (database.clone(), Arc::clone(&lock));
        let server = std::thread::Builder::new()
            .name("embedded-db".into())
            .spawn(move || {
                runtime.block_on(serve(listener, served, stopped));
                drop(server_lock);
            })
            .map_err(|source| server_error("start a thread", source))?;
        std::thread::Builder::new()
            .name("embedded-sweep".into())
            .spawn(move || {
                while let Err(RecvTimeoutError::Timeout) =
                    sweep_stopped.recv_timeout(sweep_interval)
                {
                    sweep(&database);
                }
                drop(database);
                drop(lock);
                drop(ending);
            })
            .map_err(|source| server_error("start a thread", source))?;
        Ok(Self {
            endpoint: format!("http://{address}"),
            stop_server: Some(stop_server),
            stop_sweep: Some(stop_sweep),
            sweep_ended: Some(sweep_ended),
            server: Some(server),
        })
    }

    /// The URL it is served on.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Answers what is in progress, ends the sweep (each for at most 5 s), and
    /// releases the directory. Blocks.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop_sweep.take());
        drop(self.stop_server.take());
        if let Some(server) = self.server.take()
            && server.join().is_err()
        {
            tracing::error!("the embedded storage's thread panicked");
        }
        // A sweep cannot be interrupted; one that takes longer ends with the process.
        if let Some(sweep_ended) = self.sweep_ended.take() {
            let _ = sweep_ended.recv_timeout(DRAIN_TIMEOUT);
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves until `stopped` resolves (its sender may just be dropped), then until
/// the open requests are answered.
async fn serve(listener: TcpListener, database: Database, stopped: oneshot::Receiver<()>) {
    let (draining, drain) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
        let _ = draining.send(());
    };
    let server = dynoxide::server::serve_with_shutdown(listener, database, shutdown);
    let overdue = async move {
        let _ = drain.await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = server => {
            if let Err(error) = result {
                tracing::error!(error, "the embedded storage stopped serving");
            }
        }
        () = overdue => tracing::warn!("requests to the embedded storage were cut off"),
    }
}

/// A loopback listener whose connections send without delay; the sockets it
/// accepts inherit the option.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(BACKLOG)
}

fn sweep(database: &Database) {
    match database.sweep_ttl() {
        Ok(0) => {}
        Ok(deleted) => tracing::debug!(deleted, "deleted expired items"),
        Err(error) => tracing::warn!(%error, "the sweep of expired items failed"),
    }
}

/// Takes the directory for this process. The lock goes when the process does,
/// however it ends.
fn lock_directory(data_dir: &Path) -> Result<File, EmbeddedError> {
    let failed = |action| {
        move |source| EmbeddedError::Directory { path: data_dir.to_owned(), action, source }
    };
    std::fs::create_dir_all(data_dir).map_err(failed("create it"))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(data_dir.join(LOCK_FILE))
        .map_err(failed("open the lock file"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            let owner = if owner.is_empty() { "unknown".to_owned() } else { owner };
            return Err(EmbeddedError::InUse { path: data_dir.to_owned(), owner });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock it")(source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(failed("write the lock file"))?;
    Ok(file)
}

fn open_database(path: &Path) -> Result<Database, EmbeddedError> {
    let failed = |detail: String| EmbeddedError::Database { path: path.to_owned(), detail };
    let text = path.to_str().ok_or_else(|| failed("its path is not UTF-8".into()))?;
    Database::new(text).map_err(|error| failed(error.to_string()))
}

fn server_error(action: &'static str, source: std::io::Error) -> EmbeddedError {
    EmbeddedError::Server { action, source }
}
