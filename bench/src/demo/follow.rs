//! The change of roles, and the allocator at work on its own: its timer, its steps.
//!
//! Both tenants have the same base share, so the base throughput of a tenant in its new role is what
//! the other had in that role under static quotas.

use tokio::time::Instant;

use super::meter::Measured;
use super::scenario::SWAPPED;
use super::stage::Stage;
use super::table::{Epoch, Row, Table};
use super::verdict::ratio;
use super::{DemoOptions, POLICY};
use crate::admin::Allocator;
use crate::error::LoadError;

/// What came of it.
#[derive(Debug)]
pub(super) struct Followed {
    /// Both tenants over the last measurement.
    pub(super) measured: [Measured; 2],
    /// Requests/s that their base shares give in their new roles.
    pub(super) bases_per_s: [f64; 2],
    /// Requests/s second by second, from the change on.
    pub(super) seconds: [Vec<f64>; 2],
}

impl Followed {
    /// Seconds in which each tenant was below this part of its base.
    pub(super) fn seconds_below(&self, bar: f64) -> [usize; 2] {
        [0, 1].map(|index| {
            let below = |per_s: &&f64| ratio(**per_s, self.bases_per_s[index]) < bar;
            self.seconds[index].iter().filter(below).count()
        })
    }

    /// The second by whose end both tenants had reached this gain.
    pub(super) fn reached(&self, bar: f64) -> Option<usize> {
        let mut both = self.seconds[0].iter().zip(&self.seconds[1]);
        let at = |index: usize, per_s: f64| ratio(per_s, self.bases_per_s[index]) >= bar;
        both.position(|(first, second)| at(0, *first) && at(1, *second)).map(|index| index + 1)
    }
}

/// Gives each tenant the other's working set, switches the allocator on, and shows every decision it
/// makes; `fixed` is what was measured under static quotas before the change.
pub(super) async fn follow(
    stage: Stage<'_>,
    options: &DemoOptions,
    fixed: &[Measured; 2],
    table: &mut Table,
) -> Result<Followed, LoadError> {
    let bases_per_s = [fixed[1].requests_per_s, fixed[0].requests_per_s];
    let gains = |measured: &[Measured; 2]| {
        [0, 1].map(|index| ratio(measured[index].requests_per_s, bases_per_s[index]))
    };
    let admin = stage.server.admin();
    table.epochs(SWAPPED.map(|tenant| tenant.name));
    let mut last_run = admin.runs().await?.first().map_or(0, |run| run.id);
    let on = Allocator { apply: Some("gradual"), ..Allocator::of(POLICY) };
    admin.set_allocator(&on).await?;
    let start = Instant::now();
    let mut drive = stage.drive(&SWAPPED, options.follow, options.measure).await?;
    let mut predicted = [None, None];
    while let Some(now) = drive.next_second().await? {
        let gained = gains(&now);
        let runs = admin.runs().await?;
        for run in runs.iter().rev().filter(|run| run.id > last_run) {
            let quotas = [now[0].quota, now[1].quota];
            table.epoch(&Epoch { after: start.elapsed(), quotas, gains: gained, run });
        }
        if let Some(run) = runs.first().filter(|run| run.id > last_run) {
            last_run = run.id;
            predicted = SWAPPED.map(|tenant| Some(run.predicted_gain(tenant.name)));
        }
        let row = |index: usize| Row {
            policy: POLICY,
            tenant: SWAPPED[index].name,
            measured: now[index],
            gains: predicted[index].map(|predicted| (predicted, gained[index])),
        };
        table.live(&[row(0), row(1)]);
    }
    let (measured, seconds) = (drive.results().await?, drive.seconds());
    Ok(Followed { measured, bases_per_s, seconds })
}

#[cfg(test)]
mod tests {
    use super::super::meter::Measured;
    use super::Followed;
    use crate::admin::Quota;

    #[test]
    fn seconds_are_counted_against_each_tenants_own_base() {
        let quota = Quota {
            cache_bytes: 1,
            read_units_per_s: 1.0,
            write_units_per_s: 1.0,
            net_bytes_per_s: 1.0,
        };
        let measured = Measured { requests_per_s: 1.0, hit_ratio: 0.5, quota };
        let followed = Followed {
            measured: [measured; 2],
            bases_per_s: [100.0, 10.0],
            seconds: [vec![50.0, 98.0, 130.0, 130.0], vec![12.0, 9.0, 11.0, 12.0]],
        };
        assert_eq!(followed.seconds_below(0.97), [1, 1]);
        assert_eq!(followed.reached(1.2), Some(4));
        assert_eq!(followed.reached(1.5), None);
    }
}
