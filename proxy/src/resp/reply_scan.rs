//! Finds where a reply of the tenant's Redis ends, so that its bytes can be forwarded untouched.
//!
//! The peer is our own RESP2 connection to a Redis we chose, so this checks only what keeps the
//! proxy safe from a broken peer: sizes, depth, and that the bytes are RESP2 at all.

use memchr::memchr;

/// Deepest nesting of arrays followed; our scripts and commands use two.
const MAX_DEPTH: usize = 8;
/// Longest bulk string believed: Redis's own bound.
const MAX_BULK_BYTES: usize = 512 * 1024 * 1024;
/// Longest line of a simple string, error or number.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// What kind of reply it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// `+`: the text lies between the first byte and the line end.
    Simple,
    /// `-`: as above.
    Error,
    /// `:` and the number.
    Int(i64),
    /// `$`: the payload lies at `start`, `len` bytes long.
    Bulk {
        /// Offset of the payload from the reply's first byte.
        start: usize,
        /// Bytes of payload.
        len: usize,
    },
    /// `$-1`, or `*-1`: a RESP3 client must be sent `_` instead.
    Nil,
    /// `*`, with all its elements.
    Array,
}

/// One whole reply at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannedReply {
    /// Its kind.
    pub kind: ReplyKind,
    /// Its bytes, line ends included.
    pub len: usize,
}

/// The peer does not speak RESP2, or not within the bounds; drop the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis sent bytes that are no RESP2 reply")]
pub struct MalformedReply;

/// An incremental scanner for the replies of one upstream connection.
#[derive(Debug, Default)]
pub struct ReplyScanner {
    position: usize,
    searched: usize,
    /// Elements left in each array that is open.
    open: [u32; MAX_DEPTH],
    depth: usize,
}

impl ReplyScanner {
    /// A scanner at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for one reply at the front of `buffer`. After `None` the next call must pass the same
    /// bytes with more appended; after a reply, the bytes that follow it.
    ///
    /// # Errors
    /// [`MalformedReply`] when the bytes are no RESP2 or exceed the bounds.
    #[inline]
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<ScannedReply>, MalformedReply> {
        loop {
            let Some((mut kind, end)) = self.element(buffer)? else { return Ok(None) };
            self.position = end;
            self.searched = end;
            if self.depth == 0 && kind != ReplyKind::Array {
                *self = Self::default();
                return Ok(Some(ScannedReply { kind, len: end }));
            }
            if self.close_arrays(kind) {
                kind = ReplyKind::Array;
                *self = Self::default();
                return Ok(Some(ScannedReply { kind, len: end }));
            }
        }
    }

    /// Counts an element off the open arrays; true when the outermost has all of its own.
    fn close_arrays(&mut self, kind: ReplyKind) -> bool {
        if kind == ReplyKind::Array && self.top().is_some_and(|left| *left > 0) {
            return false; // just opened, with elements to come
        }
        if kind == ReplyKind::Array {
            self.depth -= 1; // opened empty
        }
        while let Some(left) = self.top() {
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            self.depth -= 1;
        }
        true
    }

    fn top(&mut self) -> Option<&mut u32> {
        self.open.get_mut(self.depth.checked_sub(1)?)
    }

    /// Reads one element (of an array: its header, which it opens) and where it ends.
    #[inline]
    fn element(&mut self, buffer: &[u8]) -> Result<Option<(ReplyKind, usize)>, MalformedReply> {
        let Some((line, end)) = self.line(buffer)? else { return Ok(None) };
        let (tag, text) = line.split_first().ok_or(MalformedReply)?;
        let kind = match tag {
            b'$' => {
                if text == b"-1" {
                    return Ok(Some((ReplyKind::Nil, end)));
                }
                let len = length(text, MAX_BULK_BYTES)?;
                let total = end + len + 2;
                if buffer.len() < total {
                    return Ok(None); // the header is short: reading it again is cheap
                }
                return Ok(Some((ReplyKind::Bulk { start: end, len }, total)));
            }
            b'+' => ReplyKind::Simple,
            b'-' => ReplyKind::Error,
            b':' => ReplyKind::Int(super::parse_i64(text).ok_or(MalformedReply)?),
            b'*' if text == b"-1" => ReplyKind::Nil,
            b'*' => {
                let count = length(text, usize::from(u16::MAX) * 1024)?;
                let slot = self.open.get_mut(self.depth).ok_or(MalformedReply)?;
                *slot = u32::try_from(count).map_err(|_| MalformedReply)?;
                self.depth += 1;
                ReplyKind::Array
            }
            _ => return Err(MalformedReply),
        };
        Ok(Some((kind, end)))
    }

