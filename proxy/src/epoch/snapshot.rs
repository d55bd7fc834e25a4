//! What a decision is made from: one moment of every tenant, as plain values.

use std::sync::Arc;

use hare::{MissRatioCurve, Resources, WindowUsage};

/// All tenants at the end of an epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// The tenants, by name.
    pub(crate) tenants: Vec<TenantView>,
}

/// One tenant at the end of an epoch.
#[derive(Debug, Clone)]
pub(crate) struct TenantView {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// What it is entitled to.
    pub(crate) base: Resources,
    /// What it has, or is on its way to.
    pub(crate) current: Resources,
    /// An operator set its quota; it is not to be touched.
    pub(crate) pinned: bool,
    /// Its requests over the smoothed window.
    pub(crate) usage: WindowUsage,
    /// Requests of the window that were refused or failed.
    pub(crate) refused: u64,
    /// Miss ratio over `maxmemory` bytes; `None` before the first sampled read.
    pub(crate) curve: Option<MissRatioCurve>,
    /// Sampled reads behind the curve.
    pub(crate) sampled_reads: u64,
}
