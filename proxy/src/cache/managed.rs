//! A stock `redis-server` that the proxy starts and owns: unix socket, LRU, no persistence.
//!
//! The child gets its own process group, so Ctrl-C in a terminal reaches the proxy only and the child lives until the
//! proxy has drained. After `kill -9` of the proxy the child stays behind; the next start finds it on its socket, ends
//! it and starts an empty one, because nobody knows which of its values are stale.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::control::Control;
use super::link::RedisAddress;
use super::upstream::REPLY_TIMEOUT;

/// Longest path that fits a unix socket address.
const MAX_SOCKET_PATH_BYTES: usize = 107;
const START_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(5);

/// How to run one tenant's `redis-server`.
#[derive(Debug)]
pub(crate) struct ManagedRedis {
    program: String,
    socket: PathBuf,
    pid_file: PathBuf,
    log_file: PathBuf,
    maxmemory_samples: u32,
    child: Option<Child>,
}

/// Why a `redis-server` could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManagedError {
    /// No such program.
    #[error(
        "cannot run `{program}`: {source}; install Redis (Debian, Ubuntu: apt-get install redis-server) or set \
         [cache] redis_server to its path"
    )]
    Program {
        /// What was to be run.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// It does not do as redis-server does.
    #[error("`{program} --version` {reason}; set [cache] redis_server to a redis-server")]
    Useless {
        /// What was run.
        program: String,
        /// What it did.
        reason: String,
    },
    /// The data directory's path is too long for a socket in it.
    #[error(
        "the socket path {path} has {len} bytes, the system allows {MAX_SOCKET_PATH_BYTES}; set [server] data_dir to a shorter path"
    )]
    PathTooLong {
        /// The path.
        path: String,
        /// Its length.
        len: usize,
    },
    /// Files could not be made.
    #[error("cannot prepare {path}: {source}")]
    Files {
        /// The directory or file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// It ended or did not answer.
    #[error("redis-server did not come up: {reason}; its log is {log}")]
    Start {
        /// What happened.
        reason: String,
        /// Where to read more.
        log: String,
    },
    /// The socket is taken by a process that does not go away.
    #[error("another redis-server holds {path} and does not stop; end it by hand")]
    Orphan {
        /// The socket.
        path: String,
    },
}

impl ManagedRedis {
    /// Describes the server of `tenant` under `data_dir`; starts nothing.
    ///
    /// # Errors
    /// [`ManagedError::PathTooLong`].
    pub(crate) fn new(
        program: &str,
        data_dir: &Path,
        tenant: &str,
        maxmemory_samples: u32,
    ) -> Result<Self, ManagedError> {
        let dir = data_dir.join("redis");
        let socket = std::path::absolute(dir.join(format!("{tenant}.sock")))
            .map_err(|source| ManagedError::Files { path: dir.display().to_string(), source })?;
        let len = socket.as_os_str().len();
        if len > MAX_SOCKET_PATH_BYTES {
            return Err(ManagedError::PathTooLong { path: socket.display().to_string(), len });
        }
        Ok(Self {
            program: program.to_owned(),
            pid_file: socket.with_extension("pid"),
            log_file: socket.with_extension("log"),
            socket,
            maxmemory_samples,
            child: None,
        })
    }

