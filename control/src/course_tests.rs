//! Changes on made-up caches, some of which obey slowly or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use hare::Resources;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use crate::course::{CacheLook, Course, Leg, Look, Order, Pace, Pacing, Standing};
use crate::plan::Move;

const MIB: u64 = 1 << 20;

fn share(cache_mib: u64, rate: f64) -> Resources {
    Resources {
        cache_bytes: cache_mib * MIB,
        read_units_per_s: rate,
        write_units_per_s: rate,
        net_bytes_per_s: rate,
    }
}

/// A Redis: what it was told, what it uses, and how it behaves.
#[derive(Debug, Clone, Copy)]
struct Cache {
    maxmemory_bytes: u64,
    used_bytes: u64,
    /// Evicted per look.
    evicts_bytes: u64,
    reachable: bool,
}

/// Some caches and a change of theirs.
struct Scene {
    course: Course,
    caches: BTreeMap<u32, Cache>,
    quotas: BTreeMap<u32, Resources>,
    now: Duration,
    /// The most that was held at any moment, in limits and in use.
    most: (u64, u64),
}

impl Scene {
    /// Full caches of these sizes, that evict at once.
    fn new(sizes_mib: &[u64]) -> Self {
        let caches = sizes_mib.iter().map(|mib| Cache {
            maxmemory_bytes: mib * MIB,
            used_bytes: mib * MIB,
            evicts_bytes: u64::MAX,
            reachable: true,
        });
        let quotas = sizes_mib.iter().map(|&mib| share(mib, 100.0));
        Self {
            course: Course::with_pacing(Pacing::default()),
            caches: (0..).zip(caches).collect(),
            quotas: (0..).zip(quotas).collect(),
            now: Duration::ZERO,
            most: (0, 0),
        }
    }

    fn begin(&mut self, goals: &[Resources], pace: Pace) {
        let legs: Vec<Leg> = (0..)
            .zip(goals)
            .map(|(number, &to)| {
                let from = self.quotas[&number];
                Leg { number, base: share(100, 100.0), share: Move { from, to }, meanwhile: None }
            })
            .collect();
        let orders = self.course.begin(&legs, pace, self.now);
        self.carry_out(&orders);
    }

    fn look(&mut self) {
        self.now += Duration::from_millis(100);
        let looks = self.caches.iter_mut().map(|(&number, cache)| {
            let excess = cache.used_bytes.saturating_sub(cache.maxmemory_bytes);
            cache.used_bytes -= excess.min(cache.evicts_bytes);
            let seen =
                CacheLook { maxmemory_bytes: cache.maxmemory_bytes, used_bytes: cache.used_bytes };
            (number, Look { cache: cache.reachable.then_some(seen), reads: 0, misses: 0 })
        });
        let looks = looks.collect();
        let orders = self.course.advance(self.now, &looks);
        self.carry_out(&orders);
        let limits = self.caches.values().map(|cache| cache.maxmemory_bytes).sum();
        let used = self.caches.values().map(|cache| cache.used_bytes).sum();
        self.most = (self.most.0.max(limits), self.most.1.max(used));
    }

    /// Caches fill at once, so that what may be used is used.
    fn carry_out(&mut self, orders: &[Order]) {
        for order in orders {
            match *order {
                Order::Note { number, quota } => {
                    self.quotas.insert(number, quota);
                }
                Order::Resize { number, bytes } => {
                    let cache = self.caches.get_mut(&number).unwrap();
                    if cache.reachable {
                        cache.maxmemory_bytes = bytes;
                        cache.used_bytes = cache.used_bytes.max(bytes);
                    }
                }
            }
        }
    }

    fn look_for(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.look();
        }
    }

    fn standing(&self) -> Standing {
        self.course.standing(self.now)
    }

    fn sizes_mib(&self) -> Vec<u64> {
        self.caches.values().map(|cache| cache.maxmemory_bytes / MIB).collect()
    }
}

#[test]
fn a_shrink_goes_down_in_bounded_steps_and_then_the_other_grows() {
    let mut scene = Scene::new(&[100, 100]);
    scene.begin(&[share(60, 50.0), share(140, 150.0)], Pace::Direct);
    assert!((scene.quotas[&0].read_units_per_s - 50.0).abs() < 1e-9, "rates hold at once");
    let mut seen = vec![scene.sizes_mib()];
    while scene.standing() != Standing::Idle {
        scene.look();
        seen.push(scene.sizes_mib());
    }
    seen.dedup();
    assert_eq!(seen, [[100, 100], [84, 100], [68, 100], [60, 100], [60, 140]].map(Vec::from));
}

#[test]
fn who_evicts_slowly_keeps_the_other_from_growing_until_it_has() {
    let mut scene = Scene::new(&[100, 100]);
    scene.caches.get_mut(&0).unwrap().evicts_bytes = MIB / 10;
    scene.begin(&[share(60, 100.0), share(140, 100.0)], Pace::Direct);
    scene.look_for(20);
    assert_eq!(scene.sizes_mib(), [60, 100], "it was told, but still holds too much");
    assert!(scene.course.held_back_bytes() > 0);
    scene.look_for(40);
    assert_eq!((scene.sizes_mib(), scene.standing()), (vec![60, 140], Standing::Idle));
    assert!(scene.most.1 <= 200 * MIB + Pacing::default().slack_bytes, "{:?}", scene.most);
}

