//! What a process has used so far: CPU time, memory; and which processes it started.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// CPU time of a process so far, all its threads; zero if it has ended.
pub(super) fn cpu(pid: Pid) -> Duration {
    clock_getcpuclockid(pid).and_then(clock_gettime).map_or(Duration::ZERO, Duration::from)
}

/// CPU time of all of them.
pub(super) fn cpu_of(pids: &[Pid]) -> Duration {
    pids.iter().map(|&pid| cpu(pid)).sum()
}

/// CPU time of the children of this process that have ended and were waited for.
pub(super) fn cpu_of_ended_children() -> Duration {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(Duration::ZERO, |usage| {
        let of = |seconds: i64, micros: i64| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
                + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        };
        let (user, system) = (usage.user_time(), usage.system_time());
        of(user.tv_sec(), user.tv_usec()) + of(system.tv_sec(), system.tv_usec())
    })
}

/// Resident memory of a process in bytes; `None` where the system does not say.
pub(super) fn resident_bytes(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The processes that `pid` started and that still run.
pub(super) fn children(pid: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    pids.filter(|&child| parent(child) == Some(pid)).collect()
}

fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; after it come the state and the parent.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}

/// Raises the number of files this process (and what it starts) may have open, as far as it may; returns the new number.
pub(super) fn raise_file_limit() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

#[cfg(test)]
mod tests {
    use super::{children, cpu, resident_bytes};
    use nix::unistd::Pid;
    use std::process::{Command, Stdio};

    #[test]
    fn a_child_is_found_and_its_use_is_known() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(children(Pid::this()).contains(&pid));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!children(Pid::this()).contains(&pid));
        // Looking through /proc takes a while itself where there are many processes.
        let (before, mut sum) = (cpu(Pid::this()), 0_u64);
        while cpu(Pid::this()).saturating_sub(before).as_millis() < 5 {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert!(std::hint::black_box(sum) > 0);
        assert!(resident_bytes(Pid::this()).unwrap() > 1 << 20);
    }
}