    /// Runs `PROGRAM --version`, so that a proxy that could not start any server is told so before it is needed.
    ///
    /// # Errors
    /// [`ManagedError::Program`], or [`ManagedError::Useless`] if it does not end well.
    pub(crate) async fn check(program: &str) -> Result<(), ManagedError> {
        let mut command = Command::new(program);
        command.arg("--version").stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let useless = |reason| ManagedError::Useless { program: program.to_owned(), reason };
        let output = match tokio::time::timeout(START_TIMEOUT, command.output()).await {
            Ok(output) => output
                .map_err(|source| ManagedError::Program { program: program.to_owned(), source })?,
            Err(_) => return Err(useless(String::from("does not end"))),
        };
        if output.status.success() {
            Ok(())
        } else {
            Err(useless(format!("ended with {}", output.status)))
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> RedisAddress {
        RedisAddress::unix(self.socket.clone())
    }

    /// Starts it with the given size and waits until it answers. One that is left from before is ended first.
    ///
    /// # Errors
    /// Why it does not run.
    pub(crate) async fn start(&mut self, maxmemory_bytes: u64) -> Result<(), ManagedError> {
        if let Some(dir) = self.socket.parent() {
            std::fs::create_dir_all(dir).map_err(|source| ManagedError::Files {
                path: dir.display().to_string(),
                source,
            })?;
        }
        self.end_orphan().await?;
        let child = self
            .command(maxmemory_bytes)
            .spawn()
            .map_err(|source| ManagedError::Program { program: self.program.clone(), source })?;
        self.child = Some(child);
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        loop {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(self.failed(&format!("it ended with {status}")));
            }
            if Control::open(&self.address()).await.is_ok() {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(self.failed("it does not answer"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Resolves when the child has ended; never, if none was started.
    pub(crate) async fn ended(&mut self) {
        match &mut self.child {
            Some(child) => {
                // An error means that there is nothing to wait for.
                let _ = child.wait().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Ends the child, kindly first if it answers.
    pub(crate) async fn stop(&mut self) {
        if let Some(child) = &mut self.child
            && let Ok(mut control) = Control::open(&RedisAddress::unix(self.socket.clone())).await
        {
            control.shutdown().await;
            // If it takes longer it is killed.
            let _ = tokio::time::timeout(STOP_TIMEOUT, child.wait()).await;
        }
        self.kill().await;
    }

    /// Ends the child at once.
    pub(crate) async fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // An error means that it has ended already.
        let _ = child.kill().await;
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_file(&self.pid_file);
    }

    fn command(&self, maxmemory_bytes: u64) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--port", "0", "--unixsocketperm", "700", "--daemonize", "no"])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
            .args(["--maxmemory-policy", "allkeys-lru"])
            .args(["--lua-time-limit", &REPLY_TIMEOUT.as_millis().to_string()])
            .args(["--maxmemory-samples", &self.maxmemory_samples.to_string()])
            .args(["--maxmemory", &maxmemory_bytes.to_string()])
            .arg("--unixsocket")
            .arg(&self.socket)
            .arg("--pidfile")
            .arg(&self.pid_file)
            .arg("--logfile")
            .arg(&self.log_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Whether an earlier run may have left one.
    pub(super) fn may_have_been_left(&self) -> bool {
        self.socket.exists()
    }

    /// Ends the one that an earlier run left, if so.
    ///
    /// # Errors
    /// [`ManagedError::Orphan`].
    pub(super) async fn end_orphan(&self) -> Result<(), ManagedError> {
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT * 2;
        let mut asked = false;
        while std::os::unix::net::UnixStream::connect(&self.socket).is_ok() {
            if !asked {
                tracing::info!(socket = %self.socket.display(), "ending a redis-server left from an earlier run");
                if let Ok(mut control) = Control::open(&self.address()).await {
                    control.shutdown().await;
                }
                asked = true;
            }
            if tokio::time::Instant::now() > deadline {
                return Err(ManagedError::Orphan { path: self.socket.display().to_string() });
            }
            if tokio::time::Instant::now() + STOP_TIMEOUT > deadline {
                self.kill_by_pid_file();
            }
            tokio::time::sleep(POLL).await;
        }
        let _ = std::fs::remove_file(&self.socket);
        Ok(())
    }

    /// For one that hangs: its pid file lies beside the socket in our own directory.
    fn kill_by_pid_file(&self) {
        let pid = std::fs::read_to_string(&self.pid_file).ok().and_then(|t| t.trim().parse().ok());
        if let Some(pid) = pid.filter(|pid| *pid > 1) {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
    }

    fn failed(&self, reason: &str) -> ManagedError {
        ManagedError::Start { reason: reason.to_owned(), log: self.log_file.display().to_string() }
    }
}
