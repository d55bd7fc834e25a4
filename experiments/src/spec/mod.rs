//! What an experiment is: tenants, base shares, workloads, policies, durations, and what is varied.
//!
//! A spec is a TOML file, at full scale. [`Spec::read`] checks all of it, so that a run cannot fail halfway for a mistake in
//! it; [`Spec::at`] gives the tenants of one point at one scale.
//!
//! ```toml
//! name = "6a"
//! title = "Two tenants, one working set varied"
//! shows = "what the experiment is to show, a sentence or two"
//! paper = "figure 6a"                    # left out for our own
//! policies = ["static", "drf", "memshare", "hare", "ours", "non-partitioned"]
//!
//! [base]                                 # of every tenant that names none of its own
//! cache = "2GiB"
//! read_units = 1000
//! write_units = 1000
//! net = "50MiB/s"
//!
//! [clients]                              # of every tenant; a closed loop
//! connections = 32
//! depth = 4
//!
//! [time]
//! learn = "40s"                          # traffic before the one decision, on warm caches
//! settle = "20s"                         # after it, before the measurement; caches are warm again when it begins
//! measure = "60s"
//!
//! [allocator]                            # `every` makes decisions periodic, from the start to the end of the run
//! every = "20s"
//! apply = "gradual"                      # direct, boost, gradual
//! threshold = 0.05                       # 0 unless given where there is one decision
//! smoothing = 3
//! curve_max = 4.0
//!
//! [vary]                                 # one run for each value, which replaces `{keys}` in workloads, traces and bases
//! name = "keys"
//! label = "Keys of tenant 1"
//! values = ["1m", "2m", "4m"]
//!
//! [[tenant]]
//! name = "t1"                            # `count = 4` makes t1-1 to t1-4
//! workload = "n={keys},k=16,v=500,w=0.05,d=unif"
//! # or: trace = "cluster52.csv.gz"       # relative to the spec, or to the directory given for traces
//! #     stand_in = "n=1m,v=200"          # what runs where that file is missing; the tenant is then `t1-stand-in`
//! # base = { cache = "1GiB", read_units = 500, write_units = 500, net = "20MiB/s" }
//! # arrives = "10min", leaves = "20min"  # of the run; only with `every`
//! # rate = 2000                          # requests/s of an open loop instead of the closed one
//! ```

mod choice;
mod error;
mod quantity;
mod raw;
mod reader;
mod scale;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hare::Resources;
use hopperkv_bench::spec::Workload;

pub use choice::{Apply, Engine, Policy};
pub use error::SpecError;
pub use quantity::bytes as parse_bytes;
use raw::{RawShare, RawSpec, RawTenant};
use reader::Reader;
pub use scale::Scale;

/// An experiment, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Short name, as in `6a`; also the name of its directory.
    pub name: String,
    /// One line.
    pub title: String,
    /// What it is to show.
    pub shows: String,
    /// The paper's figure, if it is one of the paper's.
    pub paper: Option<String>,
    /// Policies to compare, `static` always among them.
    pub policies: Vec<Policy>,
    /// Connections of each tenant.
    pub connections: u64,
    /// Requests in flight per connection.
    pub depth: usize,
    /// Traffic before the one decision.
    pub learn: Duration,
    /// After it, before the measurement.
    pub settle: Duration,
    /// The measurement; with periodic decisions it begins with the run, and lasts as long as the longest workload if that
    /// has phases with durations.
    pub measure: Duration,
    /// How decisions are made.
    pub allocator: Allocator,
    /// What is varied.
    pub vary: Option<Vary>,
    tenants: Vec<RawTenant>,
    base: RawShare,
    path: PathBuf,
    traces: PathBuf,
    text: String,
}

