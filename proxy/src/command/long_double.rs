//! The 80-bit floating-point numbers that Redis computes INCRBYFLOAT with on x86, in software:
//! 64 bits of mantissa, 15 of exponent, rounded to nearest, ties to even.
//!
//! Rust has no such type, and `f64` would show: 0.1 + 0.2 is 0.3 in Redis. Reading, adding and
//! printing are exact until the one rounding each of them ends with.

use super::bigint::BigInt;
use std::fmt;

/// Exponent of the smallest number above zero.
const MIN_EXPONENT: i32 = -16445;
/// Numbers of two to this power and more are infinite.
const MAX_EXPONENT: i32 = 16384;
/// Longest text Redis tries to read as a number.
const MAX_TEXT_BYTES: usize = 5 * 1024 - 1;
/// Digits after the point in Redis's text form, and ten to their number.
const FRACTION_DIGITS: usize = 17;
const FRACTION_SCALE: u128 = 100_000_000_000_000_000;

/// An extended-precision number, not NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magnitude {
    Zero,
    /// `mantissa` (top bit set) times two to the `exponent`.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
}

impl LongDouble {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, magnitude: Magnitude::Zero };

    /// Reads what C's `strtold` reads, except blanks, NaN, and numbers too large or too small.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let magnitude = match digits {
            [b'0', b'x' | b'X', hex @ ..] => parse_hexadecimal(hex)?,
            _ if digits.eq_ignore_ascii_case(b"inf")
                || digits.eq_ignore_ascii_case(b"infinity") =>
            {
                Magnitude::Infinite
            }
            _ => parse_decimal(digits)?,
        };
        Some(Self { negative, magnitude })
    }

    /// The sum; `None` when it is infinite or undefined.
    pub fn add(&self, other: &Self) -> Option<Self> {
        let (large, small) =
            if self.rank() >= other.rank() { (self, other) } else { (other, self) };
        let Magnitude::Finite { mantissa, exponent } = large.magnitude else {
            return (large.magnitude == Magnitude::Zero).then_some(Self::ZERO);
        };
        let Magnitude::Finite { mantissa: small_mantissa, exponent: small_exponent } =
            small.magnitude
        else {
            return Some(*large);
        };
        // 63 bits of room below the larger mantissa; what falls out of them sets the last one.
        let wide = u128::from(mantissa) << 63;
        let shift = exponent.abs_diff(small_exponent);
        let small_wide = u128::from(small_mantissa) << 63;
        let aligned = match small_wide.checked_shr(shift) {
            Some(aligned) if aligned << shift == small_wide => aligned,
            Some(aligned) => aligned | 1,
            None => 1,
        };
        let sum = if large.negative == small.negative { wide + aligned } else { wide - aligned };
        let magnitude = match sum {
            0 => Magnitude::Zero,
            _ => round(sum, exponent - 63, false)?,
        };
        (magnitude != Magnitude::Infinite).then_some(Self { negative: large.negative, magnitude })
    }

    fn rank(&self) -> (u8, i32, u64) {
        match self.magnitude {
            Magnitude::Zero => (0, 0, 0),
            Magnitude::Finite { mantissa, exponent } => (1, exponent, mantissa),
            Magnitude::Infinite => (2, 0, 0),
        }
    }
}

/// As Redis prints it: 17 digits after the point, zeros at the end removed.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.magnitude {
            Magnitude::Zero => "0".to_owned(),
            Magnitude::Infinite => "inf".to_owned(),
            Magnitude::Finite { mantissa, exponent } => match u32::try_from(exponent) {
                Ok(exponent) => {
                    let mut whole = BigInt::new(mantissa);
                    whole.shift_left(exponent);
                    whole.into_decimal()
                }
                Err(_) => fixed(mantissa, exponent.unsigned_abs()),
            },
        };
        let sign = if self.negative && text != "0" { "-" } else { "" };
        write!(f, "{sign}{text}")
    }
}

