//! When the requests of a trace are sent: as fast as they are answered, or by the trace's own times, perhaps sped up.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hopperkv_trace::{TraceNotes, TraceReader, TraceRequest};

use crate::error::LoadError;

/// How long before it is due a request may be read.
const LEAD: Duration = Duration::from_millis(100);
/// How long before that the reader goes on after a pause; less, so that pauses are few.
const RESUME: Duration = Duration::from_millis(50);
/// Requests of a second that are spread over it, at most; those of a busier one are due at its start.
const MAX_SECOND: usize = 1 << 18;
/// A second, in the trace's unit.
const SECOND_MS: u64 = 1_000;

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// When the one before is answered, or a connection has room.
    Fast,
    /// When the trace says, so many times as fast.
    Timestamp {
        /// 1 is the trace's own speed.
        speedup: f64,
    },
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let speed = |text: &str| {
            let speedup = text.parse().ok().filter(|speedup| (1e-6..=1e6).contains(speedup));
            speedup.ok_or_else(|| format!("`{text}` is no speed such as 10 or 0.5"))
        };
        match text.split_once(':') {
            None if text == "fast" => Ok(Self::Fast),
            None if text == "timestamp" => Ok(Self::Timestamp { speedup: 1.0 }),
            Some(("timestamp", text)) => Ok(Self::Timestamp { speedup: speed(text)? }),
            _ => Err(format!("`{text}` is no pace: fast, timestamp or timestamp:SPEEDUP")),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fast => f.write_str("fast"),
            Self::Timestamp { speedup } => write!(f, "timestamp:{speedup}"),
        }
    }
}

/// A request and when it is to be sent, if that is said.
#[derive(Debug, Clone)]
pub struct Timed {
    /// The request.
    pub request: TraceRequest,
    /// When it is due.
    pub due: Option<Instant>,
}

impl Timed {
    /// How long to wait before handing it on.
    pub(super) fn ahead(&self) -> Option<Duration> {
        let early = self.due?.saturating_duration_since(Instant::now());
        (early > LEAD).then(|| early.saturating_sub(RESUME))
    }
}

/// Reads a trace and says when each request is due.
///
/// Traces whose times are whole seconds, as Twitter's are, would have all of a second's requests due at its start: these are
/// spread over it, in their order. It takes a second of the trace to be read at once.
#[derive(Debug)]
pub(super) struct Clock {
    pace: Pace,
    reader: TraceReader,
    left: u64,
    /// Requests of one time, and what comes next of another.
    group: VecDeque<Timed>,
    held: Option<TraceRequest>,
    /// When the first request was due, and its time.
    begin: Option<(Instant, u64)>,
    /// Time of the last request that was given a due time; they never go back.
    last_ms: u64,
    whole_seconds: bool,
}

impl Clock {
    pub(super) fn new(pace: Pace, reader: TraceReader, limit: u64) -> Self {
        Self {
            pace,
            reader,
            left: limit,
            group: VecDeque::new(),
            held: None,
            begin: None,
            last_ms: 0,
            whole_seconds: true,
        }
    }

    /// What the reader noticed.
    pub(super) fn into_notes(self) -> TraceNotes {
        self.reader.notes().clone()
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Result<Option<Timed>, LoadError> {
        let Pace::Timestamp { speedup } = self.pace else {
            return Ok(self.read()?.map(|request| Timed { request, due: None }));
        };
        if self.group.is_empty() {
            self.gather(speedup)?;
        }
        Ok(self.group.pop_front())
    }

    fn read(&mut self) -> Result<Option<TraceRequest>, LoadError> {
        if self.left == 0 {
            return Ok(None);
        }
        let request = self.reader.next_request()?;
        self.left -= u64::from(request.is_some());
        Ok(request)
    }

    /// Reads all requests of one time and gives them due times.
    fn gather(&mut self, speedup: f64) -> Result<(), LoadError> {
        let Some(first) = self.held.take().map_or_else(|| self.read(), |held| Ok(Some(held)))?
        else {
            return Ok(());
        };
        let time_ms = first.time_ms;
        self.whole_seconds &= time_ms.is_multiple_of(SECOND_MS);
        let mut requests = vec![first];
        while self.whole_seconds || requests.len() < MAX_SECOND {
            let Some(request) = self.read()? else { break };
            if request.time_ms != time_ms || requests.len() >= MAX_SECOND {
                self.held = Some(request);
                break;
            }
            requests.push(request);
        }
        let (start, first_ms) = *self.begin.get_or_insert_with(|| (Instant::now(), time_ms));
        // Lines out of order are sent in the order of the file.
        let at_ms = time_ms.max(self.last_ms);
        self.last_ms = at_ms;
        let spread_ms = if self.whole_seconds { spread_ms(at_ms, self.held.as_ref()) } else { 0.0 };
        let count = requests.len() as f64;
        for (index, request) in requests.into_iter().enumerate() {
            let shift_ms = spread_ms * index as f64 / count;
            let since_ms = (at_ms.saturating_sub(first_ms)) as f64 + shift_ms;
            let since = Duration::try_from_secs_f64(since_ms / 1e3 / speedup).unwrap_or_default();
            self.group.push_back(Timed { request, due: start.checked_add(since) });
        }
        Ok(())
    }
}

/// Over how much time the requests of a second are spread: up to the next that has any, and a second at most.
fn spread_ms(at_ms: u64, next: Option<&TraceRequest>) -> f64 {
    let gap_ms = next.map_or(SECOND_MS, |next| next.time_ms.saturating_sub(at_ms));
    gap_ms.min(SECOND_MS) as f64
}

#[cfg(test)]
mod tests {
    use super::{Clock, Pace};
    use hopperkv_trace::{TraceOptions, TraceReader};

    fn dues_ms(trace: &'static str, pace: &str) -> Vec<u64> {
        let name = "t".to_owned();
        let options = TraceOptions::default();
        let reader = TraceReader::from_reader(name, Box::new(trace.as_bytes()), options).unwrap();
        let mut clock = Clock::new(pace.parse().unwrap(), reader, u64::MAX);
        let mut dues = Vec::new();
        while let Some(timed) = clock.next().unwrap() {
            dues.push(timed.due.unwrap());
        }
        dues.iter().map(|due| u64::try_from((*due - dues[0]).as_millis()).unwrap()).collect()
    }

    #[test]
    fn requests_of_a_second_are_spread_over_it_and_the_speed_divides() {
        let trace = "time,key,size\n7,a,1\n7,b,1\n7,c,1\n7,d,1\n8,a,1\n10,a,1\n9,b,1\n";
        assert_eq!(dues_ms(trace, "timestamp"), [0, 250, 500, 750, 1_000, 3_000, 3_000]);
        assert_eq!(dues_ms(trace, "timestamp:10"), [0, 25, 50, 75, 100, 300, 300]);
    }

    #[test]
    fn finer_times_are_kept() {
        let trace = "time,key,size\n0.5,a,1\n0.5,b,1\n0.75,c,1\n3,d,1\n";
        assert_eq!(dues_ms(trace, "timestamp"), [0, 0, 250, 2_500]);
    }

    #[test]
    fn paces_parse() {
        let parse = |text: &str| text.parse::<Pace>();
        assert_eq!(parse("fast"), Ok(Pace::Fast));
        assert_eq!(parse("timestamp:2.5"), Ok(Pace::Timestamp { speedup: 2.5 }));
        for bad in ["timestamp:0", "timestamp:x", "slow", "fast:2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
