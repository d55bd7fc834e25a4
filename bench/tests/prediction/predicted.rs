//! The miss ratio that the ghost cache predicts, calibrated as the proxy calibrates it.

use hare::{Access, Calibration, GhostCache, GhostConfig, MissRatioCurve, RedisMemory};

use crate::cache_aside::Pace;
use crate::workload::Workload;

/// What a ghost cache learned of a run's measured reads.
#[derive(Debug)]
pub(crate) struct Predicted {
    curve: MissRatioCurve,
    mean_entry_bytes: f64,
}

impl Predicted {
    /// As the proxy's ghost cache sees it, with a curve up to `reach` modelled bytes.
    pub(crate) fn by_proxy(workload: &Workload, pace: Pace, reach: u64) -> Self {
        Self::learn(workload, pace, GhostConfig::up_to(reach))
    }

    /// As a ghost cache that watches every key sees it: exact LRU.
    pub(crate) fn by_exact_lru(workload: &Workload, pace: Pace, reach: u64) -> Self {
        let config = GhostConfig { max_tracked_keys: usize::MAX, ..GhostConfig::up_to(reach) };
        Self::learn(workload, pace, config)
    }

    fn learn(workload: &Workload, pace: Pace, config: GhostConfig) -> Self {
        let mut ghost = GhostCache::new(config);
        let (warm_up, rest) = workload.reads.split_at(pace.warm_up);
        for &read in warm_up {
            let hash = workload.hashes[read.key as usize];
            ghost.access(hash, workload.entry_bytes(read), Access::Read);
        }
        let _ = ghost.take_window(warm_up.len() as u64);
        for &read in &rest[..pace.measured] {
            let hash = workload.hashes[read.key as usize];
            ghost.access(hash, workload.entry_bytes(read), Access::Read);
        }
        let curve = ghost.take_window(pace.measured as u64).curve().expect("there were reads");
        Self { curve, mean_entry_bytes: ghost.mean_entry_bytes() }
    }

    /// The miss ratio at `maxmemory`, by the calibration that `memory` gives.
    pub(crate) fn miss_ratio(&self, memory: &RedisMemory, maxmemory_bytes: u64) -> f64 {
        let calibration = Calibration::measure(memory, self.mean_entry_bytes);
        calibration.apply(&self.curve).miss_ratio_at(maxmemory_bytes)
    }
}
