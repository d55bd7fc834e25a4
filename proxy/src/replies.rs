//! Replies of one connection, in request order, however the requests finish.
//!
//! Every request reserves a place. A reply for the place at the head goes straight to the output; others wait in their
//! place. Places also remember which keys they concern, so that a later request on the same key can wait for an
//! earlier one: different keys proceed together, one key stays in order.
//!
//! A run of replies that came together is written to the client at once ([`ReplyQueue::pass_on`]); the connection's
//! task sleeps on, unless it waits for just that. Single replies are left to the task, which writes what has gathered.

mod outlet;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use outlet::Outlet;

/// How long a client that sends no more is taken to wait for what it asked.
const LAST_REPLY_WAIT: Duration = Duration::from_secs(2);

/// Outstanding requests among which one on the same key is looked for.
const SHORT_LOOK: usize = 64;

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
    outlet: Outlet,
    /// Something is to be sent that is not held back for what is outstanding.
    due: Cell<bool>,
    /// The connection's task, once it runs.
    task: RefCell<Option<Waker>>,
    /// The task can do nothing more before replies have left.
    task_waits: Cell<bool>,
    largest_value_bytes: Cell<usize>,
    /// `CLIENT ID`.
    client: u64,
    /// When the client sent its last byte.
    ended: Cell<Option<Instant>>,
    leaving: Notify,
}

impl ReplyQueue {
    /// The queue of a client, whose replies leave through `socket`.
    pub(crate) fn new(socket: OwnedWriteHalf, client: u64) -> Self {
        Self { outlet: Outlet::new(socket), client, ..Self::default() }
    }

    /// `CLIENT ID` of its client.
    pub(crate) fn client(&self) -> u64 {
        self.client
    }

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
        if self.outlet.unsent_bytes() > 0 {
            // Held back for those of the straight path, which this one leaves.
            self.due.set(true);
            self.wake();
        }
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

    /// True when a reply on this key may be made now: no earlier request on it is unfinished, as far as a short look tells.
    pub(crate) fn is_free(&self, hash: u64) -> bool {
        let places = self.places.borrow();
        let key = Keys::One(hash);
        places.len() <= SHORT_LOOK
            && !places.iter().any(|p| p.reply.is_none() && p.keys.meets(&key))
    }

    /// Puts an encoded bulk reply in the next place. Whoever reads the client's requests calls this, and writes out
    /// when it has read what is there.
    pub(crate) fn put(&self, reply: impl FnOnce() -> Bytes, encoded: &[u8]) {
        self.saw_value(encoded.len());
        let mut places = self.places.borrow_mut();
        if places.is_empty() {
            self.outlet.queue(encoded);
            self.first.set(self.first.get() + 1);
        } else {
            let reply = Some(reply());
            places.push_back(Place { keys: Keys::None, reply, followers: Vec::new() });
        }
    }

    /// The counterpart of [`ReplyQueue::begin_slow`].
    pub(crate) fn end_slow(&self) {
        self.slow.set(self.slow.get().saturating_sub(1));
    }

    /// True while no request is off the straight path, so that no order needs to be looked after.
    pub(crate) fn is_straight(&self) -> bool {
        self.slow.get() == 0
    }

    /// Puts the encoded reply of a place; the connection's task will write it.
    pub(crate) fn complete(&self, seq: u64, reply: &[u8]) {
        if matches!(reply.first(), Some(b'$' | b'*' | b'%' | b'~' | b'=')) {
            self.saw_value(reply.len());
        }
        let mut places = self.places.borrow_mut();
        let index = self.index(seq);
        if index == 0 {
            self.outlet.queue(reply);
            self.due.set(true);
            self.pop(&mut places);
            self.advance(&mut places);
        } else if let Some(place) = places.get_mut(index) {
            place.reply = Some(Bytes::copy_from_slice(reply));
            place.release();
        }
        drop(places);
        self.wake();
    }

    /// Passes on the replies to `count` requests from `seq` on, which lie one behind the other in `replies`; the longest
    /// has `longest` bytes. They leave at once, or if there are `more` to come with the last of them. False if earlier
    /// requests are not answered yet, and nothing was done.
    pub(crate) fn pass_on(
        &self,
        seq: u64,
        count: usize,
        replies: &[u8],
        longest: usize,
        more: bool,
    ) -> bool {
        if self.index(seq) != 0 {
            return false;
        }
        self.saw_value(longest);
        let mut places = self.places.borrow_mut();
        for _ in 0..count {
            self.pop(&mut places);
        }
        if more || places.front().is_some_and(|place| place.reply.is_some()) {
            self.outlet.queue(replies);
            self.advance(&mut places);
        } else {
            self.outlet.write_now(replies);
        }
        drop(places);
        if !more {
            self.send_held();
        }
        true
    }

