//! What a request waits: alone on one connection, and at a constant rate well below what either side can do.

use std::time::Duration;

use super::rounds::{Bench, CHECK_EVERY, CONNECTIONS, DRAWN, SEED, Shot, VALUE_BYTES};
use super::sample::{Pair, Sample, median};
use super::section::{Bar, Section, Table, digits};
use super::setup::Setup;
use super::side::Side;
use crate::error::LoadError;
use crate::volley::open::{Open, Waiting};
use crate::volley::requests::{Draw, Requests, Spelling};

/// The median of one connection through the proxy, over the one without.
const ALONE_AT_MOST: f64 = 2.0;
/// The open loop's rate.
const PER_S: u64 = 20_000;
/// What p99 and p99.9 may be above those without the proxy, in microseconds.
const P99_ABOVE_US: f64 = 150.0;
const P999_ABOVE_US: f64 = 500.0;
/// At the beginning of an open loop, connections are new and caches cold.
const SETTLE: Duration = Duration::from_millis(300);

/// Both, in turns.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let direct = bench.direct().await?;
    let proxy = bench.proxy(Setup::synthetic("0ms")).await?;
    let measured = compare(bench, &direct, &proxy).await;
    proxy.stop().await?;
    direct.stop().await?;
    measured
}

async fn compare(bench: &Bench<'_>, direct: &Side, proxy: &Side) -> Result<Section, LoadError> {
    let keys = bench.options.keys();
    bench.fill(direct, keys)?;
    bench.fill(proxy, keys)?;
    let gets =
        Requests::gets(Spelling::Benchmark, Draw::Uniform.offsets(keys, DRAWN, SEED), VALUE_BYTES);
    let mut section = Section::new(
        "latency",
        "Latency of a hit",
        format!(
            "GETs of 500 B. One connection: the next request follows the last reply. Open loop: {PER_S} requests/s on {CONNECTIONS}\n\
             connections, each at its set time, latency counted from that time; the generator {}, and how late it\n\
             sent is given, being part of the latencies. Medians of the rounds.",
            match bench.options.waiting {
                Waiting::Spin => "keeps one core busy",
                Waiting::Timer => "sleeps until a timer or a reply",
            }
        ),
    );
    let mut table = Table::new(["us", "direct", "proxy", "proxy / direct", "proxy - direct"]);
    let shot = Shot { connections: 1, timed: true, ..Shot::of(&gets, 1) };
    let round = async |side: &Side| bench.round(side, shot);
    let alone = bench.in_turns("one connection", direct, proxy, round).await?;
    let row = Row { label: "one connection", pair: &alone };
    let (p50, _) = row.add(&mut table, &mut section, "p50", |sample| sample.p50_us);
    row.add(&mut table, &mut section, "p99", |sample| sample.p99_us);
    section.bar(Bar::at_most("one connection, p50 over direct", p50, ALONE_AT_MOST, "x"));

    let mut late = Vec::new();
    let mut open = Pair::default();
    for number in 1..=bench.options.rounds() {
        for (side, samples) in [(direct, &mut open.direct), (proxy, &mut open.proxy)] {
            let (sample, lateness_us) = at_a_rate(bench, side, &gets)?;
            samples.push(sample);
            late.push(lateness_us);
        }
        bench.say(&format!("open loop, round {number} of {}", bench.options.rounds()));
    }
    let row = Row { label: "open loop", pair: &open };
    row.add(&mut table, &mut section, "p50", |sample| sample.p50_us);
    let (_, p99) = row.add(&mut table, &mut section, "p99", |sample| sample.p99_us);
    let (_, p999) = row.add(&mut table, &mut section, "p99.9", |sample| sample.p999_us);
    section.bar(Bar::at_most("open loop, p99 above direct", p99, P99_ABOVE_US, " us"));
    section.bar(Bar::at_most("open loop, p99.9 above direct", p999, P999_ABOVE_US, " us"));
    section.rounds(
        "open loop, how late the generator sent, p99, us (direct and proxy in turns)",
        late,
    );
    section.table(table);
    Ok(section)
}

/// One round of the open loop; also how late the generator was, at its 99th percentile.
fn at_a_rate(bench: &Bench<'_>, side: &Side, gets: &Requests) -> Result<(Sample, f64), LoadError> {
    let open = Open {
        address: side.address(),
        connections: CONNECTIONS,
        per_s: PER_S,
        requests: gets,
        waiting: bench.options.waiting,
        length: SETTLE + bench.options.length().mul_f64(1.5),
        settle: SETTLE,
        check_every: CHECK_EVERY,
    };
    let used = side.used();
    let volley = tokio::task::block_in_place(|| open.run(bench.stop))?;
    bench.check_stop()?;
    let (latency, used) = (volley.latency.summary(), side.used().since(used));
    let sample = Sample {
        p50_us: latency.p50_us,
        p99_us: latency.p99_us,
        p999_us: latency.p999_us,
        ..Sample::of(volley.replies, volley.per_s(), volley.cpu, used)
    };
    Ok((sample, volley.lateness.summary().p99_us))
}

/// What is compared in a row.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    label: &'a str,
    pair: &'a Pair,
}

impl Row<'_> {
    /// Adds medians and rounds; returns the proxy's over and above the direct ones.
    fn add(
        self,
        table: &mut Table,
        section: &mut Section,
        quantile: &str,
        number: impl Fn(&Sample) -> f64,
    ) -> (f64, f64) {
        let label = format!("{}, {quantile}", self.label);
        let (direct, proxy) =
            (median(&self.pair.direct, &number), median(&self.pair.proxy, &number));
        let (over, above) = (proxy / direct.max(1e-9), proxy - direct);
        table.row([label.clone(), digits(direct), digits(proxy), digits(over), digits(above)]);
        for (side, samples) in [("direct", &self.pair.direct), ("proxy", &self.pair.proxy)] {
            section.rounds(&format!("{label}, {side}, us"), samples.iter().map(&number));
        }
        (over, above)
    }
}
