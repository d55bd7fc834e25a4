//! RESP2 as a load generator needs it: commands out, replies in, no allocation per reply.
//!
//! [`ReplyReader`] is incremental: bytes arrive in any pieces, complete replies come out as slices
//! of its buffer. Arrays are refused, because no command sent here is answered by one.

/// Largest bulk reply accepted, in bytes.
const MAX_BULK_BYTES: usize = 64 << 20;
/// Longest line accepted (status, error, integer, length), in bytes.
const MAX_LINE_BYTES: usize = 64 << 10;
/// Free room kept for the next read, in bytes.
const READ_ROOM_BYTES: usize = 32 << 10;

/// One reply, borrowed from the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `+...`
    Status(&'a [u8]),
    /// `-...`
    Error(&'a [u8]),
    /// `:...`
    Integer(i64),
    /// `$...`
    Bulk(&'a [u8]),
    /// `$-1` or `*-1`
    Nil,
}

/// Bytes that are not an acceptable RESP2 reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The first byte of a reply is none of `+-:$*`, or announces an array.
    #[error("unexpected reply type {0:?}")]
    Type(char),
    /// A length or integer does not parse.
    #[error("bad number {0:?}")]
    Number(String),
    /// A bulk's length or a line is beyond what a sane server sends.
    #[error("reply of {0} bytes is too long")]
    TooLong(usize),
    /// A bulk is not followed by CR LF.
    #[error("bulk reply without its CR LF")]
    Unterminated,
    /// A reply arrived although nothing was asked.
    #[error("a reply that no command was sent for")]
    Unasked,
}

/// Collects bytes and cuts them into replies.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes the reply at `start` is known to need; 0 if unknown.
    need: usize,
}

/// A reply found in the buffer: what it is, and where its payload lies.
#[derive(Debug, Clone, Copy)]
enum Found {
    Status(usize, usize),
    Error(usize, usize),
    Integer(i64),
    Bulk(usize, usize),
    Nil,
}

impl ReplyReader {
    /// Free space to read into; follow with [`ReplyReader::filled`].
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > 0 && self.buf.len() - self.end < READ_ROOM_BYTES {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = (self.end + READ_ROOM_BYTES).max(self.start + self.need);
        if self.buf.len() < wanted {
            self.buf.resize(wanted, 0);
        }
        &mut self.buf[self.end..]
    }

    /// Tells the reader that the first `count` bytes of [`ReplyReader::space`] now hold data.
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buf.len());
    }

    /// The next complete reply, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// Bytes that are not RESP2; the connection is of no further use.
    pub fn next_reply(&mut self) -> Result<Option<Reply<'_>>, ProtocolError> {
        let Some((found, used)) = self.scan()? else { return Ok(None) };
        self.start += used;
        self.need = 0;
        Ok(Some(match found {
            Found::Status(from, to) => Reply::Status(&self.buf[from..to]),
            Found::Error(from, to) => Reply::Error(&self.buf[from..to]),
            Found::Integer(value) => Reply::Integer(value),
            Found::Bulk(from, to) => Reply::Bulk(&self.buf[from..to]),
            Found::Nil => Reply::Nil,
        }))
    }

    fn scan(&mut self) -> Result<Option<(Found, usize)>, ProtocolError> {
        let pending = &self.buf[self.start..self.end];
        if pending.len() < self.need || pending.is_empty() {
            return Ok(None);
        }
        let Some(line_bytes) = pending.iter().position(|&b| b == b'\n') else {
            if pending.len() > MAX_LINE_BYTES {
                return Err(ProtocolError::TooLong(pending.len()));
            }
            return Ok(None);
        };
        let text_end = line_bytes.saturating_sub(1).max(1);
        let text = &pending[1..text_end];
        let (from, to) = (self.start + 1, self.start + text_end);
        let used = line_bytes + 1;
        match pending[0] {
            b'+' => Ok(Some((Found::Status(from, to), used))),
            b'-' => Ok(Some((Found::Error(from, to), used))),
            b':' => Ok(Some((Found::Integer(parse_integer(text)?), used))),
            b'*' if text == b"-1" => Ok(Some((Found::Nil, used))),
            b'$' => {
                if text == b"-1" {
                    return Ok(Some((Found::Nil, used)));
                }
                let bytes = usize::try_from(parse_integer(text)?)
                    .map_err(|_| ProtocolError::Number(String::from_utf8_lossy(text).into()))?;
                if bytes > MAX_BULK_BYTES {
                    return Err(ProtocolError::TooLong(bytes));
                }
                let whole = used + bytes + 2;
                if pending.len() < whole {
                    self.need = whole;
                    return Ok(None);
                }
                if &pending[used + bytes..whole] != b"\r\n" {
                    return Err(ProtocolError::Unterminated);
                }
                let from = self.start + used;
                Ok(Some((Found::Bulk(from, from + bytes), whole)))
            }
            other => Err(ProtocolError::Type(char::from(other))),
        }
    }
}

