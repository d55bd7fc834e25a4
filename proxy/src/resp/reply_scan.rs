//! Finds where a reply of the tenant's Redis ends, so that its bytes can be forwarded untouched.
//!
//! The peer is our own connection, in RESP2 or RESP3, to a Redis we chose, so this checks only what keeps the proxy
//! safe from a broken peer: sizes, depth, and that the bytes are RESP at all. Streamed strings and aggregates, which
//! RESP3 knows but Redis never sends, are refused.

use bytes::Bytes;
use memchr::memchr;

use super::header::short_header;

/// Deepest nesting of aggregates followed; XINFO STREAM FULL within EXEC nests seven deep.
const MAX_DEPTH: usize = 12;
/// Longest bulk string believed: Redis's own bound.
const MAX_BULK_BYTES: usize = 512 * 1024 * 1024;
/// Longest line of a simple string, error or number.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// Most elements of one aggregate.
const MAX_ELEMENTS: usize = 65_535 * 1024;

/// What kind of reply it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// `+`: the text lies between the first byte and the line end.
    Simple,
    /// `-` or `!`.
    Error,
    /// `:` and the number.
    Int(i64),
    /// `$` or, with a format before its text, `=`: the payload lies at `start`, `len` bytes long.
    Bulk {
        /// Offset of the payload from the reply's first byte.
        start: usize,
        /// Bytes of payload.
        len: usize,
    },
    /// `$-1` or `*-1`, which a RESP3 client must be sent as `_`; or `_` itself.
    Nil,
    /// `*`, with all its elements.
    Array,
    /// `~`, with all its elements.
    Set,
    /// `%`, with all its pairs.
    Map,
    /// `>`: nobody asked for it, so it answers no request.
    Push,
    /// `,`, `#` or `(`: a double, a boolean, a big number.
    Scalar,
}

/// One whole reply at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannedReply {
    /// Its kind.
    pub kind: ReplyKind,
    /// Its bytes: line ends and attributes before it included.
    pub len: usize,
}

/// The peer does not speak RESP, or not within the bounds; drop the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis sent bytes that are no RESP reply")]
pub struct MalformedReply;

/// An aggregate whose elements are not all there.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    left: u32,
    /// Attributes belong to the element behind them and are none themselves.
    is_attribute: bool,
}

/// An element; of an aggregate, its header.
struct Element {
    kind: ReplyKind,
    end: usize,
    opens: Option<Open>,
}

/// An incremental scanner for the replies of one upstream connection.
#[derive(Debug, Default)]
pub struct ReplyScanner {
    position: usize,
    searched: usize,
    open: [Open; MAX_DEPTH],
    depth: usize,
    /// Kind of the reply whose elements are being read.
    outermost: Option<ReplyKind>,
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
    /// [`MalformedReply`] when the bytes are no RESP or exceed the bounds.
    #[inline]
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<ScannedReply>, MalformedReply> {
        if self.position == 0
            && self.searched == 0
            && let Some((len, start)) = short_header(buffer, 0, b'$')
            && let (len, end) = (len as usize, start + len as usize + 2)
            && end <= buffer.len()
        {
            // The usual reply, all of it there.
            return Ok(Some(ScannedReply { kind: ReplyKind::Bulk { start, len }, len: end }));
        }
        loop {
            let Some(Element { kind, end, opens }) = self.element(buffer)? else { return Ok(None) };
            self.position = end;
            self.searched = end;
            let has_ended = match opens {
                None if self.depth == 0 => {
                    *self = Self::default();
                    return Ok(Some(ScannedReply { kind, len: end }));
                }
                None => self.element_ended(),
                Some(open) => self.begin(kind, open)?,
            };
            if has_ended {
                let kind = self.outermost.unwrap_or(kind);
                *self = Self::default();
                return Ok(Some(ScannedReply { kind, len: end }));
            }
        }
    }

    /// Opens an aggregate; true when it was empty and that was the whole reply.
    fn begin(&mut self, kind: ReplyKind, open: Open) -> Result<bool, MalformedReply> {
        if self.depth == 0 && !open.is_attribute {
            self.outermost = Some(kind);
        }
        if open.left == 0 {
            return Ok(!open.is_attribute && self.element_ended());
        }
        *self.open.get_mut(self.depth).ok_or(MalformedReply)? = open;
        self.depth += 1;
        Ok(false)
    }

    /// Counts an element off the open aggregates; true when the outermost has all of its own.
    fn element_ended(&mut self) -> bool {
        while let Some(open) = self.depth.checked_sub(1).and_then(|top| self.open.get_mut(top)) {
            open.left = open.left.saturating_sub(1);
            if open.left > 0 {
                return false;
            }
            let is_attribute = open.is_attribute;
            self.depth -= 1;
            if is_attribute {
                return false;
            }
        }
        true
    }

