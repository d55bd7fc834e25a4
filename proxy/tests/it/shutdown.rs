//! The newcomer's way: `hopperkv serve` in an empty directory, and signals that end it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::{PATIENCE, ProxyBuilder, Value, eventually, redis_servers_under};

/// `hopperkv serve` as a newcomer starts it. Its ports are the default ones, so there is one at a time.
struct Demo {
    child: Child,
    dir: TempDir,
    output: PathBuf,
    /// Held against other tests of this machine.
    _turn: Flock<File>,
}

impl Demo {
    /// Starts it and waits until it has said everything.
    fn start() -> Self {
        let turn = take_turn();
        let dir = tempfile::Builder::new().prefix("hkn").tempdir_in("/tmp").unwrap();
        let output = dir.path().with_extension("out");
        // Somebody else on this machine may have the ports, but not forever.
        let deadline = Instant::now() + 6 * PATIENCE;
        let child = loop {
            let mut child = serve_in(dir.path(), &output);
            let ended = eventually("it is ready or gives up", || match child.try_wait().unwrap() {
                Some(status) => Some(Some(status)),
                None => said(&output).contains("Ctrl-C stops it.").then_some(None),
            });
            let Some(status) = ended else { break child };
            let text = said(&output);
            assert!(text.contains("cannot listen on"), "{status}: {text}");
            assert!(Instant::now() < deadline, "stop whoever has the default ports: {text}");
        };
        Self { child, dir, output, _turn: turn }
    }

