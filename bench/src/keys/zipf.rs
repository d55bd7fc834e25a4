//! Zipfian ranks.

use rand::RngExt;
use rand::rngs::StdRng;

/// Terms of zeta summed one by one; the rest follows from Euler and Maclaurin's formula.
const EXACT_TERMS: u64 = 10_000;

/// Zipfian ranks as YCSB draws them (Gray et al., SIGMOD '94): rank 0 is the hottest.
#[derive(Debug, Clone, Copy)]
pub struct Zipf {
    ranks: f64,
    last_rank: u64,
    alpha: f64,
    zeta_n: f64,
    eta: f64,
    second: f64,
}

impl Zipf {
    /// A sampler over `ranks` ranks with exponent `theta`, 0 <= theta < 1.
    #[must_use]
    pub fn new(ranks: u64, theta: f64) -> Self {
        let n = as_f64(ranks);
        let zeta_n = zeta(ranks, theta);
        let alpha = 1.0 / (1.0 - theta);
        let eta = (1.0 - (2.0 / n).powf(1.0 - theta)) / (1.0 - zeta(2, theta) / zeta_n);
        let second = 1.0 + 0.5_f64.powf(theta);
        Self { ranks: n, last_rank: ranks.saturating_sub(1), alpha, zeta_n, eta, second }
    }

    /// Draws a rank.
    pub fn draw(&self, rng: &mut StdRng) -> u64 {
        let u: f64 = rng.random();
        let uz = u * self.zeta_n;
        if uz < 1.0 || self.last_rank == 0 {
            return 0;
        }
        if uz < self.second || self.last_rank == 1 {
            return 1;
        }
        let rank = self.ranks * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        floor_to_u64(rank).min(self.last_rank)
    }

    /// Part of all draws that fall on ranks below this one.
    #[must_use]
    pub fn part_below(&self, rank: u64) -> f64 {
        match rank {
            0 => 0.0,
            _ if rank > self.last_rank => 1.0,
            1 => (1.0 / self.zeta_n).min(1.0),
            _ => {
                // Where `draw` comes to this rank.
                let root = (as_f64(rank) / self.ranks).powf(1.0 / self.alpha);
                let u = (root - 1.0 + self.eta) / self.eta;
                u.max(self.second / self.zeta_n).min(1.0)
            }
        }
    }
}

/// Generalised harmonic number: the sum of `1 / i^theta` for i from 1 to `n`.
pub(super) fn zeta(n: u64, theta: f64) -> f64 {
    let head = n.min(EXACT_TERMS);
    let exact: f64 = (1..=head).map(|i| as_f64(i).powf(-theta)).sum();
    if n == head {
        return exact;
    }
    let (from, to) = (as_f64(head), as_f64(n));
    let integral = (to.powf(1.0 - theta) - from.powf(1.0 - theta)) / (1.0 - theta);
    let ends = (to.powf(-theta) - from.powf(-theta)) / 2.0;
    let slopes = theta * (from.powf(-theta - 1.0) - to.powf(-theta - 1.0)) / 12.0;
    exact + integral + ends + slopes
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-integer cast saturates, and the caller clamps to the last rank"
)]
fn floor_to_u64(value: f64) -> u64 {
    value as u64
}
