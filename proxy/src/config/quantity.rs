//! Human quantities: `256MiB`, `50MB/s`, `1.5k`, `20s`.
//!
//! People write them in the configuration, the admin API and on the command line; the program
//! prints them back. One set of types reads and writes them all, and every value printed reads
//! back as exactly the same value.
//!
//! The rules, so that nobody has to guess:
//! * a single letter (`k`, `M`, `G`, `T`, in either case) is always 1000-based: `1k` = 1000;
//! * `kB`, `MB`, `GB`, `TB` are 1000-based, `KiB`, `MiB`, `GiB`, `TiB` 1024-based;
//! * `mb` and `Mb` are refused: Redis reads the first as 1024-based, networks the second as bits;
//! * rates may end in `/s`, and mean the same without it;
//! * durations need a unit: `us`, `ms`, `s`, `m` or `h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::decimal::Decimal;

/// Why a text is not a quantity. Displays as what is wrong and how to write it, on one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct QuantityError(String);

/// What the kinds of quantity have in common.
pub trait Quantity: FromStr<Err = QuantityError> + fmt::Display + PartialOrd + Copy {}

impl<T: FromStr<Err = QuantityError> + fmt::Display + PartialOrd + Copy> Quantity for T {}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A bandwidth in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct BytesPerSecond(pub f64);

/// A rate of read or write units per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct UnitsPerSecond(pub f64);

/// A plain number without a dimension, such as a ratio.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Number(pub f64);

/// A whole number of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// A length of time, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// A unit's spelling and how many base units it is worth. The first spelling of a value is the
/// one printed.
type Unit = (&'static str, u64);

const SCALE: &[Unit] = &[
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("K", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
];

const BYTES: &[Unit] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KB", 1_000),
    ("kiB", 1 << 10),
];

/// Worth in nanoseconds. Seconds come first: of two equally short texts the earlier one wins.
const PERIODS: &[Unit] = &[
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// How each kind is written, for error messages.
const WRITE_BYTES: &str = r#"write "256MiB" (1024-based), "256MB" (1000-based) or plain bytes"#;
const WRITE_BANDWIDTH: &str = r#"write "50MB/s", "50MiB/s" or plain bytes per second"#;
const WRITE_UNITS: &str = r#"write 1000, 62.5 or "1.5k" (per second)"#;
const WRITE_NUMBER: &str = r#"write a number such as 4, 0.05 or "1k""#;
const WRITE_COUNT: &str = r#"write a whole number such as 1024 or "10k""#;
const WRITE_PERIOD: &str = r#"write "20s", "500ms" or "2m""#;

impl FromStr for Bytes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let value = read(text, &[BYTES, SCALE], WRITE_BYTES)?;
        value.rounded().map(Self).ok_or_else(|| too_large(WRITE_BYTES))
    }
}

impl FromStr for BytesPerSecond {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(per_second(text), &[BYTES, SCALE], WRITE_BANDWIDTH).map(|value| Self(value.to_f64()))
    }
}

impl FromStr for UnitsPerSecond {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(per_second(text), &[SCALE], WRITE_UNITS).map(|value| Self(value.to_f64()))
    }
}

impl FromStr for Number {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text, &[SCALE], WRITE_NUMBER).map(|value| Self(value.to_f64()))
    }
}

impl FromStr for Count {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let value = read(text, &[SCALE], WRITE_COUNT)?;
        if !value.is_whole() {
            return Err(QuantityError(format!("is not a whole number; {WRITE_COUNT}")));
        }
        value.rounded().map(Self).ok_or_else(|| too_large(WRITE_COUNT))
    }
}

impl FromStr for Period {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let value = read(text, &[PERIODS], WRITE_PERIOD)?;
        let nanos = value.rounded().ok_or_else(|| too_large(WRITE_PERIOD))?;
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortest(Decimal::from(self.0), BYTES))
    }
}

impl fmt::Display for BytesPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Decimal::from_f64(self.0) {
            Some(value) => write!(f, "{}/s", shortest(value, BYTES)),
            None => write!(f, "{}B/s", self.0),
        }
    }
}

