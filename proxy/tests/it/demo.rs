//! The demo as `make demo` runs it: both programs, real Redis servers, the table it prints.
//!
//! The whole of it takes a minute and is run with `HOPPERKV_LONG_TESTS`; that it can be stopped is tested always.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::{effort, eventually};

/// A running demo whose temporary files are all in one directory.
struct Demo {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    dir: TempDir,
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let server = Path::new(env!("CARGO_BIN_EXE_hopperkv"));
        let load = server.with_file_name("hopperkv-load");
        assert!(load.exists(), "build the load generator first: cargo build -p hopperkv-bench");
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(load)
            .args(["demo", "--server"])
            .arg(server)
            .args(args)
            .env("TMPDIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: Vec::new(), dir }
    }

    /// Reads on until a line contains `text`, or to the end if there is none to wait for.
    fn read_until(&mut self, text: Option<&str>) {
        for line in self.lines.by_ref() {
            self.seen.push(line.unwrap());
            if text.is_some_and(|text| self.seen.last().unwrap().contains(text)) {
                return;
            }
        }
        assert!(text.is_none(), "{text:?} was never said: {}", self.seen.join("\n"));
    }

    /// Waits for the end; nothing may be left behind. Returns the exit code and what was said.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        self.read_until(None);
        let code = self.child.wait().unwrap().code();
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        assert_eq!(complaints, "", "{}", self.seen.join("\n"));
        let left: Vec<_> = std::fs::read_dir(self.dir.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?} is left behind");
        let dir = self.dir.path().to_str().unwrap();
        eventually("no process of the demo's is left", || {
            let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            let mut commands =
                all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
            let ours = |command: Vec<u8>| String::from_utf8_lossy(&command).contains(dir);
            (!commands.any(ours)).then_some(())
        });
        (code, self.seen)
    }
}

/// One decision as it was printed: seconds since the change, and per tenant cache in MiB, read units, MB/s and gain.
#[derive(Debug)]
struct Epoch {
    after_s: f64,
    shares: [[f64; 4]; 2],
    decision: String,
}

impl Epoch {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [after, "s", shares @ .., _, _] = words.as_slice() else { return None };
        let number = |word: &&str| word.trim_end_matches('x').parse::<f64>().ok();
        let shares: Vec<f64> = shares.iter().map(number).collect::<Option<_>>()?;
        let shares = [shares.get(..4)?.try_into().ok()?, shares.get(4..8)?.try_into().ok()?];
        let decision = words[words.len() - 2..].join(" ");
        Some(Self { after_s: after.parse().ok()?, shares, decision })
    }

    /// Both tenants together.
    fn total(&self, column: usize) -> f64 {
        self.shares[0][column] + self.shares[1][column]
    }
}

#[test]
fn the_demo_follows_a_change_of_roles_and_says_what_came_of_it() {
    if effort(0, 1) == 0 {
        eprintln!("skipped: it takes a minute; set HOPPERKV_LONG_TESTS=1");
        return;
    }
    let demo = Demo::start(&["--seconds", "5", "--follow-seconds", "24"]);
    let (code, said) = demo.end();
    let text = said.join("\n");
    assert_eq!(code, Some(0), "{text}");

    let epochs: Vec<Epoch> = said.iter().filter_map(|line| Epoch::parse(line)).collect();
    assert!(epochs.len() >= 5, "{text}");
    // Every 4 s by the server's timer, looked for once a second.
    assert!(epochs.windows(2).all(|pair| pair[1].after_s - pair[0].after_s > 2.0), "{text}");
    assert!(epochs.iter().any(|epoch| epoch.decision.starts_with("moves: ")), "{text}");
    for epoch in &epochs {
        // 16 MiB, 400 units and 20 MB/s each. A cache grows after another has shrunk, so there may be less at times.
        let [cache, reads, net] = [0, 1, 2].map(|column| epoch.total(column));
        assert!(cache <= 32.1, "{epoch:?}\n{text}");
        assert!((799.0..=801.0).contains(&reads), "{epoch:?}\n{text}");
        assert!((39.98..=40.02).contains(&net), "{epoch:?}\n{text}");
    }
    let (first, last) = (&epochs[0], &epochs[epochs.len() - 1]);
    assert!(last.total(0) >= 31.9, "all cache is given out at the end: {text}");
    assert!(last.shares[0][0] > first.shares[0][0] + 4.0, "alpha needs cache now: {text}");
    assert!(last.shares[1][2] > first.shares[1][2] + 4.0, "beta needs bandwidth now: {text}");

    for (tenant, last) in ["alpha", "beta"].iter().zip(last.shares) {
        let verdict = said.iter().find(|line| line.starts_with(&format!("{tenant}: "))).unwrap();
        let gain = verdict.split_whitespace().nth(1).unwrap().trim_end_matches('x');
        let gain: f64 = gain.parse().unwrap();
        assert!(gain >= 1.2, "{text}");
        assert!(last[3] > 0.97, "{text}");
    }
    assert!(said.contains(&String::from("Nobody is below base.")), "{text}");
    assert!(said.last().unwrap().ends_with(": met."), "{text}");
}

#[test]
fn the_demo_can_be_stopped_and_leaves_nothing_behind() {
    // While caches are filled, and while the loads are measured.
    for (signal, at) in [(Signal::SIGINT, "1. Static"), (Signal::SIGTERM, "static  alpha")] {
        let mut demo = Demo::start(&[]);
        demo.read_until(Some(at));
        kill(Pid::from_raw(i32::try_from(demo.child.id()).unwrap()), signal).unwrap();
        let (code, said) = demo.end();
        assert_eq!(code, Some(1), "{said:?}");
        assert_eq!(said.last().unwrap(), "Stopped before the end: no verdict.");
    }
}
