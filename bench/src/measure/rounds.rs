//! How everything is measured: servers filled, rounds in turns.

use std::io::{self, Write};
use std::time::Duration;

use super::BenchOptions;
use super::sample::{Pair, Sample, median};
use super::section::{Section, Table, digits, grouped};
use super::setup::{CACHE, Setup};
use super::side::Side;
use super::stock::Stock;
use crate::error::LoadError;
use crate::stop::Stop;
use crate::volley::Volley;
use crate::volley::closed::{Closed, Until};
use crate::volley::link::Login;
use crate::volley::requests::{Draw, Requests, Spelling};

/// Bytes of every value.
pub(super) const VALUE_BYTES: usize = 500;
/// Connections, unless a section says otherwise.
pub(super) const CONNECTIONS: usize = 50;
/// One value in so many is compared byte for byte.
pub(super) const CHECK_EVERY: u32 = 64;
/// Requests that are encoded beforehand, and sent over and over.
pub(super) const DRAWN: usize = 1 << 18;
/// The draws are the same in every run.
pub(super) const SEED: u64 = 42;
/// Requests in flight per connection while filling.
const FILL_PIPELINE: usize = 16;

/// A run of the benchmark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) options: &'a BenchOptions,
    pub(super) stop: &'a Stop,
}

/// A load in a closed loop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shot<'a> {
    pub(super) requests: &'a Requests,
    pub(super) connections: usize,
    pub(super) pipeline: usize,
    pub(super) logins: &'a [Login],
    pub(super) timed: bool,
}

impl<'a> Shot<'a> {
    /// The usual connections, no login, not timed.
    pub(super) fn of(requests: &'a Requests, pipeline: usize) -> Self {
        Self { requests, connections: CONNECTIONS, pipeline, logins: &[], timed: false }
    }
}

impl Bench<'_> {
    /// Tells whoever watches what is being done.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Fails if somebody asked to stop.
    pub(super) fn check_stop(&self) -> Result<(), LoadError> {
        if self.stop.is_raised() { Err(LoadError::Stopped) } else { Ok(()) }
    }

    /// A stock Redis with as much memory as the proxy's tenant.
    pub(super) async fn direct(&self) -> Result<Side, LoadError> {
        Ok(Side::Direct(Stock::start(&redis_bytes(CACHE), &[]).await?))
    }

    /// A proxy with this configuration.
    pub(super) async fn proxy(&self, setup: Setup) -> Result<Side, LoadError> {
        let setup = match self.options.workers {
            Some(workers) => setup.server(&format!("workers = {workers}\n")),
            None => setup,
        };
        Side::proxy(&self.options.server, |data| setup.text(data)).await
    }

    /// Writes every key once, then reads every key and compares every value.
    pub(super) fn fill(&self, side: &Side, keys: u32) -> Result<(), LoadError> {
        self.fill_as(side, keys, &[])
    }

    /// As [`Bench::fill`], logged in.
    pub(super) fn fill_as(
        &self,
        side: &Side,
        keys: u32,
        logins: &[Login],
    ) -> Result<(), LoadError> {
        let offsets = || Draw::InTurn.offsets(keys, keys as usize, SEED);
        let until = Until::Sent(u64::from(keys));
        let sets = Requests::sets(Spelling::Benchmark, offsets(), VALUE_BYTES);
        self.fire(side, Shot { logins, ..Shot::of(&sets, FILL_PIPELINE) }, until, CHECK_EVERY)?;
        let gets = Requests::gets(Spelling::Benchmark, offsets(), VALUE_BYTES);
        self.fire(side, Shot { logins, ..Shot::of(&gets, FILL_PIPELINE) }, until, 1)?;
        self.say(&format!("{}: filled with {keys} keys, all read back", side.address()));
        Ok(())
    }

    /// One load, without a look at the servers.
    pub(super) fn fire(
        &self,
        side: &Side,
        shot: Shot<'_>,
        until: Until,
        check_every: u32,
    ) -> Result<Volley, LoadError> {
        let closed = Closed {
            address: side.address(),
            connections: shot.connections,
            logins: shot.logins,
            pipeline: shot.pipeline,
            threads: self.options.threads,
            requests: shot.requests,
            until,
            check_every,
            timed: shot.timed,
        };
        let volley = tokio::task::block_in_place(|| closed.run(self.stop))?;
        self.check_stop()?;
        Ok(volley)
    }

    /// One round of a load.
    pub(super) fn round(&self, side: &Side, shot: Shot<'_>) -> Result<Sample, LoadError> {
        self.round_of(side, shot, self.options.length())
    }

    /// One round of this length.
    pub(super) fn round_of(
        &self,
        side: &Side,
        shot: Shot<'_>,
        length: Duration,
    ) -> Result<Sample, LoadError> {
        let used = side.used();
        let volley = self.fire(side, shot, Until::Elapsed(length), CHECK_EVERY)?;
        let used = side.used().since(used);
        let latency = volley.latency.summary();
        Ok(Sample {
            p50_us: latency.p50_us,
            p99_us: latency.p99_us,
            p999_us: latency.p999_us,
            ..Sample::of(volley.replies, volley.per_s(), volley.cpu, used)
        })
    }

    /// Rounds of both sides in turns, after one of each that does not count.
    pub(super) async fn in_turns(
        &self,
        label: &str,
        direct: &Side,
        proxy: &Side,
        round: impl AsyncFn(&Side) -> Result<Sample, LoadError>,
    ) -> Result<Pair, LoadError> {
        let mut pair = Pair::default();
        for number in 0..=self.options.rounds() {
            let (first, second) = (round(direct).await?, round(proxy).await?);
            self.check_stop()?;
            if number == 0 {
                continue;
            }
            self.say(&format!(
                "{label}, round {number}: {} and {} per second, {}x",
                grouped(first.per_s),
                grouped(second.per_s),
                digits(second.per_s / first.per_s.max(1e-9))
            ));
            pair.direct.push(first);
            pair.proxy.push(second);
        }
        Ok(pair)
    }
}

