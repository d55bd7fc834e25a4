//! The files that a preparation makes, and how a replay finds them again.

use std::path::{Path, PathBuf};

use crate::error::LoadError;
use crate::preload::{Fill, Preload};

/// What a cache of any size held, from the least to the most recently used: `key,val_size`.
pub const CACHE: &str = "cache.csv";
/// What the storage must hold so that the replayed part finds what it reads: `key,val_size`.
pub const PERSIST: &str = "persist.csv";
/// The replayed part: `timestamp,op,key,val_size,ttl`.
pub const REQUESTS: &str = "requests.csv";
/// What came of the preparation.
pub const NOTES: &str = "prepared.json";

/// What a replay does with the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Write the storage's, then read the cache's; of a server that is only a cache, write the cache's.
    Write,
    /// Read the cache's: the storage has, or computes, everything.
    Read,
    /// Nothing.
    None,
}

/// The files of a preparation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Image of the cache.
    pub cache: PathBuf,
    /// Image of the storage.
    pub persist: PathBuf,
    /// The replayed part.
    pub requests: PathBuf,
}

impl Parts {
    /// The files in a directory, compressed or not.
    ///
    /// # Errors
    /// If one is missing.
    pub fn find(dir: &Path) -> Result<Self, LoadError> {
        let find = |name: &str| {
            let candidates = ["", ".zst", ".gz"].map(|ending| dir.join(format!("{name}{ending}")));
            candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
                LoadError::Usage(format!(
                    "{} has no {name}; make it with hopperkv-load prepare --out {}",
                    dir.display(),
                    dir.display()
                ))
            })
        };
        Ok(Self { cache: find(CACHE)?, persist: find(PERSIST)?, requests: find(REQUESTS)? })
    }

    /// What to do before the requests.
    #[must_use]
    pub fn preloads(&self, images: Images, cache_only: bool) -> Vec<Preload> {
        match images {
            Images::None => Vec::new(),
            Images::Write if cache_only => vec![Preload::Image(self.cache.clone(), Fill::Write)],
            Images::Write => vec![
                Preload::Image(self.persist.clone(), Fill::Write),
                Preload::Image(self.cache.clone(), Fill::Read),
            ],
            Images::Read => vec![Preload::Image(self.cache.clone(), Fill::Read)],
        }
    }
}
