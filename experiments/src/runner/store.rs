//! Outcomes as files, each whole or not there at all.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Settings;
use super::plan::Job;
use crate::outcome::Outcome;
use crate::spec::{Engine, Spec, SpecError, Traffic};

/// Part of every fingerprint; raised when outcomes of an earlier release should be made anew.
const FORMAT: &str = "1";
/// Hexadecimal digits of each half of a fingerprint.
const DIGITS: usize = 16;

/// A directory of outcomes.
#[derive(Debug, Clone)]
pub struct Store {
    out: PathBuf,
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No room.
    #[error("{}: the disk is full; make room and run the same command again: what is finished is kept", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// An outcome does not parse.
    #[error("{}: {problem}; delete it, and run its spec again", path.display())]
    Outcome {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A kept spec does not parse.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The directory has nothing to report.
    #[error("{}: there are no outcomes in it; run a spec with --out {} first", path.display(), path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Kept {
    /// The specs, by name.
    pub specs: Vec<Spec>,
    /// Their outcomes, ordered by spec, engine, point and policy.
    pub outcomes: Vec<Outcome>,
    /// Files whose spec has changed since; they are not among the outcomes.
    pub outdated: Vec<PathBuf>,
}

impl Store {
    /// The store in this directory, which need not be there yet.
    #[must_use]
    pub fn new(out: &Path) -> Self {
        Self { out: out.to_owned() }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// Where the outcome of a job is kept.
    #[must_use]
    pub fn path_of(&self, job: &Job, engine: Engine) -> PathBuf {
        let directory = self.out.join(&job.spec.name).join(engine.name());
        directory.join(format!("{}-{}.json", job.point, job.policy))
    }

    /// Keeps the spec beside its outcomes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_spec(&self, spec: &Spec) -> Result<(), StoreError> {
        self.write(&self.out.join(&spec.name).join("spec.toml"), spec.text().as_bytes())
    }

    /// The outcome of a job if it is there and of exactly this run.
    #[must_use]
    pub fn find(&self, job: &Job, engine: Engine, fingerprint: &str) -> Option<Outcome> {
        let text = fs::read_to_string(self.path_of(job, engine)).ok()?;
        let outcome: Outcome = serde_json::from_str(&text).ok()?;
        (outcome.fingerprint == fingerprint).then_some(outcome)
    }

    /// Keeps an outcome.
    ///
    /// # Errors
    /// If it cannot be written; what was there before still is.
    pub fn keep(&self, job: &Job, outcome: &Outcome) -> Result<(), StoreError> {
        let path = self.path_of(job, outcome.engine);
        let text = serde_json::to_vec_pretty(outcome).map_err(|error| StoreError::Outcome {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        self.write(&path, &text)
    }

    /// Reads everything that is kept.
    ///
    /// # Errors
    /// If a file cannot be read or does not parse, or nothing is there.
    pub fn load(&self) -> Result<Kept, StoreError> {
        let mut kept = Kept::default();
        for directory in entries(&self.out)? {
            let path = directory.join("spec.toml");
            let Some(text) = read_if_there(&path)? else { continue };
            let spec = Spec::parse_kept(&text, &path)?;
            for engine in [Engine::Live, Engine::Sim] {
                self.load_engine(&spec, engine, &mut kept)?;
            }
            kept.specs.push(spec);
        }
        if kept.outcomes.is_empty() {
            return Err(StoreError::Empty { path: self.out.clone() });
        }
        Ok(kept)
    }

    fn load_engine(&self, spec: &Spec, engine: Engine, kept: &mut Kept) -> Result<(), StoreError> {
        let directory = self.out.join(&spec.name).join(engine.name());
        let mut found = Vec::new();
        for path in entries(&directory)? {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(text) = read_if_there(&path)? else { continue };
            let outcome: Outcome = serde_json::from_str(&text).map_err(|error| {
                StoreError::Outcome { path: path.clone(), problem: error.to_string() }
            })?;
            if outcome.fingerprint.starts_with(&digest(&[spec.text()])) {
                found.push(outcome);
            } else {
                kept.outdated.push(path);
            }
        }
        found.sort_by_key(|outcome| (outcome.point, outcome.policy));
        kept.outcomes.extend(found);
        Ok(())
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<(), StoreError> {
        let directory = path.parent().unwrap_or(&self.out);
        let written = fs::create_dir_all(directory).and_then(|()| {
            let mut file = NamedTempFile::new_in(directory)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|source| match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::Full { path: path.to_owned() }
            }
            _ => StoreError::File { path: path.to_owned(), source },
        })
    }
}

/// A digest of spec, engine, scale, seed and whatever else a result hangs on; `variant` is what the engine adds.
#[must_use]
pub fn fingerprint(job: &Job, engine: Engine, settings: &Settings, variant: &str) -> String {
    let (point, scale) = (job.point.to_string(), settings.scale.factor().to_string());
    let seed = settings.seed.to_string();
    let traces = traces(job, settings);
    let parts = [FORMAT, engine.name(), &scale, &seed, &point, job.policy.name(), variant, &traces];
    format!("{}-{}", digest(&[job.spec.text()]), digest(&parts))
}

/// Which traces are there, and how large: a stand-in's outcome is not the trace's.
fn traces(job: &Job, settings: &Settings) -> String {
    let tenants = job.spec.at(job.point, settings.scale).unwrap_or_default();
    let trace = |tenant: crate::spec::Tenant| match (tenant.traffic, tenant.stands_in_for) {
        (Traffic::Trace(path), _) => {
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            Some(format!("{}:{bytes}", path.display()))
        }
        (_, Some(path)) => Some(format!("{}:stand-in", path.display())),
        _ => None,
    };
    tenants.into_iter().filter_map(trace).collect::<Vec<_>>().join("\n")
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..DIGITS].to_owned()
}

/// The paths in a directory, sorted; none if it is not there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::File { path: directory.to_owned(), source };
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let paths: Result<Vec<PathBuf>, _> =
        listed.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn read_if_there(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(StoreError::File { path: path.to_owned(), source }),
    }
}
