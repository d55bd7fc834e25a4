//! A Redis as a cache: which keys it holds under its `maxmemory`, and which it evicts.
//!
//! A key is a number from 0; what is known of it takes eight bytes. Two ways of eviction: exact LRU, a list through all
//! resident keys; and Redis's own (`evict.c` of 7.0), which keeps no list but the time of the last use in whole seconds,
//! looks at ten keys by chance, remembers the sixteen that it found idle longest, and evicts the worst of these.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::Model;
use super::entries::{EntryBytes, Jemalloc};
use super::pool::Pool;

/// Not in the cache.
const ABSENT: u32 = u32::MAX;
/// From here on up to [`ABSENT`]: a read of the key is under way, with this number.
const FLYING: u32 = 0xF000_0000;
/// The end of the list.
const NOBODY: u32 = FLYING - 1;
/// Keys that one cache can tell apart.
pub(super) const MOST_KEYS: u64 = NOBODY as u64;
/// Part of what an empty Redis uses that no report itemises; `hare::Calibration` adds it.
const UNREPORTED_BYTES: u64 = 96 << 10;
/// Keys looked at before one is evicted (`maxmemory-samples`).
const SAMPLES: usize = 10;

/// How a cache chooses what to evict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eviction {
    /// Always the least recently used.
    ExactLru,
    /// As Redis does: the least recently used of a few.
    #[default]
    Sampled,
}

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the cache.
    Resident,
    /// On its way, by the read with this number.
    Flying(u32),
    /// Not there.
    Absent,
}

/// What is known of a key: its place, and the time of its last use or its neighbour in the list.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Sampled: index among the residents. Exact: the next more recently used.
    place: u32,
    /// Sampled: second of the last use. Exact: the next less recently used.
    link: u32,
}

#[derive(Debug)]
enum Order {
    Exact { newest: u32, oldest: u32, count: u64 },
    Sampled { residents: Vec<u32>, pool: Pool, random: SmallRng, now_s: u32 },
}

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    nodes: Vec<Node>,
    order: Order,
    entries: EntryBytes,
    jemalloc: Jemalloc,
    used_bytes: u64,
    /// Room for entries: `maxmemory` without what an empty Redis uses.
    room_bytes: u64,
    maxmemory_bytes: u64,
    fixed_bytes: u64,
}

impl Cache {
    /// An empty cache that can tell `keys` keys apart.
    pub(super) fn new(keys: usize, entries: EntryBytes, model: &Model, seed: u64) -> Self {
        let order = match model.eviction {
            Eviction::ExactLru => Order::Exact { newest: NOBODY, oldest: NOBODY, count: 0 },
            Eviction::Sampled => Order::Sampled {
                residents: Vec::new(),
                pool: Pool::default(),
                random: SmallRng::seed_from_u64(seed),
                now_s: 0,
            },
        };
        let nodes = vec![Node { place: ABSENT, link: 0 }; keys];
        Self {
            nodes,
            order,
            entries,
            jemalloc: model.jemalloc,
            used_bytes: 0,
            room_bytes: 0,
            maxmemory_bytes: 0,
            fixed_bytes: model.redis_bytes,
        }
    }

    /// Sets `maxmemory` and evicts what is too much.
    pub(super) fn resize(&mut self, maxmemory_bytes: u64) {
        self.maxmemory_bytes = maxmemory_bytes;
        self.room_bytes = maxmemory_bytes.saturating_sub(self.fixed_bytes);
        self.evict();
    }

    /// Its `maxmemory`.
    pub(super) fn maxmemory_bytes(&self) -> u64 {
        self.maxmemory_bytes
    }

    /// Memory in use, as Redis reports it.
    pub(super) fn used_bytes(&self) -> u64 {
        self.fixed_bytes + self.used_bytes
    }

    /// What its Redis used when it had just started, as calibration itemises it.
    pub(super) fn startup_bytes(&self) -> u64 {
        self.fixed_bytes.saturating_sub(UNREPORTED_BYTES)
    }

    /// Room for entries, in bytes.
    pub(super) fn room_bytes(&self) -> u64 {
        self.room_bytes
    }

    /// Keys held.
    pub(super) fn keys(&self) -> u64 {
        match &self.order {
            Order::Exact { count, .. } => *count,
            Order::Sampled { residents, .. } => residents.len() as u64,
        }
    }

    /// Tells the time, in whole seconds.
    #[inline]
    pub(super) fn set_clock(&mut self, seconds: u32) {
        if let Order::Sampled { now_s, .. } = &mut self.order {
            *now_s = seconds;
        }
    }

