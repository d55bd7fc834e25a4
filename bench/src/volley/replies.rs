//! Counts replies in a stream of bytes: a header line says how much follows, and that much is stepped over.

use crate::resp::ProtocolError;

/// Longest header or line of a reply that is kept while the rest of it is on its way, in bytes.
const LINE_LIMIT: usize = 4 << 10;

/// One complete reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// A value of so many bytes, and itself where all of it lay in the bytes at hand.
    Value(usize, Option<&'a [u8]>),
    /// A status or an integer.
    Done,
    /// Nothing there.
    Nil,
    /// An error and its text.
    Error(&'a [u8]),
}

/// Where in a stream of replies the last bytes ended.
#[derive(Debug, Default)]
pub struct Replies {
    /// Bytes of a value and its CR LF that are still to come.
    owed: usize,
    /// Bytes of the value that is owed.
    value_bytes: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
}

impl Replies {
    /// Takes the next bytes and calls `each` for every reply that is complete with them.
    ///
    /// # Errors
    /// Bytes that are no reply to GET or SET.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Seen<'_>),
    ) -> Result<(), ProtocolError> {
        if self.owed > 0 {
            let taken = self.owed.min(bytes.len());
            self.owed -= taken;
            bytes = &bytes[taken..];
            if self.owed > 0 {
                return Ok(());
            }
            each(Seen::Value(self.value_bytes, None));
        }
        if !self.line.is_empty() {
            let Some(rest) = self.end_line(bytes, &mut each)? else { return Ok(()) };
            bytes = rest;
        }
        while let Some(end) = line_end(bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = self.header(line, rest, &mut each)?;
            if self.owed > 0 {
                return Ok(());
            }
        }
        self.keep(bytes)
    }

    /// Completes the line that was begun; `None` if its end has still not come.
    fn end_line<'a>(
        &mut self,
        bytes: &'a [u8],
        each: &mut impl FnMut(Seen<'_>),
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let Some(end) = line_end(bytes) else {
            self.keep(bytes)?;
            return Ok(None);
        };
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(&bytes[..end]);
        let rest = self.header(&line, &bytes[end + 1..], each)?;
        Ok(if self.owed > 0 { None } else { Some(rest) })
    }

    /// Understands a line (without its LF) and steps over the value that follows it; returns what is left.
    fn header<'a>(
        &mut self,
        line: &[u8],
        rest: &'a [u8],
        each: &mut impl FnMut(Seen<'_>),
    ) -> Result<&'a [u8], ProtocolError> {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        match text.split_first() {
            Some((b'$', b"-1")) | Some((b'_', b"")) => each(Seen::Nil),
            Some((b'$', digits)) => {
                let bytes = length(digits)?;
                let whole = bytes + 2;
                if rest.len() < whole {
                    self.owed = whole - rest.len();
                    self.value_bytes = bytes;
                    return Ok(&rest[rest.len()..]);
                }
                if &rest[bytes..whole] != b"\r\n" {
                    return Err(ProtocolError::Unterminated);
                }
                each(Seen::Value(bytes, Some(&rest[..bytes])));
                return Ok(&rest[whole..]);
            }
            Some((b'+' | b':', _)) => each(Seen::Done),
            Some((b'-', text)) => each(Seen::Error(text)),
            Some((&other, _)) => return Err(ProtocolError::Type(char::from(other))),
            None => return Err(ProtocolError::Type('\n')),
        }
        Ok(rest)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        self.line.extend_from_slice(bytes);
        if self.line.len() > LINE_LIMIT {
            return Err(ProtocolError::TooLong(self.line.len()));
        }
        Ok(())
    }
}

/// Headers are a few bytes: a plain search finds their end sooner than anything cleverer.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

fn length(digits: &[u8]) -> Result<usize, ProtocolError> {
    let number = || ProtocolError::Number(String::from_utf8_lossy(digits).into_owned());
    if digits.is_empty() || digits.len() > 9 {
        return Err(number());
    }
    digits.iter().try_fold(0, |sum, &digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + usize::from(digit - b'0')),
        _ => Err(number()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Replies, Seen};
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    const STREAM: &[u8] =
        b"$5\r\nhello\r\n+OK\r\n$-1\r\n$0\r\n\r\n-ERR no\r\n:12\r\n_\r\n$3\r\n\r\n$\r\n";

    fn names(chunks: &[&[u8]]) -> Vec<String> {
        let (mut replies, mut seen) = (Replies::default(), Vec::new());
        for chunk in chunks {
            replies
                .feed(chunk, |reply| {
                    seen.push(match reply {
                        Seen::Value(bytes, _) => format!("value {bytes}"),
                        Seen::Error(text) => format!("error {}", text.escape_ascii()),
                        other => format!("{other:?}"),
                    });
                })
                .unwrap();
        }
        seen
    }

    #[test]
    fn every_kind_of_reply_is_told_apart() {
        let expected =
            ["value 5", "Done", "Nil", "value 0", "error ERR no", "Done", "Nil", "value 3"];
        assert_eq!(names(&[STREAM]), expected);
    }

    #[test]
    fn a_value_at_hand_is_shown() {
        let mut shown = Vec::new();
        let mut replies = Replies::default();
        replies
            .feed(b"$2\r\nab\r\n$2\r\nc", |reply| {
                if let Seen::Value(_, whole) = reply {
                    shown.push(whole.map(<[u8]>::to_vec));
                }
            })
            .unwrap();
        replies.feed(b"d\r\n", |reply| assert_eq!(reply, Seen::Value(2, None))).unwrap();
        assert_eq!(shown, [Some(b"ab".to_vec())]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bad in
            [&b"$1\r\nabc\r\n"[..], b"*1\r\n", b"$x\r\n", b"$\r\n", b"\r\n", b"$99999999999\r\n"]
        {
            assert!(Replies::default().feed(bad, |_| {}).is_err(), "{}", bad.escape_ascii());
        }
        assert!(Replies::default().feed(&[b'+'; 5_000], |_| {}).is_err());
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_does_not_matter(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(STREAM.len())).collect();
            at.extend([0, STREAM.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &STREAM[pair[0]..pair[1]]).collect();
            prop_assert_eq!(names(&chunks), names(&[STREAM]));
        }
    }
}
