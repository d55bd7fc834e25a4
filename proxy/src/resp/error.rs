//! What is wrong with bytes that are not RESP, in the words Redis uses for it.

use bytes::Bytes;

/// A request that cannot be framed; the connection gets [`ProtocolError::reply_text`] and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The number after `*` is no integer or over the limit.
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    /// The number after `$` is no integer, negative, or over the limit.
    #[error("invalid bulk length")]
    InvalidBulkLength,
    /// More arguments than a connection may send before it has authenticated.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// A longer argument than a connection may send before it has authenticated.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// An argument does not begin with `$`; holds the byte found instead.
    #[error("expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    /// No end of line within the line limit after `*`.
    #[error("too big mbulk count string")]
    CountLineTooLong,
    /// No end of line within the line limit after `$`.
    #[error("too big bulk count string")]
    BulkLineTooLong,
    /// An inline command longer than the line limit.
    #[error("too big inline request")]
    InlineTooLong,
    /// An inline command whose quotes do not pair up.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// All arguments together exceed the request limit (a bound of ours; Redis just closes).
    #[error("too big request")]
    RequestTooBig,
}

impl ProtocolError {
    /// The whole error reply without the leading `-` and the line end, byte for byte as Redis
    /// words it. Bytes, because the offending byte is echoed raw.
    pub fn reply_text(&self) -> Bytes {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            Self::ExpectedBulk(byte) => {
                text.extend_from_slice(b"expected '$', got '");
                text.push(*byte);
                text.push(b'\'');
            }
            other => text.extend_from_slice(other.to_string().as_bytes()),
        }
        Bytes::from(text)
    }
}
