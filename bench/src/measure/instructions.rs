//! Instructions per hit: in the report, and as a check that fails on a clear regression.

use std::path::{Path, PathBuf};

use super::callgrind::Count;
use super::machine::Machine;
use super::recorded::{Counts, Recorded};
use super::rounds::Bench;
use super::section::{Section, Table, grouped};
use super::setup::Setup;
use super::{near, print};
use crate::error::LoadError;
use crate::stop::Stop;

/// What the user chose for the check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// The `hopperkv` program.
    pub server: PathBuf,
    /// The file with recorded counts.
    pub recorded: PathBuf,
    /// How the program was built, as the file calls it.
    pub profile: String,
    /// Whether to record what is counted.
    pub record: bool,
}

/// For the report.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let mut section = Section::new(
        "instructions",
        "Instructions per hit",
        "Instructions that the proxy executes for a GET of 500 B that hits, kernel not included, counted by `valgrind --tool=callgrind`:\n\
         one worker, one connection, the next batch when the last is answered. Repeats to about 2 %, on a busy machine too.",
    );
    let mut table = Table::new(["", "instructions per hit"]);
    for case in cases(&bench.options.server).await? {
        let count = case.count(&bench.options.server, bench.stop).await?;
        bench.say(&format!("{}: {} instructions per hit", case.name, grouped(count)));
        table.row([case.name, grouped(count)]);
    }
    section.table(table);
    Ok(section)
}

/// Counts and compares; 0 if nothing is clearly worse than recorded, else 1.
///
/// # Errors
/// If it cannot be counted, or the file cannot be read or written.
pub async fn check(options: CheckOptions, stop: Stop) -> Result<u8, LoadError> {
    let mut recorded = Recorded::read(&options.recorded)?;
    let (mut counts, mut worse) = (Vec::new(), false);
    for case in cases(&options.server).await? {
        let mut count = case.count(&options.server, &stop).await?;
        let mut judged = recorded.judge(&options.profile, &case.name, count);
        if judged.1 && !options.record {
            // Once more, in case something else went on in the proxy at the time.
            count = case.count(&options.server, &stop).await?.min(count);
            judged = recorded.judge(&options.profile, &case.name, count);
        }
        print(&judged.0);
        worse |= judged.1;
        counts.push((case.name, count));
    }
    if options.record {
        let machine = Machine::look(&options.server);
        let counts = Counts::new(machine.date(), machine.rustc(), &counts);
        recorded.write(&options.recorded, &options.profile, counts)?;
        print(&format!("recorded in {}", options.recorded.display()));
        return Ok(0);
    }
    if worse {
        print(&format!(
            "A hit has become clearly more expensive than {} says. If that is what it has to cost, record it anew:\n  \
             scripts/bench-instructions.sh --record\nand say in the commit what it buys.",
            options.recorded.display()
        ));
    }
    Ok(u8::from(worse))
}

/// One way to hit.
#[derive(Debug)]
struct Case {
    name: String,
    setup: Setup,
    pipeline: usize,
}

impl Case {
    async fn count(&self, program: &Path, stop: &Stop) -> Result<f64, LoadError> {
        let Self { setup, pipeline, .. } = self;
        Count { program, setup: setup.clone(), pipeline: *pipeline, stop }.per_hit().await
    }
}

/// With and without pipelining; where the program has a near cache, with that too.
async fn cases(program: &Path) -> Result<Vec<Case>, LoadError> {
    let plain = Setup::synthetic("0ms");
    let near = plain.clone().tenant(near::OPTION);
    let mut setups = vec![("", plain)];
    if near.is_known_to(program).await? {
        setups.push((", near cache", near));
    }
    let cases = setups.into_iter().flat_map(|(suffix, setup)| {
        [1, 16].map(|pipeline| Case {
            name: format!("pipeline {pipeline}{suffix}"),
            setup: setup.clone(),
            pipeline,
        })
    });
    Ok(cases.collect())
}
