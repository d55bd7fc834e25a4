//! Predicted against real: what the ghost cache says of a `maxmemory`, and what a stock Redis of that
//! size then does with the same reads.
//!
//! The default test is small. With `HOPPERKV_LONG_TESTS=1` the table of `docs/curves.md` is measured
//! and printed (`scripts/measure-curves.sh`): it takes minutes, because Redis's LRU clock ticks once
//! a second and a cache that turns over within a few ticks is evicted from almost at random.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests fail by panicking; the numbers here are small and positive"
)]

mod cache_aside;
mod predicted;
mod series;
#[path = "../load/server.rs"]
#[expect(dead_code, reason = "its other users say more to the server")]
mod server;
mod workload;

use std::sync::Arc;

use self::series::{Outcome, Run, Series};
use self::workload::Workload;

/// The bar.
const WITHIN: f64 = 0.02;

/// Tight and roomy, hot and flat: predicted from another size's calibration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_redis_misses_as_often_as_predicted() {
    let small = |theta| {
        let series = Series {
            workload: Arc::new(Workload::zipf(16_000, theta, 80_000)),
            sizes_mib: &[3, 5],
            base_mib: 5,
            samples: &[10],
            turnover_s: 1.0,
            most_reads_per_s: 20_000.0,
            most_warm_up: 40_000,
            measured: 20_000,
        };
        (series.workload.name.clone(), tokio::spawn(series.run()))
    };
    for (name, task) in [0.99, 0.6].map(small) {
        for (run, outcome) in task.await.unwrap() {
            print_row(&name, &run, &outcome);
            assert!(run.measured.evicted > 500, "the cache is under pressure: {outcome:?}");
            for predicted in [outcome.predicted, outcome.predicted_here] {
                let off = (predicted - outcome.real).abs();
                assert!(off <= WITHIN, "{name}, {} MiB: {outcome:?}", run.mib);
            }
        }
    }
}

/// Sizes from tight to roomy, each workload's predicted by the Redis of one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_of_sizes() {
    let Some(flat) = flat() else { return };
    let hot = Series { workload: zipf(0.99), ..flat.clone() };
    let twitter = Workload::twitter().map(|workload| Series {
        workload: Arc::new(workload),
        sizes_mib: &[3, 4, 8, 16, 32],
        base_mib: 8,
        most_warm_up: 600_000,
        measured: 100_000,
        ..flat.clone()
    });
    let mut tasks = Vec::new();
    for series in [Some(hot), Some(flat), twitter].into_iter().flatten() {
        tasks.push((series.workload.name.clone(), tokio::spawn(series.run())));
    }
    print_head();
    let mut worst = 0.0_f64;
    for (name, task) in tasks {
        for (run, outcome) in task.await.unwrap() {
            print_row(&name, &run, &outcome);
            for predicted in [outcome.predicted, outcome.predicted_here] {
                worst = worst.max((predicted - outcome.real).abs());
            }
        }
    }
    println!("\nworst difference: {worst:.4}");
    assert!(worst <= WITHIN, "{worst}");
}

/// The same size, turning over ever faster: what Redis's clock of whole seconds costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_of_turnovers() {
    let Some(flat) = flat() else { return };
    print_head();
    for turnover_s in [0.5, 1.0, 2.0, 5.0] {
        let faster = Series {
            sizes_mib: &[16],
            turnover_s,
            most_reads_per_s: 100_000.0,
            measured: 40_000,
            ..flat.clone()
        };
        for (run, outcome) in faster.run().await {
            print_row("zipf 0.6", &run, &outcome);
        }
    }
}

/// A cycle through more keys than fit, what LRU is worst at: approximate LRU does better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_of_cycles() {
    let Some(flat) = flat() else { return };
    let workload = Arc::new(Workload::cycle(30_000, 300_000));
    let sizes_mib = &[8, 16, 24];
    let cycle = Series { workload, sizes_mib, most_warm_up: 60_000, measured: 60_000, ..flat };
    print_head();
    for (run, outcome) in cycle.run().await {
        print_row("cycle", &run, &outcome);
    }
}

/// Zipf with a flat head, the workload that other series vary; `None` in a short test run.
fn flat() -> Option<Series> {
    if std::env::var_os("HOPPERKV_LONG_TESTS").is_none_or(|value| value != "1") {
        println!("skipped: takes minutes; HOPPERKV_LONG_TESTS=1 runs it");
        return None;
    }
    Some(Series {
        workload: zipf(0.6),
        sizes_mib: &[4, 8, 16, 32, 48],
        base_mib: 16,
        samples: &[5, 10],
        turnover_s: 10.0,
        most_reads_per_s: 6000.0,
        most_warm_up: 400_000,
        measured: 50_000,
    })
}

fn zipf(theta: f64) -> Arc<Workload> {
    Arc::new(Workload::zipf(100_000, theta, 1_000_000))
}

/// The last three columns are differences to what was measured: predicted by the Redis of the base
/// size, by the run's own Redis, and exact LRU's.
fn print_head() {
    println!(
        "| workload | maxmemory | samples | turnover | measured | predicted | difference \
         | calibrated here | exact LRU |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
}

fn print_row(name: &str, run: &Run, outcome: &Outcome) {
    let turnover = run.turnover_s.map_or_else(|| String::from("never"), |s| format!("{s:.1} s"));
    let Outcome { real, predicted, predicted_here, exact_lru } = outcome;
    println!(
        "| {name} | {} MiB | {} | {turnover} | {real:.4} | {predicted:.4} | {:+.4} \
         | {:+.4} | {:+.4} |",
        run.mib,
        run.samples,
        predicted - real,
        predicted_here - real,
        exact_lru - real,
    );
}
