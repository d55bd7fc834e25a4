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
//! threshold = 0.05
//! smoothing = 3
//! curve_max = 4.0
//!
//! [vary]                                 # one run for each value, which replaces `{keys}` in workloads
//! name = "keys"
//! label = "Keys of tenant 1"
//! values = ["1m", "2m", "4m"]
//!
//! [[tenant]]
//! name = "t1"                            # `count = 4` makes t1-1 to t1-4
//! workload = "n={keys},k=16,v=500,w=0.05,d=unif"
//! # or: trace = "cluster52.csv.gz"       # relative to the spec
//! # arrives = "10min", leaves = "20min"  # of the run; only with `every`
//! # rate = 2000                          # requests/s of an open loop instead of the closed one
//! ```

mod quantity;
mod raw;
mod scale;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hare::Resources;
use hopperkv_bench::spec::{Workload, parse_duration};
use serde::{Deserialize, Serialize};

use raw::{RawShare, RawSpec, RawTenant};
pub use scale::Scale;

/// Tenants that one spec may have.
const MOST_TENANTS: usize = 20_000;

/// Who decides on shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Nobody: base shares, what the others are compared with.
    Static,
    /// Idle rates are shared out; the cache stays.
    Drf,
    /// Cache follows hit ratio, then as `Drf`.
    Memshare,
    /// The paper's: cache is traded for units and bandwidth.
    Hare,
    /// Its goal solved near-exactly, on curves that are only as sure as they are known: what the proxy does by default.
    Ours,
    /// No shares at all: everybody uses one cache and one set of limits.
    NonPartitioned,
}

/// What runs a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Redis servers, proxy and load on this machine, at reduced scale.
    Live,
    /// Virtual time, at any scale.
    Sim,
}

/// How a decision is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Apply {
    /// At once.
    Direct,
    /// At once, and who gets cache keeps at least base rates until it is warm.
    Boost,
    /// In rounds of bounded size.
    Gradual,
}

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
    base: Resources,
    directory: PathBuf,
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

/// A spec that cannot be used: which, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is no TOML, lacks a field, or has one that is unknown; the text shows the line.
    #[error("{}: {problem}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// A field has a value that makes no sense.
    #[error("{}: {place}: {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The field, as `tenant t1: workload`.
        place: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// The scale makes something vanish.
    #[error("scale {scale}: {problem}")]
    Scale {
        /// The scale.
        scale: Scale,
        /// What is too small at it.
        problem: String,
    },
}

impl Policy {
    /// Every policy, in the order of figures.
    pub const ALL: [Self; 6] =
        [Self::Static, Self::NonPartitioned, Self::Drf, Self::Memshare, Self::Hare, Self::Ours];

    /// Its name in specs, files and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Drf => "drf",
            Self::Memshare => "memshare",
            Self::Hare => "hare",
            Self::Ours => "ours",
            Self::NonPartitioned => "non-partitioned",
        }
    }
}

impl Engine {
    /// Its name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sim => "sim",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|policy| policy.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|policy| policy.name()).collect();
            format!("no policy `{name}`; there are {}", names.join(", "))
        })
    }
}