    /// The line at `position` without its end, and the offset behind it.
    #[inline]
    fn line<'a>(&mut self, buffer: &'a [u8]) -> Result<Option<(&'a [u8], usize)>, MalformedReply> {
        let from = self.searched.max(self.position);
        let unsearched = buffer.get(from..).unwrap_or_default();
        let near = unsearched.iter().take(12).position(|byte| *byte == b'\n');
        let Some(found) = near.or_else(|| memchr(b'\n', unsearched)) else {
            self.searched = buffer.len();
            return match buffer.len() - self.position > MAX_LINE_BYTES {
                true => Err(MalformedReply),
                false => Ok(None),
            };
        };
        let end = from + found + 1;
        let line = buffer.get(self.position..end).ok_or(MalformedReply)?;
        // Keep the search mark on the line feed: a bulk whose payload is missing is read again.
        self.searched = end - 1;
        Ok(Some((line.strip_suffix(b"\r\n").ok_or(MalformedReply)?, end)))
    }
}

fn length(text: &[u8], max: usize) -> Result<usize, MalformedReply> {
    super::parse_i64(text)
        .and_then(|len| usize::try_from(len).ok())
        .filter(|len| *len <= max)
        .ok_or(MalformedReply)
}

#[cfg(test)]
mod tests {
    use super::{MalformedReply, ReplyKind, ReplyScanner, ScannedReply};

    fn whole_and_by_byte(bytes: &[u8]) -> Result<Option<ScannedReply>, MalformedReply> {
        let whole = ReplyScanner::new().scan(bytes);
        let mut scanner = ReplyScanner::new();
        for end in 0..=bytes.len() {
            let found = scanner.scan(bytes.get(..end).unwrap());
            if found != Ok(None) {
                assert_eq!(found, whole, "{:?}", bytes.escape_ascii().to_string());
                return whole;
            }
        }
        assert_eq!(whole, Ok(None));
        whole
    }

    #[test]
    fn finds_the_end_of_each_kind() {
        for (bytes, kind, len) in [
            (&b"+OK\r\n+"[..], ReplyKind::Simple, 5),
            (b"-ERR no\r\n", ReplyKind::Error, 9),
            (b":-12\r\n", ReplyKind::Int(-12), 6),
            (b"$3\r\na\r\n\r\n", ReplyKind::Bulk { start: 4, len: 3 }, 9),
            (b"$0\r\n\r\nx", ReplyKind::Bulk { start: 4, len: 0 }, 6),
            (b"$-1\r\n", ReplyKind::Nil, 5),
            (b"*-1\r\n", ReplyKind::Nil, 5),
            (b"*0\r\n", ReplyKind::Array, 4),
            (b"*2\r\n$1\r\na\r\n*2\r\n*0\r\n:1\r\n:5\r\n", ReplyKind::Array, 23),
            (b"*3\r\n*0\r\n*-1\r\n*1\r\n+x\r\n:5\r\n", ReplyKind::Array, 21),
        ] {
            assert_eq!(whole_and_by_byte(bytes), Ok(Some(ScannedReply { kind, len })));
        }
        assert_eq!(whole_and_by_byte(b"*2\r\n$1\r\na\r\n"), Ok(None));
    }

    #[test]
    fn refuses_what_is_not_a_bounded_reply() {
        for bytes in [&b"%1\r\n"[..], b"$x\r\n", b"$-2\r\n", b"+OK\n", b"\r\n", b":a\r\n"] {
            assert_eq!(whole_and_by_byte(bytes), Err(MalformedReply));
        }
        assert_eq!(ReplyScanner::new().scan(&b"*1\r\n".repeat(100_000)), Err(MalformedReply));
        assert_eq!(ReplyScanner::new().scan(&[b'+'; 70_000]), Err(MalformedReply));
    }
}
