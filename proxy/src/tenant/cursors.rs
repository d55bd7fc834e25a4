//! The open cursors of a tenant's SCANs: a number that the client holds, and the key after which the walk goes on.
//!
//! Redis's cursors are numbers, DynamoDB's position is a key, so somebody has to remember which is which. A cursor can
//! be used any number of times and from any connection, as a client may repeat a SCAN whose reply it did not get. One
//! that nobody used for [`IDLE`] is forgotten; and when there are [`MAX_OPEN`], room is made by those that their client
//! has gone past, then by the one that was used longest ago.
//!
//! Numbers are random, so that a cursor of an earlier run is unknown here rather than another walk's; and they stay
//! below 2^53, because some clients keep them in a floating-point number.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a cursor is remembered after its last use.
pub(crate) const IDLE: Duration = Duration::from_secs(15 * 60);

/// Cursors remembered at a time: 2 MB where keys are as long as they may be.
const MAX_OPEN: usize = 1024;

const NUMBERS: std::ops::Range<u64> = 1..1 << 53;

/// The cursors of one tenant, on all workers.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<HashMap<u64, Cursor>>);

#[derive(Debug)]
struct Cursor {
    /// The last key that was looked at.
    after: Bytes,
    /// The cursor with which its client got this one.
    from: Option<u64>,
    used: Instant,
    /// The client has used a cursor that it got by one it got by this.
    passed: bool,
}

impl Cursors {
    /// A number for the position after a key, which a SCAN with cursor `from` (0 at the beginning) has reached.
    pub(crate) fn open(&self, after: Bytes, from: u64, now: Instant) -> u64 {
        let mut open = self.0.lock();
        if open.len() >= MAX_OPEN {
            open.retain(|_, cursor| !cursor.is_idle(now));
        }
        while open.len() >= MAX_OPEN {
            let least = open.iter().min_by_key(|(_, cursor)| (!cursor.passed, cursor.used));
            let Some(number) = least.map(|(number, _)| *number) else { break };
            open.remove(&number);
        }
        let number = loop {
            let number = rand::random_range(NUMBERS);
            if !open.contains_key(&number) {
                break number;
            }
        };
        let from = (from != 0).then_some(from);
        open.insert(number, Cursor { after, from, used: now, passed: false });
        number
    }

    /// The key after which to go on.
    pub(crate) fn after(&self, number: u64, now: Instant) -> Option<Bytes> {
        let mut open = self.0.lock();
        let cursor = open.get_mut(&number)?;
        if cursor.is_idle(now) {
            open.remove(&number);
            return None;
        }
        cursor.used = now;
        let (after, from) = (cursor.after.clone(), cursor.from);
        // The one before this may still be repeated; the one before that hardly.
        let before = from.and_then(|number| open.get(&number)?.from);
        if let Some(passed) = before.and_then(|number| open.get_mut(&number)) {
            passed.passed = true;
        }
        Some(after)
    }
}

impl Cursor {
    fn is_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn key(number: usize) -> Bytes {
        Bytes::from(number.to_string())
    }

    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_cursor_is_good_more_than_once_until_nobody_used_it_for_long() {
        let (cursors, start) = (Cursors::default(), start());
        let number = cursors.open(key(1), 0, start);
        for minutes in [14, 28, 42] {
            assert_eq!(
                cursors.after(number, start + Duration::from_secs(60 * minutes)),
                Some(key(1))
            );
        }
        assert_eq!(cursors.after(number, start + Duration::from_secs(60 * 57)), None);
        assert_eq!(cursors.after(number + 1, start), None);
    }

    #[test]
    fn a_long_walk_does_not_cost_a_slow_one_its_cursor() {
        let (cursors, start) = (Cursors::default(), start());
        let slow = cursors.open(key(0), 0, start);
        let mut fast = 0;
        for step in 1..5 * MAX_OPEN {
            let now = start + Duration::from_millis(u64::try_from(step).unwrap());
            fast = cursors.open(key(step), fast, now);
            assert_eq!(cursors.after(fast, now), Some(key(step)));
        }
        assert_eq!(cursors.after(slow, start), Some(key(0)));
        assert_eq!(cursors.0.lock().len(), MAX_OPEN);
    }

    proptest! {
        /// Whatever clients do, the table is bounded, and a number leads to its own position or nowhere.
        #[test]
        fn cursors_lead_to_their_own_position(
            steps in proptest::collection::vec((any::<bool>(), any::<usize>(), 0_u64..200), 1..3000),
        ) {
            let (cursors, mut now) = (Cursors::default(), start());
            let mut given = vec![(0, Bytes::new())];
            for (index, (opens, pick, seconds)) in steps.into_iter().enumerate() {
                now += Duration::from_secs(seconds / 10);
                let (number, position) = given[pick % given.len()].clone();
                if opens {
                    let opened = cursors.open(key(index), number, now);
                    prop_assert!(NUMBERS.contains(&opened));
                    prop_assert_eq!(cursors.after(opened, now), Some(key(index)));
                    given.push((opened, key(index)));
                } else if let Some(found) = cursors.after(number, now) {
                    prop_assert_eq!(found, position);
                }
                prop_assert!(cursors.0.lock().len() <= MAX_OPEN);
            }
        }
    }
}
