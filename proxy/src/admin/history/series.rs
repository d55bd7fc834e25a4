//! The points of one tenant, as many as its part of the memory holds.

use std::collections::VecDeque;
use std::mem::size_of;

use hare::Resources;

use super::interval::{Before, Interval, Point};

/// Points that room is made for at a time.
const STEP: usize = 32;

/// A quota from some tick on: most hold for long.
#[derive(Debug, Clone, Copy)]
struct Held {
    from: u64,
    quota: Resources,
}

/// One tenant's points; the last one belongs to the last tick.
#[derive(Debug, Default)]
pub(super) struct Series {
    points: VecDeque<Point>,
    quotas: VecDeque<Held>,
    /// Tick of the oldest point.
    first: u64,
}

/// What is there of a tenant besides its points, in bytes.
const FIXED_BYTES: usize = size_of::<Series>() + size_of::<Before>() + 128;

impl Series {
    /// Adds the point of `tick`; older ones go while there are more than `most`, or more than `most_bytes` of them.
    pub(super) fn push(
        &mut self,
        tick: u64,
        interval: &Interval,
        quota: Resources,
        (most, most_bytes): (usize, usize),
    ) {
        if self.points.is_empty() {
            self.first = tick;
        }
        if self.points.len() == self.points.capacity() && self.points.len() < most {
            self.points.reserve_exact(STEP.min(most - self.points.len()));
        }
        if self.quotas.back().is_none_or(|held| held.quota != quota) {
            self.quotas.push_back(Held { from: tick, quota });
        }
        self.points.push_back(Point::from(interval));
        while self.points.len() > most || (self.points.len() > 1 && self.bytes_used() > most_bytes)
        {
            self.points.pop_front();
            self.first += 1;
            // The newest of those that began before is still in force.
            while self.quotas.get(1).is_some_and(|held| held.from <= self.first) {
                self.quotas.pop_front();
            }
        }
        if self.quotas.capacity() > 4 * self.quotas.len().max(4) {
            self.quotas.shrink_to_fit();
        }
        if self.points.capacity() > most + STEP {
            self.points.shrink_to(most);
        }
    }

    /// Intervals and quotas from `tick` on, with their ticks.
    pub(super) fn from(&self, tick: u64) -> impl Iterator<Item = (u64, Interval, Resources)> {
        let mut quotas = self.quotas.iter().peekable();
        let mut quota = Resources::default();
        (self.first..).zip(&self.points).filter_map(move |(at, point)| {
            while let Some(held) = quotas.next_if(|held| held.from <= at) {
                quota = held.quota;
            }
            (at >= tick).then(|| (at, Interval::from(point), quota))
        })
    }

    /// Memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        FIXED_BYTES
            + self.points.capacity() * size_of::<Point>()
            + self.quotas.capacity() * size_of::<Held>()
    }

    fn bytes_used(&self) -> usize {
        FIXED_BYTES
            + self.points.len() * size_of::<Point>()
            + self.quotas.len() * 2 * size_of::<Held>()
    }
}

#[cfg(test)]
mod tests {
    use hare::Resources;

    use super::{Interval, Series};

    const ROOM: (usize, usize) = (720, 20_000);

    fn quota(bytes: u64) -> Resources {
        Resources { cache_bytes: bytes, ..Resources::default() }
    }

    fn filled(ticks: u64, quota_of: fn(u64) -> u64, room: (usize, usize)) -> Series {
        let mut series = Series::default();
        for tick in 1..=ticks {
            let interval = Interval { flows: [tick as f64; 6], ..Interval::default() };
            series.push(tick, &interval, quota(quota_of(tick)), room);
        }
        series
    }

    #[test]
    fn the_newest_points_stay_with_their_quotas() {
        let series = filled(1000, |tick| 1 + tick / 300, (500, 1 << 20));
        let kept: Vec<_> = series.from(0).collect();
        assert_eq!((kept.len(), kept[0].0, kept[499].0), (500, 501, 1000));
        for (tick, interval, quota) in kept {
            assert_eq!(quota.cache_bytes, 1 + tick / 300, "tick {tick}");
            assert!((interval.flows[0] / tick as f64 - 1.0).abs() < 1e-3);
        }
        assert_eq!(series.from(990).count(), 11);
    }

    #[test]
    fn memory_is_bounded_however_often_quotas_change() {
        for quota_of in [(|_| 1) as fn(u64) -> u64, |tick| tick, |tick| tick / 7] {
            let series = filled(5000, quota_of, ROOM);
            assert!(series.bytes() <= 22_000, "{}", series.bytes());
            assert!(series.from(0).count() >= 150);
        }
    }

    #[test]
    fn less_room_later_is_kept_to() {
        let mut series = filled(700, |_| 1, ROOM);
        series.push(701, &Interval::default(), quota(1), (40, 20_000));
        assert_eq!(series.from(0).count(), 40);
        assert!(series.bytes() < 8000, "{}", series.bytes());
    }
}
