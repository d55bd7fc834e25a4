//! Every command of the table with too few and too many words, and every command on keys with a key of every type:
//! the replies are a stock Redis's, byte for byte. The commands are those that COMMAND lists, so that a new one is
//! asked without being named here.

use std::collections::BTreeSet;

use super::draw::Line;
use super::grammar::{self, Word};
use super::pair::Pair;
use super::reply::{Reply, name_of};
use crate::support::{Client, Proxy, StockRedis, Value};

/// Types of keys, and how one comes to be.
const TYPES: [(&str, &str); 7] = [
    ("string", "SET <key> 20000"),
    ("hash", "HSET <key> m 1"),
    ("list", "RPUSH <key> m"),
    ("set", "SADD <key> m"),
    ("zset", "ZADD <key> 1 m"),
    ("stream", "XADD <key> 1-1 m m"),
    ("missing", "EXISTS <key>"),
];

/// Lines on their way at once.
const PIPELINED: usize = 120;

/// Differences shown.
const SHOWN: usize = 40;

/// A command as the proxy describes it.
struct Served {
    /// Its name, and that of its subcommand.
    name: Vec<Vec<u8>>,
    arity: i64,
    has_keys: bool,
}

impl Served {
    /// All commands, and their subcommands.
    fn list(client: &mut Client) -> Vec<Self> {
        let listed = ask(client, &["COMMAND"]);
        let of = |info: &Reply| Self {
            name: info.parts[0].text.split(|byte| *byte == b'|').map(<[u8]>::to_vec).collect(),
            arity: info.parts[1].number().unwrap(),
            has_keys: !info.parts[8].parts.is_empty(),
        };
        listed
            .parts
            .iter()
            .flat_map(|info| std::iter::once(info).chain(&info.parts[9].parts))
            .map(of)
            .collect()
    }

    fn full_name(&self) -> String {
        String::from_utf8(self.name.join(&b'|')).unwrap()
    }

    /// Its name and other words up to a count.
    fn line_of(&self, count: usize) -> Line {
        let more = count.saturating_sub(self.name.len());
        self.name.iter().cloned().chain(std::iter::repeat_n(b"1".to_vec(), more)).collect()
    }

    /// Lines with a wrong number of words.
    fn wrong_counts(&self) -> Vec<Line> {
        let least = usize::try_from(self.arity.abs()).unwrap();
        let few = self.name.len()..least;
        let many = if self.arity > 0 { vec![least + 1, least + 7] } else { Vec::new() };
        few.chain(many).map(|count| self.line_of(count)).collect()
    }
}

fn ask(client: &mut Client, words: &[&str]) -> Reply {
    client.send_command(words);
    Reply::read(&client.read_reply_bytes().unwrap())
}

/// Asks both the same and notes where they differ.
struct Comparison {
    proxy: Proxy,
    redis: StockRedis,
    cache: Client,
    pairs: [Pair; 2],
    differences: Vec<String>,
    asked: usize,
    /// Commands that had an answer other than an error.
    answered: BTreeSet<String>,
}

const DIALECTS: [&str; 2] = ["2", "3"];

impl Comparison {
    fn start() -> Self {
        let (proxy, redis) = (Proxy::start(), StockRedis::start());
        let cache = proxy.redis("orders");
        let pairs = DIALECTS.map(|dialect| Pair::new(proxy.client(), redis.client(), dialect));
        let (differences, answered) = (Vec::new(), BTreeSet::new());
        Self { proxy, redis, cache, pairs, differences, asked: 0, answered }
    }

    /// Compares groups of lines in both dialects; those of a group belong together. The cache is emptied now and then.
    fn compare(&mut self, groups: &[Vec<Line>]) {
        for (dialect, pair) in DIALECTS.iter().zip(&mut self.pairs) {
            let mut groups = groups.iter().peekable();
            let mut turn = 0_usize;
            while groups.peek().is_some() {
                let mut lines = Vec::new();
                while let Some(group) =
                    groups.next_if(|group| lines.len() + group.len() <= PIPELINED)
                {
                    lines.extend_from_slice(group);
                }
                self.asked += lines.len();
                turn += 1;
                let cache = &mut self.cache;
                let during = || {
                    if turn.is_multiple_of(3) {
                        assert_eq!(cache.cmd("FLUSHALL"), Value::ok());
                    }
                };
                match pair.compare(&lines, during) {
                    Ok(replies) => self.answered.extend(
                        (lines.iter().zip(replies))
                            .filter(|(_, reply)| !reply.is_error())
                            .map(|(line, _)| name_of(line)),
                    ),
                    Err(difference) => {
                        self.differences.push(format!(
                            "RESP{dialect}: {}\n   ours: {}\n  redis: {}",
                            difference.line.join(&b' ').escape_ascii(),
                            difference.ours.escape_ascii(),
                            difference.theirs.escape_ascii()
                        ));
                        *pair = Pair::new(self.proxy.client(), self.redis.client(), dialect);
                    }
                }
            }
        }
    }

