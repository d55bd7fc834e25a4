//! Replies of one connection, in request order, however the requests finish.
//!
//! Every request reserves a place. A reply for the place at the head goes straight to the output; others wait in their
//! place. Places also remember which keys they concern, so that a later request on the same key can wait for an
//! earlier one: different keys proceed together, one key stays in order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// How long a client that sends no more is taken to wait for what it asked.
const LAST_REPLY_WAIT: Duration = Duration::from_secs(2);

/// Key hashes that a request concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keys {
    /// No key: waits for nobody, nobody waits for it.
    None,
    /// One key.
    One(u64),
    /// Several keys.
    Many(Box<[u64]>),
    /// Any key there may be.
    All,
}

impl Keys {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => false,
            (Self::All, _) | (_, Self::All) => true,
            (Self::One(a), Self::One(b)) => a == b,
            (Self::One(a), Self::Many(many)) | (Self::Many(many), Self::One(a)) => many.contains(a),
            (Self::Many(a), Self::Many(b)) => a.iter().any(|h| b.contains(h)),
        }
    }
}

#[derive(Debug)]
struct Place {
    keys: Keys,
    reply: Option<Bytes>,
    followers: Vec<oneshot::Sender<()>>,
}

/// The queue; shared by the connection, its requests and the upstream, all on one thread.
#[derive(Debug, Default)]
pub(crate) struct ReplyQueue {
    places: RefCell<VecDeque<Place>>,
    first: Cell<u64>,
    slow: Cell<usize>,
    out: RefCell<BytesMut>,
    largest_value_bytes: Cell<usize>,
    closed: Cell<bool>,
    /// When the client sent its last byte.
    ended: Cell<Option<Instant>>,
    leaving: Notify,
    ready: Notify,
}

impl ReplyQueue {
    /// Reserves the next place.
    pub(crate) fn reserve(&self, keys: Keys) -> u64 {
        let mut places = self.places.borrow_mut();
        places.push_back(Place { keys, reply: None, followers: Vec::new() });
        self.first.get() + places.len() as u64 - 1
    }

    /// A request leaves the straight path (it waits for storage or a limit). Returns the earlier unfinished requests on
    /// its keys: each resolves when its reply is there. [`ReplyQueue::end_slow`] is the counterpart.
    pub(crate) fn begin_slow(&self, seq: u64) -> Vec<oneshot::Receiver<()>> {
        self.slow.set(self.slow.get() + 1);
        let mut places = self.places.borrow_mut();
        let index = self.index(seq);
        let Some(keys) = places.get(index).map(|p| p.keys.clone()) else { return Vec::new() };
        let mut earlier = places
            .iter_mut()
            .take(index)
            .rev()
            .filter(|p| p.reply.is_none() && p.keys.meets(&keys))
            .map(Place::follow);
        if let Keys::One(_) = keys {
            // The latest one waits for those before it.
            earlier.next().into_iter().collect()
        } else {
            earlier.collect()
        }
    }

    /// True when an earlier unfinished place concerns the key of `seq`.
    pub(crate) fn must_wait(&self, seq: u64) -> bool {
        let places = self.places.borrow();
        let index = self.index(seq);
        let Some(place) = places.get(index) else { return false };
        places.iter().take(index).any(|p| p.reply.is_none() && p.keys.meets(&place.keys))
    }

    /// The counterpart of [`ReplyQueue::begin_slow`].
    pub(crate) fn end_slow(&self) {
        self.slow.set(self.slow.get().saturating_sub(1));
    }

    /// True while no request is off the straight path, so that no order needs to be looked after.
    pub(crate) fn is_straight(&self) -> bool {
        self.slow.get() == 0
    }

    /// Puts the encoded reply of a place.
    pub(crate) fn complete(&self, seq: u64, reply: &[u8]) {
        if matches!(reply.first(), Some(b'$' | b'*' | b'%' | b'~' | b'=')) {
            self.largest_value_bytes.set(self.largest_value_bytes.get().max(reply.len()));
        }
        let mut places = self.places.borrow_mut();
        let index = self.index(seq);
        if index == 0 {
            self.out.borrow_mut().extend_from_slice(reply);
            if let Some(done) = places.pop_front() {
                done.release();
            }
            self.first.set(self.first.get() + 1);
            self.advance(&mut places);
        } else if let Some(place) = places.get_mut(index) {
            place.reply = Some(Bytes::copy_from_slice(reply));
            for follower in place.followers.drain(..) {
                let _ = follower.send(());
            }
        }
        drop(places);
        self.ready.notify_one();
    }

