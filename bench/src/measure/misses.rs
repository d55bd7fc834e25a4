//! Misses at a constant rate against storage that takes its time, every key asked for once.

use std::time::Duration;

use super::rounds::{Bench, CHECK_EVERY, VALUE_BYTES};
use super::sample::{Sample, as_f64, median};
use super::section::{Bar, Section, Table, digits};
use super::setup::{Setup, TENANT};
use super::side::Side;
use crate::admin::Admin;
use crate::error::LoadError;
use crate::volley::open::{Open, Waiting};
use crate::volley::requests::{Draw, Requests, Spelling};

/// Misses per second, and how long storage takes for each: 50 are under way at any time.
const PER_S: u64 = 10_000;
const LATENCY: &str = "5ms";
/// Connections they come from.
const CONNECTIONS: usize = 200;
/// CPU time of the proxy per miss, in microseconds.
const AT_MOST_US: f64 = 25.0;
/// Rounds may be this much longer than others, so that a rate that is not sustained shows.
const LONGER: f64 = 2.0;

/// CPU time per miss and latency above storage's.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "misses",
        "Misses",
        format!(
            "{PER_S} GETs per second in an open loop on {CONNECTIONS} connections, each of another key, none of them in the cache; synthetic\n\
             storage of {LATENCY}, 500 B values. A rate that is not sustained fails the run."
        ),
    );
    // A cache large enough that filling is not evicting as well.
    let setup = Setup::synthetic(LATENCY).storage("max_concurrency = 2000\n");
    let proxy = bench.proxy(setup).await?;
    let measured = rounds(bench, &proxy).await;
    proxy.stop().await?;
    let (samples, missed) = measured?;
    let mut table =
        Table::new(["CPU us per miss: client", "proxy", "Redis", "p50, ms", "p99, ms", "misses"]);
    let of = |number: fn(&Sample) -> f64| median(&samples, number);
    let proxy_us = of(|sample| sample.proxy_us);
    table.row([
        digits(of(|sample| sample.client_us)),
        digits(proxy_us),
        digits(of(|sample| sample.redis_us)),
        digits(of(|sample| sample.p50_us) / 1e3),
        digits(of(|sample| sample.p99_us) / 1e3),
        format!("{} %", digits(missed * 100.0)),
    ]);
    section.table(table);
    section.rounds("proxy, CPU us per miss", samples.iter().map(|sample| sample.proxy_us));
    section.bar(Bar::at_most(
        format!("{PER_S} misses/s, CPU of the proxy per miss"),
        proxy_us,
        AT_MOST_US,
        " us",
    ));
    Ok(section)
}

/// The rounds, and which part of all requests were misses.
async fn rounds(bench: &Bench<'_>, proxy: &Side) -> Result<(Vec<Sample>, f64), LoadError> {
    let Side::Proxy(server) = proxy else { return Ok((Vec::new(), 0.0)) };
    let admin = Admin::new(&server.admin().to_string(), "");
    let before = admin.requests(TENANT).await?;
    let length = bench.options.length().mul_f64(LONGER);
    let per_round = u32::try_from(PER_S * (length.as_secs() + 1)).unwrap_or(u32::MAX);
    let (mut samples, mut sent) = (Vec::new(), 0);
    for number in 0..u32::try_from(bench.options.rounds()).unwrap_or(1) {
        let first = number * per_round;
        let offsets = Draw::InTurn.offsets(per_round, per_round as usize, 0);
        let gets = Requests::gets(
            Spelling::Payload,
            offsets.into_iter().map(|offset| first + offset).collect(),
            VALUE_BYTES,
        );
        let open = Open {
            address: proxy.address(),
            connections: CONNECTIONS,
            per_s: PER_S,
            requests: &gets,
            waiting: Waiting::Timer,
            length,
            settle: Duration::ZERO,
            check_every: CHECK_EVERY,
        };
        let used = proxy.used();
        let volley = tokio::task::block_in_place(|| open.run(bench.stop))?;
        bench.check_stop()?;
        let (latency, used) = (volley.latency.summary(), proxy.used().since(used));
        let sample = Sample {
            p50_us: latency.p50_us,
            p99_us: latency.p99_us,
            p999_us: latency.p999_us,
            ..Sample::of(volley.replies, volley.per_s(), volley.cpu, used)
        };
        bench.say(&format!(
            "misses, round {}: {} us of the proxy's CPU per miss",
            number + 1,
            digits(sample.proxy_us)
        ));
        samples.push(sample);
        sent += volley.replies;
    }
    let after = admin.requests(TENANT).await?;
    Ok((samples, as_f64(after.misses - before.misses) / as_f64(sent.max(1))))
}
