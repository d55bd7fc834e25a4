//! From what is written to what is meant, and what is wrong with it.

use std::path::Path;
use std::time::Duration;

use hare::Resources;
use hopperkv_bench::spec::parse_duration;

use super::raw::{RawAllocator, RawShare, RawSpec, RawTenant};
use super::{Allocator, Apply, Policy, Spec, SpecError, Vary, quantity};

/// Tenants that one spec may have.
const MOST_TENANTS: usize = 20_000;

/// Turns what is written into what is meant; knows the file, for errors.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
}

impl Reader<'_> {
    pub(super) fn value(&self, place: &str, problem: &str) -> SpecError {
        let (path, place, problem) = (self.path.to_owned(), place.to_owned(), problem.to_owned());
        SpecError::Value { path, place, problem }
    }

    pub(super) fn spec(&self, raw: RawSpec, text: &str) -> Result<Spec, SpecError> {
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if raw.name.is_empty() || !raw.name.chars().all(is_name_char) {
            return Err(self.value("name", "use letters, digits, - and _; it names a directory"));
        }
        let policies = self.policies(&raw.policies)?;
        self.tenant_names(&raw.tenants)?;
        if raw.clients.connections == 0 || raw.clients.depth == 0 {
            return Err(self.value("clients", "connections and depth are at least 1"));
        }
        let allocator = Allocator {
            every: raw
                .allocator
                .every
                .as_ref()
                .map(|text| self.duration("allocator: every", text))
                .transpose()?,
            apply: self.apply(&raw.allocator.apply)?,
            threshold: self.threshold(&raw.allocator)?,
            smoothing: raw.allocator.smoothing.max(1),
            curve_max: raw.allocator.curve_max,
        };
        if !(1.0..=1024.0).contains(&allocator.curve_max) {
            return Err(self.value("allocator: curve_max", "a factor from 1 to 1024"));
        }
        let comes_or_goes =
            |tenant: &RawTenant| tenant.arrives.is_some() || tenant.leaves.is_some();
        if allocator.every.is_none() && raw.tenants.iter().any(comes_or_goes) {
            let problem = "tenants come and go only where decisions are periodic; set it";
            return Err(self.value("allocator: every", problem));
        }
        let vary =
            raw.vary.map(|vary| Vary { name: vary.name, label: vary.label, values: vary.values });
        if vary.as_ref().is_some_and(|vary| vary.values.is_empty()) {
            return Err(self.value("vary: values", "it is empty; leave [vary] out instead"));
        }
        Ok(Spec {
            name: raw.name,
            title: raw.title,
            shows: raw.shows,
            paper: raw.paper,
            policies,
            connections: raw.clients.connections,
            depth: raw.clients.depth,
            learn: self.duration("time: learn", &raw.time.learn)?,
            settle: self.duration("time: settle", &raw.time.settle)?,
            measure: self.duration("time: measure", &raw.time.measure)?,
            allocator,
            vary,
            base: raw.base,
            tenants: raw.tenants,
            path: self.path.to_owned(),
            traces: self.path.parent().unwrap_or(Path::new("")).to_owned(),
            text: text.to_owned(),
        })
    }

    fn policies(&self, names: &[String]) -> Result<Vec<Policy>, SpecError> {
        let mut policies = vec![Policy::Static];
        for name in names {
            let policy =
                name.parse().map_err(|problem: String| self.value("policies", &problem))?;
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
        policies.sort_by_key(|policy| Policy::ALL.iter().position(|other| other == policy));
        Ok(policies)
    }

    fn tenant_names(&self, tenants: &[RawTenant]) -> Result<(), SpecError> {
        let mut names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.value(&format!("tenant {}", twice[0]), "the name is used twice"));
        }
        let all: usize = tenants.iter().map(|tenant| tenant.count as usize).sum();
        if all == 0 || all > MOST_TENANTS {
            let problem = format!("{all} in all; there may be 1 to {MOST_TENANTS}");
            return Err(self.value("tenant", &problem));
        }
        Ok(())
    }

    pub(super) fn share(&self, raw: &RawShare, place: &str) -> Result<Resources, SpecError> {
        let bytes = |field: &str, text: &str| {
            quantity::bytes(text)
                .map_err(|problem| self.value(&format!("{place}: {field}"), &problem))
        };
        let rate = |field: &str, rate: f64| {
            if rate > 0.0 && rate.is_finite() {
                return Ok(rate);
            }
            Err(self.value(&format!("{place}: {field}"), "a rate per second above 0"))
        };
        let net = raw.net.strip_suffix("/s").unwrap_or(&raw.net);
        Ok(Resources {
            cache_bytes: bytes("cache", &raw.cache)?,
            read_units_per_s: rate("read_units", raw.read_units)?,
            write_units_per_s: rate("write_units", raw.write_units)?,
            net_bytes_per_s: bytes("net", net)? as f64,
        })
    }

    fn apply(&self, name: &str) -> Result<Apply, SpecError> {
        match name {
            "direct" => Ok(Apply::Direct),
            "boost" => Ok(Apply::Boost),
            "gradual" => Ok(Apply::Gradual),
            _ => Err(self.value("allocator: apply", "direct, boost or gradual")),
        }
    }

    fn ratio(&self, place: &str, ratio: f64) -> Result<f64, SpecError> {
        if (0.0..=1.0).contains(&ratio) {
            return Ok(ratio);
        }
        Err(self.value(place, "a number from 0 to 1"))
    }

    /// Where there is one decision, it is put in place unless the spec says otherwise.
    fn threshold(&self, raw: &RawAllocator) -> Result<f64, SpecError> {
        let default = if raw.every.is_some() { 0.05 } else { 0.0 };
        self.ratio("allocator: threshold", raw.threshold.unwrap_or(default))
    }

    pub(super) fn duration(&self, place: &str, text: &str) -> Result<Duration, SpecError> {
        parse_duration(text).map_err(|problem| self.value(place, &problem))
    }
}
