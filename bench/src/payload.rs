//! Keys and values whose every byte can be checked by any reader.
//!
//! A key is `K`, its offset in ten digits, `s`, its own size, `E`s and a final `Y`; a value is `V`,
//! the offset of its key, `s`, its own size, `A`s and a final `L`. Sizes are in bytes.

/// Digits of an offset.
const OFFSET_DIGITS: usize = 10;

/// Least bytes a key or value that states the size `bytes` can have.
#[must_use]
pub fn least_bytes(bytes: usize) -> usize {
    let digits = usize::try_from(bytes.checked_ilog10().unwrap_or(0)).unwrap_or(0) + 1;
    1 + OFFSET_DIGITS + 1 + digits + 1
}

/// Writes the key of `offset` with `bytes` bytes into `out`, replacing what was there.
pub fn write_key(out: &mut Vec<u8>, offset: u64, bytes: usize) {
    write_record(out, b'K', b'E', b'Y', offset, bytes);
}

/// Writes the value of `offset` with `bytes` bytes into `out`, replacing what was there.
pub fn write_value(out: &mut Vec<u8>, offset: u64, bytes: usize) {
    write_record(out, b'V', b'A', b'L', offset, bytes);
}

/// Keys or values of one size, of which only the offset differs: each is made by changing ten digits.
#[derive(Debug, Clone)]
pub struct Template {
    record: Vec<u8>,
}

impl Template {
    /// Of keys with `bytes` bytes.
    #[must_use]
    pub fn of_keys(bytes: usize) -> Self {
        let mut record = Vec::new();
        write_key(&mut record, 0, bytes);
        Self { record }
    }

    /// Of values with `bytes` bytes.
    #[must_use]
    pub fn of_values(bytes: usize) -> Self {
        let mut record = Vec::new();
        write_value(&mut record, 0, bytes);
        Self { record }
    }

    /// The one with this offset.
    pub fn with(&mut self, offset: u64) -> &[u8] {
        if let Some(digits) = self.record.get_mut(1..=OFFSET_DIGITS) {
            write_digits(digits, offset);
        }
        &self.record
    }
}

/// The offset of a key that [`write_key`] wrote; `None` of any other.
#[must_use]
pub fn offset_of_key(key: &[u8]) -> Option<u64> {
    let digits = key.get(1..=OFFSET_DIGITS)?;
    let offset = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let mut written = Vec::new();
    write_key(&mut written, offset, key.len());
    (written == key).then_some(offset)
}

/// Checks that `value` is, byte for byte, a value of `offset`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_value(value: &[u8], offset: u64) -> Result<(), String> {
    let bytes = value.len();
    let least = least_bytes(bytes);
    if bytes < least {
        return Err(format!("{bytes} bytes are too few for a value: {}", excerpt(value)));
    }
    let mut header = [0_u8; 40];
    let header_bytes = write_header(&mut header, b'V', offset, bytes);
    let (head, rest) = value.split_at(header_bytes);
    if head != &header[..header_bytes] {
        return Err(format!(
            "begins with {}, not {}",
            excerpt(head),
            excerpt(&header[..header_bytes])
        ));
    }
    match rest.split_last() {
        Some((b'L', fill)) => match fill.iter().position(|&byte| byte != b'A') {
            None => Ok(()),
            Some(at) => Err(format!("wrong byte at {} of {bytes}", header_bytes + at)),
        },
        _ => Err(format!("does not end with L but {}", excerpt(&value[bytes - 1..]))),
    }
}

/// The first bytes of `data` in printable form, for messages.
#[must_use]
pub fn excerpt(data: &[u8]) -> String {
    const SHOWN_BYTES: usize = 40;
    let shown = &data[..data.len().min(SHOWN_BYTES)];
    let dots = if data.len() > SHOWN_BYTES { "..." } else { "" };
    format!("\"{}{dots}\"", shown.escape_ascii())
}

fn write_record(out: &mut Vec<u8>, first: u8, fill: u8, last: u8, offset: u64, bytes: usize) {
    let mut header = [0_u8; 40];
    let header_bytes = write_header(&mut header, first, offset, bytes);
    out.clear();
    out.extend_from_slice(&header[..header_bytes]);
    out.resize(bytes.max(header_bytes + 1) - 1, fill);
    out.push(last);
}

/// Writes letter, offset, `s` and size; returns how many bytes that took.
fn write_header(header: &mut [u8; 40], first: u8, offset: u64, bytes: usize) -> usize {
    header[0] = first;
    write_digits(&mut header[1..=OFFSET_DIGITS], offset);
    header[OFFSET_DIGITS + 1] = b's';
    let at = OFFSET_DIGITS + 2;
    let mut divisor = 10_usize.pow(bytes.checked_ilog10().unwrap_or(0));
    let mut length = at;
    while divisor > 0 {
        header[length] = b'0' + u8::try_from(bytes / divisor % 10).unwrap_or(0);
        length += 1;
        divisor /= 10;
    }
    length
}