    fn said(&self) -> String {
        said(&self.output)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        eventually("it ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(Signal::SIGTERM);
            self.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
        let _ = std::fs::remove_file(&self.output);
    }
}

fn serve_in(dir: &Path, output: &Path) -> Child {
    let file = File::create(output).unwrap();
    Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .arg("serve")
        .current_dir(dir)
        .env_remove("HOPPERKV_CONFIG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(file.try_clone().unwrap())
        .stdout(file)
        .spawn()
        .unwrap()
}

fn said(output: &Path) -> String {
    let mut text = String::new();
    File::open(output).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Waits for this machine's turn on the default ports.
fn take_turn() -> Flock<File> {
    let path = std::env::temp_dir().join("hopperkv-default-ports.lock");
    let open = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path);
    Flock::lock(open.unwrap(), FlockArg::LockExclusive).map_err(|(_, error)| error).unwrap()
}

/// Runs a line through the shell, as it was printed.
fn shell(line: &str) -> String {
    let output = Command::new("timeout")
        .args(["--kill-after=1", "60", "sh", "-c", line])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_newcomer_is_told_what_works() {
    let mut demo = Demo::start();
    let said = demo.said();
    for part in ["127.0.0.1:6380", "http://127.0.0.1:6390/v1", "hopperkv-data", "optimum every 20s"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    for tenant in ["orders", "sessions", "catalog"] {
        let row = said.lines().find(|line| line.starts_with(&format!("{tenant} "))).unwrap();
        let password = row.split_whitespace().nth(1).unwrap();
        let ping =
            format!("redis-cli -p 6380 --user {tenant} --pass {password} --no-auth-warning PING");
        assert_eq!(shell(&ping), "PONG\n", "{row}");
    }
    let commands: Vec<&str> = said
        .lines()
        .skip_while(|line| *line != "Try:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.strip_prefix("  ").unwrap())
        .collect();
    let [set, benchmark, stats] = commands.as_slice() else { panic!("three commands: {said}") };
    assert_eq!(shell(set), "OK\n");
    let measured = shell(benchmark).replace('\r', "\n");
    for test in ["SET: ", "GET: "] {
        let line = measured.lines().rev().find(|line| line.starts_with(test)).unwrap();
        assert!(line.contains("requests per second"), "{measured}");
    }
    let stats: serde_json::Value = serde_json::from_str(&shell(stats)).unwrap();
    assert_eq!(stats["tenant"], "catalog");
    let words: Vec<&str> = benchmark.split_whitespace().collect();
    let requests = words.iter().position(|word| *word == "-n").unwrap() + 1;
    let requests: u64 = words[requests].parse().unwrap();
    assert_eq!(stats["requests"]["writes"], requests + 1, "{stats}");
    assert_eq!(stats["requests"]["reads"], requests, "{stats}");
    assert_eq!(stats["requests"]["errors"], 0, "{stats}");
    assert_eq!(redis_servers_under(demo.dir.path()).len(), 3);

    demo.signal(Signal::SIGINT);
    assert_eq!(demo.wait().code(), Some(0));
    let end: Vec<String> = demo.said().lines().rev().take(2).map(str::to_owned).collect();
    assert_eq!(end[0], "stopped; every request was finished");
    assert!(end[1].starts_with("SIGINT: "), "{end:?}");
    assert_eq!(redis_servers_under(demo.dir.path()), Vec::<String>::new());
    let left: Vec<_> = std::fs::read_dir(demo.dir.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["hopperkv-data"]);
}

#[test]
fn sigterm_ends_it_in_order_too_and_the_data_is_there_next_time() {
    let mut demo = Demo::start();
    let cli = "redis-cli -p 6380 --user orders --pass orders-demo --no-auth-warning";
    assert_eq!(shell(&format!("{cli} SET kept value")), "OK\n");
    demo.signal(Signal::SIGTERM);
    assert_eq!(demo.wait().code(), Some(0));
    assert_eq!(redis_servers_under(demo.dir.path()), Vec::<String>::new());
    assert!(demo.said().contains("SIGTERM: finishing requests under way"), "{}", demo.said());
    demo.child = serve_in(demo.dir.path(), &demo.output);
    eventually("it is ready again", || demo.said().contains("Ctrl-C stops it.").then_some(()));
    assert_eq!(shell(&format!("{cli} GET kept")), "value\n");
}

#[test]
fn requests_under_way_are_finished_before_it_ends() {
    let mut proxy = slow("3s").start();
    let mut client = proxy.client();
    client.send_command(&["GET", "K0000000001s16EY"]);
    client.send_command(&["SET", "a", "1"]);
    wait_until_read(&proxy, 2);
    proxy.signal(Signal::SIGTERM);
    assert_eq!(client.read().text().len(), 100);
    assert_eq!(client.read(), Value::ok());
    assert!(client.is_closed());
    assert_eq!(proxy.wait().code(), Some(0));
    assert_eq!(redis_servers_under(&proxy.data_dir()), Vec::<String>::new());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut proxy = slow("50s").start();
    let mut client = proxy.client();
    client.send_command(&["GET", "K0000000001s16EY"]);
    wait_until_read(&proxy, 1);
    proxy.signal(Signal::SIGINT);
    eventually("it drains", || {
        proxy.log().iter().any(|line| line.starts_with("SIGINT: finishing")).then_some(())
    });
    let asked = Instant::now();
    proxy.signal(Signal::SIGINT);
    assert_eq!(proxy.wait().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(client.try_read().is_none(), "the request was still under way");
    eventually("it says so", || {
        proxy.log().iter().any(|line| line == "hopperkv: SIGINT again: ended at once").then_some(())
    });
    eventually("nothing is left running", || {
        redis_servers_under(&proxy.data_dir()).is_empty().then_some(())
    });
}

/// Storage that takes this long for every request.
fn slow(latency: &str) -> ProxyBuilder {
    ProxyBuilder::default()
        .server("drain_timeout = \"60s\"")
        .storage(&format!("kind = \"synthetic\"\nlatency = \"{latency}\"\nvalue_bytes = 100"))
}

/// Waits until this many commands on keys have been read.
fn wait_until_read(proxy: &crate::support::Proxy, commands: u64) {
    let first = "/v1/tenants/orders/stats";
    eventually("the requests are under way", || {
        (proxy.get(first)["requests"]["commands"].as_u64()? >= commands).then_some(())
    });
}
