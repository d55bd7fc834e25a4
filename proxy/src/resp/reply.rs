//! Replies built by the proxy itself, and their encoding for either protocol version.

use bytes::{BufMut, Bytes, BytesMut};

/// The protocol version a connection speaks; clients choose with HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// The version every connection starts with.
    #[default]
    Resp2,
    /// Adds maps, sets, booleans, doubles and one null.
    Resp3,
}

/// One reply to a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// `+OK`.
    Ok,
    /// A status word other than OK.
    Simple(&'static str),
    /// An error: code word and text. Bytes, because Redis echoes what it was sent; line breaks
    /// are turned into blanks when encoded.
    Error(Bytes),
    /// An integer.
    Int(i64),
    /// A binary-safe string.
    Bulk(Bytes),
    /// No value.
    Null,
    /// No array (differs from `Null` in RESP2 only).
    NullArray,
    /// A list of replies.
    Array(Vec<Reply>),
    /// Pairs; in RESP2 a flat array.
    Map(Vec<(Reply, Reply)>),
    /// A set; in RESP2 an array.
    Set(Vec<Reply>),
    /// Plain text for people (INFO, CLIENT LIST); in RESP2 a bulk string.
    Text(Bytes),
    /// A truth value; in RESP2 1 or 0.
    Bool(bool),
    /// A number; in RESP2 a bulk string.
    Double(f64),
    /// What Redis replied, already encoded for the client's protocol.
    Encoded(Bytes),
}

impl Reply {
    /// An error reply; `text` begins with its code word, as in `ERR syntax error`.
    pub fn error(text: impl Into<Bytes>) -> Self {
        Self::Error(text.into())
    }

    /// A bulk string.
    pub fn bulk(text: impl Into<Bytes>) -> Self {
        Self::Bulk(text.into())
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(value: Option<Bytes>) -> Self {
        value.map_or(Self::Null, Self::Bulk)
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        match self {
            Self::Error(_) => true,
            Self::Encoded(bytes) => bytes.starts_with(b"-"),
            _ => false,
        }
    }

    /// The encoded reply.
    pub fn to_bytes(&self, protocol: Protocol) -> Bytes {
        let mut out = BytesMut::new();
        self.encode(protocol, &mut out);
        out.freeze()
    }

    /// Appends the reply to `out` in the given protocol version.
    pub fn encode(&self, protocol: Protocol, out: &mut BytesMut) {
        let resp3 = protocol == Protocol::Resp3;
        match self {
            Self::Ok => out.put_slice(b"+OK\r\n"),
            Self::Simple(text) => {
                out.put_u8(b'+');
                put_line(text.as_bytes(), out);
            }
            Self::Error(text) => {
                out.put_u8(b'-');
                put_line(text, out);
            }
            Self::Encoded(bytes) => out.put_slice(bytes),
            Self::Int(number) => put_header(b':', *number, out),
            Self::Bulk(bytes) => put_bulk(bytes, out),
            Self::Null | Self::NullArray if resp3 => out.put_slice(b"_\r\n"),
            Self::Null => out.put_slice(b"$-1\r\n"),
            Self::NullArray => out.put_slice(b"*-1\r\n"),
            Self::Array(items) => put_items(b'*', items, protocol, out),
            Self::Set(items) => put_items(if resp3 { b'~' } else { b'*' }, items, protocol, out),
            Self::Map(pairs) => {
                let (tag, count) =
                    if resp3 { (b'%', pairs.len()) } else { (b'*', pairs.len() * 2) };
                put_header(tag, count, out);
                for (key, value) in pairs {
                    key.encode(protocol, out);
                    value.encode(protocol, out);
                }
            }
            Self::Text(text) if resp3 => {
                put_header(b'=', text.len() + 4, out);
                out.put_slice(b"txt:");
                out.put_slice(text);
                out.put_slice(b"\r\n");
            }
            Self::Text(text) => put_bulk(text, out),
            Self::Bool(value) if resp3 => {
                out.put_slice(if *value { b"#t\r\n" } else { b"#f\r\n" });
            }
            Self::Bool(value) => put_header(b':', u8::from(*value), out),
            Self::Double(number) => {
                let text = number.to_string();
                if resp3 {
                    out.put_u8(b',');
                    put_line(text.to_ascii_lowercase().as_bytes(), out);
                } else {
                    put_bulk(text.to_ascii_lowercase().as_bytes(), out);
                }
            }
        }
    }
}

/// A line that stays one: line breaks at its end go, those within become blanks, as in Redis.
fn put_line(text: &[u8], out: &mut BytesMut) {
    let mut text = text;
    while let [head @ .., b'\r' | b'\n'] = text {
        text = head;
    }
    let start = out.len();
    out.put_slice(text);
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.put_slice(b"\r\n");
}

fn put_items(tag: u8, items: &[Reply], protocol: Protocol, out: &mut BytesMut) {
    put_header(tag, items.len(), out);
    for item in items {
        item.encode(protocol, out);
    }
}

fn put_bulk(bytes: &[u8], out: &mut BytesMut) {
    out.reserve(bytes.len() + 16);
    put_header(b'$', bytes.len(), out);
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

fn put_header(tag: u8, number: impl itoa::Integer, out: &mut BytesMut) {
    let mut digits = itoa::Buffer::new();
    out.put_u8(tag);
    out.put_slice(digits.format(number).as_bytes());
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{Protocol, Reply};
    use bytes::BytesMut;

    #[test]
    fn encodes_each_kind_for_both_versions() {
        let text = |reply: &Reply, protocol| {
            let mut out = BytesMut::new();
            reply.encode(protocol, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        for (reply, resp2, resp3) in [
            (Reply::Ok, "+OK\r\n", "+OK\r\n"),
            (Reply::Simple("PONG"), "+PONG\r\n", "+PONG\r\n"),
            (Reply::error("ERR a\r\nb\r\n"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (Reply::Int(-5), ":-5\r\n", ":-5\r\n"),
            (Reply::bulk("a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"),
            (Reply::Null, "$-1\r\n", "_\r\n"),
            (Reply::NullArray, "*-1\r\n", "_\r\n"),
            (
                Reply::Array(vec![Reply::Int(1), Reply::Null]),
                "*2\r\n:1\r\n$-1\r\n",
                "*2\r\n:1\r\n_\r\n",
            ),
            (
                Reply::Map(vec![(Reply::bulk("k"), Reply::Bool(true))]),
                "*2\r\n$1\r\nk\r\n:1\r\n",
                "%1\r\n$1\r\nk\r\n#t\r\n",
            ),
            (Reply::Set(vec![Reply::Int(1)]), "*1\r\n:1\r\n", "~1\r\n:1\r\n"),
            (Reply::Text("hi".into()), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (Reply::Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (Reply::Double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n"),
        ] {
            assert_eq!(text(&reply, Protocol::Resp2), resp2);
            assert_eq!(text(&reply, Protocol::Resp3), resp3);
        }
    }
}
