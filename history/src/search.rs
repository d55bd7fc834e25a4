//! The search for an order that explains a history.
//!
//! Depth first over "which operation took effect next". What is remembered of an attempt is the set of operations that
//! had taken effect and the state they led to: another order of the same set to the same state fails as well. The set is
//! small to write down, as answered operations that ended long ago are all in it.
//!
//! Unanswered operations would double the possibilities with each. Two rules keep them few: an attempt is as good as dead
//! if an earlier one came to the same state with the same answered operations and fewer unanswered ones; and an
//! unanswered one is not let take effect right before one that comes to the same with and without it.

use std::collections::HashMap;
use std::hash::Hash;

use crate::operation::{Object, Operation};

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// An order that explains everything: positions in the history.
    Linearizable(Vec<usize>),
    /// There is none. The longest order that explains a part, and the operations that could have come next.
    Violation {
        /// Positions in the history.
        explained: Vec<usize>,
        /// Those of which none fits.
        stuck: Vec<usize>,
    },
    /// Too many possibilities: more than the limit were tried.
    Undecided,
}

/// The answered operations that have taken effect: all before `prefix` in the order of their calls, and some more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Answered {
    prefix: usize,
    beyond: Vec<usize>,
}

/// What has taken effect.
#[derive(Debug, Clone)]
struct Done {
    answered: Answered,
    unanswered: Vec<usize>,
    /// The latest call in the set: nothing that ended before it can take effect any more.
    latest_call: u64,
}

struct Frame<S> {
    done: Done,
    state: S,
    /// Not yet tried: the operation and the state it leads to.
    next: Vec<(usize, S)>,
}

struct Search<'a, O: Object> {
    object: &'a O,
    history: &'a [Operation<O::Call, O::Reply>],
    /// Positions of answered operations, and of the others, by the time of their call.
    answered: Vec<usize>,
    unanswered: Vec<usize>,
}

/// Searches for an order, trying `limit` steps at most.
pub fn linearize<O: Object>(
    object: &O,
    initial: O::State,
    history: &[Operation<O::Call, O::Reply>],
    limit: usize,
) -> Verdict {
    let search = Search::new(object, history);
    let mut met: HashMap<(Answered, O::State), Vec<Vec<usize>>> = HashMap::new();
    let mut order: Vec<usize> = Vec::new();
    let mut best: (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let answered = Answered { prefix: 0, beyond: Vec::new() };
    let start = Done { answered, unanswered: Vec::new(), latest_call: 0 };
    let next = search.next(&start, &initial, None);
    let mut stack = vec![Frame { done: start, state: initial, next }];
    let mut tried = 0;
    while let Some(frame) = stack.last_mut() {
        if search.is_complete(&frame.done) {
            return Verdict::Linearizable(order);
        }
        let Some((position, state)) = frame.next.pop() else {
            if order.len() >= best.0.len() {
                best = (order.clone(), search.candidates(&frame.done));
            }
            stack.pop();
            order.pop();
            continue;
        };
        tried += 1;
        if tried > limit {
            return Verdict::Undecided;
        }
        let done = search.with(&frame.done, position);
        let before = met.entry((done.answered.clone(), state.clone())).or_default();
        if before.iter().any(|fewer| is_subset(fewer, &done.unanswered)) {
            continue;
        }
        before.push(done.unanswered.clone());
        order.push(position);
        let doubted = history[position].reply.is_none().then_some(&frame.state);
        let next = search.next(&done, &state, doubted);
        stack.push(Frame { done, state, next });
    }
    Verdict::Violation { explained: best.0, stuck: best.1 }
}

impl<'a, O: Object> Search<'a, O> {
    fn new(object: &'a O, history: &'a [Operation<O::Call, O::Reply>]) -> Self {
        let mut all: Vec<usize> = (0..history.len()).collect();
        all.sort_by_key(|i| history[*i].called);
        let (answered, mut unanswered): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|i| history[*i].reply.is_some());
        unanswered.retain(|i| !object.is_read(&history[*i].call));
        Self { object, history, answered, unanswered }
    }

    fn is_complete(&self, done: &Done) -> bool {
        done.answered.prefix == self.answered.len()
    }

    /// What may take effect next, the most promising last: operations with an answer, the first to end before others.
    fn candidates(&self, done: &Done) -> Vec<usize> {
        let mut first_end = u64::MAX;
        let mut open = Vec::new();
        for (rank, &position) in self.answered.iter().enumerate().skip(done.answered.prefix) {
            let operation = &self.history[position];
            if operation.called > first_end {
                break;
            }
            if !done.answered.beyond.contains(&rank) {
                first_end = first_end.min(operation.ended);
                open.push(position);
            }
        }
        open.retain(|position| self.history[*position].called <= first_end);
        open.sort_by_key(|position| std::cmp::Reverse(self.history[*position].ended));
        let late = self.unanswered.iter().copied().filter(|position| {
            let operation = &self.history[*position];
            operation.called <= first_end
                && operation.ended >= done.latest_call
                && !done.unanswered.contains(position)
        });
        let mut all: Vec<usize> = late.collect();
        all.append(&mut open);
        all
    }

    /// `doubted`: the state before, if what took effect last is unanswered.
    fn next(
        &self,
        done: &Done,
        state: &O::State,
        doubted: Option<&O::State>,
    ) -> Vec<(usize, O::State)> {
        let mut next = Vec::new();
        for position in self.candidates(done) {
            let states = self.object.step(state, &self.history[position]);
            if doubted.is_some_and(|s| self.object.step(s, &self.history[position]) == states) {
                continue;
            }
            next.extend(states.into_iter().map(|state| (position, state)));
        }
        next
    }

    fn with(&self, done: &Done, position: usize) -> Done {
        let mut done = done.clone();
        let operation = &self.history[position];
        done.latest_call = done.latest_call.max(operation.called);
        if operation.reply.is_none() {
            let at = done.unanswered.partition_point(|p| *p < position);
            done.unanswered.insert(at, position);
            return done;
        }
        let set = &mut done.answered;
        let ranks = self.answered.iter().enumerate().skip(set.prefix);
        let Some((rank, _)) = ranks.into_iter().find(|(_, p)| **p == position) else { return done };
        let at = set.beyond.partition_point(|r| *r < rank);
        set.beyond.insert(at, rank);
        while set.beyond.first() == Some(&set.prefix) {
            set.beyond.remove(0);
            set.prefix += 1;
        }
        done
    }
}

/// Both sorted.
fn is_subset(fewer: &[usize], more: &[usize]) -> bool {
    let mut more = more.iter();
    fewer.iter().all(|f| more.any(|m| m == f))
}

#[cfg(test)]
mod tests;
