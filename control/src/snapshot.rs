//! What a decision is made from: one moment of every tenant, as plain values.

use std::sync::Arc;

use hare::{Bounds, Confidence, MissRatioCurve, Resources, WindowUsage};

use crate::filling::Filling;

/// All tenants at the end of an epoch.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The tenants, by name.
    pub tenants: Vec<TenantView>,
    /// The last run found a change worth more than the threshold, and left it at that.
    pub found_better: bool,
    /// The last run moved cache, but not all that it wanted to move.
    pub on_the_way: bool,
}

/// One tenant at the end of an epoch.
#[derive(Debug, Clone)]
pub struct TenantView {
    /// Its name.
    pub name: Arc<str>,
    /// What it is entitled to.
    pub base: Resources,
    /// What it has, or is on its way to.
    pub current: Resources,
    /// An operator set its quota; it is not to be touched.
    pub pinned: bool,
    /// Its part of an improvement, relative to other tenants.
    pub weight: f64,
    /// The least and the most it may be given.
    pub bounds: Bounds,
    /// Its requests over the smoothed window.
    pub usage: WindowUsage,
    /// Requests of the window that were refused or failed.
    pub refused: u64,
    /// Fewer than one whole window has passed since it appeared or was starved: its curve is hardly more than cold misses.
    pub arrived: bool,
    /// In the last window limits kept it below what its base share gives at the very least: its traffic is no longer what its
    /// share was decided for.
    pub starved: bool,
    /// Windows in a row in which requests came and none was served.
    pub stuck_windows: u32,
    /// It took part in the last run; it goes on to with fewer sampled reads than it takes to begin.
    pub took_part: bool,
    /// Miss ratio over `maxmemory` bytes; `None` before the first sampled read.
    pub curve: Option<MissRatioCurve>,
    /// What the curve rests on.
    pub confidence: Confidence,
    /// How far its cache is filled; `None` if that is not known, and it counts as full.
    pub filling: Option<Filling>,
}
