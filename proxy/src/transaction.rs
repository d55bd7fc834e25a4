//! What one client has queued between MULTI and EXEC, and what it watches.
//!
//! Queued words are copies: a slice would keep the whole read buffer alive that it came in. As in Redis, nothing more is
//! kept once a command was refused, as EXEC will refuse the rest too; and the whole queue is bounded.

use std::collections::HashSet;
use std::rc::Rc;

use bytes::Bytes;

use crate::command::table::{CommandSpec, Verb};
use crate::command::{self, Command, CommandError, ItemLimits, SessionCommand, WriteOp};
use crate::resp::Reply;
use crate::service::{BlockCommand, Watched};

/// Bytes of words that one transaction may queue; storage takes 4 MB of items in one.
const MAX_QUEUED_BYTES: usize = 32 << 20;
/// Commands that one transaction may queue.
const MAX_QUEUED: usize = 100_000;
/// Keys that one client may watch.
const MAX_WATCHED: usize = 10_000;

const ABORTED: &str = "EXECABORT Transaction discarded because of previous errors.";

/// The state of one client between MULTI and EXEC, and its watches.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    queue: Option<Queue>,
    watched: Rc<Watched>,
    /// Hashes of the keys that WATCH named: EXEC waits for it.
    watched_hashes: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    commands: Vec<Queued>,
    bytes: usize,
    /// A command was refused, so EXEC will be.
    aborted: bool,
    /// A queued command signs in or changes the protocol: keys behind it would be those of another tenant, or their
    /// replies in another dialect.
    sealed: bool,
}

/// A queued command.
#[derive(Debug)]
pub(crate) enum Queued {
    /// On keys.
    Block(BlockCommand),
    /// About the connection or the server.
    Session(SessionCommand),
    /// Its reply is known: an error, or OK for UNWATCH, as EXEC ends all watches.
    Known(Reply),
}

/// What EXEC has to do.
#[derive(Debug)]
pub(crate) enum Exec {
    /// Nothing: this is the reply.
    Refused(Reply),
    /// Run these, unless a watched key was changed.
    Run {
        /// The commands.
        queued: Vec<Queued>,
        /// The watches, which may still be on their way.
        watched: Rc<Watched>,
        /// Hashes of their keys.
        watched_hashes: HashSet<u64>,
    },
}

