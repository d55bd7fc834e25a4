//! The one hash of keys: the same on every worker and in every run, so that samples agree.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::LazyLock;

use foldhash::quality::FixedState;

static STATE: LazyLock<FixedState> = LazyLock::new(|| FixedState::with_seed(0x486f_7070_6572_4b56));

/// Hash of a user's key.
pub(crate) fn of_key(key: &[u8]) -> u64 {
    let mut hasher = STATE.build_hasher();
    hasher.write(key);
    hasher.finish()
}
