//! A workload at several cache sizes, each in a Redis of its own, all at once.

use std::sync::Arc;

use hare::RedisMemory;
use tokio::task::JoinSet;

use crate::cache_aside::{Measured, Pace, measure};
use crate::predicted::Predicted;
use crate::workload::Workload;

pub(crate) const MIB: u64 = 1 << 20;
/// What Redis uses before it holds an entry, roughly; for choosing paces only.
const FIXED_BYTES: u64 = MIB;
/// How many times a tenant's base its curve reaches, as in the proxy.
const REACH: u64 = 4;

/// A workload at several sizes.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) workload: Arc<Workload>,
    pub(crate) sizes_mib: &'static [u64],
    /// The size whose Redis calibrates all predictions, as a tenant's does for other sizes than its own.
    pub(crate) base_mib: u64,
    pub(crate) samples: &'static [u32],
    /// Seconds in which the cache turns over.
    pub(crate) turnover_s: f64,
    pub(crate) most_reads_per_s: f64,
    pub(crate) most_warm_up: usize,
    pub(crate) measured: usize,
}

/// One run: a size and a number of samples.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) mib: u64,
    pub(crate) samples: u32,
    /// Seconds in which the cache did turn over; `None` if it never filled.
    pub(crate) turnover_s: Option<f64>,
    pub(crate) measured: Measured,
    by_proxy: Predicted,
    by_exact_lru: Predicted,
}

/// A run and what was predicted for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) real: f64,
    /// Predicted by the Redis of the base size.
    pub(crate) predicted: f64,
    /// Predicted by this run's own Redis.
    pub(crate) predicted_here: f64,
    /// Exact LRU, by the Redis of the base size.
    pub(crate) exact_lru: f64,
}

impl Series {
    /// Runs every size with every number of samples; sizes in order, then samples.
    pub(crate) async fn run(self) -> Vec<(Run, Outcome)> {
        let series = Arc::new(self);
        let mut tasks = JoinSet::new();
        for &mib in series.sizes_mib {
            for &samples in series.samples {
                tasks.spawn(Arc::clone(&series).one(mib, samples));
            }
        }
        let mut runs = tasks.join_all().await;
        runs.sort_by_key(|run| (run.mib, run.samples));
        let base = runs.iter().find(|run| run.mib == series.base_mib).expect("the base is a size");
        let base = base.measured.memory;
        runs.into_iter()
            .map(|run| {
                let outcome = run.outcome(&base);
                (run, outcome)
            })
            .collect()
    }

    async fn one(self: Arc<Self>, mib: u64, samples: u32) -> Run {
        let turnover = self.workload.turnover_reads(mib * MIB - FIXED_BYTES);
        let reads = turnover.unwrap_or(self.most_warm_up) as f64;
        let pace = Pace {
            warm_up: ((1.5 * reads) as usize).min(self.most_warm_up),
            measured: self.measured,
            reads_per_s: (reads / self.turnover_s).min(self.most_reads_per_s),
        };
        let measured = measure(&self.workload, mib * MIB, samples, pace).await;
        let measured = measured.expect("Redis serves");
        let reach = REACH * self.base_mib * MIB;
        Run {
            mib,
            samples,
            turnover_s: turnover.map(|reads| reads as f64 / measured.reads_per_s),
            measured,
            by_proxy: Predicted::by_proxy(&self.workload, pace, reach),
            by_exact_lru: Predicted::by_exact_lru(&self.workload, pace, reach),
        }
    }
}

impl Run {
    fn outcome(&self, base: &RedisMemory) -> Outcome {
        let bytes = self.mib * MIB;
        Outcome {
            real: self.measured.miss_ratio,
            predicted: self.by_proxy.miss_ratio(base, bytes),
            predicted_here: self.by_proxy.miss_ratio(&self.measured.memory, bytes),
            exact_lru: self.by_exact_lru.miss_ratio(base, bytes),
        }
    }
}
