//! Transparent: random commands through the proxy get the bytes that a stock Redis replies, in both dialects,
//! pipelined, and however often the tenant's cache is emptied in between; one test per family of commands.
//!
//! `HOPPERKV_SEED` repeats a run.

mod argument;
mod draw;
mod families;
mod grammar;
mod misuse;
mod pair;
mod random_results;
mod reply;

use std::collections::BTreeMap;

use self::draw::{Draw, Line, Templates};
use self::pair::{Difference, Pair};
use self::reply::{Reply, name_of};
use crate::support::{Client, Proxy, ProxyBuilder, StockRedis, Value, effort, usual_seed};

/// Commands that are named with a subcommand.
fn is_container(name: &str) -> bool {
    ["OBJECT", "XGROUP", "XINFO", "MEMORY"].contains(&name)
}

/// Lines shown of what came before a difference.
const SHOWN_LINES: usize = 25;

/// Who is held against the stock Redis.
enum Subject {
    Proxy(Proxy),
    /// Another stock Redis, to test the comparison.
    Redis(StockRedis),
}

impl Subject {
    fn client(&self) -> Client {
        match self {
            Self::Proxy(proxy) => proxy.client(),
            Self::Redis(redis) => redis.client(),
        }
    }
}

/// The two that are compared, and what they were asked.
struct Comparison {
    subject: Subject,
    cache: Option<Client>,
    pairs: Vec<Pair>,
    draw: Draw,
    seed: u64,
    history: Vec<(usize, Line)>,
    /// Replies by command: errors, and others.
    answered: BTreeMap<String, (usize, usize)>,
    _redis: StockRedis,
}

impl Comparison {
    fn of_proxy(builder: ProxyBuilder) -> Self {
        let proxy = builder.start();
        let cache = proxy.redis("orders");
        Self::of(Subject::Proxy(proxy), Some(cache))
    }

    fn of(subject: Subject, cache: Option<Client>) -> Self {
        let (seed, redis) = (usual_seed(), StockRedis::start());
        let payloads = payloads(&mut redis.client());
        let pair = |dialect| Pair::new(subject.client(), redis.client(), dialect);
        Self {
            pairs: ["2", "3", "2", "3"].map(pair).into(),
            draw: Draw::new(seed, payloads),
            seed,
            history: Vec::new(),
            answered: BTreeMap::new(),
            subject,
            cache,
            _redis: redis,
        }
    }

    /// Sends about `count` random commands of a family, and some of others.
    fn run(mut self, family: &'static str, count: usize, batch_limit: usize) {
        let (family, others) = (Templates::read(family), Templates::read(families::OTHERS));
        while self.history.len() < count {
            let batch = if self.draw.one_in(3) { 1 } else { 1 + self.draw.below(batch_limit) };
            let lines: Vec<Line> = (0..batch)
                .map(|_| {
                    let templates = if self.draw.one_in(9) { &others } else { &family };
                    self.draw.line(templates)
                })
                .collect();
            let pair = self.draw.below(self.pairs.len());
            self.step(pair, &lines);
        }
        self.finish(&family.names(), count);
    }

    /// Compares a batch; commands with random results go alone.
    fn step(&mut self, pair: usize, lines: &[Line]) {
        let mut batch: Vec<Line> = Vec::new();
        for line in lines {
            if !self.pairs[pair].is_in_transaction() && is_random(line) {
                self.send(pair, &std::mem::take(&mut batch));
                self.flush_cache(8);
                self.history.push((pair, line.clone()));
                if let Some(outcome) = random_results::compare(&mut self.pairs[pair], line) {
                    let reply = outcome.unwrap_or_else(|difference| self.report(&difference));
                    self.count(line, &reply);
                    continue;
                }
                self.history.pop();
            }
            batch.push(line.clone());
        }
        self.send(pair, &batch);
    }

    fn send(&mut self, pair: usize, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        self.flush_cache(10);
        let flush = self.draw.one_in(10);
        self.history.extend(lines.iter().map(|line| (pair, line.clone())));
        let cache = &mut self.cache;
        let during = || {
            if let (true, Some(cache)) = (flush, cache) {
                assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
            }
        };
        match self.pairs[pair].compare(lines, during) {
            Ok(replies) => {
                lines.iter().zip(&replies).for_each(|(line, reply)| self.count(line, reply))
            }
            Err(difference) => drop(self.report(&difference)),
        }
    }

    fn flush_cache(&mut self, once_in: usize) {
        let flush = self.draw.one_in(once_in);
        if let (true, Some(cache)) = (flush, &mut self.cache) {
            assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
        }
    }

    fn count(&mut self, line: &Line, reply: &Reply) {
        let (errors, others) = self.answered.entry(name_of(line)).or_default();
        *if reply.is_error() { errors } else { others } += 1;
    }

