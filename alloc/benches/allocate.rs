//! Time of one `allocate` call over the number of tenants, per policy, and over the number of steps.
//!
//! `cargo bench -p hare --bench allocate`, then `scripts/plot-allocate.py` draws the figure in
//! `docs/figures/` from what criterion measured.

// The generator is that of the optimality tests, so that what is timed is what is judged there.
#[path = "../tests/optimality/instances.rs"]
mod instances;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hare::{Policy, allocate};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Ticks per curve.
const TICKS: usize = 128;
/// Problems per size; a measurement is the mean over them, for they differ in difficulty.
const PROBLEMS: u64 = 16;
/// From here on one problem is enough: large ones resemble each other.
const LARGE: usize = 1024;

fn problems(tenants: usize) -> Vec<instances::Problem> {
    let problems = if tenants < LARGE { PROBLEMS } else { 1 };
    (0..problems).map(|seed| instances::sized(seed, tenants, TICKS)).collect()
}

fn over_tenants(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tenants");
    for tenants in [2, 16, 128, 1024, 10_000] {
        let problems = problems(tenants);
        group.throughput(Throughput::Elements(problems.len() as u64));
        group.sample_size(if tenants < LARGE { 50 } else { 10 });
        for policy in [Policy::Optimum, Policy::Hare, Policy::Drf, Policy::Memshare] {
            // It makes trade after trade, each looking at every tenant: seconds for one call.
            if policy == Policy::Memshare && tenants > LARGE {
                continue;
            }
            group.bench_function(BenchmarkId::new(policy.name(), tenants), |bencher| {
                bencher.iter(|| {
                    for problem in &problems {
                        black_box(allocate(policy, &problem.params, &problem.tenants));
                    }
                });
            });
        }
    }
}

/// The same problems with finer steps: the base cache is 64, 640 and 6,400 of them.
fn over_steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("steps");
    let mut problems = problems(16);
    for steps in [64, 640, 6400] {
        group.throughput(Throughput::Elements(problems.len() as u64));
        group.bench_function(BenchmarkId::new(Policy::Optimum.name(), steps), |bencher| {
            bencher.iter(|| {
                for problem in &problems {
                    black_box(allocate(Policy::Optimum, &problem.params, &problem.tenants));
                }
            });
        });
        for problem in &mut problems {
            problem.params.cache_step_bytes /= 10;
        }
    }
}

/// The hard case: reads and net bind together, so that no weight between them settles the split.
fn short_of_both(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(0);
    let problems: Vec<_> =
        problems(16).into_iter().map(|problem| problem.balanced(&mut rng)).collect();
    let mut group = criterion.benchmark_group("short of reads and net");
    group.throughput(Throughput::Elements(problems.len() as u64));
    group.bench_function(BenchmarkId::new(Policy::Optimum.name(), 16), |bencher| {
        bencher.iter(|| {
            for problem in &problems {
                black_box(allocate(Policy::Optimum, &problem.params, &problem.tenants));
            }
        });
    });
}

criterion_group!(benches, over_tenants, over_steps, short_of_both);
criterion_main!(benches);
