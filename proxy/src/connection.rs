//! One client: bytes in, commands out to the service, replies back in order.
//!
//! A task on the worker's thread. It reads what is there, starts every complete command of it, and writes whatever
//! replies are ready; a read that Redis may answer is handed to the worker's Redis connection as the bytes it came in.
//! It stops reading while too many replies are outstanding or unread, so a client that does not read cannot make us
//! buffer without bound.

mod exec;

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cache::{Form, Ticket, names};
use crate::clients::ClientRecord;
use crate::command::{self, Command};
use crate::replies::{Keys, ReplyQueue};
use crate::resp::{Protocol, ProtocolError, Reply, Scan, ScanLimits, Scanner};
use crate::service::Request;
use crate::session::{After, Session};
use crate::transaction::Transaction;
use crate::worker::Worker;

/// Room made in the input buffer before each read.
const READ_BYTES: usize = 16 * 1024;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: BytesMut,
    scanner: Scanner,
    replies: Rc<ReplyQueue>,
    session: Session,
    record: Arc<ClientRecord>,
    limits: FlowLimits,
    transaction: Transaction,
    /// Nothing more is started before it is finished.
    pending: Option<exec::Pending>,
    /// The dialect of the forwarded reads that may be outstanding.
    forwarded_in: Protocol,
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
        Self {
            stream,
            input: BytesMut::new(),
            scanner: Scanner::default(),
            replies: Rc::default(),
            session,
            record,
            limits: worker.flow_limits(),
            transaction: Transaction::default(),
            pending: None,
            forwarded_in: Protocol::default(),
            ended: false,
            closing: false,
        }
    }

    /// Serves the client until it leaves, is told to, or `drain` says to finish what was started.
    pub(crate) async fn serve(mut self, drain: &CancellationToken) {
        if let Err(error) = self.exchange(drain).await {
            tracing::debug!(client = self.record.id, %error, "client connection ended");
        }
        self.replies.close();
    }

    async fn exchange(&mut self, drain: &CancellationToken) -> io::Result<()> {
        let record = Arc::clone(&self.record);
        // Registered once: polling a fresh future each round would take a lock that all clients share.
        let killed = pin!(record.killed.cancelled());
        let draining = pin!(drain.cancelled());
        let (mut killed, mut draining) = (killed, draining);
        loop {
            self.start_requests();
            let blocked = self.write_out()?;
            // With nothing outstanding, what is left of the input is no whole request.
            if (self.closing || self.ended) && self.replies.outstanding() == 0 && !blocked {
                return Ok(());
            }
            let may_read = !self.closing && !self.ended && self.may_start();
            tokio::select! {
                biased;
                () = &mut killed => return Ok(()),
                () = self.replies.ready() => {}
                executed = exec::executed(&mut self.pending) => self.finish_exec(executed),
                writable = self.stream.writable(), if blocked => writable?,
                readable = self.stream.readable(), if may_read => {
                    readable?;
                    self.ended = !self.read_in()?;
                    if self.ended {
                        self.replies.end_input();
                    }
                }
                () = &mut draining, if !self.closing => self.closing = true,
            }
        }
    }

    fn read_in(&mut self) -> io::Result<bool> {
        self.input.reserve(READ_BYTES);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(n) => Ok(n > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Writes what is ready; true when the socket takes no more for now.
    fn write_out(&mut self) -> io::Result<bool> {
        let mut out = self.replies.out().borrow_mut();
        while !out.is_empty() {
            match self.stream.try_write(&out) {
                Ok(n) => out.advance(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// True while one more request keeps within the bounds, taking the largest value so far as typical and, before the
    /// first, the largest that storage can hold. A client whose values suddenly grow can exceed the bound once, by what
    /// it has in flight.
    fn may_start(&self) -> bool {
        let waiting = self.replies.outstanding();
        let unread = self.replies.out().borrow().len();
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

    fn start_requests(&mut self) {
        if self.input.is_empty() || self.closing {
            return;
        }
        let started = Instant::now();
        let mut last = None;
        while !self.closing && self.may_start() {
            let signed_in = self.session.service().is_some();
            match self.scanner.scan(&self.input, &ScanLimits::default(), signed_in) {
                Ok(Scan::Incomplete) => break,
                Ok(Scan::Request { len }) => {
                    let straight = !self.transaction.is_open();
                    let forwarded = straight.then(|| self.forward(len, started)).flatten();
                    last = forwarded.or_else(|| self.start_request(len, started)).or(last);
                }
                Ok(Scan::Empty { len }) => self.input.advance(len),
                Err(error) => self.refuse(&error),
            }
        }
        if let Some(last) = last {
            self.record.saw(last);
        }
    }

    /// The straight path: a read of one key goes to Redis as it is. None if this request is not that simple.
    fn forward(&mut self, len: usize, started: Instant) -> Option<&'static str> {
        let spans = self.scanner.spans()?;
        let (words, at) = (spans.len(), *spans.get(1)?);
        let name = self.scanner.arg(&self.input, 0)?;
        let key = self.scanner.arg(&self.input, 1)?;
        let (form, name) = match words {
            2 if name.eq_ignore_ascii_case(b"get") => (Form::Get, "get"),
            _ => (Form::Command, command::straight(name, words)?.name),
        };
        let service = self.session.service()?;
        let protocol = self.session.protocol();
        let upstream = service.upstream(protocol);
        if self.session.limits().check_key(key).is_err()
            || !names::is_verbatim(key)
            || !upstream.is_usable()
        {
            return None;
        }
        if self.replies.outstanding() == 0 {
            self.forwarded_in = protocol;
        }
        let hash = crate::hash::of_key(key);
        let seq = self.replies.reserve(Keys::One(hash));
        service.counters().commands.add(1);
        let replies = Rc::clone(&self.replies);
        let ticket = Ticket { replies, seq, protocol, hash, form, started };
        let request = self.input.get(..len).unwrap_or_default();
        let (start, key_len) = (at.0 as usize, key.len());
        let in_turn = self.replies.is_straight() || !self.replies.must_wait(seq);
        if in_turn && self.forwarded_in == protocol {
            upstream.forward(request, start..start + key_len, ticket);
        } else {
            let asked = if form == Form::Get { key } else { request };
            service.take_miss(ticket, &Bytes::copy_from_slice(asked));
        }
        self.input.advance(len);
        Some(name)
    }

    /// Starts or answers any other request; its name, if it has one.
    fn start_request(&mut self, len: usize, started: Instant) -> Option<&'static str> {
        let mut args = Vec::new();
        self.scanner.take_args(&self.input.split_to(len).freeze(), &mut args);
        let spec = match command::resolve(&args) {
            Ok(spec) => spec,
            Err(error) => {
                let reply = self.refuse_in_transaction(args.first(), error.into());
                self.answer(&reply);
                return None;
            }
        };
        if self.session.service().is_none() && !spec.allows_no_auth() {
            let reply = self.refuse_in_transaction(args.first(), Session::no_auth());
            self.answer(&reply);
            return Some(spec.name);
        }
        if self.in_transaction(spec, &args, started) {
            return Some(spec.name);
        }
        match command::parse_resolved(spec, &args, self.session.limits()) {
            Ok(Command::Session(command)) => {
                self.record.saw(spec.name);
                let (reply, after) = self.session.run(command);
                // HELLO answers in the dialect it chose.
                self.answer(&reply);
                self.closing = after == After::Close;
            }
            Ok(command) => self.start_command(command, started),
            Err(error) => self.answer(&error.into()),
        }
        Some(spec.name)
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
