//! Prepares a trace for a replay from its middle: what cache and storage held at that time, and the requests that follow.
//!
//! Before the time, every line only moves what is held; at the time, that is written as images; after it, lines are written
//! out as they come. Memory: one entry for each different key, which is what the images are made of, and nothing for lines.

pub mod held;
mod part_file;
pub mod parts;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hopperkv_trace::{TraceNotes, TraceOp, TraceOptions, TraceReader, TraceRequest};
use serde::Serialize;

use crate::error::LoadError;
use crate::payload::key_hash;
use crate::progress::{Goal, ProgressLine};
use crate::replay::ITEM_LIMITS;
use crate::stop::Stop;
use held::Held;
pub use part_file::Compress;
use part_file::PartFile;

/// Lines between two looks at the clock and at whether to stop.
const LINES: u64 = 1 << 16;
/// How often progress is shown.
const TICK: Duration = Duration::from_secs(1);

/// What to prepare.
#[derive(Debug, Clone)]
pub struct PrepareOptions {
    /// The trace; `-` is standard input.
    pub trace: PathBuf,
    /// The time of the images, in milliseconds on the trace's clock: requests from it on are replayed.
    pub at_ms: u64,
    /// Where the replayed part ends; `None` is the end of the trace.
    pub until_ms: Option<u64>,
    /// Share of the keys that are kept, 0 to 1.
    pub sample: f64,
    /// Where the parts go.
    pub out: PathBuf,
    /// How they are compressed.
    pub compress: Compress,
    /// Whether to show progress.
    pub quiet: bool,
}

/// What came of it; also written as `prepared.json`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Prepared {
    /// Name of the trace.
    pub trace: String,
    /// Time of the images, in seconds.
    pub at_s: f64,
    /// Time of the last replayed request, in seconds.
    pub last_s: f64,
    /// Share of the keys that were kept.
    pub sample: f64,
    /// Requests before the time.
    pub requests_before: u64,
    /// Keys in the image of the cache.
    pub cache_keys: u64,
    /// Their keys and values, in bytes.
    pub cache_bytes: u64,
    /// Keys in the image of the storage.
    pub persist_keys: u64,
    /// Their keys and values, in bytes.
    pub persist_bytes: u64,
    /// Requests that are replayed.
    pub requests: u64,
    /// Different keys that were kept in memory, at most.
    pub keys_in_memory: u64,
    /// Requests of keys that are not in the sample.
    pub sampled_out: u64,
    /// What the reader noticed.
    pub notes: TraceNotes,
}

/// Prepares; blocks the thread.
///
/// # Errors
/// A trace that cannot be read, has no times, or ends before the time; files that cannot be written; a stop. What was written
/// by then is removed.
pub fn prepare(options: &PrepareOptions, stop: &Stop) -> Result<Prepared, LoadError> {
    let (reader, progress) = open(options)?;
    if !reader.columns().has_time() {
        let name = reader.name();
        return Err(LoadError::Usage(format!("{name} has no times, so --at means nothing to it")));
    }
    fs::create_dir_all(&options.out)
        .map_err(|source| LoadError::File { path: options.out.clone(), source })?;
    let file =
        |name: &str, header: &str| PartFile::create(&options.out, name, options.compress, header);
    let mut work = Work {
        options,
        reader,
        progress,
        held: Held::default(),
        cache: file(parts::CACHE, "key,val_size")?,
        persist: file(parts::PERSIST, "key,val_size")?,
        requests: file(parts::REQUESTS, "timestamp,op,key,val_size,ttl")?,
        made: Prepared {
            trace: options.trace.display().to_string(),
            at_s: seconds(options.at_ms),
            sample: options.sample,
            ..Prepared::default()
        },
    };
    work.read(stop)?;
    let Work { cache, persist, requests, mut made, reader, .. } = work;
    made.notes = reader.notes().clone();
    for part in [cache, persist, requests] {
        part.finish()?;
    }
    let path = options.out.join(parts::NOTES);
    let text = serde_json::to_string_pretty(&made).unwrap_or_default() + "\n";
    fs::write(&path, text).map_err(|source| LoadError::File { path, source })?;
    Ok(made)
}

/// Everything that is open while a trace is read.
struct Work<'a> {
    options: &'a PrepareOptions,
    reader: TraceReader,
    progress: Progress,
    held: Held,
    cache: PartFile,
    persist: PartFile,
    requests: PartFile,
    made: Prepared,
}

