//! Reads that go to Redis as the client sent them, and what their replies prove.
//!
//! Such a read runs on the cached copy itself. The copy may be missing, and then Redis answers as for an absent key.
//! So only commands are allowed whose reply for an absent key can be told from most others ([`shows_value`]), and that
//! do nothing but look at one key. Not among them: whatever replies how long a key lives, since a write in progress
//! shortens the life of the cached copy (the proxy computes those itself); SORT_RO, which follows patterns to
//! keys that the command does not name; whatever waits; PFCOUNT, which notes its estimate in the value and so is a write.

use std::sync::LazyLock;

use super::table::{COMMANDS, CommandSpec, lookup};
use crate::resp::parse_i64;

/// Whether each verb may go straight, with one key.
static STRAIGHT: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut straight = Vec::new();
    for spec in COMMANDS {
        straight.resize(straight.len().max(spec.verb as usize + 1), false);
        straight[spec.verb as usize] = looks_at_keys(spec);
    }
    straight
});

/// The command of that name, if a request of `words` words may go to Redis as it is. Its key is the word behind the
/// name.
#[inline]
pub fn straight(name: &[u8], words: usize) -> Option<&'static CommandSpec> {
    let spec = lookup(name)?;
    let is_straight = STRAIGHT.get(spec.verb as usize) == Some(&true);
    (is_straight && spec.accepts_count(words) && names_one_key(spec, words)).then_some(spec)
}

fn names_one_key(spec: &CommandSpec, words: usize) -> bool {
    spec.keys == [1, 1, 1] || (spec.keys == [1, -1, 1] && words == 2)
}

fn looks_at_keys(spec: &CommandSpec) -> bool {
    let is_excluded = matches!(
        spec.name,
        "mget" | "touch" | "ttl" | "pttl" | "expiretime" | "pexpiretime" | "sort_ro"
    );
    let waits_or_follows = ["blocking", "movablekeys", "noscript", "pubsub"];
    spec.keys[0] == 1
        && spec.keys[2] == 1
        && !is_excluded
        && spec.has_flag("readonly")
        && !spec.is_write()
        && !waits_or_follows.iter().any(|flag| spec.has_flag(flag))
}

/// Whether a read of one key, wherever it stands in the request, may run on the cached copy if somebody looks whether
/// there is one.
pub fn may_run_on_copy(spec: &CommandSpec) -> bool {
    spec.has_flag("readonly") && !spec.is_write() && !["sort_ro", "xread"].contains(&spec.name)
}

/// True when no absent key gives such a reply, in RESP2 or RESP3, so that the key was there: it contains something else
/// than nulls, numbers up to zero, empty strings, and errors other than WRONGTYPE. (Within an aggregate the string `0`
/// counts as nothing too: it is the cursor of an empty HSCAN.)
pub fn shows_value(reply: &[u8]) -> bool {
    let mut rest = reply;
    let mut nested = false;
    while let Some((&tag, line)) = rest.split_first() {
        let Some(end) = memchr::memchr(b'\n', line) else { return false };
        let text = line.get(..end).unwrap_or_default().trim_ascii_end();
        rest = line.get(end + 1..).unwrap_or_default();
        match tag {
            b'$' | b'=' => {
                let Some(len) = parse_i64(text).and_then(|len| usize::try_from(len).ok()) else {
                    continue; // null
                };
                let payload = rest.get(..len).unwrap_or_default();
                let is_cursor = nested && payload == b"0";
                if !payload.is_empty() && !is_cursor {
                    return true;
                }
                rest = rest.get(len + 2..).unwrap_or_default();
            }
            b':' if parse_i64(text).is_some_and(|number| number > 0) => return true,
            b'+' if text != b"none" => return true,
            b'-' => return text.starts_with(b"WRONGTYPE"),
            b'#' if text == b"t" => return true,
            b',' if text != b"0" => return true,
            b'*' | b'~' | b'%' => nested = true,
            b':' | b'+' | b'#' | b',' | b'_' => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{shows_value, straight};
    use crate::command::table::COMMANDS;

    #[test]
    fn only_reads_of_one_key_go_straight() {
        for spec in COMMANDS {
            for words in [2, 3, 5] {
                if straight(spec.name.as_bytes(), words).is_some() {
                    assert!(!spec.is_write() && spec.keys[0] == 1, "{spec}");
                }
            }
        }
        for (name, words) in [("HGET", 3), ("hgetall", 2), ("smembers", 2), ("exists", 2)] {
            assert!(straight(name.as_bytes(), words).is_some(), "{name}");
        }
        for (name, words) in [
            ("hset", 4),
            ("hget", 2),
            ("ttl", 2),
            ("exists", 3),
            ("mget", 2),
            ("ping", 1),
            ("x", 1),
        ] {
            assert!(straight(name.as_bytes(), words).is_none(), "{name}");
        }
    }

    #[test]
    fn a_reply_that_an_absent_key_could_give_shows_nothing() {
        for reply in [
            "$-1\r\n",
            "*-1\r\n",
            "_\r\n",
            "$0\r\n\r\n",
            ":0\r\n",
            ":-1\r\n",
            "*0\r\n",
            "%0\r\n",
            "~0\r\n",
            "#f\r\n",
            ",0\r\n",
            "+none\r\n",
            "-ERR no such key\r\n",
            "*2\r\n$-1\r\n_\r\n",
            "*2\r\n$1\r\n0\r\n*0\r\n",
            "*3\r\n:0\r\n:0\r\n*-1\r\n",
            "",
            "$5",
        ] {
            assert!(!shows_value(reply.as_bytes()), "{reply:?}");
        }
        for reply in [
            "$1\r\n0\r\n",
            "$2\r\n\r\n\r\n",
            ":1\r\n",
            "+hash\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "*2\r\n$-1\r\n$1\r\na\r\n",
            "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n",
            "%1\r\n$1\r\na\r\n$1\r\n0\r\n",
            "~1\r\n:5\r\n",
            "=5\r\ntxt:a\r\n",
        ] {
            assert!(shows_value(reply.as_bytes()), "{reply:?}");
        }
    }
}
