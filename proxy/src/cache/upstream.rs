//! One worker's raw, pipelined connection to one tenant's Redis.
//!
//! Requests of all clients of the worker are appended to one buffer and written together; replies come back in the
//! same order and are matched with a queue of waiters. A `GET` that hits is handed on as raw bytes, never parsed beyond
//! its length. Everything here runs on the worker's own thread, so there are no locks.
//!
//! When the connection breaks, or Redis answers nothing for [`REPLY_TIMEOUT`], every waiter is told, the tenant's
//! [`Health`] stops service for all workers, and the connection is opened again in the background.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use redis_protocol::resp2::types::BytesFrame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::health::Health;
use super::link::{ReadHalf, RedisAddress, WriteHalf};
use super::scripts::Script;
use crate::replies::ReplyQueue;
use crate::resp::{Protocol, ReplyKind, ReplyScanner, encode_request};

/// Redis answers within this or counts as lost.
const REPLY_TIMEOUT: Duration = Duration::from_millis(1500);
/// First and longest pause between attempts to connect.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
const READ_BUFFER_BYTES: usize = 64 * 1024;

static HASHES: LazyLock<[String; 5]> =
    LazyLock::new(|| Script::ALL.map(|s| redis::Script::new(s.source()).get_hash().to_owned()));

/// A forwarded `GET` that waits for Redis.
#[derive(Debug, Clone)]
pub(crate) struct GetTicket {
    /// The client's reply queue.
    pub(crate) replies: Rc<ReplyQueue>,
    /// The reply's place in it.
    pub(crate) seq: u64,
    /// The client's dialect.
    pub(crate) protocol: Protocol,
    /// Hash of the key.
    pub(crate) hash: u64,
    /// When the request was read.
    pub(crate) started: Instant,
}

/// A `GET` that Redis answered with a value.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Who asked.
    pub(crate) ticket: GetTicket,
    /// Where the key lies in the batch's keys.
    pub(crate) key: Range<usize>,
    /// Where the whole RESP reply lies in the batch's bytes.
    pub(crate) reply: Range<usize>,
    /// Length of the value in bytes.
    pub(crate) value_len: usize,
}

/// All hits that one read from Redis brought.
#[derive(Debug, Default)]
pub(crate) struct HitBatch {
    /// The hits in request order.
    pub(crate) hits: Vec<Hit>,
    /// Their keys, one after the other.
    pub(crate) keys: Vec<u8>,
}

/// What becomes of forwarded `GET`s; implemented by the service.
pub(crate) trait Deliver {
    /// Passes values on; `bytes` is what the ranges of the hits refer to.
    fn hits(&self, batch: &mut HitBatch, bytes: &[u8]);
    /// Redis had no value, or could not be asked.
    fn miss(&self, ticket: GetTicket, key: Bytes);
}

/// Redis could not be asked, or its answer is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's Redis cannot be reached")]
pub(crate) struct CacheLost;

