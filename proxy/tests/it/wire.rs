//! The bytes on the wire are Redis's: framing, pipelining, both dialects, protocol errors, bounds.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{
    Client, Proxy, ProxyBuilder, StockRedis, Value, effort, encode, eventually, seed,
};

/// Requests whose replies do not depend on who answers.
const SAME_AS_REDIS: [&[u8]; 50] = [
    b"*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\r\npInG\r\n",
    b"*2\r\n$4\r\nping\r\n$2\r\nhi\r\n",
    b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n",
    b"PING\r\n",
    b"PING\n",
    b"ping \"hello world\"\r\n",
    b"  ping   'it\\'s'  \r\n",
    b"echo \"\\x00\\xff\\n\\\"\"\r\n",
    b"\r\n\r\n\r\nPING\r\n",
    b"\n\nPING\r\n",
    b"   \r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*-100\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$6\r\nabsent\r\n",
    b"get absent\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n\0\r\n\xff\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
    b"set e ''\r\nget e\r\nstrlen e\r\n",
    b"set s 1\r\nincr s\r\nget s\r\nttl s\r\ntype s\r\ntype absent\r\nttl absent\r\n",
    b"set s 2 nx\r\nset s 2 xx get\r\nset absent 1 xx\r\nset absent 1 xx get\r\n",
    b"mget a absent e s\r\n",
    b"getdel absent\r\ngetex absent\r\n",
    b"set s 1 ex\r\nset s 1 ex 0\r\nset s 1 ex abc\r\nset s 1 nx xx\r\nset s 1 ex 5 px 5\r\n",
    b"set n abc\r\nincr n\r\nincrbyfloat n 1\r\nincrby n 1.5\r\n",
    b"append s xyz\r\nsetrange s 10 q\r\nget s\r\ngetrange s 0 -1\r\nsetrange s -1 q\r\n",
    b"mset x 1 y\r\nmset x 1 y 2\r\nmsetnx x 1 z 2\r\nmget x y z\r\ndel x y z\r\nexists x x a a\r\n",
    b"get\r\nget a b\r\nset a\r\necho\r\nping a b\r\n",
    b"nosuch\r\n",
    b"nosuch a b c\r\n",
    b"*3\r\n$7\r\nNOsuch2\r\n$3\r\na b\r\n$4\r\n\r\nxy\r\n",
    b"client nosuch\r\nclient\r\ncommand nosuch\r\nconfig nosuch\r\n",
    b"select 0\r\nselect 1000\r\nselect abc\r\nselect\r\n",
    b"client getname\r\nclient setname tester\r\nclient getname\r\nclient setname \"a b\"\r\n",
    b"client no-evict on\r\nclient no-evict maybe\r\n",
    b"client kill 1.2.3.4:5\r\nclient kill id 999999\r\nclient kill id abc\r\nclient kill foo bar\r\n",
    b"client list type nosuch\r\nclient list id abc\r\nclient kill user nosuch\r\n",
    b"command getkeys mset a 1 b 2\r\ncommand getkeys get k\r\ncommand getkeys ping\r\n",
    b"command getkeys nosuch k\r\ncommand getkeys get\r\ncommand info nosuch\r\n",
    b"command info get\r\ncommand info incrby\r\ncommand info mset del\r\n",
    b"command info client|id auth ping nosuch|sub\r\n",
    b"config get nosuch\r\nconfig get save*\r\nconfig get\r\n",
    b"hello 4\r\nhello abc\r\nhello 2 foo\r\nhello 2 auth x\r\nhello 2 setname \"a b\"\r\n",
    b"auth a b c\r\nauth nobody wrong\r\n",
    b"expire a 100 nx xx\r\nexpire a abc\r\nexpire a 100 foo\r\npersist a\r\npexpireat absent 1\r\n",
    b"reset\r\nping\r\n",
    b"*2\r\n$03\r\nGET\r\n$1\r\na\r\n",
    b"*2\r\n$3xx\r\n",
    b"*1\r\n$4\r\nQUIT\r\n",
];