impl Work<'_> {
    fn read(&mut self, stop: &Stop) -> Result<(), LoadError> {
        let mut after = false;
        let mut last_ms = 0;
        for line in 1_u64.. {
            if line.is_multiple_of(LINES) {
                if stop.is_raised() {
                    return Err(LoadError::Stopped);
                }
                self.progress.show(self.reader.notes().requests, self.held.len());
            }
            let Some(request) = self.reader.next_request()? else { break };
            if self.options.until_ms.is_some_and(|until_ms| request.time_ms >= until_ms) {
                break;
            }
            if !is_sampled(&request.key, self.options.sample) {
                self.made.sampled_out += 1;
                // Time passes with these, too.
                last_ms = request.time_ms;
                continue;
            }
            last_ms = request.time_ms;
            if !after && request.time_ms >= self.options.at_ms {
                self.write_images()?;
                after = true;
            }
            if after {
                self.replayed(request)?;
            } else {
                self.made.requests_before += 1;
                self.held.apply(request);
            }
        }
        if !after && last_ms < self.options.at_ms {
            let (name, problem) = (
                self.reader.name().to_owned(),
                format!("ends at {} s, before --at {} s", seconds(last_ms), self.made.at_s),
            );
            return Err(LoadError::Reader { name, problem });
        }
        if !after {
            self.write_images()?;
        }
        self.made.last_s = seconds(last_ms);
        self.made.keys_in_memory = self.held.most();
        Ok(())
    }

    /// Writes what is held: the cache's from the least recently used on, and the same for the storage.
    fn write_images(&mut self) -> Result<(), LoadError> {
        self.held.expire(self.options.at_ms);
        for (key, value_bytes) in self.held.by_use() {
            self.cache.image_row(key, value_bytes)?;
            self.persist.image_row(key, value_bytes)?;
            self.made.cache_keys += 1;
            self.made.cache_bytes += key.len() as u64 + u64::from(value_bytes);
        }
        (self.made.persist_keys, self.made.persist_bytes) =
            (self.made.cache_keys, self.made.cache_bytes);
        Ok(())
    }

    /// Writes a request that is replayed, and its key to the storage's image if it must have been there.
    fn replayed(&mut self, request: TraceRequest) -> Result<(), LoadError> {
        self.made.requests += 1;
        self.requests.request_row(&request)?;
        let TraceRequest { op, size_bytes, .. } = request;
        let reads = op == TraceOp::Get && size_bytes > 0;
        if reads && !self.held.knows(&request.key) {
            self.persist.image_row(&request.key, size_bytes)?;
            self.made.persist_keys += 1;
            self.made.persist_bytes += request.key.len() as u64 + u64::from(size_bytes);
        }
        self.held.note(request.key);
        Ok(())
    }
}

/// Whether a key is in a sample of this share; the same keys in every trace and at every time.
#[must_use]
pub fn is_sampled(key: &[u8], share: f64) -> bool {
    // The lower half: the upper deals keys out to connections.
    let place = key_hash(key) & u64::from(u32::MAX);
    share >= 1.0 || (place as f64) < share * 2_f64.powi(32)
}

fn seconds(time_ms: u64) -> f64 {
    time_ms as f64 / 1e3
}

/// How much of the trace has been read.
struct Progress {
    line: Option<ProgressLine>,
    read: Arc<AtomicU64>,
    begun: Instant,
    shown: Instant,
}

impl Progress {
    fn show(&mut self, requests: u64, keys: usize) {
        let Some(line) = self.line.as_ref().filter(|_| self.shown.elapsed() >= TICK) else {
            return;
        };
        self.shown = Instant::now();
        let (elapsed, bytes) = (self.begun.elapsed(), self.read.load(Ordering::Relaxed));
        let text = format!(
            "prepare {:>4.0} s  {requests} requests, {keys} keys, {:.0} MB read",
            elapsed.as_secs_f64(),
            bytes as f64 / 1e6
        );
        line.show(text, elapsed, bytes);
    }
}

/// Counts the bytes that are read of a file, before they are decompressed.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn open(options: &PrepareOptions) -> Result<(TraceReader, Progress), LoadError> {
    let path: &Path = &options.trace;
    let read = Arc::new(AtomicU64::new(0));
    let (raw, goal): (Box<dyn Read + Send>, Goal) = if path.as_os_str() == "-" {
        (Box::new(Counted { inner: io::stdin(), read: read.clone() }), Goal::Unknown)
    } else {
        let wrong = |source| hopperkv_trace::TraceError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(wrong)?;
        let bytes = file.metadata().map_err(wrong)?.len();
        (Box::new(Counted { inner: file, read: read.clone() }), Goal::Requests(bytes))
    };
    let limits = TraceOptions { limits: Some(ITEM_LIMITS), ..TraceOptions::default() };
    let reader = TraceReader::from_reader(path.display().to_string(), raw, limits)?;
    let line = (!options.quiet).then(|| ProgressLine::new("", goal));
    let now = Instant::now();
    Ok((reader, Progress { line, read, begun: now, shown: now }))
}
