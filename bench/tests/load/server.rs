//! A stock redis-server on a unix socket in a directory of its own, killed when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Redis {
    child: Child,
    pub(crate) dir: TempDir,
}

impl Redis {
    /// Starts a server that keeps nothing on disk; `extra` are further options.
    pub(crate) fn start(extra: &[&str]) -> Self {
        let dir = TempDir::with_prefix("load-test-").expect("a temporary directory");
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(dir.path().join("redis.sock"))
            .args(extra)
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is installed");
        let log = BufReader::new(child.stdout.take().expect("its output is piped"));
        let ready = log
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains("ready to accept connections"));
        assert!(ready, "redis-server ended before it was ready");
        Self { child, dir }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    /// Sends one inline command and returns the first line of the reply.
    pub(crate) fn say(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).expect("the server accepts");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("the command is sent");
        let mut line = String::new();
        BufReader::new(Read::by_ref(&mut stream)).read_line(&mut line).expect("a reply");
        line.trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
