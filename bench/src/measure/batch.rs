//! Misses and writes over the embedded engine, with storage requests batched and one by one.
//!
//! A cache far smaller than the data, and keys asked for in turn, so that each is gone when its turn comes again. How many
//! misses there really were, the proxy counts.

use super::rounds::{Bench, SEED, Shot, VALUE_BYTES};
use super::sample::{Pair, Sample, as_f64, median, median_of};
use super::section::{Bar, Section, Table, digits, grouped};
use super::setup::{Setup, TENANT};
use super::side::Side;
use crate::admin::Admin;
use crate::error::LoadError;
use crate::volley::closed::Until;
use crate::volley::requests::{Draw, Requests, Spelling};

/// What batches have to bring, in requests per CPU second of the proxy.
const LEAST: f64 = 3.0;
/// Data of 15 MB in values, and memory for a small part of it.
const KEYS: u32 = 30_000;
const CACHE: &str = "2MiB";
/// Requests in flight per connection: enough for a queue.
const PIPELINE: usize = 16;
/// The option, off and on.
const OFF: &str = "batch = false\n";
const ON: &str = "batch = true\n";

/// Both, in turns; without the option only what there is.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "batch",
        "Misses and writes over embedded storage, batched and one by one",
        format!(
            "Closed loop, 50 connections, {PIPELINE} requests in flight on each, 500 B values, {} keys, cache of {CACHE}. CPU time is the proxy's\n\
             with the engine in it, without Redis.",
            keys(bench)
        ),
    );
    let setup = Setup { cache: CACHE, ..Setup::embedded().patient() };
    let known = setup.clone().storage(ON).is_known_to(&bench.options.server).await?;
    let (off, on) = if known {
        (setup.clone().storage(OFF), setup.storage(ON))
    } else {
        section.remark("This `hopperkv` has no `[storage] batch`: both are the same here.");
        (setup.clone(), setup)
    };
    let off = bench.proxy(off).await?;
    let (measured, stopped) = match bench.proxy(on).await {
        Ok(on) => (compare(bench, &off, &on, known, &mut section).await, on.stop().await),
        Err(error) => (Err(error), Ok(())),
    };
    off.stop().await?;
    stopped?;
    measured.map(|()| section)
}

async fn compare(
    bench: &Bench<'_>,
    off: &Side,
    on: &Side,
    known: bool,
    section: &mut Section,
) -> Result<(), LoadError> {
    let keys = keys(bench);
    let offsets = || Draw::InTurn.offsets(keys, keys as usize, SEED);
    let sets = Requests::sets(Spelling::Benchmark, offsets(), VALUE_BYTES);
    let gets = Requests::gets(Spelling::Benchmark, offsets(), VALUE_BYTES);
    for side in [off, on] {
        bench.say(&format!("writing {keys} keys"));
        bench.fire(side, Shot::of(&sets, PIPELINE), Until::Sent(u64::from(keys)), 1)?;
    }
    let mut table = Table::new([
        "",
        "one by one, per s",
        "batched, per s",
        "per CPU s, one by one",
        "per CPU s, batched",
        "ratio",
    ]);
    for (name, requests) in [("misses", &gets), ("writes", &sets)] {
        let counted = async |side: &Side| {
            let before = misses(side).await?;
            let sample = bench.round(side, Shot::of(requests, PIPELINE))?;
            let missed = misses(side).await?.saturating_sub(before);
            // Rates and CPU time per miss, not per request.
            let part = if name == "misses" {
                as_f64(missed) / (sample.per_s * bench.options.length().as_secs_f64()).max(1.0)
            } else {
                1.0
            };
            if part < 0.01 {
                let text = "nearly nothing missed, although the cache is smaller than the data";
                return Err(LoadError::Bench(String::from(text)));
            }
            let part = part.min(1.0);
            Ok(Sample { per_s: sample.per_s * part, proxy_us: sample.proxy_us / part, ..sample })
        };
        let pair: Pair = bench.in_turns(name, off, on, counted).await?;
        let per_s = |samples: &[Sample]| median(samples, |sample| sample.per_s);
        let per_cpu_s = |samples: &[Sample]| {
            median_of(samples.iter().map(|sample| 1e6 / sample.proxy_us.max(1e-9)).collect())
        };
        let ratio = per_cpu_s(&pair.proxy) / per_cpu_s(&pair.direct);
        table.row([
            name.to_owned(),
            grouped(per_s(&pair.direct)),
            grouped(per_s(&pair.proxy)),
            grouped(per_cpu_s(&pair.direct)),
            grouped(per_cpu_s(&pair.proxy)),
            digits(ratio),
        ]);
        for (side, samples) in [("one by one", &pair.direct), ("batched", &pair.proxy)] {
            let label = format!("{name}, {side}, CPU us each");
            section.rounds(&label, samples.iter().map(|sample| sample.proxy_us));
        }
        if known {
            let label = format!("{name} per CPU second, batched over one by one");
            section.bar(Bar::at_least(label, ratio, LEAST, "x"));
        }
    }
    section.table(table);
    Ok(())
}

async fn misses(side: &Side) -> Result<u64, LoadError> {
    let Side::Proxy(server) = side else { return Ok(0) };
    Ok(Admin::new(&server.admin().to_string(), "").requests(TENANT).await?.misses)
}

fn keys(bench: &Bench<'_>) -> u32 {
    if bench.options.quick { KEYS / 3 } else { KEYS }
}
