//! One worker's raw, pipelined connection to one tenant's Redis.
//!
//! Requests of all clients of the worker are appended to one buffer and written together; replies come back in the
//! same order and are matched with a queue of waiters. A read that hits is handed on as raw bytes, never parsed beyond
//! its length. Everything here runs on the worker's own thread, so there are no locks.
//!
//! A worker has several to each Redis. The first, in RESP2, also carries the scripts of the coherence protocol. Those of
//! RESP3 clients' reads are their own: Redis types its replies as the connection that asked speaks, and its types (maps,
//! sets, doubles) cannot be told from RESP2. When much is under way there are further ones, *lanes*, because Redis
//! reads at most 16 KiB of requests from a connection and writes at most 64 KiB of replies to it before it turns to the
//! next (`PROTO_IOBUF_LEN`, `NET_MAX_WRITES_PER_EVENT`): with a single one, replies to a large batch leave it in
//! instalments, between which it works on the next batch, and everyone else idles. All forwarded reads of one client
//! that are under way go through one lane, so that they stay in order. Nothing else depends on the order between lanes:
//! a write goes on only when the replies to its scripts are there.
//!
//! When one of them breaks, or Redis answers nothing for [`REPLY_TIMEOUT`], every waiter is told, the tenant's
//! [`Health`] stops service for all workers, and the connection is opened again in the background.

mod asked;
mod exchange;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use redis_protocol::resp2::types::BytesFrame;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::health::Health;
use super::link::RedisAddress;
use super::scripts::Script;
use super::staging::StageError;
use crate::near::Stamp;
use crate::replies::ReplyQueue;
use crate::resp::{Protocol, encode_request};
use asked::Asked;

/// Redis answers within this or counts as lost. A script that runs longer can be ended.
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_millis(1500);

/// What was forwarded, and so what is kept of it until Redis answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A `GET`: its key.
    Get,
    /// Another read of one key: the whole request.
    Command,
}

/// A forwarded read that waits for Redis.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    /// The client's reply queue.
    pub(crate) replies: Rc<ReplyQueue>,
    /// The reply's place in it.
    pub(crate) seq: u64,
    /// The client's dialect.
    pub(crate) protocol: Protocol,
    /// Hash of the key.
    pub(crate) hash: u64,
    /// What was asked.
    pub(crate) form: Form,
    /// When the request was read.
    pub(crate) started: Instant,
    /// A near copy of the value is wanted, if nothing has changed since this.
    pub(crate) near: Option<Stamp>,
}

/// A read that Redis answered from a value.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Who asked.
    pub(crate) ticket: Ticket,
    /// Where the key lies in what was asked.
    pub(crate) key: Range<usize>,
    /// Where all that was kept of the request lies there ([`Form`]).
    pub(crate) request: Range<usize>,
    /// Where the whole RESP reply lies in the batch's bytes.
    pub(crate) reply: Range<usize>,
    /// Bytes of a `GET`'s value; of the whole reply to another read.
    pub(crate) value_len: usize,
}

/// What becomes of forwarded reads; implemented by the service. Nothing here may forward a read before it returns.
pub(crate) trait Deliver {
    /// Passes on the values that one read from Redis brought, and leaves `hits` empty. The hits are in request order;
    /// their ranges refer to `asked`, what was kept of the requests, and to `replies`.
    fn hits(&self, hits: &mut Vec<Hit>, asked: &[u8], replies: &[u8]);
    /// Redis may have had no value, or could not be asked. `asked` is what was kept of the request.
    fn miss(&self, ticket: Ticket, asked: Bytes);
}

/// Redis could not be asked, or its answer is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's Redis cannot be reached")]
pub(crate) struct CacheLost;

