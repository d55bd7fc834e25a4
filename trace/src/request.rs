//! One request of a trace.

/// What a trace line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceOp {
    /// Read the key.
    Get,
    /// Write the key.
    Set,
    /// Remove the key.
    Delete,
    /// Add this to the key's integer.
    Add(i64),
}

impl TraceOp {
    /// The operation of a name, in any case; `None` for those that touch no single key.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text.to_ascii_lowercase().as_slice() {
            b"get" | b"gets" => Some(Self::Get),
            b"set" | b"add" | b"replace" | b"cas" | b"append" | b"prepend" => Some(Self::Set),
            b"delete" | b"del" => Some(Self::Delete),
            b"incr" => Some(Self::Add(1)),
            b"decr" => Some(Self::Add(-1)),
            _ => None,
        }
    }
}

/// One request of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    /// When it was made, in milliseconds on the trace's own clock; 0 in a trace without times.
    pub time_ms: u64,
    /// The key, as the trace spells it.
    pub key: Box<[u8]>,
    /// The operation.
    pub op: TraceOp,
    /// Size of the key, in bytes: the trace's key size where it has one (Twitter's keys are shortened
    /// in the published traces), else that of `key`.
    pub key_bytes: u32,
    /// The size column, in bytes: of the value, or of the whole entry ([`crate::SizeMeans`]).
    pub size_bytes: u32,
    /// Time to live in seconds; 0 is none.
    pub ttl_s: u32,
}
