//! A change: locks of all keys -> items as the last writes left them -> decide -> [`super::commit`].
//!
//! The locks keep changes of one key through this proxy in one order everywhere; they are taken in the keys' order, so
//! that no two changes wait for each other. A change whose outcome does not depend on what is there reads nothing.
//!
//! **Conditions.** What a change was decided from is a condition of its write: of each changed key that its item is
//! still the one that was read. This proxy's own changes cannot come between, as the locks are held; but another
//! proxy's can, and so can an earlier write of this one that was never confirmed and takes effect late. And should this
//! very write be the one that takes effect late, the condition keeps it from undoing what was written since: a counter
//! that went from 7 to 9 is not set back to 8. If a condition is not met nothing was changed, and it is decided again
//! from what storage found there, a bounded number of times with random pauses. Conditions cost neither units nor
//! requests, only the old item's bytes on the way. An ambiguous result ends the tries: it may have been applied.
//!
//! Where other proxies may write the table, each key that was only read is a condition too, as a check within the
//! transaction, which costs units. Where this proxy is alone that is not paid: then the locks keep others away, after an
//! ambiguous result for as long as it can still take effect ([`Basis::Assumed`]).
//!
//! **Which item is the condition?** A cached string is the stored one, byte for byte, and so is the payload of almost any
//! other type. The exception are sets and hashes kept as hash tables: these have no order, so Redis may write the same
//! elements in another one. A condition on such a copy would probably fail, and a failed condition costs 1 write unit per
//! KB where reading the item costs 1 read unit per 4 KB. So among several proxies these items are read from storage;
//! where this proxy is alone they are changed without a condition, under the locks alone.
//! (A payload may also be written in a form that Redis loads as another one: a hash that shrank. Then the first condition
//! fails, the conflict brings the stored item along, and the second try succeeds.)
//!
//! **What remains.** Where this proxy is alone and dies while a write of a hash table, or one that was decided from keys
//! that it only read, is on its way, that write can take effect after the restart and undo what was written since.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::commit::{Basis, Commit, KeyChange, Locks};
use super::execute::FAN_OUT;
use super::read::Found as Read;
use super::read::Source;
use super::snapshot::collect_within_bound;
use super::{Failure, Service};
use crate::command::{Change, Item, ValueKind};
use crate::storage::{Expectation, Found, KeyEffect};

/// Decisions made before a client is told that others keep changing its keys.
const MAX_TRIES: u32 = 32;
/// Longest pause after the first conflict, and after any.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// One key of a change, and what a decision needs of it.
#[derive(Debug, Clone)]
pub(super) struct KeyUse {
    /// The key.
    pub(super) key: Bytes,
    /// Whether the decision depends on the item that is there.
    pub(super) needs_old: bool,
}

impl Service {
    /// Reads the items, lets `decide` say what becomes of each (in the order of `uses`) and commits that. `decide` may
    /// also end the matter with a result and no change. It is called again after a conflict. Keys that are not to be
    /// read are passed as absent.
    ///
    /// # Errors
    /// Why it was not done, or that nobody knows.
    pub(super) async fn change<T>(
        self: &Rc<Self>,
        locks: &Locks,
        uses: &[KeyUse],
        decide: impl AsyncFn(&[Option<Item>]) -> Result<ControlFlow<T, (T, Vec<Change>)>, Failure>,
    ) -> Result<T, Failure> {
        let mut items = self.items_of(uses).await?;
        for tries in 1.. {
            let (result, changes) = match decide(&items).await? {
                ControlFlow::Break(result) => return Ok(result),
                ControlFlow::Continue(decided) => decided,
            };
            let Plan { at, changes, basis } = self.plan(uses, &items, changes);
            match self.commit(locks, changes, basis).await? {
                Commit::Done { .. } => return Ok(result),
                Commit::Conflict(_) if tries == MAX_TRIES => break,
                Commit::Conflict(found) => {
                    self.counters.conflicts.add(1);
                    tokio::time::sleep(pause_after(tries)).await;
                    for (index, found) in at.into_iter().zip(found) {
                        let (Some(item), Some(of)) = (items.get_mut(index), uses.get(index)) else {
                            continue;
                        };
                        match found {
                            Found::AsExpected => {}
                            Found::Item(found) => *item = Some(found),
                            Found::Unknown => *item = self.read_storage(&of.key).await?.item,
                        }
                    }
                }
            }
        }
        Err(Failure::Contended)
    }

    /// Waits for the turn of every key, in one order for everybody, so that no two wait for each other.
    pub(super) async fn lock_all(&self, keys: impl IntoIterator<Item = &Bytes>) -> Locks {
        let mut sorted: Vec<&Bytes> = keys.into_iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut guards = Vec::with_capacity(sorted.len());
        for key in sorted {
            guards.push(self.tenant.locks.lock(self.key_of(key)).await);
        }
        guards.into()
    }

    /// The item to decide from, which may become a condition. The caller holds the key's lock.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn before(&self, key: &Bytes) -> Result<Read, Failure> {
        let found = self.current(key).await?;
        let reordered = found.item.as_ref().is_some_and(may_be_reordered);
        if reordered && found.source == Source::Cache && !self.tenant.cache.exclusive {
            return self.read_storage(key).await;
        }
        Ok(found)
    }

    async fn items_of(&self, uses: &[KeyUse]) -> Result<Vec<Option<Item>>, Failure> {
        let reads = uses.iter().map(|of| async move {
            Ok(if of.needs_old { self.before(&of.key).await?.item } else { None })
        });
        let reads = futures_util::stream::iter(reads).buffered(FAN_OUT);
        collect_within_bound(reads, Option::as_ref).await
    }

    /// What storage is told.
    fn plan(&self, uses: &[KeyUse], items: &[Option<Item>], changes: Vec<Change>) -> Plan {
        let alone = self.tenant.cache.exclusive;
        let mut plan = Plan { at: Vec::new(), changes: Vec::new(), basis: Basis::Checked };
        if changes.iter().all(|change| *change == Change::Keep) {
            return plan;
        }
        for (index, ((of, item), change)) in uses.iter().zip(items).zip(changes).enumerate() {
            let as_stored = !alone || !item.as_ref().is_some_and(may_be_reordered);
            let only_read = change == Change::Keep;
            let is_condition = of.needs_old && as_stored && !(alone && only_read);
            if of.needs_old && !is_condition {
                plan.basis = Basis::Assumed;
            }
            if only_read && !is_condition {
                continue;
            }
            let expectation =
                if is_condition { Expectation::Is(item.clone()) } else { Expectation::Anything };
            let effect = KeyEffect { key: of.key.clone(), change, expectation };
            plan.at.push(index);
            plan.changes.push(KeyChange { effect, before: item.clone() });
        }
        plan
    }
}

/// A decision as storage is told of it.
#[derive(Debug)]
struct Plan {
    /// Which key each change is about.
    at: Vec<usize>,
    changes: Vec<KeyChange>,
    basis: Basis,
}

/// Whether Redis may write the same value in different orders: sets and hashes kept as hash tables, which the first
/// byte of the payload tells.
pub(super) fn may_be_reordered(item: &Item) -> bool {
    const SET_TABLE: u8 = 2;
    const HASH_TABLE: u8 = 4;
    item.kind != ValueKind::String && matches!(item.value.first(), Some(&(SET_TABLE | HASH_TABLE)))
}

fn pause_after(tries: u32) -> Duration {
    let (first, longest) = PAUSES;
    let most = first.saturating_mul(1 << tries.min(16)).min(longest);
    most.mul_f64(rand::random_range(0.0..=1.0))
}
