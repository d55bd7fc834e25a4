//! Random command lines out of templates.
//!
//! A family of commands is a table of templates, one per line: a weight and a command line in which
//! `<name>` stands for a random argument of that kind, `[ ... ]` for something that may be missing, `{ ... }` for
//! something that comes none to three times, `{+ ... }` for one to four times, and `( a | b )` for a choice. Everything
//! else is a word, sent in any case. Few keys, few members: commands are to meet each other's results, and other types.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::argument;

/// A command line.
pub(super) type Line = Vec<Vec<u8>>;

/// What takes the place of an argument now and then. Nothing here makes a command do gigantic work: a Redis that gets
/// `SETBIT k 4294967295 1` or `SRANDMEMBER k -2147483648` obeys. Nor anything empty, as it may take the place of a key.
const ODD: &[&[u8]] = &[
    b"-",
    b"+",
    b"(",
    b"[",
    b"nan",
    b"inf",
    b"-inf",
    b"1e400",
    b"-0",
    b"01",
    b" 1",
    b"1 ",
    b"+1",
    b"0x10",
    b"x",
    b"*",
    b"$",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"18446744073709551616",
    b"4294967296",
    b"\0",
    b"a\r\nb",
    b"foo bar",
    b"=",
    b"~",
    b"#",
    b"0",
    b"-1",
];

/// Bytes of the longest key that DynamoDB takes.
const LONGEST_KEY: usize = 2048;

/// The first of the stream ids that are not left to Redis: later than those that it makes of the clock.
const STREAM_BEGINS_MS: usize = 2_000_000_000_000;

/// The random source of one run.
pub(super) struct Draw {
    random: StdRng,
    payloads: Vec<Vec<u8>>,
    /// The time of the latest stream entry.
    stream_ms: usize,
}

impl Draw {
    /// The draw of a seed; `payloads` are what DUMP makes of some values.
    pub(super) fn new(seed: u64, payloads: Vec<Vec<u8>>) -> Self {
        Self { random: StdRng::seed_from_u64(seed), payloads, stream_ms: STREAM_BEGINS_MS }
    }

    /// A number under `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.random.random_range(0..n)
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number of this range.
    pub(super) fn between(&mut self, range: std::ops::Range<i64>) -> Vec<u8> {
        self.random.random_range(range).to_string().into_bytes()
    }

    /// One of these words.
    pub(super) fn one_of(&mut self, words: &[&str]) -> Vec<u8> {
        words.choose(&mut self.random).unwrap().as_bytes().to_vec()
    }

    /// Bytes of any kind, fewer than `limit`.
    pub(super) fn bytes(&mut self, limit: usize) -> Vec<u8> {
        (0..self.below(limit)).map(|_| self.random.random()).collect()
    }

    /// A stream id, most often a later one than all before.
    pub(super) fn next_id(&mut self) -> Vec<u8> {
        self.stream_ms += self.below(3);
        let at_ms = self.stream_ms;
        format!("{at_ms}-{}", self.below(3)).into_bytes()
    }

    /// The id of one of the latest entries, more or less.
    pub(super) fn recent_id(&mut self) -> Vec<u8> {
        let at_ms = self.stream_ms.saturating_sub(self.below(40));
        format!("{at_ms}-{}", self.below(3)).into_bytes()
    }

    /// Something that fits nowhere.
    pub(super) fn misfit(&mut self) -> Vec<u8> {
        ODD.choose(&mut self.random).unwrap().to_vec()
    }

    /// A payload for RESTORE, now and then a broken one.
    pub(super) fn payload(&mut self) -> Vec<u8> {
        let mut payload = self.payloads.choose(&mut self.random).unwrap().clone();
        if self.one_in(12) {
            let at = self.below(payload.len());
            payload[at] ^= 1;
        }
        payload
    }

    /// A word in upper, lower or mixed case.
    fn any_case(&mut self, word: &str) -> Vec<u8> {
        match self.below(6) {
            0 => word.to_ascii_lowercase().into_bytes(),
            1 => {
                let letters = word.bytes().enumerate();
                letters.map(|(n, b)| if n % 2 == 0 { b.to_ascii_lowercase() } else { b }).collect()
            }
            _ => word.as_bytes().to_vec(),
        }
    }

