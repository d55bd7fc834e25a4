//! Finds requests in a connection's read buffer without copying or allocating.
//!
//! The scanner is told the whole unread buffer each time and remembers how far it got, so a request
//! that arrives in many small reads costs one pass. What it accepts, down to the carriage return
//! it looks for and the line feed it does not check, is what Redis accepts.

use super::header::short_header;
use super::{ProtocolError, parse_i64, split_inline};
use bytes::Bytes;
use memchr::memchr;

/// Arguments a connection keeps room for between requests.
const KEPT_SPANS: usize = 1024;

/// A bound on lines that is not below this does not concern the usual request.
const USUAL_LINE_BYTES: u32 = 16;

/// Bounds on what a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimits {
    /// Arguments of one request.
    pub max_args: u32,
    /// Bytes of one argument. Above what storage can hold, so that a value that is merely too big
    /// gets an error reply and the connection lives on.
    pub max_bulk_bytes: u32,
    /// Bytes of a line: an inline command, or a length header.
    pub max_line_bytes: u32,
    /// Bytes of one whole request.
    pub max_request_bytes: u32,
}

impl ScanLimits {
    /// Redis's bounds for a connection that has not authenticated: 10 arguments of 16 KiB.
    pub const UNAUTHENTICATED_ARGS: u32 = 10;
    /// See [`Self::UNAUTHENTICATED_ARGS`].
    pub const UNAUTHENTICATED_BULK_BYTES: u32 = 16 * 1024;
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self {
            max_args: 100_000,
            max_bulk_bytes: (1024 + 64) * 1024,
            max_line_bytes: 64 * 1024,
            max_request_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a scan found at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// More bytes are needed; pass the same buffer again when it has grown.
    Incomplete,
    /// A request without arguments (`*0`, `*-1`, an empty line) of `len` bytes: drop them, reply
    /// nothing.
    Empty {
        /// Bytes to drop.
        len: usize,
    },
    /// A request of `len` bytes; its arguments are in the scanner until the next scan.
    Request {
        /// Bytes the request takes up in the buffer.
        len: usize,
    },
}

/// An incremental scanner for the requests of one connection.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Where the next unread element begins.
    position: usize,
    /// How far the line at `position` was searched for its end.
    searched: usize,
    /// Arguments still to come; none while a request's first line is awaited.
    args_left: u32,
    /// Announced length of the argument at `position`, once its header is read.
    bulk: Option<u32>,
    /// Offset and length of each argument: in the buffer, or in `inline`.
    spans: Vec<(u32, u32)>,
    inline: Vec<u8>,
    is_inline: bool,
    /// The last scan ended a request; the next begins one.
    finished: bool,
}