/// How decisions are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allocator {
    /// Time between decisions; `None` is one decision, after `learn`.
    pub every: Option<Duration>,
    /// How they are put in place.
    pub apply: Apply,
    /// Improvement that makes a change worth it.
    pub threshold: f64,
    /// Windows summed.
    pub smoothing: u32,
    /// How far curves reach, in base caches.
    pub curve_max: f64,
}

/// What is varied from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vary {
    /// `{name}` in workloads is replaced.
    pub name: String,
    /// What an axis says.
    pub label: String,
    /// The values, in the order of the figure.
    pub values: Vec<String>,
}

/// A tenant of one point at one scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its name, unique within the spec.
    pub name: String,
    /// What it asks for.
    pub traffic: Traffic,
    /// The trace that is missing, if the traffic only stands in for it; the name then ends in `-stand-in`.
    pub stands_in_for: Option<PathBuf>,
    /// What it is entitled to, scaled.
    pub base: Resources,
    /// When it begins, from the start of the run.
    pub arrives: Duration,
    /// When it ends; `None` stays.
    pub leaves: Option<Duration>,
    /// Requests per second of an open loop, scaled; `None` is a closed one.
    pub rate_per_s: Option<f64>,
}

/// What a tenant asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Traffic {
    /// By the workload grammar, its keys scaled.
    Workload(Workload),
    /// A trace file; at a scale below 1 that part of its keys is taken.
    Trace(PathBuf),
}

