//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

/// Where in a configuration file something stands. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// The line, if the problem has one (an unreadable file has none).
    pub line: Option<(usize, usize)>,
}

/// One thing that is wrong; displays as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands; `None` for input that is not a file, such as an admin API request.
    pub place: Option<Place>,
    /// The field at fault, where one field is.
    pub field: Option<String>,
    /// What is wrong and the fix.
    pub message: String,
}

/// A configuration that cannot be used: every problem found, one line each.
///
/// The program prints it and exits with code 2 before anything is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// The problems, in the order they stand in the file; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        Self { problems }
    }

    /// A file that could not even be read.
    pub(super) fn unreadable(file: &str, message: String) -> Self {
        let place = Some(Place { file: file.to_owned(), line: None });
        Self { problems: vec![Problem { place, field: None, message }] }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.file),
            None => f.write_str(&self.file),
        }
    }
}