    /// Looks a key up and, if it is there, notes that it was used.
    #[inline]
    pub(super) fn use_key(&mut self, key: u32) -> Place {
        let Some(node) = self.nodes.get_mut(key as usize) else { return Place::Absent };
        match node.place {
            ABSENT => Place::Absent,
            flight if flight >= FLYING => Place::Flying(flight - FLYING),
            _ => {
                match &mut self.order {
                    Order::Sampled { now_s, .. } => node.link = *now_s,
                    Order::Exact { newest, .. } => {
                        if *newest != key {
                            self.unlink(key);
                            self.link_newest(key);
                        }
                    }
                }
                Place::Resident
            }
        }
    }

    /// Notes that a read of an absent key is under way.
    pub(super) fn take_off(&mut self, key: u32, flight: u32) {
        self.nodes[key as usize].place = FLYING + flight;
    }

    /// Ends a read; true if nothing has come into the cache meanwhile, so that what was read may.
    pub(super) fn land(&mut self, key: u32, flight: u32) -> bool {
        let node = &mut self.nodes[key as usize];
        let is_open = node.place == FLYING + flight;
        if is_open {
            node.place = ABSENT;
        }
        is_open
    }

    /// Takes an entry in as the most recently used, and evicts what is too much.
    pub(super) fn put(&mut self, key: u32, key_bytes: u32, value_bytes: u32) {
        if self.nodes[key as usize].place < FLYING {
            self.use_key(key);
            self.used_bytes -= u64::from(self.entries.of(key));
        } else {
            self.enter(key);
        }
        let jemalloc = self.jemalloc;
        let bytes = || jemalloc.entry_bytes(key_bytes, value_bytes);
        self.used_bytes += u64::from(self.entries.set(key, bytes));
        self.evict();
    }

    /// Takes in an absent key that was last used at that second; does not evict. In order of use, the oldest first, if LRU
    /// is exact.
    pub(super) fn place(&mut self, key: u32, used_at_s: u32, entry_bytes: u32) {
        self.enter(key);
        if matches!(self.order, Order::Sampled { .. }) {
            self.nodes[key as usize].link = used_at_s;
        }
        self.used_bytes += u64::from(self.entries.set(key, || entry_bytes));
    }

    /// Forgets all entries, and reads under way.
    pub(super) fn reset(&mut self) {
        self.nodes.fill(Node { place: ABSENT, link: 0 });
        self.clear();
    }

    /// Forgets all entries; reads under way go on.
    pub(super) fn clear(&mut self) {
        for node in self.nodes.iter_mut().filter(|node| node.place < FLYING) {
            node.place = ABSENT;
        }
        match &mut self.order {
            Order::Exact { newest, oldest, count } => {
                (*newest, *oldest, *count) = (NOBODY, NOBODY, 0);
            }
            Order::Sampled { residents, pool, .. } => {
                residents.clear();
                pool.clear();
            }
        }
        self.used_bytes = 0;
    }

    /// Whether a read of the key is under way.
    pub(super) fn is_flying(&self, key: u32) -> bool {
        (FLYING..ABSENT).contains(&self.nodes[key as usize].place)
    }

    fn enter(&mut self, key: u32) {
        match &mut self.order {
            Order::Exact { count, .. } => {
                *count += 1;
                self.link_newest(key);
            }
            Order::Sampled { residents, now_s, .. } => {
                // No more keys than fit the type were ever made.
                let place = u32::try_from(residents.len()).unwrap_or(NOBODY);
                self.nodes[key as usize] = Node { place, link: *now_s };
                residents.push(key);
            }
        }
    }

    /// Whether entries are kept in the order of their use.
    pub(super) fn is_ordered(&self) -> bool {
        matches!(self.order, Order::Exact { .. })
    }

    /// Evicts what is more than there is room for.
    pub(super) fn evict(&mut self) {
        while self.used_bytes > self.room_bytes {
            let victim = match &mut self.order {
                Order::Exact { oldest, .. } if *oldest == NOBODY => return,
                Order::Exact { oldest, .. } => *oldest,
                Order::Sampled { residents, .. } if residents.is_empty() => return,
                Order::Sampled { residents, pool, random, now_s } => loop {
                    for _ in 0..SAMPLES {
                        let key = residents[random.random_range(0..residents.len())];
                        let idle_s = now_s.wrapping_sub(self.nodes[key as usize].link);
                        pool.offer(key, idle_s);
                    }
                    let nodes = &self.nodes;
                    if let Some(key) = pool.take(|key| nodes[key as usize].place < FLYING) {
                        break key;
                    }
                },
            };
            self.remove(victim);
        }
    }