impl Scanner {
    /// A scanner at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for one request at the front of `buffer`. After [`Scan::Incomplete`] the next call
    /// must pass the same bytes with more appended; after the other two, the bytes that follow
    /// `len`.
    ///
    /// `authenticated` is whether the connection has proved who it is (or need not).
    ///
    /// # Errors
    /// The bytes are no request, or one over the limits. Nothing after them can be trusted: reply
    /// and close.
    pub fn scan(
        &mut self,
        buffer: &[u8],
        limits: &ScanLimits,
        authenticated: bool,
    ) -> Result<Scan, ProtocolError> {
        if self.finished {
            self.restart();
        }
        if self.args_left == 0 {
            if self.searched == 0 && self.usual(buffer, limits).is_some() {
                return Ok(Scan::Request { len: self.position });
            }
            match buffer.first() {
                None => return Ok(Scan::Incomplete),
                Some(b'*') => {
                    let Some(count) = self.count_header(buffer, limits, authenticated)? else {
                        return Ok(Scan::Incomplete);
                    };
                    if count == 0 {
                        return Ok(self.empty());
                    }
                    self.args_left = count;
                }
                Some(_) => return self.inline(buffer, limits),
            }
        }
        while self.args_left > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => match self.bulk_header(buffer, limits, authenticated)? {
                    Some(len) => len,
                    None => return Ok(Scan::Incomplete),
                },
            };
            let end = self.position + to_usize(len) + 2;
            if buffer.len() < end {
                self.bulk = Some(len);
                return Ok(Scan::Incomplete);
            }
            self.spans.push((to_u32(self.position)?, len));
            self.bulk = None;
            self.position = end;
            self.searched = end;
            self.args_left -= 1;
        }
        self.finished = true;
        Ok(Scan::Request { len: self.position })
    }

    /// Room the buffer should have for the next scan to get further: lets the reader reserve once
    /// for a large argument. A hint, not a number of bytes to wait for.
    pub fn needed_bytes(&self) -> usize {
        match self.bulk {
            Some(len) => self.position + to_usize(len) + 2,
            None => self.searched + 2,
        }
    }

    /// Arguments of the request just found.
    pub fn arg_count(&self) -> usize {
        self.spans.len()
    }

    /// Argument `index` of the request just found at the front of `buffer`.
    pub fn arg<'a>(&'a self, buffer: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let (offset, len) = *self.spans.get(index)?;
        let source = if self.is_inline { self.inline.as_slice() } else { buffer };
        source.get(to_usize(offset)..to_usize(offset) + to_usize(len))
    }

    /// The arguments of the request just found as offset and length into the buffer; `None` for an
    /// inline command, whose words were unescaped elsewhere.
    pub fn spans(&self) -> Option<&[(u32, u32)]> {
        (!self.is_inline).then_some(self.spans.as_slice())
    }

    /// Appends the arguments of the request just found to `args`, as slices of `frame`: the `len`
    /// bytes of the request, frozen. Nothing is copied except the words of an inline command.
    pub fn take_args(&mut self, frame: &Bytes, args: &mut Vec<Bytes>) {
        let words;
        let source = if self.is_inline {
            words = Bytes::from(std::mem::take(&mut self.inline));
            &words
        } else {
            frame
        };
        args.reserve(self.spans.len());
        for (offset, len) in self.spans.drain(..) {
            let start = to_usize(offset).min(source.len());
            let end = (start + to_usize(len)).min(source.len());
            args.push(source.slice(start..end));
        }
    }

    fn restart(&mut self) {
        self.position = 0;
        self.searched = 0;
        // One huge request must not cost memory for as long as the connection lives.
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
        self.inline.clear();
        self.is_inline = false;
        self.finished = false;
    }

    fn empty(&mut self) -> Scan {
        self.finished = true;
        Scan::Empty { len: self.position }
    }

    /// Takes a request of the usual kind, few short arguments and all of it there, in one pass. `None` if it is another:
    /// then nothing has been done.
    #[inline]
    fn usual(&mut self, buffer: &[u8], limits: &ScanLimits) -> Option<()> {
        let (count, mut end) = short_header(buffer, 0, b'*')?;
        let is_few = (1..=ScanLimits::UNAUTHENTICATED_ARGS.min(limits.max_args)).contains(&count);
        if !is_few || limits.max_line_bytes < USUAL_LINE_BYTES {
            return None;
        }
        for _ in 0..count {
            let found = self.usual_argument(buffer, end, limits);
            let Some(next) = found else {
                self.spans.clear();
                return None;
            };
            end = next;
        }
        self.position = end;
        self.finished = true;
        Some(())
    }

    #[inline]
    fn usual_argument(&mut self, buffer: &[u8], at: usize, limits: &ScanLimits) -> Option<usize> {
        let (len, start) = short_header(buffer, at, b'$')?;
        let end = start + to_usize(len) + 2;
        let is_short = len <= ScanLimits::UNAUTHENTICATED_BULK_BYTES.min(limits.max_bulk_bytes);
        if !is_short || end > buffer.len() || end > to_usize(limits.max_request_bytes) {
            return None;
        }
        self.spans.push((to_u32(start).ok()?, len));
        Some(end)
    }

    /// Reads `*N`; `N` below one counts as zero.
    fn count_header(
        &mut self,
        buffer: &[u8],
        limits: &ScanLimits,
        authenticated: bool,
    ) -> Result<Option<u32>, ProtocolError> {
        let Some(line) = self.header(buffer, limits, ProtocolError::CountLineTooLong)? else {
            return Ok(None);
        };
        let count = line
            .split_first()
            .and_then(|(_, digits)| parse_i64(digits))
            .filter(|count| *count <= i64::from(limits.max_args))
            .ok_or(ProtocolError::InvalidMultibulkLength)?;
        let count = u32::try_from(count.max(0)).unwrap_or(0);
        if count > ScanLimits::UNAUTHENTICATED_ARGS && !authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        Ok(Some(count))
    }

    /// Reads `$N`.
    fn bulk_header(
        &mut self,
        buffer: &[u8],
        limits: &ScanLimits,
        authenticated: bool,
    ) -> Result<Option<u32>, ProtocolError> {
        let Some(line) = self.header(buffer, limits, ProtocolError::BulkLineTooLong)? else {
            return Ok(None);
        };
        let digits = match line.split_first() {
            Some((b'$', digits)) => digits,
            Some((other, _)) => return Err(ProtocolError::ExpectedBulk(*other)),
            None => return Err(ProtocolError::ExpectedBulk(b'\r')),
        };
        let len = parse_i64(digits)
            .and_then(|len| u32::try_from(len).ok())
            .filter(|len| *len <= limits.max_bulk_bytes)
            .ok_or(ProtocolError::InvalidBulkLength)?;
        if len > ScanLimits::UNAUTHENTICATED_BULK_BYTES && !authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        if self.position + to_usize(len) + 2 > to_usize(limits.max_request_bytes) {
            return Err(ProtocolError::RequestTooBig);
        }
        Ok(Some(len))
    }

    /// Takes the line at `position` when it is complete: up to a carriage return and one byte more.
    fn header<'a>(
        &mut self,
        buffer: &'a [u8],
        limits: &ScanLimits,
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        // Headers are a few bytes: a plain loop beats a vector search there.
        let near = unsearched.iter().take(12).position(|byte| *byte == b'\r');
        let Some(found) = near.or_else(|| memchr(b'\r', unsearched)) else {
            self.searched = buffer.len();
            return match buffer.len() - self.position > to_usize(limits.max_line_bytes) {
                true => Err(too_long),
                false => Ok(None),
            };
        };
        let end = self.searched + found;
        if buffer.len() < end + 2 {
            self.searched = end;
            return Ok(None);
        }
        let line = buffer.get(self.position..end);
        self.position = end + 2;
        self.searched = self.position;
        Ok(line)
    }

    fn inline(&mut self, buffer: &[u8], limits: &ScanLimits) -> Result<Scan, ProtocolError> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let end = memchr(b'\n', unsearched).map(|found| self.searched + found);
        if end.unwrap_or(buffer.len()) > to_usize(limits.max_line_bytes) {
            return Err(ProtocolError::InlineTooLong);
        }
        let Some(end) = end else {
            self.searched = buffer.len();
            return Ok(Scan::Incomplete);
        };
        let line = buffer.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut ends = Vec::new();
        split_inline(line, &mut self.inline, &mut ends)?;
        self.position = end + 1;
        if ends.is_empty() {
            return Ok(self.empty());
        }
        let mut start = 0;
        for end in ends {
            self.spans.push((start, end - start));
            start = end;
        }
        self.is_inline = true;
        self.finished = true;
        Ok(Scan::Request { len: self.position })
    }
}

fn to_u32(offset: usize) -> Result<u32, ProtocolError> {
    u32::try_from(offset).map_err(|_| ProtocolError::RequestTooBig)
}

fn to_usize(len: u32) -> usize {
    len as usize
}
