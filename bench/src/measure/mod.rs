//! `make bench`: the proxy against a stock Redis, and against itself, on the same machine in the same run.
//!
//! Both sides are measured in turns (direct, proxy, direct, proxy ...), so that a machine that slows down slows both; what
//! counts is the ratio of the medians, and CPU time per request, because client, proxy and Redis share the cores.
//!
//! Each file below is a section of the report: [`hits`], [`near`], [`sets`], [`latency`], [`misses`], [`batch`], [`idle`],
//! [`tenants`], [`start`], [`instructions`] (with [`callgrind`] and [`recorded`], also a check). They are built from [`setup`] (configurations), [`side`] and [`stock`] (servers), [`process`] (what
//! these used), [`redis_benchmark`] and [`crate::volley`] (load), [`rounds`] (in turns), [`sample`] (numbers), [`section`]
//! and [`page`] (what is printed and written), [`machine`] (where), [`args`] (the command line). On Linux only: `/proc` says what
//! processes use.

pub(crate) mod args;
mod batch;
mod callgrind;
mod hits;
mod idle;
mod instructions;
mod latency;
mod machine;
mod misses;
mod near;
mod page;
mod process;
mod recorded;
mod redis_benchmark;
mod rounds;
mod sample;
mod section;
mod sets;
mod setup;
mod side;
mod start;
mod stock;
mod tenants;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

pub use self::instructions::{CheckOptions, check};
use self::machine::Machine;
use self::page::Page;
use self::rounds::Bench;
use self::section::{Bar, Section};
use crate::error::LoadError;
use crate::stop::Stop;
use crate::volley::open::Waiting;

/// A section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// GETs that all hit, by redis-benchmark, against a stock Redis.
    Hits,
    /// Zipf 0.99 with the near cache on, against a stock Redis.
    Near,
    /// SETs over embedded and over synthetic storage, against a stock Redis.
    Sets,
    /// One connection without pipelining, and 20,000 GET/s in an open loop, against a stock Redis.
    Latency,
    /// 10,000 misses/s against storage that takes 5 ms.
    Misses,
    /// Misses and writes over embedded storage per CPU second, batches on against off.
    Batch,
    /// 10,000 idle connections.
    Idle,
    /// 1,000 tenants of which 10 are active, against 10.
    Tenants,
    /// From the start of the program to the first request served.
    Start,
    /// Instructions per hit, counted by valgrind.
    Instructions,
}

/// What the user chose.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The `hopperkv` program.
    pub server: PathBuf,
    /// Sections; all if empty.
    pub only: Vec<Part>,
    /// Rounds per side.
    pub rounds: usize,
    /// Length of a round.
    pub seconds: f64,
    /// Threads of the generator.
    pub threads: usize,
    /// Threads of the proxy that serve clients; `None` leaves it to the proxy.
    pub workers: Option<u16>,
    /// How the open loop waits for its set times.
    pub waiting: Waiting,
    /// Whether only to see that everything works.
    pub quick: bool,
    /// Markdown file whose generated part is rewritten.
    pub doc: Option<PathBuf>,
    /// The command that gives this again, without `--only`.
    pub command: String,
}

impl BenchOptions {
    /// Rounds per side.
    fn rounds(&self) -> usize {
        if self.quick { 2 } else { self.rounds }
    }

    /// Length of a round.
    fn length(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.2 } else { self.seconds })
    }

    /// Keys of a working set.
    fn keys(&self) -> u32 {
        if self.quick { 2_000 } else { 100_000 }
    }
}

/// Measures, prints and writes; 0 if everything asked for was measured, whatever the bars say.
///
/// # Errors
/// If a server does not start, a reply is wrong, the file cannot be written, or it was stopped.
pub async fn run(options: BenchOptions, stop: Stop) -> Result<u8, LoadError> {
    // Before anything is measured: a file that cannot take the results is known at once.
    let mut page = options.doc.as_deref().map(Page::open).transpose()?;
    process::raise_file_limit();
    let machine = Machine::look(&options.server);
    let parts = if options.only.is_empty() { Part::value_variants() } else { &options.only[..] };
    let names: Vec<String> = Part::value_variants().iter().map(|part| part.name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bench = Bench { options: &options, stop: &stop };
    let mut bars: Vec<Bar> = Vec::new();
    for &part in parts {
        bench.say(&format!("== {}", part.name()));
        let section = Box::pin(part.measure(&bench)).await?;
        let command = format!("{} --only {}", options.command, part.name());
        let mut stamp = machine.stamp();
        if options.quick {
            stamp.push_str("\nA quick run: shows that it works, not how fast it is.");
        }
        let text = section.markdown(&stamp, &command);
        print(&text);
        bars.extend_from_slice(section.bars());
        if let Some(page) = &mut page {
            page.put(section.name, &text);
            page.write(&names)?;
        }
    }
    print(&summary(&bars));
    Ok(0)
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    async fn measure(self, bench: &Bench<'_>) -> Result<Section, LoadError> {
        match self {
            Self::Hits => hits::measure(bench).await,
            Self::Near => near::measure(bench).await,
            Self::Sets => sets::measure(bench).await,
            Self::Latency => latency::measure(bench).await,
            Self::Misses => misses::measure(bench).await,
            Self::Batch => batch::measure(bench).await,
            Self::Idle => idle::measure(bench).await,
            Self::Tenants => tenants::measure(bench).await,
            Self::Start => start::measure(bench).await,
            Self::Instructions => instructions::measure(bench).await,
        }
    }
}

fn summary(bars: &[Bar]) -> String {
    if bars.is_empty() {
        return String::new();
    }
    let met = bars.iter().filter(|bar| bar.is_met()).count();
    let mut text = format!("{met} of {} bars met\n", bars.len());
    for bar in bars {
        text += &format!("- {}\n", bar.text());
    }
    text
}

fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
