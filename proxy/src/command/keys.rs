//! Which words of a command line are keys, and what the command does with them.
//!
//! Most commands' key specs say it all. Of the others the grammar is read far enough to find the
//! keys that Redis would use. Where the words are wrong no key is found: then Redis, or the check
//! of the words here, says what is wrong with them.

use super::Command;
use super::table::{CommandSpec, FindKeys, KeySpec, SearchFrom, Verb};
use crate::resp::parse_i64;
use bytes::Bytes;

const READ: &str = "RO access";
const CHANGED: &str = "RW access update";
const OVERWRITTEN: &str = "OW update";

/// A word that is a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyWord {
    /// Its position, the command's name being 0.
    pub(super) at: usize,
    /// How the command uses it, in the words of Redis's key specs.
    pub(super) flags: &'static str,
}

/// The keys that `args` (name first) name, each once, in order of first mention.
pub(super) fn of(spec: &CommandSpec, args: &[Bytes]) -> Vec<Bytes> {
    let found = match spec.verb {
        // What is told of these is sometimes wrong: of several STOREs one is known, a word STREAMS
        // or STORE may be taken for the option.
        Verb::Sort => source_and_stored(args, 2),
        Verb::GeoRadius => source_and_stored(args, 6),
        Verb::GeoRadiusByMember => source_and_stored(args, 5),
        // Without sources its key specs do not fit, but it makes its destination.
        Verb::PfMerge => (1..args.len()).map(|at| KeyWord { at, flags: CHANGED }).collect(),
        Verb::XRead | Verb::XReadGroup => streams(args).unwrap_or_default(),
        _ => told(spec, args),
    };
    if let [word] = found[..] {
        return args.get(word.at).cloned().into_iter().collect();
    }
    let mut keys: Vec<Bytes> = Vec::with_capacity(found.len());
    let mut seen = std::collections::HashSet::with_capacity(found.len());
    for word in found {
        if let Some(key) = args.get(word.at)
            && seen.insert(key)
        {
            keys.push(key.clone());
        }
    }
    keys
}

/// The keys that COMMAND GETKEYS tells of, in every mention.
pub(super) fn told(spec: &CommandSpec, args: &[Bytes]) -> Vec<KeyWord> {
    let one = |flags| KeyWord { at: 1, flags };
    match spec.verb {
        Verb::Sort => std::iter::once(one(READ)).chain(sort_destination(args)).collect(),
        Verb::SortRo => vec![one(READ)],
        Verb::BitField => vec![one(if bit_field_reads(args) { READ } else { CHANGED })],
        Verb::Set => {
            let old_too = args.iter().skip(3).any(|word| is(word, "get"));
            vec![one(if old_too { CHANGED } else { OVERWRITTEN })]
        }
        Verb::XRead | Verb::XReadGroup => {
            by_specs(spec, args).or_else(|| streams(args)).unwrap_or_default()
        }
        _ => by_specs(spec, args).unwrap_or_default(),
    }
}

/// Whether a BITFIELD changes nothing.
pub(super) fn bit_field_reads(args: &[Bytes]) -> bool {
    let mut rest = args.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            [] => return true,
            [word, _, _, rest @ ..] if is(word, "get") => rest,
            [word, _, rest @ ..] if is(word, "overflow") => rest,
            _ => return false,
        };
    }
}

/// The keys that a command's key specs tell; none if the words do not fit them.
fn by_specs(spec: &CommandSpec, args: &[Bytes]) -> Option<Vec<KeyWord>> {
    let mut found = Vec::new();
    for spec in spec.key_specs {
        if let Some(first) = begin(spec, args)? {
            let positions = positions(spec, args, first)?;
            found.extend(positions.map(|at| KeyWord { at, flags: spec.flags }));
        }
    }
    Some(found)
}

