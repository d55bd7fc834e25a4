//! What waits to be sent, and when it is: the rule, without clocks of its own and without sending.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use tokio::time::Instant;

/// While fewer requests than this are on their way, nothing waits.
pub(super) const AT_ONCE: usize = 4;

/// Requests of one kind of one table on their way at once, at most.
pub(super) const MOST_ON_THE_WAY: usize = 32;

/// Bytes that one batch is expected to move, at most. The endpoint would take 16 MB, but beyond this what each byte
/// costs is all that counts, and what waits for its neighbours waits longer.
pub(super) const BATCH_BYTES: u64 = 1 << 20;

/// Something that waits in a [`Queue`].
pub(super) trait Waits {
    /// No two of one key go into one batch: endpoints refuse that.
    fn key(&self) -> &Bytes;
    /// Bytes that it is expected to move.
    fn bytes(&self) -> u64;
    /// Whether nobody wants it any more.
    fn is_abandoned(&self) -> bool;
}

/// What is to be done about something that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A request has been given a place: somebody must [`Queue::take`] what goes with it.
    Start,
    /// Somebody must ask [`Queue::overdue`] after a while, and again for as long as it says so.
    Mind,
    /// Somebody who is under way will see to it.
    Nothing,
}

/// What the one who minds the queue finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing waits: the end of minding.
    Idle,
    /// As [`Next::Start`]; and go on minding.
    Start,
    /// Too much is on its way already.
    Full,
}

/// What waits, oldest first, and how much is on its way.
#[derive(Debug)]
pub(super) struct Queue<W> {
    waiting: VecDeque<W>,
    on_the_way: usize,
    /// A request was given a place and has not taken yet what goes with it.
    starting: bool,
    minded: bool,
    /// Until then nothing is batched.
    off_until: Option<Instant>,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            on_the_way: 0,
            starting: false,
            minded: false,
            off_until: None,
        }
    }
}

impl<W: Waits> Queue<W> {
    /// Something comes, and waits at least until somebody takes it.
    pub(super) fn join(&mut self, came: W) -> Next {
        self.waiting.push_back(came);
        self.next()
    }

    /// What was taken comes back, before everything that came later.
    pub(super) fn rejoin(&mut self, back: Vec<W>) -> Next {
        for one in back.into_iter().rev() {
            self.waiting.push_front(one);
        }
        self.next()
    }

    fn next(&mut self) -> Next {
        if self.starting {
            Next::Nothing
        } else if self.on_the_way < AT_ONCE {
            self.start();
            Next::Start
        } else if self.minded {
            Next::Nothing
        } else {
            self.minded = true;
            Next::Mind
        }
    }

    fn start(&mut self) {
        self.on_the_way += 1;
        self.starting = true;
    }

    /// What goes with one request: up to `most`, and as many as are expected to fit; never nothing but at the end, when
    /// the request's place is free again. Also, what is to be done about the rest.
    pub(super) fn take(&mut self, most: usize) -> (Vec<W>, Next) {
        self.starting = false;
        let (mut taken, mut passed_over) = (Vec::new(), Vec::new());
        let (mut keys, mut bytes) = (HashSet::new(), 0);
        while taken.len() < most
            && let Some(next) = self.waiting.pop_front()
        {
            if next.is_abandoned() {
                continue;
            }
            bytes += next.bytes();
            if !taken.is_empty() && bytes > BATCH_BYTES {
                self.waiting.push_front(next);
                break;
            }
            if keys.insert(next.key().clone()) {
                taken.push(next);
            } else {
                bytes -= next.bytes();
                passed_over.push(next);
            }
        }
        for one in passed_over.into_iter().rev() {
            self.waiting.push_front(one);
        }
        if taken.is_empty() {
            self.on_the_way -= 1;
        }
        let rest = if self.waiting.is_empty() { Next::Nothing } else { self.next() };
        (taken, rest)
    }

    /// Looks at what has waited for long enough.
    pub(super) fn overdue(&mut self) -> Overdue {
        if self.waiting.is_empty() {
            self.minded = false;
            Overdue::Idle
        } else if self.starting || self.on_the_way >= MOST_ON_THE_WAY {
            Overdue::Full
        } else {
            self.start();
            Overdue::Start
        }
    }

    /// A request ended without a last [`Self::take`]: its task is gone. If it was the only one, so is what waits.
    pub(super) fn lose(&mut self) {
        self.starting = false;
        self.on_the_way -= 1;
        if self.on_the_way == 0 {
            self.waiting.clear();
        }
    }

    /// Nothing is batched until then.
    pub(super) fn turn_off(&mut self, until: Instant) {
        self.off_until = Some(until);
    }

    /// Whether batches are made; `now` is asked for only if they have been turned off.
    pub(super) fn is_on(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.off_until.is_some_and(|until| until <= now()) {
            self.off_until = None;
        }
        self.off_until.is_none()
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, MOST_ON_THE_WAY, Next, Overdue, Queue, Waits};
    use bytes::Bytes;
    use std::time::Duration;
    use tokio::time::Instant;

    #[derive(Debug, Clone, PartialEq)]
    struct Item {
        key: Bytes,
        bytes: u64,
        is_abandoned: bool,
    }