impl fmt::Display for UnitsPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Number(self.0).fmt(f)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Decimal::from_f64(self.0) {
            Some(value) => f.write_str(&shortest(value, SCALE)),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortest(Decimal::from(self.0), SCALE))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.0.as_nanos()) {
            Ok(nanos) => f.write_str(&shortest(Decimal::from(nanos), PERIODS)),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

/// Splits `text` into number and unit and returns its worth in base units.
fn read(text: &str, units: &[&[Unit]], write: &str) -> Result<Decimal, QuantityError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(QuantityError(format!("is empty; {write}")));
    }
    if text.starts_with('-') {
        return Err(QuantityError(format!("must not be negative; {write}")));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !number.contains(|c: char| c.is_ascii_digit()) {
        return Err(QuantityError(format!("is not a number; {write}")));
    }
    let Some(number) = Decimal::parse(number) else {
        return Err(QuantityError(format!("is not a number this program can hold; {write}")));
    };
    let unit = unit.trim_start();
    let worth = units.iter().flat_map(|set| set.iter()).find(|(name, _)| *name == unit);
    match worth {
        Some(&(_, worth)) => number.times(worth).ok_or_else(|| too_large(write)),
        None => Err(unknown_unit(unit, units, write)),
    }
}

fn per_second(text: &str) -> &str {
    let text = text.trim_end();
    text.strip_suffix("/s").unwrap_or(text)
}

fn too_large(write: &str) -> QuantityError {
    QuantityError(format!("is too large; {write}"))
}

fn unknown_unit(unit: &str, units: &[&[Unit]], write: &str) -> QuantityError {
    if unit.is_empty() {
        return QuantityError(format!("needs a unit; {write}"));
    }
    let lower = unit.to_ascii_lowercase();
    let takes_bytes = units.contains(&BYTES);
    if takes_bytes && unit.ends_with('b') && BYTES.iter().any(|(n, _)| n.to_lowercase() == lower) {
        return QuantityError(format!(
            "the unit \"{unit}\" could mean bits, 1000-based or 1024-based; {write}"
        ));
    }
    QuantityError(format!("unknown unit \"{unit}\"; {write}"))
}