    /// A line of a family, as its templates say or a little off.
    pub(super) fn line(&mut self, templates: &Templates) -> Line {
        let mut line = Line::new();
        let pattern = templates.choose(self);
        self.fill(pattern, &mut line);
        let mut odd = line.clone();
        match self.below(120) {
            0 | 1 if odd.len() > 1 => drop(odd.pop()),
            2 => odd.push(self.misfit()),
            3 | 4 if odd.len() > 2 => {
                let at = 2 + self.below(odd.len() - 2);
                odd[at] = self.misfit();
            }
            5 if odd.len() > 2 => drop(odd.remove(1 + self.random.random_range(0..odd.len() - 1))),
            _ => {}
        }
        // Storage has no empty keys and no long ones; what is either may have become one.
        let may_be_key = |word: &Vec<u8>| (1..=LONGEST_KEY).contains(&word.len());
        // Ranges by members are defined among equal scores only, so nothing odd is added where they are asked for.
        let adds_to_lex =
            line[0].eq_ignore_ascii_case(b"zadd") && line.iter().any(|w| w.starts_with(b"lex "));
        if !adds_to_lex && odd.iter().skip(1).all(may_be_key) { odd } else { line }
    }

    fn fill(&mut self, pattern: &[Piece], line: &mut Line) {
        for piece in pattern {
            match piece {
                Piece::Word(word) => {
                    let word = self.any_case(word);
                    line.push(word);
                }
                Piece::Argument(kind) => argument::push(self, kind, line),
                Piece::Choice(choices) => {
                    let chosen = self.below(choices.len());
                    self.fill(&choices[chosen], line);
                }
                Piece::Repeat { least, most, of } => {
                    // The fewer, the fewer conflicts among options.
                    let times =
                        least + self.below(most - least + 1).min(self.below(most - least + 1));
                    (0..times).for_each(|_| self.fill(of, line));
                }
            }
        }
    }
}

/// The templates of a family.
pub(super) struct Templates(Vec<(usize, Vec<Piece>)>);

enum Piece {
    Word(&'static str),
    Argument(&'static str),
    Choice(Vec<Vec<Piece>>),
    Repeat { least: usize, most: usize, of: Vec<Piece> },
}

impl Templates {
    /// Reads templates.
    ///
    /// # Panics
    /// If they are not written as this file says.
    pub(super) fn read(text: &'static str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self(
            lines
                .map(|line| {
                    let mut words = line.split_whitespace();
                    let weight = words.next().unwrap().parse().unwrap();
                    let (mut choices, end) = choices(&mut words);
                    assert!(end.is_empty() && choices.len() == 1, "{line}");
                    (weight, choices.remove(0))
                })
                .collect(),
        )
    }

    fn choose(&self, draw: &mut Draw) -> &[Piece] {
        let total = self.0.iter().map(|(weight, _)| weight).sum();
        let mut at = draw.below(total);
        for (weight, pattern) in &self.0 {
            if at < *weight {
                return pattern;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    /// The commands that occur, with their subcommands.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .iter()
            .filter_map(|(_, pattern)| match pattern.as_slice() {
                [Piece::Word(name), Piece::Word(second), ..] if super::is_container(name) => {
                    Some(format!("{name} {second}"))
                }
                [Piece::Word(name), ..] => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Reads up to a closing bracket: the alternatives, and that bracket.
fn choices(words: &mut std::str::SplitWhitespace<'static>) -> (Vec<Vec<Piece>>, &'static str) {
    let mut all = vec![Vec::new()];
    while let Some(word) = words.next() {
        let piece = match word {
            "]" | "}" | ")" => return (all, word),
            "|" => {
                all.push(Vec::new());
                continue;
            }
            "[" => Piece::Repeat { least: 0, most: 1, of: inside(words, "]").remove(0) },
            "{" => Piece::Repeat { least: 0, most: 3, of: inside(words, "}").remove(0) },
            "{+" => Piece::Repeat { least: 1, most: 4, of: inside(words, "}").remove(0) },
            "(" => Piece::Choice(inside(words, ")")),
            _ => match word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
                Some(kind) => Piece::Argument(kind),
                None => Piece::Word(word),
            },
        };
        all.last_mut().unwrap().push(piece);
    }
    (all, "")
}

fn inside(words: &mut std::str::SplitWhitespace<'static>, end: &str) -> Vec<Vec<Piece>> {
    let (all, found) = choices(words);
    assert_eq!(found, end);
    all
}
