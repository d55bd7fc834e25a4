//! A stock redis-server on a TCP port of its own: what the proxy is compared with.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

use crate::error::LoadError;

/// How long it may take until it accepts connections, and to end.
const LIMIT: Duration = Duration::from_secs(10);
/// Pause between two looks at whether it accepts connections.
const LOOK: Duration = Duration::from_millis(5);
/// Attempts to find a port that nobody else takes meanwhile.
const ATTEMPTS: u32 = 5;

/// A running redis-server, killed if dropped.
#[derive(Debug)]
pub(super) struct Stock {
    child: Child,
    address: SocketAddr,
    /// Its working directory.
    _dir: TempDir,
}

impl Stock {
    /// Starts one with as much memory and the same eviction as a tenant's; `extra` are further options.
    ///
    /// # Errors
    /// If there is no redis-server, or it does not accept connections in time.
    pub(super) async fn start(cache: &str, extra: &[&str]) -> Result<Self, LoadError> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(cache, extra).await? {
                Ok(stock) => return Ok(stock),
                Err(problem) => last = problem,
            }
        }
        Err(LoadError::Server(format!("redis-server: {last}")))
    }

    async fn attempt(cache: &str, extra: &[&str]) -> Result<Result<Self, String>, LoadError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| LoadError::File { path, source }
        };
        let dir = TempDir::with_prefix("hopperkv-redis-").map_err(file(&std::env::temp_dir()))?;
        // Another process may take the port before Redis does; then the next attempt finds another.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(file(Path::new("127.0.0.1")))?;
        let child = Command::new("redis-server")
            .args(["--port", &address.port().to_string(), "--save", "", "--appendonly", "no"])
            .args(["--maxmemory", cache, "--maxmemory-policy", "allkeys-lru"])
            .args(extra)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(file(Path::new("redis-server")))?;
        let mut stock = Self { child, address, _dir: dir };
        let give_up_at = Instant::now() + LIMIT;
        let mut looks = interval(LOOK);
        while TcpStream::connect(address).await.is_err() {
            looks.tick().await;
            if let Ok(Some(status)) = stock.child.try_wait() {
                return Ok(Err(format!("ended with {status}")));
            }
            if Instant::now() > give_up_at {
                return Ok(Err(format!("did not accept connections in {} s", LIMIT.as_secs())));
            }
        }
        // What was connected to may be another's server if Redis lost the port and is about to end.
        if timeout(LOOK * 4, stock.child.wait()).await.is_ok() {
            return Ok(Err(String::from("ended at once")));
        }
        Ok(Ok(stock))
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process; `None` once it has ended.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it does not end in time; it is killed then.
    pub(super) async fn stop(mut self) -> Result<(), LoadError> {
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGTERM);
        }
        let ended = timeout(LIMIT, self.child.wait()).await;
        let problem = || LoadError::Server(String::from("redis-server did not end in time"));
        ended.map_err(|_| problem())?.map(drop).map_err(|_| problem())
    }
}
