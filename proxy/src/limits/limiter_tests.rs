//! What a limiter promises to those who wait: order, no lost tokens, new rates at once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Amount, Cause, Limiter, Rate, Resource};

const LONG: Duration = Duration::from_secs(20);

fn limiter(units_per_s: f64) -> Arc<Limiter> {
    limiter_at(Some(Rate::per_second(units_per_s)))
}

fn limiter_at(rate: Option<Rate>) -> Arc<Limiter> {
    Arc::new(Limiter::new("orders".into(), Resource::ReadUnits, rate))
}

fn spawn_charge(limiter: &Arc<Limiter>, units: u64) -> tokio::task::JoinHandle<bool> {
    let limiter = Arc::clone(limiter);
    tokio::spawn(async move { limiter.charge(Amount::units(units), LONG).await.is_ok() })
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < give_up, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn until_waiting(limiter: &Limiter, waiters: usize) {
    until("waiters in line", || limiter.stats().waiting == waiters).await;
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn waiters_are_served_in_order_and_nobody_overtakes() {
    let limiter = limiter(0.0);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..50u64 {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            limiter.charge(Amount::units(1 + number % 3), LONG).await.unwrap();
            order.lock().push(number);
        }));
    }
    until_waiting(&limiter, 50).await;
    limiter.set_rate(Some(Rate::per_second(500.0)));
    until("some but not all were served", || limiter.stats().waiting < 40).await;
    assert!(!limiter.try_charge(Amount::half_units(1)), "overtook the line");
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_amount_above_the_burst_is_gathered_over_time() {
    let limiter = limiter(50.0);
    let start = Instant::now();
    limiter.charge(Amount::units(50), LONG).await.unwrap();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(960) && took < Duration::from_millis(1500), "{took:?}");
}

#[tokio::test]
async fn a_wait_ends_at_max_wait() {
    let limiter = limiter(50.0);
    let max_wait = Duration::from_millis(150);
    let start = Instant::now();
    let error = limiter.charge(Amount::units(100), max_wait).await.unwrap_err();
    let took = start.elapsed();
    assert!(took >= max_wait && took < Duration::from_millis(250), "{took:?}");
    assert_eq!(error.cause, Cause::Waited(max_wait));
    let stats = limiter.stats();
    assert_eq!((stats.waiting, stats.waits, stats.throttled), (0, 1, 1));
    assert!(stats.waited >= max_wait && stats.used == Amount::ZERO);
}

#[tokio::test]
async fn a_hopeless_request_does_not_hold_up_others() {
    let limiter = limiter(100.0);
    let hopeless = {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(
            async move { limiter.charge(Amount::units(1000), Duration::from_secs(3)).await },
        )
    };
    until_waiting(&limiter, 1).await;
    let start = Instant::now();
    limiter.charge(Amount::units(5), LONG).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    hopeless.abort();
}

