//! Whether a Redis server was lost, or was only not heard of for a while: what a lost one held is gone, and the run with it; one
//! that a busy machine kept waiting still has everything.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

/// The program whose processes are watched.
const PROGRAM: &str = "redis-server";

/// The Redis servers of a proxy. Clones share what they know.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    proxy: Option<i32>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    processes: HashSet<i32>,
    /// Interruptions that are known of, by seat.
    interruptions: BTreeMap<String, u64>,
    /// Those that cost nothing, in the measurement.
    stalls: BTreeMap<String, u64>,
}

/// What an interruption was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// There was none since the last look.
    None,
    /// It was slow to answer.
    Stall,
    /// It ended.
    Lost,
}

impl Servers {
    /// Those that this process starts.
    pub(super) fn of(proxy: Option<i32>) -> Self {
        Self { proxy, seen: Arc::default() }
    }

    /// Looks which there are; to be called now and then, so that none comes and goes unseen.
    pub(super) fn look(&self) {
        let here = self.here().unwrap_or_default();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).processes.extend(here);
    }

    /// What became of a seat that was interrupted so often since its Redis started.
    pub(super) fn judge(&self, seat: &str, interruptions: u64) -> Interruption {
        let here = self.here();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.interruptions.insert(seat.to_owned(), interruptions).unwrap_or(0);
        if interruptions <= known {
            return Interruption::None;
        }
        // Where processes cannot be seen, none is known to live.
        let lives = here.is_some_and(|here| seen.processes.iter().all(|pid| here.contains(pid)));
        if !lives {
            return Interruption::Lost;
        }
        *seen.stalls.entry(seat.to_owned()).or_default() += interruptions - known;
        Interruption::Stall
    }

    /// Forgets stalls: what comes is measured.
    pub(super) fn begin(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).stalls.clear();
    }

    /// What is to be said of stalls, if there were any.
    pub(super) fn note(&self) -> Option<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seats: Vec<&str> = seen.stalls.keys().map(String::as_str).collect();
        (!seats.is_empty()).then(|| {
            format!(
                "Redis did not answer for more than a second, and storage served meanwhile, {} times ({}); run it again on a \
                 quiet machine",
                seen.stalls.values().sum::<u64>(),
                seats.join(", ")
            )
        })
    }

    /// Processes of the program below the proxy; `None` if that cannot be seen.
    fn here(&self) -> Option<HashSet<i32>> {
        let proxy = self.proxy?;
        let mut here = HashSet::new();
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some((head, fields)) = stat.rsplit_once(") ") else { continue };
            let mut fields = fields.split_ascii_whitespace();
            let is_alive = fields.next().is_some_and(|state| state != "Z");
            let parent = fields.next().and_then(|field| field.parse::<i32>().ok());
            if is_alive && parent == Some(proxy) && head.ends_with(&format!("({PROGRAM}")) {
                here.insert(pid);
            }
        }
        Some(here)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::{Interruption, Servers};

    #[test]
    fn a_stall_is_noted_and_a_loss_ends_the_run() {
        let own = i32::try_from(std::process::id()).ok();
        let servers = Servers::of(own);
        servers.look();
        assert_eq!(servers.judge("a", 0), Interruption::None);
        assert_eq!(servers.judge("a", 2), Interruption::Stall);
        assert_eq!(servers.judge("a", 2), Interruption::None);
        assert!(servers.note().unwrap().contains("2 times (a)"));
        servers.begin();
        assert_eq!(servers.note(), None);
        // One that was there and is not any more.
        servers.seen.lock().unwrap().processes.insert(i32::MAX);
        assert_eq!(servers.judge("b", 1), Interruption::Lost);
        assert_eq!(Servers::of(None).judge("a", 1), Interruption::Lost);
    }
}
