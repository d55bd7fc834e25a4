//! The socket's side of the connection: opened, written, read, watched, and opened again when it broke.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::link::{ReadHalf, WriteHalf};
use super::super::scripts::Script;
use super::{Form, Hit, REPLY_TIMEOUT, State, Upstream, Waiter};
use crate::command::shows_value;
use crate::resp::{Protocol, ReplyKind, ReplyScanner, encode_request};

/// First and longest pause between attempts to connect.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How long requests are queued while Redis is started for the first time.
const FIRST_START: Duration = Duration::from_secs(5);
const READ_BUFFER_BYTES: usize = 64 * 1024;

impl Upstream {
    /// Keeps the connection alive for as long as the worker runs.
    pub(crate) async fn run(self: Rc<Self>) {
        let mut pause = RECONNECT_PAUSES.0;
        // A start that takes longer counts as an outage: what is queued goes to storage.
        let _ = tokio::time::timeout(FIRST_START, self.health.until_decided()).await;
        loop {
            let opened = tokio::time::timeout(REPLY_TIMEOUT, self.open()).await;
            match opened {
                Ok(Ok((read, write))) => {
                    pause = RECONNECT_PAUSES.0;
                    self.state.set(State::Connected);
                    self.opened.notify_waiters();
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

    async fn open(&self) -> io::Result<(ReadHalf, WriteHalf)> {
        let (mut read, mut write) = self.address.connect().await?;
        let (greeting, steps) = self.greeting();
        write.write_all(&greeting).await?;
        let mut buf = BytesMut::new();
        let mut scanner = ReplyScanner::default();
        let mut refusal = None;
        for step in steps {
            let (kind, reply) = loop {
                if let Some(reply) = scanner.scan(&buf).map_err(io::Error::other)? {
                    break (reply.kind, buf.split_to(reply.len).freeze());
                }
                if read.read_buf(&mut buf).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            };
            match (step, kind) {
                (Step::SelectStaging, ReplyKind::Error) => {
                    refusal = Some(self.no_database(&reply));
                }
                (Step::CountStaging, ReplyKind::Int(keys)) if keys != 0 && refusal.is_none() => {
                    refusal = Some(self.not_empty(keys));
                }
                (_, ReplyKind::Error) => {
                    return Err(io::Error::other(String::from_utf8_lossy(&reply).into_owned()));
                }
                (Step::Info, _) if !self.health.is_cleaned_run(run_id_in(&reply)) => {
                    // Restarted before the keeper noticed: nothing it holds may be served.
                    self.health.report_lost();
                    return Err(io::Error::other("not the Redis process that was cleaned"));
                }
                _ => {}
            }
        }
        *self.staging_refusal.borrow_mut() = refusal;
        Ok((read, write))
    }

    /// What is said on a fresh connection, and what each reply is to.
    fn greeting(&self) -> (BytesMut, Vec<Step>) {
        let mut out = BytesMut::new();
        let mut steps = Vec::new();
        let mut say = |step, words: &[&[u8]]| {
            encode_request(&mut out, words.len(), words.iter().copied());
            steps.push(step);
        };
        if let Some(password) = &self.address.password {
            let user = self.address.user.as_deref().unwrap_or("default");
            say(Step::Any, &[b"AUTH", user.as_bytes(), password.as_bytes()]);
        }
        if self.protocol == Protocol::Resp3 {
            say(Step::Any, &[b"HELLO", b"3"]);
        }
        for script in Script::ALL {
            say(Step::Any, &[b"SCRIPT", b"LOAD", script.source().as_bytes()]);
        }
        say(Step::SelectStaging, &[b"SELECT", self.staging_db().as_bytes()]);
        say(Step::CountStaging, &[b"DBSIZE"]);
        say(Step::Any, &[b"SELECT", self.db().to_string().as_bytes()]);
        say(Step::Info, &[b"INFO", b"server"]);
        (out, steps)
    }

    fn no_database(&self, error: &[u8]) -> Bytes {
        let error = String::from_utf8_lossy(error.get(1..).unwrap_or_default());
        Bytes::from(format!(
            "ERR this command is computed in database {} of the tenant's Redis, which cannot be selected: set \
             'databases' to at least 2 there and allow SELECT (it says: {})",
            self.staging_db(),
            error.trim_end()
        ))
    }

    fn not_empty(&self, keys: i64) -> Bytes {
        Bytes::from(format!(
            "ERR this command is computed in database {} of the tenant's Redis, which must be empty but holds {keys} \
             keys: empty it, or give the tenant a Redis of its own",
            self.staging_db(),
        ))
    }

    async fn write_requests(&self, mut write: WriteHalf) -> io::Error {
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

    async fn read_replies(&self, mut read: ReadHalf) -> io::Error {
        let mut buf = BytesMut::with_capacity(2 * READ_BUFFER_BYTES);
        let mut scanner = ReplyScanner::default();
        let mut hits = Vec::new();
        loop {
            buf.reserve(READ_BUFFER_BYTES);
            match read.read_buf(&mut buf).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
            match self.take_replies(&buf, &mut scanner, &mut hits) {
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
        hits: &mut Vec<Hit>,
    ) -> io::Result<usize> {
        let mut used = 0;
        loop {
            let rest = buf.get(used..).unwrap_or_default();
            let Some(reply) = scanner.scan(rest).map_err(io::Error::other)? else { break };
            let bytes = used..used + reply.len;
            used = bytes.end;
            if reply.kind == ReplyKind::Push {
                continue;
            }
            self.answered.set(self.answered.get() + 1);
            if reply.kind == ReplyKind::Error && rest.starts_with(b"-BUSY ") {
                // Until the keeper has ended it, everything else is refused.
                return Err(io::Error::other("Redis runs a script that does not end"));
            }
            let Some(waiter) = self.waiters.borrow_mut().pop_front() else {
                return Err(io::Error::other("a reply that nobody asked for"));
            };
            match waiter {
                Waiter::Read { ticket, kept, key } => {
                    let value_len = match (ticket.form, reply.kind) {
                        (Form::Get, ReplyKind::Bulk { len, .. }) => Some(len),
                        (Form::Get, _) => None,
                        (Form::Command, _) => {
                            let raw = buf.get(bytes.clone()).unwrap_or_default();
                            shows_value(raw).then_some(raw.len())
                        }
                    };
                    if let Some(value_len) = value_len {
                        let request = self.asked.borrow_mut().answer(kept as usize);
                        let start = request.start + key.0 as usize;
                        let key = start..start + key.1 as usize;
                        hits.push(Hit { ticket, key, request, reply: bytes, value_len });
                    } else {
                        self.miss(ticket, kept);
                    }
                }
                Waiter::Call(sender) => {
                    let raw = buf.get(bytes).map(Bytes::copy_from_slice).unwrap_or_default();
                    if raw.starts_with(b"-NOSCRIPT") {
                        // Somebody ran SCRIPT FLUSH; they are loaded with the next connection.
                        return Err(io::Error::other("Redis has lost our scripts"));
                    }
                    // The caller may have gone; the script ran all the same.
                    let _ = sender.send(raw);
                }
                Waiter::Queued(refusal) => {
                    if reply.kind == ReplyKind::Error {
                        let raw = buf.get(bytes).map(Bytes::copy_from_slice);
                        let mut refusal = refusal.borrow_mut();
                        *refusal = refusal.take().or(raw);
                    }
                }
            }
        }
        let mut asked = self.asked.borrow_mut();
        if !hits.is_empty() {
            self.deliver.hits(hits, asked.bytes(), buf);
        }
        asked.clear_answered();
        Ok(used)
    }

    /// Ends when requests wait and no reply came for [`REPLY_TIMEOUT`]; costs nothing while idle.
    async fn watch_silence(&self) -> io::Error {
        loop {
            if self.waiters.borrow().is_empty() {
                self.watch_parked.set(true);
                self.watch.notified().await;
                self.watch_parked.set(false);
            }
            let before = self.answered.get();
            tokio::time::sleep(REPLY_TIMEOUT).await;
            if self.answered.get() == before && !self.waiters.borrow().is_empty() {
                return io::ErrorKind::TimedOut.into();
            }
        }
    }
}

/// What a reply to the greeting tells.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Nothing, unless it is an error.
    Any,
    /// Whether there is a staging database.
    SelectStaging,
    /// Whether it is empty, as it is whenever nothing is being computed: nothing of others may be lost there.
    CountStaging,
    /// Which process this is.
    Info,
}

/// The run id in a reply to `INFO server`; empty if there is none.
fn run_id_in(info: &[u8]) -> &[u8] {
    let mut lines = info.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"run_id:")).unwrap_or_default().trim_ascii()
}
