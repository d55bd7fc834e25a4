//! The coherence protocol as Lua, so that each step is one atomic act of the tenant's Redis.
//!
//! Every user key `k` has two Redis keys (named in [`super::names`]): `data`, the value with its expiry, and
//! `meta`, a small hash that says who may put a value there:
//!
//! | field of `meta` | meaning |
//! |---|---|
//! | `l` | token of the lease that a miss holds; only its holder may fill |
//! | `n` | negative entry: epoch ms until which the key is known to be absent in storage |
//! | `f<token>` | fence of a write in progress: epoch ms until which it stands |
//! | `x` | two fences overlapped: nobody may publish until all of them are gone |
//!
//! **Interleavings.** Let W be a write (fence, storage, publish, reply) and R a read that missed (lease, storage, fill).
//!
//! - *R's lease before W's fence*: the fence removes the lease, so R's fill is refused; R returns what it read,
//!   which was current when R began or later.
//! - *R between W's fence and W's publish*: no lease is granted, so R reads storage and fills nothing. While the old
//!   value is still in `data`, R hits it: W is not acknowledged yet. Nobody may then go past W to storage and return,
//!   as a later R would still hit the old value: reads that need the true expiry, and reads without Redis (which may be
//!   back before W ends), wait for the key's lock.
//! - *Two writes overlap* (two proxies, or an ambiguous earlier write): storage may apply them in either order, so
//!   the second fence removes the value and plants `x`; both then remove instead of publishing.
//! - *The fence is evicted or expires before the publish*: the publish finds no fence and removes value and lease
//!   **before** W is acknowledged, so nothing that was filled meanwhile outlives the acknowledgement. The old value then
//!   has an expiry that no fence explains, so an expiry as near as a fence's is doubted where another proxy may write:
//!   a command that keeps the expiry must not make it lasting.
//! - *W fails for certain*: the old value gets its own expiry back. *W's result is unknown*: the value is removed and
//!   the fence is left to expire, so a late effect in storage meets no cached value; in case the fence was lost, the
//!   value is removed once more after that time.
//! - *W was to depend on the old value, and storage holds another* (the condition of its write was not met): nothing
//!   was changed, but what W was computed from may be the value in `data`. It is removed, not restored: a stale one
//!   would make every such command after W run into the same conflict.
//! - *W changes several keys in one transaction*: all are fenced before storage is asked, and their fences remove the
//!   values. Otherwise R could miss one key, read its new value in storage, and then hit the old value of another.
//! - *R joins another's flight after its fill*: W may have been acknowledged since, so the result is not for R
//!   ([`crate::inflight`]).
//! - *Redis is lost*: what W could not remove is noted before W ends, and removed before Redis serves again
//!   ([`super::health`]); [`Script::Remove`] leaves fences, tainted. A lease from before does not make a fill good for
//!   others. A script of the given-up connection that runs late finds no lease, or no fence or a tainted one, and can
//!   only remove. A late fence shortens a value's life: for some time after an outage a near expiry is doubted.
//! - *Crash of the proxy after the fence*: the old value expires no later than the fence and no lease is granted
//!   before that, so the next read after it sees storage. *Crash after the lease*: the lease expires.
//! - *Eviction of `meta`* loses leases (the fill is refused), negative entries (one more storage read) or fences (above).
//!
//! `cache::model` checks all this by running the scripts in every order of small scenarios.
//!
//! **What remains.** In none of these cases does a read miss an acknowledged write. But in a shared Redis a value may
//! stay that is older than a write which was **not** acknowledged, until it is written, evicted or expires, if the
//! fence of that write is lost (evicted, expired while the proxy stood still, or gone with a restarted Redis), a
//! reader fills what it read before the write took effect, *and* the writing proxy dies before it concludes, or,
//! after an ambiguous result, before it removes the value once more. (A proxy that owns its Redis empties it after a
//! crash.) Three assumptions stand behind the rest: a request to storage takes effect, if at all, before a fence
//! expires that was planted when it was sent or, if its result is ambiguous, when it was given up; all proxies of a
//! cache have the same `fence`; and their clocks agree with Redis's as far as expiries matter. An ambiguous write
//! that takes effect late may also slip between the read and the write of a later command that changes the old value,
//! and is then overwritten as if it had never been applied.

use std::sync::LazyLock;

