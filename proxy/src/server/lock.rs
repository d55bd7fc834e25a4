//! One proxy per data directory: two would start each other's Redis and storage.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Holds the directory until dropped; the system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    _file: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// It cannot be made or written.
    #[error(
        "cannot use the data directory {path}: {source}; set [server] data_dir to a directory that can be written"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Somebody else is at work in it.
    #[error(
        "another hopperkv uses the data directory {path}; stop it, or set [server] data_dir to another directory"
    )]
    Taken {
        /// The directory.
        path: PathBuf,
    },
}

impl DataDirLock {
    /// Makes the directory if need be and takes it.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(unusable)?;
        let file = File::create(path.join("lock")).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Taken { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}
