//! Accuracy against the real clock: what is delivered, over the whole run and in any window.
//!
//! `HOPPERKV_LONG_TESTS=1` runs 12 s per case instead of 2.5 s and checks every 10 s window.
//! A machine that stalls its threads for longer than the burst loses tokens, so the observed
//! stalls widen the bounds; they are printed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Amount, Limiter, Rate, Resource};

const WORKERS: u64 = 2;
const PATIENT: Duration = Duration::from_secs(60);
const BURST_S: f64 = 0.04;

#[derive(Clone, Copy, Debug)]
struct Case {
    units_per_s: f64,
    chargers: u64,
    /// Multiplies the mixed amounts, to bound the CPU a test uses at high rates.
    scale: f64,
    /// Now and then an amount larger than the burst.
    with_large: bool,
    max_wait: Duration,
}

/// What one worker thread saw: grants by time since the start, and its own stalls in seconds.
struct Seen {
    grants: Vec<(f64, f64)>,
    longest_stall_s: f64,
    stalls_s: f64,
}

#[test]
fn one_charger_gets_the_quota() {
    check(1);
}

#[test]
fn sixteen_chargers_get_the_quota() {
    check(16);
}

#[test]
fn two_hundred_and_fifty_six_chargers_get_the_quota() {
    check(256);
}

#[test]
fn a_million_units_in_small_amounts() {
    let max_wait = PATIENT;
    let case = Case { units_per_s: 1e6, chargers: 64, scale: 1.0, with_large: false, max_wait };
    run(case, run_time());
}

/// Four of five requests are throttled here, and the rest still get the whole quota.
#[test]
fn waits_in_vain_waste_no_tokens() {
    let max_wait = Duration::from_millis(300);
    let case = Case { units_per_s: 100.0, chargers: 128, scale: 1.0, with_large: true, max_wait };
    run(case, run_time());
}

fn check(chargers: u64) {
    thread::scope(|scope| {
        for units_per_s in [50.0, 1e3, 1e5, 1e6] {
            let scale = f64::max(units_per_s / 20_000.0, 1.0);
            let case = Case { units_per_s, chargers, scale, with_large: true, max_wait: PATIENT };
            scope.spawn(move || run(case, run_time()));
        }
    });
}

fn is_long() -> bool {
    std::env::var_os("HOPPERKV_LONG_TESTS").is_some_and(|value| value == "1")
}

fn run_time() -> Duration {
    Duration::from_millis(if is_long() { 12_000 } else { 2_500 })
}

