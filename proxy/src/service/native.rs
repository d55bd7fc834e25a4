//! Commands that Redis computes.
//!
//! A read of one key that did not go straight ([`super::hits`]), or whose reply there proved nothing: one block on the
//! cached copy, that says whether there is one -> if not, the item (lease, storage, fill) -> computed on a staged copy.
//! The block is one act of Redis, so its reply and what it says of the copy belong together, whatever is evicted,
//! filled or published around it. Its reply without a copy is Redis's for an absent key, which is the right one if the
//! key turns out to be absent in storage: nothing need be staged for that.
//!
//! A read of several keys: all items at one instant ([`super::snapshot`]) -> computed on staged copies.
//! A write: see [`super::change`].
//!
//! While the tenant's Redis is down, items come from storage and the spare Redis computes ([`crate::cache::Spare`]).

use std::rc::Rc;

use bytes::Bytes;

use super::read::{Found, Source};
use super::scripting::hash_in;
use super::{Failure, Service};
use crate::cache::{OnCopy, StageError, Staged, names};
use crate::command::{self, Item, NativeCommand};
use crate::resp::{Protocol, Reply};

/// A Redis that is lost while it computes has changed nothing, so another may.
pub(super) const COMPUTE_TRIES: u32 = 2;
/// How far the running mean of item sizes moves with each item.
const MEAN_STEP: f64 = 1.0 / 64.0;

impl Service {
    /// Runs a command that Redis computes.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn native(
        self: &Rc<Self>,
        native: NativeCommand,
        protocol: Protocol,
    ) -> Result<Reply, Failure> {
        let reply = if native.spec.is_write() {
            return self.native_write(native, protocol).await;
        } else if let [key] = native.keys.as_slice() {
            let key = key.clone();
            self.read_one(native, &key, protocol).await?
        } else {
            self.read_several(native, protocol).await?
        };
        Ok(Reply::Encoded(reply))
    }

    async fn read_one(
        self: &Rc<Self>,
        native: NativeCommand,
        key: &Bytes,
        protocol: Protocol,
    ) -> Result<Bytes, Failure> {
        let NativeCommand { spec, args, .. } = native;
        let asked: usize = args.iter().map(Bytes::len).sum();
        let mut if_absent = None;
        let may_run_on_copy = names::is_verbatim(key) && command::may_run_on_copy(spec);
        let ran = match may_run_on_copy {
            true => self.upstream(protocol).on_copy(key, args.clone()).await.map(Some),
            false => Ok(None),
        };
        if let Ok(Some(OnCopy { exists, negative, reply })) = ran {
            if exists {
                self.account_part_read(key, asked + reply.len(), reply.len());
                self.pay(asked + reply.len()).await?;
                return Ok(reply);
            }
            if negative {
                let found = Found { item: None, source: Source::Negative, doubtful: false };
                self.account_read(key, &found, asked + reply.len());
                self.pay(asked + reply.len()).await?;
                return Ok(reply);
            }
            if_absent = Some(reply);
        }
        let found = self.find(key).await?;
        let reply = match (&found.item, if_absent) {
            (None, Some(reply)) => reply,
            (item, _) => {
                let keys = std::slice::from_ref(key);
                self.compute_read(keys, std::slice::from_ref(item), &args, protocol).await?
            }
        };
        self.account_read(key, &found, asked + reply.len());
        self.pay(asked + reply.len()).await?;
        Ok(reply)
    }

    async fn read_several(
        self: &Rc<Self>,
        native: NativeCommand,
        protocol: Protocol,
    ) -> Result<Bytes, Failure> {
        let NativeCommand { args, keys, .. } = native;
        let asked: usize = args.iter().map(Bytes::len).sum();
        let found = self.snapshot(&keys).await?;
        for (key, found) in keys.iter().zip(&found) {
            self.account_read(key, found, key.len());
        }
        let items: Vec<_> = found.into_iter().map(|found| found.item).collect();
        let reply = self.compute_read(&keys, &items, &args, protocol).await?;
        self.counters.read_bytes.add(reply.len() as u64);
        self.pay(asked + reply.len()).await?;
        Ok(reply)
    }

    /// Computes commands on copies of `items`.
    ///
    /// # Errors
    /// Why no Redis computed; nothing was changed.
    pub(super) async fn compute(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        commands: &[Vec<Bytes>],
        protocol: Protocol,
    ) -> Result<Staged, Failure> {
        if commands.iter().any(|words| hash_in(words).is_some()) {
            return self.compute_scripts(keys, items, commands, protocol).await;
        }
        for _ in 0..COMPUTE_TRIES {
            let Some(engine) = self.engine(protocol).await else { break };
            match engine.stage(keys, items, commands).await {
                Err(StageError::Lost) => {}
                computed => return Ok(computed?),
            }
        }
        Err(Failure::CacheNeeded)
    }

    /// Computes a command that changes nothing on copies of `items`.
    async fn compute_read(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        command: &[Bytes],
        protocol: Protocol,
    ) -> Result<Bytes, Failure> {
        for _ in 0..COMPUTE_TRIES {
            let Some(engine) = self.engine(protocol).await else { break };
            match engine.stage_read(keys, items, command.to_vec()).await {
                Err(StageError::Lost) => {}
                computed => return Ok(computed?),
            }
        }
        Err(Failure::CacheNeeded)
    }

    /// Bytes of a typical item that Redis computes with, at least `shown` of them: what a read that shows a part of an
    /// item tells of the whole.
    pub(super) fn typical_bytes(&self, shown: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean of lengths of items"
        )]
        let typical = self.typical_bytes.get() as usize;
        typical.max(shown)
    }

    /// Notes the size of an item that Redis computes with.
    pub(super) fn note_typical(&self, item: &Item) {
        if !item.is_string() {
            let (mean, bytes) = (self.typical_bytes.get(), item.value.len() as f64);
            let step = if mean > 0.0 { MEAN_STEP } else { 1.0 };
            self.typical_bytes.set(mean + step * (bytes - mean));
        }
    }
}

pub(super) fn one_of(mut replies: Vec<Bytes>) -> Result<Bytes, Failure> {
    replies.pop().ok_or(Failure::Internal)
}