/// The table that compares throughput and CPU per request.
#[derive(Debug)]
pub(super) struct Comparison {
    table: Table,
    rounds: Vec<(String, Vec<f64>)>,
}

impl Comparison {
    pub(super) fn new() -> Self {
        let table = Table::new([
            "",
            "direct, per s",
            "proxy, per s",
            "ratio",
            "CPU us per request, direct: client + Redis",
            "through the proxy: client + proxy + Redis",
        ]);
        Self { table, rounds: Vec::new() }
    }

    /// Adds a row; returns the ratio.
    pub(super) fn add(&mut self, label: &str, pair: &Pair) -> f64 {
        let cpu = |samples: &[Sample], with_proxy: bool| {
            let client = digits(median(samples, |sample| sample.client_us));
            let redis = digits(median(samples, |sample| sample.redis_us));
            let proxy = digits(median(samples, |sample| sample.proxy_us));
            if with_proxy {
                format!("{client} + {proxy} + {redis}")
            } else {
                format!("{client} + {redis}")
            }
        };
        let per_s = |samples: &[Sample]| median(samples, |sample| sample.per_s);
        let ratio = pair.ratio();
        self.table.row([
            label.to_owned(),
            grouped(per_s(&pair.direct)),
            grouped(per_s(&pair.proxy)),
            digits(ratio),
            cpu(&pair.direct, false),
            cpu(&pair.proxy, true),
        ]);
        for (side, samples) in [("direct", &pair.direct), ("proxy", &pair.proxy)] {
            let rates = samples.iter().map(|sample| sample.per_s).collect();
            self.rounds.push((format!("{label}, {side}, per s"), rates));
        }
        ratio
    }

    /// Puts table and rounds into a section.
    pub(super) fn into_section(self, section: &mut Section) {
        section.table(self.table);
        for (label, rates) in self.rounds {
            section.rounds(&label, rates);
        }
    }
}

/// `512MiB` in Redis's words.
fn redis_bytes(size: &str) -> String {
    size.replace("iB", "b").to_lowercase()
}
