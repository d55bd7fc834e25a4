//! Scripts that do not end: whoever runs one is told, everything else goes on.

use std::time::{Duration, Instant};

use crate::support::{Client, Proxy, ProxyBuilder, RedisServer, Value, eventually};

use super::load;

const ENDLESS: &str = "while true do end";
/// Redis does not end a script that has written.
const ENDLESS_AFTER_A_WRITE: &str = "redis.call('set', KEYS[1], 'x') while true do end";

/// A few seconds, on a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// Runs a loaded script that does not end while `beside` runs again and again; its error.
fn run_beside(client: &mut Client, hash: &str, mut beside: impl FnMut()) -> String {
    let begun = Instant::now();
    let reply = std::thread::scope(|scope| {
        let running = scope.spawn(|| client.call(&["EVALSHA", hash, "1", "k"]));
        while !running.is_finished() {
            beside();
        }
        running.join().unwrap()
    });
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    reply.error().to_owned()
}

fn is_told(error: &str) -> bool {
    error.starts_with("UNAVAILABLE cache of this tenant did not answer in time: this script")
        || error.contains("Script killed by user")
}

fn is_logged(proxy: &mut Proxy, text: &str) -> Option<()> {
    proxy.log().iter().any(|line| line.contains(text)).then_some(())
}

/// Commands that Redis computes, stores and caches.
fn commands_work(client: &mut Client) {
    assert_eq!(client.cmd("SET s v"), Value::ok());
    assert_eq!(client.cmd("GET s"), Value::bulk("v"));
    assert_eq!(client.cmd("DEL l"), Value::Int(0));
    assert_eq!(client.cmd("RPUSH l a b"), Value::Int(2));
    assert_eq!(client.cmd("LLEN l"), Value::Int(2));
    assert_eq!(client.cmd("DEL l"), Value::Int(1));
}

fn is_back(client: &mut Client, proxy: &mut Proxy) {
    eventually("Redis serves again", || is_logged(proxy, "Redis serves again"));
    commands_work(client);
    assert_eq!(client.cmd("GET k"), Value::bulk("before"));
}

/// Ends one script in a managed Redis beside another tenant's requests; whether Redis was restarted.
fn endless_in_managed(text: &str) -> bool {
    let mut proxy = ProxyBuilder::default().tenant("orders", "").tenant("others", "").start();
    let pid = proxy.redis_pid("orders");
    let (mut client, mut others) = (proxy.client(), proxy.client_of("others"));
    assert_eq!(client.cmd("SET k before"), Value::ok());
    let hash = load(&mut client, text);
    let mut rounds = 0;
    let error = run_beside(&mut client, &hash, || {
        commands_work(&mut others);
        rounds += 1;
    });
    // Whoever waited for that Redis would have done one.
    assert!(rounds > 2, "{rounds}");
    assert!(is_told(&error), "{error}");
    let begun = Instant::now();
    commands_work(&mut client);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    is_back(&mut client, &mut proxy);
    proxy.redis_pid("orders") != pid
}

#[test]
fn redis_ends_a_script_that_only_computes() {
    assert!(!endless_in_managed(ENDLESS));
}

#[test]
fn a_managed_redis_that_cannot_end_a_script_is_restarted() {
    assert!(endless_in_managed(ENDLESS_AFTER_A_WRITE));
}

fn proxy_of(redis: &RedisServer) -> Proxy {
    ProxyBuilder::default()
        .cache("kind = \"dedicated\"\nexclusive = true")
        .tenant("orders", &format!("redis = \"{}\"", redis.url()))
        .start()
}

#[test]
fn a_dedicated_redis_is_freed_of_a_script() {
    let redis = RedisServer::start(Some("s3cret"));
    let mut proxy = ProxyBuilder::default()
        .cache("kind = \"dedicated\"\nexclusive = true")
        // Another database than that in which a connection begins.
        .tenant("orders", &format!("redis = \"{}/3\"", redis.url()))
        .start();
    assert_eq!(redis.cli(&["CONFIG", "GET", "lua-time-limit"]), "lua-time-limit\n1500");
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k before"), Value::ok());
    let hash = load(&mut client, ENDLESS);
    let error = run_beside(&mut client, &hash, || {});
    assert!(is_told(&error), "{error}");
    is_back(&mut client, &mut proxy);
    assert_eq!(redis.cli(&["PING"]), "PONG");
}

#[test]
fn who_runs_a_dedicated_redis_is_told_of_a_script_that_it_cannot_end() {
    let mut redis = RedisServer::start(None);
    let mut proxy = proxy_of(&redis);
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k before"), Value::ok());
    let hash = load(&mut client, ENDLESS_AFTER_A_WRITE);
    let error = run_beside(&mut client, &hash, || {});
    assert!(is_told(&error), "{error}");
    eventually("a human is told", || is_logged(&mut proxy, "restart this Redis"));
    commands_work(&mut client);
    assert_eq!(client.cmd("GET k"), Value::bulk("before"));
    redis.kill();
    redis.restart();
    is_back(&mut client, &mut proxy);
    let told = proxy.log().iter().filter(|line| line.contains("restart this Redis")).count();
    assert_eq!(told, 1);
}

#[test]
fn the_spare_redis_is_freed_of_a_script_and_does_not_run_it_again() {
    let mut redis = RedisServer::start(None);
    let mut proxy = proxy_of(&redis);
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k before"), Value::ok());
    let hashes = [ENDLESS, ENDLESS_AFTER_A_WRITE].map(|text| load(&mut client, text));
    let harmless = load(&mut client, "return redis.call('get', KEYS[1])");
    redis.kill();
    for hash in &hashes {
        let error = run_beside(&mut client, hash, || {});
        assert!(is_told(&error), "{error}");
        // Waits until the spare one is back.
        eventually("scripts run", || {
            let reply = client.call(&["EVALSHA", &harmless, "1", "k"]);
            (reply == Value::bulk("before")).then_some(())
        });
        commands_work(&mut client);
    }
    for hash in &hashes {
        let begun = Instant::now();
        let again = client.call(&["EVALSHA", hash, "1", "k"]);
        assert!(again.error().starts_with("UNAVAILABLE cache of this tenant cannot"), "{again:?}");
        // No Redis was lost, which takes at least 1.5 s.
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
    redis.restart();
    eventually("Redis serves again", || {
        let logged = proxy.log().iter().filter(|line| line.contains("Redis serves again"));
        logged.clone().any(|line| line.contains("orders")).then_some(())
    });
    commands_work(&mut client);
}
