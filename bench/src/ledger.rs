//! What each key of a replay must hold: the last acknowledged write, in a few bytes per key.
//!
//! Keys are known by their 64-bit hash. Time is passed in, in milliseconds since the start.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::payload::{Versioned, excerpt};

/// How much later than its TTL a value may still be served, in milliseconds.
const LATE_MS: u64 = 1_000;
/// Resolution of remembered expiry times, in milliseconds.
const STEP_MS: u64 = 100;
/// "Does not expire" in [`Entry`].
const NEVER: u32 = u32::MAX;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Value { size_bytes: u32, version: u32 },
    Counter(i64),
}

/// A key's content and, in steps of [`STEP_MS`], from when it may and by when it must be gone.
#[derive(Debug, Clone, Copy)]
struct Entry {
    held: Held,
    may_go: u32,
    must_go: u32,
}

/// When a request was sent and answered, in milliseconds since the start.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// When it was sent.
    pub sent_ms: u64,
    /// When its reply arrived.
    pub done_ms: u64,
}

/// What a reply is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is what was last acknowledged.
    Right,
    /// Nil, and nothing says that it should be there.
    Absent,
    /// Nil, but a value was acknowledged and should be there.
    Lost(String),
    /// Something else than what was acknowledged.
    Wrong(String),
}

/// Expected contents by key hash.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: HashMap<u64, Entry, FixedState>,
    versioned: Versioned,
}

impl Ledger {
    /// The bytes of a value.
    pub fn value(&mut self, key_hash: u64, size_bytes: u32, version: u32) -> &[u8] {
        self.versioned.value(key_hash, size_bytes as usize, version)
    }

    /// Judges the reply to a GET.
    pub fn judge_get(&mut self, key_hash: u64, reply: Option<&[u8]>, span: Span) -> Verdict {
        let entry = self.entries.get(&key_hash).copied();
        match (reply, entry) {
            (None, None | Some(Entry { held: Held::Nothing, .. })) => Verdict::Absent,
            (None, Some(entry)) if entry.may_be_gone(span) => {
                self.deleted(key_hash);
                Verdict::Absent
            }
            (None, Some(entry)) => {
                Verdict::Lost(format!("nil, though {:?} was acknowledged", entry.held))
            }
            (Some(value), None) => {
                let known = self.versioned.is_any_version(key_hash, value) || is_integer(value);
                verdict(known, || format!("{} is no value of this key", excerpt(value)))
            }
            (Some(value), Some(entry)) if entry.must_be_gone(span) => {
                Verdict::Wrong(format!("{} is served after its expiry", excerpt(value)))
            }
            (Some(value), Some(entry)) => {
                let right = match entry.held {
                    Held::Nothing => false,
                    Held::Counter(count) => value == count.to_string().as_bytes(),
                    Held::Value { size_bytes, version } => {
                        value.len() == size_bytes as usize
                            && value == self.versioned.value(key_hash, value.len(), version)
                    }
                };
                let describe = || {
                    let (shown, bytes) = (excerpt(value), value.len());
                    format!("{shown} ({bytes} bytes) where {:?} was acknowledged", entry.held)
                };
                verdict(right, describe)
            }
        }
    }

    /// Notes an acknowledged SET; `ttl_s` 0 is none.
    pub fn wrote(&mut self, key_hash: u64, size_bytes: u32, version: u32, ttl_s: u32, span: Span) {
        let (mut may_go, mut must_go) = (NEVER, NEVER);
        if ttl_s > 0 {
            let ttl_ms = u64::from(ttl_s) * 1_000;
            may_go = steps(span.sent_ms + ttl_ms);
            must_go = steps(span.done_ms + ttl_ms + LATE_MS + STEP_MS);
        }
        let held = Held::Value { size_bytes, version };
        self.entries.insert(key_hash, Entry { held, may_go, must_go });
    }

    /// Judges the reply to a DEL (how many keys it removed) and notes that the key is gone.
    pub fn judge_delete(&mut self, key_hash: u64, removed: i64, span: Span) -> Verdict {
        let entry = self.entries.get(&key_hash).copied();
        self.deleted(key_hash);
        match entry {
            Some(entry) if entry.held != Held::Nothing && !entry.may_be_gone(span) => {
                if removed == 1 {
                    Verdict::Right
                } else {
                    Verdict::Lost(format!("DEL found nothing, {:?} was acknowledged", entry.held))
                }
            }
            Some(Entry { held: Held::Nothing, .. }) if removed != 0 => {
                Verdict::Wrong("DEL removed a key that was already deleted".to_owned())
            }
            _ => Verdict::Absent,
        }
    }

    /// Whether adding to the key's integer makes sense: it holds no other value.
    #[must_use]
    pub fn can_add(&self, key_hash: u64) -> bool {
        !matches!(self.entries.get(&key_hash), Some(Entry { held: Held::Value { .. }, .. }))
    }

