//! RANDOMKEY: a random part of the table, and in it a random key.
//!
//! DynamoDB has no random item, but it can read one of any number of equal parts of a table. Parts are made so small
//! that one page holds a whole part, and so large that it is not often empty; how many parts that is, the last
//! RANDOMKEY knows. A key in a part with fewer keys comes somewhat more often, a key in a part that exceeds a page never
//! until there are more parts: fair enough to sample a cache's keys, not for statistics. Up to [`SAMPLE`] keys in all
//! are drawn from evenly.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use super::super::{Failure, Service};
use super::walk::Walk;
use crate::resp::Reply;
use crate::storage::{ScanFrom, ScanRequest, ScannedKey};

/// Items looked at in one part.
const SAMPLE: u64 = 32;

/// Parts looked at before the table is walked through from the beginning.
const MAX_TRIES: usize = 12;

/// The most parts that DynamoDB makes of a table, as a power of four.
const MAX_PARTS: u32 = 1 << 18;

impl Service {
    pub(super) async fn random_key(self: &Rc<Self>) -> Result<Reply, Failure> {
        let known = &self.tenant.keyspace.parts;
        let mut total = known.load(Ordering::Relaxed);
        for _ in 0..MAX_TRIES {
            let index = rand::random_range(0..total);
            let request = ScanRequest {
                from: ScanFrom::Segment { index, total },
                limit: self.page_items(SAMPLE),
                consistent: self.tenant.consistent_reads,
                count_only: false,
            };
            let page = self.scan_page(request, self.tenant.limits.max_wait()).await?;
            let is_whole = page.next.is_none() || total == MAX_PARTS;
            total = match (is_whole, pick(page.keys)) {
                (true, Some(key)) => {
                    known.store(total, Ordering::Relaxed);
                    self.pay(key.key.len()).await?;
                    return Ok(Reply::Bulk(key.key));
                }
                (true, None) if total == 1 => return Ok(Reply::Null),
                (true, None) => total / 4,
                (false, _) => total * 4,
            };
        }
        // Parts are full of items that do not count, expired ones for example, or empty.
        let mut walk = Walk::over_keys(self);
        while let Some(page) = walk.next().await? {
            if let Some(key) = pick(page.keys) {
                walk.pay(key.key.len()).await?;
                return Ok(Reply::Bulk(key.key));
            }
        }
        Ok(Reply::Null)
    }
}

fn pick(mut keys: Vec<ScannedKey>) -> Option<ScannedKey> {
    let now_ms = crate::clock::unix_ms();
    keys.retain(|key| key.is_live(now_ms));
    (!keys.is_empty()).then(|| keys.swap_remove(rand::random_range(0..keys.len())))
}
