//! How long a restart keeps clients waiting.

use super::rounds::Bench;
use super::sample::median_of;
use super::section::{Bar, Section, Table, digits};
use super::setup::{RATES, Setup};
use super::side::Side;
use crate::error::LoadError;

/// Longest start, in milliseconds.
const AT_MOST_MS: f64 = 1_000.0;
/// Tenants, each with a Redis of its own.
const TENANTS: usize = 3;

/// From the start of the process to the moment it says that it serves, several times.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "start",
        "Start",
        format!(
            "From the start of the process to its ready file, {TENANTS} tenants, each with a Redis that is started for it; new tables."
        ),
    );
    let mut table = Table::new(["storage", "ms, median"]);
    let sections: String = (0..TENANTS)
        .map(|index| {
            format!(
                "[[tenant]]\nname = \"tenant{index}\"\npassword = \"p\"\ncache = \"64MiB\"\n{RATES}"
            )
        })
        .collect();
    for (name, setup) in [("embedded", Setup::embedded()), ("synthetic", Setup::synthetic("0ms"))] {
        let mut times = Vec::new();
        for _ in 0..bench.options.rounds() {
            bench.check_stop()?;
            let proxy = bench.proxy(setup.clone().tenants(sections.clone())).await?;
            if let Side::Proxy(server) = &proxy {
                times.push(server.started_in().as_secs_f64() * 1e3);
            }
            proxy.stop().await?;
        }
        let median = median_of(times.clone());
        bench.say(&format!("{name}: {} ms", digits(median)));
        table.row([name.to_owned(), digits(median)]);
        section.bar(Bar::at_most(format!("start, {name}"), median, AT_MOST_MS, " ms"));
        section.rounds(&format!("{name}, ms"), times);
    }
    section.table(table);
    Ok(section)
}