/// Writes a number over all of these bytes, with zeros in front.
fn write_digits(digits: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Values of a replayed trace: bytes that follow from key, size and version alone.
///
/// From 8 bytes on, the first eight are the version in hexadecimal, so that a value whose history
/// is unknown can still be checked whole. Shorter values follow from key and size only.
#[derive(Debug, Default)]
pub struct Versioned {
    scratch: Vec<u8>,
}

/// Bytes a version takes at the front of a value.
const VERSION_BYTES: usize = 8;

impl Versioned {
    /// The value of `size_bytes` bytes for the key with this hash, at this version.
    pub fn value(&mut self, key_hash: u64, size_bytes: usize, version: u32) -> &[u8] {
        let out = &mut self.scratch;
        out.clear();
        let mut state = key_hash ^ (size_bytes as u64).rotate_left(32);
        if size_bytes >= VERSION_BYTES {
            state ^= u64::from(version).wrapping_mul(0xA24B_AED4_963E_E407);
            for shift in (0..VERSION_BYTES).rev() {
                let nibble = u8::try_from(version >> (4 * shift) & 0xF).unwrap_or(0);
                out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
            }
        }
        while out.len() < size_bytes {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            out.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        out.truncate(size_bytes);
        out
    }

    /// Whether `value` is some version of a value for the key with this hash.
    pub fn is_any_version(&mut self, key_hash: u64, value: &[u8]) -> bool {
        let version = match value.first_chunk::<VERSION_BYTES>() {
            None => Some(0),
            Some(head) => {
                std::str::from_utf8(head).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok())
            }
        };
        version.is_some_and(|version| self.value(key_hash, value.len(), version) == value)
    }
}

/// A 64-bit hash of a key, the same on every machine and in every release: values depend on it.
#[must_use]
pub fn key_hash(key: &[u8]) -> u64 {
    let mut state = 0x243F_6A88_85A3_08D3 ^ key.len() as u64;
    for chunk in key.chunks(8) {
        let mut word = [0_u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        state ^= state >> 32;
    }
    state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    state ^ (state >> 29)
}

#[cfg(test)]
mod tests {
    use super::{
        Template, Versioned, check_value, least_bytes, offset_of_key, write_key, write_value,
    };
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn the_format_is_as_documented() {
        let mut out = Vec::new();
        write_key(&mut out, 42, 16);
        assert_eq!(out, b"K0000000042s16EY");
        write_key(&mut out, 42, 15);
        assert_eq!(out, b"K0000000042s15Y");
        assert_eq!(offset_of_key(b"K0000000042s16EY"), Some(42));
        for other in [&b"K0000000042s16EX"[..], b"K000000004", b"K0000000042s17EY", b""] {
            assert_eq!(offset_of_key(other), None);
        }
        write_value(&mut out, 7, 20);
        assert_eq!(out, b"V0000000007s20AAAAAL");
        assert_eq!((least_bytes(9), least_bytes(99), least_bytes(100)), (14, 15, 16));
    }

    #[test]
    fn a_wrong_byte_anywhere_is_found() {
        let mut value = Vec::new();
        for bytes in [16, 99, 100, 500, 1_000] {
            write_value(&mut value, 1_234_567_890, bytes);
            assert_eq!(value.len(), bytes);
            assert_eq!(check_value(&value, 1_234_567_890), Ok(()));
            for at in 0..bytes {
                value[at] ^= 1;
                assert!(check_value(&value, 1_234_567_890).is_err(), "byte {at} of {bytes}");
                value[at] ^= 1;
            }
            assert!(check_value(&value[..bytes - 1], 1_234_567_890).is_err());
            assert!(check_value(&value, 1_234_567_891).is_err());
        }
        assert!(check_value(b"", 0).is_err());
    }

    proptest! {
        #[test]
        fn a_template_gives_what_is_written_out(offset in 0_u64..10_000_000_000, bytes in 16_usize..700) {
            let (mut keys, mut values) = (Template::of_keys(bytes), Template::of_values(bytes));
            let mut out = Vec::new();
            for offset in [offset, offset / 1_000] {
                write_key(&mut out, offset, bytes);
                prop_assert_eq!(keys.with(offset), out.as_slice());
                write_value(&mut out, offset, bytes);
                prop_assert_eq!(values.with(offset), out.as_slice());
            }
        }

        #[test]
        fn versioned_values_have_their_size_and_check_out(
            hash in any::<u64>(), size in 0_usize..3_000, version in any::<u32>()
        ) {
            let mut versioned = Versioned::default();
            let value = versioned.value(hash, size, version).to_vec();
            prop_assert_eq!(value.len(), size);
            prop_assert!(versioned.is_any_version(hash, &value));
        }

        #[test]
        fn other_keys_versions_and_sizes_differ(
            hash in any::<u64>(), size in 16_usize..600, version in 0_u32..1_000, flip in 8_usize..16
        ) {
            let mut versioned = Versioned::default();
            let mut value = versioned.value(hash, size, version).to_vec();
            prop_assert!(versioned.value(hash, size, version + 1) != value.as_slice());
            prop_assert!(!versioned.is_any_version(hash ^ 1, &value));
            value[flip] ^= 0x10;
            prop_assert!(!versioned.is_any_version(hash, &value));
        }
    }
}
