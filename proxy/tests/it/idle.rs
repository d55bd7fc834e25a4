//! What nobody uses costs nothing: tenants without clients have no Redis and take no time, idle connections little memory;
//! and the first use of a tenant finds everything there, or is told.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::{
    Client, PATIENCE, Proxy, ProxyBuilder, Value, effort, eventually, redis_servers_under,
};

/// Tenants that are configured where many are.
fn many() -> usize {
    effort(200, 1000)
}

fn with_tenants(count: usize) -> ProxyBuilder {
    let names = (0..count).map(|i| format!("tenant{i:04}"));
    names.fold(ProxyBuilder::default(), |builder, name| builder.tenant(&name, ""))
}

fn use_ten(proxy: &Proxy) {
    for i in 0..10 {
        let mut client = proxy.client_of(&format!("tenant{i:04}"));
        assert_eq!(client.cmd("SET k v"), Value::ok());
        assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    }
}

/// Processor time that a process has taken, in clock ticks.
fn ticks_of(pid: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Process ids of the Redis servers on a data directory.
fn redis_pids(data_dir: &Path) -> Vec<String> {
    let files =
        std::fs::read_dir(data_dir.join("redis")).unwrap().flatten().map(|file| file.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "pid"));
    files.map(|file| std::fs::read_to_string(file).unwrap().trim().to_owned()).collect()
}

/// Clock ticks that the proxy and its Redis servers take in three seconds without any request.
fn idle_ticks(proxy: &Proxy) -> u64 {
    let mut pids = redis_pids(&proxy.data_dir());
    pids.push(proxy.pid().to_string());
    let now = || pids.iter().map(|pid| ticks_of(pid)).sum::<u64>();
    let (before, since) = (now(), Instant::now());
    eventually("the window is over", || (since.elapsed() >= Duration::from_secs(3)).then_some(()));
    now() - before
}

fn rss_bytes(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

#[test]
fn tenants_that_nobody_uses_cost_no_process_and_no_time() {
    let few = with_tenants(10).start();
    let started = Instant::now();
    let proxy = with_tenants(many()).start();
    let took = started.elapsed();
    assert!(took < PATIENCE / 2, "{} tenants are open after {took:?}", many());
    assert_eq!(redis_servers_under(&proxy.data_dir()), Vec::<String>::new());
    for proxy in [&few, &proxy] {
        use_ten(proxy);
        assert_eq!(redis_servers_under(&proxy.data_dir()).len(), 10);
    }
    let (of_few, of_many) = (idle_ticks(&few), idle_ticks(&proxy));
    assert!(of_many <= 2 * of_few + 10, "{of_many} ticks with many tenants, {of_few} with ten");
    let (few_bytes, many_bytes) = (rss_bytes(few.pid()), rss_bytes(proxy.pid()));
    let each = many_bytes.saturating_sub(few_bytes) / (many() as u64 - 10);
    assert!(each < 100_000, "{each} bytes for each tenant that nobody uses");
}

#[test]
fn a_tenant_that_nobody_has_used_is_ready_and_shown_as_not_started() {
    let proxy = ProxyBuilder::default().tenant("used", "").tenant("unused", "").start();
    assert_eq!(proxy.client_of("used").cmd("SET k v"), Value::ok());
    let ready = proxy.get("/readyz");
    assert_eq!((&ready["ready"], &ready["caches_down"]), (&true.into(), &serde_json::json!([])));
    for (tenant, started) in [("used", true), ("unused", false)] {
        let view = proxy.get(&format!("/v1/tenants/{tenant}"));
        assert_eq!(view["cache_serving"], true, "{view}");
        assert_eq!(view["cache_started"], started, "{view}");
        let cache = &proxy.get(&format!("/v1/tenants/{tenant}/stats"))["cache"];
        assert_eq!((&cache["serving"], &cache["started"]), (&true.into(), &started.into()));
        assert_eq!(cache["used_bytes"].is_u64(), started, "{cache}");
    }
    let metrics = proxy.get("/metrics");
    let metrics = metrics.as_str().unwrap();
    for line in [
        "hopperkv_cache_serving{tenant=\"unused\"} 1",
        "hopperkv_cache_started{tenant=\"unused\"} 0",
        "hopperkv_cache_started{tenant=\"used\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in {metrics}");
    }
}

