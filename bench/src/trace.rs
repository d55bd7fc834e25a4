//! Streams requests out of a CSV trace: `time,object,size`, or the seven Twitter columns.
//!
//! Gzip is recognised by its first bytes, so that it works on standard input too. A header line
//! names the columns (any order); without one the number of columns decides. Lines that do not
//! parse are counted, and the first is kept with its number.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use serde::Serialize;

use crate::error::LoadError;

/// Largest item DynamoDB stores, in bytes.
const ITEM_BYTES: usize = 400 * 1024;
/// Room left in an item for attribute names, expiry and other bookkeeping, in bytes.
const ITEM_OVERHEAD_BYTES: usize = 128;
/// Longest key DynamoDB takes, in bytes.
const MAX_KEY_BYTES: usize = 2048;
/// Read buffer for the file, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// What a trace line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceOp {
    /// Read the key.
    Get,
    /// Write the key.
    Set,
    /// Remove the key.
    Delete,
    /// Add this to the key's integer.
    Add(i64),
}

/// One request of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    /// The key, as the trace spells it.
    pub key: Box<[u8]>,
    /// The operation.
    pub op: TraceOp,
    /// Size of the value, in bytes, already clamped to what an item holds.
    pub size_bytes: u32,
    /// Time to live in seconds; 0 is none.
    pub ttl_s: u32,
}

/// What the reader noticed besides requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TraceNotes {
    /// Requests handed out.
    pub requests: u64,
    /// Lines that did not parse.
    pub malformed: u64,
    /// The first of them: line number and what is wrong.
    pub first_malformed: Option<String>,
    /// Sizes cut to what an item of 400 KB holds.
    pub clamped: u64,
    /// Operations that have no counterpart here.
    pub skipped_ops: u64,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    key: usize,
    size: usize,
    op: Option<usize>,
    ttl: Option<usize>,
}

/// A trace being read.
pub struct TraceReader {
    name: String,
    csv: Reader<Box<dyn Read + Send>>,
    columns: Columns,
    record: ByteRecord,
    /// Whether `record` holds a data line that has not been handed out yet.
    held: bool,
    notes: TraceNotes,
}