/// `mantissa` divided by two to the `shift`, to 17 digits after the point.
fn fixed(mantissa: u64, shift: u32) -> String {
    let scaled = u128::from(mantissa) * FRACTION_SCALE;
    let scaled = if shift >= 128 { 0 } else { halve(scaled, shift, false) };
    let (whole, fraction) = (scaled / FRACTION_SCALE, scaled % FRACTION_SCALE);
    let text = format!("{whole}.{fraction:0FRACTION_DIGITS$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `value` divided by two to the `shift` (below 128), rounded to nearest, ties to even. `sticky`
/// says that a little more than `value` is meant.
fn halve(value: u128, shift: u32, sticky: bool) -> u128 {
    if shift == 0 {
        return value;
    }
    let quotient = value >> shift;
    let rest = value & !(u128::MAX << shift);
    let half = 1 << (shift - 1);
    let up = rest > half || (rest == half && (sticky || quotient & 1 == 1));
    quotient + u128::from(up)
}

/// The nearest number to `value` (not zero) times two to the `exponent`; `None` if that is zero.
fn round(value: u128, exponent: i32, sticky: bool) -> Option<Magnitude> {
    let bits = 128 - value.leading_zeros();
    let excess = u32::try_from(MIN_EXPONENT.saturating_sub(exponent)).unwrap_or(0);
    let shift = bits.saturating_sub(64).max(excess);
    if shift >= 128 {
        return None;
    }
    let rounded = halve(value, shift, sticky);
    if rounded == 0 {
        return None;
    }
    // Put the top bit at the top of the mantissa; rounding up may have made it 65 bits.
    let exponent = exponent.saturating_add(i32::try_from(shift).ok()?);
    let bits = 128 - rounded.leading_zeros();
    let (mantissa, exponent) = if bits > 64 {
        (rounded >> 1, exponent + 1)
    } else {
        (rounded << (64 - bits), exponent.saturating_sub(i32::try_from(64 - bits).ok()?))
    };
    if exponent > MAX_EXPONENT - 64 {
        return Some(Magnitude::Infinite);
    }
    Some(Magnitude::Finite { mantissa: u64::try_from(mantissa).ok()?, exponent })
}

/// As [`round`], for text, where too large is an error too.
fn round_finite(value: u128, exponent: i32, sticky: bool) -> Option<Magnitude> {
    round(value, exponent, sticky).filter(|magnitude| *magnitude != Magnitude::Infinite)
}

/// Splits `digits[.digits][e[+-]digits]` into digits, the position of the point counted from
/// their end, and the exponent.
fn split_number(text: &[u8], marker: u8, is_digit: fn(&u8) -> bool) -> Option<(Vec<u8>, i64)> {
    let end = text.iter().position(|byte| byte.eq_ignore_ascii_case(&marker));
    let (number, exponent) = match end {
        Some(end) => (&text[..end], parse_exponent(&text[end + 1..])?),
        None => (text, 0),
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&number[..point], &number[point + 1..]),
        None => (number, &[][..]),
    };
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.iter().all(is_digit) {
        return None;
    }
    let scale = if marker == b'p' { 4 } else { 1 };
    Some((digits, exponent - scale * i64::try_from(fraction.len()).ok()?))
}

/// A signed decimal exponent, far beyond reach at most.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let beyond = 1_000_000;
    let value =
        digits.iter().fold(0, |value, digit| (value * 10 + i64::from(digit - b'0')).min(beyond));
    Some(sign * value)
}

fn parse_decimal(text: &[u8]) -> Option<Magnitude> {
    let (digits, mut exponent) = split_number(text, b'e', u8::is_ascii_digit)?;
    let Some(first) = digits.iter().position(|digit| *digit != b'0') else {
        return Some(Magnitude::Zero);
    };
    let mut digits = &digits[first..];
    while let [head @ .., b'0'] = digits {
        digits = head;
        exponent += 1;
    }
    // Beyond these the number is infinite or zero; within, the arithmetic stays small.
    let size = exponent + i64::try_from(digits.len()).ok()?;
    if !(-5000..=5000).contains(&size) {
        return None;
    }
    let mut numerator = BigInt::from_digits(digits);
    if let Ok(power) = u32::try_from(exponent) {
        numerator.scale_by_ten(power);
        let (top, exponent, sticky) = numerator.top();
        return round_finite(top, i32::try_from(exponent).ok()?, sticky);
    }
    let mut denominator = BigInt::new(1);
    denominator.scale_by_ten(u32::try_from(-exponent).ok()?);
    divide(numerator, denominator)
}

/// The nearest number to a fraction, by long division on aligned operands.
fn divide(mut numerator: BigInt, mut denominator: BigInt) -> Option<Magnitude> {
    let (above, below) = (numerator.bits(), denominator.bits());
    numerator.shift_left(below.saturating_sub(above));
    denominator.shift_left(above.saturating_sub(below));
    let mut quotient: u128 = 0;
    // The quotient lies between a half and two: 67 steps give 66 bits or 67.
    for _ in 0..67 {
        quotient = quotient << 1 | u128::from(numerator.subtract_if_fits(&denominator));
        numerator.shift_left(1);
    }
    let exponent = i32::try_from(above).ok()? - i32::try_from(below).ok()? - 66;
    round_finite(quotient, exponent, !numerator.is_zero())
}

fn parse_hexadecimal(text: &[u8]) -> Option<Magnitude> {
    let (digits, mut exponent) = split_number(text, b'p', u8::is_ascii_hexdigit)?;
    let (mut value, mut sticky) = (0_u128, false);
    for digit in digits {
        let digit = u128::from(char::from(digit).to_digit(16)?);
        if value >> 124 == 0 {
            value = value << 4 | digit;
        } else {
            sticky |= digit != 0;
            exponent += 4;
        }
    }
    if value == 0 {
        return Some(Magnitude::Zero);
    }
    round_finite(value, i32::try_from(exponent).ok()?, sticky)
}

#[cfg(test)]
mod tests {
    use super::LongDouble;

    fn sum(left: &str, right: &str) -> Option<String> {
        let number = |text: &str| LongDouble::parse(text.as_bytes()).unwrap();
        number(left).add(&number(right)).map(|sum| sum.to_string())
    }

    #[test]
    fn adds_without_surprises() {
        for (left, right, expected) in [
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "-5000", "0"),
            ("-0.00000000000000000001", "0", "0"),
            ("1", "-1.5", "-0.5"),
            ("0x10", "0x.8p1", "17"),
            ("1e20", "1e-20", "100000000000000000000"),
            ("18446744073709551616", "1", "18446744073709551616"),
        ] {
            assert_eq!(sum(left, right).unwrap(), expected, "{left} + {right}");
        }
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("1e4932", "1e4932"), None);
        assert_eq!(sum("1e308", "1e308").unwrap().len(), 309);
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in
            ["", " 1", "1 ", "1e", "e1", ".", "-", "nan", "0x", "1e5000", "1e-5000", "1\0", "--1"]
        {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
