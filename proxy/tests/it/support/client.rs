//! A blocking client that sends exactly the bytes it is told to and shows exactly what came back.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::PATIENCE;

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<Socket>,
}

/// The sending half of a connection, for a thread of its own.
#[derive(Debug)]
pub(crate) struct Sender(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A reply, RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Other(u8, String),
}

impl Client {
    /// Connects without signing in.
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).unwrap()
    }

    /// Connects without signing in; fails when nobody listens.
    pub(crate) fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(Socket::Tcp(stream)) })
    }

    /// Connects to a unix socket: a Redis behind the proxy, or one to compare with.
    pub(crate) fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(Socket::Unix(stream)) }
    }

    /// A second handle on the connection that only sends.
    pub(crate) fn sender(&self) -> Sender {
        Sender(match self.stream.get_ref() {
            Socket::Tcp(stream) => Socket::Tcp(stream.try_clone().unwrap()),
            Socket::Unix(stream) => Socket::Unix(stream.try_clone().unwrap()),
        })
    }

    /// Sends raw bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Sends a command without waiting for its reply.
    pub(crate) fn send_command<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send(&encode(args));
    }

    /// Sends a command and reads its reply.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send_command(args);
        self.read()
    }

    /// Sends a command given as words.
    pub(crate) fn cmd(&mut self, line: &str) -> Value {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Reads one reply.
    ///
    /// # Panics
    /// When the connection is closed or silent.
    pub(crate) fn read(&mut self) -> Value {
        self.try_read().expect("a reply")
    }

    /// Reads one reply; `None` when the connection is closed.
    pub(crate) fn try_read(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        let n = self.stream.read_until(b'\n', &mut line).ok()?;
        if n == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&line[1..]).trim_end().to_owned();
        Some(match line[0] {
            b'+' => Value::Simple(text),
            b'-' => Value::Error(text),
            b':' => Value::Int(text.parse().unwrap()),
            b'_' => Value::Nil,
            b'$' | b'=' => {
                let Ok(len) = text.parse::<usize>() else { return Some(Value::Nil) };
                let mut bytes = vec![0; len + 2];
                self.stream.read_exact(&mut bytes).ok()?;
                bytes.truncate(len);
                Value::Bulk(bytes)
            }
            b'*' | b'~' | b'>' => {
                let Ok(len) = text.parse::<usize>() else { return Some(Value::Nil) };
                Value::Array((0..len).map(|_| self.try_read()).collect::<Option<_>>()?)
            }
            b'%' => {
                let len: usize = text.parse().unwrap();
                let pairs = (0..len).map(|_| Some((self.try_read()?, self.try_read()?)));
                Value::Map(pairs.collect::<Option<_>>()?)
            }
            other => Value::Other(other, text),
        })
    }

    /// Reads one reply as the bytes it came in; `None` when the connection is closed.
    pub(crate) fn read_reply_bytes(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut replies_left: usize = 1;
        while replies_left > 0 {
            replies_left -= 1;
            let start = bytes.len();
            if self.stream.read_until(b'\n', &mut bytes).ok()? == 0 {
                return None;
            }
            let count: Option<usize> =
                std::str::from_utf8(&bytes[start + 1..]).ok().and_then(|t| t.trim().parse().ok());
            match (bytes[start], count) {
                (b'$' | b'=', Some(len)) => bytes.extend(self.read_raw(len + 2)),
                (b'*' | b'~' | b'>', Some(len)) => replies_left += len,
                (b'%', Some(len)) => replies_left += 2 * len,
                _ => {}
            }
        }
        Some(bytes)
    }

    /// Reads until the server closes the connection.
    pub(crate) fn read_to_close(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            // It closed with something of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("not closed ({error}) after {}", bytes.escape_ascii()),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&mut self) {
        match self.stream.get_ref() {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
        .unwrap();
    }

    /// Reads exactly `n` raw bytes.
    pub(crate) fn read_raw(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// True when the server closed the connection and nothing is left to read.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset && rest.is_empty(),
        }
    }
}

impl Sender {
    /// Sends raw bytes; fails when the connection is gone or, with a time-out set, takes no more.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Gives up on a send that does not get on for this long.
    pub(crate) fn set_timeout(&self, timeout: std::time::Duration) {
        match &self.0 {
            Socket::Tcp(stream) => stream.set_write_timeout(Some(timeout)),
            Socket::Unix(stream) => stream.set_write_timeout(Some(timeout)),
        }
        .unwrap();
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Value {
    /// A bulk string.
    pub(crate) fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    /// `+OK`.
    pub(crate) fn ok() -> Self {
        Self::Simple(String::from("OK"))
    }

    /// True for an error reply.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// The text of an error reply.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn error(&self) -> &str {
        match self {
            Self::Error(text) => text,
            other => panic!("expected an error, got {other:?}"),
        }
    }

    /// The number of an integer reply.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn int(&self) -> i64 {
        match self {
            Self::Int(n) => *n,
            other => panic!("expected an integer, got {other:?}"),
        }
    }

    /// Text of a bulk string.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("expected a bulk string, got {other:?}"),
        }
    }
}

/// A command in RESP.
pub(crate) fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}