impl std::fmt::Debug for TraceReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TraceReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TraceReader {
    /// Opens a file, or standard input for `-`, and finds out its columns.
    ///
    /// # Errors
    /// A missing file, or a first line that is none of the known layouts.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let raw: Box<dyn Read + Send> = if name == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(path)
                .map_err(|source| LoadError::File { path: path.to_owned(), source })?;
            Box::new(file)
        };
        Self::from_reader(name, raw)
    }

    /// Reads a trace from any source of bytes; `name` appears in messages.
    ///
    /// # Errors
    /// As [`TraceReader::open`].
    pub fn from_reader(name: String, raw: Box<dyn Read + Send>) -> Result<Self, LoadError> {
        let fail = |problem: String| LoadError::Trace { name: name.clone(), problem };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
        let start = raw.fill_buf().map_err(|error| fail(error.to_string()))?;
        let plain: Box<dyn Read + Send> = if start.starts_with(&[0x1f, 0x8b]) {
            Box::new(MultiGzDecoder::new(raw))
        } else {
            Box::new(raw)
        };
        let mut csv = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(plain);
        let mut record = ByteRecord::new();
        let any = csv.read_byte_record(&mut record).map_err(|error| fail(error.to_string()))?;
        if !any {
            return Err(fail("is empty".to_owned()));
        }
        let (columns, held) = detect(&record).map_err(fail)?;
        Ok(Self { name, csv, columns, record, held, notes: TraceNotes::default() })
    }

    /// The next request, or `None` at the end.
    ///
    /// # Errors
    /// A read error or a damaged gzip stream; lines that merely do not parse are only counted.
    pub fn next_request(&mut self) -> Result<Option<TraceRequest>, LoadError> {
        loop {
            if !std::mem::take(&mut self.held) {
                let more = self.csv.read_byte_record(&mut self.record).map_err(|error| {
                    let problem =
                        format!("damaged after line {}: {error}", self.csv.position().line());
                    LoadError::Trace { name: self.name.clone(), problem }
                })?;
                if !more {
                    return Ok(None);
                }
            }
            match self.parse() {
                Ok(Some(request)) => {
                    self.notes.requests += 1;
                    return Ok(Some(request));
                }
                Ok(None) => self.notes.skipped_ops += 1,
                Err(problem) => {
                    self.notes.malformed += 1;
                    let line = self.record.position().map_or(0, csv::Position::line);
                    self.notes
                        .first_malformed
                        .get_or_insert_with(|| format!("line {line}: {problem}"));
                }
            }
        }
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &TraceNotes {
        &self.notes
    }

    /// Parses the held record; `None` is an operation that is skipped.
    fn parse(&mut self) -> Result<Option<TraceRequest>, String> {
        let Columns { key, size, op, ttl } = self.columns;
        let key = self.field(key, "key")?;
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(format!(
                "a key of {} bytes (1 to {MAX_KEY_BYTES} are possible)",
                key.len()
            ));
        }
        let key: Box<[u8]> = key.into();
        let op = match op {
            None => TraceOp::Get,
            Some(column) => match parse_op(self.field(column, "op")?) {
                Some(op) => op,
                None => return Ok(None),
            },
        };
        let size = self.number(size, "size")?;
        let ttl_s = match ttl {
            Some(column) => u32::try_from(self.number(column, "ttl")?).unwrap_or(u32::MAX),
            None => 0,
        };
        let most = ITEM_BYTES - ITEM_OVERHEAD_BYTES - key.len();
        let fitting = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        if fitting as u64 != size {
            self.notes.clamped += 1;
        }
        let size_bytes = u32::try_from(fitting).unwrap_or(u32::MAX);
        Ok(Some(TraceRequest { key, op, size_bytes, ttl_s }))
    }

    fn field(&self, column: usize, name: &str) -> Result<&[u8], String> {
        self.record.get(column).map(<[u8]>::trim_ascii).ok_or_else(|| {
            format!("{} columns, {name} would be column {}", self.record.len(), column + 1)
        })
    }

    fn number(&self, column: usize, name: &str) -> Result<u64, String> {
        let text = self.field(column, name)?;
        std::str::from_utf8(text).ok().and_then(|digits| digits.parse().ok()).ok_or_else(|| {
            format!("{name} `{}` is not a whole number", String::from_utf8_lossy(text))
        })
    }
}

/// Finds the columns from the first record; true if that record is data already.
fn detect(first: &ByteRecord) -> Result<(Columns, bool), String> {
    let begins_with_number = first.get(0).is_some_and(|field| {
        std::str::from_utf8(field.trim_ascii()).is_ok_and(|text| text.parse::<f64>().is_ok())
    });
    if begins_with_number {
        return match first.len() {
            3 => Ok((Columns { key: 1, size: 2, op: None, ttl: None }, true)),
            7 => Ok((Columns { key: 1, size: 3, op: Some(5), ttl: Some(6) }, true)),
            count => Err(format!(
                "{count} columns; expected time,object,size or \
                 timestamp,key,key_size,value_size,client_id,op,ttl"
            )),
        };
    }
    let find = |names: &[&str]| {
        first.iter().position(|field| {
            let field = field.trim_ascii().to_ascii_lowercase();
            names.iter().any(|name| name.as_bytes() == field.as_slice())
        })
    };
    let key = find(&["key", "object", "obj_id", "id"]);
    let size = find(&["value_size", "val_size", "size", "obj_size"]);
    let (Some(key), Some(size)) = (key, size) else {
        let header = String::from_utf8_lossy(first.as_slice()).into_owned();
        return Err(format!(
            "the first line ({} columns, {header:.60}) is neither data nor a header with a key \
             (key, object) and a size (size, value_size)",
            first.len(),
        ));
    };
    let (op, ttl) = (find(&["op", "operation"]), find(&["ttl"]));
    Ok((Columns { key, size, op, ttl }, false))
}

