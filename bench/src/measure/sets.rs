//! SETs: reported, without a bar, because Redis alone acknowledges what it has not stored.

use super::rounds::{Bench, Comparison, SEED, Shot, VALUE_BYTES};
use super::section::Section;
use super::setup::Setup;
use super::side::Side;
use crate::error::LoadError;
use crate::volley::requests::{Draw, Requests, Spelling};

/// Requests that are encoded beforehand: each carries its value.
const DRAWN: usize = 1 << 16;

/// Over synthetic storage without latency and over the embedded engine.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "sets",
        "SET",
        "SETs of 500 B to random keys, 50 connections, this program's own closed loop. The stock Redis acknowledges from memory; the\n\
         proxy when storage has it.",
    );
    let keys = bench.options.keys();
    let sets =
        Requests::sets(Spelling::Benchmark, Draw::Uniform.offsets(keys, DRAWN, SEED), VALUE_BYTES);
    let mut comparison = Comparison::new();
    let direct = bench.direct().await?;
    let measured: Result<(), LoadError> = async {
        for (name, setup) in [
            ("synthetic, 0 ms", Setup::synthetic("0ms")),
            ("embedded", Setup::embedded().patient()),
        ] {
            let proxy = bench.proxy(setup).await?;
            let measured = compare(bench, &direct, &proxy, &sets, name, &mut comparison).await;
            proxy.stop().await?;
            measured?;
        }
        Ok(())
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
    proxy: &Side,
    sets: &Requests,
    storage: &str,
    comparison: &mut Comparison,
) -> Result<(), LoadError> {
    for pipeline in [1, 16] {
        let label = format!("pipeline {pipeline}, {storage}");
        let round = async |side: &Side| bench.round(side, Shot::of(sets, pipeline));
        let pair = bench.in_turns(&label, direct, proxy, round).await?;
        comparison.add(&label, &pair);
    }
    Ok(())
}
