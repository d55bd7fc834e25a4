//! A trace being read: lines in, requests out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde::Serialize;

use crate::columns::Columns;
use crate::error::TraceError;
use crate::request::{TraceOp, TraceRequest};
use crate::source::{BUFFER_BYTES, decompressed};

/// What happens at a line that does not parse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMalformed {
    /// It is counted and passed over.
    #[default]
    Count,
    /// Reading ends with an error that names it.
    Refuse,
}

/// Bounds on what a request may carry, for callers that send it somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemLimits {
    /// Longest key; a line with a longer one is malformed.
    pub key_bytes: usize,
    /// Most that key and value may have together; larger sizes are cut to fit.
    pub item_bytes: usize,
}

/// How to read a trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceOptions {
    /// Where the columns are; by default that is found out from the first line.
    pub columns: Option<Columns>,
    /// What happens at a line that does not parse.
    pub on_malformed: OnMalformed,
    /// Bounds on keys and sizes; none by default.
    pub limits: Option<ItemLimits>,
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
    /// Sizes cut to [`ItemLimits::item_bytes`].
    pub clamped: u64,
    /// Operations that have no counterpart here.
    pub skipped_ops: u64,
}

/// A trace being read.
pub struct TraceReader {
    name: String,
    csv: Reader<Box<dyn Read + Send>>,
    columns: Columns,
    options: TraceOptions,
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
    pub fn open(path: &Path, options: TraceOptions) -> Result<Self, TraceError> {
        let name = path.display().to_string();
        let raw: Box<dyn Read + Send> = if name == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(path)
                .map_err(|source| TraceError::File { path: path.to_owned(), source })?;
            Box::new(file)
        };
        Self::from_reader(name, raw, options)
    }

    /// Reads a trace from any source of bytes; `name` appears in messages.
    ///
    /// # Errors
    /// As [`TraceReader::open`].
    pub fn from_reader(
        name: String,
        raw: Box<dyn Read + Send>,
        options: TraceOptions,
    ) -> Result<Self, TraceError> {
        let fail = |problem: String| TraceError::Content { name: name.clone(), problem };
        let plain = decompressed(raw).map_err(|error| fail(error.to_string()))?;
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
        let (columns, held) = match options.columns {
            Some(columns) => (columns, !columns.is_header(&record)),
            None => Columns::detect(&record).map_err(fail)?,
        };
        let notes = TraceNotes::default();
        Ok(Self { name, csv, columns, options, record, held, notes })
    }

    /// The next request, or `None` at the end.
    ///
    /// # Errors
    /// A read error or a damaged stream; a line that does not parse, if such are refused.
    pub fn next_request(&mut self) -> Result<Option<TraceRequest>, TraceError> {
        loop {
            if !std::mem::take(&mut self.held) {
                let more = self.csv.read_byte_record(&mut self.record).map_err(|error| {
                    self.content(format!(
                        "damaged after line {}: {error}",
                        self.csv.position().line()
                    ))
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
                    let line = self.record.position().map_or(0, csv::Position::line);
                    let problem = format!("line {line}: {problem}");
                    if self.options.on_malformed == OnMalformed::Refuse {
                        return Err(self.content(problem));
                    }
                    self.notes.malformed += 1;
                    self.notes.first_malformed.get_or_insert(problem);
                }
            }
        }
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &TraceNotes {
        &self.notes
    }

    /// Where the columns are.
    #[must_use]
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// The trace's name, as it appears in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn content(&self, problem: String) -> TraceError {
        TraceError::Content { name: self.name.clone(), problem }
    }

    /// Parses the held record; `None` is an operation that is skipped.
    fn parse(&mut self) -> Result<Option<TraceRequest>, String> {
        let columns = self.columns;
        let key = self.field(columns.key, "key")?;
        let longest = self.options.limits.map_or(usize::MAX, |limits| limits.key_bytes);
        if key.is_empty() {
            return Err(String::from("the key is empty"));
        }
        if key.len() > longest {
            return Err(format!("a key of {} bytes (1 to {longest} are possible)", key.len()));
        }
        let key: Box<[u8]> = key.into();
        let op = match columns.op {
            None => TraceOp::Get,
            Some(column) => match TraceOp::parse(self.field(column, "op")?) {
                Some(op) => op,
                None => return Ok(None),
            },
        };
        let time_ms = columns.time.map_or(Ok(0), |column| self.time_ms(column))?;
        let ttl_s = columns.ttl.map_or(Ok(0), |column| self.number(column, "ttl"))?;
        let key_bytes = match columns.key_size {
            Some(column) => self.number(column, "key_size")?,
            None => at_most_u32(key.len() as u64),
        };
        let mut size_bytes = self.number(columns.size, "size")?;
        if let Some(limits) = self.options.limits {
            let room = at_most_u32(limits.item_bytes.saturating_sub(key.len()) as u64);
            if size_bytes > room {
                size_bytes = room;
                self.notes.clamped += 1;
            }
        }
        Ok(Some(TraceRequest { time_ms, key, op, key_bytes, size_bytes, ttl_s }))
    }

    fn field(&self, column: usize, name: &str) -> Result<&[u8], String> {
        self.record.get(column).map(<[u8]>::trim_ascii).ok_or_else(|| {
            format!("{} columns, {name} would be column {}", self.record.len(), column + 1)
        })
    }

    /// A whole number; what is beyond 32 bits is as good as infinite here.
    fn number(&self, column: usize, name: &str) -> Result<u32, String> {
        let text = self.field(column, name)?;
        let digits = std::str::from_utf8(text).ok();
        digits.and_then(|digits| digits.parse().ok()).map(at_most_u32).ok_or_else(|| {
            format!("{name} `{}` is not a whole number", String::from_utf8_lossy(text))
        })
    }

    fn time_ms(&self, column: usize) -> Result<u64, String> {
        let text = self.field(column, "time")?;
        let seconds: Option<f64> = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        seconds.and_then(milliseconds).ok_or_else(|| {
            format!("time `{}` is not a number of seconds", String::from_utf8_lossy(text))
        })
    }
}

fn at_most_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Seconds in milliseconds; `None` for what is no point in time.
fn milliseconds(seconds: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; the cast saturates"
    )]
    (seconds.is_finite() && seconds >= 0.0).then(|| (seconds * 1000.0).round() as u64)
}
