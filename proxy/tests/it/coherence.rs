//! Through one proxy the reads of a key never go back, whichever way they take: out of Redis, past it, or with the true
//! expiry.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Client, Proxy, Value, effort, eventually};

/// Reads the length of `k` in two ways in turn, and through Redis and storage alike; each must be no less than the last.
fn read_until(stop: &AtomicBool, mut client: Client) -> u64 {
    let (mut last, mut reads) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let exact = client.cmd("STRLEN k").int();
        assert!(exact >= last, "STRLEN said {exact} after {last}");
        let plain = len(&client.cmd("GET k"));
        assert!(plain >= exact, "GET had {plain} bytes after STRLEN said {exact}");
        let Value::Array(several) = client.cmd("MGET k other") else {
            panic!("MGET gives an array")
        };
        last = len(&several[0]);
        assert!(last >= plain, "MGET had {last} bytes after GET had {plain}");
        reads += 3;
    }
    reads
}

fn len(value: &Value) -> i64 {
    i64::try_from(value.text().len()).unwrap()
}

/// A value that grows by one byte with each write.
fn grow(mut client: Client, writes: usize) {
    for len in 2..writes + 2 {
        assert_eq!(client.call(&["SET", "k", &"x".repeat(len)]), Value::ok());
    }
}

#[test]
fn reads_of_all_kinds_never_go_back() {
    let proxy = Proxy::start();
    assert_eq!(proxy.client().cmd("SET k x"), Value::ok());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let client = proxy.client();
                scope.spawn(|| read_until(&stop, client))
            })
            .collect();
        grow(proxy.client(), effort(1500, 20_000));
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}

#[test]
fn a_redis_that_forgot_our_scripts_gets_them_again() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    assert_eq!(client.cmd("SET k 1"), Value::ok());
    assert_eq!(proxy.redis("orders").cmd("SCRIPT FLUSH"), Value::ok());
    assert_eq!(client.cmd("INCR k").int(), 2);
    eventually("writes reach Redis again", || {
        let written = client.cmd("INCR k").int().to_string();
        (proxy.redis("orders").cmd("GET k") == Value::bulk(&written)).then_some(())
    });
}
