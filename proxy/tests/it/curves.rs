//! Curves know what becomes of keys: what expires is not worth any cache.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Client, ProxyBuilder, Value, encode, eventually};

const KEYS: u32 = 100;

fn pipeline(client: &mut Client, commands: &[Vec<String>]) -> Vec<Value> {
    let bytes: Vec<Vec<u8>> = commands.iter().map(|command| encode(command)).collect();
    client.send(&bytes.concat());
    commands.iter().map(|_| client.read()).collect()
}

/// One command for each key of a group.
fn each(group: &str, command: impl Fn(String) -> String) -> Vec<Vec<String>> {
    let commands = (0..KEYS).map(|i| command(format!("{group}:{i}")));
    commands.map(|command| command.split(' ').map(String::from).collect()).collect()
}

#[test]
fn expired_keys_leave_the_curve() {
    let proxy = ProxyBuilder::default()
        .allocator("enabled = false\ninterval = \"10m\"\nsmoothing = 1\nmin_cache = \"2MiB\"")
        .tenant_with(
            "orders",
            "cache = \"32MiB\"\nread_units = 100000\nwrite_units = 100000\nnet = \"200MB/s\"",
        )
        .start();
    let mut client = proxy.client_of("orders");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at_ms = now.as_millis() + 2000;
    // Four fates: stays; set to expire; expires by a later command; set to expire, but persisted.
    let commands = [
        each("stays", |key| format!("SET {key} value")),
        each("brief", |key| format!("SET {key} value PXAT {at_ms}")),
        each("late", |key| format!("SET {key} value")),
        each("late", |key| format!("PEXPIREAT {key} {at_ms}")),
        each("saved", |key| format!("SET {key} value PXAT {at_ms}")),
        each("saved", |key| format!("PERSIST {key}")),
    ];
    for reply in pipeline(&mut client, &commands.concat()) {
        assert!(!reply.is_error(), "{reply:?}");
    }
    let close_window = || {
        assert_eq!(proxy.api("POST", "/v1/allocator/runs", None).0, 200);
        proxy.get("/v1/tenants/orders/curve")
    };
    let half = u64::from(2 * KEYS);
    eventually("what expired is no longer tracked", || {
        (close_window()["tracked_keys"] == half).then_some(())
    });

    let groups = ["stays", "brief", "late", "saved"];
    let reads: Vec<_> =
        groups.iter().flat_map(|group| each(group, |key| format!("GET {key}"))).collect();
    let found = pipeline(&mut client, &reads).into_iter().filter(|reply| *reply != Value::Nil);
    assert_eq!(found.count() as u64, half);
    let curve = close_window();
    assert_eq!(
        (&curve["sampled_reads"], &curve["tracked_keys"]),
        (&(2 * half).into(), &half.into())
    );
    let last = curve["miss_ratio"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    assert!((last - 0.5).abs() < 1e-9, "half of the reads miss at every size: {curve}");
}
