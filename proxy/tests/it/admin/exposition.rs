//! A strict reader of the Prometheus text format (0.0.4).

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// A scrape, checked.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    /// Reads and checks a scrape.
    ///
    /// # Panics
    /// Where the text breaks a rule of the format.
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut family: Option<String> = None;
        let mut closed = BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "HELP twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "no HELP before {line}");
                closed.extend(family.replace(name.to_owned()));
                assert!(!closed.contains(name), "a family in two places: {line}");
                let twice = scrape.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twice, None, "TYPE twice: {line}");
            } else {
                assert!(!line.starts_with('#'), "{line}");
                let (name, labels, value) = sample(line);
                let family = family.as_deref().unwrap_or_else(|| panic!("no TYPE before {line}"));
                assert!(scrape.belongs(&name, family), "{line} is among {family}");
                let twice = scrape.samples.insert((name, labels), value);
                assert_eq!(twice, None, "twice: {line}");
            }
        }
        assert_eq!(helped, scrape.kinds.keys().cloned().collect(), "HELP and TYPE go together");
        scrape.check_values();
        scrape
    }

    /// The value of one series.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let key = (name.to_owned(), labels);
        *self.samples.get(&key).unwrap_or_else(|| panic!("no {key:?}"))
    }

    /// The value of one series that is a whole number.
    ///
    /// # Panics
    /// If it is not, or there is none.
    pub(super) fn whole(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.value(name, labels).to_string().parse().unwrap()
    }

    /// Names of the families, with their types.
    pub(super) fn families(&self) -> &BTreeMap<String, String> {
        &self.kinds
    }

    fn belongs(&self, name: &str, family: &str) -> bool {
        match self.kinds[family].as_str() {
            "histogram" => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|suffix| name.strip_suffix(suffix) == Some(family)),
            _ => name == family,
        }
    }

    fn check_values(&self) {
        for ((name, labels), value) in &self.samples {
            let is_counter = self.kinds.get(name).is_some_and(|kind| kind == "counter");
            assert_eq!(is_counter, name.ends_with("_total"), "{name}");
            if is_counter {
                assert!(*value >= 0.0 && value.fract() == 0.0, "{name}{labels:?} {value}");
            }
        }
        for (family, _) in self.kinds.iter().filter(|(_, kind)| *kind == "histogram") {
            self.check_histogram(family);
        }
    }

    fn check_histogram(&self, family: &str) {
        let of = |suffix: &str| {
            let name = format!("{family}_{suffix}");
            self.samples.iter().filter(move |((n, _), _)| *n == name)
        };
        let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for ((_, labels), count) in of("bucket") {
            let mut labels = labels.clone();
            let bound = number(&labels.remove("le").expect("a bucket has a bound"));
            series.entry(labels).or_default().push((bound, *count));
        }
        assert!(!series.is_empty());
        assert_eq!(series.len(), of("sum").count());
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{labels:?}: {buckets:?}");
            let (bound, all) = buckets.last().copied().unwrap();
            assert!(bound.is_infinite());
            let key = (format!("{family}_count"), labels);
            assert!((self.samples[&key] - all).abs() < 0.5, "{key:?}");
        }
    }
}

/// `name{label="value",...} number`, with nothing else on the line.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, Labels::new()),
        Some((name, rest)) => {
            let inside = rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
            (name, inside.split(',').map(|label| pair(label, line)).collect())
        }
    };
    assert!(is_name(name) && name.starts_with("hopperkv_"), "{line}");
    (name.to_owned(), labels, number(value))
}

/// `label="value"`; no value of ours needs an escape or holds a comma.
fn pair(label: &str, line: &str) -> (String, String) {
    let (name, quoted) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
    let value = quoted.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    let value = value.unwrap_or_else(|| panic!("{line}"));
    assert!(is_name(name) && !name.contains(':') && !value.contains(['"', '\\']), "{line}");
    (name.to_owned(), value.to_owned())
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => text.parse().unwrap_or_else(|_| panic!("{text} is no number")),
    }
}