/// What ends a connection, and what the client reads before.
const FATAL: [(&[u8], &str); 13] = [
    (b"*abc\r\n", "invalid multibulk length"),
    (b"*99999999999\r\n", "invalid multibulk length"),
    (b"*100001\r\n", "invalid multibulk length"),
    (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
    (b"*1\r\n\r\n", "expected '$', got '\r'"),
    (b"*2\r\n$3\r\nGET\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$abc\r\n", "invalid bulk length"),
    (b"*1\r\n$\r\n", "invalid bulk length"),
    (b"*2\r\n$3\r\nGET\r\n$2000000\r\n", "invalid bulk length"),
    (b"get \"a\r\n", "unbalanced quotes in request"),
    (b"get 'a'b\r\n", "unbalanced quotes in request"),
    (b"set k \"a\"b\r\n", "unbalanced quotes in request"),
];

fn open_proxy() -> Proxy {
    ProxyBuilder::default().server("default_tenant = \"orders\"").start()
}

/// Sends `request`, then a marker, and gives every byte before the marker's reply (or before the end).
fn exchange(client: &mut Client, request: &[u8]) -> Vec<u8> {
    client.send(&[request, b"\r\necho end-of-it\r\n"].concat());
    let mut seen = Vec::new();
    loop {
        match client.read_reply_bytes() {
            Some(reply) if reply == b"$9\r\nend-of-it\r\n" => return seen,
            Some(reply) => seen.extend(reply),
            None => {
                seen.extend_from_slice(b"<closed>");
                return seen;
            }
        }
    }
}

#[test]
fn every_reply_is_byte_for_byte_that_of_redis_in_both_dialects() {
    let (proxy, redis) = (open_proxy(), StockRedis::start());
    for hello in ["hello 2", "hello 3"] {
        let (mut ours, mut theirs) = (Client::connect(proxy.listen), redis.client());
        for client in [&mut ours, &mut theirs] {
            assert!(!matches!(client.cmd(hello), Value::Error(_)));
        }
        for request in SAME_AS_REDIS {
            let (got, expected) = (exchange(&mut ours, request), exchange(&mut theirs, request));
            assert_eq!(
                got.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{hello}: {}",
                request.escape_ascii()
            );
            if expected.ends_with(b"<closed>") {
                (ours, theirs) = (Client::connect(proxy.listen), redis.client());
                for client in [&mut ours, &mut theirs] {
                    client.cmd(hello);
                }
            }
        }
    }
}

#[test]
fn a_pipeline_cut_at_random_bytes_gets_the_replies_of_the_whole() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let (proxy, redis) = (open_proxy(), StockRedis::start());
    let calm = SAME_AS_REDIS.len() - 4;
    for _ in 0..effort(8, 200) {
        let stream: Vec<u8> = (0..120)
            .flat_map(|_| match random.random_range(0..4) {
                0 => encode(&[
                    "SET".into(),
                    "big".into(),
                    "x".repeat(random.random_range(0..40_000)),
                ]),
                1 => encode(&["GET", "big"]),
                _ => SAME_AS_REDIS[random.random_range(0..calm)].to_vec(),
            })
            .collect();
        let (mut ours, mut theirs) = (Client::connect(proxy.listen), redis.client());
        let mut sender = ours.sender();
        let cuts = random.random_range(1..60);
        let mut cuts: Vec<usize> = (0..cuts)
            .map(|_| random.random_range(0..stream.len()))
            .chain([0, stream.len()])
            .collect();
        // Some pieces of a single byte.
        cuts.extend(random.random_range(0..stream.len() - 40)..random.random_range(0..40));
        cuts.sort_unstable();
        let pieces = stream.clone();
        let sending = std::thread::spawn(move || {
            for piece in cuts.windows(2) {
                sender.send(&pieces[piece[0]..piece[1]]).unwrap();
                std::thread::yield_now();
            }
        });
        let expected = exchange(&mut theirs, &stream);
        sending.join().unwrap();
        let got = exchange(&mut ours, b"");
        let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        let around = |bytes: &[u8]| {
            let from = same.saturating_sub(80);
            bytes[from..bytes.len().min(same + 80)].escape_ascii().to_string()
        };
        assert!(got == expected, "seed {seed}:\n{}\n{}", around(&got), around(&expected));
    }
}

