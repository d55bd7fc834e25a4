//! A real `redis-server` for the model: unix socket in a directory of its own, ended when dropped.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Connection;

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The process and its directory.
pub(super) struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    pub(super) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(dir.path().join("redis.sock"))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        Self { child, dir }
    }

    /// Waits until it answers.
    pub(super) fn connect(&self) -> Connection {
        let url = format!("unix://{}", self.dir.path().join("redis.sock").display());
        let client = redis::Client::open(url).expect("a socket's URL");
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match client.get_connection() {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "redis-server: {error}"),
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
