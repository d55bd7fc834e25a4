//! The steps of the coherence protocol as calls: lease and fill for a miss, fence and publish for a write.
//!
//! The protocol itself, with its interleavings, is described in [`super::scripts`].

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use redis_protocol::resp2::types::BytesFrame;

use super::names;
use super::scripts::Script;
use super::upstream::{CacheLost, Upstream};
use crate::command::{Item, ValueKind};

/// Times of the protocol, all in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoherenceTimes {
    /// A lease not used for this long is void.
    pub(crate) lease_ms: u64,
    /// A fence not lifted for this long falls; longer than any storage call may take.
    pub(crate) fence_ms: u64,
    /// How long an absent key is remembered; 0 = never.
    pub(crate) negative_ms: u64,
}

/// Identifies one lease or fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()))
    }
}

/// What the cache said when asked to read or lease.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// The value. Its expiry may be that of a fence (`doubtful`).
    Hit { item: Item, doubtful: bool },
    /// Known to be absent in storage.
    Negative,
    /// No value, and a write is in progress: read storage, fill nothing.
    Fenced,
    /// No value; the lease (if one was asked for) is granted.
    Absent(Token),
}

/// A write in progress.
#[derive(Debug)]
pub(crate) struct Fence {
    token: Token,
    /// The expiry of the value that was there: epoch ms, `-1` none, `-2` no value.
    before: Bytes,
}

/// What becomes of the cached value while a write is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldValue {
    /// It can be read until the write concludes: keys that are written all the time keep hitting.
    StaysReadable,
    /// It is removed at once, so that everybody asks storage.
    Removed,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum Conclusion<'a> {
    /// Storage holds this item.
    Put(&'a Item),
    /// Storage holds nothing.
    Absent,
    /// Storage was definitely not changed.
    Restore,
    /// Storage was not changed, but holds something else than the cache.
    Forget,
    /// Nobody knows.
    Unknown,
}

/// The protocol on one worker's connection to one tenant's Redis.
#[derive(Debug)]
pub(crate) struct Coherence {
    upstream: Rc<Upstream>,
    times: CoherenceTimes,
}

impl Coherence {
    pub(crate) fn new(upstream: Rc<Upstream>, times: CoherenceTimes) -> Self {
        Self { upstream, times }
    }

    /// The connection, for plain `GET`s.
    pub(crate) fn upstream(&self) -> &Rc<Upstream> {
        &self.upstream
    }

    /// Reads value and expiry; takes a lease where there is none.
    pub(crate) async fn lease(&self, key: &Bytes) -> Result<Lookup, CacheLost> {
        self.look(key, Token::random(), self.times.fence_ms).await
    }

    /// Reads value and expiry without asking for a lease. `alone`: no write is in progress, as the caller holds the
    /// key's lock, no other proxy writes and no outage left a fence behind, so that a near expiry is the value's own.
    pub(crate) async fn peek(&self, key: &Bytes, alone: bool) -> Result<Lookup, CacheLost> {
        let doubt_ms = if alone { 0 } else { self.times.fence_ms };
        self.look(key, Token(String::new()), doubt_ms).await
    }

    /// Reads type and expiry only, without asking for a lease: the item of a [`Lookup::Hit`] has no value.
    pub(crate) async fn glance(&self, key: &Bytes) -> Result<Lookup, CacheLost> {
        self.look_for(key, Token(String::new()), self.times.fence_ms, b"bare").await
    }

    /// As [`Self::glance`], and the copy counts as just used.
    pub(crate) async fn touch(&self, key: &Bytes) -> Result<Lookup, CacheLost> {
        self.look_for(key, Token(String::new()), self.times.fence_ms, b"touch").await
    }

    /// Puts what storage said. False when the lease no longer stood.
    pub(crate) async fn fill(
        &self,
        key: &Bytes,
        lease: &Token,
        item: Option<&Item>,
    ) -> Result<bool, CacheLost> {
        let negative = self.times.negative_ms.to_string();
        let expiry = expiry_text(item);
        let exists: &[u8] = if item.is_some() { b"1" } else { b"0" };
        let value = item.map(|i| i.value.as_ref()).unwrap_or_default();
        let kind = kind_text(item);
        let args: [&[u8]; 6] =
            [lease.0.as_bytes(), exists, value, expiry.as_bytes(), negative.as_bytes(), kind];
        Ok(int(&self.call(Script::Fill, key, &args).await?) == 1)
    }