#[test]
fn ten_thousand_pipelined_mixed_commands_are_answered_in_order() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let mut sender = client.sender();
    let sending = std::thread::spawn(move || {
        let mut out = Vec::new();
        for i in 0..2_000 {
            let (key, text) = (format!("k{}", i % 50), i.to_string());
            for command in [
                vec!["SET", &key, &text],
                vec!["GET", &key],
                vec!["ECHO", &text],
                vec!["INCRBY", &key, "1000000"],
                vec!["MGET", "absent", &key],
            ] {
                out.extend(encode(&command));
            }
        }
        sender.send(&out).unwrap();
    });
    for i in 0..2_000 {
        assert_eq!(client.read(), Value::ok(), "SET {i}");
        assert_eq!(client.read(), Value::bulk(i.to_string()), "GET {i}");
        assert_eq!(client.read(), Value::bulk(i.to_string()), "ECHO {i}");
        assert_eq!(client.read(), Value::Int(i + 1_000_000), "INCRBY {i}");
        let both = vec![Value::Nil, Value::bulk((i + 1_000_000).to_string())];
        assert_eq!(client.read(), Value::Array(both), "MGET {i}");
    }
    sending.join().unwrap();
    assert_eq!(client.cmd("PING"), Value::Simple(String::from("PONG")));
}

#[test]
fn a_protocol_error_comes_after_the_earlier_replies_and_closes() {
    let proxy = Proxy::start();
    for (bytes, text) in FATAL {
        let mut client = proxy.client();
        client.send(b"set k v\r\nget k\r\n");
        client.send(bytes);
        client.send(b"ping\r\n");
        let expected = format!("+OK\r\n$1\r\nv\r\n-ERR Protocol error: {text}");
        let got = client.read_to_close();
        // Redis turns a line break within an error into a blank and drops one at its end.
        let expected = format!("{}\r\n", expected.replace("'\r'", "' '"));
        assert_eq!(got.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }
}

#[test]
fn lines_that_never_end_are_refused() {
    let proxy = Proxy::start();
    for (start, text) in [
        (&b"get "[..], "too big inline request"),
        (b"*1", "too big mbulk count string"),
        (b"*1\r\n$1", "too big bulk count string"),
    ] {
        let mut client = proxy.client();
        client.send(start);
        client.send(&[b'1'; 70_000]);
        let expected = format!("-ERR Protocol error: {text}\r\n");
        assert_eq!(String::from_utf8_lossy(&client.read_to_close()), expected);
    }
}

#[test]
fn a_client_that_has_not_signed_in_may_send_little() {
    let proxy = Proxy::start();
    for (bytes, text) in [
        (&b"*11\r\n$4\r\nAUTH\r\n"[..], "unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"),
    ] {
        let mut client = Client::connect(proxy.listen);
        client.send(bytes);
        let expected = format!("-ERR Protocol error: {text}\r\n");
        assert_eq!(String::from_utf8_lossy(&client.read_to_close()), expected);
        let mut client = proxy.client();
        let value = "v".repeat(16_385);
        assert_eq!(client.call(&["SET", "k", &value]), Value::ok());
        assert_eq!(
            client.call(&["DEL", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]).int(),
            0
        );
    }
}

#[test]
fn a_client_that_stops_sending_still_gets_its_answers() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for i in 0..300 {
        client.send_command(&["SET", &format!("k{i}"), "v"]);
    }
    client.finish_sending();
    assert_eq!(client.read_to_close(), b"+OK\r\n".repeat(300));
}

