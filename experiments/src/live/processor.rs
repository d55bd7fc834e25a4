//! Whether the machine kept up: load, proxy and Redis servers share its processors, and a run in which these are the limit
//! says nothing of shares.

use std::collections::HashMap;
use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::time::Instant;

/// Part of the machine from which on it may be the limit.
const BUSY: f64 = 0.85;
/// Fields of `/proc/PID/stat` after the program's name: parent, and time in user and kernel mode.
const PARENT: usize = 1;
const USER: usize = 11;
const KERNEL: usize = 12;
/// Clock ticks per second in `/proc`, the same on every Linux that this runs on.
const TICKS_PER_S: f64 = 100.0;

/// Processor time at a moment; nothing where there is no `/proc`.
#[derive(Debug)]
pub(super) struct Reading {
    at: Instant,
    ours_s: f64,
    busy_s: f64,
}

impl Reading {
    /// Of the machine, and of this process, the proxy and the proxy's children.
    pub(super) fn take(proxy: Option<i32>) -> Option<Self> {
        let own = i32::try_from(std::process::id()).ok();
        let ours_s = ours_s(&[own, proxy].into_iter().flatten().collect::<Vec<_>>())?;
        Some(Self { at: Instant::now(), ours_s, busy_s: busy_s()? })
    }

    /// What is to be said of the stretch from `self` to `end`, if anything is.
    pub(super) fn note(&self, end: &Self) -> Option<String> {
        let processors = available_parallelism().map_or(1, NonZero::get) as f64;
        let could_s = (end.at - self.at).as_secs_f64() * processors;
        let [ours, busy] =
            [end.ours_s - self.ours_s, end.busy_s - self.busy_s].map(|used_s| used_s / could_s);
        note(ours, busy)
    }
}

fn note(ours: f64, busy: f64) -> Option<String> {
    let percent = |part: f64| (part * 100.0).round();
    if ours > BUSY {
        return Some(format!(
            "the processors were the limit, not the shares: the run used {} % of them; use a smaller scale",
            percent(ours)
        ));
    }
    (busy > BUSY).then(|| {
        format!(
            "something else kept the processors busy: {} % in use, {} % by the run; run it again on a quiet machine",
            percent(busy),
            percent(ours)
        )
    })
}

fn ours_s(roots: &[i32]) -> Option<f64> {
    let mut parents = HashMap::new();
    let mut used = HashMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
        let parent = fields.get(PARENT).and_then(|field| field.parse::<i32>().ok());
        parents.insert(pid, parent.unwrap_or(0));
        used.insert(pid, number(USER).unwrap_or(0.0) + number(KERNEL).unwrap_or(0.0));
    }
    let is_ours = |pid: &i32| {
        roots.contains(pid) || parents.get(pid).is_some_and(|parent| roots.contains(parent))
    };
    let ticks: f64 = used.iter().filter(|(pid, _)| is_ours(pid)).map(|(_, ticks)| ticks).sum();
    Some(ticks / TICKS_PER_S)
}

fn busy_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<f64> = stat
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    // User, nice, system, idle, iowait, irq, softirq, steal; what comes after is counted in user already.
    let busy = numbers.iter().take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4));
    Some(busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::{Reading, note};

    #[test]
    fn a_busy_machine_is_spoken_of() {
        assert_eq!(note(0.4, 0.5), None);
        assert!(note(0.9, 0.95).unwrap().contains("90 % of them; use a smaller scale"));
        assert!(note(0.3, 0.97).unwrap().contains("97 % in use, 30 % by the run"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_time() {
        let reading = Reading::take(None).unwrap();
        assert!(reading.busy_s > 0.0 && reading.ours_s >= 0.0);
    }
}