    /// Announces a write.
    pub(crate) async fn fence(&self, key: &Bytes, old: OldValue) -> Result<Fence, CacheLost> {
        if !self.upstream.is_usable() {
            return Err(CacheLost);
        }
        let token = Token::random();
        let fence_ms = self.times.fence_ms.to_string();
        let old: &[u8] = if old == OldValue::Removed { b"remove" } else { b"keep" };
        let args: [&[u8]; 3] = [token.0.as_bytes(), fence_ms.as_bytes(), old];
        match self.call(Script::Fence, key, &args).await? {
            BytesFrame::BulkString(before) => Ok(Fence { token, before }),
            _ => Err(CacheLost),
        }
    }

    /// Concludes a write. Without a fence (it could not be planted) the value is removed.
    pub(crate) async fn conclude(
        &self,
        key: &Bytes,
        fence: Option<&Fence>,
        conclusion: Conclusion<'_>,
    ) -> Result<(), CacheLost> {
        let remembered = !matches!(conclusion, Conclusion::Forget);
        let negative = if remembered { self.times.negative_ms } else { 0 }.to_string();
        let fence_ms = self.times.fence_ms.to_string();
        let (outcome, item): (&[u8], _) = match conclusion {
            Conclusion::Put(item) => (b"put", Some(item)),
            Conclusion::Absent | Conclusion::Forget => (b"absent", None),
            Conclusion::Restore => (b"restore", None),
            Conclusion::Unknown => (b"unknown", None),
        };
        let expiry = match (&conclusion, fence) {
            (Conclusion::Restore, Some(fence)) => fence.before.clone(),
            _ => Bytes::from(expiry_text(item)),
        };
        // Of its own: an ambiguous write leaves it as a fence, which is nobody else's.
        let unplanted = Token::random();
        let token = fence.map_or(&unplanted, |f| &f.token);
        let value = item.map(|i| i.value.as_ref()).unwrap_or_default();
        let args: [&[u8]; 7] = [
            token.0.as_bytes(),
            outcome,
            value,
            &expiry,
            negative.as_bytes(),
            fence_ms.as_bytes(),
            kind_text(item),
        ];
        self.call(Script::Publish, key, &args).await.map(drop)
    }

    async fn look(&self, key: &Bytes, token: Token, doubt_ms: u64) -> Result<Lookup, CacheLost> {
        self.look_for(key, token, doubt_ms, b"").await
    }

    async fn look_for(
        &self,
        key: &Bytes,
        token: Token,
        doubt_ms: u64,
        what: &[u8],
    ) -> Result<Lookup, CacheLost> {
        if !self.upstream.is_usable() {
            return Err(CacheLost);
        }
        let lease_ms = self.times.lease_ms.to_string();
        let doubt_ms = doubt_ms.to_string();
        let args: [&[u8]; 4] = [token.0.as_bytes(), lease_ms.as_bytes(), doubt_ms.as_bytes(), what];
        let BytesFrame::Array(reply) = self.call(Script::Lease, key, &args).await? else {
            return Err(CacheLost);
        };
        match reply.as_slice() {
            [BytesFrame::Integer(0)] => Ok(Lookup::Absent(token)),
            [
                BytesFrame::Integer(1),
                BytesFrame::BulkString(value),
                BytesFrame::BulkString(expiry),
                BytesFrame::Integer(doubtful),
                BytesFrame::BulkString(kind),
            ] => {
                let expires_at_ms = std::str::from_utf8(expiry).ok().and_then(|t| t.parse().ok());
                let kind = ValueKind::named(kind).ok_or(CacheLost)?;
                let item = Item { kind, value: value.clone(), expires_at_ms };
                Ok(Lookup::Hit { item, doubtful: *doubtful == 1 })
            }
            [BytesFrame::Integer(2)] => Ok(Lookup::Negative),
            [BytesFrame::Integer(3)] => Ok(Lookup::Fenced),
            _ => Err(CacheLost),
        }
    }

    async fn call(
        &self,
        script: Script,
        key: &Bytes,
        args: &[&[u8]],
    ) -> Result<BytesFrame, CacheLost> {
        let (data, meta) = (names::data(key), names::meta(key));
        self.upstream.script(script, [&data, &meta], args).await
    }
}

impl CoherenceTimes {
    /// From the configured durations.
    pub(crate) fn new(lease: Duration, fence: Duration, negative: Duration) -> Self {
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Self { lease_ms: ms(lease), fence_ms: ms(fence), negative_ms: ms(negative) }
    }
}

/// `-1` says "no expiry" (and does not parse as `u64`, which is how it is read back).
fn expiry_text(item: Option<&Item>) -> String {
    item.and_then(|i| i.expires_at_ms).map_or_else(|| String::from("-1"), |at| at.to_string())
}

fn kind_text(item: Option<&Item>) -> &'static [u8] {
    item.map_or(ValueKind::String, |i| i.kind).name().as_bytes()
}

fn int(frame: &BytesFrame) -> i64 {
    if let BytesFrame::Integer(n) = frame { *n } else { 0 }
}
