//! The bytes of a trace, decompressed.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;

/// Read buffer for the file, in bytes.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Windows up to 128 MiB, the most that `zstd --long` needs without a number.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Decompresses what begins like gzip or zstd; everything else passes unchanged. Files put together
/// from several compressed ones are read through.
///
/// # Errors
/// The first bytes cannot be read, or the decompressor cannot be set up.
pub fn decompressed(raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
    let start = raw.fill_buf()?;
    if start.starts_with(GZIP) {
        Ok(Box::new(MultiGzDecoder::new(raw)))
    } else if start.starts_with(ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(raw))
    }
}
