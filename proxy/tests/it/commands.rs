//! Transparent: random commands through the proxy get the bytes that a stock Redis replies, in both dialects,
//! pipelined, and however often the tenant's cache is emptied in between.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Client, Proxy, ProxyBuilder, StockRedis, Value, effort, encode, seed};

/// How far two clocks and the way between them may be apart.
const CLOCK_SLACK_MS: i64 = 3_000;

/// What is drawn from; some more often.
const NAMES: &str = "GET GET get SET SET SET SETEX PSETEX SETNX GETSET GETDEL GETEX MGET MGET MSET MSETNX DEL UNLINK \
    EXISTS TOUCH TYPE TTL PTTL EXPIRETIME PEXPIRETIME EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST STRLEN APPEND \
    GETRANGE SUBSTR SETRANGE INCR DECR INCRBY DECRBY INCRBYFLOAT";

type Line = Vec<Vec<u8>>;

/// Draws command lines over few keys, so that commands meet each other's results.
struct Script {
    random: StdRng,
}

impl Script {
    fn below(&mut self, n: usize) -> usize {
        self.random.random_range(0..n)
    }

    fn one_of(&mut self, words: &[&str]) -> Vec<u8> {
        words.choose(&mut self.random).unwrap().as_bytes().to_vec()
    }

    fn key(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => b"\0\r\n\xff binary".to_vec(),
            1 => b"\0hkm1".to_vec(),
            2 => b"\0hk".to_vec(),
            n => (n - 2).to_string().into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.below(8) {
            0..3 => self.number(),
            3 => self.one_of(&["1.5", "-0.25", "3e5", "1e17", "0.1", "nan", " 1", ".5"]),
            4 => self.one_of(&["", "plain", "\r\n", "$-1\r\n", "9223372036854775807"]),
            5 => vec![b'z'; self.below(9_000)],
            _ => (0..self.below(60)).map(|_| self.random.random()).collect(),
        }
    }

    fn number(&mut self) -> Vec<u8> {
        if self.below(12) == 0 {
            return self.one_of(&[
                "-9223372036854775808",
                "9223372036854775807",
                "x",
                "",
                "01",
                "1.0",
                "-0",
            ]);
        }
        self.random.random_range(-100..100_i64).to_string().into_bytes()
    }

    /// Far enough from each other and from now that no clock decides.
    fn lifetime(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 => self.one_of(&["0", "-1", "x", "9223372036854775807", "-9223372036854775808"]),
            _ => self.random.random_range(10_000_000..4_000_000_000_u64).to_string().into_bytes(),
        }
    }

    fn instant(&mut self) -> Vec<u8> {
        match self.below(5) {
            0 => self.one_of(&["0", "-5", "x", "1", "1500000000", "9223372036854775807"]),
            _ => self
                .random
                .random_range(4_000_000_000_000..9_000_000_000_000_u64)
                .to_string()
                .into_bytes(),
        }
    }

    fn expiry_option(&mut self, line: &mut Line, others: &[&str]) {
        match self.below(4) {
            0 => line.extend([self.one_of(&["EX", "px"]), self.lifetime()]),
            1 => line.extend([self.one_of(&["exat", "PXAT"]), self.instant()]),
            _ => line.push(self.one_of(others)),
        }
    }

    fn line(&mut self) -> Line {
        let names: Vec<&str> = NAMES.split_whitespace().collect();
        let name = self.one_of(&names);
        let upper = name.to_ascii_uppercase();
        let mut line = vec![name, self.key()];
        match upper.as_slice() {
            b"SET" => {
                line.push(self.value());
                for _ in 0..self.below(3) {
                    self.expiry_option(&mut line, &["NX", "xx", "GET", "KEEPTTL"]);
                }
            }
            b"GETEX" => {
                (0..self.below(2)).for_each(|_| self.expiry_option(&mut line, &["PERSIST"]))
            }
            b"SETEX" | b"PSETEX" => line.extend([self.lifetime(), self.value()]),
            b"SETNX" | b"GETSET" | b"APPEND" => line.push(self.value()),
            b"MGET" | b"DEL" | b"UNLINK" | b"EXISTS" | b"TOUCH" => {
                (0..self.below(5)).for_each(|_| line.push(self.key()));
            }
            b"MSET" | b"MSETNX" => {
                line.push(self.value());
                (0..self.below(4)).for_each(|_| line.extend([self.key(), self.value()]));
            }
            b"EXPIRE" | b"PEXPIRE" => line.push(self.lifetime()),
            b"EXPIREAT" | b"PEXPIREAT" => line.push(self.instant()),
            b"GETRANGE" | b"SUBSTR" => line.extend([self.number(), self.number()]),
            b"SETRANGE" => line.extend([self.below(12_000).to_string().into_bytes(), self.value()]),
            b"INCRBY" | b"DECRBY" => line.push(self.number()),
            b"INCRBYFLOAT" => line.push(self.value()),
            _ => {}
        }
        if upper.windows(6).any(|part| part == b"EXPIRE") && !upper.ends_with(b"TIME") {
            (0..self.below(3)).for_each(|_| line.push(self.one_of(&["NX", "xx", "GT", "lt"])));
        }
        if self.below(60) == 0 {
            line.pop();
        }
        line
    }
}

