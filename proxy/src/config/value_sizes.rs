//! `[storage] value_sizes`: which synthetic values are how large.

use std::fmt;
use std::str::FromStr;

use super::quantity::Bytes;

/// Sizes of synthetic values by the offset of their keys; empty if all are of one size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueSizes {
    /// First offset and size, by offset.
    from: Vec<(u64, u64)>,
}

impl ValueSizes {
    /// First offset and size in bytes of every stretch, by offset.
    pub fn stretches(&self) -> &[(u64, u64)] {
        &self.from
    }
}

impl FromStr for ValueSizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut from: Vec<(u64, u64)> = Vec::new();
        for part in text.split(',') {
            let bad = || {
                format!(
                    "has `{}`; write \"OFFSET: SIZE, OFFSET: SIZE\", for example \"0: 500B, 6000000: 2kB\"",
                    part.trim()
                )
            };
            let (offset, size) = part.split_once(':').ok_or_else(bad)?;
            let offset = offset.trim().parse().map_err(|_| bad())?;
            let size: Bytes = size.trim().parse().map_err(|_| bad())?;
            if size.0 == 0 || size.0 > super::storage::ITEM_BYTES_MAX {
                let most = Bytes(super::storage::ITEM_BYTES_MAX);
                return Err(format!("has the size {size}; values have 1 to {most}"));
            }
            if from.last().is_some_and(|(last, _)| *last >= offset) {
                return Err(format!(
                    "has the offset {offset} after one that is not smaller; put them in order"
                ));
            }
            from.push((offset, size.0));
        }
        Ok(Self { from })
    }
}

impl fmt::Display for ValueSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (offset, size)) in self.from.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{offset}: {}", Bytes(*size))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ValueSizes;

    #[test]
    fn stretches_are_read_and_printed() {
        let sizes: ValueSizes = "0: 500B,6000000:2kB".parse().unwrap();
        assert_eq!(sizes.stretches(), [(0, 500), (6_000_000, 2000)]);
        assert_eq!(sizes.to_string().parse(), Ok(sizes));
        for (bad, part) in [
            ("", "has ``"),
            ("500", "OFFSET: SIZE"),
            ("0: many", "`0: many`"),
            ("x: 5", "`x: 5`"),
            ("0: 500, 0: 600", "in order"),
            ("9: 1MiB", "values have 1 to"),
        ] {
            let error = bad.parse::<ValueSizes>().unwrap_err();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
