//! A request under way, and what it costs.

use hare::units::{Consistency, ItemBytes};

use super::super::source::Demand;
use super::NONE;

/// Bytes of the names `k` and `v` of the attributes of an item.
const NAME_BYTES: u64 = 2;

/// A request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) demand: Demand,
    pub(super) guest: u32,
    pub(super) connection: u32,
    pub(super) began_ns: u64,
    /// The next on the same flight, or in the line of the same key.
    pub(super) next: u32,
    pub(super) is_hit: bool,
    pub(super) is_refused: bool,
    pub(super) is_done: bool,
}

impl Request {
    pub(super) fn unused(guest: u32, connection: u32) -> Self {
        let demand = Demand { key: 0, is_write: false, key_bytes: 0, value_bytes: 0 };
        Self {
            demand,
            guest,
            connection,
            began_ns: 0,
            next: NONE,
            is_hit: false,
            is_refused: false,
            is_done: false,
        }
    }
}

impl Demand {
    /// Bytes that are charged for: key and value.
    #[inline]
    pub(super) fn item_bytes(&self) -> u64 {
        u64::from(self.key_bytes) + u64::from(self.value_bytes)
    }

    /// Half units that reading it from storage costs.
    #[inline]
    pub(super) fn read_half_units(&self) -> u64 {
        hare::read_units(ItemBytes(self.item_bytes() + NAME_BYTES), Consistency::Strong).halves()
    }

    /// Units that writing it costs.
    #[inline]
    pub(super) fn write_units(&self) -> u64 {
        hare::write_units(ItemBytes(self.item_bytes() + NAME_BYTES)).0
    }
}
