//! GETs that all hit: the most frequent request, and the one where a proxy costs most in proportion.

use super::redis_benchmark::{RedisBenchmark, requests_for};
use super::rounds::{Bench, CONNECTIONS, Comparison, VALUE_BYTES};
use super::section::{Bar, Section};
use super::setup::Setup;
use super::side::Side;
use crate::error::LoadError;

/// What the proxy has to keep of Redis's own throughput.
const LEAST: f64 = 0.95;
/// Requests that tell how many fill a round.
const TRIAL: u64 = 20_000;

/// `-P 1` and `-P 16`, direct and through the proxy.
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
    let load = |pipeline| RedisBenchmark {
        keys,
        value_bytes: VALUE_BYTES,
        clients: CONNECTIONS,
        pipeline,
    };
    let mut section = Section::new(
        "hits",
        "Hits: through the proxy, and from Redis without it",
        format!(
            "`{}` and `-P 16`: GETs of keys that are all there; TCP in front of the proxy, a unix socket behind it, limits\n\
             and ghost cache on. Every value was read back and compared before.",
            load(1).command()
        ),
    );
    bench.fill(direct, keys)?;
    bench.fill(proxy, keys)?;
    let mut comparison = Comparison::new();
    for pipeline in [1, 16] {
        let load = load(pipeline);
        let (label, length) = (format!("`-P {pipeline}`"), bench.options.length());
        let trial = TRIAL * pipeline as u64;
        let rates = (
            load.run(direct, trial, bench.stop).await?.per_s,
            load.run(proxy, trial, bench.stop).await?.per_s,
        );
        let pair = bench
            .in_turns(&label, direct, proxy, async |side| {
                let rate = if matches!(side, Side::Direct(_)) { rates.0 } else { rates.1 };
                load.run(side, requests_for(rate, length), bench.stop).await
            })
            .await?;
        let ratio = comparison.add(&label, &pair);
        section.bar(Bar::at_least(format!("hits, {label}"), ratio, LEAST, "x"));
    }
    comparison.into_section(&mut section);
    Ok(section)
}