    fn finish(self, least: usize) {
        println!("{} lines compared", self.asked);
        let shown = &self.differences[..self.differences.len().min(SHOWN)];
        assert!(shown.is_empty(), "{} differences:\n{}", self.differences.len(), shown.join("\n"));
        assert!(self.asked > least, "only {} lines", self.asked);
    }
}

#[test]
fn wrong_numbers_of_words() {
    let mut comparison = Comparison::start();
    let commands = Served::list(&mut comparison.proxy.client());
    let mut redis = comparison.redis.client();
    for command in &commands {
        // Redis 7.0 lacks two subcommands of CLIENT that 7.2 has.
        if ask(&mut redis, &["COMMAND", "INFO", &command.full_name()]).parts[0].is_nil() {
            assert!(command.full_name().starts_with("client|"), "{}", command.full_name());
            continue;
        }
        let word = |word: &str| vec![word.as_bytes().to_vec()];
        let groups: Vec<Vec<Line>> = command
            .wrong_counts()
            .into_iter()
            .flat_map(|line| [vec![line.clone()], vec![word("MULTI"), line, word("EXEC")]])
            .collect();
        comparison.compare(&groups);
    }
    comparison.finish(1_000);
}

/// Whether a stock Redis and this one say different things by intent, or by the clock.
fn is_exempt(name: &str, line: &Line) -> bool {
    let has = |word: &[u8]| line.iter().any(|own| own == word);
    has(b"BLOCK")
        || (name.starts_with("sort") && (has(b"BY") || has(b"GET")))
        || (name == "xadd" && has(b"*"))
}

/// The lines of a command with keys of every type, each after the keys were made anew.
fn with_every_type(command: &Served, ways: &[Vec<Word>]) -> Vec<Vec<Line>> {
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Line>();
    let mut groups = Vec::new();
    for (way, line) in ways.iter().enumerate() {
        let keys = line.iter().filter(|word| matches!(word, Word::Key)).count();
        for first in TYPES {
            for second in TYPES {
                // Pairs of types are for the shortest line of several keys.
                if first != second && (way > 0 || keys < 2) {
                    continue;
                }
                let made = [(first, "one"), (second, "two")];
                let named = made.map(|((kind, _), which)| format!("{kind}:{which}"));
                let line = grammar::with_keys(&command.name, line, &named);
                if is_exempt(&command.full_name(), &line) {
                    continue;
                }
                let mut group = vec![words(&format!("DEL {} {}", named[0], named[1]))];
                for (((kind, make), _), name) in made.iter().zip(&named) {
                    group.push(words(&make.replace("<key>", name)));
                    if *kind == "stream" {
                        group.push(words(&format!("XGROUP CREATE {name} g 0")));
                    }
                }
                group.push(line);
                group.push(words(&format!("TYPE {}", named[0])));
                group.push(words(&format!("TYPE {}", named[1])));
                groups.push(group);
            }
        }
    }
    groups
}

#[test]
fn keys_of_every_type() {
    let mut comparison = Comparison::start();
    let commands = Served::list(&mut comparison.proxy.client());
    let mut redis = comparison.redis.client();
    for command in commands.iter().filter(|command| command.has_keys) {
        let docs = ask(&mut redis, &["COMMAND", "DOCS", &command.full_name()]);
        let docs = docs.parts.get(1).unwrap_or_else(|| panic!("no {}", command.full_name()));
        let ways = grammar::lines(docs);
        assert!(ways[0].iter().any(|word| matches!(word, Word::Key)) || command.arity < 0);
        comparison.compare(&with_every_type(command, &ways));
    }
    // OBJECT FREQ needs another policy, the others a payload and a script.
    let refused = ["OBJECT FREQ", "RESTORE", "EVALSHA", "EVALSHA_RO"];
    let never: Vec<_> = (commands.iter().filter(|command| command.has_keys))
        .map(|command| command.full_name().replace('|', " ").to_ascii_uppercase())
        .filter(|name| !comparison.answered.contains(name) && !refused.contains(&name.as_str()))
        .collect();
    println!("never but an error: {never:?}");
    comparison.finish(20_000);
    assert!(never.is_empty(), "never but an error: {never:?}");
}
