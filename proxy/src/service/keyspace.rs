//! Commands over all keys, answered by storage page by page: SCAN, KEYS, DBSIZE, RANDOMKEY and the flushes.
//!
//! The cache is not asked: it holds only some of the keys, and every acknowledged write is in storage, so a consistent
//! scan sees it. A write that is under way may be seen or not, as by any other reader.
//!
//! These commands run when all earlier requests of their connection are done, and later ones wait for them. They end
//! when nobody waits for their reply any more.

mod flush;
mod random;
mod walk;

use std::rc::Rc;

use bytes::Bytes;
use tokio::time::Instant;

use super::execute::{MAX_REPLY_BYTES, count};
use super::{Failure, Service};
use crate::cache::shared_cursors;
use crate::command::{KeyPattern, KeyspaceCommand, Kinds, ScanCommand};
use crate::resp::Reply;
use crate::storage::{KeyType, ScanFrom, ScanRequest, ScannedKey};
use crate::tenant::CURSOR_IDLE;
use walk::Walk;

/// Items that one SCAN looks at, whatever its COUNT says.
const MAX_COUNT: u64 = 10_000;

/// What a key in a reply takes besides its bytes.
const REPLY_OVERHEAD_BYTES: usize = 32;

/// Steps of pattern matching between two chances for others on this thread.
const MAX_STEPS: usize = 1 << 20;

impl Service {
    pub(super) async fn keyspace(
        self: &Rc<Self>,
        command: KeyspaceCommand,
    ) -> Result<Reply, Failure> {
        match command {
            KeyspaceCommand::Scan(scan) => self.scan(&scan).await,
            KeyspaceCommand::Keys(pattern) => match pattern.literal() {
                Some(key) => self.key_itself(key).await,
                None => self.keys(&pattern).await,
            },
            KeyspaceCommand::DbSize => self.count_keys().await,
            KeyspaceCommand::RandomKey => self.random_key().await,
            KeyspaceCommand::Flush { name } => self.flush(name).await,
        }
    }

    /// One page. The client may repeat it: the cursor it came with stays good.
    async fn scan(self: &Rc<Self>, scan: &ScanCommand) -> Result<Reply, Failure> {
        let from = match scan.cursor {
            0 => ScanFrom::Start,
            number => ScanFrom::After(self.position(number).await?),
        };
        if scan.kinds == Kinds::Nothing {
            return Ok(scan_reply(0, Vec::new()));
        }
        let request = ScanRequest {
            from,
            limit: self.page_items(scan.count.min(MAX_COUNT)),
            consistent: self.tenant.consistent_reads,
            count_only: false,
        };
        let max_wait = self.tenant.limits.max_wait();
        let page = self.scan_page(request, max_wait).await?;
        let of_kind = page.keys.into_iter().filter(|found| scan.kinds.include(found.kind));
        let found = matching(&scan.pattern, of_kind).await;
        self.pay(found.iter().map(|found| found.key.len()).sum()).await?;
        let cursor = match page.next {
            Some(after) => self.open_cursor(after, scan.cursor).await,
            None => 0,
        };
        Ok(scan_reply(cursor, live(found)))
    }

    /// The key after which a cursor goes on.
    async fn position(&self, number: u64) -> Result<Bytes, Failure> {
        let mut after = self.tenant.keyspace.cursors.after(number, Instant::now());
        if after.is_none() && !self.tenant.cache.exclusive {
            after = shared_cursors::find(self.coherence.upstream(), number, CURSOR_IDLE).await;
        }
        after.ok_or(Failure::UnknownCursor { number })
    }

    async fn open_cursor(&self, after: Bytes, from: u64) -> u64 {
        let cursors = &self.tenant.keyspace.cursors;
        let number = cursors.open(after.clone(), from, Instant::now());
        if !self.tenant.cache.exclusive {
            shared_cursors::keep(self.coherence.upstream(), number, &after, CURSOR_IDLE).await;
        }
        number
    }

    async fn keys(self: &Rc<Self>, pattern: &KeyPattern) -> Result<Reply, Failure> {
        let mut walk = Walk::over_keys(self);
        let (mut all, mut room_bytes) = (Vec::new(), MAX_REPLY_BYTES);
        while let Some(page) = walk.next().await? {
            let found = matching(pattern, page.keys).await;
            let bytes = found.iter().map(|found| found.key.len()).sum::<usize>();
            let taken = bytes + found.len() * REPLY_OVERHEAD_BYTES;
            room_bytes = room_bytes.checked_sub(taken).ok_or(Failure::TooManyKeys)?;
            walk.pay(bytes).await?;
            all.extend(found);
        }
        // The first of them may have expired since.
        Ok(Reply::Array(live(all)))
    }

    /// KEYS with a pattern that only one key can match.
    async fn key_itself(self: &Rc<Self>, key: &Bytes) -> Result<Reply, Failure> {
        let table = &self.tenant.table;
        let may_exist = self.tenant.item_limits().check_key(key).is_ok()
            && (table.key_type() == KeyType::Binary || std::str::from_utf8(key).is_ok());
        let exists = may_exist && self.read_exact(key).await?.is_some();
        Ok(Reply::Array(exists.then(|| Reply::Bulk(key.clone())).into_iter().collect()))
    }

    async fn count_keys(self: &Rc<Self>) -> Result<Reply, Failure> {
        let mut walk = Walk::counting(self);
        let mut live = 0;
        while let Some(page) = walk.next().await? {
            live += page.live;
        }
        Ok(count(usize::try_from(live).unwrap_or(usize::MAX)))
    }
}

/// The keys that match, found with regard for others on this thread.
async fn matching(
    pattern: &KeyPattern,
    keys: impl IntoIterator<Item = ScannedKey>,
) -> Vec<ScannedKey> {
    let (mut found, mut steps) = (Vec::new(), 0);
    for key in keys {
        steps += key.key.len() * (key.key.len() + pattern.len());
        if pattern.matches(&key.key) {
            found.push(key);
        }
        if steps >= MAX_STEPS {
            tokio::task::yield_now().await;
            steps = 0;
        }
    }
    found
}

/// Those that have not expired meanwhile.
fn live(found: Vec<ScannedKey>) -> Vec<Reply> {
    let now_ms = crate::clock::unix_ms();
    let live = found.into_iter().filter(|key| key.is_live(now_ms));
    live.map(|found| Reply::Bulk(found.key)).collect()
}

fn scan_reply(cursor: u64, keys: Vec<Reply>) -> Reply {
    Reply::Array(vec![Reply::bulk(cursor.to_string()), Reply::Array(keys)])
}
