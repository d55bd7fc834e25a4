//! Time per access of the ghost cache, averaged over all accesses, sampled or not; hashes are ready.
//!
//! `cargo bench -p hare --bench ghost`. Each iteration feeds a whole load to a new ghost cache, so that
//! the fall of the rate and the time lines that fill are part of the figure.

#[path = "../tests/load/mod.rs"]
mod load;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hare::{Access, GhostCache, GhostConfig};
use load::{Choice, Load, hash};

const READS: usize = 2_000_000;

fn cost(criterion: &mut Criterion) {
    let mut loads = vec![
        ("zipf 0.99 of 1 M keys", Load::new(Choice::Zipf(0.99), 1_000_000, READS, false, 1)),
        ("uniform of 1 M keys", Load::new(Choice::Uniform, 1_000_000, READS, false, 2)),
        ("zipf 0.99 of 16 k keys", Load::new(Choice::Zipf(0.99), 16_000, READS, false, 3)),
        ("uniform of 16 k keys", Load::new(Choice::Uniform, 16_000, READS, false, 4)),
    ];
    loads.extend(Load::twitter().map(|load| ("a Twitter trace", load)));
    let mut group = criterion.benchmark_group("ghost");
    group.sample_size(10);
    for (name, load) in &loads {
        let max_bytes = load.working_set_bytes();
        let hashed = |&(key, bytes): &(u32, u32)| (hash(u64::from(key), 1), u64::from(bytes));
        let reads: Vec<(u64, u64)> = load.reads.iter().map(hashed).collect();
        group.throughput(Throughput::Elements(reads.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let mut ghost = GhostCache::new(GhostConfig::up_to(max_bytes));
                for &(key_hash, bytes) in &reads {
                    ghost.access(key_hash, bytes, Access::Read);
                }
                black_box(ghost.take_window(reads.len() as u64))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cost);
criterion_main!(benches);
