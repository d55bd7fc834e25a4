//! A proxy as a child process, with a configuration, data and a log of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

use crate::error::LoadError;

/// How long it may take to drain and end, at least.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Pause between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(2);
/// Lines of its log that are shown when it fails.
const LOG_LINES: usize = 15;

/// How to start a proxy.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The `hopperkv` program.
    pub program: &'a Path,
    /// What runs it, with arguments of its own (`valgrind --tool=callgrind`); usually nothing.
    pub under: &'a [OsString],
    /// Filter of its log, for `--log`.
    pub log: &'a str,
    /// How long it may take to become ready.
    pub limit: Duration,
}

/// A running proxy, killed if dropped, and with it the Redis servers that it had no time to end.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ready: Ready,
    started_in: Duration,
    stop_limit: Duration,
    log: PathBuf,
    /// Configuration, data and log; removed with the server.
    dir: TempDir,
}

/// What it says of itself when it serves.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Ready {
    listen: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // First the proxy, which would start them again. One that has ended in order has left none.
        let _ = self.child.start_kill();
        kill_orphans(&self.dir.path().join("data"), 1);
    }
}

/// Kills the Redis servers whose pid files are in a directory, or in directories so deep in it.
fn kill_orphans(directory: &Path, depth: usize) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if depth > 0 && path.is_dir() {
            kill_orphans(&path, depth - 1);
        }
        if path.extension().is_none_or(|extension| extension != "pid") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let Some(pid) = text.trim().parse::<i32>().ok().filter(|pid| *pid > 1) else { continue };
        // The pid may have gone to somebody else since. Redis names its socket, which lies beside, in its title.
        let socket = path.with_extension("sock");
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&title).contains(&*socket.to_string_lossy()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Launch<'_> {
    /// A program without anything around it.
    pub fn plain(program: &Path) -> Launch<'_> {
        Launch { program, under: &[], log: "warn", limit: Duration::from_secs(60) }
    }
}

impl Server {
    /// Starts `program serve` with the configuration that `config` writes for a data directory, and waits until it serves.
    /// The configuration should listen on port 0.
    ///
    /// # Errors
    /// If it does not start, ends early, or is not ready in time; its log is in the message.
    pub async fn start(
        launch: &Launch<'_>,
        config: impl FnOnce(&Path) -> String,
    ) -> Result<Self, LoadError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| LoadError::File { path, source }
        };
        let dir = TempDir::with_prefix("hopperkv-").map_err(file(&std::env::temp_dir()))?;
        let (path, log) = (dir.path().join("hopperkv.toml"), dir.path().join("server.log"));
        fs::write(&path, config(&dir.path().join("data"))).map_err(file(&path))?;
        let out = File::create(&log).map_err(file(&log))?;
        let err = out.try_clone().map_err(file(&log))?;
        let announced = dir.path().join("ready.json");
        let mut words: Vec<OsString> = launch.under.to_vec();
        words.push(launch.program.into());
        words.extend(["serve", "--log", launch.log, "--config"].map(OsString::from));
        words.extend([path.into(), "--ready-file".into(), announced.clone().into()]);
        let begun = Instant::now();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // A Ctrl-C in the terminal is ours to pass on, after the load has ended.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(file(Path::new(&words[0])))?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let ready = Ready { listen: nowhere, admin: nowhere };
        // What makes a start slow makes the end slow.
        let stop_limit = STOP_LIMIT.max(launch.limit);
        let mut server = Self { child, ready, started_in: Duration::ZERO, stop_limit, log, dir };
        match server.wait_ready(&announced, launch.limit).await {
            Ok(ready) => {
                server.ready = ready;
                server.started_in = begun.elapsed();
                Ok(server)
            }
            Err(error) => {
                // Gracefully, so that it takes the Redis servers it started with it.
                let _ = server.stop().await;
                Err(error)
            }
        }
    }

    /// Where clients connect.
    pub fn listen(&self) -> SocketAddr {
        self.ready.listen
    }

    /// Where its admin API is.
    pub fn admin(&self) -> SocketAddr {
        self.ready.admin
    }

    /// Time from its start to the moment it said that it serves.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Its process; `None` once it has ended.
    pub fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to drain and end, and waits for that.
    ///
    /// # Errors
    /// If it does not end in time (it is killed then) or ends with another code than 0.
    pub async fn stop(mut self) -> Result<(), LoadError> {
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGINT);
        }
        match timeout(self.stop_limit, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failure(&format!("the server ended with {status}"))),
            Ok(Err(error)) => Err(self.failure(&format!("waiting for the server: {error}"))),
            Err(_) => {
                let limit_s = self.stop_limit.as_secs();
                Err(self.failure(&format!("the server did not stop within {limit_s} s")))
            }
        }
    }

    async fn wait_ready(&mut self, announced: &Path, limit: Duration) -> Result<Ready, LoadError> {
        let give_up_at = Instant::now() + limit;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            // The file is written beside and renamed: it is there whole or not at all.
            if let Ok(text) = fs::read_to_string(announced) {
                return serde_json::from_str(&text)
                    .map_err(|error| self.failure(&format!("its ready file {text:?}: {error}")));
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("the server ended with {status}")));
            }
            if Instant::now() > give_up_at {
                let limit_s = limit.as_secs();
                return Err(self.failure(&format!("the server was not ready within {limit_s} s")));
            }
        }
    }

    /// A failure with the end of its log.
    pub fn failure(&self, problem: &str) -> LoadError {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
        LoadError::Server(format!("{problem}; its last words:\n  {tail}"))
    }
}
