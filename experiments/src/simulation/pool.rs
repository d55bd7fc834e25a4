//! Redis's eviction pool: the keys found idle longest among those looked at so far.

/// Keys it holds (`EVPOOL_SIZE`).
const SIZE: usize = 16;

/// Candidates, the one idle longest last.
#[derive(Debug, Default)]
pub(super) struct Pool {
    candidates: Vec<(u32, u32)>,
}

impl Pool {
    /// Offers a key that is idle for so long; it is kept if it is worse than the best of a full pool.
    pub(super) fn offer(&mut self, key: u32, idle_s: u32) {
        let better = self.candidates.iter().take_while(|(_, idle)| *idle < idle_s).count();
        if self.candidates.len() < SIZE {
            self.candidates.insert(better, (key, idle_s));
        } else if better > 0 {
            self.candidates.remove(0);
            self.candidates.insert(better - 1, (key, idle_s));
        }
    }

    /// Takes out the one idle longest that is still there.
    pub(super) fn take(&mut self, is_there: impl Fn(u32) -> bool) -> Option<u32> {
        while let Some((key, _)) = self.candidates.pop() {
            if is_there(key) {
                return Some(key);
            }
        }
        None
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.candidates.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Pool, SIZE};

    #[test]
    fn the_idlest_of_many_stay() {
        let mut pool = Pool::default();
        for key in 0..100 {
            pool.offer(key, key * 7 % 100);
        }
        let taken: Vec<u32> =
            std::iter::from_fn(|| pool.take(|_| true)).map(|key| key * 7 % 100).collect();
        assert_eq!(taken, (100 - u32::try_from(SIZE).unwrap()..100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn who_is_gone_is_passed_over() {
        let mut pool = Pool::default();
        pool.offer(1, 10);
        pool.offer(2, 20);
        assert_eq!(pool.take(|key| key != 2), Some(1));
        assert_eq!(pool.take(|_| true), None);
    }
}
