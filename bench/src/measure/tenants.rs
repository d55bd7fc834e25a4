//! What tenants cost that do nothing.

use std::fmt::Write;
use std::time::Duration;

use super::process;
use super::rounds::{Bench, DRAWN, SEED, Shot, VALUE_BYTES};
use super::sample::{Sample, as_f64, median};
use super::section::{Bar, Section, Table, digits, grouped};
use super::setup::{RATES, Setup};
use super::side::{Side, Used};
use super::stock::Stock;
use crate::error::LoadError;
use crate::server::Server;
use crate::volley::link::Login;
use crate::volley::requests::{Draw, Requests, Spelling};

/// Tenants under load in both configurations; the smaller one has no others.
const ACTIVE: u32 = 10;
/// Tenants in the larger one.
const MANY: u32 = 1_000;
/// Keys of each active tenant.
const KEYS: u32 = 1_000;
/// Requests in flight per connection.
const PIPELINE: usize = 16;
/// Throughput over that with few tenants: "no measurable cost", as far as rounds of seconds can tell.
const LEAST: f64 = 0.97;
/// How long idle CPU time is watched.
const IDLE: Duration = Duration::from_secs(5);
const PASSWORD: &str = "p";

/// A proxy, and the stock Redis that all of its tenants share, each with a database of its own.
#[derive(Debug)]
struct Stand {
    side: Side,
    stock: Stock,
}

/// The same ten tenants under the same load, alone and among a thousand.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let many = if bench.options.quick { 50 } else { MANY };
    let few = Stand::start(bench, ACTIVE).await?;
    let (measured, many_stopped) = match Stand::start(bench, many).await {
        Ok(stand) => (compare(bench, &few, &stand, many).await, stand.stop().await),
        Err(error) => (Err(error), Ok(())),
    };
    few.stop().await?;
    many_stopped?;
    measured
}

impl Stand {
    async fn start(bench: &Bench<'_>, tenants: u32) -> Result<Self, LoadError> {
        // A tenant's Redis has to be its own, and a thousand servers would be measured with the proxy: one server with many
        // databases, under the many addresses that loopback has. Protected mode keeps others out.
        let databases = (tenants + 1).to_string();
        let extra = ["--databases", &databases, "--bind", "0.0.0.0", "--protected-mode", "yes"];
        let stock = Stock::start("512mb", &extra).await?;
        let port = stock.address().port();
        let mut sections =
            String::from("[cache]\nkind = \"dedicated\"\n[allocator]\nenabled = false\n");
        for index in 0..tenants {
            let (name, high, low) = (name(index), index / 200, index % 200 + 1);
            let _ = write!(
                sections,
                "[[tenant]]\nname = \"{name}\"\npassword = \"{PASSWORD}\"\ncache = \"512MiB\"\n{RATES}\
                 redis = \"redis://127.0.{high}.{low}:{port}/{index}\"\n"
            );
        }
        let started = bench.proxy(Setup::synthetic("0ms").tenants(sections)).await;
        match (started, stock.pid()) {
            (Ok(Side::Proxy(server)), Some(redis)) => {
                Ok(Self { side: Side::Beside(server, redis), stock })
            }
            (Ok(side), _) => Ok(Self { side, stock }),
            (Err(error), _) => {
                stock.stop().await?;
                Err(error)
            }
        }
    }

    fn server(&self) -> Option<&Server> {
        match &self.side {
            Side::Proxy(server) | Side::Beside(server, _) => Some(server),
            Side::Direct(_) => None,
        }
    }

    fn resident_bytes(&self) -> u64 {
        self.server().and_then(Server::pid).and_then(process::resident_bytes).unwrap_or(0)
    }

    async fn stop(self) -> Result<(), LoadError> {
        let ended = self.side.stop().await;
        self.stock.stop().await?;
        ended
    }
}

async fn compare(
    bench: &Bench<'_>,
    few: &Stand,
    many: &Stand,
    count: u32,
) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "tenants",
        "Tenants that do nothing",
        format!(
            "{ACTIVE} tenants with five connections each, {PIPELINE} requests in flight, GETs that hit, in a proxy that has no others and in\n\
             one with {count}, in turns. Every tenant has a database of its own in one stock Redis (one for each proxy). Idle: CPU\n\
             time over {} s without any request.",
            IDLE.as_secs()
        ),
    );
    let logins: Vec<Login> = (0..ACTIVE)
        .map(|index| Login { user: name(index), password: PASSWORD.to_owned() })
        .collect();
    let resident = (few.resident_bytes(), many.resident_bytes());
    let idle = (idle(bench, &few.side).await?, idle(bench, &many.side).await?);
    for side in [&few.side, &many.side] {
        for login in &logins {
            bench.fill_as(side, KEYS, std::slice::from_ref(login))?;
        }
    }
    let gets =
        Requests::gets(Spelling::Benchmark, Draw::Uniform.offsets(KEYS, DRAWN, SEED), VALUE_BYTES);
    let shot = Shot { logins: &logins, ..Shot::of(&gets, PIPELINE) };
    let round = async |side: &Side| bench.round(side, shot);
    let pair = bench.in_turns("tenants", &few.side, &many.side, round).await?;

    let mut table = Table::new([
        "tenants",
        "GET/s",
        "CPU us per request: proxy",
        "Redis",
        "idle, % of a core: proxy",
        "Redis",
        "MB, proxy",
        "start, ms",
    ]);
    let rows = [
        (ACTIVE, few, &pair.direct, idle.0, resident.0),
        (count, many, &pair.proxy, idle.1, resident.1),
    ];
    for (tenants, stand, samples, idle, bytes) in rows {
        let of = |number: fn(&Sample) -> f64| median(samples, number);
        let percent = |cpu: Duration| digits(cpu.as_secs_f64() / IDLE.as_secs_f64() * 100.0);
        let started_ms =
            stand.server().map_or(0.0, |server| server.started_in().as_secs_f64() * 1e3);
        table.row([
            tenants.to_string(),
            grouped(of(|sample| sample.per_s)),
            digits(of(|sample| sample.proxy_us)),
            digits(of(|sample| sample.redis_us)),
            percent(idle.proxy),
            percent(idle.redis),
            digits(as_f64(bytes) / 1e6),
            digits(started_ms),
        ]);
        section.rounds(
            &format!("{tenants} tenants, GET/s"),
            samples.iter().map(|sample| sample.per_s),
        );
    }
    section.table(table);
    let label = format!("{count} tenants, throughput over that of {ACTIVE}");
    section.bar(Bar::at_least(label, pair.ratio(), LEAST, "x"));
    let cpu = |samples: &[Sample]| median(samples, |sample| sample.proxy_us + sample.redis_us);
    let label =
        format!("{count} tenants, CPU of proxy and Redis per request over that of {ACTIVE}");
    let ratio = cpu(&pair.proxy) / cpu(&pair.direct).max(1e-9);
    section.bar(Bar::at_most(label, ratio, 1.0 / LEAST, "x"));
    Ok(section)
}

/// What a side uses while nobody asks anything of it.
async fn idle(bench: &Bench<'_>, side: &Side) -> Result<Used, LoadError> {
    let used = side.used();
    tokio::select! {
        () = tokio::time::sleep(IDLE) => Ok(side.used().since(used)),
        () = bench.stop.raised() => Err(LoadError::Stopped),
    }
}

fn name(index: u32) -> String {
    format!("t{index:04}")
}
