//! How fast guests go on a warm cache.
//!
//! One that has a cache to itself holds what it used in its last so many requests, however long these took: its speed only says
//! how old entries are, and the rate that holds it back is enough to tell it.
//!
//! Where several share a cache, who is fast holds more of it, and who holds more is fast. How fast a guest is at so many misses
//! no formula says that is worth having: replies leave a connection in order, so three hits behind a miss wait with it, and the
//! misses of a scan come together and wait together, which lets a tenant that scans be faster than one whose misses come singly.
//! So guests are watched: what the cache would hold at some speeds is drawn, a short run of the station itself tells what speeds
//! come of that, and so on until the two agree.

use std::time::Duration;

use hare::{Resources, read_units, units::Consistency, units::ItemBytes, write_units};

use super::Model;
use super::entries::Jemalloc;
use super::guest::{Guest, Loop};
use super::source::Part;
use super::station::Station;

/// Short runs, at the most, and how far speeds may be off: such a run tells no more of a tenant that scans.
const RUNS: u32 = 8;
const AGREED: f64 = 0.05;
/// Requests of a short run, for each guest; as many go before, which see caches and lines as they begin.
const WATCHED: u64 = 25_000;
/// The longest that either takes, in virtual time.
const LONGEST_S: u64 = 600;
const NS_PER_S: u64 = 1_000_000_000;
/// Halvings of an interval.
const HALVINGS: usize = 60;

/// A guest with drawn requests, by its place at the station, and how many it makes per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Speed {
    pub(super) guest: usize,
    pub(super) per_s: f64,
}

/// A guest whose requests are drawn.
struct Drawn<'a> {
    part: &'a Part,
    traffic: Loop,
    redis_bytes: f64,
}

impl Station {
    /// How fast those go who are there. A station with several guests begins anew for it, and is left as it began.
    pub(super) fn speeds(&mut self, model: &Model, seed: u64) -> Vec<Speed> {
        let present = self.guests.iter().enumerate().filter(|(_, guest)| guest.is_present());
        let drawn = present.filter(|(_, guest)| guest.source.part().is_some());
        let mut speeds: Vec<Speed> = drawn.map(|(guest, _)| Speed { guest, per_s: 1.0 }).collect();
        match &mut speeds[..] {
            [] => {}
            [alone] => {
                let window_s = self.window_s(&[*alone], model);
                if let Some(drawn) = Drawn::of(&self.guests[alone.guest], model.jemalloc) {
                    let miss_ratio = drawn.part.keys.popularity().miss_ratio(window_s);
                    alone.per_s = drawn.most_per_s(miss_ratio, &self.share(), model);
                }
            }
            together => self.watch(together, model, seed),
        }
        speeds
    }

    /// Brings speeds and what is held at these to agree.
    fn watch(&mut self, speeds: &mut [Speed], model: &Model, seed: u64) {
        for run in 1..=RUNS {
            self.warm(model, speeds, (seed.wrapping_add(run.into()), Duration::ZERO), false);
            let seen = self.try_out(speeds);
            self.begin_again(model);
            let is_first = run == 1;
            let mut is_agreed = !is_first;
            for (speed, seen) in speeds.iter_mut().zip(seen) {
                is_agreed &= (seen / speed.per_s).ln().abs() < AGREED;
                // Halfway, so that they do not swing; where nothing is known yet, all the way.
                speed.per_s = if is_first { seen } else { (speed.per_s * seen).sqrt() };
            }
            if is_agreed {
                return;
            }
        }
    }

    /// Requests per second that each makes in a short run.
    fn try_out(&mut self, speeds: &[Speed]) -> Vec<f64> {
        let wanted = WATCHED * self.guests.len() as u64;
        self.run_for(wanted);
        let (began_ns, before) = (self.now_ns, self.served(speeds));
        self.run_for(wanted);
        let took_s = (self.now_ns - began_ns).max(1) as f64 / NS_PER_S as f64;
        let after = self.served(speeds);
        // Half a request for one who made none: nobody stands still for good.
        after
            .iter()
            .zip(before)
            .map(|(after, before)| ((after - before) as f64).max(0.5) / took_s)
            .collect()
    }

    /// Runs until so many more requests are served. Traffic stays what it is: a short run may take longer than its phase does.
    fn run_for(&mut self, requests: u64) {
        let all = |station: &Self| -> u64 {
            station.guests.iter().map(|guest| guest.tally.totals.served()).sum()
        };
        let (begun, give_up_ns) = (all(self), self.now_ns + LONGEST_S * NS_PER_S);
        while all(self) < begun + requests && self.now_ns < give_up_ns {
            self.run_unchanged(self.now_ns + NS_PER_S / 10);
        }
    }

    fn served(&self, speeds: &[Speed]) -> Vec<u64> {
        speeds.iter().map(|speed| self.guests[speed.guest].tally.totals.served()).collect()
    }

    /// How long ago the oldest entry was used at these speeds; infinite if all fit.
    pub(super) fn window_s(&self, speeds: &[Speed], model: &Model) -> f64 {
        let drawn: Vec<(Drawn<'_>, f64)> = speeds
            .iter()
            .filter_map(|&Speed { guest, per_s }| {
                Some((Drawn::of(&self.guests[guest], model.jemalloc)?, per_s))
            })
            .collect();
        let room = self.cache.room_bytes() as f64;
        let held = |seconds: f64| -> f64 {
            let of = |(drawn, per_s): &(Drawn<'_>, f64)| {
                drawn.part.keys.popularity().held(seconds * per_s) * drawn.redis_bytes
            };
            drawn.iter().map(of).sum()
        };
        if held(f64::INFINITY) <= room {
            return f64::INFINITY;
        }
        let (mut low, mut high) = (0.0, 1.0);
        while held(high) < room && high < 1e15 {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if held(middle) < room { low = middle } else { high = middle }
        }
        high
    }
}

impl<'a> Drawn<'a> {
    fn of(guest: &'a Guest, jemalloc: Jemalloc) -> Option<Self> {
        let part = guest.source.part()?;
        Some(Self {
            part,
            traffic: guest.traffic,
            redis_bytes: f64::from(part.redis_bytes(jemalloc)),
        })
    }

    /// The most requests per second that clients and limits allow one who is alone.
    fn most_per_s(&self, miss_ratio: f64, share: &Resources, model: &Model) -> f64 {
        let (connections, depth) = match self.traffic {
            Loop::Open { rate_per_s } => return rate_per_s,
            Loop::Closed { connections, depth } => (f64::from(connections), f64::from(depth)),
        };
        let item = u64::from(self.part.item_bytes());
        let stored = ItemBytes(item + 2);
        let writes = self.part.writes();
        let (reads, misses) = (1.0 - writes, (1.0 - writes) * miss_ratio);
        let takes_s = model.hit.as_secs_f64() + (misses + writes) * model.storage.as_secs_f64();
        let costs = [
            misses * read_units(stored, Consistency::Strong).as_f64(),
            writes * write_units(stored).as_f64(),
            item as f64 * (reads + misses + 2.0 * writes),
        ];
        let rates = [share.read_units_per_s, share.write_units_per_s, share.net_bytes_per_s];
        let allowed = rates.into_iter().zip(costs).map(|(rate, cost)| rate / cost.max(1e-9));
        allowed.fold(connections * depth / takes_s, f64::min)
    }
}