#[tokio::test]
async fn a_raise_saves_a_hopeless_request_before_younger_ones() {
    let limiter = limiter(1.0);
    let old = spawn_charge(&limiter, 5000);
    until_waiting(&limiter, 1).await;
    let young = spawn_charge(&limiter, 15);
    until_waiting(&limiter, 2).await;
    let start = Instant::now();
    limiter.set_rate(Some(Rate::per_second(100_000.0)));
    assert!(old.await.unwrap() && young.await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_full_line_refuses_at_once() {
    let limiter = Limiter::with_max_waiters("orders".into(), Resource::Net, Some(Rate::ZERO), 1);
    let mut first = pin!(limiter.charge(Amount::bytes(1), LONG));
    assert!(poll_once(first.as_mut()).is_pending());
    let error = limiter.charge(Amount::bytes(1), LONG).await.unwrap_err();
    assert_eq!(error.cause, Cause::Crowded);
}

#[tokio::test]
async fn a_dropped_waiter_leaves_and_the_next_is_served() {
    let limiter = limiter(100.0);
    let big = spawn_charge(&limiter, 1000);
    until_waiting(&limiter, 1).await;
    let next = spawn_charge(&limiter, 60);
    until_waiting(&limiter, 2).await;
    tokio::time::sleep(Duration::from_millis(650)).await;
    let start = Instant::now();
    big.abort();
    assert!(next.await.unwrap());
    assert!(start.elapsed() < Duration::from_millis(400), "what was gathered is passed on");
    until_waiting(&limiter, 0).await;
    assert_eq!(limiter.stats().used, Amount::units(60));
}

#[tokio::test]
async fn tokens_granted_to_a_dropped_future_are_returned() {
    let limiter = limiter(0.0);
    {
        let mut unlucky = pin!(limiter.charge(Amount::units(30), LONG));
        assert!(poll_once(unlucky.as_mut()).is_pending());
        let next = spawn_charge(&limiter, 30);
        until_waiting(&limiter, 2).await;
        limiter.set_rate(Some(Rate::per_second(1000.0)));
        until("both were served", || limiter.stats().waiting == 0).await;
        assert!(next.await.unwrap());
        limiter.set_rate(Some(Rate::per_second(1.0)));
        let heir = spawn_charge(&limiter, 25);
        until_waiting(&limiter, 1).await;
        tokio::task::yield_now().await;
        assert!(!heir.is_finished());
    }
    until("the heir was served", || limiter.stats().waiting == 0).await;
    assert_eq!(limiter.stats().used, Amount::units(55));
}

#[tokio::test]
async fn a_storm_of_cancellations_loses_no_tokens() {
    let limiter = limiter(20_000.0);
    let start = Instant::now();
    let mut granted = 0;
    for round in 0u64..200 {
        let tasks: Vec<_> = (0..20).map(|n| spawn_charge(&limiter, 1 + (n + round) % 7)).collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        for (number, task) in tasks.into_iter().enumerate() {
            if number % 3 == 0 {
                task.abort();
            }
            let amount = 1 + (u64::try_from(number).unwrap() + round) % 7;
            granted += if task.await.unwrap_or(false) { amount } else { 0 };
        }
    }
    let took = start.elapsed().as_secs_f64();
    let stats = limiter.stats();
    assert_eq!(stats.waiting, 0);
    // A task aborted after its charge had returned counts as used, but not as granted here.
    assert!(stats.used >= Amount::units(granted));
    assert!(stats.used.as_f64() <= 20_000.0 * took + 2.0 * 800.0 + 7.0);
}

#[tokio::test]
async fn new_rates_reach_waiters_at_once() {
    let limiter = limiter(0.5);
    let slow = spawn_charge(&limiter, 3);
    until_waiting(&limiter, 1).await;
    let start = Instant::now();
    limiter.set_rate(Some(Rate::per_second(1000.0)));
    assert!(slow.await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1), "raised: {:?}", start.elapsed());

    limiter.set_rate(Some(Rate::ZERO));
    assert!(!limiter.try_charge(Amount::half_units(1)), "zero blocks at once");
    let blocked = spawn_charge(&limiter, 3_000_000);
    until_waiting(&limiter, 1).await;
    limiter.set_rate(None);
    assert!(blocked.await.unwrap());
    assert!(limiter.try_charge(Amount::units(1 << 40)), "unlimited");

    limiter.set_rate(Some(Rate::per_second(10.0)));
    assert!(!limiter.try_charge(Amount::units(2)), "a new limit starts with no burst");
}

#[tokio::test]
async fn a_lowered_rate_slows_those_who_wait() {
    let limiter = limiter(10_000.0);
    let waiting = spawn_charge(&limiter, 3000);
    until_waiting(&limiter, 1).await;
    limiter.set_rate(Some(Rate::per_second(1.0)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!waiting.is_finished());
    waiting.abort();
    until_waiting(&limiter, 0).await;
}

#[tokio::test]
async fn re_tuning_all_the_time_neither_gives_nor_takes() {
    let limiter = limiter(2000.0);
    let charger = {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move { while limiter.charge(Amount::units(2), LONG).await.is_ok() {} })
    };
    let (start, mut allowed) = (Instant::now(), 0.0);
    let mut last = start;
    for round in 0..300 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        limiter.set_rate(Some(Rate::per_second(if round % 2 == 0 { 4000.0 } else { 2000.0 })));
        let now = Instant::now();
        let rate = if round % 2 == 0 { 2000.0 } else { 4000.0 };
        allowed += rate * (now - last).as_secs_f64();
        last = now;
    }
    let ratio = limiter.stats().used.as_f64() / allowed;
    charger.abort();
    assert!((0.9..1.03).contains(&ratio), "{ratio}");
}