    /// Fails with the commands that lead to a difference, as far as they name one of its keys.
    fn report(&self, difference: &Difference) -> Reply {
        let Difference { line, ours, theirs } = difference;
        let named: Vec<&Vec<u8>> = line.iter().skip(1).filter(|word| !word.is_empty()).collect();
        let mut before: Vec<String> = (self.history.iter().rev())
            .filter(|(_, earlier)| earlier.iter().skip(1).any(|word| named.contains(&word)))
            .take(SHOWN_LINES)
            .map(|(pair, earlier)| format!("  [{pair}] {}", shown(earlier)))
            .collect();
        before.reverse();
        panic!(
            "seed {}, within the last of {} commands:\n{}\n{}\n ours: {}\nredis: {}",
            self.seed,
            self.history.len(),
            before.join("\n"),
            shown(line),
            ours.escape_ascii(),
            theirs.escape_ascii()
        );
    }

    /// The replies would be right without a cache, too; and a command that always fails tests little.
    fn finish(mut self, names: &[String], count: usize) {
        if let Subject::Proxy(proxy) = &mut self.subject {
            let refused = proxy.log().iter().find(|line| line.contains("script refused"));
            assert_eq!(refused, None, "seed {}", self.seed);
        }
        if count < 2_000 {
            return;
        }
        let never: Vec<&String> = names
            .iter()
            .filter(|name| self.answered.get(*name).is_none_or(|(_, others)| *others == 0))
            .collect();
        let errors: usize = self.answered.values().map(|(errors, _)| errors).sum();
        assert!(
            errors * 5 < 3 * self.history.len(),
            "seed {}: errors, others: {:?}",
            self.seed,
            self.answered
        );
        // What Redis refuses always, or the family's own rules forbid.
        let expected = ["OBJECT FREQ", "NOSUCHCOMMAND"];
        let never: Vec<_> =
            never.iter().filter(|name| !expected.contains(&name.as_str())).collect();
        assert!(never.is_empty(), "seed {}: never but an error: {never:?}", self.seed);
    }
}

fn is_random(line: &Line) -> bool {
    const NAMES: &[&str] = &[
        "SPOP",
        "SRANDMEMBER",
        "HRANDFIELD",
        "ZRANDMEMBER",
        "RANDOMKEY",
        "SCAN",
        "SSCAN",
        "HSCAN",
        "ZSCAN",
        "DUMP",
        "SORT",
    ];
    let name = name_of(line);
    NAMES.contains(&name.as_str())
        || (name == "XADD" && line.iter().skip(2).any(|word| word == b"*"))
}

fn shown(line: &Line) -> String {
    let words = line.iter().map(|word| match word.as_slice() {
        b"" => String::from("\"\""),
        _ => word[..word.len().min(80)].escape_ascii().to_string().replace(' ', "\\x20"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What DUMP makes of a value of each type and encoding.
fn payloads(redis: &mut Client) -> Vec<Vec<u8>> {
    let long = "x".repeat(100);
    let lines = [
        String::from("SET p text"),
        String::from("SET p 12345"),
        String::from("RPUSH p a 1 b"),
        String::from("SADD p 1 2 3"),
        String::from("SADD p a b c"),
        String::from("HSET p a 1 b 2"),
        format!("HSET p a 1 b {long}"),
        String::from("ZADD p 1 a 2.5 b"),
        format!("ZADD p 1 a 2 {long}"),
        String::from("XADD p 7-7 f v"),
        String::from("PFADD p a b c"),
    ];
    let payloads = lines.iter().map(|line| {
        redis.cmd("DEL p");
        assert!(!redis.cmd(line).is_error(), "{line}");
        match redis.cmd("DUMP p") {
            Value::Bulk(payload) => payload,
            other => panic!("DUMP replied {other:?}"),
        }
    });
    let payloads = payloads.collect();
    redis.cmd("DEL p");
    payloads
}

/// Random commands of one family.
fn differ_nowhere(family: &'static str) {
    Comparison::of_proxy(ProxyBuilder::default()).run(family, effort(100_000, 1_000_000), 60);
}

#[test]
fn strings() {
    differ_nowhere(families::STRINGS);
}

#[test]
fn strings_without_negative_entries() {
    let cache = "kind = \"managed\"\nnegative_ttl = \"0s\"";
    let comparison = Comparison::of_proxy(ProxyBuilder::default().cache(cache));
    comparison.run(families::STRINGS, effort(1_000, 100_000), 60);
}

#[test]
fn keys() {
    differ_nowhere(families::GENERIC);
}

#[test]
fn bitmaps() {
    differ_nowhere(families::BITMAPS);
}

#[test]
fn hashes() {
    differ_nowhere(families::HASHES);
}

#[test]
fn lists() {
    differ_nowhere(families::LISTS);
}

#[test]
fn sets() {
    differ_nowhere(families::SETS);
}

#[test]
fn sorted_sets() {
    differ_nowhere(families::SORTED_SETS);
}

#[test]
fn streams() {
    differ_nowhere(families::STREAMS);
}

#[test]
fn hyperloglogs() {
    differ_nowhere(families::HYPERLOGLOGS);
}

#[test]
fn geo() {
    differ_nowhere(families::GEO);
}

#[test]
fn transactions() {
    let comparison = Comparison::of_proxy(ProxyBuilder::default());
    comparison.run(families::TRANSACTIONS, effort(100_000, 1_000_000), 12);
}

#[test]
fn a_stock_redis_does_not_differ_from_another() {
    for family in families::ALL {
        let comparison = Comparison::of(Subject::Redis(StockRedis::start()), None);
        comparison.run(family, effort(5_000, 100_000), 20);
    }
}
