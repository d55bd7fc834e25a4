//! A tenant's terms: its part of an improvement, and the least and the most it may be given.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use hare::{Bounds, Rates, Resources};
use serde::{Deserialize, Serialize};

use super::quantity::{Bytes, BytesPerSecond, Quantity, UnitsPerSecond};
use super::raw::RawTenant;
use super::scalar::Scalar;
use super::section::Section;
use super::tenant::{CACHE_BYTES_MAX, NET_BYTES_PER_S_MAX, UNITS_PER_S_MAX};

/// The most a tenant can weigh.
const WEIGHT_MAX: f64 = 1000.0;

/// A tenant's part of an improvement, and the least and the most it may be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Improvement over base relative to a tenant of weight 1, 0..=1000; 0 leaves it at its base throughput.
    pub weight: f64,
    /// What the allocator keeps its share within; the base share always lies inside.
    pub bounds: Bounds,
}

impl Default for Terms {
    fn default() -> Self {
        Self { weight: 1.0, bounds: Bounds::default() }
    }
}

/// `min` or `max` of a tenant as it was written: some of the four resources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Scalar>")]
pub struct RawBound {
    /// Cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Scalar>,
    /// Read units per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_units: Option<Scalar>,
    /// Write units per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_units: Option<Scalar>,
    /// Bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net: Option<Scalar>,
}

impl RawBound {
    /// What may be written in it.
    pub const FIELDS: [&'static str; 4] = ["cache", "read_units", "write_units", "net"];

    /// How it is written, for messages.
    pub(super) const EXAMPLE: &'static str = r#"{ cache = "64MiB", read_units = 100 }"#;
}

// A table only: the derived reader would take an array as well, field by field.
impl TryFrom<BTreeMap<String, Scalar>> for RawBound {
    type Error = String;

