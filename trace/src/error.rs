//! What keeps a trace from being read.

use std::io;
use std::path::PathBuf;

/// Why a trace could not be opened or read on.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file could not be opened.
    #[error(
        "{}: {source}; name a CSV trace (plain, gzip or zstd), or - for standard input",
        path.display()
    )]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The first line is none of the known layouts, a line that must parse does not, or the file is
    /// damaged.
    #[error("trace {name}: {problem}")]
    Content {
        /// The trace's file name, or `-` for standard input.
        name: String,
        /// What is wrong, where, and what was expected.
        problem: String,
    },
}