#[test]
fn a_quota_that_was_set_before_the_first_use_holds_from_then_on_and_keeps_nobody_waiting() {
    let tenants = ProxyBuilder::default().tenant("grows", "").tenant("unused", "");
    let proxy = tenants.start();
    assert_eq!(proxy.client_of("grows").cmd("SET k v"), Value::ok());
    for (tenant, mebibytes) in [("unused", 12), ("grows", 52)] {
        let bytes: u64 = mebibytes << 20;
        let body = serde_json::json!({ "cache_bytes": bytes });
        let path = format!("/v1/tenants/{tenant}/quota");
        let (status, set) = proxy.api("PUT", &path, Some(&body));
        assert_eq!(status, 200, "{set}");
    }
    assert_eq!(redis_servers_under(&proxy.data_dir()).len(), 1, "no quota starts a Redis");
    for (tenant, mebibytes) in [("grows", 52), ("unused", 12)] {
        let size = || proxy.redis_cli(tenant, &["CONFIG", "GET", "maxmemory"]);
        let bytes: u64 = mebibytes << 20;
        eventually("the size holds", || {
            (size().lines().last() == Some(&bytes.to_string())).then_some(())
        });
    }
}

#[test]
fn many_first_clients_at_once_on_all_workers_are_all_served_by_one_redis() {
    const CLIENTS: usize = 16;
    let tenants = (0..4).map(|i| format!("tenant{i}"));
    let builder =
        tenants.clone().fold(ProxyBuilder::default().server("workers = 2"), |builder, name| {
            builder.tenant(&name, "")
        });
    let proxy = builder.start();
    for tenant in tenants {
        let barrier = Barrier::new(CLIENTS);
        std::thread::scope(|scope| {
            for n in 0..CLIENTS {
                let (listen, tenant, barrier) = (proxy.listen, &tenant, &barrier);
                scope.spawn(move || {
                    let mut client = Client::connect(listen);
                    barrier.wait();
                    client.send_command(&["AUTH", tenant, &format!("{tenant}-pw")]);
                    client.send_command(&["SET", &format!("k{n}"), "v"]);
                    client.send_command(&["GET", &format!("k{n}")]);
                    client.send_command(&["RPUSH", "list", "x"]);
                    assert_eq!(client.read(), Value::ok());
                    assert_eq!(client.read(), Value::ok());
                    assert_eq!(client.read(), Value::bulk("v"));
                    assert!(client.read().int() > 0);
                });
            }
        });
        let mut client = proxy.client_of(&tenant);
        assert_eq!(client.cmd("LLEN list").int(), CLIENTS as i64);
        let requests = &proxy.get(&format!("/v1/tenants/{tenant}/stats"))["requests"];
        assert_eq!(requests["bypassed"], 0, "they waited for Redis: {requests}");
    }
    assert_eq!(redis_servers_under(&proxy.data_dir()).len(), 4);
    assert!(redis_servers_under(&proxy.data_dir()).iter().all(|line| !line.contains("_spare")));
}

/// A program in place of redis-server that can be broken and mended, outside the data directory.
struct Program {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("hkv").tempdir_in("/tmp").unwrap();
        let program = Self { path: dir.path().join("server"), _dir: dir };
        program.does("exec redis-server \"$@\"");
        program
    }

    /// What it does unless it is asked for its version. Renamed into its place: it may be running.
    fn does(&self, line: &str) {
        let beside = self.path.with_extension("new");
        let text = format!("#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n{line}\n");
        std::fs::write(&beside, text).unwrap();
        std::fs::set_permissions(&beside, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&beside, &self.path).unwrap();
    }

    fn cache(&self) -> String {
        format!("kind = \"managed\"\nredis_server = \"{}\"", self.path.display())
    }
}

fn is_down(proxy: &Proxy) -> bool {
    let (status, ready) = proxy.api("GET", "/readyz", None);
    status == 503 && ready["caches_down"] == serde_json::json!(["orders"])
}

