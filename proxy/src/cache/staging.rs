//! Staging: a stock Redis computes a command on copies of the items it names.
//!
//! The copies lie under their own names in another database of the tenant's Redis, so that commands run as the client
//! sent them. One `MULTI` block brings them in, runs the commands, takes the results and clears up: nobody sees
//! anything of it, and nothing is evicted in between, since Redis evicts only before it begins with the block. A
//! connection that breaks leaves nothing behind: Redis runs a block as a whole or not at all. Scripts are sent as text,
//! not by their hashes: were one of them forgotten (`SCRIPT FLUSH`), the rest of the block would run without it.
//! Whatever is computed here is a proposal: nothing is stored or visible until storage has it.
//!
//! **Unchanged or not** is seen by comparing payloads. Where Redis does not write a copy as it read it, this needs a
//! base-line: elements of a hash table come in the order of its buckets, which RESTORE does not reproduce; and a small
//! hash table or skip list becomes a packed list or a set of integers when it is loaded. So such a copy is dumped again
//! when it has been brought in, and what the commands leave behind is compared with that.
//!
//! A read that names one key can also run on the cached copy itself, within a block that tells whether there was one
//! ([`Upstream::on_copy`]).

use bytes::Bytes;
use redis_protocol::resp2::types::BytesFrame;

use super::names;
use super::upstream::{CacheLost, Upstream};
use crate::command::{Item, ValueKind};

/// Brings copies in. `KEYS` the keys; `ARGV` for each: type (empty: absent), value, expiry ms or '-1'.
/// Returns for each key a digest of the copy, where it is needed as a base-line, or ''; or the error of a payload that
/// this Redis cannot load.
const STAGE: &str = r"
local baselines = {}
for i, key in ipairs(KEYS) do
  redis.call('DEL', key)
  baselines[i] = ''
  local kind, value, until_ms = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  if kind == 'string' then
    redis.call('SET', key, value)
    if until_ms ~= '-1' then redis.call('PEXPIREAT', key, until_ms) end
  elseif kind ~= '' then
    local loaded = redis.pcall('RESTORE', key, until_ms == '-1' and '0' or until_ms, value, 'ABSTTL')
    if loaded.err then return loaded end
    -- A set, hash or sorted set written element by element; 3 is how Redis before 4 wrote sorted sets.
    local written = string.byte(value)
    local by_element = written == 2 or written == 3 or written == 4 or written == 5
    local encoding = redis.call('OBJECT', 'ENCODING', key)
    if encoding == 'hashtable' or by_element then
      baselines[i] = redis.sha1hex(redis.call('DUMP', key))
    end
  end
end
return baselines
";

/// Takes the items under `KEYS` and removes them. Returns for each `{}` or `{type, value, expiry ms or '-1', digest}`,
/// the digest '' where no base-line is taken of such a copy. A sorted set that Redis unpacked for its own ends (SORT does
/// so, and ZUNIONSTORE leaves one) is packed again where it would be when it is loaded, or it would count as changed.
const CAPTURE: &str = r"
local taken = {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then
    taken[i] = {}
  else
    local value = redis.call(kind == 'string' and 'GET' or 'DUMP', key)
    local until_ms = redis.pcall('PEXPIRETIME', key)
    if type(until_ms) ~= 'number' then
      -- Redis before 7 tells only what is left.
      until_ms = redis.call('PTTL', key)
      if until_ms >= 0 then
        local t = redis.call('TIME')
        until_ms = t[1] * 1000 + math.floor(t[2] / 1000) + until_ms
      end
    end
    local digest = ''
    local is_long = false
    if kind == 'zset' and redis.call('OBJECT', 'ENCODING', key) == 'skiplist' then
      is_long = redis.call('ZCARD', key) > 1024
      if not is_long then
        redis.call('DEL', key)
        redis.call('RESTORE', key, 0, value)
        value = redis.call('DUMP', key)
      end
    end
    if kind == 'set' or kind == 'hash' or (kind == 'zset' and not is_long) then
      digest = redis.sha1hex(value)
    end
    -- Of the largest numbers Lua knows the nearest that Redis takes.
    taken[i] = {kind, value, string.format('%.0f', math.min(until_ms, 9223372036854774784)), digest}
    redis.call('DEL', key)
  end
end
if redis.call('DBSIZE') > 0 then
  redis.call('FLUSHDB')
  return redis.error_reply('ERR the command wrote to a key that it was not given; nothing was changed')
end
return taken
";

/// What a block computed.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The reply to each command, as Redis encoded it.
    pub(crate) replies: Vec<Bytes>,
    /// The items under the keys afterwards.
    pub(crate) after: Vec<Option<Item>>,
}

