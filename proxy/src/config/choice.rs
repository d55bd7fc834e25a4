//! Fields that take one of a few names, such as a policy.

use std::fmt;

pub use hopperkv_control::course::Apply;

/// An enumeration whose variants have names in the configuration.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every variant with its name.
    const ALL: &'static [(&'static str, Self)];

    /// The variant of this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, choice)| choice)
    }

    /// The variant's name.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, choice)| *choice == self).map_or("", |&(name, _)| name)
    }

    /// All names, in order.
    fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::ALL.iter().map(|&(name, _)| name)
    }
}

/// Which storage holds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorageKind {
    /// A DynamoDB-compatible engine inside this process, with files in the data directory.
    #[default]
    Embedded,
    /// DynamoDB itself, or any endpoint that speaks its API.
    Dynamodb,
    /// Fixed latency and computed values, for experiments; nothing is kept.
    Synthetic,
}

impl Choice for StorageKind {
    const ALL: &'static [(&'static str, Self)] = &[
        ("embedded", Self::Embedded),
        ("dynamodb", Self::Dynamodb),
        ("synthetic", Self::Synthetic),
    ];
}

/// Who runs the Redis servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheKind {
    /// This process starts one per tenant and stops it again.
    #[default]
    Managed,
    /// Each tenant names a Redis that is already running.
    Dedicated,
}

impl Choice for CacheKind {
    const ALL: &'static [(&'static str, Self)] =
        &[("managed", Self::Managed), ("dedicated", Self::Dedicated)];
}

/// How the allocator divides the resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Everyone keeps the base share.
    Static,
    /// Idle rates are redistributed; the cache stays.
    Drf,
    /// Cache is traded for units and bandwidth, as in the paper; nothing is left over.
    Hare,
    /// As `Hare`, but all shares grow by the same ratio.
    HareNonconserving,
    /// Cache follows hit ratio, then as `Drf`.
    Memshare,
    /// The goal of `Hare`, solved near-exactly.
    #[default]
    Optimum,
}

impl Choice for Policy {
    const ALL: &'static [(&'static str, Self)] = &[
        ("static", Self::Static),
        ("drf", Self::Drf),
        ("hare", Self::Hare),
        ("hare_nonconserving", Self::HareNonconserving),
        ("memshare", Self::Memshare),
        ("optimum", Self::Optimum),
    ];
}

impl Choice for Apply {
    const ALL: &'static [(&'static str, Self)] = Self::NAMES;
}

macro_rules! display_as_name {
    ($($choice:ty),*) => {$(
        impl fmt::Display for $choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

display_as_name!(StorageKind, CacheKind, Policy);