    /// Judges the reply to an INCR or DECR and notes the new count.
    pub fn judge_add(&mut self, key_hash: u64, by: i64, count: i64) -> Verdict {
        let expected = match self.entries.get(&key_hash).map(|entry| entry.held) {
            Some(Held::Nothing) => Some(by),
            Some(Held::Counter(before)) => before.checked_add(by),
            Some(Held::Value { .. }) | None => None,
        };
        let held = Held::Counter(count);
        self.entries.insert(key_hash, Entry { held, may_go: NEVER, must_go: NEVER });
        match expected {
            Some(expected) => {
                verdict(count == expected, || format!("counted {count}, expected {expected}"))
            }
            None => Verdict::Absent,
        }
    }

    /// Notes that nothing is known of the key: a write failed and may or may not have happened.
    pub fn forget(&mut self, key_hash: u64) {
        self.entries.remove(&key_hash);
    }

    /// Notes that the key is gone, for example evicted from a server that is only a cache.
    pub fn deleted(&mut self, key_hash: u64) {
        let gone = Entry { held: Held::Nothing, may_go: NEVER, must_go: NEVER };
        self.entries.insert(key_hash, gone);
    }

    /// Number of keys remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn may_be_gone(&self, span: Span) -> bool {
        self.may_go != NEVER && steps(span.done_ms) >= self.may_go
    }

    fn must_be_gone(&self, span: Span) -> bool {
        self.must_go != NEVER && steps(span.sent_ms) > self.must_go
    }
}

fn verdict(right: bool, describe: impl FnOnce() -> String) -> Verdict {
    if right { Verdict::Right } else { Verdict::Wrong(describe()) }
}

fn steps(ms: u64) -> u32 {
    u32::try_from(ms / STEP_MS).unwrap_or(NEVER - 1).min(NEVER - 1)
}

fn is_integer(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| text.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Ledger, Span, Verdict};

    const KEY: u64 = 77;

    fn at(ms: u64) -> Span {
        Span { sent_ms: ms, done_ms: ms + 5 }
    }

    #[test]
    fn only_the_last_acknowledged_version_is_right() {
        let mut ledger = Ledger::default();
        let old = ledger.value(KEY, 100, 1).to_vec();
        let new = ledger.value(KEY, 100, 2).to_vec();
        assert_eq!(ledger.judge_get(KEY, None, at(0)), Verdict::Absent);
        assert_eq!(ledger.judge_get(KEY, Some(&old), at(0)), Verdict::Right, "from an earlier run");
        assert!(matches!(ledger.judge_get(KEY, Some(b"rubbish"), at(0)), Verdict::Wrong(_)));
        ledger.wrote(KEY, 100, 2, 0, at(1));
        assert_eq!(ledger.judge_get(KEY, Some(&new), at(2)), Verdict::Right);
        assert!(matches!(ledger.judge_get(KEY, Some(&old), at(2)), Verdict::Wrong(_)));
        assert!(matches!(ledger.judge_get(KEY, None, at(2)), Verdict::Lost(_)));
        ledger.forget(KEY);
        assert_eq!(ledger.judge_get(KEY, Some(&old), at(3)), Verdict::Right);
        assert_eq!(ledger.judge_get(KEY, None, at(3)), Verdict::Absent);
    }

    #[test]
    fn empty_values_are_values() {
        let mut ledger = Ledger::default();
        ledger.wrote(KEY, 0, 1, 0, at(0));
        assert_eq!(ledger.judge_get(KEY, Some(b""), at(1)), Verdict::Right);
        assert!(matches!(ledger.judge_get(KEY, None, at(1)), Verdict::Lost(_)));
    }

    #[test]
    fn values_expire_no_sooner_and_not_much_later() {
        let mut ledger = Ledger::default();
        let value = ledger.value(KEY, 20, 1).to_vec();
        ledger.wrote(KEY, 20, 1, 10, at(0));
        assert!(matches!(ledger.judge_get(KEY, None, at(9_800)), Verdict::Lost(_)));
        assert_eq!(ledger.judge_get(KEY, Some(&value), at(9_800)), Verdict::Right);
        assert_eq!(ledger.judge_get(KEY, Some(&value), at(10_900)), Verdict::Right);
        assert!(matches!(ledger.judge_get(KEY, Some(&value), at(11_500)), Verdict::Wrong(_)));
        assert_eq!(ledger.judge_get(KEY, None, at(10_000)), Verdict::Absent);
    }

    #[test]
    fn deleted_keys_stay_deleted_and_counters_count() {
        let mut ledger = Ledger::default();
        ledger.wrote(KEY, 3, 1, 0, at(0));
        assert!(!ledger.can_add(KEY));
        assert_eq!(ledger.judge_delete(KEY, 1, at(1)), Verdict::Right);
        assert!(matches!(ledger.judge_get(KEY, Some(b"abc"), at(2)), Verdict::Wrong(_)));
        assert!(matches!(ledger.judge_delete(KEY, 1, at(2)), Verdict::Wrong(_)));
        assert!(ledger.can_add(KEY));
        assert_eq!(ledger.judge_add(KEY, 1, 1), Verdict::Right);
        assert_eq!(ledger.judge_add(KEY, -1, 0), Verdict::Right);
        assert!(matches!(ledger.judge_add(KEY, 1, 5), Verdict::Wrong(_)));
        assert_eq!(ledger.judge_get(KEY, Some(b"5"), at(3)), Verdict::Right);
        assert!(matches!(ledger.judge_delete(KEY, 0, at(4)), Verdict::Lost(_)));
    }
}