#[test]
fn who_cannot_be_reached_keeps_what_it_holds_and_the_others_wait() {
    let mut scene = Scene::new(&[100, 100, 100]);
    scene.caches.get_mut(&0).unwrap().reachable = false;
    scene.begin(&[share(60, 90.0), share(80, 90.0), share(160, 120.0)], Pace::Direct);
    scene.look_for(10);
    assert_eq!(scene.sizes_mib(), [100, 80, 100], "20 of the 60 MiB are free");
    assert_eq!(scene.standing(), Standing::HeldUp);
    scene.look_for(60);
    assert_eq!(scene.sizes_mib(), [100, 80, 120], "after the deadline, what is free is used");
    assert_eq!(scene.quotas[&0].cache_bytes, 60 * MIB, "it gets this size when it is back");

    // A new decision does not forget what it holds.
    scene.begin(&[share(60, 90.0), share(60, 90.0), share(180, 120.0)], Pace::Direct);
    scene.look_for(60);
    assert_eq!(scene.sizes_mib(), [100, 60, 140]);
    scene.caches.get_mut(&0).unwrap().reachable = true;
    scene.look_for(10);
    assert_eq!((scene.sizes_mib(), scene.standing()), (vec![60, 60, 180], Standing::Idle));
    assert!(scene.most.0 <= 300 * MIB && scene.most.1 <= 300 * MIB, "{:?}", scene.most);
}

#[test]
fn a_boost_ends_when_the_cache_is_warm_or_when_it_is_time() {
    let mut scene = Scene::new(&[100, 100]);
    scene.begin(&[share(60, 150.0), share(140, 50.0)], Pace::Boost);
    let rates = |scene: &Scene| [0, 1].map(|n| scene.quotas[&n].read_units_per_s.to_string());
    assert_eq!(rates(&scene), ["150", "100"], "the one that grows keeps its base");
    assert!((scene.course.boosted()[&1].read_units_per_s - 50.0).abs() < 1e-9);
    scene.look_for(2);
    assert_eq!(rates(&scene), ["150", "50"], "it has filled up");
    assert_eq!(scene.standing(), Standing::Idle);

    scene.caches.get_mut(&1).unwrap().reachable = false;
    scene.begin(&[share(50, 160.0), share(150, 40.0)], Pace::Boost);
    scene.look_for(59);
    assert_eq!(rates(&scene), ["160", "100"]);
    scene.look_for(2);
    assert_eq!(rates(&scene), ["160", "40"], "no boost is for ever");
}

#[test]
fn a_change_that_is_stopped_stays_where_it_is_without_its_boost() {
    let mut scene = Scene::new(&[100, 100]);
    scene.begin(&[share(40, 200.0), share(160, 0.0)], Pace::Gradual(16 * MIB));
    scene.look();
    assert!(scene.course.rounds_to_come() > 0);
    let orders = scene.course.stop();
    scene.carry_out(&orders);
    let stopped = scene.sizes_mib();
    scene.look_for(5);
    assert_eq!((scene.sizes_mib(), scene.standing()), (stopped, Standing::Idle));
    let rates: f64 = scene.quotas.values().map(|quota| quota.read_units_per_s).sum();
    assert!((rates - 200.0).abs() < 1e-9);
}

#[test]
fn a_tenant_that_leaves_in_the_middle_stops_nobody() {
    let mut scene = Scene::new(&[100, 100, 100]);
    scene.begin(&[share(50, 1.0), share(150, 1.0), share(100, 1.0)], Pace::Gradual(16 * MIB));
    scene.look();
    scene.caches.remove(&2);
    scene.look_for(10);
    assert_eq!((scene.sizes_mib(), scene.standing()), (vec![50, 150], Standing::Idle));
}

proptest! {
    /// Whatever is decided, whoever is slow or away: the sums never exceed what they were.
    #[test]
    fn the_sum_is_never_above_what_it_was(
        goals in proptest::collection::vec(proptest::collection::vec(8..200_u64, 4), 1..4),
        slow in any::<[bool; 4]>(),
        away in any::<[bool; 4]>(),
        steps in proptest::collection::vec((0..3_u8, 1..40_u64), 1..4),
    ) {
        let total = 400;
        let mut scene = Scene::new(&[100; 4]);
        for (number, cache) in &mut scene.caches {
            cache.reachable = !away[*number as usize];
            cache.evicts_bytes = if slow[*number as usize] { MIB } else { u64::MAX };
        }
        for (goal, (pace, seconds)) in goals.iter().zip(&steps) {
            let sum: u64 = goal.iter().sum();
            let fit = |mib: &u64| share((mib * total / sum).max(1), 100.0);
            let goal: Vec<Resources> = goal.iter().map(fit).collect();
            let pace = [Pace::Direct, Pace::Boost, Pace::Gradual(16 * MIB)][usize::from(*pace)];
            scene.begin(&goal, pace);
            scene.look_for(*seconds);
        }
        prop_assert!(scene.most.0 <= (total + 4) * MIB, "limits {:?}", scene.most);
        prop_assert!(scene.most.1 <= (total + 4 + 4) * MIB, "in use {:?}", scene.most);
        // Everybody back: it arrives.
        for cache in scene.caches.values_mut() {
            (cache.reachable, cache.evicts_bytes) = (true, u64::MAX);
        }
        scene.look_for(2_000);
        prop_assert_eq!(scene.standing(), Standing::Idle);
        prop_assert!(scene.quotas.iter().all(|(n, q)| scene.caches[n].maxmemory_bytes == q.cache_bytes));
    }
}
