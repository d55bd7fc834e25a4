//! The smallest part of a history that cannot be explained.

use crate::operation::{Object, Operation};
use crate::search::{Verdict, linearize};

/// A part of a history that no order explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// Positions in the history, by the time of their call. All changes up to the violation, and the reads it needs.
    pub needed: Vec<usize>,
    /// The operations of which none could come next.
    pub stuck: Vec<usize>,
}

/// Operations with their positions in the history.
type Part<C, R> = Vec<(usize, Operation<C, R>)>;

/// Looks for the shortest beginning that cannot be explained, and leaves out of it every read that does not matter.
/// `None` if the whole history can be explained, or nobody can tell within `limit` steps.
pub fn blame<O: Object>(
    object: &O,
    initial: &O::State,
    history: &[Operation<O::Call, O::Reply>],
    limit: usize,
) -> Option<Blame>
where
    O::Call: Clone,
    O::Reply: Clone,
{
    let fails = |part: &Part<O::Call, O::Reply>| {
        let operations: Vec<_> = part.iter().map(|(_, operation)| operation.clone()).collect();
        match linearize(object, initial.clone(), &operations, limit) {
            Verdict::Violation { stuck, .. } => {
                Some(stuck.into_iter().map(|i| part[i].0).collect::<Vec<_>>())
            }
            _ => None,
        }
    };
    let mut ends: Vec<u64> =
        history.iter().filter(|o| o.reply.is_some()).map(|o| o.ended).collect();
    ends.sort_unstable();
    fails(&until(history, *ends.last()?))?;
    // Beginnings of explained histories can be explained, so the first that cannot is found by halving.
    let shortest = ends.partition_point(|end| fails(&until(history, *end)).is_none());
    let mut part = until(history, *ends.get(shortest)?);
    part.retain(|(_, operation)| operation.reply.is_some() || !object.is_read(&operation.call));
    for at in (0..part.len()).rev() {
        if object.is_read(&part[at].1.call) {
            let removed = part.remove(at);
            if fails(&part).is_none() {
                part.insert(at, removed);
            }
        }
    }
    let stuck = fails(&part)?;
    part.sort_by_key(|(_, operation)| operation.called);
    Some(Blame { needed: part.into_iter().map(|(position, _)| position).collect(), stuck })
}

/// What had begun by `end`; answers that came later are not known yet.
fn until<C: Clone, R: Clone>(history: &[Operation<C, R>], end: u64) -> Part<C, R> {
    let begun = history.iter().enumerate().filter(|(_, operation)| operation.called <= end);
    let cut = |(position, operation): (usize, &Operation<C, R>)| {
        let reply = operation.reply.clone().filter(|_| operation.ended <= end);
        (position, Operation { reply, ..operation.clone() })
    };
    begun.map(cut).collect()
}
