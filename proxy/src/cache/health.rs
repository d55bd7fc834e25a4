//! Whether a tenant's Redis may serve, and what must be removed from it first.
//!
//! Shared by all workers. A write whose publish could not be confirmed leaves a key that Redis may still answer with
//! its old value; before that write is acknowledged the key is noted here, which also stops every worker from asking
//! Redis. The keeper (`cache::keeper`) removes what is noted and only then lets Redis serve again, under the same lock,
//! so no key can be noted, and no outage reported, between the start of its last cleaning and the restart of service.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// More noted keys than this, and the whole cache is emptied instead.
const MAX_NOTED_KEYS: usize = 10_000;

/// What the keeper must remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stale {
    /// These keys (user keys, not Redis names).
    Keys(HashSet<Bytes>),
    /// Everything.
    All,
}

/// What was to be removed at some moment.
#[derive(Debug)]
pub(crate) struct Noted {
    /// The keys.
    pub(crate) stale: Stale,
    generation: u64,
}

/// Serving or not, and the stale keys.
#[derive(Debug)]
pub(crate) struct Health {
    serving: AtomicBool,
    stale: Mutex<Stale>,
    generation: AtomicU64,
    has_served: AtomicBool,
    /// When Redis last came back after an outage.
    back_at: Mutex<Option<Instant>>,
    owed: AtomicUsize,
    /// Run id of the Redis process that was cleaned last: another one may have loaded an old snapshot.
    cleaned_run: Mutex<String>,
    lost: Notify,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            serving: AtomicBool::new(false),
            stale: Mutex::new(Stale::Keys(HashSet::new())),
            generation: AtomicU64::new(0),
            has_served: AtomicBool::new(false),
            back_at: Mutex::default(),
            owed: AtomicUsize::new(0),
            cleaned_run: Mutex::default(),
            lost: Notify::new(),
        }
    }
}

impl Health {
    /// True while Redis may be asked.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Counts outages and notes: a reader that saw the same number before and after knows that there was none between.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A connection to Redis broke or timed out: stop asking until the keeper has looked.
    pub(crate) fn report_lost(&self) {
        let _stale = self.stale.lock();
        self.stop();
    }

    /// Notes a key whose cached value may be stale, and stops serving.
    pub(crate) fn note_stale(&self, key: Bytes) {
        let mut stale = self.stale.lock();
        match &mut *stale {
            Stale::Keys(keys) if keys.len() < MAX_NOTED_KEYS => {
                keys.insert(key);
            }
            other => *other = Stale::All,
        }
        self.stop();
    }

    /// What is to be removed now; it stays noted until [`Health::serve_if_clean`] confirms.
    pub(crate) fn noted(&self) -> Noted {
        let stale = self.stale.lock();
        Noted { stale: stale.clone(), generation: self.generation() }
    }

    /// Forgets what was removed, and serves if since `removed` was read no key was noted (not even one of the same) and
    /// no outage reported. True when serving.
    pub(crate) fn serve_if_clean(&self, removed: &Noted) -> bool {
        let mut stale = self.stale.lock();
        if self.generation() != removed.generation {
            return false;
        }
        *stale = Stale::Keys(HashSet::new());
        if self.has_served.swap(true, Ordering::AcqRel) {
            *self.back_at.lock() = Some(Instant::now());
        }
        self.serving.store(true, Ordering::Release);
        true
    }

    /// True when the last outage is longer ago than `period`: scripts that it left in Redis's sockets have run, and what
    /// they did has expired.
    pub(crate) fn is_over_outage(&self, period: Duration) -> bool {
        self.back_at.lock().is_none_or(|at| at.elapsed() > period)
    }

    /// The Redis process of this run id is (or is about to be) clean.
    pub(crate) fn set_cleaned_run(&self, run_id: &str) {
        run_id.clone_into(&mut self.cleaned_run.lock());
    }

    /// True if that is the process that was cleaned last. A connection belongs to one process, so asking once will do.
    pub(crate) fn is_cleaned_run(&self, run_id: &[u8]) -> bool {
        self.cleaned_run.lock().as_bytes() == run_id
    }

    /// A key will have to be removed later.
    pub(crate) fn owe_removal(&self) {
        self.owed.fetch_add(1, Ordering::AcqRel);
    }

    /// It was removed, or noted.
    pub(crate) fn removal_done(&self) {
        self.owed.fetch_sub(1, Ordering::AcqRel);
    }

    /// True when Redis serves and nothing needs to be removed, now or later.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_serving() && self.owed.load(Ordering::Acquire) == 0
    }

    /// Resolves when service stopped (at once if it is stopped).
    pub(crate) async fn until_lost(&self) {
        loop {
            let lost = self.lost.notified();
            if !self.is_serving() {
                return;
            }
            lost.await;
        }
    }

    fn stop(&self) {
        self.serving.store(false, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.lost.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_noted_during_the_removal_keeps_the_cache_out_of_service() {
        let health = Health::default();
        health.note_stale(Bytes::from_static(b"a"));
        for key in [b"b", b"a"] {
            let removed = health.noted();
            health.note_stale(Bytes::from_static(key));
            assert!(!health.serve_if_clean(&removed));
            assert!(!health.is_serving());
        }
        assert!(health.serve_if_clean(&health.noted()));
        assert!(health.is_serving());
    }

    #[test]
    fn an_outage_during_the_removal_keeps_the_cache_out_of_service() {
        let health = Health::default();
        let removed = health.noted();
        health.report_lost();
        assert!(!health.serve_if_clean(&removed));
        assert!(health.serve_if_clean(&health.noted()));
    }

    #[test]
    fn an_outage_is_not_over_at_once() {
        let health = Health::default();
        assert!(health.serve_if_clean(&health.noted()) && health.is_over_outage(Duration::MAX));
        health.report_lost();
        assert!(health.serve_if_clean(&health.noted()));
        assert!(!health.is_over_outage(Duration::MAX));
    }

    #[test]
    fn a_cache_that_is_owed_a_removal_is_not_clean() {
        let health = Health::default();
        assert!(health.serve_if_clean(&health.noted()) && health.is_clean());
        health.owe_removal();
        assert!(!health.is_clean());
        health.removal_done();
        assert!(health.is_clean());
    }

    #[test]
    fn too_many_noted_keys_empty_the_cache() {
        let health = Health::default();
        for i in 0..=MAX_NOTED_KEYS {
            health.note_stale(Bytes::from(i.to_string()));
        }
        assert_eq!(health.noted().stale, Stale::All);
    }
}
