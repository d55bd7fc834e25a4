//! Tenants and their loads as a TOML file has them; unknown fields are refused with their line.
//!
//! ```toml
//! [defaults]                        # of every tenant that says nothing else
//! endpoint = "127.0.0.1:6380"
//! clients = 8
//! duration = "60s"
//!
//! [[tenant]]
//! name = "orders"
//! password = "env:ORDERS_PASSWORD"  # the user is the name, unless `user` says otherwise
//! workload = "ycsb:a,n=1m"
//! preload = "fill"
//! depth = 16
//!
//! [[tenant]]
//! name = "feed"
//! password = "env:FEED_PASSWORD"
//! trace = "cluster52.csv.zst"       # beside this file
//! pace = "timestamp:10"
//! ```

mod raw;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::{TenantLoad, TenantsPlan};
use crate::arrivals::{Arrivals, Rate};
use crate::client::{Credentials, Endpoint, Target};
use crate::closed_loop::Checks;
use crate::error::LoadError;
use crate::job::{Job, Traffic};
use crate::load::LoadPlan;
use crate::preload::Preload;
use crate::prepare::parts::{Images, Parts};
use crate::replay::pace::Pace;
use crate::replay::{OnNil, ReplayChecks, ReplayPlan};
use crate::spec::{Workload, parse_count, parse_duration, parse_rate};
use raw::{Number, RawFile, RawLoad};

impl TenantsPlan {
    /// Reads a file and checks all of it.
    ///
    /// # Errors
    /// A file that cannot be read, or a mistake in it: which tenant's and what to write instead, or which line.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path)
            .map_err(|source| LoadError::File { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// The same of a text; files that it names are looked for beside `path`.
    ///
    /// # Errors
    /// As [`TenantsPlan::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, LoadError> {
        let name = path.display();
        let wrong = |problem: String| LoadError::Tenants(format!("{name}: {problem}"));
        let raw: RawFile =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        if raw.tenants.is_empty() {
            return Err(wrong(String::from("no tenant; add a section [[tenant]]")));
        }
        if raw.defaults.name.is_some() {
            return Err(wrong(String::from("defaults: tenants have names of their own")));
        }
        let dir = path.parent().unwrap_or(Path::new(""));
        let (mut names, mut tenants) = (HashSet::new(), Vec::new());
        for (index, tenant) in raw.tenants.into_iter().enumerate() {
            let tenant = tenant.or(&raw.defaults);
            let load = tenant.load(dir).map_err(|problem| {
                let called = tenant.name.clone().unwrap_or_else(|| format!("{}", index + 1));
                wrong(format!("tenant {called}: {problem}"))
            })?;
            if !names.insert(load.name.clone()) {
                return Err(wrong(format!("tenant {}: there are two of this name", load.name)));
            }
            tenants.push(load);
        }
        Ok(Self { tenants })
    }
}

impl RawLoad {
    fn load(&self, dir: &Path) -> Result<TenantLoad, String> {
        let name = self.name.clone().filter(|name| !name.is_empty()).ok_or("name is missing")?;
        let traffic = [self.workload.is_some(), self.trace.is_some(), self.prepared.is_some()];
        if traffic.iter().filter(|one| **one).count() != 1 {
            return Err(String::from("needs one of workload, trace and prepared"));
        }
        let target = self.target(&name)?;
        let job = match &self.workload {
            Some(text) => self.workload(text, target, dir)?,
            None => self.trace(target, dir)?,
        };
        let start_after = duration("start_after", self.start_after.as_deref())?.unwrap_or_default();
        Ok(TenantLoad { name, job, start_after })
    }

    fn target(&self, name: &str) -> Result<Target, String> {
        let endpoint = self.endpoint.as_deref().unwrap_or("127.0.0.1:6380");
        let endpoint = match endpoint.parse::<Endpoint>() {
            Ok(endpoint) => endpoint,
            Err(never) => match never {},
        };
        let credentials = match self.password.as_deref() {
            None if self.user.is_some() => return Err(String::from("user needs a password")),
            None => None,
            Some(password) => {
                let password = match password.strip_prefix("env:") {
                    None => password.to_owned(),
                    Some(variable) => std::env::var(variable).map_err(|_| {
                        format!("password: the environment has no variable {variable}")
                    })?,
                };
                let user = self.user.clone().or_else(|| Some(name.to_owned()));
                Some(Credentials { user, password })
            }
        };
        Ok(Target { endpoint, credentials })
    }

