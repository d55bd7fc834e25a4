//! WATCH: whether a key has changed between WATCH and EXEC.
//!
//! Changes through this proxy mark the client's watch (`tenant::Watches`), under the key's lock. Three things do not:
//!
//! - *A key that expires* changes without a write. So WATCH reads the item, and EXEC compares its expiry with the clock.
//! - *A change by another proxy*, where there are others. So EXEC reads the item again and compares it with a
//!   fingerprint of the one that WATCH read; and the item that EXEC read becomes a condition of its write.
//! - *A write of this proxy that was never confirmed* and takes effect late. Its key is marked when it is given up; who
//!   watches the key after that, and writes it, is warned by the fingerprint and the condition as well.
//!
//! The order at WATCH is: register under the key's lock, then read. A change that the read may or may not have seen is
//! one that marks. A read that fails leaves the watch marked: the client is told, but it may have sent EXEC already.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::{Failure, Service};
use crate::command::{Item, ValueKind};
use crate::resp::Reply;
use crate::tenant::{Mark, Watch};

/// The keys that a client watches until EXEC, DISCARD, UNWATCH, RESET or its end.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    mark: Arc<Mark>,
    keys: RefCell<HashMap<Bytes, Seen>>,
}

/// A watched key as it was.
#[derive(Debug)]
struct Seen {
    /// The tenant whose key it is.
    tenant: u32,
    print: Fingerprint,
    expires_at_ms: Option<u64>,
    _watch: Watch,
}

/// Tells items apart, in little room. Of keyed hashes, so that nobody can make two items look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u64; 2]);

impl Fingerprint {
    fn of(item: Option<&Item>) -> Self {
        static KEYS: LazyLock<[RandomState; 2]> =
            LazyLock::new(|| [RandomState::new(), RandomState::new()]);
        let parts = item.map(|item| (item.kind, &item.value, item.expires_at_ms));
        Self(KEYS.each_ref().map(|keys| keys.hash_one(parts)))
    }
}

impl Watched {
    /// The keys.
    pub(crate) fn keys(&self) -> Vec<Bytes> {
        self.keys.borrow().keys().cloned().collect()
    }

    /// True if a change was seen, or a key has expired, or belongs to another tenant than `tenant`.
    pub(super) fn is_touched(&self, tenant: u32, now_ms: u64) -> bool {
        let expired = |seen: &Seen| seen.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let keys = self.keys.borrow();
        self.mark.is_set() || keys.values().any(|seen| seen.tenant != tenant || expired(seen))
    }

    /// True unless `item` is what WATCH saw under `key`, or `key` is not watched.
    ///
    /// `alone`: no other proxy writes the table, so that every change has marked the watch. Then only strings are
    /// compared: of anything else Redis does not write equal values alike. Hash tables come in any order, and a small
    /// sorted set that was computed as a skip list is stored as one, and is a list pack in its cached copy. With other
    /// proxies such a difference ends the watch as a change would, and the client tries again.
    pub(super) fn differs(&self, key: &Bytes, item: Option<&Item>, alone: bool) -> bool {
        if alone && item.is_some_and(|item| item.kind != ValueKind::String) {
            return false;
        }
        self.keys.borrow().get(key).is_some_and(|seen| seen.print != Fingerprint::of(item))
    }
}

impl Service {
    /// Watches keys.
    ///
    /// # Errors
    /// Why a key could not be read; EXEC will then do nothing.
    pub(super) async fn watch(
        self: &Rc<Self>,
        watched: &Watched,
        keys: Vec<Bytes>,
    ) -> Result<Reply, Failure> {
        for key in keys {
            let done = self.watch_one(watched, &key).await;
            if done.is_err() {
                watched.mark.set();
            }
            done?;
        }
        Ok(Reply::Ok)
    }

    async fn watch_one(self: &Rc<Self>, watched: &Watched, key: &Bytes) -> Result<(), Failure> {
        if watched.keys.borrow().contains_key(key) {
            return Ok(());
        }
        let watch = {
            let _turn = self.lock_all([key]).await;
            self.tenant.watches.add(key, &watched.mark)
        };
        // Filled into the cache: who watches a key reads it next.
        let found = self.find_exact(key).await?;
        self.account_read(key, &found, key.len());
        // As EXEC will read it: the payload of a cached copy may differ from the stored one.
        let found = self.before(key).await?;
        let seen = Seen {
            tenant: self.tenant.number,
            print: Fingerprint::of(found.item.as_ref()),
            expires_at_ms: found.item.and_then(|item| item.expires_at_ms),
            _watch: watch,
        };
        watched.keys.borrow_mut().insert(key.clone(), seen);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_value_type_and_expiry_apart() {
        let items = [
            None,
            Some(Item::string("", None)),
            Some(Item::string("a", None)),
            Some(Item::string("a", Some(1))),
            Some(Item { kind: ValueKind::Set, ..Item::string("a", None) }),
        ];
        for (n, a) in items.iter().enumerate() {
            for (m, b) in items.iter().enumerate() {
                let same = Fingerprint::of(a.as_ref()) == Fingerprint::of(b.as_ref());
                assert_eq!(same, n == m, "{a:?}, {b:?}");
            }
        }
    }
}
