//! The scripts that a tenant's clients have loaded, by their hashes. A restart forgets them, as Redis does; clients load them
//! again when they hear NOSCRIPT.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;

/// Scripts kept of one tenant.
const MAX_SCRIPTS: usize = 1_000;

/// Bytes of scripts kept of one tenant.
const MAX_BYTES: usize = 4 << 20;

/// A loaded script.
#[derive(Debug)]
struct Script {
    text: Bytes,
    /// Whether Redis did not answer in time when it ran last.
    is_slow: bool,
}

/// Loaded scripts; of too many, those loaded last.
#[derive(Debug, Default)]
pub(crate) struct Scripts(Mutex<Loaded>);

#[derive(Debug, Default)]
struct Loaded {
    scripts: HashMap<Vec<u8>, Script>,
    /// Hashes, the oldest first.
    order: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Scripts {
    /// Keeps a script under its hash.
    pub(crate) fn keep(&self, hash: &[u8], text: Bytes) {
        let mut loaded = self.0.lock();
        let hash = hash.to_ascii_lowercase();
        if loaded.scripts.contains_key(&hash) {
            return;
        }
        // The words of a request share one buffer, which must not live on with this one.
        let text = Bytes::copy_from_slice(&text);
        let len = text.len();
        loaded.scripts.insert(hash.clone(), Script { text, is_slow: false });
        loaded.order.push_back(hash);
        loaded.bytes += len;
        while loaded.order.len() > MAX_SCRIPTS || loaded.bytes > MAX_BYTES {
            let Some(oldest) = loaded.order.pop_front() else { break };
            loaded.bytes -= loaded.scripts.remove(&oldest).map_or(0, |script| script.text.len());
        }
    }

    /// The script of this hash, in any case.
    pub(crate) fn text(&self, hash: &[u8]) -> Option<Bytes> {
        let loaded = self.0.lock();
        loaded.scripts.get(&hash.to_ascii_lowercase()).map(|script| script.text.clone())
    }

    /// Whether Redis did not answer in time when this script ran last.
    pub(crate) fn is_slow(&self, hash: &[u8]) -> bool {
        let loaded = self.0.lock();
        loaded.scripts.get(&hash.to_ascii_lowercase()).is_some_and(|script| script.is_slow)
    }

    /// Notes whether Redis answered in time when this script ran.
    pub(crate) fn note_slow(&self, hash: &[u8], is_slow: bool) {
        if let Some(script) = self.0.lock().scripts.get_mut(&hash.to_ascii_lowercase()) {
            script.is_slow = is_slow;
        }
    }

    /// Forgets all of them.
    pub(crate) fn forget(&self) {
        *self.0.lock() = Loaded::default();
    }
}
