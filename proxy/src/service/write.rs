//! The commands that write: each is a change ([`super::change`]) with its own way to decide.

use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;

use super::change::KeyUse;
use super::commit::{Basis, Commit, KeyChange};
use super::native::one_of;
use super::{Failure, Service};
use crate::command::{Change, Item, NativeCommand, WriteOp};
use crate::resp::{Protocol, Reply};
use crate::storage::{Expectation, KeyEffect};

impl Service {
    /// Runs a write command on one key.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn write(
        self: &Rc<Self>,
        key: &Bytes,
        op: &WriteOp,
    ) -> Result<Reply, Failure> {
        let locks = self.lock_all([key]).await;
        let uses = [KeyUse { key: key.clone(), needs_old: op.needs_old() }];
        let limits = self.tenant.item_limits();
        self.change(&locks, &uses, async |items| {
            let old = items.first().and_then(Option::as_ref);
            let outcome = op.evaluate(old, crate::clock::unix_ms(), key.len(), &limits);
            Ok(ControlFlow::Continue((outcome.reply, vec![outcome.change])))
        })
        .await
    }

    /// Runs a write command that Redis computes.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn native_write(
        self: &Rc<Self>,
        native: NativeCommand,
        protocol: Protocol,
    ) -> Result<Reply, Failure> {
        let NativeCommand { args, keys, .. } = native;
        let locks = self.lock_all(&keys).await;
        let uses: Vec<_> =
            keys.iter().map(|key| KeyUse { key: key.clone(), needs_old: true }).collect();
        let commands = [args];
        self.change(&locks, &uses, async |items| {
            let staged = self.compute(&keys, items, &commands, protocol).await?;
            let reply = Reply::Encoded(one_of(staged.replies)?);
            let changes = items.iter().zip(staged.after).map(|(b, a)| difference(b.as_ref(), a));
            Ok(ControlFlow::Continue((reply, changes.collect())))
        })
        .await
    }

    /// Deletes a key; true if it existed.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn delete(self: &Rc<Self>, key: &Bytes) -> Result<bool, Failure> {
        let locks = self.lock_all([key]).await;
        let change = KeyChange::blind(key.clone(), Change::Delete);
        match self.commit(&locks, vec![change], Basis::Checked).await? {
            Commit::Done { removed } => Ok(removed),
            Commit::Conflict(_) => Err(Failure::Internal),
        }
    }

    /// Sets all keys or, where one exists, none. The keys are distinct. Nothing is read: that none exists is a condition
    /// of the write.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) async fn set_all_if_absent(
        self: &Rc<Self>,
        pairs: Vec<(Bytes, Bytes)>,
    ) -> Result<bool, Failure> {
        let locks = self.lock_all(pairs.iter().map(|(key, _)| key)).await;
        let changes = pairs.into_iter().map(|(key, value)| {
            let change = Change::Put(Item::string(value, None));
            let effect = KeyEffect { key, change, expectation: Expectation::Is(None) };
            KeyChange { effect, before: None }
        });
        let committed = self.commit(&locks, changes.collect(), Basis::Checked).await?;
        Ok(matches!(committed, Commit::Done { .. }))
    }
}

/// What became of an item.
pub(super) fn difference(before: Option<&Item>, after: Option<Item>) -> Change {
    match after {
        None if before.is_none() => Change::Keep,
        None => Change::Delete,
        Some(after) if before == Some(&after) => Change::Keep,
        Some(after) => Change::Put(after),
    }
}
