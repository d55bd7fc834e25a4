//! A stock redis-server for tests: on a unix socket in a directory of its own, gone when dropped.

use crate::resp::ReplyScanner;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub(super) struct StockRedis {
    child: Child,
    stream: UnixStream,
    socket: PathBuf,
    _directory: TempDir,
}

impl StockRedis {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with more options.
    pub(super) fn start_with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("redis.sock");
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(directory.path())
            .args(options)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let log = BufReader::new(child.stdout.take().expect("its output is piped"));
        let ready = log.lines().map_while(Result::ok).any(|line| {
            line.contains("now ready to accept connections at") || line.contains("Ready to accept")
        });
        assert!(ready, "redis-server did not start");
        let stream = UnixStream::connect(&socket).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
        Self { child, stream, socket, _directory: directory }
    }

    /// Sends one command and returns the bytes of its reply.
    pub(super) fn call(&mut self, args: &[bytes::Bytes]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).expect("redis-server reads");
        let (mut reply, mut scanner) = (Vec::new(), ReplyScanner::new());
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = self.stream.read(&mut chunk).expect("redis-server replies");
            assert!(count > 0, "redis-server closed the connection on {args:?}");
            reply.extend_from_slice(&chunk[..count]);
            if let Some(found) = scanner.scan(&reply).expect("redis-server speaks RESP2") {
                assert_eq!(found.len, reply.len());
                return reply;
            }
        }
    }

    /// Sends bytes on a connection of their own and returns all that comes back.
    pub(super) fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
        stream.write_all(bytes).expect("redis-server reads");
        stream.shutdown(Shutdown::Write).expect("the socket is open");
        let mut replies = Vec::new();
        stream.read_to_end(&mut replies).expect("redis-server replies and closes");
        replies
    }
}

impl Drop for StockRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
