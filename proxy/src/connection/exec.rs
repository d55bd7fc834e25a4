//! MULTI, EXEC, DISCARD, WATCH and UNWATCH of one client.
//!
//! EXEC's commands on keys are the service's. Those about the connection are answered here, at their place, once the
//! service has done its part: a block that is not executed must not have changed the client's name or user. Until then
//! nothing that the client sent after such an EXEC is started. An EXEC without them holds up only requests on its keys.

use std::collections::HashSet;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Connection, hashes_of};
use crate::command::SessionCommand;
use crate::command::table::{CommandSpec, Verb};
use crate::replies::Keys;
use crate::resp::Reply;
use crate::service::{BlockCommand, Executed, Failure, Request, array_of};
use crate::session::{After, Session};
use crate::tenant::LatencyOf;
use crate::transaction::{Exec, Queued, Transaction};

/// An EXEC whose commands about the connection are still to be run.
#[derive(Debug)]
pub(super) struct Pending {
    request: Request,
    places: Vec<Place>,
    executed: oneshot::Receiver<Executed>,
}

/// Where the reply at one place of EXEC's array comes from.
#[derive(Debug)]
enum Place {
    /// The next of the service's replies.
    Block,
    Session(SessionCommand),
    Known(Reply),
}

impl Connection {
    /// Takes what belongs to a transaction; false if the command is to be run as usual.
    pub(super) fn in_transaction(
        &mut self,
        spec: &'static CommandSpec,
        args: &[Bytes],
        started: Instant,
    ) -> bool {
        let reply = match spec.verb {
            Verb::Multi => self.transaction.begin(),
            Verb::Discard => self.transaction.discard(),
            Verb::Exec => {
                self.exec(started);
                return true;
            }
            Verb::Watch => {
                self.watch(args, started);
                return true;
            }
            verb if self.transaction.is_open() && !Transaction::runs_at_once(verb) => {
                let session = &self.session;
                let seals = |command: &SessionCommand| session.would_change(command);
                self.transaction.queue(spec, args, session.limits(), seals)
            }
            Verb::Unwatch => self.transaction.unwatch(),
            Verb::Reset => {
                self.transaction.end();
                return false;
            }
            _ => return false,
        };
        self.answer(&reply);
        true
    }

    /// A command was refused for its name, the number of its words or the client's missing authentication. The reply to
    /// say so with.
    pub(super) fn refuse_in_transaction(&mut self, name: Option<&Bytes>, error: Reply) -> Reply {
        match error {
            Reply::Error(text) if name.is_some_and(|name| name.eq_ignore_ascii_case(b"exec")) => {
                self.transaction.refuse_exec(&text)
            }
            error => {
                self.transaction.abort();
                error
            }
        }
    }

    fn watch(&mut self, args: &[Bytes], started: Instant) {
        // Copies: a slice would keep the whole request alive for as long as the key is watched.
        let keys: Vec<Bytes> = args.iter().skip(1).map(|key| Bytes::copy_from_slice(key)).collect();
        let limits = self.session.limits();
        if let Some(error) = keys.iter().find_map(|key| limits.check_key(key).err()) {
            return self.answer(&error.into());
        }
        let Some(service) = self.session.service() else {
            return self.answer(&Session::no_auth());
        };
        match self.transaction.watch(&keys) {
            Ok(watched) => {
                service.counters().commands.add(1);
                let request = self.request(hashes_of(keys.iter()), started);
                service.spawn_watch(request, watched, keys);
            }
            Err(refusal) => self.answer(&refusal),
        }
    }

    fn exec(&mut self, started: Instant) {
        let (queued, watched, watched_hashes) = match self.transaction.exec() {
            Exec::Refused(reply) => return self.answer(&reply),
            Exec::Run { queued, watched, watched_hashes } => (queued, watched, watched_hashes),
        };
        let Some(service) = self.session.service() else {
            return self.answer(&Session::no_auth());
        };
        let (mut commands, mut places): (Vec<BlockCommand>, Vec<Place>) = (Vec::new(), Vec::new());
        for queued in queued {
            places.push(match queued {
                Queued::Block(command) => {
                    commands.push(command);
                    Place::Block
                }
                Queued::Session(command) => Place::Session(command),
                Queued::Known(reply) => Place::Known(reply),
            });
        }
        service.counters().commands.add(commands.len() as u64);
        let keys = commands.iter().flat_map(BlockCommand::keys);
        let hashes: HashSet<u64> =
            keys.map(|key| crate::hash::of_key(key)).chain(watched_hashes).collect();
        let request = self.request(Keys::Many(hashes.into_iter().collect()), started);
        if places.iter().any(|place| matches!(place, Place::Session(_))) {
            let executed = service.spawn_block_apart(&request, commands, watched);
            self.pending = Some(Pending { request, places, executed });
        } else {
            let protocol = request.protocol;
            service.spawn_block(request, commands, watched, move |replies| {
                let Some(replies) = replies else { return Reply::NullArray };
                let mut replies = replies.into_iter();
                array_of(places.into_iter().map(|place| match place {
                    Place::Known(reply) => reply.to_bytes(protocol),
                    Place::Block | Place::Session(_) => replies.next().unwrap_or_default(),
                }))
            });
        }
    }

    fn request(&self, keys: Keys, started: Instant) -> Request {
        let seq = self.replies.reserve(keys);
        let (replies, protocol) = (Rc::clone(&self.replies), self.session.protocol());
        Request { replies, seq, protocol, started }
    }

    /// The service's part of the EXEC that everything waits for is done: now the commands about the connection.
    pub(super) fn finish_exec(&mut self, executed: Executed) {
        let Some(Pending { request, places, .. }) = self.pending.take() else { return };
        let service = self.session.service().map(Rc::clone);
        let result = executed.map(|replies| {
            let Some(replies) = replies else { return Reply::NullArray };
            let mut replies = replies.into_iter();
            array_of(places.into_iter().map(|place| match place {
                Place::Block => replies.next().unwrap_or_default(),
                Place::Known(reply) => reply.to_bytes(self.session.protocol()),
                Place::Session(command) => {
                    let (reply, after) = self.session.run(command);
                    self.closing |= after == After::Close;
                    reply.to_bytes(self.session.protocol())
                }
            }))
        });
        let reply = match service {
            Some(service) => service.reply(LatencyOf::Write, result, &request),
            None => Session::no_auth(),
        };
        self.replies.complete(request.seq, &reply.to_bytes(self.session.protocol()));
        self.replies.end_slow();
    }
}

/// Ready when the service's part of a pending EXEC is done.
pub(super) fn poll_executed(pending: &mut Option<Pending>, cx: &mut Context<'_>) -> Poll<Executed> {
    let Some(pending) = pending else { return Poll::Pending };
    Pin::new(&mut pending.executed).poll(cx).map(|done| done.unwrap_or(Err(Failure::Internal)))
}