/// The text with the fewest digits that stands for exactly `value`; of several, the one whose unit
/// comes first in `units`.
fn shortest(value: Decimal, units: &[Unit]) -> String {
    let mut best: Option<(Decimal, &str)> = None;
    for &(name, worth) in units {
        let Some(number) = value.divided_by(worth) else { continue };
        // A number below one ("0.5k") is harder to read than the same in a smaller unit.
        if number.is_below_one() && worth != 1 && value != number {
            continue;
        }
        if best.is_none_or(|(held, _)| number.digits() < held.digits()) {
            best = Some((number, name));
        }
    }
    match best {
        Some((number, name)) => format!("{number}{name}"),
        // Only reached for periods too odd for any unit, e.g. 1 ns: microseconds with decimals.
        None => match value.divided_by(1_000) {
            Some(number) => format!("{number}us"),
            None => value.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Bytes, BytesPerSecond, Count, Number, Period, UnitsPerSecond};
    use std::time::Duration;

    #[test]
    fn people_write_these() {
        let bytes = |text: &str| text.parse::<Bytes>().unwrap().0;
        assert_eq!(bytes("256MiB"), 256 << 20);
        assert_eq!(bytes("256 MiB"), 256 << 20);
        assert_eq!(bytes("256MB"), 256_000_000);
        assert_eq!(bytes("1.5KiB"), 1536);
        assert_eq!(bytes("0.1GiB"), 107_374_182);
        assert_eq!(bytes("10M"), 10_000_000);
        assert_eq!(bytes("4096"), 4096);
        let rate = |text: &str| text.parse::<BytesPerSecond>().unwrap();
        assert_eq!(rate("50MB/s"), BytesPerSecond(50e6));
        assert_eq!(rate("3.125 MiB/s"), BytesPerSecond(3_276_800.0));
        assert_eq!(rate("1000"), BytesPerSecond(1000.0));
        let units = |text: &str| text.parse::<UnitsPerSecond>().unwrap();
        assert_eq!(units("1.5m"), UnitsPerSecond(1.5e6));
        assert_eq!(units("62.5"), UnitsPerSecond(62.5));
        assert_eq!(units("1k/s"), UnitsPerSecond(1000.0));
        assert_eq!("2m".parse(), Ok(Period(Duration::from_secs(120))));
        assert_eq!("0s".parse(), Ok(Period(Duration::ZERO)));
    }

    #[test]
    fn the_program_writes_these() {
        for (value, text) in [
            (0, "0B"),
            (1000, "1kB"),
            (1024, "1KiB"),
            (1536, "1.5KiB"),
            (512 << 10, "512KiB"),
            (256 << 20, "256MiB"),
            (1234, "1234B"),
            (1_050_000, "1.05MB"),
        ] {
            assert_eq!(Bytes(value).to_string(), text);
        }
        for (nanos, text) in [
            (0, "0s"),
            (1, "0.001us"),
            (500_000_000, "500ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "90s"),
            (600_000_000_000, "10m"),
            (5_000_000, "5ms"),
        ] {
            assert_eq!(Period(Duration::from_nanos(nanos)).to_string(), text);
        }
        assert_eq!(BytesPerSecond(50e6).to_string(), "50MB/s");
        assert_eq!(BytesPerSecond(3_276_800.0).to_string(), "3200KiB/s");
        assert_eq!(UnitsPerSecond(1000.0).to_string(), "1k");
        assert_eq!(UnitsPerSecond(62.5).to_string(), "62.5");
        assert_eq!(Number(0.05).to_string(), "0.05");
        assert_eq!(Count(10_000).to_string(), "10k");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| text.parse::<Bytes>().unwrap_err().to_string();
        assert!(wrong("256 MX").starts_with("unknown unit \"MX\"; write"));
        assert!(wrong("256mb").starts_with("the unit \"mb\" could mean bits"));
        assert!(wrong("").starts_with("is empty"));
        assert!(wrong("-1").starts_with("must not be negative"));
        assert!(wrong("MiB").starts_with("is not a number"));
        assert!(wrong("1.2.3MiB").starts_with("is not a number"));
        assert!(wrong("99999999TiB").starts_with("is too large"));
        assert!(wrong("1e3").starts_with("unknown unit \"e3\""));
        assert!(wrong("50MB/s").starts_with("unknown unit \"MB/s\""));
        let period = "20".parse::<Period>().unwrap_err().to_string();
        assert_eq!(period, r#"needs a unit; write "20s", "500ms" or "2m""#);
        assert!("1.5".parse::<Count>().unwrap_err().to_string().starts_with("is not a whole"));
    }

    proptest! {
        #[test]
        fn bytes_read_back(value in any::<u64>()) {
            prop_assert_eq!(Bytes(value).to_string().parse::<Bytes>(), Ok(Bytes(value)));
        }

        #[test]
        fn round_bytes_read_back(value in 0_u64..5000, power in 0_u32..5, unit in 0..2) {
            let value = value * if unit == 0 { 1000_u64.pow(power) } else { 1024_u64.pow(power) };
            let text = Bytes(value).to_string();
            prop_assert_eq!(text.parse::<Bytes>(), Ok(Bytes(value)));
        }

        #[test]
        fn rates_read_back(value in 1e-6_f64..1e15) {
            let rate = BytesPerSecond(value);
            prop_assert_eq!(rate.to_string().parse::<BytesPerSecond>(), Ok(rate));
            let rate = UnitsPerSecond(value);
            prop_assert_eq!(rate.to_string().parse::<UnitsPerSecond>(), Ok(rate));
        }

        #[test]
        fn periods_and_counts_read_back(value in any::<u64>()) {
            let period = Period(Duration::from_nanos(value));
            prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
            prop_assert_eq!(Count(value).to_string().parse::<Count>(), Ok(Count(value)));
        }

        #[test]
        fn no_text_panics(text in "[-0-9.kKmMgGiIbBs/ ]{0,30}") {
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<BytesPerSecond>();
            let _ = text.parse::<Period>();
            let _ = text.parse::<Count>();
        }
    }
}
