//! A trace in memory: keys as numbers, in the order of their first use.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;

use foldhash::quality::FixedState;
use hopperkv_trace::{SizeMeans, TraceError, TraceOp, TraceOptions, TraceReader};

/// Requests kept of one trace; 16 bytes each.
const MOST_STEPS: usize = 50_000_000;

/// One request of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) key: u32,
    pub(super) key_bytes: u32,
    pub(super) value_bytes: u32,
    pub(super) is_write: bool,
}

impl Step {
    /// Modelled bytes of the entry.
    pub(super) fn entry_bytes(&self) -> u32 {
        let (key, value) = (u64::from(self.key_bytes), u64::from(self.value_bytes));
        u32::try_from(hare::entry_footprint_bytes(key, value)).unwrap_or(u32::MAX)
    }
}

/// The requests of a trace; at least one.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) steps: Vec<Step>,
    /// Distinct keys.
    pub(super) keys: u32,
}

impl Recording {
    /// Reads a trace, of its keys the given part: those whose hash is low.
    ///
    /// # Errors
    /// A file that cannot be read or is no trace, or of which nothing is left.
    pub(super) fn read(path: &Path, part: f64) -> Result<Self, TraceError> {
        let mut reader = TraceReader::open(path, TraceOptions::default())?;
        let size_means = reader.columns().size_means();
        let hasher = FixedState::with_seed(0x7261_6365);
        let mut numbers = HashMap::<Box<[u8]>, u32>::new();
        let mut steps = Vec::new();
        while let Some(request) = reader.next_request()? {
            let mut hash = hasher.build_hasher();
            hash.write(&request.key);
            if (hash.finish() as f64) >= part * u64::MAX as f64 || steps.len() >= MOST_STEPS {
                continue;
            }
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let key = *numbers.entry(request.key).or_insert(next);
            let value_bytes = match size_means {
                SizeMeans::Value => request.size_bytes,
                SizeMeans::Entry => request.size_bytes.saturating_sub(request.key_bytes),
            };
            let is_write = request.op != TraceOp::Get;
            steps.push(Step { key, key_bytes: request.key_bytes, value_bytes, is_write });
        }
        let keys = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        if steps.is_empty() {
            let problem = format!("no request is left of it at a scale of {part}");
            return Err(TraceError::Content { name: path.display().to_string(), problem });
        }
        Ok(Self { steps, keys })
    }
}