fn run(case: Case, time: Duration) {
    let rate = Rate::per_second(case.units_per_s);
    let limiter = Arc::new(Limiter::new("orders".into(), Resource::ReadUnits, Some(rate)));
    let start = Instant::now();
    let seen: Vec<Seen> = thread::scope(|scope| {
        let limiter = &limiter;
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || work(limiter, case, worker, start, time)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut grants: Vec<_> = seen.iter().flat_map(|seen| seen.grants.iter().copied()).collect();
    // Workers end one after the other and what they were just granted goes unrecorded.
    grants.retain(|grant| grant.0 < time.as_secs_f64() - 0.1);
    grants.sort_by(|a, b| a.0.total_cmp(&b.0));
    let longest_stall_s = seen.iter().map(|seen| seen.longest_stall_s).fold(0.0, f64::max);
    let stalls_s: f64 = seen.iter().map(|seen| seen.stalls_s).sum();
    let largest = grants.iter().map(|grant| grant.1).fold(0.0, f64::max);

    let (ratio, seconds) = delivered(&grants, case.units_per_s);
    let excess = largest_excess(&grants, case.units_per_s);
    let bound = f64::max(2.0 * BURST_S * case.units_per_s, 2.0) + largest;
    println!(
        "{:>9}/s x {:>3}: delivered {ratio:.4} of quota over {seconds:.1} s; worst window + {:.1} ms \
         of rate (bound {:.1} ms); {} grants, {} throttled, largest {largest}, longest stall {:.1} ms",
        case.units_per_s,
        case.chargers,
        excess / case.units_per_s * 1e3,
        bound / case.units_per_s * 1e3,
        grants.len(),
        limiter.stats().throttled,
        longest_stall_s * 1e3,
    );
    let slack = (0.005 + longest_stall_s) * case.units_per_s;
    assert!(ratio >= 0.99 - stalls_s / seconds, "{case:?}: delivered {ratio} of the quota");
    assert!(excess <= bound + slack, "{case:?}: {excess} above the rate, bound {bound} + {slack}");
    if is_long() {
        check_windows(&grants, case, (largest + slack) / (10.0 * case.units_per_s));
    }
}

/// One worker: a current-thread runtime with its share of the chargers.
fn work(limiter: &Arc<Limiter>, case: Case, worker: u64, start: Instant, time: Duration) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let grants = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        for charger in (worker..case.chargers).step_by(usize::try_from(WORKERS).unwrap()) {
            let (limiter, grants) = (Arc::clone(limiter), std::rc::Rc::clone(&grants));
            tokio::task::spawn_local(async move {
                let mut random = 0x9E37_79B9_7F4A_7C15 ^ (charger + 1);
                for turn in 1u64.. {
                    let units = next_amount(&mut random, case);
                    if limiter.charge(Amount::from_f64(units), case.max_wait).await.is_ok() {
                        grants.borrow_mut().push((start.elapsed().as_secs_f64(), units));
                    }
                    if turn % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        let (mut longest_stall_s, mut stalls_s) = (0.0, 0.0);
        while start.elapsed() < time {
            let before = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let stall_s = before.elapsed().as_secs_f64() - 0.002;
            longest_stall_s = f64::max(longest_stall_s, stall_s);
            stalls_s += f64::max(stall_s - BURST_S / 2.0, 0.0);
        }
        Seen { grants: grants.take(), longest_stall_s, stalls_s }
    })
}

fn next_amount(random: &mut u64, case: Case) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    match *random % 100 {
        0..2 if case.with_large => 0.06 * case.units_per_s,
        n => [0.5, 1.0, 1.0, 2.0, 3.0][usize::try_from(n % 5).unwrap()] * case.scale,
    }
}

/// Delivered share of the quota between the first and the last grant, and that time.
fn delivered(grants: &[(f64, f64)], units_per_s: f64) -> (f64, f64) {
    let (first, last) = (grants[0].0, grants[grants.len() - 1].0);
    let sum: f64 = grants[1..].iter().map(|grant| grant.1).sum();
    (sum / units_per_s / (last - first), last - first)
}

/// The most that any window was granted above what the rate allows in its length.
fn largest_excess(grants: &[(f64, f64)], units_per_s: f64) -> f64 {
    let (mut sum, mut least, mut worst) = (0.0, f64::INFINITY, 0.0);
    for &(at_s, units) in grants {
        least = f64::min(least, sum - units_per_s * at_s);
        sum += units;
        worst = f64::max(worst, sum - units_per_s * at_s - least);
    }
    worst
}

/// Every 10 s window that starts at a grant, after the first second.
fn check_windows(grants: &[(f64, f64)], case: Case, tolerance: f64) {
    let (mut end, mut sum, mut low, mut high) = (0, 0.0, f64::INFINITY, 0.0);
    for &(at_s, units) in grants {
        while end < grants.len() && grants[end].0 < at_s + 10.0 {
            sum += grants[end].1;
            end += 1;
        }
        if end == grants.len() {
            break;
        }
        let ratio = sum / (10.0 * case.units_per_s);
        (low, high) = (f64::min(low, ratio), f64::max(high, ratio));
        sum -= units;
    }
    println!(
        "{:>9}/s x {:>3}: 10 s windows {low:.4} .. {high:.4}",
        case.units_per_s, case.chargers
    );
    assert!(low >= 0.99 - tolerance && high <= 1.01 + tolerance, "{case:?}: {low} .. {high}");
}
