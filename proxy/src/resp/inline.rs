//! Inline commands: a line of words, with Redis's quoting, as typed into telnet.

use super::ProtocolError;

/// Splits a line (without its end) into unescaped words. The words' bytes are appended to `words`
/// and the end offset of each to `ends`.
///
/// # Errors
/// [`ProtocolError::UnbalancedQuotes`] when a quote is left open or is followed by anything but a
/// blank.
pub fn split_inline(
    line: &[u8],
    words: &mut Vec<u8>,
    ends: &mut Vec<u32>,
) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        while let Some((first, tail)) = rest.split_first().filter(|(byte, _)| is_space(**byte)) {
            debug_assert!(is_space(*first));
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(());
        }
        rest = word(rest, words)?;
        ends.push(u32::try_from(words.len()).map_err(|_| ProtocolError::InlineTooLong)?);
    }
}

/// Reads one word from the front of `rest`, which is not blank; returns what follows it.
fn word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest),
            [b'"', tail @ ..] => return closed(double_quoted(tail, words)?),
            [b'\'', tail @ ..] => return closed(single_quoted(tail, words)?),
            [byte, tail @ ..] => {
                words.push(*byte);
                tail
            }
        };
    }
}

/// A closing quote ends the word: a blank or nothing must follow.
fn closed(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, tail) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex(*high) * 16 + hex(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (unescape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        words.push(byte);
        rest = tail;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, tail) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        words.push(byte);
        rest = tail;
    }
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 32) - b'a' + 10,
    }
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}
