//! Hot keys: zipf 0.99 with the near cache on.

use super::rounds::{Bench, Comparison, DRAWN, SEED, Shot, VALUE_BYTES};
use super::section::{Bar, Section};
use super::setup::Setup;
use super::side::Side;
use crate::error::LoadError;
use crate::volley::requests::{Draw, Requests, Spelling};

/// What is asked of it, by requests in flight per connection.
const BARS: [(usize, f64); 2] = [(1, 1.2), (16, 1.5)];
/// How the keys are drawn.
const DRAW: Draw = Draw::Zipf(0.99);
/// The tenant's option.
pub(super) const OPTION: &str = "near_cache = \"64MiB\"\n";

/// The same load on a stock Redis, through a proxy without near cache, and through one with it.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let direct = bench.direct().await?;
    let mut section = Section::new(
        "near",
        "Hot keys: zipf 0.99, near cache on",
        format!(
            "GETs of 500 B values, {} keys, zipf 0.99, scrambled, 50 connections; this program's own closed loop on both\n\
             sides, because redis-benchmark has no zipf. One value in 64 is compared byte for byte. Near cache: `{}`.",
            bench.options.keys(),
            OPTION.trim()
        ),
    );
    let mut comparison = Comparison::new();
    let measured = async {
        bench.fill(&direct, bench.options.keys())?;
        let plain = Setup::synthetic("0ms");
        compare(bench, &direct, plain.clone(), "off", &mut comparison, &mut section).await?;
        let near = plain.tenant(OPTION);
        if near.is_known_to(&bench.options.server).await? {
            compare(bench, &direct, near, "on", &mut comparison, &mut section).await
        } else {
            section.remark("This `hopperkv` has no near cache: not measured.");
            Ok(())
        }
    }
    .await;
    direct.stop().await?;
    measured?;
    comparison.into_section(&mut section);
    Ok(section)
}

async fn compare(
    bench: &Bench<'_>,
    direct: &Side,
    setup: Setup,
    near: &str,
    comparison: &mut Comparison,
    section: &mut Section,
) -> Result<(), LoadError> {
    let keys = bench.options.keys();
    let gets = Requests::gets(Spelling::Benchmark, DRAW.offsets(keys, DRAWN, SEED), VALUE_BYTES);
    let proxy = bench.proxy(setup).await?;
    let measured = async {
        bench.fill(&proxy, keys)?;
        for (pipeline, least) in BARS {
            let label = format!("pipeline {pipeline}, near cache {near}");
            let round = async |side: &Side| bench.round(side, Shot::of(&gets, pipeline));
            let pair = bench.in_turns(&label, direct, &proxy, round).await?;
            let ratio = comparison.add(&label, &pair);
            if near == "on" {
                section.bar(Bar::at_least(label, ratio, least, "x"));
            }
        }
        Ok(())
    }
    .await;
    proxy.stop().await?;
    measured
}
