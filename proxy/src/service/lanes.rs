//! One worker's connections to one tenant's Redis, and which of them a client's reads take.
//!
//! Reads of a client that has none under way go through the first lane with room, so that few requests share one
//! connection, and its system calls, and many spread. Lanes are opened when they are first needed.

use std::cell::OnceCell;
use std::rc::Rc;

use tokio::task::AbortHandle;

use crate::cache::Upstream;
use crate::resp::Protocol;

/// Lanes in each dialect.
const LANES: usize = 8;
/// Requests under way through one lane before the next is used: with values of 500 bytes, half of what Redis writes to
/// a connection at a time.
const LANE_DEPTH: usize = 64;

/// A connection, and the task that keeps it alive.
pub(super) type Lane = (Rc<Upstream>, AbortHandle);

/// The connections in both dialects.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_dialect: [[OnceCell<Lane>; LANES]; 2],
}

impl Lanes {
    /// Lane `number` of a dialect, opened by `open` if it is not yet.
    pub(super) fn get(
        &self,
        protocol: Protocol,
        number: usize,
        open: impl FnOnce() -> Lane,
    ) -> &Rc<Upstream> {
        let lanes = self.of(protocol);
        let lane = lanes.get(number).unwrap_or(&lanes[0]);
        &lane.get_or_init(open).0
    }

    /// The lane for a client that has no read under way: the first with room, else the emptiest.
    pub(super) fn pick(&self, protocol: Protocol) -> usize {
        let mut emptiest = (usize::MAX, 0);
        for (number, lane) in self.of(protocol).iter().enumerate() {
            let Some((upstream, _)) = lane.get() else { return number };
            let in_flight = upstream.in_flight();
            if number > 0 && !upstream.is_usable() {
                continue;
            }
            if in_flight < LANE_DEPTH {
                return number;
            }
            emptiest = emptiest.min((in_flight, number));
        }
        emptiest.1
    }

    fn of(&self, protocol: Protocol) -> &[OnceCell<Lane>; LANES] {
        match protocol {
            Protocol::Resp2 => &self.by_dialect[0],
            Protocol::Resp3 => &self.by_dialect[1],
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for (_, task) in self.by_dialect.iter().flatten().filter_map(OnceCell::get) {
            task.abort();
        }
    }
}