/// Why nothing was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StageError {
    /// Redis could not be asked.
    Lost,
    /// Redis would not take a command or a copy; the text of its error.
    Refused(Bytes),
}

impl From<CacheLost> for StageError {
    fn from(_: CacheLost) -> Self {
        Self::Lost
    }
}

/// What a read says that ran on the cached copy.
#[derive(Debug)]
pub(crate) struct OnCopy {
    /// Whether there was a copy.
    pub(crate) exists: bool,
    /// Whether the key was known to be absent in storage.
    pub(crate) negative: bool,
    /// The reply, as Redis encoded it; without a copy, that for an absent key.
    pub(crate) reply: Bytes,
}

impl Upstream {
    /// Runs `commands` on copies of `items`, which lie under `keys`.
    ///
    /// # Errors
    /// [`StageError`]; nothing was changed in any case.
    pub(crate) async fn stage(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        commands: &[Vec<Bytes>],
    ) -> Result<Staged, StageError> {
        let last = eval(CAPTURE, keys);
        let (brought, mut replies) = self.staging_block(keys, items, commands, last).await?;
        let captured = replies.pop().unwrap_or_default();
        if let Some(error) = captured.strip_prefix(b"-") {
            return Err(StageError::Refused(in_plain_words(error)));
        }
        let after = items_after(&brought, &captured, items).ok_or(StageError::Lost)?;
        Ok(Staged { replies, after })
    }

    /// Runs a command that changes nothing on copies of `items`.
    ///
    /// # Errors
    /// [`StageError`].
    pub(crate) async fn stage_read(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        command: Vec<Bytes>,
    ) -> Result<Bytes, StageError> {
        let mut last = vec![Bytes::from_static(b"UNLINK")];
        last.extend(keys.iter().cloned());
        if keys.is_empty() {
            last = vec![Bytes::from_static(b"PING")];
        }
        let (_, mut replies) = self.staging_block(keys, items, &[command], last).await?;
        replies.truncate(1);
        replies.pop().ok_or(StageError::Lost)
    }

    /// Lets Redis read a script; its hash, or Redis's error.
    ///
    /// # Errors
    /// [`StageError`]: Redis could not be asked.
    pub(crate) async fn load_script(&self, text: &Bytes) -> Result<Bytes, StageError> {
        if !self.is_usable() {
            return Err(StageError::Lost);
        }
        let load = vec![Bytes::from_static(b"SCRIPT"), Bytes::from_static(b"LOAD"), text.clone()];
        let mut results = self.block(&[words(&["MULTI"]), load, words(&["EXEC"])]).await?;
        results.pop().ok_or(StageError::Lost)
    }

    /// Runs a read of `key` on the cached copy, and tells whether there is one.
    ///
    /// # Errors
    /// [`StageError`].
    pub(crate) async fn on_copy(
        &self,
        key: &Bytes,
        command: Vec<Bytes>,
    ) -> Result<OnCopy, StageError> {
        if !self.is_usable() {
            return Err(StageError::Lost);
        }
        let block = [
            words(&["MULTI"]),
            vec![Bytes::from_static(b"EXISTS"), names::data(key)],
            // A negative entry expires with its record, and lease or fence removes it.
            vec![Bytes::from_static(b"HEXISTS"), names::meta(key), Bytes::from_static(b"n")],
            command,
            words(&["EXEC"]),
        ];
        let mut results = self.block(&block).await?;
        let reply = results.pop().unwrap_or_default();
        match results.as_slice() {
            [exists, negative] => {
                Ok(OnCopy { exists: *exists == ":1\r\n", negative: *negative == ":1\r\n", reply })
            }
            _ => Err(StageError::Lost),
        }
    }

