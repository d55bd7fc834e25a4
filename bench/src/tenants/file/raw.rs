//! Tenants as the file writes them.

use std::path::PathBuf;

use serde::Deserialize;

use crate::arrivals::Arrivals;
use crate::prepare::parts::Images;
use crate::replay::OnNil;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub(super) defaults: RawLoad,
    #[serde(default, rename = "tenant")]
    pub(super) tenants: Vec<RawLoad>,
}

/// A tenant, or what all have that say nothing else.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    pub(super) name: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) workload: Option<String>,
    pub(super) trace: Option<PathBuf>,
    pub(super) prepared: Option<PathBuf>,
    pub(super) images: Option<Images>,
    pub(super) preload: Option<String>,
    pub(super) clients: Option<u16>,
    pub(super) depth: Option<u16>,
    pub(super) rate: Option<Number>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) give_up_after: Option<String>,
    pub(super) duration: Option<String>,
    pub(super) requests: Option<Number>,
    pub(super) limit: Option<Number>,
    pub(super) pace: Option<String>,
    pub(super) on_nil: Option<OnNil>,
    pub(super) verify: Option<bool>,
    pub(super) cache_only: Option<bool>,
    pub(super) seed: Option<u64>,
    pub(super) start_after: Option<String>,
}

/// A number, or a text such as `20k`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
    Text(String),
}

impl Number {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl RawLoad {
    /// With what it leaves out taken from the defaults, as far as these mean something for its kind of traffic.
    pub(super) fn or(self, defaults: &Self) -> Self {
        let mut from = defaults.clone();
        if self.workload.is_some() || self.trace.is_some() || self.prepared.is_some() {
            (from.workload, from.trace, from.prepared) = (None, None, None);
        }
        if self.workload.is_some() || from.workload.is_some() {
            (from.pace, from.limit, from.images) = (None, None, None);
        } else {
            (from.rate, from.arrivals, from.give_up_after) = (None, None, None);
            (from.requests, from.duration, from.seed, from.preload) = (None, None, None, None);
        }
        let rate = self.rate.or(from.rate);
        if rate.is_none() {
            (from.arrivals, from.give_up_after) = (None, None);
        }
        Self {
            name: self.name,
            endpoint: self.endpoint.or(from.endpoint),
            user: self.user.or(from.user),
            password: self.password.or(from.password),
            workload: self.workload.or(from.workload),
            trace: self.trace.or(from.trace),
            prepared: self.prepared.or(from.prepared),
            images: self.images.or(from.images),
            preload: self.preload.or(from.preload),
            clients: self.clients.or(from.clients),
            depth: self.depth.or(from.depth),
            rate,
            arrivals: self.arrivals.or(from.arrivals),
            give_up_after: self.give_up_after.or(from.give_up_after),
            duration: self.duration.or(from.duration),
            requests: self.requests.or(from.requests),
            limit: self.limit.or(from.limit),
            pace: self.pace.or(from.pace),
            on_nil: self.on_nil.or(from.on_nil),
            verify: self.verify.or(from.verify),
            cache_only: self.cache_only.or(from.cache_only),
            seed: self.seed.or(from.seed),
            start_after: self.start_after.or(from.start_after),
        }
    }
}