    fn try_from(mut fields: BTreeMap<String, Scalar>) -> Result<Self, String> {
        let [cache, read_units, write_units, net] = Self::FIELDS.map(|field| fields.remove(field));
        match fields.into_keys().next() {
            None => Ok(Self { cache, read_units, write_units, net }),
            Some(name) => {
                Err(format!("unknown field `{name}`; its fields are {}", Self::FIELDS.join(", ")))
            }
        }
    }
}

impl Terms {
    /// The raw forms of `min` and `max` that read back as these bounds; `None` for one that bounds nothing.
    pub(super) fn raw_bounds(&self) -> [Option<RawBound>; 2] {
        let none = Bounds::default();
        let Bounds { min, max } = self.bounds;
        [(min, none.min), (max, none.max)].map(|(bound, none)| {
            let raw = RawBound {
                cache: given(Bytes(bound.cache_bytes), Bytes(none.cache_bytes)),
                read_units: given(
                    UnitsPerSecond(bound.read_units_per_s),
                    UnitsPerSecond(none.read_units_per_s),
                ),
                write_units: given(
                    UnitsPerSecond(bound.write_units_per_s),
                    UnitsPerSecond(none.write_units_per_s),
                ),
                net: given(
                    BytesPerSecond(bound.net_bytes_per_s),
                    BytesPerSecond(none.net_bytes_per_s),
                ),
            };
            (raw != RawBound::default()).then_some(raw)
        })
    }
}

/// Reads the terms of a tenant; bounds are held against `base` unless that is itself wrong.
pub(super) fn read(raw: &RawTenant, base: Option<&Resources>, section: &mut Section<'_>) -> Terms {
    let all = Bounds::default();
    let (floor, roof) = (raw.min.clone().unwrap_or_default(), raw.max.clone().unwrap_or_default());
    let mut reader = Reader { section, is_base_known: base.is_some() };
    let base = base.copied().unwrap_or_default();
    let units = UnitsPerSecond(0.0)..=UNITS_PER_S_MAX;
    let cache = reader.pair(
        "cache",
        (floor.cache.as_ref(), roof.cache.as_ref()),
        Bytes(base.cache_bytes),
        Bytes(0)..=Bytes(CACHE_BYTES_MAX),
        Bytes(all.max.cache_bytes),
    );
    let read_units = reader.pair(
        "read_units",
        (floor.read_units.as_ref(), roof.read_units.as_ref()),
        UnitsPerSecond(base.read_units_per_s),
        units.clone(),
        UnitsPerSecond(all.max.read_units_per_s),
    );
    let write_units = reader.pair(
        "write_units",
        (floor.write_units.as_ref(), roof.write_units.as_ref()),
        UnitsPerSecond(base.write_units_per_s),
        units,
        UnitsPerSecond(all.max.write_units_per_s),
    );
    let net = reader.pair(
        "net",
        (floor.net.as_ref(), roof.net.as_ref()),
        BytesPerSecond(base.net_bytes_per_s),
        BytesPerSecond(0.0)..=NET_BYTES_PER_S_MAX,
        BytesPerSecond(all.max.net_bytes_per_s),
    );
    let side =
        |(cache, reads, writes, net): (Bytes, UnitsPerSecond, UnitsPerSecond, BytesPerSecond)| {
            let rates = Rates {
                read_units_per_s: reads.0,
                write_units_per_s: writes.0,
                net_bytes_per_s: net.0,
            };
            Resources::new(cache.0, rates)
        };
    Terms {
        weight: section.number("weight", raw.weight.as_ref(), 1.0, 0.0..=WEIGHT_MAX),
        bounds: Bounds {
            min: side((cache.0, read_units.0, write_units.0, net.0)),
            max: side((cache.1, read_units.1, write_units.1, net.1)),
        },
    }
}

struct Reader<'s, 'a> {
    section: &'s mut Section<'a>,
    is_base_known: bool,
}

impl Reader<'_, '_> {
    /// The least and the most of one resource, with `base` between them.
    fn pair<Q: Quantity>(
        &mut self,
        field: &str,
        (min, max): (Option<&Scalar>, Option<&Scalar>),
        base: Q,
        range: RangeInclusive<Q>,
        uncapped: Q,
    ) -> (Q, Q) {
        let (min_field, max_field) = (format!("min.{field}"), format!("max.{field}"));
        let least = self.section.quantity(&min_field, min, *range.start(), range.clone());
        let most = self.section.quantity(&max_field, max, uncapped, range);
        // A maximum that is wrong reads as none, a minimum as nothing; neither is complained of twice.
        if self.is_base_known && least > base {
            let what = format!(
                "is above the base share, {field} = \"{base}\"; lower it, or raise {field}"
            );
            self.section.reject_value(&min_field, format!("\"{least}\""), what);
        }
        if self.is_base_known && most < base {
            let what = format!(
                "is below the base share, {field} = \"{base}\"; raise it, or lower {field}"
            );
            self.section.reject_value(&max_field, format!("\"{most}\""), what);
        }
        (least, most)
    }
}

/// An amount, unless it bounds nothing.
fn given<Q: fmt::Display + PartialEq>(amount: Q, nothing: Q) -> Option<Scalar> {
    (amount != nothing).then(|| Scalar::Text(amount.to_string()))
}

#[cfg(test)]
mod tests {
    use hare::{Bounds, Rates};

    use std::path::Path;

    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Terms;
    use crate::config::{Config, RawTenant, Secret, TenantConfig};

    /// The first demo tenant (64 MiB, 1,000 units, 50 MB/s) changed by a request's body.
    fn changed(body: &str) -> Result<TenantConfig, Vec<String>> {
        let config = Config::demo();
        let raw: RawTenant = serde_json::from_str(body).map_err(|e| vec![e.to_string()])?;
        let raw = raw.over(config.tenants[0].to_raw());
        raw.validate(&config.tenant_rules(), &|_| None, &config.tenants[1..])
            .map_err(|error| error.problems().iter().map(|p| p.message.clone()).collect())
    }

    #[test]
    fn terms_are_read_saved_and_removed() {
        assert_eq!(changed("{}").unwrap().terms, Terms::default());
        let body = r#"{"weight": 2.5, "min": {"cache": "32MiB", "read_units": 62.5},
                       "max": {"cache": "1GiB", "write_units": "2k", "net": "50MB/s"}}"#;
        let tenant = changed(body).unwrap();
        let Terms { weight, bounds: Bounds { min, max } } = tenant.terms;
        assert!((weight - 2.5).abs() < 1e-12);
        assert_eq!((min.cache_bytes, max.cache_bytes), (32 << 20, 1 << 30));
        let rates = |read_units_per_s, write_units_per_s, net_bytes_per_s| Rates {
            read_units_per_s,
            write_units_per_s,
            net_bytes_per_s,
        };
        assert_eq!(min.rates(), rates(62.5, 0.0, 0.0));
        assert_eq!(max.rates(), rates(f64::INFINITY, 2000.0, 50e6));

