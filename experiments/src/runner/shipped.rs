//! The specs that are part of this program, and one's own.

use std::path::{Path, PathBuf};

use crate::spec::{Spec, SpecError};

/// Name and text of each, the paper's figures first.
const SHIPPED: [(&str, &str); 10] = [
    ("6a", include_str!("../../specs/6a.toml")),
    ("6b", include_str!("../../specs/6b.toml")),
    ("7", include_str!("../../specs/7.toml")),
    ("8", include_str!("../../specs/8.toml")),
    ("9", include_str!("../../specs/9.toml")),
    ("ycsb", include_str!("../../specs/ycsb.toml")),
    ("many-tenants", include_str!("../../specs/many-tenants.toml")),
    ("cliffs", include_str!("../../specs/cliffs.toml")),
    ("flash-crowd", include_str!("../../specs/flash-crowd.toml")),
    ("tenant-churn", include_str!("../../specs/tenant-churn.toml")),
];

/// Names of the specs in this program, in the order of a report.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The text of a spec in this program.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A spec that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Something is wrong with it.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It is neither the name of a spec nor a file.
    #[error(
        "there is neither a spec nor a file `{name}`; specs are {}; a file ends in .toml",
        known()
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

fn known() -> String {
    names().collect::<Vec<_>>().join(", ")
}

/// Reads and checks the spec of this name, or the one in this file. Its traces are in `traces`, else beside the file, or, for
/// a spec of this program, beside the current directory's `traces`.
///
/// # Errors
/// If there is none, or something is wrong with it.
pub fn open(name: &str, traces: Option<&Path>) -> Result<Spec, OpenError> {
    if let Some(text) = text(name) {
        return Ok(Spec::parse(text, &PathBuf::from(format!("{name}.toml")), traces)?);
    }
    let path = Path::new(name);
    if !path.exists() && path.extension().is_none_or(|extension| extension != "toml") {
        return Err(OpenError::Unknown { name: name.to_owned() });
    }
    Ok(Spec::read(path, traces)?)
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, open};

    #[test]
    fn every_spec_is_right_and_has_the_name_it_is_asked_for_by() {
        for (name, _) in SHIPPED {
            let spec = open(name, None).unwrap();
            assert_eq!(spec.name, name);
        }
        let error = open("6c", None).unwrap_err().to_string();
        assert!(error.contains("`6c`") && error.contains("6a, 6b, 7"), "{error}");
        let error = open("nowhere/x.toml", None).unwrap_err().to_string();
        assert!(error.contains("nowhere/x.toml: No such file"), "{error}");
    }
}
