//! When the requests of an open loop are due: at a constant rate, or as those of many independent clients are (Poisson).

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How requests are spread over time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// At random, independent of each other.
    Poisson,
}

/// The rate of an open loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second, of all connections together.
    pub per_s: f64,
    /// How they are spread.
    pub arrivals: Arrivals,
    /// A request that is later than this is not sent any more, but counted.
    pub give_up_after: Duration,
}

impl Rate {
    /// A constant rate; requests are given up when they are ten seconds late.
    #[must_use]
    pub fn constant(per_s: f64) -> Self {
        Self { per_s, arrivals: Arrivals::Constant, give_up_after: Duration::from_secs(10) }
    }
}

/// When one connection's requests are due, counted from the start of a phase.
#[derive(Debug)]
pub struct Timetable {
    /// Requests per second of this connection.
    per_s: f64,
    /// Share of an interval by which this connection is behind the first.
    shift: f64,
    index: u64,
    due_s: f64,
    random: Option<StdRng>,
}

impl Timetable {
    /// That of connection `client` (of `clients`): together they have the rate, and the constant one is even.
    #[must_use]
    pub fn new(rate: Rate, client: u64, clients: u64, seed: u64) -> Self {
        let (client_f, clients_f) = (as_f64(client), as_f64(clients.max(1)));
        let random = (rate.arrivals == Arrivals::Poisson).then(|| {
            StdRng::seed_from_u64(
                seed.rotate_left(17).wrapping_mul(0x9E37_79B9).wrapping_add(client),
            )
        });
        let (per_s, shift) = (rate.per_s / clients_f, client_f / clients_f);
        let mut table = Self { per_s, shift, index: 0, due_s: 0.0, random };
        table.set_due();
        table
    }

    /// When the next request is due.
    #[must_use]
    pub fn due(&self) -> Duration {
        Duration::try_from_secs_f64(self.due_s).unwrap_or(Duration::MAX)
    }

    /// Goes on to the one after it.
    pub fn advance(&mut self) {
        self.index += 1;
        self.set_due();
    }

    fn set_due(&mut self) {
        match &mut self.random {
            // From the index, not the one before: rounding does not add up.
            None => self.due_s = (as_f64(self.index) + self.shift) / self.per_s,
            Some(random) => {
                let chance: f64 = random.random();
                self.due_s -= (1.0 - chance).ln() / self.per_s;
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Rate, Timetable};
    use std::time::Duration;

    const SEED: u64 = 5;

    fn dues(rate: Rate, clients: u64, count: usize) -> Vec<Duration> {
        println!("seed {SEED}");
        let mut dues = Vec::new();
        for client in 0..clients {
            let mut table = Timetable::new(rate, client, clients, SEED);
            for _ in 0..count {
                dues.push(table.due());
                table.advance();
            }
        }
        dues.sort_unstable();
        dues
    }

    #[test]
    fn connections_together_keep_a_constant_rate_evenly() {
        let dues = dues(Rate::constant(1_000.0), 4, 1_000);
        for (index, due) in dues.iter().enumerate() {
            let should = index as f64 / 1_000.0;
            assert!((due.as_secs_f64() - should).abs() < 1e-9, "{index}: {due:?}");
        }
    }

    #[test]
    fn poisson_arrivals_have_their_rate_and_the_spread_of_an_exponential() {
        let rate = Rate { arrivals: Arrivals::Poisson, ..Rate::constant(2_000.0) };
        let dues = dues(rate, 5, 40_000);
        // All connections have come this far.
        let dues = &dues[..150_000];
        let gaps: Vec<f64> =
            dues.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 2_000.0 - 1.0).abs() < 0.02, "mean {mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "deviation {}", variance.sqrt());
    }
}