impl Transaction {
    /// True after MULTI.
    pub(crate) fn is_open(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether a command is answered at once even after MULTI.
    pub(crate) fn runs_at_once(verb: Verb) -> bool {
        matches!(
            verb,
            Verb::Multi | Verb::Exec | Verb::Discard | Verb::Watch | Verb::Quit | Verb::Reset
        )
    }

    /// MULTI.
    pub(crate) fn begin(&mut self) -> Reply {
        if self.is_open() {
            return Reply::error("ERR MULTI calls can not be nested");
        }
        self.queue = Some(Queue::default());
        Reply::Ok
    }

    /// DISCARD.
    pub(crate) fn discard(&mut self) -> Reply {
        if !self.is_open() {
            return Reply::error("ERR DISCARD without MULTI");
        }
        self.end();
        Reply::Ok
    }

    /// Ends the transaction and all watches.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// UNWATCH.
    pub(crate) fn unwatch(&mut self) -> Reply {
        self.watched = Rc::default();
        self.watched_hashes = HashSet::new();
        Reply::Ok
    }

    /// WATCH: where to register the keys, or why not.
    ///
    /// # Errors
    /// The error reply.
    pub(crate) fn watch(&mut self, keys: &[Bytes]) -> Result<Rc<Watched>, Reply> {
        if self.is_open() {
            return Err(Reply::error("ERR WATCH inside MULTI is not allowed"));
        }
        self.watched_hashes.extend(keys.iter().map(|key| crate::hash::of_key(key)));
        if self.watched_hashes.len() > MAX_WATCHED {
            return Err(Reply::error(format!("ERR a client may watch {MAX_WATCHED} keys at once")));
        }
        Ok(Rc::clone(&self.watched))
    }

    /// A command was refused before it came to the queue.
    pub(crate) fn abort(&mut self) {
        if let Some(queue) = &mut self.queue {
            *queue = Queue { aborted: true, ..Queue::default() };
        }
    }

    /// EXEC that is itself refused, for the reason that `error` gives.
    pub(crate) fn refuse_exec(&mut self, error: &[u8]) -> Reply {
        self.end();
        let reason = error.strip_prefix(b"ERR ").unwrap_or(error);
        let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
        Reply::error(text)
    }

    /// EXEC. The transaction and the watches are over, whatever comes of it.
    pub(crate) fn exec(&mut self) -> Exec {
        let Some(queue) = self.queue.take() else {
            return Exec::Refused(Reply::error("ERR EXEC without MULTI"));
        };
        let Self { watched, watched_hashes, .. } = std::mem::take(self);
        if queue.aborted {
            return Exec::Refused(Reply::error(ABORTED));
        }
        Exec::Run { queued: queue.commands, watched, watched_hashes }
    }

    /// Queues a command; `seals` says whether a session command would make the client another tenant's, or change its
    /// protocol.
    pub(crate) fn queue(
        &mut self,
        spec: &'static CommandSpec,
        args: &[Bytes],
        limits: &ItemLimits,
        seals: impl Fn(&SessionCommand) -> bool,
    ) -> Reply {
        let Some(queue) = self.queue.as_mut().filter(|queue| !queue.aborted) else {
            return Reply::Simple("QUEUED");
        };
        match queue.push(spec, args, limits, seals) {
            Ok(()) => Reply::Simple("QUEUED"),
            Err(refusal) => {
                self.abort();
                refusal
            }
        }
    }
}

impl Queue {
    fn push(
        &mut self,
        spec: &'static CommandSpec,
        args: &[Bytes],
        limits: &ItemLimits,
        seals: impl Fn(&SessionCommand) -> bool,
    ) -> Result<(), Reply> {
        self.bytes += args.iter().map(|word| word.len() + size_of::<Bytes>()).sum::<usize>();
        if self.bytes > MAX_QUEUED_BYTES || self.commands.len() >= MAX_QUEUED {
            return Err(Reply::error(format!(
                "ERR a transaction may queue {MAX_QUEUED} commands and {} MiB",
                MAX_QUEUED_BYTES >> 20
            )));
        }
        if spec.verb == Verb::Unwatch {
            self.commands.push(Queued::Known(Reply::Ok));
            return Ok(());
        }
        let words: Vec<Bytes> = args.iter().map(|word| Bytes::copy_from_slice(word)).collect();
        let queued = match command::parse_resolved(spec, &words, limits) {
            Ok(Command::Session(command)) => {
                self.sealed |= seals(&command);
                Queued::Session(command)
            }
            Ok(Command::Script(_)) => {
                return Err(Reply::error(format!(
                    "ERR '{}' cannot run inside a transaction; load scripts before it",
                    spec.name
                )));
            }
            // What these find or remove cannot be part of one atomic change.
            Ok(Command::Keyspace(_)) => {
                return Err(Reply::error(format!(
                    "ERR '{}' goes over the whole table and cannot run inside a transaction",
                    spec.name
                )));
            }
            Ok(_) if self.sealed => {
                return Err(Reply::error(
                    "ERR inside a transaction no command on keys can follow a change of user or protocol",
                ));
            }
            Ok(command) => match too_large(&command, limits) {
                Some(error) => Queued::Known(error.into()),
                None => Queued::Block(BlockCommand::new(spec, command, words)),
            },
            // Redis finds such errors when the command runs, and goes on with the next one.
            Err(error) => Queued::Known(error.into()),
        };
        self.commands.push(queued);
        Ok(())
    }
}

/// A value that storage could not hold, known from the words alone: Redis would make it before we could refuse it.
fn too_large(command: &Command, limits: &ItemLimits) -> Option<CommandError> {
    let Command::Write { key, op: WriteOp::SetRange { offset, value } } = command else {
        return None;
    };
    let len = usize::try_from(*offset).ok().and_then(|offset| offset.checked_add(value.len()));
    let len = len.filter(|_| !value.is_empty())?;
    limits.check_value(key.len(), len).err()
}