#[test]
fn clients_that_vanish_in_the_middle_leave_nothing_behind() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let proxy = Proxy::start();
    let mut steady = proxy.client();
    for _ in 0..effort(150, 3_000) {
        let mut client = proxy.client();
        let requests: Vec<u8> = (0..40)
            .flat_map(|n| {
                let key = format!("k{}", n % 4);
                match random.random_range(0..4) {
                    0 => encode(&["SET", &key, "v"]),
                    1 => encode(&["GET", &format!("absent{}", random.random_range(0..9_999))]),
                    2 => encode(&["INCR", "counter"]),
                    _ => encode(&["GET", &key]),
                }
            })
            .collect();
        client.send(&requests[..random.random_range(1..requests.len())]);
    }
    eventually("the vanished clients are forgotten", || {
        (steady.cmd("CLIENT LIST").text().lines().count() == 1).then_some(())
    });
    for n in 0..4 {
        let key = format!("k{n}");
        // What they asked for is done to its end, also between these two.
        eventually("the vanished clients' last writes are done", || {
            assert_eq!(steady.call(&["SET", &key, "mine"]), Value::ok());
            let read = steady.call(&["GET", &key]);
            assert!([Value::bulk("mine"), Value::bulk("v")].contains(&read), "{read:?}");
            (read == Value::bulk("mine")).then_some(())
        });
    }
    assert!(steady.cmd("INCR counter").int() > 1);
}

/// Resident memory of the proxy, in bytes.
fn resident_bytes(proxy: &Proxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_client_that_never_reads_is_held_back_while_others_are_served() {
    let proxy = ProxyBuilder::default().server("output_buffer = \"1MiB\"").start();
    let mut other = proxy.client();
    let value = "v".repeat(100_000);
    assert_eq!(other.call(&["SET", "big", &value]), Value::ok());
    assert_eq!(other.cmd("GET big"), Value::bulk(&value));
    let before = resident_bytes(&proxy);
    let deaf = proxy.client();
    let mut sender = deaf.sender();
    sender.set_timeout(std::time::Duration::from_millis(700));
    let requests = encode(&["GET", "big"]).repeat(1_000);
    // 220 MB: the sockets' own buffers may hold tens of megabytes.
    let most = 10_000_000;
    let mut sent = 0;
    while sent < most && sender.send(&requests).is_ok() {
        sent += 1_000;
    }
    assert!(sent < most, "the proxy took {sent} requests from a client that reads nothing");
    // At most `max_pipeline` requests were begun before the first reply told how large they are.
    let grown = resident_bytes(&proxy).saturating_sub(before);
    assert!(grown < 160 << 20, "{grown} bytes are held for a client that does not read");
    for i in 0..200 {
        assert_eq!(other.call(&["SET", "small", &i.to_string()]), Value::ok());
        assert_eq!(other.cmd("GET small"), Value::bulk(i.to_string()));
        assert_eq!(other.cmd("GET big"), Value::bulk(&value));
    }
    drop((sender, deaf));
    eventually("the deaf client is forgotten", || {
        let lines = other.cmd("CLIENT LIST").text();
        (lines.lines().count() == 1).then_some(())
    });
}

#[test]
fn unread_replies_stay_near_the_output_buffer() {
    let proxy = ProxyBuilder::default().server("output_buffer = \"1MiB\"").start();
    let mut other = proxy.client();
    let value = "v".repeat(400_000);
    assert_eq!(other.call(&["SET", "big", &value]), Value::ok());
    assert_eq!(other.cmd("GET big"), Value::bulk(&value));
    let before = resident_bytes(&proxy);
    let mut deaf = proxy.client();
    deaf.send(&encode(&["GET", "big"]).repeat(1_000));
    let mut last = 0;
    eventually("the proxy holds as much as it will", || {
        for _ in 0..20 {
            assert_eq!(other.cmd("GET big"), Value::bulk(&value));
        }
        let now = resident_bytes(&proxy);
        let settled = now <= last;
        last = now;
        settled.then_some(())
    });
    let grown = last.saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes are held for a client that may leave 1 MiB unread");
}