impl Spec {
    /// Reads and checks a spec.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let text = fs::read_to_string(path)
            .map_err(|source| SpecError::File { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a spec; `path` is where it is from, for errors and for the traces it names.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SpecError> {
        let raw: RawSpec = toml::from_str(text).map_err(|error| SpecError::Toml {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        let spec = Reader { path }.spec(raw, text)?;
        for point in 0..spec.points() {
            spec.at(point, Scale::FULL)?;
        }
        Ok(spec)
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
        let reader = Reader { path: &self.directory.join(format!("{}.toml", self.name)) };
        let mut tenants = Vec::new();
        for raw in &self.tenants {
            for number in 1..=raw.count {
                let name = if raw.count == 1 {
                    raw.name.clone()
                } else {
                    format!("{}-{number}", raw.name)
                };
                tenants.push(self.tenant(&reader, raw, name, point, scale)?);
            }
        }
        Ok(tenants)
    }

    fn tenant(
        &self,
        reader: &Reader<'_>,
        raw: &RawTenant,
        name: String,
        point: usize,
        scale: Scale,
    ) -> Result<Tenant, SpecError> {
        let place = |field: &str| format!("tenant {}: {field}", raw.name);
        let base = match &raw.base {
            Some(base) => reader.share(base, &place("base"))?,
            None => self.base,
        };
        let traffic = match (&raw.workload, &raw.trace) {
            (Some(text), None) => {
                let text = match &self.vary {
                    Some(vary) => text.replace(&format!("{{{}}}", vary.name), &vary.values[point]),
                    None => text.clone(),
                };
                let workload: Workload = text
                    .parse()
                    .map_err(|error| reader.value(&place("workload"), &format!("{error}")))?;
                Traffic::Workload(scale.workload(&workload)?)
            }
            (None, Some(trace)) => {
                let path = self.directory.join(trace);
                if !path.is_file() {
                    let problem = format!("there is no file {}", path.display());
                    return Err(reader.value(&place("trace"), &problem));
                }
                Traffic::Trace(path)
            }
            _ => return Err(reader.value(&place("workload"), "give either workload or trace")),
        };
        let time = |field: &str, text: &Option<String>| {
            let parse = |text: &String| reader.duration(&place(field), text);
            text.as_ref().map(parse).transpose()
        };
        let arrives = time("arrives", &raw.arrives)?.unwrap_or_default();
        let leaves = time("leaves", &raw.leaves)?;
        if leaves.is_some_and(|leaves| leaves <= arrives) {
            return Err(reader.value(&place("leaves"), "it leaves before it arrives"));
        }
        Ok(Tenant {
            name,
            traffic,
            base: scale.share(base)?,
            arrives,
            leaves,
            rate_per_s: raw.rate.map(|rate| scale.rate(rate)),
        })
    }
}

/// Turns what is written into what is meant; knows the file, for errors.
struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn value(&self, place: &str, problem: &str) -> SpecError {
        let (path, place, problem) = (self.path.to_owned(), place.to_owned(), problem.to_owned());
        SpecError::Value { path, place, problem }
    }

    fn spec(&self, raw: RawSpec, text: &str) -> Result<Spec, SpecError> {
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if raw.name.is_empty() || !raw.name.chars().all(is_name_char) {
            return Err(self.value("name", "use letters, digits, - and _; it names a directory"));
        }
        let policies = self.policies(&raw.policies)?;
        self.tenant_names(&raw.tenants)?;
        if raw.clients.connections == 0 || raw.clients.depth == 0 {
            return Err(self.value("clients", "connections and depth are at least 1"));
        }
        let allocator = Allocator {
            every: raw
                .allocator
                .every
                .as_ref()
                .map(|text| self.duration("allocator: every", text))
                .transpose()?,
            apply: self.apply(&raw.allocator.apply)?,
            threshold: self.ratio("allocator: threshold", raw.allocator.threshold)?,
            smoothing: raw.allocator.smoothing.max(1),
            curve_max: raw.allocator.curve_max,
        };
        if !(1.0..=1024.0).contains(&allocator.curve_max) {
            return Err(self.value("allocator: curve_max", "a factor from 1 to 1024"));
        }
        let comes_or_goes =
            |tenant: &RawTenant| tenant.arrives.is_some() || tenant.leaves.is_some();
        if allocator.every.is_none() && raw.tenants.iter().any(comes_or_goes) {
            let problem = "tenants come and go only where decisions are periodic; set it";
            return Err(self.value("allocator: every", problem));
        }
        let vary =
            raw.vary.map(|vary| Vary { name: vary.name, label: vary.label, values: vary.values });
        if vary.as_ref().is_some_and(|vary| vary.values.is_empty()) {
            return Err(self.value("vary: values", "it is empty; leave [vary] out instead"));
        }
        Ok(Spec {
            name: raw.name,
            title: raw.title,
            shows: raw.shows,
            paper: raw.paper,
            policies,
            connections: raw.clients.connections,
            depth: raw.clients.depth,
            learn: self.duration("time: learn", &raw.time.learn)?,
            settle: self.duration("time: settle", &raw.time.settle)?,
            measure: self.duration("time: measure", &raw.time.measure)?,
            allocator,
            vary,
            base: self.share(&raw.base, "base")?,
            tenants: raw.tenants,
            directory: self.path.parent().unwrap_or(Path::new("")).to_owned(),
            text: text.to_owned(),
        })
    }

    fn policies(&self, names: &[String]) -> Result<Vec<Policy>, SpecError> {
        let mut policies = vec![Policy::Static];
        for name in names {
            let policy =
                name.parse().map_err(|problem: String| self.value("policies", &problem))?;
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
        policies.sort_by_key(|policy| Policy::ALL.iter().position(|other| other == policy));
        Ok(policies)
    }

    fn tenant_names(&self, tenants: &[RawTenant]) -> Result<(), SpecError> {
        let mut names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.value(&format!("tenant {}", twice[0]), "the name is used twice"));
        }
        let all: usize = tenants.iter().map(|tenant| tenant.count as usize).sum();
        if all == 0 || all > MOST_TENANTS {
            let problem = format!("{all} in all; there may be 1 to {MOST_TENANTS}");
            return Err(self.value("tenant", &problem));
        }
        Ok(())
    }

    fn share(&self, raw: &RawShare, place: &str) -> Result<Resources, SpecError> {
        let bytes = |field: &str, text: &str| {
            quantity::bytes(text)
                .map_err(|problem| self.value(&format!("{place}: {field}"), &problem))
        };
        let rate = |field: &str, rate: f64| {
            if rate > 0.0 && rate.is_finite() {
                return Ok(rate);
            }
            Err(self.value(&format!("{place}: {field}"), "a rate per second above 0"))
        };
        let net = raw.net.strip_suffix("/s").unwrap_or(&raw.net);
        Ok(Resources {
            cache_bytes: bytes("cache", &raw.cache)?,
            read_units_per_s: rate("read_units", raw.read_units)?,
            write_units_per_s: rate("write_units", raw.write_units)?,
            net_bytes_per_s: bytes("net", net)? as f64,
        })
    }

    fn apply(&self, name: &str) -> Result<Apply, SpecError> {
        match name {
            "direct" => Ok(Apply::Direct),
            "boost" => Ok(Apply::Boost),
            "gradual" => Ok(Apply::Gradual),
            _ => Err(self.value("allocator: apply", "direct, boost or gradual")),
        }
    }

    fn ratio(&self, place: &str, ratio: f64) -> Result<f64, SpecError> {
        if (0.0..=1.0).contains(&ratio) {
            return Ok(ratio);
        }
        Err(self.value(place, "a number from 0 to 1"))
    }

    fn duration(&self, place: &str, text: &str) -> Result<Duration, SpecError> {
        parse_duration(text).map_err(|problem| self.value(place, &problem))
    }
}
