//! Runs the program and keeps what it printed; small specs; processes by their parents.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hopperkv-experiments");

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Two small tenants; `keys` is varied over two values.
pub(crate) const SMALL: &str = r#"
name = "small"
title = "Two small tenants"
shows = "a test"
policies = ["static", "hare", "ours"]
[base]
cache = "8MiB"
read_units = 400
write_units = 400
net = "4MiB/s"
[clients]
connections = 8
depth = 2
[time]
learn = "3s"
settle = "1s"
measure = "3s"
[vary]
name = "keys"
label = "Keys"
values = ["2k", "3k"]
[[tenant]]
name = "a"
workload = "n={keys},k=16,v=1000,w=0.05,d=unif"
[[tenant]]
name = "b"
workload = "n=12k,k=16,v=1000,w=0.05,d=unif"
"#;

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Arguments of a live run of `spec` at full scale into `out`, followed by `more`.
pub(crate) fn live_run(spec: &str, out: &Path, more: &[&str]) -> Vec<String> {
    let (proxy, out) = (proxy(), out.to_string_lossy());
    let first =
        ["run", spec, "--engine", "live", "--scale", "1", "--server", &proxy, "--out", &out];
    first.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

pub(crate) fn run(arguments: &[impl AsRef<OsStr>]) -> Ended {
    let output = Command::new(PROGRAM).args(arguments).output().expect("the program starts");
    ended(&output)
}

pub(crate) fn ended(output: &std::process::Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn start(arguments: &[impl AsRef<OsStr>]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).expect("a temporary file");
    path.to_string_lossy().into_owned()
}

/// The proxy, built with everything else when all tests are.
pub(crate) fn proxy() -> String {
    let path = Path::new(PROGRAM).with_file_name("hopperkv");
    assert!(path.is_file(), "{} is missing: cargo build -p hopperkv", path.display());
    path.to_string_lossy().into_owned()
}

/// Waits for a condition.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{what} took more than {LIMIT:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Every outcome in a directory of a spec and engine.
pub(crate) fn outcomes(out: &Path, spec: &str, engine: &str) -> Vec<(PathBuf, Value)> {
    let Ok(entries) = fs::read_dir(out.join(spec).join(engine)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("an outcome");
        let value = serde_json::from_str(&text).expect("an outcome is whole");
        (path, value)
    };
    paths.into_iter().map(read).collect()
}

/// Processes below one, with their programs' names.
pub(crate) fn below(root: u32) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, fields)) = stat.rsplit_once(") ") else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
        let mut fields = fields.split_ascii_whitespace();
        let is_gone = fields.next() == Some("Z");
        let parent = fields.next().and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
        if !is_gone {
            all.push((pid, parent, name));
        }
    }
    let mut found = vec![root];
    let mut below = Vec::new();
    while let Some(parent) = found.pop() {
        for (pid, _, name) in all.iter().filter(|(_, of, _)| *of == parent) {
            found.push(*pid);
            below.push((*pid, name.clone()));
        }
    }
    below
}

/// Waits until none of these processes is there any more.
pub(crate) fn wait_gone(processes: &[(u32, String)]) {
    for (pid, name) in processes {
        wait_for(&format!("the end of {name} ({pid})"), || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let is_same = stat.contains(&format!("({name})")) && !stat.contains(") Z ");
            (!is_same).then_some(())
        });
    }
}
