//! One connection of a volley: what it has to write, which replies it waits for, and whether they are right.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::replies::{Replies, Seen};
use super::requests::Requests;
use crate::client::Endpoint;
use crate::error::LoadError;
use crate::payload::check_value;
use crate::resp::Commands;

/// How long the reply to a login may take.
const LOGIN_LIMIT: Duration = Duration::from_secs(5);

/// Requests that were sent together and are not all answered yet.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// Place of the first unanswered one among the requests.
    at: usize,
    left: usize,
}

/// How to log in: user (the tenant) and password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The tenant.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// A connection; not blocking, told by the caller when there is something to read or room to write.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    address: SocketAddr,
    replies: Replies,
    waiting: VecDeque<Batch>,
    /// What the kernel has not taken yet, as places of bytes: (place of the batch, its requests, bytes written).
    unwritten: VecDeque<(usize, usize, usize)>,
    /// Values until the next is compared.
    until_check: u32,
    check_every: u32,
    pub(super) verified: u64,
}

impl Link {
    /// Connects, logs in if asked to, and registers as `token`, for reading and for writing, edge-triggered.
    pub(super) fn open(
        address: SocketAddr,
        token: usize,
        registry: &Registry,
        login: Option<&Login>,
        check_every: u32,
    ) -> Result<Self, LoadError> {
        let connect = |source| LoadError::Connect { endpoint: endpoint(address), source };
        let mut blocking = std::net::TcpStream::connect(address).map_err(connect)?;
        if let Some(login) = login {
            log_in(&mut blocking, address, login)?;
        }
        blocking.set_nonblocking(true).map_err(connect)?;
        blocking.set_nodelay(true).map_err(connect)?;
        let mut stream = TcpStream::from_std(blocking);
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(token), both).map_err(connect)?;
        Ok(Self {
            stream,
            address,
            replies: Replies::default(),
            waiting: VecDeque::new(),
            unwritten: VecDeque::new(),
            until_check: 1,
            check_every: check_every.max(1),
            verified: 0,
        })
    }

    /// Whether every request is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends `count` requests from `at` on, or as much of them as the kernel takes; the rest follows with [`Link::flush`].
    pub(super) fn send(
        &mut self,
        requests: &Requests,
        at: usize,
        count: usize,
    ) -> Result<(), LoadError> {
        self.waiting.push_back(Batch { at, left: count });
        self.unwritten.push_back((at, count, 0));
        self.flush(requests)
    }

    /// Writes what is left to write.
    pub(super) fn flush(&mut self, requests: &Requests) -> Result<(), LoadError> {
        while let Some((at, count, written)) = self.unwritten.front_mut() {
            let bytes = &requests.batch(*at, *count)[*written..];
            match self.stream.write(bytes) {
                Ok(taken) if taken == bytes.len() => drop(self.unwritten.pop_front()),
                Ok(taken) => *written += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.lost(source)),
            }
        }
        Ok(())
    }

    /// Reads what has come; returns how many replies were completed by it.
    pub(super) fn receive(
        &mut self,
        requests: &Requests,
        buffer: &mut [u8],
    ) -> Result<u64, LoadError> {
        let mut count = 0;
        loop {
            let bytes = match self.stream.read(buffer) {
                Ok(0) => return Err(self.lost(ErrorKind::UnexpectedEof.into())),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.lost(source)),
            };
            count += self.count(requests, &buffer[..bytes])?;
            // Less than there was room for: there was no more.
            if bytes < buffer.len() {
                return Ok(count);
            }
        }
    }

    fn count(&mut self, requests: &Requests, bytes: &[u8]) -> Result<u64, LoadError> {
        let (mut count, mut wrong) = (0, None);
        let Self { replies, waiting, until_check, check_every, verified, .. } = self;
        let fed = replies.feed(bytes, |reply| {
            let Some(batch) = waiting.front_mut() else {
                wrong.get_or_insert_with(|| String::from("a reply that nothing was asked for"));
                return;
            };
            let at = batch.at;
            batch.at += 1;
            batch.left -= 1;
            if batch.left == 0 {
                waiting.pop_front();
            }
            count += 1;
            *until_check = until_check.saturating_sub(1);
            match judge(requests, at, reply, *until_check == 0) {
                Ok(true) => {
                    *verified += 1;
                    *until_check = *check_every;
                }
                Ok(false) => {}
                Err(text) => drop(wrong.get_or_insert(text)),
            }
        });
        let endpoint = endpoint(self.address);
        fed.map_err(|source| LoadError::Protocol { endpoint, source })?;
        match wrong {
            Some(text) => Err(LoadError::Bench(format!("{}: {text}", self.address))),
            None => Ok(count),
        }
    }

    fn lost(&self, source: io::Error) -> LoadError {
        LoadError::Lost { endpoint: endpoint(self.address), source }
    }
}

/// Says what is wrong with the reply to request `at`; `true` if all of it was compared.
fn judge(requests: &Requests, at: usize, reply: Seen<'_>, compare: bool) -> Result<bool, String> {
    let key = || format!("key {}", requests.offset(at));
    match reply {
        Seen::Error(text) => Err(format!("{}: error {}", key(), String::from_utf8_lossy(text))),
        Seen::Done if !requests.reads() => Ok(false),
        Seen::Value(bytes, whole) if requests.reads() && bytes == requests.value_bytes() => {
            match whole {
                Some(value) if compare => {
                    check_value(value, requests.offset(at))
                        .map_err(|text| format!("{}: wrong value: {text}", key()))?;
                    Ok(true)
                }
                _ => Ok(false),
            }
        }
        other => Err(format!("{}: unexpected reply {other:?}", key())),
    }
}

/// Logs in before the connection becomes non-blocking.
fn log_in(
    stream: &mut std::net::TcpStream,
    address: SocketAddr,
    login: &Login,
) -> Result<(), LoadError> {
    let lost = |source| LoadError::Lost { endpoint: endpoint(address), source };
    let mut command = Commands::default();
    command.push(&[b"AUTH", login.user.as_bytes(), login.password.as_bytes()]);
    stream.set_read_timeout(Some(LOGIN_LIMIT)).map_err(lost)?;
    stream.write_all(command.pending()).map_err(lost)?;
    // Byte by byte: nothing follows the one line that answers.
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") {
        stream.read_exact(&mut byte).map_err(lost)?;
        line.push(byte[0]);
    }
    if line == b"+OK\r\n" {
        return Ok(());
    }
    let reply = String::from_utf8_lossy(line.trim_ascii()).into_owned();
    Err(LoadError::Login { endpoint: endpoint(address), reply })
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::Tcp(address.to_string())
}
