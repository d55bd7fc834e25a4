//! The live engine: Redis servers, a proxy and load on this machine, at a scale that it can carry.
//!
//! A run starts a proxy of its own, with a Redis server for each tenant, fills the caches at raised rates, lets everybody
//! learn at base shares, has the proxy decide, fills the caches again, and measures. Every value that comes back is checked.
//! The proxy, and with it its Redis servers, is ended with the run, however the run ends.
//!
//! Reading order: `cast` (who is who), `proxy` (the server), `fill` (caches), `drive` (load), `watch` (the server's
//! counters), `servers` (whether a Redis was lost), `recorder` (what clients saw), `processor` (whether the machine kept up), `course` (a run), `account` (what
//! came of it).

mod account;
mod cast;
mod course;
mod drive;
mod fill;
mod processor;
mod proxy;
mod recorder;
mod servers;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hopperkv_bench::error::LoadError;
use hopperkv_bench::stop::Stop;

use crate::outcome::Outcome;
use crate::runner::Settings;
use crate::spec::{Engine, Policy, Spec, SpecError};
use cast::Cast;

/// Tenants that one machine can have a Redis server for, and connections to.
const MOST_TENANTS: usize = 64;

/// What a live run needs besides its spec.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The `hopperkv` program.
    pub server: PathBuf,
    /// What is behind the caches.
    pub storage: Storage,
}

/// What is behind the caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// A fixed latency and computed values.
    Synthetic {
        /// Time every operation takes.
        latency: Duration,
    },
    /// The engine within the proxy; its files are removed after the run.
    Embedded,
    /// A DynamoDB endpoint. Tables named `hopperkv-experiment-...` are created there, and stay.
    Endpoint {
        /// Its URL.
        url: String,
    },
}

/// Why a live run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The spec does not hold at this scale.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The spec asks for what a live run does not have.
    #[error("{0}")]
    Unable(String),
    /// The proxy, a load or the connection between them failed.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A tenant was served something wrong.
    #[error("tenant {tenant} was served wrongly: {words}")]
    Wrong {
        /// Its name.
        tenant: String,
        /// The first that was wrong.
        words: String,
    },
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
}

/// Runs one point of a spec under a policy.
///
/// # Errors
/// If the spec asks for what cannot be had live, the proxy fails, a value is wrong, or `stop` is raised.
pub async fn run(
    spec: &Spec,
    point: usize,
    policy: Policy,
    settings: &Settings,
    setup: &Setup,
    stop: &Stop,
) -> Result<Outcome, LiveError> {
    let begun = Instant::now();
    let tenants = spec.at(point, settings.scale)?;
    let cast = Cast::of(&tenants, policy, &setup.storage)?;
    let proxy = proxy::Proxy::start(spec, policy, settings, setup, &cast).await?;
    let length = spec.length(&tenants);
    let (cast, proxy) = (&cast, proxy);
    let course =
        course::Course { spec, length, policy, settings, setup, cast, proxy: &proxy, stop };
    let ran = course.run().await;
    // Gracefully, so that it takes the Redis servers it started with it.
    let stopped = proxy.stop().await;
    let record = match (ran, stopped) {
        (Err(_), _) if stop.is_raised() => return Err(LiveError::Stopped),
        // A connection that broke says little; how the server ended says why.
        (Err(LiveError::Load(error)), Err(stopped)) => {
            return Err(LoadError::Server(format!("{error}; {stopped}")).into());
        }
        (Err(error), _) => return Err(error),
        (Ok(record), stopped) => {
            stopped?;
            record
        }
    };
    let (tenants, decisions) = account::of(&tenants, cast, &record);
    Ok(Outcome {
        spec: spec.name.clone(),
        point,
        point_label: spec.point_label(point).to_owned(),
        policy,
        engine: Engine::Live,
        scale: settings.scale.factor(),
        seed: settings.seed,
        fingerprint: String::new(),
        measured_s: record.measured.as_secs_f64(),
        wall_s: begun.elapsed().as_secs_f64(),
        tenants,
        decisions,
        notes: record.notes,
    })
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synthetic { latency } => {
                write!(f, "synthetic {} ms", latency.as_secs_f64() * 1e3)
            }
            Self::Embedded => f.write_str("embedded"),
            Self::Endpoint { url } => f.write_str(url),
        }
    }
}

impl FromStr for Storage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "synthetic" => Ok(Self::Synthetic { latency: Duration::from_millis(5) }),
            "embedded" => Ok(Self::Embedded),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Endpoint { url: url.to_owned() })
            }
            _ => Err(format!(
                "`{text}` is neither synthetic nor embedded nor a URL such as http://127.0.0.1:8000"
            )),
        }
    }
}