/// One Lua script with the SHA-1 that `EVALSHA` wants, computed by Redis at load time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    /// Read the value, and where it is missing take a lease.
    Lease,
    /// Put what storage said, if the lease still stands.
    Fill,
    /// Announce a write.
    Fence,
    /// Conclude a write.
    Publish,
    /// Remove value, lease and negative entry of many keys (recovery).
    Remove,
    /// Keep or find a position of SCAN for all proxies of this Redis ([`super::shared_cursors`]).
    Cursor,
}

impl Script {
    /// All scripts, in the order in which a connection loads them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Lease, Self::Fill, Self::Fence, Self::Publish, Self::Remove, Self::Cursor];

    /// The Lua source.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Lease => LEASE,
            Self::Fill => FILL,
            Self::Fence => FENCE,
            Self::Publish => PUBLISH,
            Self::Remove => REMOVE,
            Self::Cursor => super::shared_cursors::CURSOR,
        }
    }

    /// The SHA-1 of its source.
    pub(crate) fn hash(self) -> &'static str {
        static HASHES: LazyLock<[String; Script::ALL.len()]> = LazyLock::new(|| {
            Script::ALL.map(|script| redis::Script::new(script.source()).get_hash().to_owned())
        });
        HASHES.get(self.index()).map_or("", String::as_str)
    }

    /// Position in [`Script::ALL`].
    fn index(self) -> usize {
        match self {
            Self::Lease => 0,
            Self::Fill => 1,
            Self::Fence => 2,
            Self::Publish => 3,
            Self::Remove => 4,
            Self::Cursor => 5,
        }
    }
}

/// `KEYS` data, meta. `ARGV` token (empty: no lease wanted), lease ms, doubt ms, 'bare' if the value is not wanted, 'touch' if
/// moreover its copy is to count as just used.
/// Returns `{1, value, expiry ms or -1, doubtful, type}` (of any type but a string, the value is what DUMP makes), `{2}` negative, `{3}` fenced, `{0}` absent and the lease is granted.
/// The expiry is doubtful while a fence stands, and when it is no further away than `doubt ms`: it may be that of a fence
/// that was evicted. So it is when Lua cannot count it exactly. A record with fences lives exactly as long as the last
/// of them, so the presence of one decides.
const LEASE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local fenced, negative = 0, false
local meta = redis.call('HGETALL', KEYS[2])
for i = 1, #meta, 2 do
  local field = meta[i]
  if string.sub(field, 1, 1) == 'f' then
    fenced = 1
  elseif field == 'n' then
    negative = tonumber(meta[i + 1]) > now
  end
end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' then
  local value = ''
  if ARGV[4] == 'touch' then
    redis.call('TOUCH', KEYS[1])
  elseif ARGV[4] ~= 'bare' then
    value = redis.call(kind == 'string' and 'GET' or 'DUMP', KEYS[1])
  end
  local expiry = redis.pcall('PEXPIRETIME', KEYS[1])
  if type(expiry) ~= 'number' then
    -- Redis before 7 tells only what is left, by another reading of its clock: a millisecond off now and then.
    expiry = redis.call('PTTL', KEYS[1])
    if expiry >= 0 then
      expiry = now + expiry
      fenced = 1
    end
  end
  -- Lua's numbers are exact below 2^53.
  if expiry >= 0 and (expiry <= now + ARGV[3] or expiry >= 9007199254740992) then fenced = 1 end
  -- The nearest to the largest that Redis takes.
  return {1, value, string.format('%.0f', math.min(expiry, 9223372036854774784)), fenced, kind}
end
if fenced == 1 then return {3} end
if negative then return {2} end
if ARGV[1] ~= '' then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'l', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return {0}
";

/// `KEYS` data, meta. `ARGV` token, '1' if the item exists, value, expiry ms or '-1', negative ms, type.
/// Returns 1 when the lease stood. A payload that this Redis cannot load (a newer one made it) is not cached.
const FILL: &str = r"
if redis.call('HGET', KEYS[2], 'l') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if ARGV[2] == '1' then
  if ARGV[6] ~= 'string' then
    local until_ms = ARGV[4] == '-1' and '0' or ARGV[4]
    local loaded = redis.pcall('RESTORE', KEYS[1], until_ms, ARGV[3], 'REPLACE', 'ABSTTL')
    if loaded.err then
      redis.call('DEL', KEYS[1])
      return 0
    end
  elseif ARGV[4] == '-1' then
    redis.call('SET', KEYS[1], ARGV[3])
  else
    redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4])
  end
elseif tonumber(ARGV[5]) > 0 then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  redis.call('HSET', KEYS[2], 'n', string.format('%.0f', now + ARGV[5]))
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return 1
";

