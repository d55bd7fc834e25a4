//! Transactions whose proxy is killed in their middle.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Client, Proxy, Value, effort, eventually, seed};

const CLIENTS: usize = 6;
const KEYS: usize = 5;

/// How far one client's transactions have come.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

#[test]
fn a_killed_proxy_leaves_each_transaction_done_or_undone_and_acknowledged_ones_done() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut proxy = Proxy::start();
    let progress: [Progress; CLIENTS] = Default::default();
    for round in 0..effort(4, 40) {
        let until = random.random_range(5..60) + done(&progress);
        let clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.client()).collect();
        std::thread::scope(|scope| {
            for (n, client) in clients.into_iter().enumerate() {
                let progress = &progress[n];
                scope.spawn(move || write_until_killed(client, n, progress));
            }
            eventually("some transactions are done", || (done(&progress) >= until).then_some(()));
            proxy.kill();
        });
        proxy.restart();
        let mut client = proxy.client();
        for (n, progress) in progress.iter().enumerate() {
            let found = values_of(&mut client, n);
            println!("round {round}, client {n}: {found:?}, {progress:?}");
            assert!(found.iter().all(|value| *value == found[0]), "half a transaction: {found:?}");
            let acknowledged = progress.acknowledged.load(Ordering::SeqCst);
            assert!(found[0] >= acknowledged, "{found:?} after {acknowledged}");
            assert!(found[0] <= progress.sent.load(Ordering::SeqCst), "{found:?}");
            // What was not acknowledged but done counts from now on.
            progress.acknowledged.store(found[0], Ordering::SeqCst);
            progress.sent.store(found[0], Ordering::SeqCst);
        }
    }
}

fn done(progress: &[Progress]) -> u64 {
    progress.iter().map(|one| one.acknowledged.load(Ordering::SeqCst)).sum()
}

/// Each transaction adds one to several keys of several types.
fn write_until_killed(mut client: Client, n: usize, progress: &Progress) {
    loop {
        let next = progress.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let lines = [
            String::from("MULTI"),
            format!("INCR n{n}"),
            format!("HINCRBY h{n} f 1"),
            format!("RPUSH l{n} {next}"),
            format!("SET s{n} {next}"),
            format!("ZINCRBY z{n} 1 m"),
            String::from("EXEC"),
        ];
        for line in &lines {
            client.send_command(&line.split(' ').collect::<Vec<_>>());
        }
        for _ in 1..lines.len() {
            if client.try_read().is_none() {
                return;
            }
        }
        match client.try_read() {
            None => return,
            Some(Value::Array(replies)) => assert_eq!(replies[0].int().unsigned_abs(), next),
            Some(other) => panic!("{other:?}"),
        }
        progress.acknowledged.store(next, Ordering::SeqCst);
    }
}

/// What a client's keys say of its number of transactions.
fn values_of(client: &mut Client, n: usize) -> [u64; KEYS] {
    let number = |value: Value| match value {
        Value::Nil => 0,
        Value::Int(n) => n.unsigned_abs(),
        other => other.text().parse().unwrap(),
    };
    [
        format!("GET n{n}"),
        format!("HGET h{n} f"),
        format!("LLEN l{n}"),
        format!("GET s{n}"),
        format!("ZSCORE z{n} m"),
    ]
    .map(|line| number(client.cmd(&line)))
}
