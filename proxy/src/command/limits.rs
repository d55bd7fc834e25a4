//! What storage can hold, as far as a command can tell.

use super::CommandError;

/// DynamoDB's bounds on one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemLimits {
    /// Longest key.
    pub max_key_bytes: usize,
    /// Largest item: key, value, attribute names and the expiry together.
    pub max_item_bytes: usize,
    /// What an item needs besides key and value.
    pub overhead_bytes: usize,
}

impl Default for ItemLimits {
    fn default() -> Self {
        Self { max_key_bytes: 2048, max_item_bytes: 400 * 1024, overhead_bytes: 32 }
    }
}

impl ItemLimits {
    /// Checks a key's length.
    ///
    /// # Errors
    /// The error reply for a key that is empty or too long.
    pub fn check_key(&self, key: &[u8]) -> Result<(), CommandError> {
        match key.len() {
            len if len > 0 && len <= self.max_key_bytes => Ok(()),
            len => Err(CommandError::key_size(len, self.max_key_bytes)),
        }
    }

    /// Longest value under a key of `key_bytes`.
    pub fn max_value_bytes(&self, key_bytes: usize) -> usize {
        self.max_item_bytes.saturating_sub(key_bytes + self.overhead_bytes)
    }

    /// Checks a value's length.
    ///
    /// # Errors
    /// The error reply for a value that makes the item too large.
    pub fn check_value(&self, key_bytes: usize, value_bytes: usize) -> Result<(), CommandError> {
        if value_bytes <= self.max_value_bytes(key_bytes) {
            Ok(())
        } else {
            Err(CommandError::value_size(value_bytes, self.max_item_bytes / 1024))
        }
    }
}
