//! What storage cannot hold is refused with an exact error, nothing is changed, and the connection lives on.

use crate::support::{Proxy, Value, encode};

fn evict_all(proxy: &Proxy) {
    assert_eq!(proxy.redis("orders").cmd("FLUSHALL"), Value::ok());
}

#[test]
fn keys_that_storage_cannot_hold_are_refused_and_change_nothing() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let (longest, too_long) = ("k".repeat(2_048), "k".repeat(2_049));
    let big = "ERR key is 2049 bytes; DynamoDB keys hold 2048";
    let empty = "ERR key is 0 bytes; DynamoDB keys hold 1 to 2048";
    assert_eq!(client.call(&["SET", &longest, "v"]), Value::ok());
    evict_all(&proxy);
    assert_eq!(client.call(&["GET", &longest]), Value::bulk("v"));
    for (key, text) in [(too_long.as_str(), big), ("", empty)] {
        for line in [
            &["SET", key, "v"][..],
            &["GET", key],
            &["DEL", key],
            &["EXISTS", "a", key],
            &["MGET", "a", key],
            &["MSET", "a", "1", key, "2"],
            &["MSETNX", "a", "1", key, "2"],
            &["INCR", key],
            &["TTL", key],
            &["DEL", &longest, key],
        ] {
            assert_eq!(client.call(line).error(), text, "{} {}", line[0], key.len());
        }
    }
    assert_eq!(
        client.call(&["MGET", "a", &longest]),
        Value::Array(vec![Value::Nil, Value::bulk("v")])
    );
}

#[test]
fn values_that_storage_cannot_hold_are_refused_and_change_nothing() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    // Key, attribute names, the longest expiry and the longest type tag count as well: DynamoDB's 400 KB are the whole
    // item's.
    let (expiry, tag) = ("px".len() + "ttl".len() + 11 + 11, "t".len() + "stream".len());
    let room = 400 * 1024 - ("big".len() + "k".len() + "v".len() + expiry + tag);
    let (fits, over) = ("v".repeat(room), "v".repeat(room + 1));
    let error = |len: usize| format!("ERR value is {len} bytes; DynamoDB items hold 400 KB");
    assert_eq!(client.call(&["SET", "big", &fits, "PXAT", "9999999999999"]), Value::ok());
    evict_all(&proxy);
    assert_eq!(client.call(&["GET", "big"]), Value::bulk(&fits));
    assert_eq!(client.cmd("PEXPIRETIME big").int(), 9_999_999_999_999);
    let huge = "v".repeat(1_000_000);
    for (line, len) in [
        (&["SET", "big", &over][..], over.len()),
        (&["SET", "big", &huge], huge.len()),
        (&["GETSET", "big", &over], over.len()),
        (&["APPEND", "big", "w"], over.len()),
        (&["SETRANGE", "big", &room.to_string(), "w"], over.len()),
        (&["MSET", "a", "1", "big", &over], over.len()),
        (&["MSETNX", "a", "1", "b", &huge], huge.len()),
        (&["SETEX", "big", "10", &over], over.len()),
    ] {
        assert_eq!(client.call(line).error(), error(len), "{}", line[0]);
    }
    let mut expected = vec![Value::Nil, Value::Nil, Value::bulk(&fits)];
    assert_eq!(client.cmd("MGET a b big"), Value::Array(expected.clone()));
    evict_all(&proxy);
    assert_eq!(client.cmd("MGET a b big"), Value::Array(expected.clone()));
    // In the middle of a pipeline the others are not disturbed.
    client.send(
        &[encode(&["SET", "a", "1"]), encode(&["SET", "a", &huge]), encode(&["INCR", "a"])]
            .concat(),
    );
    let replies = [client.read(), client.read(), client.read()];
    assert_eq!(replies, [Value::ok(), Value::Error(error(huge.len())), Value::Int(2)]);
    expected[0] = Value::bulk("2");
    assert_eq!(client.cmd("MGET a b big"), Value::Array(expected));
}

/// 170 values of 400,000 bytes are more than 64 MiB, 160 are not.
#[test]
fn more_values_than_one_command_may_bring_together_are_refused() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let value = "x".repeat(400_000);
    let keys: Vec<String> = (0..170).map(|n| format!("large:{n}")).collect();
    for key in &keys {
        assert_eq!(client.call(&["SET", key, &value]), Value::ok());
    }
    evict_all(&proxy);
    let words: Vec<&str> = keys.iter().map(String::as_str).collect();
    let line = |name, count: usize| [&[name][..], &words[..count]].concat();
    let refusal = "ERR the values under the keys of this command hold more than 64 MiB; name fewer keys at once";
    for name in ["MGET", "PFCOUNT"] {
        assert_eq!(client.call(&line(name, 170)).error(), refusal, "{name}");
    }
    let Value::Array(values) = client.call(&line("MGET", 160)) else { panic!("no array") };
    assert!(values.len() == 160 && values.iter().all(|one| *one == Value::bulk(value.as_str())));
    evict_all(&proxy);
    // Whoever asks for no values may name as many as he likes.
    assert_eq!(client.call(&line("EXISTS", 170)), Value::Int(170));
    assert_eq!(client.call(&line("TOUCH", 170)), Value::Int(170));
}
