//! Requests encoded beforehand, one after the other, so that a batch is a slice.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::keys::Zipf;
use crate::payload::{write_key, write_value};
use crate::resp::Commands;

/// Digits of a key's number as redis-benchmark writes it.
const DIGITS: usize = 12;
/// Bytes of every key.
const KEY_BYTES: usize = 16;

/// How keys are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Draw {
    /// Each once, in order, then from the first again.
    InTurn,
    /// Every key as likely as any other.
    Uniform,
    /// Zipf with this exponent (0 <= theta < 1); which keys are hot has nothing to do with their order.
    Zipf(f64),
}

impl Draw {
    /// `count` numbers below `keys`.
    #[must_use]
    pub fn offsets(self, keys: u32, count: usize, seed: u64) -> Vec<u32> {
        let mut rng = StdRng::seed_from_u64(seed);
        match self {
            Self::InTurn => (0..keys.max(1)).cycle().take(count).collect(),
            Self::Uniform => (0..count).map(|_| rng.random_range(0..keys)).collect(),
            Self::Zipf(theta) => {
                let mut scrambled: Vec<u32> = (0..keys).collect();
                scrambled.shuffle(&mut rng);
                let zipf = Zipf::new(u64::from(keys), theta);
                let rank = |rng: &mut StdRng| usize::try_from(zipf.draw(rng)).unwrap_or(0);
                (0..count).map(|_| scrambled[rank(&mut rng)]).collect()
            }
        }
    }
}

/// How a key is spelled; both are 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `key:000000000042`, as redis-benchmark does, so that both can use the same data.
    Benchmark,
    /// As the rest of this program does; synthetic storage computes the values of such keys.
    Payload,
}

/// Requests of equal length, ready to be written.
#[derive(Debug)]
pub struct Requests {
    bytes: Vec<u8>,
    /// Bytes of one request.
    width: usize,
    /// The number of each request's key.
    offsets: Vec<u32>,
    /// Bytes of a value that is read or written.
    value_bytes: usize,
    reads: bool,
}

impl Requests {
    /// A GET of each of these keys, whose values have `value_bytes` bytes.
    #[must_use]
    pub fn gets(spelling: Spelling, offsets: Vec<u32>, value_bytes: usize) -> Self {
        Self::encode(spelling, offsets, value_bytes, true)
    }

    /// A SET of each of these keys to its own value of `value_bytes` bytes.
    #[must_use]
    pub fn sets(spelling: Spelling, offsets: Vec<u32>, value_bytes: usize) -> Self {
        Self::encode(spelling, offsets, value_bytes, false)
    }

    fn encode(spelling: Spelling, offsets: Vec<u32>, value_bytes: usize, reads: bool) -> Self {
        let (mut bytes, mut key, mut value) = (Vec::new(), Vec::new(), Vec::new());
        let mut width = 0;
        for &offset in &offsets {
            match spelling {
                Spelling::Benchmark => key = format!("key:{offset:0DIGITS$}").into_bytes(),
                Spelling::Payload => write_key(&mut key, u64::from(offset), KEY_BYTES),
            }
            let mut command = Commands::default();
            if reads {
                command.push(&[b"GET", &key]);
            } else {
                write_value(&mut value, u64::from(offset), value_bytes);
                command.push(&[b"SET", &key, &value]);
            }
            width = command.pending().len();
            if bytes.is_empty() {
                bytes.reserve(width * offsets.len());
            }
            bytes.extend_from_slice(command.pending());
        }
        Self { bytes, width, offsets, value_bytes, reads }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Whether these are GETs: replies are values, and can be verified.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.reads
    }

    /// Bytes of a value.
    #[must_use]
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// `count` requests from `at` on, encoded; fewer at the end.
    #[must_use]
    pub fn batch(&self, at: usize, count: usize) -> &[u8] {
        let from = (at * self.width).min(self.bytes.len());
        let to = ((at + count) * self.width).min(self.bytes.len());
        &self.bytes[from..to]
    }

    /// The number of the key of request `at`.
    #[must_use]
    pub fn offset(&self, at: usize) -> u64 {
        self.offsets.get(at).map_or(0, |&offset| u64::from(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::{Draw, Requests, Spelling};

    #[test]
    fn zipf_is_skewed_as_it_should_be_and_scrambled() {
        let (keys, draws) = (1_000_u32, 400_000);
        let seed = 7;
        let mut counts = vec![0_u32; keys as usize];
        for offset in Draw::Zipf(0.99).offsets(keys, draws, seed) {
            counts[offset as usize] += 1;
        }
        let hottest = counts.iter().position(|count| Some(count) == counts.iter().max()).unwrap();
        assert_ne!(hottest, 0, "scrambled, seed {seed}");
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let zeta: f64 = (1..=keys).map(|rank| f64::from(rank).powf(-0.99)).sum();
        let drawn = f64::from(counts[0]) / 400_000.0;
        assert!((drawn * zeta - 1.0).abs() < 0.05, "the hottest has {drawn}, not {}", 1.0 / zeta);
        let hundred: u32 = counts[..100].iter().sum();
        let due: f64 = (1..=100).map(|rank| f64::from(rank).powf(-0.99)).sum::<f64>() / zeta;
        assert!((f64::from(hundred) / 400_000.0 / due - 1.0).abs() < 0.05, "{hundred}");
    }

    #[test]
    fn a_seed_gives_the_same_draws_again() {
        let draw = |seed| Draw::Uniform.offsets(1 << 20, 50, seed);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert_eq!(Draw::InTurn.offsets(3, 5, 0), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_batch_is_a_slice_of_whole_requests() {
        let gets = Requests::gets(Spelling::Benchmark, vec![3, 1, 4, 1], 20);
        let one = |key: &str| format!("*2\r\n$3\r\nGET\r\n$16\r\nkey:{key}\r\n");
        let expected = one("000000000001") + &one("000000000004");
        assert_eq!(gets.batch(1, 2), expected.as_bytes());
        assert_eq!(gets.batch(3, 9), one("000000000001").as_bytes());
        assert_eq!((gets.batch(4, 1), gets.offset(2), gets.len()), (&b""[..], 4, 4));
        let sets = Requests::sets(Spelling::Benchmark, vec![7], 20);
        assert_eq!(
            sets.batch(0, 1),
            b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$20\r\nV0000000007s20AAAAAL\r\n"
        );
    }
}
