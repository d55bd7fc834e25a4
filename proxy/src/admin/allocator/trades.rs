//! Who gave what to whom: a run's decision as a flow from donors to receivers.
//!
//! A decision says what each tenant is to have, not where it comes from. Here what each gives is matched with what others get,
//! the largest first, so that there are few arrows; what is left over came from, or went to, nobody in particular (the
//! reserve, or what a removed tenant had).

use std::sync::Arc;

use hare::Resources;
use hopperkv_control::decision::TenantDecision;
use serde::Serialize;
use utoipa::ToSchema;

/// Trades of one resource that are shown, the largest.
const SHOWN: usize = 64;
/// Part of what all have below which a difference is none: rates are computed, not counted.
const NOTHING: f64 = 1e-6;

/// An amount of one resource that goes from one tenant to another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Trade {
    /// Which resource, by the name of its field in a share.
    resource: TradedResource,
    /// Who gives; absent if nobody in particular does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from: Option<Arc<str>>,
    /// Who gets; absent if nobody in particular does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    to: Option<Arc<str>>,
    /// How much, in the unit of that field.
    amount: f64,
}

/// A resource, by the name of its field in a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TradedResource {
    /// Cache.
    CacheBytes,
    /// Read units per second.
    ReadUnitsPerS,
    /// Write units per second.
    WriteUnitsPerS,
    /// Bytes per second.
    NetBytesPerS,
}

/// What the tenants of a decision give to each other, by resource and then by size.
pub(super) fn trades(tenants: &[TenantDecision]) -> Vec<Trade> {
    let resources = [
        TradedResource::CacheBytes,
        TradedResource::ReadUnitsPerS,
        TradedResource::WriteUnitsPerS,
        TradedResource::NetBytesPerS,
    ];
    resources.into_iter().flat_map(|resource| trades_of(tenants, resource)).collect()
}

impl TradedResource {
    /// How much of it is in a share.
    fn of(self, share: &Resources) -> f64 {
        match self {
            Self::CacheBytes => share.cache_bytes as f64,
            Self::ReadUnitsPerS => share.read_units_per_s,
            Self::WriteUnitsPerS => share.write_units_per_s,
            Self::NetBytesPerS => share.net_bytes_per_s,
        }
    }
}

