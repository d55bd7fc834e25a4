//! Counts that were recorded in a file of the repository, to tell whether today's are worse.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LoadError;

/// How much more than recorded is a regression: several times what runs of the same program differ by.
pub(super) const MARGIN: f64 = 0.15;

/// Counts per build profile.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Recorded(BTreeMap<String, Counts>);

/// The counts of one profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// When.
    date: String,
    /// With which compiler.
    rustc: String,
    /// Instructions per hit, by what was counted.
    per_hit: BTreeMap<String, f64>,
}

impl Counts {
    pub(super) fn new(date: &str, rustc: &str, per_hit: &[(String, f64)]) -> Self {
        let per_hit = per_hit.iter().map(|(name, count)| (name.clone(), count.round())).collect();
        Self { date: date.to_owned(), rustc: rustc.to_owned(), per_hit }
    }
}

impl Recorded {
    /// Reads the file; one that does not exist has no counts.
    ///
    /// # Errors
    /// If it cannot be read or is not what [`Recorded::write`] writes.
    pub(super) fn read(path: &Path) -> Result<Self, LoadError> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| LoadError::Usage(format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LoadError::File { path: path.to_owned(), source }),
        }
    }

    /// Puts the counts of a profile in the place of what was recorded of it, and writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(
        &mut self,
        path: &Path,
        profile: &str,
        counts: Counts,
    ) -> Result<(), LoadError> {
        self.0.insert(profile.to_owned(), counts);
        let text = serde_json::to_string_pretty(&self.0)
            .map_err(|error| LoadError::Bench(error.to_string()))?;
        fs::write(path, text + "\n")
            .map_err(|source| LoadError::File { path: path.to_owned(), source })
    }

    /// Says what a count is beside the recorded one, and whether it is a regression.
    pub(super) fn judge(&self, profile: &str, name: &str, count: f64) -> (String, bool) {
        let known = self.0.get(profile);
        let Some((counts, &recorded)) =
            known.and_then(|counts| counts.per_hit.get(name).map(|recorded| (counts, recorded)))
        else {
            return (format!("{name}: {count:.0} instructions per hit; none recorded"), false);
        };
        let change = (count / recorded - 1.0) * 100.0;
        let worse = count > recorded * (1.0 + MARGIN);
        let verdict = if worse {
            format!("a REGRESSION: the limit is {:+.0} %", MARGIN * 100.0)
        } else {
            String::from("fine")
        };
        let Counts { date, rustc, .. } = counts;
        let text = format!(
            "{name}: {count:.0} instructions per hit, recorded {recorded:.0} ({date}, {rustc}): {change:+.1} %, {verdict}"
        );
        (text, worse)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Recorded};

    #[test]
    fn what_is_written_is_read_and_other_profiles_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("instructions.json");
        for (profile, count) in [("dev", 100.4), ("release", 50.0), ("dev", 200.0)] {
            let counts = Counts::new("2026-11-22", "rustc 1", &[("pipeline 1".to_owned(), count)]);
            Recorded::read(&path).unwrap().write(&path, profile, counts).unwrap();
        }
        let recorded = Recorded::read(&path).unwrap();
        let judge = |profile, count| recorded.judge(profile, "pipeline 1", count);
        assert_eq!(
            judge("dev", 210.0).0,
            "pipeline 1: 210 instructions per hit, recorded 200 (2026-11-22, rustc 1): +5.0 %, fine"
        );
        assert!(!judge("dev", 229.0).1 && judge("dev", 231.0).1);
        assert!(judge("release", 58.0).1 && !judge("release", 10.0).1);
        assert!(!judge("other", 1e9).1, "nothing to compare with");
        std::fs::write(&path, "[]").unwrap();
        assert!(Recorded::read(&path).unwrap_err().to_string().contains("instructions.json"));
    }
}