        let json = serde_json::to_string(&tenant.to_raw()).unwrap();
        assert_eq!(changed(&json).unwrap(), tenant, "{json}");
        // A bound that is given replaces the earlier one whole.
        let raw: RawTenant = serde_json::from_str(r#"{"min": {}}"#).unwrap();
        let config = Config::demo();
        let raw = raw.over(tenant.to_raw());
        let lifted = raw.validate(&config.tenant_rules(), &|_| None, &[]).unwrap();
        assert_eq!(lifted.terms.bounds, Bounds { min: Bounds::default().min, max });
    }

    proptest! {
        #[test]
        fn whatever_the_terms_are_they_read_back_from_state_and_from_print(
            weight in 0.0..1000.0_f64,
            cache in (0..64_u64 << 20, 64_u64 << 20..1 << 50),
            units in (0.0..1000.0_f64, 1000.0..1e9_f64),
            net in (0.0..50e6_f64, 50e6..1e13_f64),
            left_out in proptest::collection::vec(proptest::bool::ANY, 8),
        ) {
            let mut config = Config::demo();
            let none = Bounds::default();
            let (mut min, mut max) = (none.min, none.max);
            let pick = |index: usize, none: f64, some: f64| if left_out[index] { none } else { some };
            if !left_out[0] { min.cache_bytes = cache.0 }
            if !left_out[1] { max.cache_bytes = cache.1 }
            min.read_units_per_s = pick(2, 0.0, units.0);
            max.read_units_per_s = pick(3, f64::INFINITY, units.1);
            min.write_units_per_s = pick(4, 0.0, units.0);
            max.write_units_per_s = pick(5, f64::INFINITY, units.1);
            min.net_bytes_per_s = pick(6, 0.0, net.0);
            max.net_bytes_per_s = pick(7, f64::INFINITY, net.1);
            let tenant = &mut config.tenants[0];
            tenant.terms = Terms { weight, bounds: Bounds { min, max } };
            tenant.password = Some(Secret::from_plain(b"same"));
            let terms = tenant.terms;

            let json = serde_json::to_string(&tenant.to_raw()).unwrap();
            prop_assert_eq!(changed(&json).unwrap().terms, terms);
            let printed = config.to_toml().replace("***", "same");
            let read = Config::parse(&printed, Path::new("h.toml"), &|_| None).unwrap();
            prop_assert_eq!(read.tenants[0].terms, terms);
        }
    }

    #[test]
    fn what_is_wrong_names_the_bound_and_what_it_is_held_against() {
        let wrong = |body: &str| changed(body).unwrap_err();
        assert_eq!(
            wrong(r#"{"min": {"cache": "65MiB", "net": "51MB/s"}, "max": {"read_units": 999}}"#),
            [
                r#"tenant "orders" min.cache = "65MiB": is above the base share, cache = "64MiB"; lower it, or raise cache"#,
                r#"tenant "orders" max.read_units = "999": is below the base share, read_units = "1k"; raise it, or lower read_units"#,
                r#"tenant "orders" min.net = "51MB/s": is above the base share, net = "50MB/s"; lower it, or raise net"#,
            ]
        );
        assert_eq!(
            wrong(r#"{"weight": 1001, "max": {"net": true}}"#),
            [
                r#"tenant "orders" max.net = true: must be a number or a text in quotes"#,
                r#"tenant "orders" weight = 1001: is too large; the most is 1k"#,
            ]
        );
        // Only the base is complained of if it is wrong itself.
        assert_eq!(wrong(r#"{"cache": "many", "min": {"cache": "1GiB"}}"#).len(), 1);
        assert!(wrong(r#"{"cache": "32MiB", "min": {"cache": "64MiB"}}"#)[0].contains("min.cache"));
        for (body, said) in [
            (r#"{"min": {"cach": 1}}"#, "unknown field `cach`; its fields are cache, read_units"),
            (r#"{"min": 5}"#, "expected a map"),
            (r#"{"max": ["1GiB"]}"#, "expected a map"),
        ] {
            let error = wrong(body).concat();
            assert!(error.contains(said), "{error}");
        }
    }
}
