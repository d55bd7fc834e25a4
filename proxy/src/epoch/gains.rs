//! What the model gives each tenant with its present quota, over what it gives with the base share.
//!
//! Asked for once a second while somebody looks, of a thousand tenants: a gain is worked out again only when a window was
//! closed since, or the tenant's quota or base share is another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hare::Resources;
use hopperkv_control::planner::Planner;
use parking_lot::Mutex;

use crate::tenant::Tenant;

/// Gains as they were last worked out.
#[derive(Debug, Default)]
pub(super) struct GainBook {
    /// Counts closed windows.
    window: AtomicU64,
    entries: Mutex<HashMap<u32, Entry>>,
    gains: ArcSwap<HashMap<u32, f64>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    window: u64,
    base: Resources,
    quota: Resources,
    gain: Option<f64>,
}

impl GainBook {
    /// A window was closed: demand and curves are others now.
    pub(super) fn window_closed(&self) {
        self.window.fetch_add(1, Ordering::Relaxed);
    }

    /// What was last worked out.
    pub(super) fn last(&self) -> Arc<HashMap<u32, f64>> {
        self.gains.load_full()
    }

    /// The present gains by the tenants' numbers; those of which nothing is known are left out.
    pub(super) fn of(
        &self,
        planner: &Planner,
        tenants: &[Arc<Tenant>],
        keep: usize,
    ) -> Arc<HashMap<u32, f64>> {
        let window = self.window.load(Ordering::Relaxed);
        let mut entries = self.entries.lock();
        let mut is_changed = entries.len() != tenants.len();
        let mut present = HashMap::with_capacity(tenants.len());
        for tenant in tenants {
            let (base, quota) = (tenant.base(), tenant.quota());
            let known = entries.get(&tenant.number).copied();
            let known = known.filter(|entry| {
                entry.window == window && entry.base == base && entry.quota == quota
            });
            let entry = known.unwrap_or_else(|| {
                is_changed = true;
                let gain = planner.gain(tenant.number, &base, &quota, keep);
                Entry { window, base, quota, gain }
            });
            present.insert(tenant.number, entry);
        }
        if is_changed {
            let gains = present.iter().filter_map(|(number, entry)| Some((*number, entry.gain?)));
            self.gains.store(Arc::new(gains.collect()));
        }
        *entries = present;
        self.last()
    }
}