    fn remove(&mut self, key: u32) {
        self.used_bytes -= u64::from(self.entries.of(key));
        match &mut self.order {
            Order::Exact { count, .. } => {
                *count -= 1;
                self.unlink(key);
            }
            Order::Sampled { residents, .. } => {
                let place = self.nodes[key as usize].place;
                residents.swap_remove(place as usize);
                if let Some(&moved) = residents.get(place as usize) {
                    self.nodes[moved as usize].place = place;
                }
            }
        }
        self.nodes[key as usize].place = ABSENT;
    }

    fn unlink(&mut self, key: u32) {
        let Order::Exact { newest, oldest, .. } = &mut self.order else { return };
        let Node { place: newer, link: older } = self.nodes[key as usize];
        match newer {
            NOBODY => *newest = older,
            newer => self.nodes[newer as usize].link = older,
        }
        match older {
            NOBODY => *oldest = newer,
            older => self.nodes[older as usize].place = newer,
        }
    }

    fn link_newest(&mut self, key: u32) {
        let Order::Exact { newest, oldest, .. } = &mut self.order else { return };
        self.nodes[key as usize] = Node { place: NOBODY, link: *newest };
        match *newest {
            NOBODY => *oldest = key,
            second => self.nodes[second as usize].place = key,
        }
        *newest = key;
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Eviction, Place};
    use crate::simulation::Model;
    use crate::simulation::entries::{EntryBytes, Jemalloc};

    fn cache(eviction: Eviction, keys: usize, room: u64) -> Cache {
        let model = Model { eviction, redis_bytes: 1000, ..Model::default() };
        let mut cache = Cache::new(keys, EntryBytes::Ranges(vec![(0, 10)]), &model, 1);
        cache.resize(1000 + room);
        cache
    }

    #[test]
    fn exact_lru_evicts_in_the_order_of_use() {
        let mut cache = cache(Eviction::ExactLru, 10, 30);
        for key in [0, 1, 2] {
            cache.put(key, 16, 500);
        }
        assert_eq!(cache.use_key(0), Place::Resident);
        cache.put(3, 16, 500);
        assert_eq!(cache.use_key(1), Place::Absent);
        cache.put(2, 16, 500);
        cache.resize(1010);
        assert_eq!(
            [0, 2, 3].map(|key| cache.use_key(key) == Place::Resident),
            [false, true, false]
        );
        assert_eq!((cache.keys(), cache.used_bytes()), (1, 1010));
    }

    #[test]
    fn sampling_evicts_what_is_idle_for_long() {
        let mut cache = cache(Eviction::Sampled, 2_000, 10_000);
        for key in 0..1000 {
            cache.set_clock(key);
            cache.put(key, 16, 500);
        }
        for key in 1000..1500 {
            cache.set_clock(key);
            cache.put(key, 16, 500);
        }
        assert_eq!(cache.keys(), 1000);
        let of_the_oldest = (0..500).filter(|&key| cache.use_key(key) == Place::Resident).count();
        assert!(of_the_oldest < 120, "{of_the_oldest} of the 500 oldest are still there");
    }

    #[test]
    fn a_read_under_way_is_seen_and_a_write_overtakes_it() {
        for eviction in [Eviction::ExactLru, Eviction::Sampled] {
            let mut cache = cache(eviction, 10, 30);
            cache.take_off(4, 7);
            assert_eq!(cache.use_key(4), Place::Flying(7));
            cache.put(4, 16, 500);
            assert!(!cache.land(4, 7), "{eviction:?}: the write's value stays");
            assert_eq!(cache.use_key(4), Place::Resident);
        }
    }

    #[test]
    fn sizes_of_one_entry_may_change() {
        let entries = EntryBytes::PerKey(vec![0; 4]);
        let eviction = Eviction::ExactLru;
        let model =
            Model { eviction, redis_bytes: 0, jemalloc: Jemalloc::Redis, ..Model::default() };
        let mut cache = Cache::new(4, entries, &model, 1);
        cache.resize(1000);
        cache.put(0, 16, 500);
        cache.put(1, 16, 100);
        assert_eq!((cache.keys(), cache.used_bytes()), (2, 586 + 186));
        cache.put(1, 16, 500);
        assert_eq!((cache.keys(), cache.used_bytes()), (1, 586));
    }
}
