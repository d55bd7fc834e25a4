//! Redis's glob patterns: `*`, `?`, `[a-c]`, `[^a]`, `\` before a byte taken literally.

/// Whether `text` matches `pattern`, letter case ignored as for CONFIG GET and COMMAND LIST.
/// Takes at most the product of both lengths in steps.
pub fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    matches(pattern, text, |byte| byte.to_ascii_lowercase())
}

/// Whether `text` matches `pattern`, letter by letter, as for KEYS and SCAN.
/// Takes at most the product of both lengths in steps.
pub fn glob_matches_exactly(pattern: &[u8], text: &[u8]) -> bool {
    matches(pattern, text, |byte| byte)
}

/// Bytes are equal if `fold` makes the same of them.
fn matches(pattern: &[u8], text: &[u8], fold: fn(u8) -> u8) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a match fails: after the last star, one byte further into the text.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let step = match text.split_first() {
            None if pattern.is_empty() => return true,
            None => return false,
            Some((byte, tail)) => one(pattern, *byte, fold).map(|rest| (rest, tail)),
        };
        (pattern, text) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after_star, from))) => {
                let Some((_, from)) = from.split_first() else { return false };
                retry = Some((after_star, from));
                (after_star, from)
            }
            (None, None) => return false,
        };
    }
}

/// Matches one byte against the front of a pattern; returns the rest of the pattern.
fn one(pattern: &[u8], byte: u8, fold: fn(u8) -> u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => class(rest, byte, fold),
        [b'\\', literal, rest @ ..] => (fold(*literal) == fold(byte)).then_some(rest),
        [literal, rest @ ..] => (fold(*literal) == fold(byte)).then_some(rest),
    }
}

fn class(mut pattern: &[u8], byte: u8, fold: fn(u8) -> u8) -> Option<&[u8]> {
    let byte = fold(byte);
    let negated = pattern.first() == Some(&b'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut found = false;
    loop {
        pattern = match pattern {
            [] => return (found != negated).then_some(pattern),
            [b']', rest @ ..] => return (found != negated).then_some(rest),
            [b'\\', literal, rest @ ..] => {
                found |= fold(*literal) == byte;
                rest
            }
            [low, b'-', high, rest @ ..] => {
                let (low, high) = (fold(*low), fold(*high));
                found |= (low.min(high)..=low.max(high)).contains(&byte);
                rest
            }
            [literal, rest @ ..] => {
                found |= fold(*literal) == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{glob_matches, glob_matches_exactly};

    #[test]
    fn matches_as_redis_does() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("maxmemory*", "MaxMemory-policy", true),
            ("*memory", "maxmemory", true),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("s?ve", "save", true),
            ("s[a-c]ve", "save", true),
            ("s[^a]ve", "save", false),
            ("s[^b]ve", "save", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("", "", true),
            ("", "a", false),
            ("ab", "a", false),
            ("[a", "a", true),
        ] {
            assert_eq!(glob_matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern}");
        }
        assert!(glob_matches_exactly(b"[A-C]\\Dd", b"BDd"));
        assert!(!glob_matches_exactly(b"[a-c]\\Dd", b"BDd") && !glob_matches_exactly(b"a", b"A"));
        assert!(!glob_matches(&b"*a".repeat(1000), &[b'a'; 900]));
    }
}
