//! Whether a tenant's Redis may serve, and what must be removed from it first.
//!
//! Shared by all workers. A write whose publish could not be confirmed leaves a key that Redis may still answer with
//! its old value; before that write is acknowledged the key is noted here, which also stops every worker from asking
//! Redis. The keeper (`cache::keeper`) removes what is noted and only then lets Redis serve again, under the same lock,
//! so no key can be noted, and no outage reported, between the start of its last cleaning and the restart of service.
//!
//! A Redis of ours that nobody has needed yet is *asleep*: it does not run. The first client that signs in wakes it, on
//! whatever worker; from then on requests are queued for it (`cache::upstream`) until the keeper has started it, or
//! could not. Interleavings:
//!
//! - Two clients sign in at once on two workers: both call [`Health::wake`], one of them moves it on, both queue.
//! - The start fails: the keeper reports it as lost. Whoever was queued goes to storage, as in every outage, and the
//!   keeper tries on.
//! - The start takes longer than requests are queued for: a worker's connection gives up and reports it as lost. That
//!   moves the generation on, so the keeper does not let it serve before it has cleaned it, as after every outage.
//! - A request is queued just as the keeper decides: the connection looks at the phase after it has registered for its
//!   change, so it misses none.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
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
    /// One of the constants of [`phase`].
    phase: AtomicU8,
    stale: Mutex<Stale>,
    generation: AtomicU64,
    has_served: AtomicBool,
    /// When Redis last came back after an outage.
    back_at: Mutex<Option<Instant>>,
    owed: AtomicUsize,
    /// Run id of the Redis process that was cleaned last: another one may have loaded an old snapshot.
    cleaned_run: Mutex<String>,
    /// Bytes that it used when it was last asked.
    used_bytes: AtomicU64,
    /// Whether a client has needed it.
    wanted: AtomicBool,
    /// Told when the phase has changed, or it is wanted.
    changed: Notify,
}

/// What becomes of requests to Redis.
mod phase {
    /// Does not run, and nobody has needed it.
    pub(super) const ASLEEP: u8 = 0;
    /// Was needed and is being started for the first time: requests are queued.
    pub(super) const WAKING: u8 = 1;
    /// Serves.
    pub(super) const SERVING: u8 = 2;
    /// Out of service: requests go to storage.
    pub(super) const OUT: u8 = 3;
}

impl Default for Health {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(phase::OUT),
            stale: Mutex::new(Stale::Keys(HashSet::new())),
            generation: AtomicU64::new(0),
            has_served: AtomicBool::new(false),
            back_at: Mutex::default(),
            owed: AtomicUsize::new(0),
            cleaned_run: Mutex::default(),
            used_bytes: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }
}

impl Health {
    /// Of a Redis that is started when it is first needed.
    pub(crate) fn asleep() -> Self {
        Self { phase: AtomicU8::new(phase::ASLEEP), ..Self::default() }
    }

    /// True while Redis may be asked.
    pub(crate) fn is_serving(&self) -> bool {
        self.phase.load(Ordering::Acquire) == phase::SERVING
    }

    /// True while requests to Redis are sent, or queued because it is being started for the first time.
    pub(crate) fn takes_requests(&self) -> bool {
        matches!(self.phase.load(Ordering::Acquire), phase::SERVING | phase::WAKING)
    }

    /// True while Redis does not run because nobody has needed it.
    pub(crate) fn is_asleep(&self) -> bool {
        self.phase.load(Ordering::Acquire) == phase::ASLEEP
    }

    /// True while requests have to do without Redis; not so of one that is asleep or being started for the first time.
    pub(crate) fn is_down(&self) -> bool {
        self.phase.load(Ordering::Acquire) == phase::OUT
    }

    /// Memory that Redis used when the keeper last asked, in bytes; 0 while it does not run.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Notes what Redis uses.
    pub(crate) fn set_used_bytes(&self, bytes: u64) {
        self.used_bytes.store(bytes, Ordering::Relaxed);
    }

    /// A client needs Redis: lets the keeper start it, if it is asleep.
    pub(crate) fn wake(&self) {
        let (from, to) = (phase::ASLEEP, phase::WAKING);
        // Refused unless it is asleep. Before the keeper hears of it, so that it does not decide first.
        let _ = self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        if !self.wanted.swap(true, Ordering::AcqRel) {
            self.changed.notify_waiters();
        }
    }

    /// True once a client has needed it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Resolves when a client needs it (at once if one has).
    pub(crate) async fn until_wanted(&self) {
        self.until(|| self.is_wanted()).await;
    }

    /// Resolves when its first start has succeeded or failed (at once if that was before).
    pub(crate) async fn until_decided(&self) {
        self.until(|| self.is_serving() || self.is_down()).await;
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
        let was_out = self.phase.load(Ordering::Acquire) == phase::OUT && removed.generation > 0;
        if self.has_served.swap(true, Ordering::AcqRel) || was_out {
            *self.back_at.lock() = Some(Instant::now());
        }
        self.phase.store(phase::SERVING, Ordering::Release);
        self.changed.notify_waiters();
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
        self.until(|| !self.is_serving()).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            // Made before the look, so that it misses nothing.
            let changed = self.changed.notified();
            if is_so() {
                return;
            }
            changed.await;
        }
    }

    fn stop(&self) {
        self.phase.store(phase::OUT, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
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

    #[tokio::test]
    async fn one_that_is_asleep_queues_requests_from_the_first_need_until_it_serves_or_fails() {
        for succeeds in [true, false] {
            let health = Health::asleep();
            assert!(health.is_asleep() && !health.is_down() && !health.takes_requests());
            health.wake();
            health.wake();
            health.until_wanted().await;
            assert!(!health.is_asleep() && !health.is_serving() && health.takes_requests());
            let decided = health.until_decided();
            let noted = health.noted();
            if succeeds {
                assert!(health.serve_if_clean(&noted));
            } else {
                health.report_lost();
            }
            decided.await;
            assert_eq!(health.takes_requests(), succeeds);
            assert_eq!(health.is_down(), !succeeds);
            assert!(!health.is_asleep());
        }
    }

    #[test]
    fn one_that_was_given_up_while_it_started_serves_only_after_a_cleaning_and_counts_as_out_until_then()
     {
        let health = Health::asleep();
        health.wake();
        let before = health.noted();
        health.report_lost();
        assert!(!health.serve_if_clean(&before) && health.is_down());
        assert!(health.serve_if_clean(&health.noted()));
        assert!(!health.is_over_outage(Duration::MAX));
    }

    #[test]
    fn a_need_does_not_end_an_outage() {
        let health = Health::default();
        health.wake();
        assert!(health.is_down() && health.is_wanted());
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
