//! One client: bytes in, commands out to the service, replies back in order.
//!
//! A task on the worker's thread. It reads what is there, starts every complete command of it, and writes the replies
//! that gathered; a read that Redis may answer is handed to one of the worker's Redis connections as the bytes it came
//! in, and its reply leaves without this task ([`ReplyQueue::pass_on`]).
//! It stops reading while too many replies are outstanding or unread, so a client that does not read cannot make us
//! buffer without bound.

mod exec;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::Instant;

use crate::cache::{Form, Ticket, names};
use crate::clients::ClientRecord;
use crate::command::table::{CommandSpec, Verb};
use crate::command::{self, Command};
use crate::near::Sought;
use crate::replies::{Keys, ReplyQueue};
use crate::resp::{Protocol, ProtocolError, Reply, Scan, ScanLimits, Scanner};
use crate::service::Request;
use crate::session::{After, Session};
use crate::transaction::Transaction;
use crate::worker::Worker;

/// Room made for a request of which a part is there, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Connection {
    worker: Rc<Worker>,
    socket: OwnedReadHalf,
    /// The part of a request that is there, and what may not be started yet. Empty, and without room, most of the time.
    input: BytesMut,
    scanner: Scanner,
    replies: Rc<ReplyQueue>,
    session: Session,
    record: Arc<ClientRecord>,
    limits: FlowLimits,
    transaction: Transaction,
    /// Nothing more is started before it is finished.
    pending: Option<exec::Pending>,
    /// Dialect and lane of the forwarded reads that may be outstanding.
    forwarded_in: (Protocol, usize),
    /// The client sends no more; what it sent is still answered.
    ended: bool,
    /// Nothing more is started.
    closing: bool,
}

/// Bounds of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowLimits {
    /// Requests that may wait for their reply.
    pub(crate) max_pipeline: usize,
    /// Reply bytes that may wait for the client.
    pub(crate) output_bytes: usize,
}

impl Connection {
    /// Wraps an accepted socket.
    pub(crate) fn new(
        stream: TcpStream,
        worker: Rc<Worker>,
        record: Arc<ClientRecord>,
        session: Session,
    ) -> Self {
        let (socket, out) = stream.into_split();
        Self {
            socket,
            input: BytesMut::new(),
            scanner: Scanner::default(),
            replies: Rc::new(ReplyQueue::new(out, record.id)),
            session,
            record,
            limits: worker.flow_limits(),
            worker,
            transaction: Transaction::default(),
            pending: None,
            forwarded_in: (Protocol::default(), 0),
            ended: false,
            closing: false,
        }
    }

    /// Its reply queue, by which its task is woken.
    pub(crate) fn replies(&self) -> &Rc<ReplyQueue> {
        &self.replies
    }

    /// Serves the client until it leaves, is told to, or the worker drains and what was started is finished.
    pub(crate) async fn serve(mut self) {
        if let Err(error) = std::future::poll_fn(|cx| self.poll_exchange(cx)).await {
            tracing::debug!(client = self.record.id, %error, "client connection ended");
        }
        self.replies.close();
    }

