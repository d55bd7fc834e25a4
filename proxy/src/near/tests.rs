//! A worker's near cache under made-up traffic.

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use rand::distr::Distribution as _;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::hash::of_key;

const MIB: u64 = 1 << 20;

fn reply(value: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// A `GET` of a key whose value Redis would give as `value`: true if it was served, and what.
fn get(near: &NearCache, key: &[u8], value: &[u8]) -> (bool, Vec<u8>) {
    let mut out = Vec::new();
    match near.seek(key, of_key(key), |copy| out.extend_from_slice(copy.reply())) {
        Sought::Served => (true, out),
        Sought::NotHere(wanted) => {
            let answered = reply(value);
            if let Some(stamp) = wanted
                && let Some(offer) =
                    near.offer(key, of_key(key), stamp, &answered, value.len(), 500)
            {
                near.keep(offer, true, None);
            }
            (false, answered)
        }
    }
}

#[test]
fn a_key_that_is_read_again_and_again_is_served() {
    let near = Near::new(MIB, 64 * MIB, 2).open();
    let served: Vec<bool> = (0..5).map(|_| get(&near, b"k", b"v").0).collect();
    assert_eq!(served, [false, false, true, true, true]);
    assert_eq!(get(&near, b"k", b"v"), (true, reply(b"v")));
}

#[test]
fn a_write_on_any_worker_ends_the_copies_of_all() {
    let tenant = Near::new(MIB, 64 * MIB, 2);
    let workers = [tenant.open(), tenant.open()];
    for worker in &workers {
        while !get(worker, b"k", b"old").0 {}
    }
    let writing = tenant.begin_write(of_key(b"k"));
    for worker in &workers {
        for _ in 0..10 {
            assert!(!get(worker, b"k", b"old").0, "while the write is in progress");
        }
    }
    drop(writing);
    for worker in &workers {
        assert_eq!(get(worker, b"k", b"new"), (false, reply(b"new")));
        while !get(worker, b"k", b"new").0 {}
        assert_eq!(get(worker, b"k", b"new").1, reply(b"new"));
    }
    tenant.void(of_key(b"k"));
    assert!(workers.iter().all(|worker| !get(worker, b"k", b"new").0));
}

#[test]
fn what_changed_between_the_question_and_the_answer_is_not_kept() {
    let tenant = Near::new(MIB, 64 * MIB, 1);
    let near = tenant.open();
    let hash = of_key(b"k");
    for after_offer in [false, true] {
        let stamp = loop {
            if let Sought::NotHere(Some(stamp)) = near.seek(b"k", hash, |_| unreachable!()) {
                break stamp;
            }
        };
        if !after_offer {
            drop(tenant.begin_write(hash));
        }
        let offer = near.offer(b"k", hash, stamp, &reply(b"old"), 3, 500);
        assert_eq!(offer.is_some(), after_offer);
        if let Some(offer) = offer {
            drop(tenant.begin_write(hash));
            near.keep(offer, true, None);
        }
        assert_eq!(tenant.used().copies, 0);
    }
    assert_eq!(near.offers.get(), 0);
}

#[test]
fn a_copy_is_not_served_up_to_its_expiry() {
    let near = Near::new(MIB, 64 * MIB, 1).open();
    let hash = of_key(b"k");
    let keep = |expires_at_ms| {
        let offer = near.offer(b"k", hash, near.stamps.now(hash), &reply(b"v"), 1, 500);
        near.keep(offer.unwrap(), true, Some(expires_at_ms));
        near.seek(b"k", hash, |_| {}) == Sought::Served
    };
    let now = crate::clock::unix_ms();
    assert!(keep(now + 60_000));
    assert!(!keep(now + MARGIN_MS - 1) && !keep(now - 1) && !keep(0));
}

#[test]
fn large_values_are_left_to_redis() {
    let tenant = Near::new(4 * MIB, 64 * MIB, 1);
    let near = tenant.open();
    let large = vec![b'x'; 17 << 10];
    assert!((0..20).all(|_| !get(&near, b"k", &large).0));
    let small = Near::new(MIB, 64 * MIB, 1).open();
    let of_a_part = vec![b'x'; 16_200];
    assert!((0..20).all(|_| !get(&small, b"k", &of_a_part).0));
    while !get(&near, b"k", &of_a_part).0 {}
}

#[test]
fn the_budget_holds_and_follows_the_quota() {
    let tenant = Near::new(4 * MIB, 64 * MIB, 2);
    let workers = [tenant.open(), tenant.open()];
    let fill = |near: &NearCache| {
        for n in 0..20_000_u32 {
            for _ in 0..3 {
                get(near, &n.to_le_bytes(), &[b'x'; 500]);
            }
            assert!(tenant.used().bytes <= tenant.used().budget_bytes);
        }
    };
    workers.iter().for_each(fill);
    let full = tenant.used();
    assert!(full.budget_bytes <= 4 * MIB && full.bytes > 3 * MIB, "{full:?}");
    // A quarter of 4 MiB.
    tenant.set_quota(4 * MIB);
    for worker in &workers {
        worker.resize(*worker.room.borrow());
    }
    assert!(tenant.used().budget_bytes <= MIB);
    workers.iter().for_each(fill);
    // Not enough for the tables even.
    tenant.set_quota(1000);
    workers.iter().for_each(|worker| worker.resize(*worker.room.borrow()));
    assert!((0..100).all(|_| !get(&workers[0], b"k", b"v").0));
    tenant.set_quota(64 * MIB);
    workers.iter().for_each(|worker| worker.resize(*worker.room.borrow()));
    while !get(&workers[0], b"k", b"v").0 {}
    drop(workers);
    assert_eq!(tenant.used().copies, 0);
}

proptest! {
    /// What Redis was told is recognised, and what it was not told is close.
    #[test]
    fn a_size_of_redis_tells_the_quota(quota in 0..1_u64 << 40, configured in 0..1_u64 << 40, other: u32) {
        let near = Near::new(configured, 1 << 30, 2);
        near.tells(quota);
        let redis = near.redis_part(quota);
        prop_assert!(redis <= quota && 4 * (quota - redis) <= quota && quota - redis <= configured);
        prop_assert!(near.quota_of(redis, u64::from(other)) == quota);
        near.tells(0);
        prop_assert!(near.quota_of(redis, quota) == quota);
        prop_assert!(near.quota_of(redis, 1).abs_diff(quota) <= 1);
    }
}

/// Reads of `keys` keys by a Zipf law; the part that is served after a warm-up, and copies made per thousand reads then.
fn zipf(near: &Near, cache: &NearCache, keys: f64, reads: u32, scan: bool) -> (f64, f64) {
    let seed = 7;
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let zipf = rand_distr::Zipf::new(keys, 0.99).unwrap();
    let (mut served, mut made, mut counted, mut cold) = (0_u32, 0_u32, 0_u32, 1_u64 << 40);
    let _ = near;
    for n in 0..reads {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ranks")]
        let key = zipf.sample(&mut rng) as u64;
        if scan && rng.random_bool(0.5) {
            cold += 1;
            get(cache, &cold.to_le_bytes(), &[b'x'; 500]);
        }
        let before = cache.admission.borrow().granted_ever();
        let hit = get(cache, &key.to_le_bytes(), &[b'x'; 500]).0;
        if n > reads / 2 {
            counted += 1;
            served += u32::from(hit);
            made += u32::from(cache.admission.borrow().granted_ever() > before);
        }
    }
    (f64::from(served) / f64::from(counted), 1000.0 * f64::from(made) / f64::from(counted))
}

#[test]
fn the_hot_keys_are_served_and_few_copies_are_made() {
    let near = Near::new(8 * MIB, 64 * MIB, 1);
    let (served, made) = zipf(&near, &near.open(), 1e5, 2_000_000, false);
    println!("served {served:.3}, copies per thousand reads {made:.2}");
    assert!(served > 0.7, "{served}");
    assert!(made < 10.0, "{made} copies per thousand reads");
}

#[test]
fn a_scan_of_cold_keys_does_not_displace_the_hot_ones() {
    let near = Near::new(8 * MIB, 64 * MIB, 1);
    let (served, made) = zipf(&near, &near.open(), 1e5, 2_000_000, true);
    println!("served {served:.3}, copies per thousand reads {made:.2}");
    assert!(served > 0.68, "{served}");
    assert!(made < 10.0, "{made}");
}

#[derive(Debug, Clone)]
enum Step {
    Get {
        worker: usize,
        key: u8,
    },
    Begin {
        key: u8,
    },
    /// Ends the oldest write; it takes effect just before.
    End,
    /// The item changes in storage after its write was given up, and is read there.
    LateAndRead {
        key: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, 0..4_u8).prop_map(|(worker, key)| Step::Get { worker, key }),
        2 => (0..4_u8).prop_map(|key| Step::Begin { key }),
        2 => any::<()>().prop_map(|()| Step::End),
        1 => (0..4_u8).prop_map(|key| Step::LateAndRead { key }),
    ]
}

proptest! {
    /// Whatever is served is what Redis would answer, after any mix of reads, writes that overlap and late effects.
    #[test]
    fn what_is_served_is_what_redis_holds(steps in proptest::collection::vec(step(), 1..300)) {
        let tenant = Near::new(MIB, 64 * MIB, 2);
        let workers = [tenant.open(), tenant.open()];
        let mut values = [0_u32; 4];
        let mut writes = std::collections::VecDeque::new();
        for step in steps {
            match step {
                Step::Get { worker, key } => {
                    let value = values[usize::from(key)].to_string();
                    let (_, got) = get(&workers[worker], &[key], value.as_bytes());
                    prop_assert!(got == reply(value.as_bytes()));
                }
                Step::Begin { key } => writes.push_back((key, tenant.begin_write(of_key(&[key])))),
                Step::End => if let Some((key, writing)) = writes.pop_front() {
                    values[usize::from(key)] += 1;
                    drop(writing);
                },
                Step::LateAndRead { key } => {
                    values[usize::from(key)] += 1;
                    tenant.void(of_key(&[key]));
                }
            }
        }
    }
}
