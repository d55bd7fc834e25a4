//! EXEC: locks of all keys -> watches -> items -> all commands in one staging block -> one commit.
//!
//! The commands run in the tenant's Redis, in order, on copies of their items ([`crate::cache::Staged`]), so that a
//! command sees what those before it did and one that fails does not stop those behind it, as in Redis. What they left
//! is committed all or none ([`super::commit`]): EXEC that is refused, throttled or interrupted by a crash has changed
//! nothing, and EXEC that was answered has changed everything. A block that changes one key is a plain write, one that
//! changes none writes nothing.
//!
//! A key that is overwritten before anything looks at it (SET, MSET) is not read. Keys that are only read are filled into
//! the cache first, as any read would; under the locks they are looked at again.
//!
//! What was read and changed is a condition of the write; where other proxies may write the table, what was only read or
//! watched is one too (see [`super::change`]). A conflict on a watched key is seen when the block is decided again, and
//! ends it. Reads alone are no write and have no condition: each is as fresh as a read on its own, but another proxy may
//! write between them.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::change::KeyUse;
use super::commit::Locks;
use super::execute::Request;
use super::watch::Watched;
use super::write::difference;
use super::{Failure, Service};
use crate::command::table::{CommandSpec, Verb};
use crate::command::{Change, Command, Item, WriteOp};
use crate::resp::{Protocol, Reply};
use crate::tenant::LatencyOf;

/// Value bytes that the replies to one block may hold (said in [`Failure::RepliesTooLarge`]).
const MAX_REPLIES_BYTES: usize = 128 << 20;

/// A queued command on keys.
#[derive(Debug)]
pub(crate) struct BlockCommand {
    spec: &'static CommandSpec,
    /// As Redis is to compute it.
    words: Vec<Bytes>,
    keys: Vec<Bytes>,
    /// It overwrites its keys whatever they hold.
    blind: bool,
}

/// What EXEC came to: the encoded reply of each command, or nothing if a watched key was changed.
pub(crate) type Executed = Result<Option<Vec<Bytes>>, Failure>;

impl BlockCommand {
    /// A command as it was parsed, and its words as the client sent them.
    pub(crate) fn new(spec: &'static CommandSpec, command: Command, words: Vec<Bytes>) -> Self {
        let blind = match &command {
            Command::MSet(_) => true,
            Command::Write { op: op @ WriteOp::Set(_), .. } => !op.needs_old(),
            _ => false,
        };
        match command {
            Command::Native(native) => Self { spec, words: native.args, keys: native.keys, blind },
            command => {
                let keys = command.keys().into_iter().cloned().collect();
                Self { spec, words, keys, blind }
            }
        }
    }

    /// Whether its reply may be the whole value, and leaves it there to be returned once more.
    fn may_return_value(&self) -> bool {
        let returns_old = matches!(self.spec.verb, Verb::Set | Verb::GetSet | Verb::GetEx);
        !self.spec.is_write() || returns_old && !self.blind
    }

    /// Its keys.
    pub(crate) fn keys(&self) -> &[Bytes] {
        &self.keys
    }
}

/// The keys of a block and how it uses them.
#[derive(Debug, Default)]
struct Uses {
    all: Vec<KeyUse>,
    written: HashSet<Bytes>,
}

impl Uses {
    fn of(commands: &[BlockCommand]) -> Self {
        let mut uses = Self::default();
        let mut seen = HashSet::new();
        for command in commands {
            for key in &command.keys {
                if seen.insert(key) {
                    uses.all.push(KeyUse { key: key.clone(), needs_old: !command.blind });
                }
                if command.spec.is_write() {
                    uses.written.insert(key.clone());
                }
            }
        }
        uses
    }

    fn only_read(&self) -> impl Iterator<Item = &Bytes> {
        self.all.iter().map(|of| &of.key).filter(|key| !self.written.contains(*key))
    }
}

impl Service {
    /// Watches keys in the background, after earlier requests of the connection on the same keys.
    pub(crate) fn spawn_watch(
        self: &Rc<Self>,
        request: Request,
        watched: Rc<Watched>,
        keys: Vec<Bytes>,
    ) {
        let service = Rc::clone(self);
        self.spawn_request(request, async move |request| {
            let result = service.watch(&watched, keys).await;
            service.reply(LatencyOf::Miss, result, &request)
        });
    }

    /// Runs a block in the background, after earlier requests of the connection on the same keys, and hands the result to
    /// `encode`, which makes the reply of it.
    pub(crate) fn spawn_block(
        self: &Rc<Self>,
        request: Request,
        commands: Vec<BlockCommand>,
        watched: Rc<Watched>,
        encode: impl FnOnce(Option<Vec<Bytes>>) -> Reply + 'static,
    ) {
        let service = Rc::clone(self);
        self.spawn_request(request, async move |request| {
            let result = Box::pin(service.block(&commands, &watched, request.protocol)).await;
            service.reply(LatencyOf::Write, result.map(encode), &request)
        });
    }

    /// Runs a block as [`Service::spawn_block`] does, but leaves the reply, and the end of the request, to the caller.
    pub(crate) fn spawn_block_apart(
        self: &Rc<Self>,
        request: &Request,
        commands: Vec<BlockCommand>,
        watched: Rc<Watched>,
    ) -> oneshot::Receiver<Executed> {
        let (sender, receiver) = oneshot::channel();
        let before = request.replies.begin_slow(request.seq);
        let (service, protocol) = (Rc::clone(self), request.protocol);
        self.tasks.spawn_local(async move {
            for earlier in before {
                // An earlier request that vanished is done as well.
                let _ = earlier.await;
            }
            if !sender.is_closed() {
                // A client that has gone by now needs no reply.
                let _ = sender.send(Box::pin(service.block(&commands, &watched, protocol)).await);
            }
        });
        receiver
    }

