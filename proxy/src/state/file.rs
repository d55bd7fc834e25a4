//! The state file itself: private, and replaced as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::Mutex;

use super::{FILE, SavedState};
use crate::config::ConfigError;

/// Why the state of an earlier run cannot be used, or this run's not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StateError {
    /// It cannot be read.
    #[error(
        "cannot read {path}: {source}; make it readable for this user, or delete it to start from the configuration"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is not ours, or damaged.
    #[error(
        "{path} is damaged: {source}; restore it from a copy, or delete it to start from the configuration"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It comes from another release.
    #[error(
        "{path} has version {found} and this hopperkv reads {known}; use the release that wrote it, or delete it to start from the configuration"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// What it says does not fit the configuration.
    #[error(
        "{path}: {what} does not fit the configuration any more: {source}; change the configuration, or delete the entry"
    )]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The entry.
        what: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}; free space or make the directory writable")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The state and its file. A change is in the file before it counts.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    state: Mutex<SavedState>,
}

impl StateFile {
    /// The state as it was loaded from `data_dir`.
    pub(crate) fn new(data_dir: &Path, state: SavedState) -> Self {
        Self { path: data_dir.join(FILE), state: Mutex::new(state) }
    }

    /// Changes the state and saves it.
    ///
    /// # Errors
    /// The file cannot be written; the state is as before.
    pub(crate) async fn update(
        &self,
        change: impl FnOnce(&mut SavedState),
    ) -> Result<(), StateError> {
        let mut state = self.state.lock().await;
        let mut changed = state.clone();
        change(&mut changed);
        if changed == *state {
            return Ok(());
        }
        let (path, to_save) = (self.path.clone(), changed.clone());
        let saved = tokio::task::spawn_blocking(move || save(&path, &to_save)).await;
        let saved = saved.unwrap_or_else(|lost| Err(io::Error::other(lost)));
        saved.map_err(|source| StateError::Unwritable { path: self.path.clone(), source })?;
        *state = changed;
        Ok(())
    }
}

/// The file's text; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<String>, StateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // Whatever stands where the directory should be is the data directory's lock to complain of.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(source) => Err(StateError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Written beside, synced, then renamed over: a crash leaves the old file or the new one.
fn save(path: &Path, state: &SavedState) -> io::Result<()> {
    let text = serde_json::to_string_pretty(state)?;
    let beside = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    // It holds password digests and Redis URLs.
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
