//! The Redis wire protocol (RESP2 and RESP3): what a client sends, what it is sent, and where a
//! reply of the tenant's Redis ends.
//!
//! Framing is done by hand and in place: a scanner reports where the arguments lie in the
//! connection's read buffer, resumes where it stopped, recurses nowhere and checks every size
//! before memory is spent on it. Reply bytes from Redis are measured, not decoded, so that a hit is
//! forwarded untouched.
#![warn(clippy::indexing_slicing)]

mod error;
mod header;
mod inline;
mod integer;
mod reply;
mod reply_scan;
mod request;
mod scan;
#[cfg(test)]
mod scan_tests;

pub use error::ProtocolError;
pub use inline::split_inline;
pub use integer::parse_i64;
pub use reply::{Protocol, Reply};
pub use reply_scan::{MalformedReply, ReplyKind, ReplyScanner, ScannedReply, elements};
pub use request::encode_request;
pub use scan::{Scan, ScanLimits, Scanner};