#[derive(Debug)]
enum Waiter {
    Get { ticket: GetTicket, key_len: usize },
    Call(oneshot::Sender<Bytes>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not connected yet, nothing has failed: requests are queued.
    Connecting,
    Connected,
    /// Requests are refused until the connection stands again.
    Broken,
}

/// Handle on the connection; cheap to share on its worker.
pub(crate) struct Upstream {
    address: RedisAddress,
    health: Arc<Health>,
    deliver: Box<dyn Deliver>,
    state: Cell<State>,
    out: RefCell<BytesMut>,
    waiters: RefCell<VecDeque<Waiter>>,
    keys: RefCell<VecDeque<u8>>,
    written: Notify,
    answered: Cell<u64>,
    watch_parked: Cell<bool>,
    watch: Notify,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Upstream {
    /// A handle; [`Upstream::run`] must be spawned beside it.
    pub(crate) fn new(
        address: RedisAddress,
        health: Arc<Health>,
        deliver: Box<dyn Deliver>,
    ) -> Rc<Self> {
        Rc::new(Self {
            address,
            health,
            deliver,
            state: Cell::new(State::Connecting),
            out: RefCell::default(),
            waiters: RefCell::default(),
            keys: RefCell::default(),
            written: Notify::new(),
            answered: Cell::new(0),
            watch_parked: Cell::new(false),
            watch: Notify::new(),
        })
    }

    /// True when a request would be sent.
    pub(crate) fn is_usable(&self) -> bool {
        self.state.get() != State::Broken && self.health.is_serving()
    }

    /// Forwards a client's `GET`, already in RESP. Call only if [`Upstream::is_usable`].
    pub(crate) fn forward_get(&self, request: &[u8], key: &[u8], ticket: GetTicket) {
        self.wake_writer();
        self.out.borrow_mut().extend_from_slice(request);
        self.keys.borrow_mut().extend(key);
        self.enqueue(Waiter::Get { ticket, key_len: key.len() });
    }

    /// Runs a script with two keys.
    ///
    /// # Errors
    /// [`CacheLost`] when the script may not have run, or Redis refused it.
    pub(crate) async fn script(
        &self,
        script: Script,
        keys: [&[u8]; 2],
        args: &[&[u8]],
    ) -> Result<BytesFrame, CacheLost> {
        if self.state.get() == State::Broken {
            return Err(CacheLost);
        }
        let hash = HASHES.get(script.index()).map_or("", String::as_str);
        self.wake_writer();
        {
            let mut out = self.out.borrow_mut();
            let head: [&[u8]; 5] = [b"EVALSHA", hash.as_bytes(), b"2", keys[0], keys[1]];
            encode_request(&mut out, head.len() + args.len(), head.iter().chain(args).copied());
        }
        let (sender, answer) = oneshot::channel();
        self.enqueue(Waiter::Call(sender));
        let raw = answer.await.map_err(|_| CacheLost)?;
        match redis_protocol::resp2::decode::decode_bytes(&raw) {
            Ok(Some((BytesFrame::Error(text), _))) => {
                tracing::warn!(redis = %self.address, script = ?script, error = %text, "script refused");
                self.health.report_lost();
                Err(CacheLost)
            }
            Ok(Some((frame, _))) => Ok(frame),
            Ok(None) | Err(_) => Err(CacheLost),
        }
    }

    /// Keeps the connection alive for as long as the worker runs.
    pub(crate) async fn run(self: Rc<Self>) {
        let mut pause = RECONNECT_PAUSES.0;
        loop {
            let opened = tokio::time::timeout(REPLY_TIMEOUT, self.open()).await;
            match opened {
                Ok(Ok((read, write))) => {
                    pause = RECONNECT_PAUSES.0;
                    self.state.set(State::Connected);
                    let error = tokio::select! {
                        e = self.read_replies(read) => e,
                        e = self.write_requests(write) => e,
                        e = self.watch_silence() => e,
                    };
                    tracing::warn!(redis = %self.address, %error, "connection to Redis lost");
                }
                Ok(Err(error)) => {
                    tracing::debug!(redis = %self.address, %error, "cannot connect to Redis");
                }
                Err(_) => {
                    tracing::debug!(redis = %self.address, "connecting to Redis takes too long");
                }
            }
            self.fail_all();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RECONNECT_PAUSES.1);
        }
    }

    /// Call before appending to `out`: the writer takes everything at once, so it is woken for the first request only.
    fn wake_writer(&self) {
        if self.out.borrow().is_empty() {
            self.written.notify_one();
        }
    }

    fn enqueue(&self, waiter: Waiter) {
        self.waiters.borrow_mut().push_back(waiter);
        if self.watch_parked.get() {
            self.watch.notify_one();
        }
    }