/// Commands waiting to be written.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    written: usize,
}

impl Commands {
    /// Appends one command made of `parts`, the first being its name.
    pub fn push(&mut self, parts: &[&[u8]]) {
        self.bytes.push(b'*');
        push_decimal(&mut self.bytes, parts.len());
        self.bytes.extend_from_slice(b"\r\n");
        for part in parts {
            self.bytes.push(b'$');
            push_decimal(&mut self.bytes, part.len());
            self.bytes.extend_from_slice(b"\r\n");
            self.bytes.extend_from_slice(part);
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    /// Bytes not yet written.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Marks the first `count` pending bytes as written.
    pub fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        }
    }
}

/// Appends `value` in decimal digits.
pub fn push_decimal(out: &mut Vec<u8>, mut value: usize) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn parse_integer(text: &[u8]) -> Result<i64, ProtocolError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| ProtocolError::Number(String::from_utf8_lossy(text).into()))
}

#[cfg(test)]
mod tests {
    use super::{Commands, ProtocolError, Reply, ReplyReader};

    const STREAM: &[u8] =
        b"+OK\r\n$5\r\nhe\r\no\r\n:-42\r\n$-1\r\n-THROTTLED a\r\n$0\r\n\r\n*-1\r\n";

    fn feed(reader: &mut ReplyReader, bytes: &[u8]) {
        reader.space()[..bytes.len()].copy_from_slice(bytes);
        reader.filled(bytes.len());
    }

    fn drain(reader: &mut ReplyReader, seen: &mut Vec<String>) {
        while let Some(reply) = reader.next_reply().unwrap() {
            seen.push(match reply {
                Reply::Status(text) => format!("+{}", String::from_utf8_lossy(text)),
                Reply::Error(text) => format!("-{}", String::from_utf8_lossy(text)),
                Reply::Integer(value) => format!(":{value}"),
                Reply::Bulk(bytes) => format!("${}", String::from_utf8_lossy(bytes)),
                Reply::Nil => "nil".to_owned(),
            });
        }
    }

    #[test]
    fn replies_come_out_the_same_however_the_bytes_are_cut() {
        let expected = ["+OK", "$he\r\no", ":-42", "nil", "-THROTTLED a", "$", "nil"];
        for piece in 1..=STREAM.len() {
            let (mut reader, mut seen) = (ReplyReader::default(), Vec::new());
            for bytes in STREAM.chunks(piece) {
                feed(&mut reader, bytes);
                drain(&mut reader, &mut seen);
            }
            assert_eq!(seen, expected, "pieces of {piece} bytes");
        }
    }

    #[test]
    fn a_bulk_larger_than_the_read_room_arrives_whole() {
        let body = vec![b'x'; 300_000];
        let mut bytes = b"$300000\r\n".to_vec();
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(b"\r\n+OK\r\n");
        let mut reader = ReplyReader::default();
        let mut whole = false;
        for piece in bytes.chunks(10_007) {
            feed(&mut reader, piece);
            while let Some(reply) = reader.next_reply().unwrap() {
                whole |= reply == Reply::Bulk(&body);
            }
        }
        assert!(whole);
    }

    #[test]
    fn bad_bytes_are_refused() {
        for (bytes, error) in [
            (&b"!x\r\n"[..], ProtocolError::Type('!')),
            (b"*1\r\n", ProtocolError::Type('*')),
            (b":4x\r\n", ProtocolError::Number("4x".into())),
            (b"$-7\r\n", ProtocolError::Number("-7".into())),
            (b"$1\r\nabc", ProtocolError::Unterminated),
            (b"$99999999999\r\n", ProtocolError::TooLong(99_999_999_999)),
        ] {
            let mut reader = ReplyReader::default();
            feed(&mut reader, bytes);
            assert_eq!(reader.next_reply(), Err(error));
        }
    }

    #[test]
    fn commands_are_encoded_and_drained() {
        let mut commands = Commands::default();
        commands.push(&[b"GET", b"k\r\n"]);
        assert_eq!(commands.pending(), b"*2\r\n$3\r\nGET\r\n$3\r\nk\r\n\r\n");
        commands.wrote(4);
        assert_eq!(commands.pending(), b"$3\r\nGET\r\n$3\r\nk\r\n\r\n");
        commands.wrote(commands.pending().len());
        assert!(commands.pending().is_empty());
    }
}