#[test]
fn a_redis_that_cannot_be_started_at_first_use_is_an_outage_that_ends() {
    let program = Program::new();
    let mut proxy = ProxyBuilder::default().cache(&program.cache()).start();
    for (broken, said) in [(true, "it ended with exit status: 7"), (false, "No such file")] {
        if broken {
            program.does("exit 7")
        } else {
            std::fs::remove_file(&program.path).unwrap()
        }
        assert_eq!(proxy.api("GET", "/readyz", None).0, 200, "nobody has needed it");
        let mut client = proxy.client();
        assert_eq!(client.cmd("SET k v"), Value::ok());
        assert_eq!(client.cmd("GET k"), Value::bulk("v"));
        assert!(is_down(&proxy));
        eventually("the log says why", || {
            let is_it = |line: &&String| line.contains("cannot be started") && line.contains(said);
            let lines = proxy.log().iter().filter(is_it).count();
            (lines > 0).then(|| assert_eq!(lines, 1, "said once"))
        });
        program.does("exec redis-server \"$@\"");
        eventually("it is ready", || (proxy.api("GET", "/readyz", None).0 == 200).then_some(()));
        eventually("Redis serves", || {
            client.cmd("GET k");
            (proxy.redis_cli("orders", &["EXISTS", "=k"]).trim() == "1"
                || proxy.redis_cli("orders", &["DBSIZE"]).trim().parse().is_ok_and(|n: u64| n > 1))
            .then_some(())
        });
        assert_eq!(client.cmd("GET k"), Value::bulk("v"));
        assert!(proxy.stop().success());
        proxy.restart();
    }
}

#[test]
fn a_redis_that_hangs_at_first_use_holds_requests_up_for_a_bounded_time_and_no_shutdown() {
    let program = Program::new();
    let mut proxy = ProxyBuilder::default().cache(&program.cache()).start();
    program.does("exec sleep 1000");
    let (mut client, since) = (proxy.client(), Instant::now());
    assert_eq!(client.cmd("SET k v"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    assert!(is_down(&proxy));
    let since = Instant::now();
    assert!(proxy.stop().success());
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[test]
fn a_shutdown_while_redis_starts_leaves_nothing_behind() {
    let program = Program::new();
    let mut proxy = ProxyBuilder::default().cache(&program.cache()).start();
    program.does("echo $$ > \"$(dirname \"$0\")/pid\"; exec sleep 1000");
    let _client = proxy.client();
    let pid = eventually("it is started", || {
        let text = std::fs::read_to_string(program.path.with_file_name("pid")).ok()?;
        text.trim().parse::<i32>().ok()
    });
    assert!(proxy.stop().success());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn what_a_killed_proxy_left_is_ended_though_nobody_uses_the_tenant_again() {
    let mut proxy = with_tenants(12).start();
    use_ten(&proxy);
    proxy.kill();
    assert_eq!(redis_servers_under(&proxy.data_dir()).len(), 10);
    let since = Instant::now();
    proxy.restart();
    assert!(since.elapsed() < PATIENCE / 4, "ready again after {:?}", since.elapsed());
    eventually("those of the earlier run are gone", || {
        redis_servers_under(&proxy.data_dir()).is_empty().then_some(())
    });
    use_ten(&proxy);
    assert!(proxy.stop().success());
    assert_eq!(redis_servers_under(&proxy.data_dir()), Vec::<String>::new());
}

#[test]
fn as_many_files_may_be_open_as_clients_may_need_or_the_system_allows() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Of this process, and so what the proxy begins with.
    setrlimit(Resource::RLIMIT_NOFILE, most.min(256), most).unwrap();
    let soft = |proxy: &Proxy| {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", proxy.pid())).unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        files.split_whitespace().nth(3).unwrap().parse::<u64>().unwrap()
    };
    let proxy = ProxyBuilder::default().server("max_clients = 500").start();
    assert!((500..1000).contains(&soft(&proxy)), "{}", soft(&proxy));
    let mut proxy = ProxyBuilder::default().server("max_clients = 1000000").start();
    if most < 1_000_000 {
        assert_eq!(soft(&proxy), most);
        eventually("it warns that clients may need more than that", || {
            let is_it = |line: &String| line.contains("open files") && line.contains("LimitNOFILE");
            proxy.log().iter().any(is_it).then_some(())
        });
    }
}

#[test]
fn an_idle_connection_takes_little_memory() {
    const CONNECTIONS: usize = 2000;
    let proxy = ProxyBuilder::default().server("max_clients = 3000").start();
    assert_eq!(proxy.client().cmd("SET k v"), Value::ok());
    // What is allocated once, for any number of connections, is not what is asked for.
    let mut clients: Vec<Client> = (0..100).map(|_| proxy.client()).collect();
    let before = rss_bytes(proxy.pid());
    for _ in 0..CONNECTIONS {
        let mut client = proxy.client();
        assert_eq!(client.cmd("GET k"), Value::bulk("v"));
        clients.push(client);
    }
    let each = rss_bytes(proxy.pid()).saturating_sub(before) / CONNECTIONS as u64;
    assert!(each < 10_000, "{each} bytes for each idle connection");
    proxy.signal(Signal::SIGTERM);
}
