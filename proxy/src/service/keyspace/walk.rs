//! Pages of a table under the tenant's read units.
//!
//! A page is as large as what the limit saves up while nobody reads: so it passes an idle limit without waiting, and
//! others wait behind it for no more than that. How many items that is follows from what pages cost so far. The charge
//! is an estimate; storage's own count settles it, and what was used beyond it is paid before the next grant.
//!
//! **Waiting.** The first page waits as any request does: for at most `max_wait`, then the client learns that its tenant
//! uses too much. Later pages are more patient. The line is first come first served and those in front leave it within
//! `max_wait`, so a patient page has its turn in the end; a walk gets what the quota leaves for it and is slow rather
//! than refused after half of the way, which would have been paid for nothing.

use std::rc::Rc;
use std::time::Duration;

use super::super::read::milli;
use super::super::{Failure, Service};
use crate::limits::{Amount, Rate};
use crate::storage::{ScanFrom, ScanPage, ScanRequest, read_units};

/// Seconds of the read quota that one page may cost: what an idle limit has saved up.
const PAGE_S: f64 = 0.04;

/// Items of one page, at most; storage ends it after 1 MB anyway.
const MAX_PAGE_ITEMS: u64 = 20_000;

/// Units of the largest page, read consistently.
const MAX_PAGE_UNITS: f64 = 256.0;

/// How long a page after the first waits, at least.
const PATIENCE: Duration = Duration::from_secs(10);

/// A walk through the whole table.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    service: &'a Rc<Service>,
    from: Option<ScanFrom>,
    consistent: bool,
    count_only: bool,
    patience: Duration,
}

impl<'a> Walk<'a> {
    /// Brings keys, as consistently as the storage is configured.
    pub(super) fn over_keys(service: &'a Rc<Service>) -> Self {
        let patience = service.tenant.limits.max_wait();
        let consistent = service.tenant.consistent_reads;
        Self { service, from: Some(ScanFrom::Start), consistent, count_only: false, patience }
    }

    /// Only counts.
    pub(super) fn counting(service: &'a Rc<Service>) -> Self {
        Self { count_only: true, ..Self::over_keys(service) }
    }

    /// Misses no key whose write was acknowledged before.
    pub(super) fn over_all_keys(service: &'a Rc<Service>) -> Self {
        Self { consistent: true, ..Self::over_keys(service) }
    }

    /// The next page, or nothing at the end. After a failure the same page can be asked for again.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn next(&mut self) -> Result<Option<ScanPage>, Failure> {
        let Some(from) = self.from.clone() else { return Ok(None) };
        let request = ScanRequest {
            from,
            limit: self.service.page_items(MAX_PAGE_ITEMS),
            consistent: self.consistent,
            count_only: self.count_only,
        };
        let page = self.service.scan_page(request, self.patience).await?;
        self.from = page.next.clone().map(ScanFrom::After);
        self.patience = self.patience_after(page.read_units);
        Ok(Some(page))
    }

    /// Pays for bytes of the reply, with the patience of the next page.
    ///
    /// # Errors
    /// The tenant uses too much.
    pub(super) async fn pay(&self, bytes: usize) -> Result<(), Failure> {
        let net = &self.service.tenant.limits.net;
        Ok(net.charge(Amount::bytes(bytes as u64), self.patience).await?)
    }

    /// Items may be larger than a page should be, and then what the last page cost is still to be paid.
    fn patience_after(&self, units: f64) -> Duration {
        let limits = &self.service.tenant.limits;
        let per_s = limits.read_units.rate().map_or(f64::INFINITY, Rate::as_f64);
        let paid_after = Duration::try_from_secs_f64(units / per_s).unwrap_or(Duration::MAX);
        limits.max_wait().max(PATIENCE).saturating_add(paid_after)
    }
}

impl Service {
    /// How many items the next page may look at, at most `most`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate, and the result is clamped"
    )]
    pub(super) fn page_items(&self, most: u64) -> u32 {
        let items = (self.page_units() / self.tenant.keyspace.units_per_item()) as u64;
        u32::try_from(items.clamp(1, most.clamp(1, MAX_PAGE_ITEMS))).unwrap_or(u32::MAX)
    }

    /// Units that a page should cost.
    fn page_units(&self) -> f64 {
        let rate = self.tenant.limits.read_units.rate();
        rate.map_or(MAX_PAGE_UNITS, |rate| (rate.as_f64() * PAGE_S).clamp(1.0, MAX_PAGE_UNITS))
    }

    /// Charges, reads and settles one page.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) async fn scan_page(
        self: &Rc<Self>,
        request: ScanRequest,
        patience: Duration,
    ) -> Result<ScanPage, Failure> {
        let tenant = &self.tenant;
        // Eventually consistent reads cost half.
        let share = read_units(0, request.consistent);
        let estimate = f64::from(request.limit) * tenant.keyspace.units_per_item();
        let charged = Amount::from_f64(estimate.clamp(1.0, self.page_units()) * share);
        tenant.limits.read_units.charge(charged, patience).await?;
        let service = Rc::clone(self);
        // A task of its own: what was read is accounted for, even if the client goes away.
        let read =
            self.tasks.spawn_local(async move { service.read_page(&request, charged).await });
        read.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
    }

    async fn read_page(&self, request: &ScanRequest, charged: Amount) -> Result<ScanPage, Failure> {
        let (tenant, limits) = (&self.tenant, &self.tenant.limits);
        let page = match tenant.storage.scan(&tenant.table, request).await {
            Ok(page) => page,
            Err(error) => {
                limits.read_units.settle(charged, Amount::ZERO);
                return Err(Failure::of_storage(error));
            }
        };
        limits.read_units.settle(charged, Amount::from_f64(page.read_units));
        self.counters.milli_read_units.add(milli(page.read_units));
        self.counters.scanned_items.add(page.evaluated);
        tenant.keyspace.learn(page.evaluated, page.read_units / read_units(0, request.consistent));
        let bytes: usize = page.keys.iter().map(|found| found.key.len()).sum();
        limits.net.settle(Amount::ZERO, Amount::bytes(bytes as u64));
        self.counters.storage_bytes.add(bytes as u64);
        Ok(page)
    }
}
