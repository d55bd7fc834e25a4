//! Subcommands that talk to a running proxy.

use serde_json::Value as Json;

use super::{against, hopperkv};
use crate::admin::{MIB, maxmemory};
use crate::support::{Client, Port, Proxy, Value};

/// The words of every line.
fn words(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn tenants_are_added_shown_resized_released_and_removed() {
    let proxy = Proxy::start();
    let run = |args: &[&str]| against(&proxy, args);
    let added = run(&[
        "tenant",
        "add",
        "carts",
        "--cache",
        "64MiB",
        "--read-units",
        "500",
        "--write-units",
        "1k",
        "--net",
        "10MB/s",
        "--max-wait",
        "2s",
    ]);
    let added = added.done();
    let mut lines = added.lines();
    assert_eq!(lines.next(), Some("tenant carts is created"));
    let password = lines.next().unwrap().strip_prefix("password: ").unwrap();
    let password = password.strip_suffix("   (not shown again)").unwrap();
    let mut client = Client::connect(proxy.listen);
    assert_eq!(client.call(&["AUTH", "carts", password]), Value::ok());

    let list = words(&run(&["tenant", "list"]).done());
    assert_eq!(list.len(), 3, "{list:?}");
    assert_eq!(list[1], ["carts", "64.0", "MiB", "500", "1000", "10000000", "no", "1"]);
    assert_eq!(list[2][0], "orders");
    let shown: Json = serde_json::from_str(&run(&["tenant", "show", "carts"]).done()).unwrap();
    assert_eq!((&shown["name"], &shown["max_wait_ms"]), (&"carts".into(), &2000.into()));

    let set = ["tenant", "set-quota", "carts", "--cache", "16MiB", "--read-units", "7"];
    let set = words(&run(&set).done());
    assert_eq!(set[1], ["carts", "16.0", "MiB", "7", "1000", "10000000", "yes"]);
    assert_eq!(maxmemory(&proxy, "carts"), 16 * MIB);
    let released = words(&run(&["tenant", "set-quota", "carts", "--release"]).done());
    assert_eq!(released[1], list[1][..7]);
    assert_eq!(maxmemory(&proxy, "carts"), 64 * MIB);

    assert_eq!(
        run(&["tenant", "remove", "carts"]).done(),
        "tenant carts is removed; its table stays\n"
    );
    assert!(client.is_closed());
    for gone in [&["tenant", "remove", "carts"][..], &["tenant", "show", "carts"]] {
        assert_eq!(run(gone).refused(1), "there is no tenant \"carts\"");
    }
    assert!(run(&["tenant", "show", "../allocator"]).refused(1).contains("there is no tenant"));
    assert!(run(&["tenant", "set-quota", "orders"]).refused(2).contains("--release"));
    assert!(
        run(&["tenant", "set-quota", "orders", "--cache", "1KiB"]).refused(1).contains("cache")
    );
    assert_eq!(run(&["tenant", "set-quota", "orders", "--cache", "many"]).code, Some(2));
}

#[test]
fn weights_and_bounds_are_given_shown_and_lifted() {
    let proxy = Proxy::start();
    let run = |args: &[&str]| against(&proxy, args);
    let add = "tenant add carts --cache 64MiB --read-units 500 --write-units 1k --net 10MB/s \
               --weight 2 --min cache=32MiB,read-units=62.5";
    run(&add.split_whitespace().collect::<Vec<_>>()).done();
    let shown: Json = serde_json::from_str(&run(&["tenant", "show", "carts"]).done()).unwrap();
    assert_eq!(shown["weight"], 2.0);
    let min = serde_json::json!({"cache_bytes": 32 * MIB, "read_units_per_s": 62.5});
    assert_eq!((&shown["min"], &shown["max"]), (&min, &serde_json::json!({})));
    let set = ["tenant", "set", "carts", "--weight", "0.5", "--max", "net=20MB/s", "--min", "none"];
    assert_eq!(words(&run(&set).done())[1][7], "0.5");
    let table = run(&["stats", "--tenant", "carts"]).done();
    let share = words(&table);
    let share = &share[share
        .iter()
        .position(|line| line[..] == ["share", "now", "base", "min", "max"])
        .unwrap()..];
    assert_eq!(share[1], ["cache_bytes", "64.0", "MiB", "64.0", "MiB", "-", "-"]);
    assert_eq!(share[4], ["net_bytes_per_s", "10000000", "10000000", "-", "20000000"]);
    assert_eq!(share[5], ["weight", "0.5"]);
    let set = ["tenant", "set", "carts", "--min", "cache=65MiB"];
    assert!(run(&set).refused(1).contains("min.cache"));
    assert!(run(&["tenant", "set", "carts"]).refused(2).contains("--help"));
    let ended = run(&["tenant", "set", "carts", "--min", "cach=65MiB"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cache, read_units, write_units, net"), "{ended:?}");
}

#[test]
fn stats_and_dry_runs_are_tables_or_json() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for i in 0..10 {
        assert_eq!(client.cmd(&format!("SET k{i} v")), Value::ok());
    }
    let table = against(&proxy, &["stats"]).done();
    assert!(table.starts_with("tenant ") && table.lines().count() == 2, "{table}");
    let details = against(&proxy, &["stats", "--tenant", "orders"]).done();
    for part in ["write_units", "hot key", "32.0 MiB"] {
        assert!(details.contains(part), "{part} is not in {details}");
    }
    let json = against(&proxy, &["stats", "--tenant", "orders", "--json"]).done();
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["requests"]["writes"], 10);
    let all: Json = serde_json::from_str(&against(&proxy, &["stats", "--json"]).done()).unwrap();
    assert_eq!(all[0]["tenant"], "orders");
    let nobody = against(&proxy, &["stats", "--tenant", "nobody"]);
    assert_eq!(nobody.refused(1), "there is no tenant \"nobody\"");

    for policy in ["static", "drf", "hare", "hare_nonconserving", "memshare", "optimum"] {
        let said = against(&proxy, &["allocate", "--dry-run", "--policy", policy]).done();
        assert!(said.starts_with(&format!("{policy}: dry run, would be kept: ")), "{said}");
        let words: Vec<_> = said.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!((words[0], words[2]), ("orders", "1"), "name and weight: {said}");
    }
    let run = against(&proxy, &["allocate", "--dry-run", "--json"]).done();
    let run: Json = serde_json::from_str(&run).unwrap();
    assert_eq!((&run["trigger"], &run["policy"]), (&"dry_run".into(), &"optimum".into()));
}

#[test]
fn healthcheck_tells_ready_from_not() {
    let proxy = Proxy::start();
    assert_eq!(against(&proxy, &["healthcheck"]).done(), "ready\n");
    // Needs no token, as it may run where none is to be had.
    let url = format!("http://{}", proxy.admin);
    assert_eq!(hopperkv(&["healthcheck", "--admin", &url], &[]).done(), "ready\n");
    let redis = proxy.redis_pid("orders");
    nix::sys::signal::kill(redis, nix::sys::signal::Signal::SIGSTOP).unwrap();
    crate::support::eventually("it is not ready", || {
        let ended = against(&proxy, &["healthcheck"]);
        let not_ready = ended.code == Some(1);
        not_ready.then(|| assert!(ended.refused(1).contains("\"orders\""), "{ended:?}"))
    });
    nix::sys::signal::kill(redis, nix::sys::signal::Signal::SIGCONT).unwrap();
    crate::support::eventually("it is ready again", || {
        (against(&proxy, &["healthcheck"]).code == Some(0)).then_some(())
    });
}

#[test]
fn without_a_proxy_or_a_token_the_error_says_what_to_do() {
    let nobody = Port::reserve();
    let url = format!("http://{}", nobody.address());
    for args in [&["stats"][..], &["tenant", "list"], &["allocate", "--dry-run"], &["healthcheck"]]
    {
        let ended = hopperkv(args, &[("HOPPERKV_ADMIN", &url)]);
        let line = ended.refused(1);
        assert!(line.starts_with(&format!("no proxy answers at {url}: ")), "{line}");
        assert!(line.contains("`hopperkv serve`") && line.contains("--admin"), "{line}");
    }
    let proxy = Proxy::start();
    let url = format!("http://{}", proxy.admin);
    for token in [&[][..], &["--token", "wrong"]] {
        let args = [&["tenant", "--admin", &url][..], token, &["list"]].concat();
        let ended = hopperkv(&args, &[]);
        let line = ended.refused(1);
        assert!(line.contains("wants its admin token; pass --token"), "{line}");
    }
    let redis = crate::support::RedisServer::start(None);
    let url = format!("http://{}", redis.address());
    assert_eq!(hopperkv(&["stats", "--admin", &url], &[]).code, Some(1));
    let ended = hopperkv(&["stats", "--admin", "http://[oops"], &[]);
    assert!(ended.refused(2).contains("write http://host:port"));
}