#[tokio::test]
async fn extra_use_is_debt_paid_before_the_next_grant() {
    let limiter = limiter(100.0);
    limiter.charge(Amount::units(1), LONG).await.unwrap();
    limiter.settle(Amount::units(1), Amount::units(31));
    assert_eq!(limiter.stats().used, Amount::units(31));
    let start = Instant::now();
    assert!(!limiter.try_charge(Amount::half_units(1)));
    limiter.charge(Amount::units(1), LONG).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_over_estimate_comes_back_but_not_above_the_burst() {
    let limiter = limiter(100.0);
    limiter.charge(Amount::units(40), LONG).await.unwrap();
    limiter.settle(Amount::units(40), Amount::half_units(1));
    assert!(limiter.try_charge(Amount::units(4)), "the burst came back");
    assert!(!limiter.try_charge(Amount::units(4)), "and no more than the burst");
}

#[tokio::test]
async fn a_credit_serves_those_who_wait() {
    let limiter = limiter(1.0);
    let waiting = spawn_charge(&limiter, 15);
    until_waiting(&limiter, 1).await;
    let start = Instant::now();
    limiter.settle(Amount::units(20), Amount::units(5));
    assert!(waiting.await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn the_line_moves_on_when_the_pump_never_ran() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limiter = limiter(100.0);
    let (first, second) = (runtime(), runtime());
    let mut forgotten = pin!(limiter.charge(Amount::units(10), LONG));
    {
        let _inside = first.enter();
        assert!(poll_once(forgotten.as_mut()).is_pending());
    }
    drop(first);
    let start = Instant::now();
    second.block_on(limiter.charge(Amount::units(10), LONG)).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_line_moves_on_when_the_runtime_of_the_pump_ends() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limiter = limiter(100.0);
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        drop(spawn_charge(&limiter, 10));
        until_waiting(&limiter, 1).await;
    });
    let waiter = {
        let _inside = second.enter();
        spawn_charge(&limiter, 10)
    };
    second.block_on(until_waiting(&limiter, 2));
    drop(first);
    let start = Instant::now();
    assert!(second.block_on(waiter).unwrap());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Two runtimes charge, time out and cancel while a third thread re-tunes; every token is
/// accounted for, nobody is left waiting and no task remains.
#[test]
fn nothing_is_lost_in_a_storm() {
    let limiter = limiter(5000.0);
    let stop = AtomicBool::new(false);
    let tally: u64 = thread::scope(|scope| {
        let workers: Vec<_> = (1..=2)
            .map(|seed| {
                let (limiter, stop) = (&limiter, &stop);
                scope.spawn(move || storm(limiter, stop, seed))
            })
            .collect();
        let start = Instant::now();
        for rate in
            [Some(50.0), Some(1e6), Some(0.0), Some(3000.0), None, Some(200.0)].iter().cycle()
        {
            limiter.set_rate(rate.map(Rate::per_second));
            let pause = Instant::now();
            while pause.elapsed() < Duration::from_millis(7) {
                thread::yield_now();
            }
            if start.elapsed() > Duration::from_millis(1200) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        limiter.set_rate(None);
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    let stats = limiter.stats();
    println!("{tally} units granted, {stats:?}");
    assert_eq!((stats.used, stats.waiting), (Amount::units(tally), 0));
}

/// Units granted to the chargers of one worker.
fn storm(limiter: &Arc<Limiter>, stop: &AtomicBool, seed: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let chargers = (0..32).map(|charger| async move {
            let (mut random, mut granted) = (seed * 1000 + charger, 0);
            while !stop.load(Ordering::Relaxed) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (units, wait_ms) = (1 + (random >> 33) % 90, (random >> 40) % 12);
                let charge = limiter.charge(Amount::units(units), Duration::from_millis(8));
                let patience = Duration::from_millis(wait_ms);
                if let Ok(Ok(())) = tokio::time::timeout(patience, charge).await {
                    granted += units / 2;
                    limiter.settle(Amount::units(units), Amount::units(units / 2));
                }
                tokio::task::yield_now().await;
            }
            granted
        });
        let mut chargers: Vec<_> = chargers.map(Box::pin).collect();
        let mut sum = 0;
        poll_fn(|context| {
            chargers.retain_mut(|charger| match charger.as_mut().poll(context) {
                Poll::Ready(granted) => {
                    sum += granted;
                    false
                }
                Poll::Pending => true,
            });
            if chargers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        until("the pump ended", || {
            tokio::runtime::Handle::current().metrics().num_alive_tasks() == 0
        })
        .await;
        sum
    })
}
