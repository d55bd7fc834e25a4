//! The commands over the whole keyspace: SCAN, KEYS, DBSIZE, RANDOMKEY, FLUSHDB and FLUSHALL.

use super::table::{CommandSpec, Verb};
use super::{CommandError, ValueKind, glob_matches_exactly};
use crate::resp::parse_i64;
use bytes::Bytes;

/// Keys that a SCAN without COUNT looks at.
const DEFAULT_COUNT: u64 = 10;

/// Longest pattern; twice the longest key. What a pattern costs grows with its length.
const MAX_PATTERN_BYTES: usize = 4096;

/// A command that names no key and may meet any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyspaceCommand {
    /// SCAN.
    Scan(ScanCommand),
    /// KEYS.
    Keys(KeyPattern),
    /// DBSIZE.
    DbSize,
    /// RANDOMKEY.
    RandomKey,
    /// FLUSHDB and FLUSHALL, which are the same here: there is one database.
    Flush {
        /// Which of them.
        name: &'static str,
    },
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCommand {
    /// Where to go on; 0 at the beginning.
    pub cursor: u64,
    /// Which keys to return.
    pub pattern: KeyPattern,
    /// Keys to look at, about.
    pub count: u64,
    /// Types to return.
    pub kinds: Kinds,
}

/// Which types of value a SCAN returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// All.
    Any,
    /// One.
    Only(ValueKind),
    /// A type that does not exist, hence none.
    Nothing,
}

impl Kinds {
    /// Whether keys of this type are returned.
    pub fn include(self, kind: ValueKind) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == kind,
            Self::Nothing => false,
        }
    }
}

/// A glob pattern over keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(Bytes);

impl KeyPattern {
    fn new(pattern: &Bytes) -> Result<Self, CommandError> {
        match pattern.len() {
            0..=MAX_PATTERN_BYTES => Ok(Self(pattern.clone())),
            len => Err(CommandError::pattern_size(len, MAX_PATTERN_BYTES)),
        }
    }

    /// How long it is, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "an empty pattern is as good as any")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `key` matches.
    pub fn matches(&self, key: &[u8]) -> bool {
        self.0 == "*" || glob_matches_exactly(&self.0, key)
    }

    /// The one key that can match, if the pattern has no wildcard.
    pub fn literal(&self) -> Option<&Bytes> {
        let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
        (!self.0.iter().any(special)).then_some(&self.0)
    }
}

/// Reads the words of one of these commands; `None` if `spec` is another.
///
/// # Errors
/// Redis's, for arguments that are wrong.
pub(super) fn parse(
    spec: &'static CommandSpec,
    args: &[Bytes],
) -> Result<Option<KeyspaceCommand>, CommandError> {
    Ok(Some(match spec.verb {
        Verb::Scan => KeyspaceCommand::Scan(scan(args)?),
        Verb::Keys => KeyspaceCommand::Keys(KeyPattern::new(&args[1])?),
        Verb::DbSize => KeyspaceCommand::DbSize,
        Verb::RandomKey => KeyspaceCommand::RandomKey,
        Verb::FlushDb | Verb::FlushAll => flush(spec, args)?,
        _ => return Ok(None),
    }))
}

