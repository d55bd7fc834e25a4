//! A reply taken apart, and when two replies to the same command say the same.

use super::draw::Line;
use super::is_container;

/// How far two clocks and the way between them may be apart.
const CLOCK_SLACK_MS: i64 = 5_000;

/// The type of `$-1`.
const NIL: u8 = b'N';

/// The type of `*-1`.
const NIL_ARRAY: u8 = b'n';

/// A reply or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reply {
    /// Its type byte; [`NIL`] or [`NIL_ARRAY`] for RESP2's nils.
    pub(super) head: u8,
    /// What a simple or bulk reply says; the length of an aggregate.
    pub(super) text: Vec<u8>,
    /// Parts of an aggregate; keys and values of a map in turn.
    pub(super) parts: Vec<Reply>,
}

impl Reply {
    /// Takes a whole reply apart.
    ///
    /// # Panics
    /// If it is none.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (reply, rest) = Self::split(bytes);
        assert!(rest.is_empty(), "more than a reply: {}", bytes.escape_ascii());
        reply
    }

    fn split(bytes: &[u8]) -> (Self, &[u8]) {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let (head, text, mut rest) = (bytes[0], &bytes[1..end], &bytes[end + 2..]);
        let count = || std::str::from_utf8(text).unwrap().parse::<usize>();
        let mut reply = Self { head, text: text.to_vec(), parts: Vec::new() };
        match (head, count()) {
            (b'$' | b'=', Ok(len)) => {
                reply.text = rest[..len].to_vec();
                rest = &rest[len + 2..];
            }
            (b'*' | b'~' | b'>' | b'%', Ok(len)) => {
                for _ in 0..len * (1 + usize::from(head == b'%')) {
                    let (part, after) = Self::split(rest);
                    reply.parts.push(part);
                    rest = after;
                }
            }
            (b'$', Err(_)) => reply.head = NIL,
            (b'*', Err(_)) => reply.head = NIL_ARRAY,
            _ => {}
        }
        (reply, rest)
    }

    /// The number of an integer reply.
    pub(super) fn number(&self) -> Option<i64> {
        (self.head == b':').then(|| std::str::from_utf8(&self.text).ok()?.parse().ok()).flatten()
    }

    /// The same with `0` for every `-0`.
    pub(super) fn without_signed_zero(&self) -> Self {
        let mut reply = self.clone();
        if reply.text == b"-0" {
            reply.text = b"0".to_vec();
        }
        reply.parts = reply.parts.iter().map(Self::without_signed_zero).collect();
        reply
    }

    /// Whether it is an error.
    pub(super) fn is_error(&self) -> bool {
        self.head == b'-'
    }

    /// Whether it says that there is nothing.
    pub(super) fn is_nil(&self) -> bool {
        [NIL, NIL_ARRAY, b'_'].contains(&self.head)
    }

    /// What stands at the ends of its branches, in order.
    pub(super) fn leaves(&self) -> Vec<Vec<u8>> {
        if self.parts.is_empty() && !b"*~>%".contains(&self.head) {
            return vec![self.text.clone()];
        }
        self.parts.iter().flat_map(Self::leaves).collect()
    }

    /// The same with its parts, `width` at a time, in one order for everybody.
    fn sorted(&self, width: usize) -> (u8, Vec<&[Reply]>) {
        let mut groups: Vec<&[Reply]> = self.parts.chunks(width).collect();
        groups.sort();
        (self.head, groups)
    }
}

/// The name of a command in upper case, with that of the subcommand.
pub(super) fn name_of(line: &Line) -> String {
    let upper = |word: &Vec<u8>| String::from_utf8_lossy(word).to_ascii_uppercase();
    let name = line.first().map(upper).unwrap_or_default();
    match line.get(1) {
        Some(second) if is_container(&name) => format!("{name} {}", upper(second)),
        _ => name,
    }
}

