//! A `redis-server` that a test starts, kills and starts again on the same address.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::eventually;
use super::port::Port;

/// A running server; without persistence unless its directory holds a snapshot.
#[derive(Debug)]
pub(crate) struct RedisServer {
    dir: TempDir,
    port: Port,
    password: Option<&'static str>,
    options: &'static [&'static str],
    child: Child,
}

impl RedisServer {
    /// Starts one on a free port and a unix socket.
    pub(crate) fn start(password: Option<&'static str>) -> Self {
        Self::start_with(password, &[])
    }

    /// Starts one with more options.
    pub(crate) fn start_with(
        password: Option<&'static str>,
        options: &'static [&'static str],
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("hkr").tempdir_in("/tmp").unwrap();
        let port = Port::reserve();
        let child = spawn(&dir, &port, password, options);
        let server = Self { dir, port, password, options, child };
        server.wait();
        server
    }

    /// The URL of its port.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.port.address())
    }

    /// The URL of another way to it.
    pub(crate) fn url_at(&self, address: std::net::SocketAddr) -> String {
        let password = self.password.map(|p| format!(":{p}@")).unwrap_or_default();
        format!("redis://{password}{address}")
    }

    /// The URL of its unix socket.
    pub(crate) fn unix_url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Where its port is.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.port.address()
    }

    /// Runs `redis-cli`.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.arg("-s").arg(self.socket());
        if let Some(password) = self.password {
            command.args(["--no-auth-warning", "-a", password]);
        }
        let output = command.args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again; it loads the snapshot in its directory, if there is one.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.dir, &self.port, self.password, self.options);
        self.wait();
    }

    /// Removes its snapshot.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_file(self.dir.path().join("dump.rdb"));
    }

    fn wait(&self) {
        eventually("redis-server answers", || (self.cli(&["PING"]) == "PONG").then_some(()));
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &TempDir, port: &Port, password: Option<&str>, options: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .args(["--port", &port.number.to_string()])
        .args(options)
        .arg("--dir")
        .arg(dir.path())
        .arg("--unixsocket")
        .arg(dir.path().join("redis.sock"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    command.spawn().unwrap()
}