    async fn open(&self) -> std::io::Result<(ReadHalf, WriteHalf)> {
        let (mut read, mut write) = self.address.connect().await?;
        let mut out = BytesMut::new();
        let mut expected = Script::ALL.len();
        if let Some(password) = &self.address.password {
            let user = self.address.user.as_deref().unwrap_or("default");
            let auth: [&[u8]; 3] = [b"AUTH", user.as_bytes(), password.as_bytes()];
            encode_request(&mut out, 3, auth.into_iter());
            expected += 1;
        }
        if self.address.db != 0 {
            let db = self.address.db.to_string();
            encode_request(&mut out, 2, [b"SELECT".as_slice(), db.as_bytes()].into_iter());
            expected += 1;
        }
        for script in Script::ALL {
            let load: [&[u8]; 3] = [b"SCRIPT", b"LOAD", script.source().as_bytes()];
            encode_request(&mut out, 3, load.into_iter());
        }
        encode_request(&mut out, 2, [b"INFO".as_slice(), b"server"].into_iter());
        expected += 1;
        write.write_all(&out).await?;
        let mut buf = BytesMut::new();
        let mut scanner = ReplyScanner::default();
        while expected > 0 {
            if let Some(reply) = scanner.scan(&buf).map_err(std::io::Error::other)? {
                if reply.kind == ReplyKind::Error {
                    let text = String::from_utf8_lossy(&buf).into_owned();
                    return Err(std::io::Error::other(text));
                }
                let bytes = buf.split_to(reply.len);
                expected -= 1;
                if expected == 0 && !self.health.is_cleaned_run(run_id_in(&bytes)) {
                    // Restarted before the keeper noticed: nothing it holds may be served.
                    self.health.report_lost();
                    return Err(std::io::Error::other("not the Redis process that was cleaned"));
                }
            } else if read.read_buf(&mut buf).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok((read, write))
    }

    async fn write_requests(&self, mut write: WriteHalf) -> std::io::Error {
        let mut batch = BytesMut::new();
        loop {
            std::mem::swap(&mut batch, &mut self.out.borrow_mut());
            if batch.is_empty() {
                self.written.notified().await;
                continue;
            }
            if let Err(error) = write.write_all(&batch).await {
                return error;
            }
            batch.clear();
        }
    }

    async fn read_replies(&self, mut read: ReadHalf) -> std::io::Error {
        let mut buf = BytesMut::with_capacity(READ_BUFFER_BYTES);
        let mut scanner = ReplyScanner::default();
        let mut batch = HitBatch::default();
        loop {
            buf.reserve(READ_BUFFER_BYTES / 4);
            match read.read_buf(&mut buf).await {
                Ok(0) => return std::io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
            match self.take_replies(&buf, &mut scanner, &mut batch) {
                Ok(used) => buf.advance(used),
                Err(error) => return error,
            }
        }
    }

    /// Matches complete replies with their waiters; returns how many bytes were used.
    fn take_replies(
        &self,
        buf: &[u8],
        scanner: &mut ReplyScanner,
        batch: &mut HitBatch,
    ) -> std::io::Result<usize> {
        let mut used = 0;
        loop {
            let rest = buf.get(used..).unwrap_or_default();
            let Some(reply) = scanner.scan(rest).map_err(std::io::Error::other)? else { break };
            let bytes = used..used + reply.len;
            used = bytes.end;
            self.answered.set(self.answered.get() + 1);
            let Some(waiter) = self.waiters.borrow_mut().pop_front() else {
                return Err(std::io::Error::other("a reply that nobody asked for"));
            };
            match waiter {
                Waiter::Get { ticket, key_len } => match reply.kind {
                    ReplyKind::Bulk { len: value_len, .. } => {
                        let start = batch.keys.len();
                        batch.keys.extend(self.keys.borrow_mut().drain(..key_len));
                        let key = start..start + key_len;
                        batch.hits.push(Hit { ticket, key, reply: bytes, value_len });
                    }
                    _ => self.miss(ticket, key_len),
                },
                Waiter::Call(sender) => {
                    let raw = buf.get(bytes).map(Bytes::copy_from_slice).unwrap_or_default();
                    if raw.starts_with(b"-NOSCRIPT") {
                        // Somebody ran SCRIPT FLUSH; they are loaded with the next connection.
                        return Err(std::io::Error::other("Redis has lost our scripts"));
                    }
                    // The caller may have gone; the script ran all the same.
                    let _ = sender.send(raw);
                }
            }
        }
        if !batch.hits.is_empty() {
            self.deliver.hits(batch, buf);
            batch.hits.clear();
            batch.keys.clear();
        }
        Ok(used)
    }

    fn miss(&self, ticket: GetTicket, key_len: usize) {
        let key: Vec<u8> = self.keys.borrow_mut().drain(..key_len).collect();
        self.deliver.miss(ticket, Bytes::from(key));
    }

    /// Ends when requests wait and no reply came for [`REPLY_TIMEOUT`]; costs nothing while idle.
    async fn watch_silence(&self) -> std::io::Error {
        loop {
            if self.waiters.borrow().is_empty() {
                self.watch_parked.set(true);
                self.watch.notified().await;
                self.watch_parked.set(false);
            }
            let before = self.answered.get();
            tokio::time::sleep(REPLY_TIMEOUT).await;
            if self.answered.get() == before && !self.waiters.borrow().is_empty() {
                return std::io::ErrorKind::TimedOut.into();
            }
        }
    }

    /// Tells every waiter. A failed attempt to reconnect is no news, so it stops nobody else.
    fn fail_all(&self) {
        let was = self.state.replace(State::Broken);
        self.out.borrow_mut().clear();
        let waiters = std::mem::take(&mut *self.waiters.borrow_mut());
        if was != State::Broken {
            self.health.report_lost();
        }
        for waiter in waiters {
            match waiter {
                Waiter::Get { ticket, key_len } => self.miss(ticket, key_len),
                Waiter::Call(sender) => drop(sender),
            }
        }
    }
}

/// The run id in a reply to `INFO server`; empty if there is none.
fn run_id_in(info: &[u8]) -> &[u8] {
    let mut lines = info.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"run_id:")).unwrap_or_default().trim_ascii()
}