impl Spec {
    /// Reads and checks a spec. Its traces are in `traces`, or beside it if that is not given.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(path: &Path, traces: Option<&Path>) -> Result<Self, SpecError> {
        let text = fs::read_to_string(path)
            .map_err(|source| SpecError::File { path: path.to_owned(), source })?;
        Self::parse(&text, path, traces)
    }

    /// Checks the text of a spec; `path` is where it is from, for errors and for the traces it names.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, path: &Path, traces: Option<&Path>) -> Result<Self, SpecError> {
        let mut spec = Self::parse_kept(text, path)?;
        if let Some(traces) = traces {
            spec.traces = traces.to_owned();
        }
        for point in 0..spec.points() {
            spec.at(point, Scale::FULL)?;
        }
        Ok(spec)
    }

    /// Reads the text of a spec that has been run, to show what came of it: its traces may be gone.
    ///
    /// # Errors
    /// The first thing that is wrong with it, its tenants excepted.
    pub fn parse_kept(text: &str, path: &Path) -> Result<Self, SpecError> {
        let raw: RawSpec = toml::from_str(text).map_err(|error| SpecError::Toml {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        Reader { path }.spec(raw, text)
    }

    /// Number of values that are varied, at least 1.
    #[must_use]
    pub fn points(&self) -> usize {
        self.vary.as_ref().map_or(1, |vary| vary.values.len())
    }

    /// The value of a point as the spec writes it; empty if nothing is varied.
    #[must_use]
    pub fn point_label(&self, point: usize) -> &str {
        self.vary.as_ref().and_then(|vary| vary.values.get(point)).map_or("", String::as_str)
    }

    /// How long a run is, in its own time: with periodic decisions the measurement, or the longest workload if that is
    /// longer; else learning, settling and measuring.
    #[must_use]
    pub fn length(&self, tenants: &[Tenant]) -> Duration {
        if self.allocator.every.is_none() {
            return self.learn + self.settle + self.measure;
        }
        let phases = tenants.iter().filter_map(|tenant| match &tenant.traffic {
            Traffic::Workload(workload) => {
                workload.phases.iter().map(|phase| phase.duration).sum::<Option<Duration>>()
            }
            Traffic::Trace(_) => None,
        });
        phases.max().map_or(self.measure, |longest| longest.max(self.measure))
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tenants of one point at one scale.
    ///
    /// # Errors
    /// If a workload makes no sense, a trace is missing, or the scale makes something vanish.
    pub fn at(&self, point: usize, scale: Scale) -> Result<Vec<Tenant>, SpecError> {
        let mut tenants = Vec::new();
        for raw in &self.tenants {
            let whole = self.tenant(raw, point, scale)?;
            tenants.extend((1..=raw.count).map(|number| {
                let mut tenant = whole.clone();
                if raw.count > 1 {
                    tenant.name = format!("{}-{number}", raw.name);
                }
                if tenant.stands_in_for.is_some() {
                    tenant.name.push_str("-stand-in");
                }
                tenant
            }));
        }
        Ok(tenants)
    }

    /// Text with the value of a point in place of what is varied.
    fn fill_in(&self, text: &str, point: usize) -> String {
        match &self.vary {
            Some(vary) => text.replace(&format!("{{{}}}", vary.name), self.point_label(point)),
            None => text.to_owned(),
        }
    }

    fn tenant(&self, raw: &RawTenant, point: usize, scale: Scale) -> Result<Tenant, SpecError> {
        let reader = Reader { path: &self.path };
        let place = |field: &str| format!("tenant {}: {field}", raw.name);
        let share = raw.base.as_ref().unwrap_or(&self.base);
        let share = RawShare {
            cache: self.fill_in(&share.cache, point),
            net: self.fill_in(&share.net, point),
            ..*share
        };
        let base =
            reader.share(&share, &raw.base.as_ref().map_or("base".into(), |_| place("base")))?;
        let (traffic, stands_in_for) = self.traffic(&reader, raw, point, scale)?;
        let time = |field: &str, text: &Option<String>| {
            let parse = |text: &String| reader.duration(&place(field), text);
            text.as_ref().map(parse).transpose()
        };
        let arrives = time("arrives", &raw.arrives)?.unwrap_or_default();
        let leaves = time("leaves", &raw.leaves)?;
        if leaves.is_some_and(|leaves| leaves <= arrives) {
            return Err(reader.value(&place("leaves"), "it leaves before it arrives"));
        }
        if raw.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return Err(reader.value(&place("rate"), "requests per second, above 0"));
        }
        Ok(Tenant {
            name: raw.name.clone(),
            traffic,
            stands_in_for,
            base: scale.share(base)?,
            arrives,
            leaves,
            rate_per_s: raw.rate.map(|rate| scale.rate(rate)),
        })
    }

    /// What a tenant asks for, and the trace that this stands in for.
    fn traffic(
        &self,
        reader: &Reader<'_>,
        raw: &RawTenant,
        point: usize,
        scale: Scale,
    ) -> Result<(Traffic, Option<PathBuf>), SpecError> {
        let place = |field: &str| format!("tenant {}: {field}", raw.name);
        let workload = |field: &str, text: &str| {
            let parsed: Result<Workload, _> = self.fill_in(text, point).parse();
            let parsed = parsed.map_err(|error| reader.value(&place(field), &error.to_string()))?;
            Ok(Traffic::Workload(scale.workload(&parsed)?))
        };
        let (trace, stand_in) = match (&raw.workload, &raw.trace, &raw.stand_in) {
            (Some(text), None, None) => return Ok((workload("workload", text)?, None)),
            (None, Some(trace), stand_in) => (trace, stand_in),
            (_, None, Some(_)) => {
                let problem = "it stands in for a trace; give the trace, or make it the workload";
                return Err(reader.value(&place("stand_in"), problem));
            }
            _ => return Err(reader.value(&place("workload"), "give either workload or trace")),
        };
        let path = self.traces.join(self.fill_in(trace, point));
        // Read in any case: a mistake in it is not to wait for the day the trace is missing.
        let stand_in = stand_in.as_ref().map(|text| workload("stand_in", text)).transpose()?;
        match stand_in {
            _ if path.is_file() => Ok((Traffic::Trace(path), None)),
            Some(traffic) => Ok((traffic, Some(path))),
            None => {
                let problem = format!("there is no file {}", path.display());
                Err(reader.value(&place("trace"), &problem))
            }
        }
    }
}