    /// Does all that can be done now. Written as a poll, not as a `select!` of futures, because each request comes through
    /// here: one look at each thing that may have happened, nothing made and dropped again.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.record.killed.wakes(cx.waker());
        if self.record.killed.is_thrown() {
            return Poll::Ready(Ok(()));
        }
        self.closing |= self.worker.is_draining();
        self.start_kept();
        loop {
            if let Poll::Ready(executed) = exec::poll_executed(&mut self.pending, cx) {
                self.finish_exec(executed);
                self.start_kept();
                continue;
            }
            let is_flushed = self.replies.poll_flush(cx)?.is_ready();
            // With nothing outstanding, what is left of the input is no whole request.
            if (self.closing || self.ended) && self.replies.outstanding() == 0 && is_flushed {
                return Poll::Ready(Ok(()));
            }
            let may_read = !self.closing && !self.ended && self.may_start();
            self.replies.attend(cx.waker(), !may_read);
            if !may_read {
                return Poll::Pending;
            }
            if !ready!(self.poll_read(cx))? {
                self.ended = true;
                self.replies.end_input();
            }
        }
    }

    /// Reads what is there and starts it; false at the end of the input. Whole requests, the usual case, are read into a
    /// buffer that the worker's connections share, so an idle connection has none and a busy one finds it in the
    /// processor's cache.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.input.is_empty() {
            self.input.reserve(READ_BYTES.max(self.scanner.needed_bytes() - self.input.len()));
            let socket = Pin::new(&mut self.socket);
            let read = ready!(tokio_util::io::poll_read_buf(socket, cx, &mut self.input))?;
            self.start_kept();
            return Poll::Ready(Ok(read > 0));
        }
        let worker = Rc::clone(&self.worker);
        let mut buffer = worker.read_buffer();
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        let used = self.start_requests(read);
        self.input.extend_from_slice(read.get(used..).unwrap_or_default());
        Poll::Ready(Ok(!read.is_empty()))
    }

    /// True while one more request keeps within the bounds, taking the largest value so far as typical and, before the
    /// first, the largest that storage can hold. A client whose values suddenly grow can exceed the bound once, by what
    /// it has in flight.
    fn may_start(&self) -> bool {
        let waiting = self.replies.outstanding();
        let unread = self.replies.unsent_bytes();
        let typical = match self.replies.largest_value_bytes() {
            0 => self.session.limits().max_item_bytes,
            largest => largest,
        };
        let expected = waiting.saturating_mul(typical);
        self.pending.is_none()
            && waiting < self.limits.max_pipeline
            && unread < self.limits.output_bytes
            && (waiting == 0 || unread.saturating_add(expected) < self.limits.output_bytes)
    }

    /// Starts what was kept of the input.
    fn start_kept(&mut self) {
        if self.input.is_empty() {
            return;
        }
        let mut input = std::mem::take(&mut self.input);
        let used = self.start_requests(&input);
        if used < input.len() {
            input.advance(used);
            self.input = input;
        }
    }

    /// Starts every whole request in `input` that may be started; returns the bytes of these.
    fn start_requests(&mut self, input: &[u8]) -> usize {
        let mut used = 0;
        if input.is_empty() || self.closing {
            return used;
        }
        let started = Instant::now();
        let mut last = None;
        while !self.closing && self.may_start() {
            let rest = input.get(used..).unwrap_or_default();
            let signed_in = self.session.service().is_some();
            match self.scanner.scan(rest, &ScanLimits::default(), signed_in) {
                Ok(Scan::Incomplete) => break,
                Ok(Scan::Request { len }) => {
                    let request = rest.get(..len).unwrap_or_default();
                    used += len;
                    let straight = !self.transaction.is_open();
                    let forwarded = straight.then(|| self.forward(request, started)).flatten();
                    last = forwarded.or_else(|| self.start_request(request, started)).or(last);
                }
                Ok(Scan::Empty { len }) => used += len,
                Err(error) => self.refuse(&error),
            }
        }
        if let Some(service) = self.session.service() {
            service.end_near_hits(started);
        }
        if let Some(last) = last {
            self.record.saw(last, started);
        }
        used
    }

    /// The straight path: a read of one key goes to Redis as it is. None if this request is not that simple.
    fn forward(&mut self, request: &[u8], started: Instant) -> Option<Verb> {
        let spans = self.scanner.spans()?;
        let (words, at) = (spans.len(), *spans.get(1)?);
        let name = self.scanner.arg(request, 0)?;
        let key = self.scanner.arg(request, 1)?;
        let (form, verb) = match words {
            2 if name.eq_ignore_ascii_case(b"get") => (Form::Get, Verb::Get),
            _ => (Form::Command, command::straight(name, words)?.verb),
        };
        let service = self.session.service()?;
        if self.session.limits().check_key(key).is_err() || !names::is_verbatim(key) {
            return None;
        }
        let protocol = self.session.protocol();
        if self.replies.outstanding() == 0 {
            self.forwarded_in = (protocol, service.free_lane(protocol));
        }
        let (dialect, lane) = self.forwarded_in;
        let upstream = service.lane(protocol, lane);
        if !upstream.is_usable() {
            return None;
        }
        let hash = crate::hash::of_key(key);
        let near = if form == Form::Get && service.has_near() {
            match service.seek_near(key, hash, &self.replies, protocol, started) {
                Sought::Served => return Some(verb),
                Sought::NotHere(stamp) => stamp,
            }
        } else {
            None
        };
        let seq = self.replies.reserve(Keys::One(hash));
        service.counters().commands.add(1);
        let replies = Rc::clone(&self.replies);
        let ticket = Ticket { replies, seq, protocol, hash, form, started, near };
        let in_turn = self.replies.is_straight() || !self.replies.must_wait(seq);
        if in_turn && dialect == protocol {
            upstream.forward(request, at, ticket);
        } else {
            let asked = if form == Form::Get { key } else { request };
            service.take_miss(ticket, &Bytes::copy_from_slice(asked));
        }
        Some(verb)
    }

    /// Starts or answers any other request; which it was, if it is known.
    fn start_request(&mut self, request: &[u8], started: Instant) -> Option<Verb> {
        let mut args = Vec::new();
        self.scanner.take_args(&Bytes::copy_from_slice(request), &mut args);
        let spec: &'static CommandSpec = match command::resolve(&args) {
            Ok(spec) => spec,
            Err(error) => {
                let reply = self.refuse_in_transaction(args.first(), error.into());
                self.answer(&reply);
                return None;
            }
        };
        let verb = Some(spec.verb);
        if self.session.service().is_none() && !spec.allows_no_auth() {
            let reply = self.refuse_in_transaction(args.first(), Session::no_auth());
            self.answer(&reply);
            return verb;
        }
        if self.in_transaction(spec, &args, started) {
            return verb;
        }
        match command::parse_resolved(spec, &args, self.session.limits()) {
            Ok(Command::Session(command)) => {
                self.record.saw(spec.verb, started);
                let (reply, after) = self.session.run(command);
                // HELLO answers in the dialect it chose.
                self.answer(&reply);
                self.closing = after == After::Close;
            }
            Ok(command) => self.start_command(command, started),
            Err(error) => self.answer(&error.into()),
        }
        verb
    }

    fn start_command(&self, command: Command, started: Instant) {
        let Some(service) = self.session.service() else {
            return self.answer(&Session::no_auth());
        };
        service.counters().commands.add(1);
        let seq = self.replies.reserve(keys_of(&command));
        let (replies, protocol) = (Rc::clone(&self.replies), self.session.protocol());
        service.spawn(Request { replies, seq, protocol, started }, command);
    }

    fn answer(&self, reply: &Reply) {
        let seq = self.replies.reserve(Keys::None);
        self.replies.complete(seq, &reply.to_bytes(self.session.protocol()));
    }

    /// Bad bytes: say so once everything before is answered, then close, as Redis does.
    fn refuse(&mut self, error: &ProtocolError) {
        self.answer(&Reply::error(error.reply_text()));
        self.closing = true;
    }
}

fn keys_of(command: &Command) -> Keys {
    match command {
        Command::Get { key } | Command::Read { key, .. } | Command::Write { key, .. } => {
            Keys::One(crate::hash::of_key(key))
        }
        // What is sent behind SCRIPT LOAD may run that script.
        Command::Keyspace(_) | Command::Script(_) => Keys::All,
        Command::Session(_) => Keys::None,
        several => hashes_of(several.keys().into_iter()),
    }
}

fn hashes_of<'a>(keys: impl Iterator<Item = &'a Bytes>) -> Keys {
    Keys::Many(keys.map(|key| crate::hash::of_key(key)).collect())
}
