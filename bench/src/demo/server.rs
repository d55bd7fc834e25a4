//! The server of the demo: a child process with a configuration and data of its own.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

use super::admin::Admin;
use super::scenario::{self, Tenant};
use crate::client::{Credentials, Endpoint, Target};
use crate::error::LoadError;

/// How long the server may take to become ready.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to drain and end.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Pause between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(100);
/// Lines of its log that are shown when it fails.
const LOG_LINES: usize = 15;
/// The admin API's token; it listens on loopback only.
const TOKEN: &str = "demo-token";

/// A running server, killed if dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    admin: Admin,
    listen: String,
    log: PathBuf,
    /// Configuration, data and log; removed with the server.
    _dir: TempDir,
}

impl Server {
    /// Starts `program serve` on free ports and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start, ends early, or is not ready in time; its log is in the message.
    pub(super) async fn start(program: &Path) -> Result<Self, LoadError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| LoadError::File { path, source }
        };
        let dir = TempDir::with_prefix("hopperkv-demo-").map_err(file(&std::env::temp_dir()))?;
        let (config, log) = (dir.path().join("hopperkv.toml"), dir.path().join("server.log"));
        let [listen, admin_address] = free_addresses().map_err(file(Path::new("127.0.0.1")))?;
        let text = scenario::config(&listen, &admin_address, TOKEN, &dir.path().join("data"));
        fs::write(&config, text).map_err(file(&config))?;
        let out = File::create(&log).map_err(file(&log))?;
        let err = out.try_clone().map_err(file(&log))?;
        let child = Command::new(program)
            .args(["serve".as_ref(), "--config".as_ref(), config.as_os_str()])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // A Ctrl-C in the terminal is ours to pass on, after the load has ended.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(file(program))?;
        let admin = Admin::new(&admin_address, TOKEN);
        let mut server = Self { child, admin, listen, log, _dir: dir };
        if let Err(error) = server.wait_ready().await {
            // Gracefully, so that it takes the Redis servers it started with it.
            let _ = server.stop().await;
            return Err(error);
        }
        Ok(server)
    }

    /// Its admin API.
    pub(super) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Where a tenant connects.
    pub(super) fn target(&self, tenant: &Tenant) -> Target {
        let user = Some(tenant.name.to_owned());
        let credentials = Some(Credentials { user, password: tenant.password() });
        Target { endpoint: Endpoint::Tcp(self.listen.clone()), credentials }
    }

    /// Asks it to drain and end, and waits for that.
    ///
    /// # Errors
    /// If it does not end in time (it is killed then) or ends with another code than 0.
    pub(super) async fn stop(mut self) -> Result<(), LoadError> {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGINT);
        }
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failure(&format!("the server ended with {status}"))),
            Ok(Err(error)) => Err(self.failure(&format!("waiting for the server: {error}"))),
            Err(_) => {
                let limit_s = STOP_LIMIT.as_secs();
                Err(self.failure(&format!("the server did not stop within {limit_s} s")))
            }
        }
    }

    async fn wait_ready(&mut self) -> Result<(), LoadError> {
        let give_up_at = Instant::now() + START_LIMIT;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("the server ended with {status}")));
            }
            if self.admin.is_ready().await {
                return Ok(());
            }
            if Instant::now() > give_up_at {
                let limit_s = START_LIMIT.as_secs();
                return Err(self.failure(&format!("the server was not ready within {limit_s} s")));
            }
        }
    }

    fn failure(&self, problem: &str) -> LoadError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
        LoadError::Demo(format!("{problem}; its last words:\n  {tail}"))
    }
}

/// Two loopback addresses that nobody listens on at the moment.
fn free_addresses() -> io::Result<[String; 2]> {
    let (first, second) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([first.local_addr()?.to_string(), second.local_addr()?.to_string()])
}
