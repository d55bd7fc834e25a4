//! What a cache without a limit, and the storage behind it, hold at some time of a trace.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hopperkv_trace::{TraceOp, TraceRequest};

/// Keys with their sizes and when they were last used.
#[derive(Debug, Default)]
pub struct Held {
    keys: HashMap<Box<[u8]>, Entry, FixedState>,
    uses: u64,
    most: u64,
}

/// 24 bytes beside the key.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The how-many-th request used it last.
    used: u64,
    /// When it is gone, in milliseconds; 0 is never.
    expires_ms: u64,
    value_bytes: u32,
}

impl Held {
    /// What a request leaves behind.
    pub fn apply(&mut self, request: TraceRequest) {
        let TraceRequest { time_ms, key, op, size_bytes, ttl_s, .. } = request;
        self.uses += 1;
        let used = self.uses;
        match op {
            TraceOp::Delete => drop(self.keys.remove(&key)),
            TraceOp::Get => match self.keys.get_mut(&key) {
                Some(entry) => {
                    entry.used = used;
                    if size_bytes > 0 {
                        entry.value_bytes = size_bytes;
                    }
                }
                // A read of nothing, as traces show a miss.
                None if size_bytes == 0 => {}
                None => {
                    self.keys.insert(key, Entry { used, expires_ms: 0, value_bytes: size_bytes });
                }
            },
            TraceOp::Set | TraceOp::Add(_) => {
                let lives_ms = u64::from(ttl_s) * 1_000;
                let expires_ms = if ttl_s == 0 { 0 } else { time_ms + lives_ms };
                self.keys.insert(key, Entry { used, expires_ms, value_bytes: size_bytes });
            }
        }
        self.count();
    }

    /// Lets go of what has expired by this time.
    pub fn expire(&mut self, now_ms: u64) {
        self.keys.retain(|_, entry| entry.expires_ms == 0 || entry.expires_ms > now_ms);
    }

    /// Keys and sizes of values, the least recently used first. Takes 24 bytes more per key while it lasts.
    pub fn by_use(&self) -> impl Iterator<Item = (&[u8], u32)> {
        let mut all: Vec<_> = self
            .keys
            .iter()
            .map(|(key, entry)| (entry.used, key.as_ref(), entry.value_bytes))
            .collect();
        all.sort_unstable_by_key(|(used, ..)| *used);
        all.into_iter().map(|(_, key, value_bytes)| (key, value_bytes))
    }

    /// Whether the key was seen.
    #[must_use]
    pub fn knows(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    /// Notes that the key was seen.
    pub fn note(&mut self, key: Box<[u8]>) {
        self.keys.entry(key).or_default();
        self.count();
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The most keys there ever were.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    fn count(&mut self) {
        self.most = self.most.max(self.keys.len() as u64);
    }
}