    async fn block(
        self: &Rc<Self>,
        commands: &[BlockCommand],
        watched: &Watched,
        protocol: Protocol,
    ) -> Executed {
        let tenant = self.tenant.number;
        if watched.is_touched(tenant, crate::clock::unix_ms()) {
            return Ok(None);
        }
        if !commands.is_empty() && !self.upstream(protocol).is_usable() {
            // Before storage is read for nothing.
            return Err(Failure::CacheNeeded);
        }
        let uses = Uses::of(commands);
        let only_read: Vec<Bytes> = uses.only_read().cloned().collect();
        let found = self.find_all(&only_read, Self::find_owned).await?;
        for (key, found) in only_read.iter().zip(&found) {
            self.account_read(key, found, key.len());
        }
        let watched_keys = watched.keys();
        let all = uses.all.iter().map(|of| &of.key).chain(&watched_keys);
        let locks = self.lock_all(all).await;
        if watched.is_touched(tenant, crate::clock::unix_ms()) {
            return Ok(None);
        }
        if commands.is_empty() && self.tenant.cache.exclusive {
            return Ok(Some(Vec::new()));
        }
        self.block_locked(commands, watched, uses, &locks, protocol).await
    }

    async fn block_locked(
        self: &Rc<Self>,
        commands: &[BlockCommand],
        watched: &Watched,
        uses: Uses,
        locks: &Locks,
        protocol: Protocol,
    ) -> Executed {
        let Uses { mut all, written } = uses;
        let in_block = all.len();
        let shared = !self.tenant.cache.exclusive;
        add_watched(&mut all, watched, shared);
        let keys: Vec<Bytes> = all.iter().take(in_block).map(|of| of.key.clone()).collect();
        let words: Vec<Vec<Bytes>> = commands.iter().map(|c| c.words.clone()).collect();
        let paid = Cell::new(false);
        self.change(locks, &all, async |items| {
            let differs = |(of, item): (&KeyUse, &Option<Item>)| {
                of.needs_old && watched.differs(&of.key, item.as_ref(), !shared)
            };
            let now_ms = crate::clock::unix_ms();
            if watched.is_touched(self.tenant.number, now_ms) || all.iter().zip(items).any(differs)
            {
                return Ok(ControlFlow::Break(None));
            }
            if commands.is_empty() {
                return Ok(ControlFlow::Break(Some(Vec::new())));
            }
            let items = items.get(..in_block).unwrap_or_default();
            check_reply_size(commands, &keys, items)?;
            let staged = self.compute(&keys, items, &words, protocol).await?;
            if !paid.replace(true) {
                self.pay(bytes_of(&words) + bytes_of(std::slice::from_ref(&staged.replies)))
                    .await?;
            }
            let both = all.iter().zip(items).zip(staged.after);
            let mut changes: Vec<Change> = both
                .map(|((of, before), after)| {
                    if written.contains(&of.key) {
                        of.difference(before.as_ref(), after)
                    } else {
                        Change::Keep
                    }
                })
                .collect();
            changes.resize(all.len(), Change::Keep);
            Ok(ControlFlow::Continue((Some(staged.replies), changes)))
        })
        .await
    }
}

impl KeyUse {
    /// What became of its item; one that was not read is changed in any case.
    fn difference(&self, before: Option<&Item>, after: Option<Item>) -> Change {
        if self.needs_old {
            return difference(before, after);
        }
        after.map_or(Change::Delete, Change::Put)
    }
}

/// Watched keys are read too, so that what WATCH saw can be compared and becomes a condition; where this proxy is alone,
/// those of the block.
fn add_watched(all: &mut Vec<KeyUse>, watched: &Watched, shared: bool) {
    let mut keys: HashSet<Bytes> = watched.keys().into_iter().collect();
    for of in all.iter_mut() {
        of.needs_old |= keys.remove(&of.key);
    }
    if shared {
        all.extend(keys.into_iter().map(|key| KeyUse { key, needs_old: true }));
    }
}

/// Refuses a block whose replies could hold more than is to be kept in memory: each read could return all that it names.
fn check_reply_size(
    commands: &[BlockCommand],
    keys: &[Bytes],
    items: &[Option<Item>],
) -> Result<(), Failure> {
    let sizes: HashMap<&Bytes, usize> = keys
        .iter()
        .zip(items)
        .map(|(key, item)| (key, item.as_ref().map_or(0, |item| item.value.len())))
        .collect();
    let reads = commands.iter().filter(|command| command.may_return_value());
    let named = reads.flat_map(|command| &command.keys);
    let total: usize = named.map(|key| sizes.get(key).copied().unwrap_or(0)).sum();
    if total > MAX_REPLIES_BYTES { Err(Failure::RepliesTooLarge) } else { Ok(()) }
}

fn bytes_of(words: &[Vec<Bytes>]) -> usize {
    words.iter().flatten().map(Bytes::len).sum()
}

/// An array of replies that are encoded already.
pub(crate) fn array_of<R: AsRef<[u8]>>(replies: impl ExactSizeIterator<Item = R>) -> Reply {
    let mut out = BytesMut::from(format!("*{}\r\n", replies.len()).as_bytes());
    for reply in replies {
        out.extend_from_slice(reply.as_ref());
    }
    Reply::Encoded(out.freeze())
}
