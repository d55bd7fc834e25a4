//! A stock `redis-server` to compare with, on a unix socket in a directory of its own.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Client, Value, eventually};

/// A running Redis; gone when dropped.
#[derive(Debug)]
pub(crate) struct StockRedis {
    child: Child,
    socket: PathBuf,
    _dir: TempDir,
}

impl StockRedis {
    /// Starts an empty one and waits until it answers.
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("hkvr").tempdir_in("/tmp").unwrap();
        let socket = dir.path().join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { child, socket, _dir: dir };
        // The file is there before anybody listens.
        eventually("the stock Redis listens", || UnixStream::connect(&redis.socket).ok());
        assert_eq!(redis.client().cmd("PING"), Value::Simple(String::from("PONG")));
        redis
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect_unix(&self.socket)
    }
}

impl Drop for StockRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