    /// The reply to `Stage`, and those to `commands` and `last`.
    async fn staging_block(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        commands: &[Vec<Bytes>],
        last: Vec<Bytes>,
    ) -> Result<(Bytes, Vec<Bytes>), StageError> {
        if !self.is_usable() {
            return Err(StageError::Lost);
        }
        if let Some(refusal) = self.staging_refusal().await {
            return Err(StageError::Refused(refusal));
        }
        let mut block = Vec::with_capacity(commands.len() + 6);
        block.push(words(&["MULTI"]));
        block.push(words(&["SELECT", self.staging_db()]));
        block.push(stage(keys, items));
        block.extend(commands.iter().cloned());
        block.push(last);
        block.push(words(&["SELECT", &self.db().to_string()]));
        block.push(words(&["EXEC"]));
        let mut results = self.block(&block).await?;
        if results.len() != commands.len() + 4 {
            return Err(StageError::Lost);
        }
        results.pop();
        let mut brought = results.drain(..2);
        let (selected, brought_in) = (brought.next(), brought.next().unwrap_or_default());
        drop(brought);
        for step in [&selected.unwrap_or_default(), &brought_in] {
            if let Some(error) = step.strip_prefix(b"-") {
                return Err(StageError::Refused(in_plain_words(error)));
            }
        }
        Ok((brought_in, results))
    }
}

fn words(words: &[&str]) -> Vec<Bytes> {
    words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

fn eval(script: &'static str, keys: &[Bytes]) -> Vec<Bytes> {
    let mut words = vec![
        Bytes::from_static(b"EVAL"),
        Bytes::from_static(script.as_bytes()),
        Bytes::from(keys.len().to_string()),
    ];
    words.extend(keys.iter().cloned());
    words
}

fn stage(keys: &[Bytes], items: &[Option<Item>]) -> Vec<Bytes> {
    let mut words = eval(STAGE, keys);
    for item in items {
        let expiry = item.as_ref().and_then(|i| i.expires_at_ms);
        words.extend([
            Bytes::from_static(item.as_ref().map_or("", |i| i.kind.name()).as_bytes()),
            item.as_ref().map_or_else(Bytes::new, |i| i.value.clone()),
            expiry.map_or(Bytes::from_static(b"-1"), |at_ms| Bytes::from(at_ms.to_string())),
        ]);
    }
    words
}

/// What a client is told when a copy could not be brought in. Redis adds where in a script it happened.
fn in_plain_words(error: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(error.trim_ascii_end()).into_owned();
    let text = text.split(" script: ").next().unwrap_or_default().trim_end_matches(',');
    if text.contains("DUMP payload version or checksum") || text.contains("Bad data format") {
        return Bytes::from_static(
            b"ERR the stored value cannot be loaded: a newer Redis than the tenant's made it, or it is damaged; nothing \
              was changed",
        );
    }
    Bytes::copy_from_slice(text.as_bytes())
}

/// The items after the block; those as they were that the block did not change.
fn items_after(
    brought: &Bytes,
    captured: &Bytes,
    before: &[Option<Item>],
) -> Option<Vec<Option<Item>>> {
    let (baselines, taken) = (frames_of(brought)?, frames_of(captured)?);
    if baselines.len() != before.len() || taken.len() != before.len() {
        return None;
    }
    let all = taken.into_iter().zip(baselines).zip(before);
    all.map(|((taken, baseline), before)| item_after(taken, &baseline, before.as_ref())).collect()
}

fn frames_of(reply: &Bytes) -> Option<Vec<BytesFrame>> {
    match redis_protocol::resp2::decode::decode_bytes(reply) {
        Ok(Some((BytesFrame::Array(frames), _))) => Some(frames),
        _ => None,
    }
}

fn item_after(
    taken: BytesFrame,
    baseline: &BytesFrame,
    before: Option<&Item>,
) -> Option<Option<Item>> {
    let BytesFrame::Array(parts) = taken else { return None };
    match parts.as_slice() {
        [] => Some(None),
        [
            BytesFrame::BulkString(kind),
            BytesFrame::BulkString(value),
            BytesFrame::BulkString(expiry),
            BytesFrame::BulkString(digest),
        ] => {
            let kind = ValueKind::named(kind)?;
            let expires_at_ms = std::str::from_utf8(expiry).ok()?.parse().ok();
            let is_same = !digest.is_empty()
                && matches!(baseline, BytesFrame::BulkString(base) if base == digest);
            let value = match before {
                Some(before) if is_same && before.kind == kind => before.value.clone(),
                _ => value.clone(),
            };
            Some(Some(Item { kind, value, expires_at_ms }))
        }
        _ => None,
    }
}
