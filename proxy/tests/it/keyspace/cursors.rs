//! SCAN's cursors: good more than once, for any connection of the tenant, at any proxy that shares the Redis.

use super::{Keys, fill, in_memory, step};
use crate::support::{Client, Database, ProxyBuilder, RedisServer};

#[test]
fn a_cursor_is_good_more_than_once_and_for_nobody_else() {
    let (_database, builder) = in_memory();
    let mut proxy = builder.tenant("orders", "").tenant("other", "").start();
    fill(&mut proxy.client(), 50, 100);
    let (mut one, mut two) = (proxy.client(), proxy.client());
    let (first, _) = step(&mut one, "0", "COUNT 20");
    let repeated = step(&mut one, &first, "COUNT 20");
    assert_eq!(step(&mut two, &first, "COUNT 20").1, repeated.1);
    assert_eq!(step(&mut two, &repeated.0, "COUNT 20").0, "0");
    assert!(first.parse::<u64>().unwrap() < 1 << 53, "some clients keep it in a double");

    let text = |cursor: &str| {
        format!(
            "ERR invalid cursor: {cursor} is not open; it was not used for 15 minutes, or this proxy was started \
             again. Start again with SCAN 0"
        )
    };
    let refused = |client: &mut Client, cursor: &str| {
        assert_eq!(client.cmd(&format!("SCAN {cursor}")).error(), text(cursor));
    };
    refused(&mut proxy.client_of("other"), &first);
    refused(&mut one, "12345");
    assert_eq!(one.cmd("SCAN -1").error(), text("18446744073709551615"));
    assert_eq!(one.cmd("SCAN x").error(), "ERR invalid cursor");
    assert_eq!(one.cmd("SCAN 0 COUNT 0").error(), "ERR syntax error");
    assert_eq!(one.cmd("SCAN 0 COUNT x").error(), "ERR value is not an integer or out of range");
    proxy.stop();
    proxy.restart();
    refused(&mut proxy.client(), &first);
}

#[test]
fn an_iteration_may_change_between_proxies_that_share_a_redis() {
    let (database, redis) = (Database::start(), RedisServer::start(None));
    let proxy = || {
        ProxyBuilder::default()
            .storage(&database.lines())
            .cache("kind = \"dedicated\"")
            .tenant("orders", &format!("redis = \"{}\"", redis.url()))
            .start()
    };
    let proxies = [proxy(), proxy()];
    let mut clients = [proxies[0].client(), proxies[1].client()];
    let all = fill(&mut clients[0], 300, 60);
    let (mut cursor, mut found, mut steps) = (String::from("0"), Keys::new(), 0);
    while steps == 0 || cursor != "0" {
        let (next, keys) = step(&mut clients[steps % 2], &cursor, "COUNT 25");
        assert_eq!(step(&mut clients[steps % 2], &cursor, "COUNT 25").1, keys, "a repeated step");
        found.extend(keys);
        (cursor, steps) = (next, steps + 1);
    }
    assert_eq!(found, all);
    assert!(steps >= 12, "{steps} steps");

    // Redis may forget it; then only the proxy that gave it knows.
    let (given, _) = step(&mut clients[0], "0", "COUNT 25");
    redis.cli(&["FLUSHALL"]);
    let refusal = clients[1].cmd(&format!("SCAN {given}"));
    assert!(refusal.error().starts_with(&format!("ERR invalid cursor: {given} ")), "{refusal:?}");
    assert_eq!(step(&mut clients[0], &given, "COUNT 10").1.len(), 10);
    // User keys cannot name what is ours.
    assert!(!step(&mut clients[0], "0", "MATCH *hks* COUNT 1000").1.iter().any(|_| true));
}