/// ASYNC and SYNC are the same here: the reply comes when storage has deleted everything.
fn flush(spec: &'static CommandSpec, args: &[Bytes]) -> Result<KeyspaceCommand, CommandError> {
    match args {
        [_] => {}
        [_, mode] if mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync") => {}
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(KeyspaceCommand::Flush { name: spec.name })
}

fn scan(args: &[Bytes]) -> Result<ScanCommand, CommandError> {
    let cursor = cursor(&args[1]).ok_or(CommandError::new("ERR invalid cursor"))?;
    let mut command = ScanCommand {
        cursor,
        pattern: KeyPattern(Bytes::from_static(b"*")),
        count: DEFAULT_COUNT,
        kinds: Kinds::Any,
    };
    // An option without its value is a syntax error, once the options before it are found right.
    for option in args[2..].chunks(2) {
        let [name, value] = option else { return Err(CommandError::SYNTAX) };
        if name.eq_ignore_ascii_case(b"count") {
            let count = parse_i64(value).ok_or(CommandError::NOT_AN_INTEGER)?;
            command.count =
                u64::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::SYNTAX)?;
        } else if name.eq_ignore_ascii_case(b"match") {
            command.pattern = KeyPattern::new(value)?;
        } else if name.eq_ignore_ascii_case(b"type") {
            let kind = ValueKind::named(&value.to_ascii_lowercase());
            command.kinds = kind.map_or(Kinds::Nothing, Kinds::Only);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(command)
}

/// What C's `strtoul` makes of a word, as Redis reads cursors: a sign is taken, a negative number wraps around, the
/// empty word is 0 and everything ends at a NUL. A blank in front is refused.
fn cursor(word: &[u8]) -> Option<u64> {
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    let (negative, digits) = match word {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::super::stock_redis::StockRedis;
    use super::super::{Command, ItemLimits, parse};
    use super::{Bytes, KeyPattern, KeyspaceCommand, Kinds, ScanCommand, ValueKind, cursor};
    use crate::resp::{Protocol, Reply};
    use proptest::prelude::{Strategy as _, any, prop_assert_eq, proptest};
    use proptest::strategy::ValueTree as _;
    use redis_protocol::resp2::decode::decode;
    use redis_protocol::resp2::types::{OwnedFrame, Resp2Frame as _};
    use std::collections::BTreeSet;

    fn read(words: &[&[u8]]) -> Result<KeyspaceCommand, Reply> {
        let args: Vec<Bytes> = words.iter().map(|word| Bytes::copy_from_slice(word)).collect();
        match parse(&args, &ItemLimits::default()) {
            Ok(Command::Keyspace(command)) => Ok(command),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.into()),
        }
    }

    #[test]
    fn options_of_scan() {
        let expected = ScanCommand {
            cursor: 7,
            pattern: KeyPattern(Bytes::from_static(b"a*")),
            count: 100,
            kinds: Kinds::Only(ValueKind::SortedSet),
        };
        let words: [&[u8]; 8] =
            [b"scan", b"7", b"TYPE", b"ZSet", b"count", b"100", b"Match", b"a*"];
        assert_eq!(read(&words), Ok(KeyspaceCommand::Scan(expected)));
        let Ok(KeyspaceCommand::Scan(last)) =
            read(&[b"scan", b"0", b"count", b"1", b"count", b"2", b"type", b"graph"])
        else {
            panic!("the last of several counts stays");
        };
        assert_eq!((last.count, last.kinds), (2, Kinds::Nothing));
        assert!(!last.kinds.include(ValueKind::String) && Kinds::Any.include(ValueKind::String));
    }

    /// What is refused, and with which words, is up to Redis.
    #[test]
    fn refusals_are_those_of_redis() {
        let mut redis = StockRedis::start();
        let lines: &[&[&[u8]]] = &[
            &[b"scan", b"x"],
            &[b"scan", b""],
            &[b"scan", b" 1"],
            &[b"scan", b"1 "],
            &[b"scan", b"-1"],
            &[b"scan", b"+1"],
            &[b"scan", b"+"],
            &[b"scan", b"- 1"],
            &[b"scan", b"1\0x"],
            &[b"scan", b"0x1"],
            &[b"scan", b"18446744073709551615"],
            &[b"scan", b"18446744073709551616"],
            &[b"scan", b"-18446744073709551616"],
            &[b"scan", b"00000000000000000000000000001"],
            &[b"scan", b"x", b"count", b"x"],
            &[b"scan", b"0", b"count"],
            &[b"scan", b"0", b"count", b"0"],
            &[b"scan", b"0", b"count", b"-1"],
            &[b"scan", b"0", b"count", b"x"],
            &[b"scan", b"0", b"count", b"9223372036854775808"],
            &[b"scan", b"0", b"count", b"x", b"match"],
            &[b"scan", b"0", b"count", b"0", b"match"],
            &[b"scan", b"0", b"match"],
            &[b"scan", b"0", b"limit", b"1"],
            &[b"scan", b"0", b"match", b"*", b"x"],
            &[b"scan", b"0", b"type"],
            &[b"scan"],
            &[b"keys"],
            &[b"keys", b"a", b"b"],
            &[b"dbsize", b"x"],
            &[b"randomkey", b"x"],
            &[b"flushall", b"x"],
            &[b"flushall", b"async", b"sync"],
            &[b"flushall", b"ASYNC"],
            &[b"flushdb", b"Sync"],
            &[b"flushdb", b""],
        ];
        for words in lines {
            let args: Vec<Bytes> = words.iter().map(|word| Bytes::copy_from_slice(word)).collect();
            let theirs = redis.call(&args);
            match read(words) {
                Ok(_) => assert_ne!(theirs[0], b'-', "{words:?}"),
                Err(ours) => {
                    let ours = ours.to_bytes(Protocol::Resp2);
                    assert_eq!(&ours[..], &theirs[..], "{words:?}");
                }
            }
        }
    }

    /// Random patterns, over keys of the same letters.
    #[test]
    fn patterns_match_as_in_redis() {
        let mut redis = StockRedis::start();
        let letters = b"aAbB*?[]^-\\";
        let mut random = proptest::test_runner::TestRunner::default();
        let word = proptest::collection::vec(proptest::sample::select(&letters[..]), 0..7);
        let mut word = || word.new_tree(&mut random).unwrap().current();
        // Storage takes no empty keys, so what Redis makes of them does not matter.
        let keys: BTreeSet<Vec<u8>> =
            (0..200).map(|_| word()).filter(|key| !key.is_empty()).collect();
        for key in &keys {
            redis.call(&["set".into(), key.clone().into(), "v".into()]);
        }
        for _ in 0..3000 {
            let pattern = KeyPattern(word().into());
            let theirs = redis.call(&["keys".into(), pattern.0.clone()]);
            let ours: BTreeSet<_> = keys.iter().filter(|key| pattern.matches(key)).collect();
            let OwnedFrame::Array(theirs) = decode(&theirs).unwrap().unwrap().0 else {
                panic!("KEYS returns an array");
            };
            let theirs: BTreeSet<_> = theirs.iter().map(|key| key.as_bytes().unwrap()).collect();
            let ours: BTreeSet<_> = ours.into_iter().map(|key| &key[..]).collect();
            assert_eq!(ours, theirs, "{}", pattern.0.escape_ascii());
        }
    }

    #[test]
    fn patterns_without_wildcards_are_keys() {
        let pattern = |text: &'static str| KeyPattern(Bytes::from_static(text.as_bytes()));
        assert_eq!(pattern("user:{1}").literal().map(|key| &key[..]), Some(&b"user:{1}"[..]));
        for wild in ["*", "a?", "[a]", "a\\*"] {
            assert_eq!(pattern(wild).literal(), None, "{wild}");
        }
        assert!(pattern("*").matches(b"") && pattern("A*").matches(b"Ab"));
        assert!(!pattern("A*").matches(b"ab"), "keys are matched letter by letter");
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_printed(number in any::<u64>()) {
            prop_assert_eq!(cursor(number.to_string().as_bytes()), Some(number));
        }
    }
}
