//! Ctrl-C: what is finished is kept and reported, and nothing is left running.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::tool::{SMALL, below, ended, live_run, outcomes, start, wait_for, wait_gone, write};

fn pid(child: &std::process::Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

#[test]
fn a_simulated_run_that_is_stopped_reports_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    // The second point takes far longer than the first.
    let long =
        SMALL.replace("measure = \"3s\"", "measure = \"3s\"\n").replace("\"3k\"", "\"3000001\"");
    let long = long.replace("learn = \"3s\"", "learn = \"30min\"");
    let spec = write(dir.path(), "small.toml", &long);
    let out = dir.path().join("out");
    let child = start(&["run", &spec, "--out", out.to_str().unwrap(), "--quiet"]);
    wait_for("an outcome", || (!outcomes(&out, "small", "sim").is_empty()).then_some(()));
    kill(pid(&child), Signal::SIGINT).unwrap();
    let ended = ended(&child.wait_with_output().unwrap());
    if ended.code == 0 {
        println!("it was faster than the signal");
        return;
    }
    assert_eq!(ended.code, 130, "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("the same command goes on"), "{}", ended.stderr);
    assert!(out.join("report.html").is_file());
}

/// So many live runs that last an hour, two tenants each, and their processes.
fn hour_long(dir: &Path, jobs: &str) -> (Child, Vec<(u32, String)>) {
    let spec = SMALL.replace("measure = \"3s\"", "measure = \"1h\"");
    let spec = write(dir, "small.toml", &spec.replace("learn = \"3s\"", "learn = \"1h\""));
    let child = start(&live_run(&spec, &dir.join("out"), &["--jobs", jobs]));
    let redis_servers = 2 * jobs.parse::<usize>().unwrap();
    let processes = wait_for("the Redis servers", || {
        let below = below(child.id());
        let redis = below.iter().filter(|(_, name)| name == "redis-server").count();
        (redis >= redis_servers).then_some(below)
    });
    (child, processes)
}

fn stopped_live(signal: Signal, jobs: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (child, processes) = hour_long(dir.path(), jobs);
    kill(pid(&child), signal).unwrap();
    let ended = ended(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("stopped before anything was finished"), "{}", ended.stderr);
    wait_gone(&processes);
}

#[test]
fn a_live_run_leaves_nothing_running_after_ctrl_c() {
    stopped_live(Signal::SIGINT, "1");
}

#[test]
fn two_live_runs_at_once_leave_nothing_running_after_sigterm() {
    stopped_live(Signal::SIGTERM, "2");
}

#[test]
fn of_two_live_runs_at_once_one_that_dies_ends_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (child, processes) = hour_long(dir.path(), "2");
    let (victim, _) = processes.iter().find(|(_, name)| name == "hopperkv").unwrap();
    kill(Pid::from_raw(i32::try_from(*victim).unwrap()), Signal::SIGKILL).unwrap();
    let ended = ended(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 1, "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("the server ended with signal: 9"), "{}", ended.stderr);
    wait_gone(&processes);
}

/// Kills a process of a live run whose first policy is done.
fn dies(program: &str, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let spec = write(dir.path(), "small.toml", &SMALL.replace("learn = \"3s\"", "learn = \"1h\""));
    let out = dir.path().join("out");
    let child = start(&live_run(&spec, &out, &["--point", "2k", "--policy", "ours"]));
    wait_for("static", || (!outcomes(&out, "small", "live").is_empty()).then_some(()));
    let processes = wait_for("the next run", || {
        let below = below(child.id());
        let redis = below.iter().filter(|(_, name)| name == "redis-server").count();
        (redis >= 2 && is_loaded(&below)).then_some(below)
    });
    // One that goes before it was looked at takes nothing along, and is filled again.
    let since = Instant::now();
    wait_for("a look at them", || (since.elapsed() > Duration::from_secs(2)).then_some(()));
    let (victim, _) = processes.iter().find(|(_, name)| name == program).unwrap();
    kill(Pid::from_raw(i32::try_from(*victim).unwrap()), Signal::SIGKILL).unwrap();
    let ended = ended(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 1, "{} {}", ended.stdout, ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
    assert!(ended.stderr.contains("1 of 2 runs are finished and kept"), "{}", ended.stderr);
    assert!(out.join("report.html").is_file(), "there is a report of what is finished");
    wait_gone(&processes);
}

/// Whether the proxy has clients: sockets beyond the few it begins with.
fn is_loaded(processes: &[(u32, String)]) -> bool {
    let proxy = processes.iter().find(|(_, name)| name == "hopperkv");
    proxy.is_some_and(|(pid, _)| {
        let open = Path::new("/proc").join(pid.to_string()).join("fd");
        std::fs::read_dir(open).is_ok_and(|entries| entries.count() > 30)
    })
}

#[test]
fn a_proxy_that_dies_ends_the_run_and_keeps_what_is_finished() {
    dies("hopperkv", &["small keys=2k ours", "the server ended with signal: 9"]);
}

#[test]
fn a_redis_that_dies_ends_the_run_and_keeps_what_is_finished() {
    dies("redis-server", &["small keys=2k ours", "the Redis server of tenant", "was lost"]);
}