/// Whether two replies to a command say the same: equal but for what Redis itself leaves open.
pub(super) fn agree(line: &Line, ours: &Reply, theirs: &Reply) -> bool {
    if ours == theirs {
        return true;
    }
    let name = name_of(line);
    match name.as_str() {
        "TTL" | "PTTL" | "EXPIRETIME" | "PEXPIRETIME" | "OBJECT IDLETIME" => {
            near(ours, theirs, CLOCK_SLACK_MS)
        }
        "MEMORY USAGE" => near(ours, theirs, i64::MAX),
        "OBJECT ENCODING" => same_type_of_encoding(ours, theirs),
        "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "HKEYS" | "HVALS" | "KEYS" => {
            ours.sorted(1) == theirs.sorted(1)
        }
        "HGETALL" => ours.sorted(2) == theirs.sorted(2),
        "XPENDING" => same_shape(ours, theirs, &|at, part, other| {
            at == 2 && near(part, other, CLOCK_SLACK_MS)
        }),
        "XINFO STREAM" | "XINFO GROUPS" | "XINFO CONSUMERS" => same_information(ours, theirs),
        "SORT" | "SORT_RO" if !is_storing(line) => {
            is_about_stale_range(ours) != is_about_stale_range(theirs)
        }
        // How far the note of an estimate in its header is out of date.
        "GET" => hyperloglog(ours).is_some_and(|hll| Some(hll) == hyperloglog(theirs)),
        // A small sorted set does not keep the sign of a zero that a large one keeps.
        _ if name.starts_with('Z') => ours.without_signed_zero() == theirs.without_signed_zero(),
        _ => false,
    }
}

fn is_storing(line: &Line) -> bool {
    line.iter().any(|word| word.eq_ignore_ascii_case(b"store"))
}

/// Redis 7.0 refuses to sort any numbers while the command before in the same pipeline met one that was out of range:
/// it does not clear `errno`.
fn is_about_stale_range(reply: &Reply) -> bool {
    reply.is_error() && reply.text.starts_with(b"ERR One or more scores can't be converted")
}

/// A HyperLogLog without the eight bytes of its last estimate.
fn hyperloglog(reply: &Reply) -> Option<(&[u8], &[u8])> {
    reply.text.starts_with(b"HYLL").then(|| Some((reply.text.get(..8)?, reply.text.get(16..)?)))?
}

fn near(ours: &Reply, theirs: &Reply, slack: i64) -> bool {
    matches!((ours.number(), theirs.number()), (Some(a), Some(b)) if a >= 0 && b >= 0 && (a - b).abs() <= slack)
}

/// A value that came out of storage has the encoding that Redis gives to a new value of its size; one that grew and
/// shrank in Redis keeps the larger one.
fn same_type_of_encoding(ours: &Reply, theirs: &Reply) -> bool {
    const TYPES: &[&[&[u8]]] = &[
        &[b"listpack", b"hashtable"],
        &[b"intset", b"hashtable"],
        &[b"listpack", b"skiplist"],
        &[b"int", b"embstr", b"raw"],
    ];
    let known = |reply: &Reply, names: &[&[u8]]| names.contains(&reply.text.as_slice());
    TYPES.iter().any(|names| known(ours, names) && known(theirs, names))
}

/// Equal, except where `exempt` holds for two parts at the same place of their aggregates.
fn same_shape(
    ours: &Reply,
    theirs: &Reply,
    exempt: &dyn Fn(usize, &Reply, &Reply) -> bool,
) -> bool {
    ours.head == theirs.head
        && ours.parts.len() == theirs.parts.len()
        && (!ours.parts.is_empty() || ours.text == theirs.text)
        && ours
            .parts
            .iter()
            .zip(&theirs.parts)
            .enumerate()
            .all(|(at, (part, other))| exempt(at, part, other) || same_shape(part, other, exempt))
}

/// XINFO: times are near each other, and how a stream lies in memory is Redis's own affair.
fn same_information(ours: &Reply, theirs: &Reply) -> bool {
    const MEMORY: &[&[u8]] = &[b"radix-tree-keys", b"radix-tree-nodes"];
    const TIMES: &[&[u8]] = &[b"idle", b"inactive", b"seen-time", b"active-time"];
    let labels: Vec<&[u8]> = ours.parts.iter().map(|part| part.text.as_slice()).collect();
    ours.head == theirs.head
        && ours.parts.len() == theirs.parts.len()
        && (!ours.parts.is_empty() || ours.text == theirs.text || is_instant(ours, theirs))
        && ours.parts.iter().zip(&theirs.parts).enumerate().all(|(at, (part, other))| {
            let label = at.checked_sub(1).map(|before| labels[before]).unwrap_or_default();
            (MEMORY.contains(&label) && near(part, other, i64::MAX))
                || (TIMES.contains(&label) && near(part, other, CLOCK_SLACK_MS))
                || same_information(part, other)
        })
}

/// Two readings of a clock in milliseconds.
fn is_instant(ours: &Reply, theirs: &Reply) -> bool {
    ours.number().is_some_and(|at_ms| at_ms > 1_500_000_000_000)
        && near(ours, theirs, CLOCK_SLACK_MS)
}
