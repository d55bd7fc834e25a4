//! Latencies second by second as an HdrHistogram log, which the usual viewers and processors read.
//!
//! One line for each second and kind of request, tagged `GET` or `SET` (with a tenant's name in front where there are
//! several: `orders.GET`). Values are nanoseconds, the column of maxima is in milliseconds, and times count from the start.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use crate::error::LoadError;
use crate::histogram::Latency;
use crate::supervisor::{Observer, Tick};

/// Nanoseconds in a millisecond.
const MS_NANOS: f64 = 1e6;

/// A log that is written as the run goes on.
#[derive(Debug)]
pub struct HdrLog {
    path: PathBuf,
    out: BufWriter<File>,
    started: SystemTime,
    /// In front of each tag.
    prefix: String,
    begun: bool,
    /// Whether a failure has been told.
    failed: bool,
}

impl HdrLog {
    /// Creates the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path) -> Result<Self, LoadError> {
        let file = File::create(path)
            .map_err(|source| LoadError::File { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(file),
            started: SystemTime::now(),
            prefix: String::new(),
            begun: false,
            failed: false,
        })
    }

    /// Writes a second of one tenant.
    pub fn write(&mut self, tenant: Option<&str>, tick: &Tick<'_>) {
        self.prefix = tenant.map(|name| format!("{name}.")).unwrap_or_default();
        let written = self.lines(tick).and_then(|lines| {
            self.out.write_all(&lines)?;
            self.out.flush()
        });
        if let Err(error) = written
            && !std::mem::replace(&mut self.failed, true)
        {
            let _ = writeln!(io::stderr(), "{} is incomplete: {error}", self.path.display());
        }
    }

    fn lines(&mut self, tick: &Tick<'_>) -> io::Result<Vec<u8>> {
        let begin = tick.elapsed.saturating_sub(tick.interval);
        let (mut text, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
        {
            let mut log = IntervalLogWriterBuilder::new()
                .add_comment("hopperkv-load; values are nanoseconds")
                .with_base_time(self.started)
                .with_max_value_divisor(MS_NANOS)
                .begin_log_with(&mut text, &mut serializer)?;
            let both = [("GET", &tick.recent.get_latency), ("SET", &tick.recent.set_latency)];
            for (kind, latency) in both {
                if latency.count() > 0 {
                    let tag = format!("{}{kind}", self.prefix);
                    write_interval(&mut log, begin, tick.interval, &tag, latency)?;
                }
            }
        }
        if std::mem::replace(&mut self.begun, true) {
            // The library begins a log anew for each writer; a file has one head.
            text = text
                .split_inclusive(|&byte| byte == b'\n')
                .filter(|line| line.starts_with(b"Tag="))
                .flatten()
                .copied()
                .collect();
        }
        Ok(text)
    }
}

fn write_interval<W: Write>(
    log: &mut IntervalLogWriter<'_, '_, W, V2DeflateSerializer>,
    begin: Duration,
    interval: Duration,
    tag: &str,
    latency: &Latency,
) -> io::Result<()> {
    let written = log.write_histogram(latency.nanos(), begin, interval, Tag::new(tag));
    written.map_err(|error| match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(format!("{error:?}")),
    })
}

impl Observer for HdrLog {
    fn tick(&mut self, tick: &Tick<'_>) {
        self.write(None, tick);
    }
}

#[cfg(test)]
mod tests {
    use super::HdrLog;
    use crate::supervisor::Tick;
    use crate::tally::Tally;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use std::time::Duration;

    #[test]
    fn the_log_reads_back_as_what_was_recorded() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("run.hlog");
        let mut log = HdrLog::create(&path).unwrap();
        for second in 1..=3 {
            let mut recent = Tally::default();
            recent.get_latency.record(Duration::from_millis(second));
            recent.set_latency.record(Duration::from_millis(10));
            let (elapsed, interval) = (Duration::from_secs(second), Duration::from_secs(1));
            log.write(Some("a"), &Tick { elapsed, interval, recent: &recent, total: &recent });
        }
        let text = std::fs::read(&path).unwrap();
        let (mut heads, mut seen) = (0, Vec::new());
        for entry in IntervalLogIterator::new(&text) {
            match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let bytes = decoded(interval.encoded_histogram());
                    let read: Histogram<u64> =
                        Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
                    let tag = interval.tag().unwrap().as_str().to_owned();
                    seen.push((tag, interval.start_timestamp().as_secs(), read.max() / 1_000_000));
                }
                LogEntry::BaseTime(_) => heads += 1,
                LogEntry::StartTime(_) => {}
            }
        }
        assert_eq!(heads, 1);
        let gets: Vec<_> = seen.iter().filter(|(tag, ..)| tag == "a.GET").collect();
        assert_eq!(
            gets.iter().map(|(_, at, ms)| (*at, *ms)).collect::<Vec<_>>(),
            [(0, 1), (1, 2), (2, 3)]
        );
        assert_eq!(seen.len(), 6);
    }

    /// Base64, as the log has it.
    fn decoded(text: &str) -> Vec<u8> {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = text.bytes().filter_map(|byte| alphabet.iter().position(|&at| at == byte));
        let (mut bits, mut count, mut out) = (0_usize, 0, Vec::new());
        for digit in digits {
            bits = bits << 6 | digit;
            count += 6;
            if count >= 8 {
                count -= 8;
                out.push(u8::try_from(bits >> count & 0xFF).unwrap());
            }
        }
        out
    }
}
