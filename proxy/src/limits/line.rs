//! Who waits for tokens, first come first served.
//!
//! A waiter that has reached the front but cannot be served before its deadline steps aside: it
//! keeps waiting (a raise of the rate may still save it) without holding up the others or
//! gathering tokens that would be wasted. Waiters aside are older than everyone in line, so both
//! queues are ordered by ticket and a recall keeps the order.

use std::collections::VecDeque;
use std::task::Waker;

use hopperkv_control::amount::Amount;

/// Names a waiter; later arrivals have larger tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) need: Amount,
    pub(super) deadline_ns: u64,
    pub(super) waker: Option<Waker>,
}

/// Where a ticket stands. One that is nowhere has been served.
#[derive(Debug)]
pub(super) enum Place<'a> {
    Waiting(&'a mut Waiter),
    Served,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<Waiter>,
    aside: VecDeque<Waiter>,
    next_ticket: u64,
}

impl Line {
    pub(super) fn join(&mut self, need: Amount, deadline_ns: u64) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.push_back(Waiter { ticket, need, deadline_ns, waker: None });
        ticket
    }

    /// Waiters that hold up later arrivals.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All waiters, those aside included.
    pub(super) fn total(&self) -> usize {
        self.waiting.len() + self.aside.len()
    }

    pub(super) fn front(&self) -> Option<&Waiter> {
        self.waiting.front()
    }

    pub(super) fn serve_front(&mut self) -> Option<Waiter> {
        self.waiting.pop_front()
    }

    pub(super) fn set_front_aside(&mut self) {
        self.aside.extend(self.waiting.pop_front());
    }

    /// Puts everyone who stepped aside back to the front of the line.
    pub(super) fn recall(&mut self) {
        while let Some(waiter) = self.aside.pop_back() {
            self.waiting.push_front(waiter);
        }
    }

    pub(super) fn place(&mut self, ticket: Ticket) -> Place<'_> {
        for queue in [&mut self.waiting, &mut self.aside] {
            if let Some(index) = index_of(queue, ticket) {
                return Place::Waiting(&mut queue[index]);
            }
        }
        Place::Served
    }

    /// Wakers of all who wait.
    pub(super) fn wakers(&self) -> Vec<Waker> {
        self.waiting.iter().chain(&self.aside).filter_map(|waiter| waiter.waker.clone()).collect()
    }

    /// Removes a waiter; `None` if it was served already.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        if let Some(index) = index_of(&self.waiting, ticket) {
            return self.waiting.remove(index);
        }
        index_of(&self.aside, ticket).and_then(|index| self.aside.remove(index))
    }
}

fn index_of(queue: &VecDeque<Waiter>, ticket: Ticket) -> Option<usize> {
    queue.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()
}

#[cfg(test)]
mod tests {
    use super::{Line, Place};
    use hopperkv_control::amount::Amount;

    #[test]
    fn a_recall_restores_the_order_of_arrival() {
        let mut line = Line::default();
        let tickets: Vec<_> = (1..=4).map(|n| line.join(Amount::units(n), 0)).collect();
        line.set_front_aside();
        line.set_front_aside();
        assert_eq!((line.len(), line.total()), (2, 4));
        assert!(matches!(line.place(tickets[1]), Place::Waiting(_)));
        line.recall();
        let served: Vec<_> =
            std::iter::from_fn(|| line.serve_front()).map(|waiter| waiter.ticket).collect();
        assert_eq!(served, tickets);
    }

    #[test]
    fn leaving_works_from_anywhere_and_only_once() {
        let mut line = Line::default();
        let tickets: Vec<_> = (1..=3).map(|n| line.join(Amount::units(n), 0)).collect();
        line.set_front_aside();
        assert!(line.leave(tickets[0]).is_some() && line.leave(tickets[2]).is_some());
        assert!(line.leave(tickets[0]).is_none());
        assert!(line.serve_front().is_some_and(|waiter| waiter.ticket == tickets[1]));
        assert!(matches!(line.place(tickets[1]), Place::Served));
    }
}