    fn workload(&self, text: &str, target: Target, dir: &Path) -> Result<Job, String> {
        for (given, field) in [
            (self.pace.is_some(), "pace"),
            (self.limit.is_some(), "limit"),
            (self.images.is_some(), "images"),
        ] {
            if given {
                return Err(format!("{field} is for traces, and this tenant has a workload"));
            }
        }
        let workload: Workload = text.parse().map_err(|error| format!("workload: {error}"))?;
        let preload = self.preload(dir)?;
        let written = preload.as_ref().is_some_and(Preload::writes_all);
        let checks = Checks {
            verify: self.verify.unwrap_or(true),
            nil_is_loss: written && !self.cache_only.unwrap_or(false),
            on_nil: self.on_nil.unwrap_or(OnNil::Count),
        };
        let rate = self.rate()?;
        let plan = LoadPlan {
            clients: self.clients()?,
            depth: self.depth(rate.is_some())?,
            rate,
            duration: duration("duration", self.duration.as_deref())?,
            requests: count("requests", self.requests.as_ref())?,
            checks,
            seed: self.seed.unwrap_or(1),
            ..LoadPlan::new(target, workload)
        };
        Ok(Job { traffic: Traffic::Workload(plan), preloads: preload.into_iter().collect() })
    }

    fn trace(&self, target: Target, dir: &Path) -> Result<Job, String> {
        for (given, field) in [
            (self.rate.is_some(), "rate"),
            (self.arrivals.is_some(), "arrivals"),
            (self.give_up_after.is_some(), "give_up_after"),
            (self.duration.is_some(), "duration"),
            (self.seed.is_some(), "seed"),
            (self.requests.is_some(), "requests (limit is that of a trace)"),
        ] {
            if given {
                return Err(format!("{field} is for workloads, and this tenant has a trace"));
            }
        }
        let cache_only = self.cache_only.unwrap_or(false);
        let pace = parsed("pace", self.pace.as_deref())?.unwrap_or(Pace::Fast);
        let mut preloads: Vec<Preload> = self.preload(dir)?.into_iter().collect();
        if preloads.iter().any(|preload| !matches!(preload, Preload::Image(..))) {
            return Err(String::from("preload: a trace takes image:FILE or read-image:FILE"));
        }
        let trace = match (&self.trace, &self.prepared) {
            (Some(trace), _) => dir.join(trace),
            (None, prepared) => {
                let parts = Parts::find(&dir.join(prepared.as_deref().unwrap_or(Path::new(""))))
                    .map_err(|error| format!("prepared: {error}"))?;
                preloads.extend(parts.preloads(self.images.unwrap_or(Images::Write), cache_only));
                parts.requests
            }
        };
        if !trace.is_file() {
            return Err(format!("trace: there is no file {}", trace.display()));
        }
        let checks = ReplayChecks {
            verify: self.verify.unwrap_or(true),
            cache_only,
            on_nil: self.on_nil.unwrap_or(OnNil::Set),
        };
        let plan = ReplayPlan {
            target,
            trace,
            limit: count("limit", self.limit.as_ref())?,
            clients: usize::try_from(self.clients()?).unwrap_or(1),
            depth: self.depth(pace != Pace::Fast)?,
            pace,
            checks,
        };
        Ok(Job { traffic: Traffic::Trace(plan), preloads })
    }

    fn preload(&self, dir: &Path) -> Result<Option<Preload>, String> {
        let preload = match self.preload.as_deref() {
            Some("none") => None,
            text => parsed("preload", text)?,
        };
        Ok(preload.map(|preload| match preload {
            Preload::Image(path, fill) => Preload::Image(dir.join(path), fill),
            other => other,
        }))
    }

    fn rate(&self) -> Result<Option<Rate>, String> {
        let Some(rate) = &self.rate else {
            return match (self.arrivals, &self.give_up_after) {
                (None, None) => Ok(None),
                _ => Err(String::from("arrivals and give_up_after need a rate")),
            };
        };
        let per_s = parse_rate(&rate.text()).map_err(|problem| format!("rate: {problem}"))?;
        let constant = Rate::constant(per_s);
        let give_up_after = duration("give_up_after", self.give_up_after.as_deref())?;
        Ok(Some(Rate {
            arrivals: self.arrivals.unwrap_or(Arrivals::Constant),
            give_up_after: give_up_after.unwrap_or(constant.give_up_after),
            ..constant
        }))
    }

    fn clients(&self) -> Result<u64, String> {
        let clients = self.clients.unwrap_or(8);
        if (1..=10_000).contains(&clients) { Ok(clients.into()) } else { Err(range("clients")) }
    }

    fn depth(&self, set_times: bool) -> Result<usize, String> {
        let depth = self.depth.unwrap_or(if set_times { 64 } else { 1 });
        if (1..=10_000).contains(&depth) { Ok(depth.into()) } else { Err(range("depth")) }
    }
}

fn range(field: &str) -> String {
    format!("{field}: a number from 1 to 10000")
}

fn parsed<T: FromStr<Err = String>>(field: &str, text: Option<&str>) -> Result<Option<T>, String> {
    text.map(str::parse).transpose().map_err(|problem| format!("{field}: {problem}"))
}

fn duration(field: &str, text: Option<&str>) -> Result<Option<Duration>, String> {
    text.map(parse_duration).transpose().map_err(|problem| format!("{field}: {problem}"))
}

fn count(field: &str, number: Option<&Number>) -> Result<Option<u64>, String> {
    let parsed = number.map(|number| parse_count(&number.text())).transpose();
    parsed.map_err(|problem| format!("{field}: {problem}"))
}

#[cfg(test)]
mod tests;