    /// Requests that wait for their reply.
    pub(crate) fn outstanding(&self) -> usize {
        self.places.borrow().len()
    }

    /// Size of the largest reply with a value so far, in bytes; 0 before the first.
    pub(crate) fn largest_value_bytes(&self) -> usize {
        self.largest_value_bytes.get()
    }

    /// Output that is ready to be written.
    pub(crate) fn out(&self) -> &RefCell<BytesMut> {
        &self.out
    }

    /// Resolves when a reply was put since the last call.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// The client is gone: nothing is written any more.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.leaving.notify_waiters();
    }

    /// The client sends no more. It may still read, or be gone: TCP does not tell before something is written.
    pub(crate) fn end_input(&self) {
        self.ended.set(Some(Instant::now()));
        self.leaving.notify_waiters();
    }

    /// Resolves when nobody waits for a long request any more: the client is gone, or sends no more and has waited for
    /// [`LAST_REPLY_WAIT`].
    pub(crate) async fn abandoned(&self) {
        while !self.is_closed() {
            let leaving = self.leaving.notified();
            match self.ended.get() {
                None => leaving.await,
                Some(at) => tokio::select! {
                    () = leaving => {}
                    () = tokio::time::sleep_until(at + LAST_REPLY_WAIT) => return,
                },
            }
        }
    }

    /// True after [`ReplyQueue::close`].
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    fn index(&self, seq: u64) -> usize {
        usize::try_from(seq.wrapping_sub(self.first.get())).unwrap_or(usize::MAX)
    }

    fn advance(&self, places: &mut VecDeque<Place>) {
        let mut out = self.out.borrow_mut();
        while let Some(reply) = places.front_mut().and_then(|p| p.reply.take()) {
            out.extend_from_slice(&reply);
            places.pop_front();
            self.first.set(self.first.get() + 1);
        }
    }
}

impl Place {
    fn follow(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.followers.push(sender);
        receiver
    }

    fn release(self) {
        for follower in self.followers {
            let _ = follower.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn replies_come_out_in_request_order() {
        let queue = ReplyQueue::default();
        let seqs: Vec<u64> = (0..3).map(|i| queue.reserve(Keys::One(i))).collect();
        queue.complete(seqs[2], b"c");
        queue.complete(seqs[0], b"a");
        assert_eq!(&queue.out().borrow()[..], b"a");
        queue.complete(seqs[1], b"b");
        assert_eq!(&queue.out().borrow()[..], b"abc");
        assert_eq!(queue.outstanding(), 0);
    }

    #[test]
    fn a_request_waits_for_the_latest_earlier_one_on_its_key() {
        let queue = ReplyQueue::default();
        let a = queue.reserve(Keys::One(7));
        let other = queue.reserve(Keys::Many(Box::from([8, 9])));
        let b = queue.reserve(Keys::One(7));
        let many = queue.reserve(Keys::Many(Box::from([7, 8])));
        assert!(queue.must_wait(b) && !queue.must_wait(other) && !queue.must_wait(a));
        let mut wait_b = queue.begin_slow(b);
        assert_eq!(wait_b.len(), 1);
        assert_eq!(queue.begin_slow(many).len(), 3);
        assert!(wait_b[0].try_recv().is_err());
        queue.complete(a, b"");
        assert!(wait_b[0].try_recv().is_ok());
        assert!(!queue.must_wait(b));
    }

    #[test]
    fn a_request_on_all_keys_has_its_turn_among_all() {
        let queue = ReplyQueue::default();
        let one = queue.reserve(Keys::One(7));
        queue.reserve(Keys::None);
        let all = queue.reserve(Keys::All);
        let later = queue.reserve(Keys::One(8));
        assert_eq!(queue.begin_slow(all).len(), 1);
        assert!(queue.must_wait(later));
        queue.complete(one, b"");
        assert!(!queue.must_wait(all));
        assert_eq!(queue.begin_slow(later).len(), 1);
    }

    #[tokio::test]
    async fn a_client_that_sends_no_more_is_waited_for_a_little() {
        let queue = ReplyQueue::default();
        assert!(queue.abandoned().now_or_never().is_none());
        queue.end_input();
        assert!(queue.abandoned().now_or_never().is_none());
        tokio::join!(queue.abandoned(), async { queue.close() });
        queue.abandoned().await;
        let quiet = ReplyQueue::default();
        let since = Instant::now();
        tokio::join!(quiet.abandoned(), async { quiet.end_input() });
        assert!(since.elapsed() >= LAST_REPLY_WAIT);
    }
}
