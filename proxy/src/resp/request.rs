//! Requests that the proxy itself sends to Redis.

use bytes::{BufMut as _, BytesMut};

/// Appends a command of `count` words to `out`.
pub fn encode_request<'a>(out: &mut BytesMut, count: usize, words: impl Iterator<Item = &'a [u8]>) {
    let mut digits = itoa::Buffer::new();
    out.put_u8(b'*');
    out.put_slice(digits.format(count).as_bytes());
    out.put_slice(b"\r\n");
    for word in words {
        out.put_u8(b'$');
        out.put_slice(digits.format(word.len()).as_bytes());
        out.put_slice(b"\r\n");
        out.put_slice(word);
        out.put_slice(b"\r\n");
    }
}