/// `KEYS` data, meta. `ARGV` token, fence ms, 'keep' or 'remove' the value.
/// Returns the expiry that `data` had: epoch ms, '-1' none, '-2' no value or removed.
/// The same instant is set on value, fence and record, so the value cannot outlive them.
const FENCE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ends = now + ARGV[2]
local last = ends
local contended = false
local meta = redis.call('HGETALL', KEYS[2])
local live = {}
for i = 1, #meta, 2 do
  if string.sub(meta[i], 1, 1) == 'f' and tonumber(meta[i + 1]) > now then
    contended = true
    last = math.max(last, tonumber(meta[i + 1]))
    live[#live + 1] = meta[i]
    live[#live + 1] = meta[i + 1]
  end
end
redis.call('DEL', KEYS[2])
local before = -2
if contended then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'x', '1', unpack(live))
elseif ARGV[3] == 'remove' then
  redis.call('DEL', KEYS[1])
else
  before = redis.pcall('PEXPIRETIME', KEYS[1])
  if type(before) ~= 'number' then
    -- Redis before 7 tells only what is left.
    before = redis.call('PTTL', KEYS[1])
    if before >= 0 then before = now + before end
  end
  if before >= 9007199254740992 then
    -- Lua cannot name that instant exactly, so that it could not be restored.
    redis.call('DEL', KEYS[1])
    before = -2
  elseif before == -1 or before > ends then
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
  end
end
redis.call('HSET', KEYS[2], 'f' .. ARGV[1], string.format('%.0f', ends))
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last))
return string.format('%.0f', before)
";

/// `KEYS` data, meta. `ARGV` token, outcome ('put', 'absent', 'restore', 'unknown'), value, expiry ms or '-1' or '-2',
/// negative ms, fence ms, type.
/// Returns 1 when published or restored, 0 when removed instead, 2 when left fenced.
const PUBLISH: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ends = now + ARGV[6]
local last = ends
local mine, others, tainted = false, false, false
local meta = redis.call('HGETALL', KEYS[2])
for i = 1, #meta, 2 do
  local field = meta[i]
  if string.sub(field, 1, 1) == 'f' and tonumber(meta[i + 1]) > now then
    last = math.max(last, tonumber(meta[i + 1]))
    if field == 'f' .. ARGV[1] then mine = true else others = true end
  elseif field == 'x' then
    tainted = true
  end
end
if ARGV[2] == 'unknown' then
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], 'l', 'n')
  redis.call('HSET', KEYS[2], 'f' .. ARGV[1], string.format('%.0f', ends))
  redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last))
  return 2
end
if not mine or others or tainted then
  redis.call('DEL', KEYS[1])
  if others then
    redis.call('HDEL', KEYS[2], 'l', 'n', 'f' .. ARGV[1])
    redis.call('HSET', KEYS[2], 'x', '1')
  else
    redis.call('DEL', KEYS[2])
  end
  return 0
end
redis.call('DEL', KEYS[2])
if ARGV[2] == 'put' then
  if ARGV[7] ~= 'string' then
    local until_ms = ARGV[4] == '-1' and '0' or ARGV[4]
    local loaded = redis.pcall('RESTORE', KEYS[1], until_ms, ARGV[3], 'REPLACE', 'ABSTTL')
    if loaded.err then
      redis.call('DEL', KEYS[1])
      return 0
    end
  elseif ARGV[4] == '-1' then
    redis.call('SET', KEYS[1], ARGV[3])
  else
    redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4])
  end
elseif ARGV[2] == 'absent' then
  redis.call('DEL', KEYS[1])
  if tonumber(ARGV[5]) > 0 then
    redis.call('HSET', KEYS[2], 'n', string.format('%.0f', now + ARGV[5]))
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
  end
elseif ARGV[4] == '-1' then
  redis.call('PERSIST', KEYS[1])
elseif ARGV[4] ~= '-2' then
  redis.call('PEXPIREAT', KEYS[1], ARGV[4])
end
return 1
";

/// `KEYS` data and meta of every key. Removes value, lease and negative entry. A fence stays, tainted: the write behind
/// it may still take effect, and a script of its given-up connection may still come; neither may find an open door.
/// The price: a key that was being written when Redis was lost is not cached again before that fence falls.
const REMOVE: &str = r"
for i = 1, #KEYS, 2 do
  local meta = KEYS[i + 1]
  redis.call('DEL', KEYS[i])
  redis.call('HDEL', meta, 'l', 'n')
  if redis.call('EXISTS', meta) == 1 then redis.call('HSET', meta, 'x', '1') end
end
return #KEYS
";