/// Equal bytes, or two readings of a clock.
fn agree(line: &Line, ours: &[u8], theirs: &[u8]) -> bool {
    let tells_time =
        [&b"TTL"[..], b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"].contains(&line[0].as_slice());
    let number = |reply: &[u8]| -> Option<i64> {
        std::str::from_utf8(reply.strip_prefix(b":")?).ok()?.trim().parse().ok()
    };
    ours == theirs
        || matches!((tells_time, number(ours), number(theirs)), (true, Some(a), Some(b))
            if a >= 0 && b >= 0 && (a - b).abs() <= CLOCK_SLACK_MS)
}

fn shown(line: &Line) -> String {
    let words = line.iter().map(|word| word[..word.len().min(80)].escape_ascii().to_string());
    words.collect::<Vec<_>>().join(" ")
}

/// One client of the proxy and one of Redis that speak the same dialect.
struct Pair {
    ours: Client,
    theirs: Client,
}

impl Pair {
    fn connect(proxy: &Proxy, redis: &StockRedis, dialect: &str) -> Self {
        let mut pair = Self { ours: proxy.client(), theirs: redis.client() };
        for client in [&mut pair.ours, &mut pair.theirs] {
            assert!(!matches!(client.cmd(&format!("HELLO {dialect}")), Value::Error(_)));
        }
        pair
    }

    fn compare(&mut self, lines: &[Line], during: impl FnOnce(), context: &str) {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(line)).collect();
        self.ours.send(&bytes);
        self.theirs.send(&bytes);
        during();
        for (n, line) in lines.iter().enumerate() {
            let (ours, theirs) =
                (self.ours.read_reply_bytes().unwrap(), self.theirs.read_reply_bytes().unwrap());
            assert!(
                agree(line, &ours, &theirs),
                "{context}, {n} of {}: {}\n ours: {}\nredis: {}",
                lines.len(),
                shown(line),
                ours.escape_ascii(),
                theirs.escape_ascii()
            );
        }
    }
}

fn differ_nowhere(count: usize, builder: ProxyBuilder) {
    let seed = seed();
    let (mut proxy, redis) = (builder.start(), StockRedis::start());
    let mut cache = proxy.redis("orders");
    let mut pairs = ["2", "3"].map(|dialect| Pair::connect(&proxy, &redis, dialect));
    let mut script = Script { random: StdRng::seed_from_u64(seed) };
    let mut done = 0;
    while done < count {
        let batch = if script.below(3) == 0 { 1 + script.below(40) } else { 1 };
        let lines: Vec<Line> = (0..batch).map(|_| script.line()).collect();
        let evict = script.below(10);
        if evict == 0 {
            assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
        }
        let during = || {
            if evict == 1 {
                assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
            }
        };
        let context = format!("seed {seed}, command {done}");
        pairs[script.below(2)].compare(&lines, during, &context);
        done += batch;
    }
    // The replies would be right without a cache, too.
    let refused = proxy.log().iter().find(|line| line.contains("script refused"));
    assert_eq!(refused, None, "seed {seed}");
}

#[test]
fn random_commands_get_the_replies_of_a_stock_redis_whatever_is_evicted() {
    differ_nowhere(effort(5_000, 100_000), ProxyBuilder::default());
}

#[test]
fn the_same_without_negative_entries() {
    let cache = "kind = \"managed\"\nnegative_ttl = \"0s\"";
    differ_nowhere(effort(1_000, 100_000), ProxyBuilder::default().cache(cache));
}
