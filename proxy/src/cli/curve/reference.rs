//! A file of cache sizes, perhaps with the miss ratios that are true there.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use hare::MissRatioCurve;
use serde::Deserialize;

use super::Failure;

/// Sizes at which to give the miss ratio.
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    /// Cache sizes, increasing.
    pub(super) bytes: Vec<u64>,
    /// What the miss ratio is at each of them, if the file says so.
    miss_ratio: Option<Vec<f64>>,
}

impl Reference {
    /// Reads and checks a file: JSON with `bytes` and, optionally, `miss_ratio`.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let file = File::open(path).map_err(|error| {
            Failure::input(format!(
                "cannot read {name}: {error}; --bytes-from takes a JSON file with `bytes`"
            ))
        })?;
        let reference: Self = serde_json::from_reader(BufReader::new(file))
            .map_err(|error| Failure::input(format!("{name}: {error}")))?;
        // A ratio that rises may be right for another kind of cache, so only the sizes are checked as a curve.
        let ratios = reference.miss_ratio.as_ref();
        let flat = vec![1.0; ratios.map_or(reference.bytes.len(), Vec::len)];
        MissRatioCurve::new(reference.bytes.clone(), flat)
            .map_err(|error| Failure::input(format!("{name}: {error}")))?;
        if let Some(at) = ratios.and_then(|r| r.iter().position(|r| !(0.0..=1.0).contains(r))) {
            return Err(Failure::input(format!("{name}: miss_ratio[{at}] is outside 0..=1")));
        }
        Ok(reference)
    }

    /// The largest size.
    pub(super) fn most_bytes(&self) -> u64 {
        self.bytes.last().copied().unwrap_or(1)
    }

    /// How far ratios at the same sizes are off, on average; `None` if the file gives none.
    pub(super) fn mean_absolute_error(&self, miss_ratio: &[f64]) -> Option<f64> {
        let exact = self.miss_ratio.as_ref()?;
        let sum: f64 = exact.iter().zip(miss_ratio).map(|(exact, got)| (exact - got).abs()).sum();
        Some(sum / exact.len() as f64)
    }
}