    /// Writes what was held back; the connection's task goes on if it waits for that, or must wait for the socket.
    fn send_held(&self) {
        if self.outlet.unsent_bytes() > 0 {
            self.outlet.write_now(&[]);
        }
        if self.task_waits.get() || self.outlet.unsent_bytes() > 0 {
            self.wake();
        }
    }

    /// Requests that wait for their reply.
    pub(crate) fn outstanding(&self) -> usize {
        self.places.borrow().len()
    }

    /// Size of the largest reply with a value so far, in bytes; 0 before the first.
    pub(crate) fn largest_value_bytes(&self) -> usize {
        self.largest_value_bytes.get()
    }

    /// Reply bytes that the client has not taken yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.outlet.unsent_bytes()
    }

    /// Writes what is ready; pending while the client takes no more. Near copies' replies wait for the earliest reply of
    /// Redis that is outstanding, so that a client's batch is answered with one write.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_held = self.outstanding() > 0 && self.is_straight() && !self.due.get();
        if is_held && !self.outlet.is_blocked() {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.outlet.poll_flush(cx);
        if flushed.is_ready() {
            self.due.set(false);
        }
        flushed
    }

    /// Which task is woken when there is something to write or, while it `waits`, when replies have left.
    pub(crate) fn attend(&self, task: &Waker, waits: bool) {
        self.task_waits.set(waits);
        let mut known = self.task.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
    }

    /// Has the connection's task look again.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// The client is gone: nothing is written any more.
    pub(crate) fn close(&self) {
        self.outlet.close();
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
        self.outlet.is_closed()
    }

    fn index(&self, seq: u64) -> usize {
        usize::try_from(seq.wrapping_sub(self.first.get())).unwrap_or(usize::MAX)
    }

    fn saw_value(&self, bytes: usize) {
        self.largest_value_bytes.set(self.largest_value_bytes.get().max(bytes));
    }

    /// Takes the first place away; those who wait for it go on.
    fn pop(&self, places: &mut VecDeque<Place>) {
        if let Some(mut done) = places.pop_front() {
            done.release();
            self.first.set(self.first.get() + 1);
        }
    }

    /// Puts out what waited for the place at the head.
    fn advance(&self, places: &mut VecDeque<Place>) {
        while let Some(reply) = places.front_mut().and_then(|place| place.reply.take()) {
            self.outlet.queue(&reply);
            self.pop(places);
        }
    }
}

impl Place {
    fn follow(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.followers.push(sender);
        receiver
    }

    fn release(&mut self) {
        for follower in std::mem::take(&mut self.followers) {
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
        assert_eq!(queue.outlet.unsent(), b"a");
        queue.complete(seqs[1], b"b");
        assert_eq!(queue.outlet.unsent(), b"abc");
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

    #[test]
    fn a_run_of_replies_leaves_at_once_if_nothing_is_before_it() {
        let queue = ReplyQueue::default();
        let first = queue.reserve(Keys::One(1));
        let run = queue.reserve(Keys::One(2));
        queue.reserve(Keys::One(3));
        let last = queue.reserve(Keys::One(2));
        let mut wait = queue.begin_slow(last);
        assert!(!queue.pass_on(run, 2, b"bc", 1, false), "the first is not answered");
        assert_eq!((queue.outstanding(), queue.unsent_bytes()), (4, 0));
        queue.complete(first, b"a");
        queue.complete(last, b"d");
        assert!(queue.pass_on(run, 2, b"bc", 1, false));
        assert!(wait[0].try_recv().is_ok(), "who waited for one of them goes on");
        assert_eq!(queue.outlet.unsent(), b"abcd");
        assert_eq!(queue.outstanding(), 0);
    }

    #[test]
    fn nothing_is_kept_for_a_client_that_is_gone() {
        let queue = ReplyQueue::default();
        let seqs: Vec<u64> = (0..3).map(|i| queue.reserve(Keys::One(i))).collect();
        queue.close();
        assert!(queue.is_closed());
        assert!(queue.pass_on(seqs[0], 1, b"a", 1, false));
        queue.complete(seqs[2], b"c");
        queue.complete(seqs[1], b"b");
        assert_eq!((queue.outstanding(), queue.unsent_bytes()), (0, 0));
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
