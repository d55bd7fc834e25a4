//! The workload grammar: `n=100k,k=16,v=500,w=0.05,d=zipf:0.99 @30s; ~w=0.4 @4min`.
//!
//! Phases are separated by `;`. A phase that starts with `~` copies the one before it (not its
//! duration) and changes what it names. One that starts with `ycsb:a` to `ycsb:f` has the settings
//! of that workload ([`crate::ycsb`]), and changes what it names. `n` is needed; the rest has defaults.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::payload;
use crate::ycsb::Ycsb;

/// Most keys a workload may have: offsets are ten digits.
const MAX_KEYS: u64 = 10_000_000_000;
/// Largest zipf exponent: YCSB's sampler needs it below 1.
const MAX_THETA: f64 = 0.999;

/// Fields of a phase.
const NAMES: &str = "n, o, k, v, w, i, m, d";

/// Which key the next request goes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Keys in order, over and over; clients share the round.
    Sequential,
    /// Every key equally likely.
    Uniform,
    /// YCSB's zipfian with this exponent, the first key the hottest.
    Zipf {
        /// Exponent, 0 (uniform) to 0.999.
        theta: f64,
    },
    /// A zipf-chosen start, then 1 to `max` keys in hash order.
    Scan {
        /// Exponent of the choice of start.
        theta: f64,
        /// Longest scan, in keys.
        max: u64,
    },
    /// The newest key the hottest, the one before it the next, zipfian over the `n` newest.
    Latest {
        /// Exponent, 0 (uniform) to 0.999.
        theta: f64,
    },
}

/// One stretch of steady load.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Number of keys (`n`).
    pub keys: u64,
    /// Offset of the first of them (`o`): workloads that share a server can have keys of their own.
    pub first_key: u64,
    /// Bytes per key (`k`).
    pub key_bytes: usize,
    /// Bytes per value (`v`).
    pub value_bytes: usize,
    /// Share of requests that are SETs of keys there are (`w`), 0 to 1; with scans, of the keys that scans come to.
    pub write_ratio: f64,
    /// Share of operations that SET a new key (`i`), 0 to 1; a whole scan is one operation.
    pub insert_ratio: f64,
    /// Share of operations that GET a key and then SET it (`m`), 0 to 1.
    pub modify_ratio: f64,
    /// Choice of keys (`d`).
    pub distribution: Distribution,
    /// How long it lasts (`@`); none leaves it to the run.
    pub duration: Option<Duration>,
}

/// A parsed workload: at least one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Phases in order.
    pub phases: Vec<Phase>,
}

/// A workload text that does not parse, with the phase (from 1) and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("phase {phase}: {problem}")]
pub struct SpecError {
    /// Phase counted from 1.
    pub phase: usize,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl Workload {
    /// The largest key count of any phase: what a preload has to write.
    #[must_use]
    pub fn max_keys(&self) -> u64 {
        self.phases.iter().map(|phase| phase.keys).max().unwrap_or(0)
    }
}

impl FromStr for Workload {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut phases: Vec<Phase> = Vec::new();
        for (index, part) in text.split(';').enumerate() {
            let phase = parse_phase(part, phases.last())
                .map_err(|problem| SpecError { phase: index + 1, problem })?;
            phases.push(phase);
        }
        Ok(Self { phases })
    }
}

fn parse_phase(text: &str, previous: Option<&Phase>) -> Result<Phase, String> {
    let (fields, duration) = match text.split_once('@') {
        Some((fields, duration)) => (fields.trim(), Some(parse_duration(duration)?)),
        None => (text.trim(), None),
    };
    let (mut phase, fields) = if let Some(changes) = fields.strip_prefix('~') {
        let previous = previous.ok_or("`~` copies the phase before, and there is none")?;
        (previous.clone(), changes)
    } else if let Some(named) = fields.strip_prefix("ycsb:") {
        let (name, changes) = named.split_once(',').unwrap_or((named, ""));
        (Phase { keys: 0, ..name.parse::<Ycsb>()?.phase(1) }, changes)
    } else {
        (Phase::blank(), fields)
    };
    phase.duration = duration;
    for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| format!("`{field}` is not NAME=VALUE (names: {NAMES})"))?;
        phase.set(name.trim(), value.trim())?;
    }
    phase.check()?;
    Ok(phase)
}

