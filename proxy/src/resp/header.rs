//! The usual header line, read in one go.

/// Digits of a number that is read here.
const MAX_DIGITS: usize = 6;

/// The number in a header line that begins at `at`, and where the next line begins: if the whole line is there, has the
/// tag, and a number of a few digits without sign or leading zero. `None` says only that a closer look is needed.
#[inline]
pub(super) fn short_header(buffer: &[u8], at: usize, tag: u8) -> Option<(u32, usize)> {
    let (first, digits) = buffer.get(at..)?.split_first()?;
    if *first != tag {
        return None;
    }
    let mut number = 0;
    for (count, &byte) in digits.iter().take(MAX_DIGITS + 1).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u32::from(digit);
            continue;
        }
        let is_plain = count == 1 || (count > 1 && digits.first() != Some(&b'0'));
        let is_line_end = byte == b'\r' && digits.get(count + 1) == Some(&b'\n');
        return (is_plain && is_line_end).then_some((number, at + count + 3));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::short_header;

    #[test]
    fn reads_plain_lines_and_leaves_the_rest_to_others() {
        for (line, number, end) in
            [("$0\r\n", 0, 4), ("$7\r\nx", 7, 4), ("$500\r\n", 500, 6), ("$999999\r\n", 999_999, 9)]
        {
            assert_eq!(short_header(line.as_bytes(), 0, b'$'), Some((number, end)), "{line:?}");
            let later = format!("..{line}");
            assert_eq!(short_header(later.as_bytes(), 2, b'$'), Some((number, end + 2)));
        }
        for line in [
            "",
            "$",
            "$\r\n",
            "$1",
            "$1\r",
            "$1\n",
            "$1\rx",
            "$-1\r\n",
            "$01\r\n",
            "$1000000\r\n",
            "*1\r\n",
            "$1x\r\n",
        ] {
            assert_eq!(short_header(line.as_bytes(), 0, b'$'), None, "{line:?}");
        }
        assert_eq!(short_header(b"$1\r\n", 9, b'$'), None);
    }
}
