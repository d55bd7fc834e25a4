//! Non-negative integers of any size, with just what exact decimal conversion needs.

use std::cmp::Ordering;

const CHUNK: u32 = 1_000_000_000;

/// An integer as 32-bit limbs, least significant first, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BigInt(Vec<u32>);

impl BigInt {
    pub(super) fn new(value: u64) -> Self {
        let mut big = Self(vec![low(value), low(value >> 32)]);
        big.trim();
        big
    }

    /// Reads ASCII decimal digits.
    pub(super) fn from_digits(digits: &[u8]) -> Self {
        let mut big = Self(Vec::new());
        for chunk in digits.chunks(9) {
            let value = chunk.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
            let scale = chunk.iter().fold(1, |scale, _| scale * 10);
            big.multiply_add(scale, value);
        }
        big
    }

    /// Multiplies by ten to the `power`.
    pub(super) fn scale_by_ten(&mut self, power: u32) {
        for _ in 0..power / 9 {
            self.multiply_add(CHUNK, 0);
        }
        self.multiply_add(10_u32.pow(power % 9), 0);
    }

    pub(super) fn bits(&self) -> u32 {
        match self.0.split_last() {
            Some((top, rest)) => {
                u32::try_from(rest.len()).unwrap_or(u32::MAX / 64) * 32 + 32 - top.leading_zeros()
            }
            None => 0,
        }
    }

    pub(super) fn shift_left(&mut self, count: u32) {
        let (limbs, bits) = (count / 32, count % 32);
        if self.0.is_empty() {
            return;
        }
        if bits > 0 {
            let mut carry = 0;
            for limb in &mut self.0 {
                let wide = u64::from(*limb) << bits | carry;
                *limb = low(wide);
                carry = wide >> 32;
            }
            self.0.push(low(carry));
        }
        let zeros = std::iter::repeat_n(0, usize::try_from(limbs).unwrap_or(0));
        self.0.splice(0..0, zeros);
        self.trim();
    }

    /// Subtracts `other` if it is not larger; whether it did.
    pub(super) fn subtract_if_fits(&mut self, other: &Self) -> bool {
        if self.compare(other) == Ordering::Less {
            return false;
        }
        let mut borrow = false;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let take = other.0.get(index).copied().unwrap_or(0);
            let (rest, first) = limb.overflowing_sub(take);
            let (rest, second) = rest.overflowing_sub(u32::from(borrow));
            *limb = rest;
            borrow = first || second;
        }
        self.trim();
        true
    }

    /// The top 128 bits, the power of two they count, and whether bits below were not zero.
    pub(super) fn top(&self) -> (u128, u32, bool) {
        let skipped = self.0.len().saturating_sub(4);
        let top = self.0[skipped..].iter().rev().fold(0, |top, limb| top << 32 | u128::from(*limb));
        let exponent = u32::try_from(skipped).unwrap_or(u32::MAX / 64) * 32;
        (top, exponent, self.0[..skipped].iter().any(|limb| *limb != 0))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Decimal digits; none for zero.
    pub(super) fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.0.is_empty() {
            let mut rest = 0;
            for limb in self.0.iter_mut().rev() {
                let wide = rest << 32 | u64::from(*limb);
                *limb = low(wide / u64::from(CHUNK));
                rest = wide % u64::from(CHUNK);
            }
            self.trim();
            chunks.push(rest);
        }
        let Some(first) = chunks.pop() else { return String::new() };
        chunks.iter().rev().fold(first.to_string(), |text, chunk| text + &format!("{chunk:09}"))
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.0 {
            let wide = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low(wide);
            carry = wide >> 32;
        }
        if carry > 0 {
            self.0.push(low(carry));
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(wide: u64) -> u32 {
    wide as u32
}
