//! `redis-benchmark`, the load that everybody knows.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::process;
use super::sample::{Sample, as_f64};
use super::side::Side;
use crate::error::LoadError;
use crate::stop::Stop;

/// GETs of random keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct RedisBenchmark {
    pub(super) keys: u32,
    pub(super) value_bytes: usize,
    pub(super) clients: usize,
    pub(super) pipeline: usize,
}

impl RedisBenchmark {
    /// The command, as a person would type it.
    pub(super) fn command(&self) -> String {
        let Self { keys, value_bytes, clients, pipeline } = self;
        format!("redis-benchmark -t get -r {keys} -d {value_bytes} -c {clients} -P {pipeline}")
    }

    /// Sends `requests` GETs.
    ///
    /// # Errors
    /// If the program is missing, fails, or prints what is not understood; [`LoadError::Usage`] if it was stopped.
    pub(super) async fn run(
        &self,
        side: &Side,
        requests: u64,
        stop: &Stop,
    ) -> Result<Sample, LoadError> {
        let address = side.address();
        let mut words: Vec<String> = self.command().split(' ').map(str::to_owned).collect();
        words.extend(
            ["-h", &address.ip().to_string(), "-p", &address.port().to_string()].map(str::to_owned),
        );
        words.extend(["-n", &requests.to_string(), "--csv"].map(str::to_owned));
        let (used, client) = (side.used(), process::cpu_of_ended_children());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| LoadError::File { path: PathBuf::from(&words[0]), source })?;
        let output = tokio::select! {
            output = child.wait_with_output() => output,
            () = stop.raised() => return Err(LoadError::Stopped),
        };
        let output =
            output.map_err(|source| LoadError::File { path: PathBuf::from(&words[0]), source })?;
        let client = process::cpu_of_ended_children().saturating_sub(client);
        let used = side.used().since(used);
        let text = String::from_utf8_lossy(&output.stdout);
        match rate(&text) {
            Some(per_s) if output.status.success() => Ok(Sample::of(requests, per_s, client, used)),
            _ => {
                let error = String::from_utf8_lossy(&output.stderr);
                let status = output.status;
                Err(LoadError::Bench(format!(
                    "redis-benchmark ended with {status} and printed {text:?} {error:?}"
                )))
            }
        }
    }
}

/// How many requests take `length` at this rate, in round numbers.
pub(super) fn requests_for(per_s: f64, length: Duration) -> u64 {
    let wanted = per_s * length.as_secs_f64();
    let mut count = 1_000;
    while as_f64(count) < wanted {
        count += (count / 10).max(1_000);
    }
    count
}

/// Requests per second, from the line of `--csv` that is about GET.
fn rate(csv: &str) -> Option<f64> {
    let line = csv.lines().find_map(|line| line.strip_prefix("\"GET\",\""))?;
    line.split('"').next()?.parse().ok().filter(|rate| *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::{rate, requests_for};
    use std::time::Duration;

    #[test]
    fn the_rate_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"GET\",\"179964.00\",\"0.149\"\n";
        assert!(rate(csv).is_some_and(|rate| (rate - 179_964.0).abs() < 1e-9));
        assert!(rate("\"GET\",\"x\"\n").is_none() && rate("").is_none());
    }

    #[test]
    fn enough_requests_are_sent() {
        let count = requests_for(180_000.0, Duration::from_secs(2));
        assert!((360_000..400_000).contains(&count), "{count}");
        assert_eq!(requests_for(0.0, Duration::from_secs(2)), 1_000);
    }
}