/// Where the keys of a spec begin, if there are any. A keyword in the last word is none: nothing
/// follows it.
fn begin(spec: &KeySpec, args: &[Bytes]) -> Option<Option<usize>> {
    match spec.begin {
        SearchFrom::Index(index) => usize::try_from(index).ok().map(Some),
        SearchFrom::Keyword { word, from } => {
            let from = usize::try_from(from).ok()?;
            let before_last = args.len().saturating_sub(1);
            let mut words = args.get(..before_last)?.iter().enumerate().skip(from);
            Some(words.find(|(_, arg)| is(arg, word)).map(|(at, _)| at + 1))
        }
        SearchFrom::Unknown => None,
    }
}

/// The positions of the keys of a spec that begin at `first`; none if they are not all there.
fn positions(
    spec: &KeySpec,
    args: &[Bytes],
    first: usize,
) -> Option<impl Iterator<Item = usize> + use<>> {
    let (first, end, step) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            let end = match (usize::try_from(last), usize::try_from(limit)) {
                (Ok(last), _) => first + last + 1,
                (Err(_), Ok(limit @ 1..)) => first + args.len().checked_sub(first)? / limit,
                (Err(_), _) => {
                    let behind = usize::try_from(last.unsigned_abs()).ok()?;
                    args.len().checked_sub(behind)? + 1
                }
            };
            (first, end, usize::try_from(step).ok()?)
        }
        FindKeys::Counted => {
            let count = usize::try_from(parse_i64(args.get(first)?)?).ok()?;
            (first + 1, (first + 1).checked_add(count)?, 1)
        }
        FindKeys::Unknown => return None,
    };
    (first < end && end <= args.len()).then(|| (first..end).step_by(step))
}

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// The key behind the last STORE of a SORT, as Redis tells it: not even that word is skipped.
fn sort_destination(args: &[Bytes]) -> Option<KeyWord> {
    let (mut at, mut destination) = (2, None);
    while let Some(word) = args.get(at) {
        at += match word {
            _ if is(word, "limit") => 3,
            _ if is(word, "get") || is(word, "by") => 2,
            _ => 1,
        };
        if is(word, "store") && at < args.len() {
            destination = Some(KeyWord { at, flags: OVERWRITTEN });
        }
    }
    destination
}

/// The first key, and what is behind every STORE and STOREDIST from position `from` on. The last
/// counts; one key too many does no harm.
fn source_and_stored(args: &[Bytes], from: usize) -> Vec<KeyWord> {
    let options = args.iter().enumerate().skip(from);
    let stored = options
        .filter(|(at, word)| (is(word, "store") || is(word, "storedist")) && at + 1 < args.len())
        .map(|(at, _)| KeyWord { at: at + 1, flags: OVERWRITTEN });
    std::iter::once(KeyWord { at: 1, flags: READ }).chain(stored).collect()
}

/// The streams that XREAD and XREADGROUP read: the first half of what follows STREAMS.
fn streams(args: &[Bytes]) -> Option<Vec<KeyWord>> {
    let mut at = 1;
    loop {
        at += match args.get(at)? {
            word if is(word, "block") || is(word, "count") => 2,
            word if is(word, "group") => 3,
            word if is(word, "noack") => 1,
            word if is(word, "streams") => break,
            _ => return None,
        };
    }
    let count = args.len() - at - 1;
    let keys = at + 1..at + 1 + count / 2;
    (count > 0 && count.is_multiple_of(2))
        .then(|| keys.map(|at| KeyWord { at, flags: READ }).collect())
}

impl Command {
    /// The keys it names; some may be named twice.
    pub fn keys(&self) -> Vec<&Bytes> {
        match self {
            Self::Get { key } | Self::Read { key, .. } | Self::Write { key, .. } => vec![key],
            Self::MGet(keys) | Self::Del(keys) | Self::Exists(keys) | Self::Touch(keys) => {
                keys.iter().collect()
            }
            Self::MSet(pairs) | Self::MSetNx(pairs) => pairs.iter().map(|(key, _)| key).collect(),
            Self::Native(native) => native.keys.iter().collect(),
            // The keyspace commands concern every key, and name none.
            Self::Keyspace(_) | Self::Script(_) | Self::Session(_) => Vec::new(),
        }
    }
}
