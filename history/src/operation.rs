//! What a history is made of.

use std::hash::Hash;

/// The end of an operation that may take effect at any later time.
pub const NEVER: u64 = u64::MAX;

/// What was asked of an object, by whom it was seen when, and what came of it. Times have any unit and origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<C, R> {
    /// When it began: it took effect no earlier.
    pub called: u64,
    /// When it ended: it took effect no later, or never if there is no answer.
    pub ended: u64,
    /// What was asked.
    pub call: C,
    /// The answer; `None` if nobody knows whether it took effect.
    pub reply: Option<R>,
}

/// How the object behaves when it is used by one client at a time.
pub trait Object {
    /// What it holds.
    type State: Clone + Eq + Hash;
    /// What can be asked of it.
    type Call;
    /// What it answers.
    type Reply;

    /// Every state in which `operation` may leave the object. None if, in this state, it could not have answered so.
    fn step(
        &self,
        state: &Self::State,
        operation: &Operation<Self::Call, Self::Reply>,
    ) -> Vec<Self::State>;

    /// True if it never changes the state: such an operation without an answer says nothing, and a history that cannot
    /// be explained without it cannot be explained with it.
    fn is_read(&self, call: &Self::Call) -> bool;
}
