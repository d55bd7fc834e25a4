//! What a user's key is called inside the tenant's Redis.
//!
//! The value of key `k` lives under `k` itself, so that a client's `GET k` goes to Redis byte for byte. The coherence
//! record of `k` lives under `RESERVED + 'm' + k`. A user key that itself begins with `RESERVED` is moved to
//! `RESERVED + 'd' + k`, so no user key can name a record: the mapping is one to one. Positions
//! of SCAN that proxies share lie under `RESERVED + 's'` and their number.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Start of every name that is ours.
const RESERVED: &[u8] = b"\0hk";

/// The name of the marker that says a Redis belongs to HopperKV.
pub(crate) const OWNER_MARK: &[u8] = b"\0hko";

/// The name of the marker that a proxy leaves when it ends with nothing stale in its Redis.
pub(crate) const CLEAN_MARK: &[u8] = b"\0hkc";

/// True when the value of `key` is stored under `key` itself.
pub(crate) fn is_verbatim(key: &[u8]) -> bool {
    !key.starts_with(RESERVED)
}

/// Redis name of the value.
pub(crate) fn data(key: &Bytes) -> Bytes {
    if is_verbatim(key) { key.clone() } else { prefixed(b'd', key) }
}

/// Redis name of the coherence record.
pub(crate) fn meta(key: &[u8]) -> Bytes {
    prefixed(b'm', key)
}

/// Redis name of a position of SCAN.
pub(crate) fn cursor(number: u64) -> Bytes {
    prefixed(b's', &number.to_be_bytes())
}

fn prefixed(kind: u8, key: &[u8]) -> Bytes {
    let mut name = BytesMut::with_capacity(RESERVED.len() + 1 + key.len());
    name.put_slice(RESERVED);
    name.put_u8(kind);
    name.put_slice(key);
    name.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_keys_cannot_name_a_record() {
        let plain = Bytes::from_static(b"user:1");
        assert_eq!(data(&plain), plain);
        let forged = meta(&plain);
        assert_ne!(data(&forged), forged);
        assert_ne!(data(&forged), meta(&forged));
        assert_ne!(data(&Bytes::from_static(OWNER_MARK)), OWNER_MARK);
    }
}
