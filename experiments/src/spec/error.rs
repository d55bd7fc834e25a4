//! What is said of a spec that cannot be used.

use std::path::PathBuf;

use super::Scale;

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