#[derive(Debug)]
enum Waiter {
    Read {
        ticket: Ticket,
        /// Bytes kept of the request; offset and length of the key in them.
        kept: u32,
        key: (u32, u32),
    },
    Call(oneshot::Sender<Bytes>),
    /// A command of a block: the first error stays.
    Queued(Rc<RefCell<Option<Bytes>>>),
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
    protocol: Protocol,
    /// Redis is not lost if it cannot be opened: it is there for speed only.
    is_extra: bool,
    health: Arc<Health>,
    deliver: Box<dyn Deliver>,
    state: Cell<State>,
    /// Told when the first connection stands or has failed.
    opened: Notify,
    /// Why nothing can be computed in the staging database, if so.
    staging_refusal: RefCell<Option<Bytes>>,
    out: RefCell<BytesMut>,
    waiters: RefCell<VecDeque<Waiter>>,
    asked: RefCell<Asked>,
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
        protocol: Protocol,
        is_extra: bool,
        health: Arc<Health>,
        deliver: Box<dyn Deliver>,
    ) -> Rc<Self> {
        Rc::new(Self {
            address,
            protocol,
            is_extra,
            health,
            deliver,
            state: Cell::new(State::Connecting),
            opened: Notify::new(),
            staging_refusal: RefCell::default(),
            out: RefCell::default(),
            waiters: RefCell::default(),
            asked: RefCell::default(),
            written: Notify::new(),
            answered: Cell::new(0),
            watch_parked: Cell::new(false),
            watch: Notify::new(),
        })
    }

    /// True when a request would be sent, or queued while Redis is started for the first time.
    pub(crate) fn is_usable(&self) -> bool {
        self.state.get() != State::Broken && self.health.takes_requests()
    }

    /// Requests that wait for Redis.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiters.borrow().len()
    }

    /// Forwards a client's read, already in RESP; `key` is offset and length of its key there. Call only if
    /// [`Upstream::is_usable`].
    pub(crate) fn forward(&self, request: &[u8], key: (u32, u32), ticket: Ticket) {
        self.wake_writer();
        self.out.borrow_mut().extend_from_slice(request);
        let (kept, key) = match ticket.form {
            Form::Get => {
                let (start, len) = (key.0 as usize, key.1 as usize);
                (request.get(start..start + len).unwrap_or_default(), (0, key.1))
            }
            Form::Command => (request, key),
        };
        self.asked.borrow_mut().keep(kept);
        // A request has fewer bytes than 4 GiB: its scanner counts them in 32 bits.
        let kept = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        self.enqueue(Waiter::Read { ticket, kept, key });
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
        let hash = script.hash();
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

    /// Runs a block of commands, `MULTI` first and `EXEC` last, that nothing comes between. Returns what `EXEC`
    /// returned, one encoded reply for each command within.
    ///
    /// # Errors
    /// [`StageError`]: Redis may not have run it, or refused a command of it and ran none.
    pub(super) async fn block(&self, commands: &[Vec<Bytes>]) -> Result<Vec<Bytes>, StageError> {
        if self.state.get() == State::Broken {
            return Err(StageError::Lost);
        }
        self.wake_writer();
        {
            let mut out = self.out.borrow_mut();
            for words in commands {
                encode_request(&mut out, words.len(), words.iter().map(|word| &word[..]));
            }
        }
        let refusal = Rc::default();
        for _ in 1..commands.len() {
            self.enqueue(Waiter::Queued(Rc::clone(&refusal)));
        }
        let (sender, answer) = oneshot::channel();
        self.enqueue(Waiter::Call(sender));
        let raw = answer.await.map_err(|_| StageError::Lost)?;
        if let Some(error) = refusal.take() {
            return Err(StageError::Refused(error.slice(1..).trim_ascii_end().to_vec().into()));
        }
        crate::resp::elements(&raw).ok_or(StageError::Lost)
    }

    /// Why nothing can be computed in the staging database, if so, which a connection that stands knows.
    pub(super) async fn staging_refusal(&self) -> Option<Bytes> {
        loop {
            // Made before the look, so that it misses nothing.
            let opened = self.opened.notified();
            if self.state.get() != State::Connecting {
                return self.staging_refusal.borrow().clone();
            }
            opened.await;
        }
    }

    /// The database of the cached values.
    pub(super) fn db(&self) -> i64 {
        self.address.db
    }

    /// The database where commands are computed.
    pub(super) fn staging_db(&self) -> &'static str {
        if self.address.db == 0 { "1" } else { "0" }
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

    fn miss(&self, ticket: Ticket, kept: u32) {
        let mut asked = self.asked.borrow_mut();
        let kept = asked.answer(kept as usize);
        let request = asked.bytes().get(kept).unwrap_or_default();
        self.deliver.miss(ticket, Bytes::copy_from_slice(request));
    }

    /// Tells every waiter. A failed attempt to reconnect is no news, so it stops nobody else.
    fn fail_all(&self) {
        let was = self.state.replace(State::Broken);
        self.opened.notify_waiters();
        self.out.borrow_mut().clear();
        let waiters = std::mem::take(&mut *self.waiters.borrow_mut());
        if was == State::Connected || (was == State::Connecting && !self.is_extra) {
            self.health.report_lost();
        }
        for waiter in waiters {
            match waiter {
                Waiter::Read { ticket, kept, .. } => self.miss(ticket, kept),
                Waiter::Call(sender) => drop(sender),
                Waiter::Queued(_) => {}
            }
        }
        self.asked.borrow_mut().clear_answered();
    }
}
