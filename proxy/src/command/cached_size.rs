//! How much memory a value takes in a Redis.
//!
//! Types other than strings lie in storage as the payload of DUMP, which Redis keeps as it is only where it packs small
//! values. Measured with `MEMORY USAGE` against `DUMP` in Redis 7.0.15, with elements of 10 to 100 bytes: hash tables
//! take 37 to 59 bytes more per member or field, skip lists 84 to 104 more per member, streams 4 to 18 KB more; packed
//! encodings (list packs, integer sets, quick lists) a tenth to a half more. So the payload's length alone would be too
//! little by a factor of up to 10 for a set of small integers. What is left of the error the calibration of each epoch
//! takes out.

use super::Item;

/// More per element of a hash table.
const TABLE_ELEMENT_BYTES: usize = 50;
/// More per element of a skip list, which has a hash table beside it.
const SKIP_LIST_ELEMENT_BYTES: usize = 95;
/// More for a stream: its tree, and the list pack that is being filled.
const STREAM_BYTES: usize = 4_200;
/// More for a packed value: object and headers.
const PACKED_BYTES: usize = 40;

impl Item {
    /// About how many bytes its value takes in a Redis, beside what any string of that length takes.
    pub fn cached_bytes(&self) -> usize {
        if self.is_string() {
            return self.value.len();
        }
        // The first byte of a payload names its encoding; behind it stands the number of elements, if it is not packed.
        let elements = || rdb_length(self.value.get(1..).unwrap_or_default());
        let more = match self.value.first() {
            Some(2 | 4) => elements().saturating_mul(TABLE_ELEMENT_BYTES),
            Some(3 | 5) => elements().saturating_mul(SKIP_LIST_ELEMENT_BYTES),
            Some(15 | 19 | 21) => STREAM_BYTES,
            _ => PACKED_BYTES,
        };
        self.value.len().saturating_add(more)
    }
}

/// A length as payloads hold it: 6, 14, 32 or 64 bits, big-endian, told by the first byte. 0 if it is none.
fn rdb_length(bytes: &[u8]) -> usize {
    let number = |bytes: Option<&[u8]>| {
        let bytes = bytes.unwrap_or_default();
        bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    match bytes.first() {
        Some(first @ 0..0x40) => usize::from(*first),
        Some(first @ 0x40..0x80) => usize::from(first & 0x3f) << 8 | number(bytes.get(1..2)),
        Some(0x80) => number(bytes.get(1..5)),
        Some(0x81) => number(bytes.get(1..9)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stock_redis::StockRedis;
    use super::super::{Item, ValueKind};
    use crate::resp::{ReplyKind, ReplyScanner, parse_i64};
    use bytes::Bytes;

    fn call(redis: &mut StockRedis, words: &[String]) -> Vec<u8> {
        redis.call(&words.iter().map(|word| Bytes::from(word.clone())).collect::<Vec<_>>())
    }

    /// Adds elements with a command each line of which takes `words` for element `n`.
    fn fill(
        redis: &mut StockRedis,
        head: &str,
        count: usize,
        words: impl Fn(usize) -> Vec<String>,
    ) {
        for from in (0..count).step_by(500) {
            let mut line: Vec<String> = head.split(' ').map(str::to_owned).collect();
            line.extend((from..count.min(from + 500)).flat_map(&words));
            call(redis, &line);
        }
    }

    #[test]
    fn the_estimate_is_within_a_factor_of_two_of_what_redis_says() {
        let mut redis = StockRedis::start();
        let noise =
            |n: usize, len: usize| format!("{:0len$x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = |n| noise(n + 1, 16);
        fill(&mut redis, "HSET h-small", 20, |n| vec![text(n), text(n + 1_000_000)]);
        fill(&mut redis, "HSET h-large", 5_000, |n| vec![text(n), text(n + 1_000_000)]);
        fill(&mut redis, "HSET h-long", 1_000, |n| vec![text(n), noise(n + 1, 100)]);
        fill(&mut redis, "SADD s-small", 100, |n| vec![text(n)]);
        fill(&mut redis, "SADD s-large", 5_000, |n| vec![text(n)]);
        fill(&mut redis, "SADD s-ints", 400, |n| vec![(n * 1_000).to_string()]);
        fill(&mut redis, "SADD s-many-ints", 5_000, |n| vec![(n * 1_000).to_string()]);
        fill(&mut redis, "ZADD z-small", 50, |n| vec![n.to_string(), text(n)]);
        fill(&mut redis, "ZADD z-large", 5_000, |n| vec![n.to_string(), text(n)]);
        fill(&mut redis, "RPUSH l-large", 5_000, |n| vec![text(n)]);
        for (key, kind) in [
            ("h-small", ValueKind::Hash),
            ("h-large", ValueKind::Hash),
            ("h-long", ValueKind::Hash),
            ("s-small", ValueKind::Set),
            ("s-large", ValueKind::Set),
            ("s-ints", ValueKind::Set),
            ("s-many-ints", ValueKind::Set),
            ("z-small", ValueKind::SortedSet),
            ("z-large", ValueKind::SortedSet),
            ("l-large", ValueKind::List),
        ] {
            let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let dumped = call(&mut redis, &words(&format!("DUMP {key}")));
            let scanned = ReplyScanner::new().scan(&dumped).unwrap().unwrap();
            let ReplyKind::Bulk { start, len } = scanned.kind else { panic!("a payload") };
            let value = Bytes::copy_from_slice(&dumped[start..start + len]);
            let item = Item { kind, value, expires_at_ms: None };
            let used = call(&mut redis, &words(&format!("MEMORY USAGE {key} SAMPLES 0")));
            let used = parse_i64(used[1..].trim_ascii()).unwrap() as f64;
            let ratio = item.cached_bytes() as f64 / used;
            assert!((0.5..2.0).contains(&ratio), "{key}: {} of {used}", item.cached_bytes());
        }
    }
}
