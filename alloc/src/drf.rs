//! Dominant-resource fairness: what one tenant cannot use, others get. Cache stays where it is.

use crate::holdings::Holdings;
use crate::policy::Allocation;
use crate::tenant::TenantInput;

/// Collects idle rates at base and gives them out.
#[must_use]
pub fn allocate(tenants: &[TenantInput]) -> Allocation {
    let cache_bytes = tenants.iter().map(|tenant| tenant.base().cache_bytes).collect();
    let holdings = Holdings::collect_idle(tenants, cache_bytes);
    let improve_ratio = holdings.improve_ratio();
    Allocation::new(tenants, holdings.redistribute(), improve_ratio, Vec::new())
}
