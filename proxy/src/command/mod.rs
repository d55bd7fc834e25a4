//! What clients ask for: from the words of a request to a typed command, and from a command and
//! the old item to the reply and the new item.
//!
//! Nothing here does I/O or reads a clock: the service passes in items and the time, and carries
//! out the change that comes back. The replies are Redis's, byte for byte.

mod bigint;
mod cached_size;
mod describe;
#[cfg(test)]
mod differential_tests;
mod document;
mod error;
mod evaluate;
mod expiry;
mod glob;
mod item;
mod keys;
mod keyspace;
mod limits;
mod long_double;
mod native;
#[cfg(test)]
mod native_lines;
#[cfg(test)]
mod native_tests;
mod numbers;
mod op;
mod options;
mod parse;
#[cfg(test)]
mod parse_tests;
#[cfg(test)]
mod random_commands;
mod scripting;
mod server;
mod session;
#[cfg(test)]
mod stock_redis;
mod straight;
mod strings;
pub mod table;

pub use document::commands_document;
pub use error::CommandError;
pub use expiry::Deadline;
pub use glob::{glob_matches, glob_matches_exactly};
pub use item::{Change, Item, Outcome, ValueKind};
pub use keyspace::{KeyPattern, KeyspaceCommand, Kinds, ScanCommand};
pub use limits::ItemLimits;
pub use long_double::LongDouble;
pub use native::NativeCommand;
pub use op::{
    ExpireCondition, GetExpiry, ReadOp, SetCondition, SetExpiry, SetOp, SetReply, TtlUnit, WriteOp,
};
pub use parse::{Command, parse, parse_resolved, resolve};
pub use scripting::ScriptCommand;
pub use session::{ClientCommand, ClientFilter, LibraryAttribute, SessionCommand};
pub use straight::{may_run_on_copy, shows_value, straight};