impl Phase {
    fn blank() -> Self {
        Self {
            keys: 0,
            first_key: 0,
            key_bytes: 16,
            value_bytes: 500,
            write_ratio: 0.0,
            insert_ratio: 0.0,
            modify_ratio: 0.0,
            distribution: Distribution::Uniform,
            duration: None,
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "n" => self.keys = parse_count(value)?,
            "o" => self.first_key = parse_count(value)?,
            "k" => self.key_bytes = parse_bytes(value)?,
            "v" => self.value_bytes = parse_bytes(value)?,
            "w" => self.write_ratio = parse_ratio(name, value)?,
            "i" => self.insert_ratio = parse_ratio(name, value)?,
            "m" => self.modify_ratio = parse_ratio(name, value)?,
            "d" => self.distribution = parse_distribution(value)?,
            _ => return Err(format!("unknown field `{name}` (names: {NAMES})")),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.keys == 0 {
            return Err("n (the number of keys) is missing or 0, for example n=100k".into());
        }
        if self.first_key.saturating_add(self.keys) > MAX_KEYS {
            return Err(format!(
                "n={} from o={} is more than the {MAX_KEYS} keys the format holds",
                self.keys, self.first_key
            ));
        }
        let (key_min, value_min) =
            (payload::least_bytes(self.key_bytes), payload::least_bytes(self.value_bytes));
        if self.key_bytes < key_min {
            return Err(format!(
                "k={} is too small: a key is K, ten digits, s, its size and Y, {key_min} bytes",
                self.key_bytes
            ));
        }
        if self.value_bytes < value_min {
            return Err(format!(
                "v={} is too small: a value is V, ten digits, s, its size and L, {value_min} bytes",
                self.value_bytes
            ));
        }
        if matches!(self.distribution, Distribution::Scan { .. }) && self.keys > 1 << 28 {
            return Err("scan keeps a table of the hash order: n can be at most 256m".into());
        }
        self.check_ratios()
    }

    fn check_ratios(&self) -> Result<(), String> {
        let Self { write_ratio, insert_ratio, modify_ratio, distribution, .. } = self;
        let sum = write_ratio + insert_ratio + modify_ratio;
        if sum > 1.0 + 1e-9 {
            return Err(format!("w, i and m are shares of the same whole, and add up to {sum}"));
        }
        let scans = matches!(distribution, Distribution::Scan { .. });
        let reads_inserts = scans || matches!(distribution, Distribution::Latest { .. });
        if *insert_ratio > 0.0 && !reads_inserts {
            return Err(format!(
                "i={insert_ratio} with d={distribution}: new keys are only read by latest:THETA and scan:THETA:MAX"
            ));
        }
        if *modify_ratio > 0.0 && scans {
            return Err(format!("m={modify_ratio} with d={distribution}: scans do not modify"));
        }
        Ok(())
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequential => f.write_str("seq"),
            Self::Uniform => f.write_str("unif"),
            Self::Zipf { theta } => write!(f, "zipf:{theta}"),
            Self::Scan { theta, max } => write!(f, "scan:{theta}:{max}"),
            Self::Latest { theta } => write!(f, "latest:{theta}"),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, phase) in self.phases.iter().enumerate() {
            let Phase { keys, key_bytes, value_bytes, write_ratio, distribution, .. } = phase;
            let separator = if index == 0 { "" } else { "; " };
            write!(
                f,
                "{separator}n={keys}{},k={key_bytes},v={value_bytes},w={write_ratio},d={distribution}",
                if phase.first_key > 0 { format!(",o={}", phase.first_key) } else { String::new() }
            )?;
            for (name, ratio) in [("i", phase.insert_ratio), ("m", phase.modify_ratio)] {
                if ratio > 0.0 {
                    write!(f, ",{name}={ratio}")?;
                }
            }
            if let Some(duration) = phase.duration {
                write!(f, " @{}s", duration.as_secs_f64())?;
            }
        }
        Ok(())
    }
}

fn parse_distribution(text: &str) -> Result<Distribution, String> {
    let mut parts = text.split(':').map(str::trim);
    let kind = parts.next().unwrap_or("");
    let arguments: Vec<&str> = parts.collect();
    match (kind, arguments.as_slice()) {
        ("seq", []) => Ok(Distribution::Sequential),
        ("unif", []) => Ok(Distribution::Uniform),
        ("zipf", [theta]) => Ok(Distribution::Zipf { theta: parse_theta(theta)? }),
        ("latest", [theta]) => Ok(Distribution::Latest { theta: parse_theta(theta)? }),
        ("scan", [theta, max]) => {
            let max = parse_count(max)?;
            if max == 0 {
                return Err(format!("d={text}: a scan reads at least 1 key"));
            }
            Ok(Distribution::Scan { theta: parse_theta(theta)?, max })
        }
        _ => {
            Err(format!("d={text}: expected seq, unif, zipf:THETA, latest:THETA or scan:THETA:MAX"))
        }
    }
}

fn parse_ratio(name: &str, text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| format!("{name}={text}: a ratio is a number from 0 to 1"))
}

fn parse_theta(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|theta| (0.0..=MAX_THETA).contains(theta))
        .ok_or_else(|| format!("theta `{text}` is not a number from 0 to {MAX_THETA}"))
}

/// Parses a count with an optional `k` (1,000) or `m` (1,000,000) suffix.
///
/// # Errors
/// Text that is not such a count.
pub fn parse_count(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is not a whole number such as 100, 100k or 6m");
    let lower = text.trim().to_ascii_lowercase();
    let (digits, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (_, Some(digits)) => (digits, 1_000_000),
        _ => (lower.as_str(), 1),
    };
    digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).ok_or_else(bad)
}

/// Parses a rate per second above 0, with an optional `k` or `m` suffix: `0.5`, `20k`.
///
/// # Errors
/// Text that is not such a rate.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1e3),
        (_, Some(digits)) => (digits, 1e6),
        _ => (lower.as_str(), 1.0),
    };
    let rate = digits.parse::<f64>().ok().map(|rate| rate * unit);
    rate.filter(|rate| (1e-3..=1e9).contains(rate))
        .ok_or_else(|| format!("`{text}` is not a rate per second such as 0.5, 100 or 20k"))
}

fn parse_bytes(text: &str) -> Result<usize, String> {
    usize::try_from(parse_count(text)?).map_err(|_| format!("`{text}` is too large a size"))
}

/// Parses `500ms`, `30s`, `4min` or `1h`; a bare number is seconds.
///
/// # Errors
/// Text that is not a positive duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_s = match unit.trim() {
        "" | "s" | "sec" => 1.0,
        "ms" => 0.001,
        "min" | "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is not a duration such as 500ms, 30s, 4min or 1h")),
    };
    number
        .trim()
        .parse::<f64>()
        .ok()
        .map(|count| count * unit_s)
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("`{text}` is not a duration such as 500ms, 30s, 4min or 1h"))
}

#[cfg(test)]
mod tests;
