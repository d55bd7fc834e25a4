//! Whether a history of concurrent operations is linearizable: is there one order of them, in which no operation comes
//! before one that had ended when it began, that explains every answer?
//!
//! An operation without an answer (the client was cut off, storage timed out) may take effect at any time from its call
//! to its end, or never. One that failed for certain does not belong into a history at all, which is how "nothing was
//! changed" is checked.
//!
//! Reading order: [`operation`] (what a history is made of), [`search`] (the search for an order, after Wing and Gong
//! with Lowe's memory of what failed before), [`blame`] (the smallest part of a history that cannot be explained).

pub mod blame;
pub mod operation;
pub mod search;

pub use blame::{Blame, blame};
pub use operation::{NEVER, Object, Operation};
pub use search::{Verdict, linearize};