    impl Waits for Item {
        fn key(&self) -> &Bytes {
            &self.key
        }

        fn bytes(&self) -> u64 {
            self.bytes
        }

        fn is_abandoned(&self) -> bool {
            self.is_abandoned
        }
    }

    fn item(n: usize) -> Item {
        Item { key: Bytes::from(n.to_string()), bytes: 100, is_abandoned: false }
    }

    fn keys(taken: &(Vec<Item>, Next)) -> Vec<&[u8]> {
        taken.0.iter().map(|item| &item.key[..]).collect()
    }

    /// A queue with this many requests on their way.
    fn busy(requests: usize) -> Queue<Item> {
        let mut queue = Queue::default();
        for n in 0..requests {
            if n < AT_ONCE {
                assert_eq!(queue.join(item(n)), Next::Start);
            } else {
                queue.join(item(n));
                assert_eq!(queue.overdue(), Overdue::Start);
            }
            assert_eq!(queue.take(100).0.len(), 1);
        }
        queue
    }

    #[test]
    fn nothing_waits_while_little_is_on_its_way() {
        let mut queue = busy(AT_ONCE);
        assert_eq!(queue.len(), 0);
        assert_eq!(queue.join(item(10)), Next::Mind);
        assert_eq!(queue.join(item(11)), Next::Nothing);
        assert_eq!(
            keys(&queue.take(100)),
            [b"10", b"11"],
            "an answered request takes all that waits"
        );
        assert_eq!(
            queue.take(100),
            (vec![], Next::Nothing),
            "and its place is free when nothing does"
        );
        assert_eq!(queue.join(item(12)), Next::Start);
    }

    #[test]
    fn what_comes_before_a_request_is_made_goes_with_it() {
        let mut queue = Queue::default();
        let nexts: Vec<Next> = (0..3).map(|n| queue.join(item(n))).collect();
        assert_eq!(nexts, [Next::Start, Next::Nothing, Next::Nothing]);
        assert_eq!(queue.take(100).0.len(), 3);
    }

    #[test]
    fn what_does_not_fit_is_seen_to_at_once() {
        let mut queue = Queue::default();
        for n in 0..3 {
            queue.join(item(n));
        }
        assert_eq!(queue.take(2), (vec![item(0), item(1)], Next::Start));
        assert_eq!(queue.take(2), (vec![item(2)], Next::Nothing));
    }

    #[test]
    fn nothing_waits_for_long_behind_a_slow_request() {
        let mut queue = busy(AT_ONCE);
        assert_eq!(queue.join(item(10)), Next::Mind);
        assert_eq!(queue.overdue(), Overdue::Start);
        assert_eq!(keys(&queue.take(100)), [b"10"]);
        assert_eq!(queue.overdue(), Overdue::Idle);
        assert_eq!(queue.join(item(11)), Next::Mind, "whoever minded it has gone");
        let mut full = busy(MOST_ON_THE_WAY);
        full.join(item(10));
        assert_eq!(full.overdue(), Overdue::Full);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_but_one_always_goes() {
        let mut queue = Queue::default();
        for bytes in [2 << 20, 1 << 19, 1 << 19, 1] {
            queue.join(Item {
                bytes,
                key: Bytes::from(bytes.to_string() + &queue.len().to_string()),
                ..item(0)
            });
        }
        let mut sizes = Vec::new();
        while queue.len() > 0 {
            sizes.push(queue.take(100).0.len());
        }
        assert_eq!(sizes, [1, 2, 1]);
    }

    #[test]
    fn a_key_is_in_a_batch_once_and_keeps_its_order() {
        let mut queue = Queue::default();
        for (key, bytes) in [(1, 1), (1, 2), (2, 3), (1, 4)] {
            queue.join(Item { bytes, ..item(key) });
        }
        let mut order = Vec::new();
        while queue.len() > 0 {
            order.push(queue.take(100).0.iter().map(Waits::bytes).collect::<Vec<_>>());
        }
        assert_eq!(order, [vec![1, 3], vec![2], vec![4]]);
    }

    #[test]
    fn what_nobody_wants_is_dropped_and_what_comes_back_goes_first() {
        let mut queue = Queue::default();
        queue.join(Item { is_abandoned: true, ..item(0) });
        queue.join(item(1));
        queue.rejoin(vec![item(2), item(3)]);
        assert_eq!(keys(&queue.take(100)), [b"2", b"3", b"1"]);
    }

    #[test]
    fn a_task_that_is_gone_leaves_nobody_waiting_for_it() {
        let mut queue = busy(2);
        queue.join(item(10));
        queue.lose();
        assert_eq!(queue.len(), 1);
        queue.lose();
        queue.lose();
        assert_eq!(queue.len(), 0);
        assert_eq!(queue.join(item(11)), Next::Start);
    }

    #[test]
    fn it_is_turned_off_for_a_while() {
        let mut queue = Queue::<Item>::default();
        let (now, pause) = (Instant::now(), Duration::from_secs(60));
        assert!(queue.is_on(|| now));
        queue.turn_off(now + pause);
        assert!(!queue.is_on(|| now));
        assert!(queue.is_on(|| now + pause));
        assert!(queue.is_on(|| now), "for once");
    }
}