fn parse_op(text: &[u8]) -> Option<TraceOp> {
    match text.to_ascii_lowercase().as_slice() {
        b"get" | b"gets" => Some(TraceOp::Get),
        b"set" | b"add" | b"replace" | b"cas" | b"append" | b"prepend" => Some(TraceOp::Set),
        b"delete" | b"del" => Some(TraceOp::Delete),
        b"incr" => Some(TraceOp::Add(1)),
        b"decr" => Some(TraceOp::Add(-1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{TraceOp, TraceReader, TraceRequest};
    use std::io::{Cursor, Write};

    fn reader(text: &[u8]) -> TraceReader {
        TraceReader::from_reader("test".into(), Box::new(Cursor::new(text.to_vec()))).unwrap()
    }

    fn all(reader: &mut TraceReader) -> Vec<TraceRequest> {
        std::iter::from_fn(|| reader.next_request().unwrap()).collect()
    }

    fn request(key: &str, op: TraceOp, size_bytes: u32, ttl_s: u32) -> TraceRequest {
        TraceRequest { key: key.as_bytes().into(), op, size_bytes, ttl_s }
    }

    #[test]
    fn sizes_traces_are_gets_with_or_without_header_and_gzip() {
        let expected = [request("a", TraceOp::Get, 737, 0), request("b\"", TraceOp::Get, 0, 0)];
        let bare = b"0,a,737\r\n1.5,b\",0\n";
        assert_eq!(all(&mut reader(bare)), expected);
        let headed = [b"Time,Object,Size\n".as_slice(), bare].concat();
        assert_eq!(all(&mut reader(&headed)), expected);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&headed).unwrap();
        assert_eq!(all(&mut reader(&gz.finish().unwrap())), expected);
    }

    #[test]
    fn twitter_traces_have_operations_and_ttl() {
        let text = b"0,k1,2,100,7,get,0\n0,k1,2,100,7,set,60\n0,k2,2,0,7,delete,0\n\
                     0,k3,2,8,7,incr,0\n0,k3,2,8,7,decr,0\n0,k4,2,8,7,flush,0\n0,k5,2,8,7,CAS,1\n";
        let mut reader = reader(text);
        let expected = [
            request("k1", TraceOp::Get, 100, 0),
            request("k1", TraceOp::Set, 100, 60),
            request("k2", TraceOp::Delete, 0, 0),
            request("k3", TraceOp::Add(1), 8, 0),
            request("k3", TraceOp::Add(-1), 8, 0),
            request("k5", TraceOp::Set, 8, 1),
        ];
        assert_eq!(all(&mut reader), expected);
        assert_eq!(reader.notes().skipped_ops, 1);
    }

    #[test]
    fn bad_lines_are_counted_and_the_first_is_shown() {
        let text = format!(
            "time,object,size\n0,a,1\n0,b\n0,,1\n0,c,x\n0,{},1\n0,d,9999999\n",
            "k".repeat(2049)
        );
        let mut reader = reader(text.as_bytes());
        let sizes: Vec<u32> = all(&mut reader).iter().map(|request| request.size_bytes).collect();
        assert_eq!(sizes, [1, 409_600 - 128 - 1]);
        let notes = reader.notes();
        assert_eq!((notes.requests, notes.malformed, notes.clamped), (2, 4, 1));
        let first = notes.first_malformed.as_deref();
        assert_eq!(first, Some("line 3: 2 columns, size would be column 3"));
    }

    #[test]
    fn unknown_layouts_are_refused() {
        for (text, part) in [
            (&b""[..], "is empty"),
            (b"1,2\n", "2 columns; expected time,object,size"),
            (b"time,what,ever\n", "neither data nor a header"),
        ] {
            let raw = Box::new(Cursor::new(text.to_vec()));
            let error = TraceReader::from_reader("t".into(), raw).expect_err("refused");
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn a_cut_gzip_stream_is_an_error_not_an_end() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for row in 0..20_000 {
            writeln!(gz, "{row},key{},{}", row * 7919 % 10_007, row % 977).unwrap();
        }
        let mut bytes = gz.finish().unwrap();
        bytes.truncate(bytes.len() / 2);
        let mut reader = reader(&bytes);
        let error = loop {
            match reader.next_request() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the damage went unnoticed"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("damaged after line"), "{error}");
    }
}