fn trades_of(tenants: &[TenantDecision], resource: TradedResource) -> Vec<Trade> {
    let of = |share: &Resources| resource.of(share);
    let total: f64 = tenants.iter().map(|tenant| of(&tenant.current)).sum();
    let nothing = total * NOTHING;
    let (mut gives, mut gets) = (Vec::new(), Vec::new());
    for tenant in tenants {
        let more = of(&tenant.share) - of(&tenant.current);
        if more > nothing {
            gets.push((&tenant.name, more));
        } else if -more > nothing {
            gives.push((&tenant.name, -more));
        }
    }
    for side in [&mut gives, &mut gets] {
        // The smallest first: they are taken from the end.
        side.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    let mut trades = Vec::new();
    let (mut giver, mut getter) = (gives.pop(), gets.pop());
    while giver.is_some() || getter.is_some() {
        let amount = match (&giver, &getter) {
            (Some(giver), Some(getter)) => giver.1.min(getter.1),
            (Some((_, left)), None) | (None, Some((_, left))) => *left,
            (None, None) => break,
        };
        let name = |side: &Option<(&Arc<str>, f64)>| side.map(|(name, _)| Arc::clone(name));
        trades.push(Trade { resource, from: name(&giver), to: name(&getter), amount });
        giver = less(giver, amount, nothing).or_else(|| gives.pop());
        getter = less(getter, amount, nothing).or_else(|| gets.pop());
    }
    trades.sort_by(|a, b| b.amount.total_cmp(&a.amount));
    trades.truncate(SHOWN);
    trades
}

/// What is left of a side, if anything.
fn less(side: Option<(&Arc<str>, f64)>, amount: f64, nothing: f64) -> Option<(&Arc<str>, f64)> {
    let (name, left) = side?;
    (left - amount > nothing).then_some((name, left - amount))
}

#[cfg(test)]
mod tests {
    use hare::Resources;
    use hopperkv_control::decide::{Options, decide};
    use hopperkv_control::decision::TenantDecision;
    use hopperkv_control::snapshot::{Snapshot, TenantView};

    use super::{SHOWN, TradedResource, trades};

    /// Tenants that have the first and are to have the second, in bytes of cache and in read units.
    fn tenants(shares: &[(u64, u64)]) -> Vec<TenantDecision> {
        let share = |amount: u64| Resources {
            cache_bytes: amount,
            read_units_per_s: amount as f64,
            ..Resources::default()
        };
        let of = |number: usize| {
            let name = format!("t{number}").into();
            TenantView { name, ..idle() }
        };
        let snapshot =
            Snapshot { tenants: (0..shares.len()).map(of).collect(), ..Snapshot::default() };
        let mut decided = decide(&snapshot, &options()).tenants;
        for (tenant, (current, new)) in decided.iter_mut().zip(shares) {
            (tenant.current, tenant.share) = (share(*current), share(*new));
        }
        decided
    }

    fn idle() -> TenantView {
        TenantView {
            name: "".into(),
            base: Resources::default(),
            current: Resources::default(),
            pinned: false,
            weight: 1.0,
            bounds: hare::Bounds::default(),
            usage: hare::WindowUsage::default(),
            refused: 0,
            arrived: false,
            starved: false,
            stuck_windows: 0,
            took_part: false,
            filling: None,
            curve: None,
            confidence: hare::Confidence::default(),
        }
    }

    fn options() -> Options {
        Options {
            epoch: None,
            policy: hare::Policy::Static,
            threshold: 0.05,
            caution: hopperkv_control::caution::Caution::Salt(0.0),
            min_cache_bytes: 0,
            reserve: 0.0,
            stability: 0.0,
        }
    }

    fn seen(shares: &[(u64, u64)]) -> Vec<(String, String, f64)> {
        let name = |side: &Option<std::sync::Arc<str>>| side.as_deref().unwrap_or("-").to_owned();
        let all = trades(&tenants(shares));
        let cache = all.iter().filter(|trade| trade.resource == TradedResource::CacheBytes);
        cache.map(|trade| (name(&trade.from), name(&trade.to), trade.amount)).collect()
    }

    fn flow(from: &str, to: &str, amount: f64) -> (String, String, f64) {
        (from.to_owned(), to.to_owned(), amount)
    }

    #[test]
    fn what_some_give_others_get() {
        assert_eq!(seen(&[(10, 10), (5, 5)]), []);
        assert_eq!(seen(&[(10, 4), (10, 16)]), [flow("t0", "t1", 6.0)]);
        assert_eq!(
            seen(&[(10, 2), (10, 15), (10, 13)]),
            [flow("t0", "t1", 5.0), flow("t0", "t2", 3.0)]
        );
        assert_eq!(trades(&tenants(&[(10, 4), (10, 16)])).len(), 2, "read units too");
    }

    #[test]
    fn what_comes_from_nobody_is_shown_as_such() {
        assert_eq!(seen(&[(10, 4), (10, 12)]), [flow("t0", "-", 4.0), flow("t0", "t1", 2.0)]);
        assert_eq!(seen(&[(10, 12)]), [flow("-", "t0", 2.0)]);
    }

    #[test]
    fn only_the_largest_are_shown() {
        let shares: Vec<(u64, u64)> = (1..=200)
            .map(|n| if n % 2 == 0 { (1000, 1000 + n) } else { (1000, 1000 - n) })
            .collect();
        let seen = seen(&shares);
        assert_eq!(seen.len(), SHOWN);
        assert!(seen.is_sorted_by(|a, b| a.2 >= b.2));
    }
}
