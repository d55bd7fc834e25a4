//! FLUSHDB and FLUSHALL: every key is deleted, each as by a DEL of its own.
//!
//! Storage has no way to empty a table at once. So a flush is not one step, as it is in Redis: what it has deleted is
//! gone for everybody, what it has not reached is still there, and a key that is written while it runs is deleted or
//! not. A key that was acknowledged before it began is gone when it replies. If it ends early, for an error or because
//! its client left, it can be repeated.
//!
//! It waits for units as long as it takes. Only some deletions are under way at a time, in proportion to the quota, so
//! that other writers wait behind them no longer than behind a burst.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::super::{Failure, Service};
use super::walk::Walk;
use crate::limits::Rate;
use crate::resp::Reply;
use crate::storage::ScannedKey;

/// Deletions under way at a time.
const FAN_OUT: f64 = 32.0;

/// Seconds of the write quota that these may need.
const FAN_OUT_S: f64 = 0.04;

/// Pause before units are waited for again.
const PAUSE: Duration = Duration::from_millis(50);

impl Service {
    pub(super) async fn flush(self: &Rc<Self>, name: &'static str) -> Result<Reply, Failure> {
        if !self.tenant.config.load().allow_flush {
            return Err(Failure::FlushNotAllowed(name.to_ascii_uppercase()));
        }
        let deleted = Cell::new(0);
        let result = self.delete_everything(&deleted).await;
        let deleted = deleted.get();
        tracing::info!(tenant = %self.tenant.name, deleted, complete = result.is_ok(), "{name}");
        let ended = |cause| Failure::FlushEnded { deleted, cause: Box::new(cause) };
        result.map(|()| Reply::Ok).map_err(ended)
    }

    async fn delete_everything(self: &Rc<Self>, deleted: &Cell<u64>) -> Result<(), Failure> {
        let mut walk = Walk::over_all_keys(self);
        loop {
            let page = match walk.next().await {
                Err(Failure::Throttled(_)) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                page => page?,
            };
            let Some(page) = page else { return Ok(()) };
            self.delete_page(page.keys, deleted).await?;
        }
    }

    /// Deletes keys side by side. After a failure no more is begun, but what was begun is counted.
    async fn delete_page(
        self: &Rc<Self>,
        keys: Vec<ScannedKey>,
        deleted: &Cell<u64>,
    ) -> Result<(), Failure> {
        let failed = RefCell::new(None);
        let deletions = keys.into_iter().map(|found| async {
            if failed.borrow().is_some() {
                return;
            }
            match self.delete_patiently(found.key).await {
                Ok(existed) => deleted.set(deleted.get() + u64::from(existed)),
                Err(failure) => *failed.borrow_mut() = Some(failure),
            }
        });
        let deletions = futures_util::stream::iter(deletions);
        deletions.buffer_unordered(self.flush_fan_out()).for_each(|()| async {}).await;
        failed.into_inner().map_or(Ok(()), Err)
    }

    async fn delete_patiently(self: &Rc<Self>, key: Bytes) -> Result<bool, Failure> {
        loop {
            match self.delete(&key).await {
                // Nothing was done.
                Err(Failure::Throttled(_)) => tokio::time::sleep(PAUSE).await,
                result => return result,
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a small positive number"
    )]
    fn flush_fan_out(&self) -> usize {
        let per_s = self.tenant.limits.write_units.rate().map_or(f64::INFINITY, Rate::as_f64);
        (per_s * FAN_OUT_S).clamp(1.0, FAN_OUT) as usize
    }
}