    /// Reads one element (of an aggregate: its header) and where it ends.
    #[inline]
    fn element(&mut self, buffer: &[u8]) -> Result<Option<Element>, MalformedReply> {
        let Some((line, end)) = self.line(buffer)? else { return Ok(None) };
        let (tag, text) = line.split_first().ok_or(MalformedReply)?;
        let kind = match tag {
            b'$' | b'*' if text == b"-1" => ReplyKind::Nil,
            b'$' | b'=' | b'!' => {
                let len = length(text, MAX_BULK_BYTES)?;
                let total = end + len + 2;
                if buffer.len() < total {
                    return Ok(None); // the header is short: reading it again is cheap
                }
                let kind = match tag {
                    b'!' => ReplyKind::Error,
                    _ => ReplyKind::Bulk { start: end, len },
                };
                return Ok(Some(Element { kind, end: total, opens: None }));
            }
            b'+' => ReplyKind::Simple,
            b'-' => ReplyKind::Error,
            b':' => ReplyKind::Int(super::parse_i64(text).ok_or(MalformedReply)?),
            b'_' if text.is_empty() => ReplyKind::Nil,
            b'#' if matches!(text, b"t" | b"f") => ReplyKind::Scalar,
            b',' | b'(' if !text.is_empty() => ReplyKind::Scalar,
            _ => {
                return aggregate(*tag, text)
                    .map(|(kind, open)| Some(Element { kind, end, opens: Some(open) }));
            }
        };
        Ok(Some(Element { kind, end, opens: None }))
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

/// The encoded elements of a whole array reply; `None` if `reply` is not one.
pub fn elements(reply: &Bytes) -> Option<Vec<Bytes>> {
    let head = memchr(b'\n', reply)? + 1;
    let count = reply.get(1..head).filter(|_| reply.starts_with(b"*"))?;
    let count = length(count.strip_suffix(b"\r\n")?, MAX_ELEMENTS).ok()?;
    let mut rest = reply.slice(head..);
    let mut elements = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let scanned = ReplyScanner::new().scan(&rest).ok()??;
        elements.push(rest.split_to(scanned.len));
    }
    rest.is_empty().then_some(elements)
}

/// The header of an aggregate: its kind, and how many elements follow.
fn aggregate(tag: u8, text: &[u8]) -> Result<(ReplyKind, Open), MalformedReply> {
    let count = length(text, MAX_ELEMENTS)?;
    let (kind, count) = match tag {
        b'*' => (ReplyKind::Array, count),
        b'~' => (ReplyKind::Set, count),
        b'>' => (ReplyKind::Push, count),
        b'%' | b'|' => (ReplyKind::Map, 2 * count),
        _ => return Err(MalformedReply),
    };
    let left = u32::try_from(count).map_err(|_| MalformedReply)?;
    Ok((kind, Open { left, is_attribute: tag == b'|' }))
}

fn length(text: &[u8], max: usize) -> Result<usize, MalformedReply> {
    super::parse_i64(text)
        .and_then(|len| usize::try_from(len).ok())
        .filter(|len| *len <= max)
        .ok_or(MalformedReply)
}

#[cfg(test)]
mod tests {
    use super::{MalformedReply, ReplyKind, ReplyScanner, ScannedReply, elements};
    use bytes::Bytes;

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
            (b"_\r\n:1\r\n", ReplyKind::Nil, 3),
            (b",-1.5e9\r\n", ReplyKind::Scalar, 9),
            (b",inf\r\n", ReplyKind::Scalar, 6),
            (b"#t\r\n", ReplyKind::Scalar, 4),
            (b"(12345678901234567890\r\n", ReplyKind::Scalar, 23),
            (b"=7\r\ntxt:a\r\n\r\n+", ReplyKind::Bulk { start: 4, len: 7 }, 13),
            (b"!5\r\nERR x\r\n", ReplyKind::Error, 11),
            (b"~2\r\n$1\r\na\r\n_\r\n:9\r\n", ReplyKind::Set, 14),
            (b"%1\r\n$1\r\nf\r\n*1\r\n,0.5\r\n", ReplyKind::Map, 21),
            (b"%0\r\n~0\r\n", ReplyKind::Map, 4),
            (b"*2\r\n%0\r\n~1\r\n#f\r\n:1\r\n", ReplyKind::Array, 16),
            (b">2\r\n+invalidate\r\n*0\r\n", ReplyKind::Push, 21),
            // Attributes belong to what follows them, at any depth.
            (b"|1\r\n+ttl\r\n:5\r\n+OK\r\n:1\r\n", ReplyKind::Simple, 19),
            (b"|0\r\n*2\r\n|1\r\n+a\r\n*0\r\n:1\r\n:2\r\n:3\r\n", ReplyKind::Array, 28),
        ] {
            assert_eq!(whole_and_by_byte(bytes), Ok(Some(ScannedReply { kind, len })));
        }
        assert_eq!(whole_and_by_byte(b"*2\r\n$1\r\na\r\n"), Ok(None));
    }

    #[test]
    fn refuses_what_is_not_a_bounded_reply() {
        for bytes in [
            &b"$x\r\n"[..],
            b"$-2\r\n",
            b"+OK\n",
            b"\r\n",
            b":a\r\n",
            b"_x\r\n",
            b"#y\r\n",
            b",\r\n",
            b"$?\r\n",
            b"*?\r\n",
            b"%-1\r\n",
            b"~67108864\r\n",
            b"&1\r\n",
        ] {
            assert_eq!(whole_and_by_byte(bytes), Err(MalformedReply));
        }
        for aggregate in [&b"*1\r\n"[..], b"%1\r\n", b"~1\r\n", b"|1\r\n"] {
            assert_eq!(ReplyScanner::new().scan(&aggregate.repeat(100_000)), Err(MalformedReply));
        }
        assert_eq!(ReplyScanner::new().scan(&[b'+'; 70_000]), Err(MalformedReply));
    }
    #[test]
    fn takes_an_array_apart_whatever_lies_within() {
        let parts: [&[u8]; 5] = [
            b"%1\r\n+a\r\n~1\r\n,1\r\n",
            b"$-1\r\n",
            b"_\r\n",
            b"*0\r\n",
            b"|1\r\n+k\r\n:1\r\n#t\r\n",
        ];
        let whole = Bytes::from([&b"*5\r\n"[..], &parts.concat()].concat());
        assert_eq!(elements(&whole).unwrap(), parts);
        assert_eq!(elements(&whole.slice(..whole.len() - 1)), None);
        assert_eq!(elements(&Bytes::from([&whole, &b":1\r\n"[..]].concat())), None);
        assert_eq!(elements(&Bytes::from_static(b"*-1\r\n")), None);
    }
}
