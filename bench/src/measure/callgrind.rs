//! Instructions that the proxy executes per hit, counted by valgrind's callgrind: the same on a loaded machine and a quiet one.
//!
//! The count of a whole run is that of the start, of the end and of the hits. A run with three times the hits differs by the
//! hits alone, and by what happened to take place besides: one worker, one connection in lock step and the allocator off keep
//! that to about two in a hundred.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::rounds::VALUE_BYTES;
use super::sample::as_f64;
use super::setup::Setup;
use crate::error::LoadError;
use crate::server::{Launch, Server};
use crate::stop::Stop;
use crate::volley::closed::{Closed, Until};
use crate::volley::requests::{Draw, Requests, Spelling};

/// Keys, all of which are there and asked for in turn.
const KEYS: u32 = 100;
/// How long a start may take under valgrind, on a machine that is busy with other things.
const START_LIMIT: Duration = Duration::from_secs(180);
/// Hits of the shorter run; the longer one has three times as many.
const HITS: u64 = 20_000;
/// At least so many hits are sent before counting begins: what is done once (connections, the near cache) is in both runs.
const WARM: u64 = 2_000;

/// What is counted.
#[derive(Debug)]
pub(super) struct Count<'a> {
    /// The `hopperkv` program.
    pub(super) program: &'a Path,
    /// Its configuration; one worker is added to it.
    pub(super) setup: Setup,
    /// Requests in flight on the one connection.
    pub(super) pipeline: usize,
    /// Asks to stop.
    pub(super) stop: &'a Stop,
}

impl Count<'_> {
    /// Instructions per hit.
    ///
    /// # Errors
    /// If valgrind is missing, the proxy fails under it, or a reply is wrong.
    pub(super) async fn per_hit(&self) -> Result<f64, LoadError> {
        let (short, long) = (self.run(HITS).await?, self.run(3 * HITS).await?);
        Ok(as_f64(long.saturating_sub(short)) / as_f64(2 * HITS))
    }

    /// Instructions of a run with so many hits, start and end included.
    async fn run(&self, hits: u64) -> Result<u64, LoadError> {
        let dir = tempfile::tempdir()
            .map_err(|source| LoadError::File { path: std::env::temp_dir(), source })?;
        let out = dir.path().join("callgrind.out");
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(&out);
        let under = ["valgrind".into(), "--tool=callgrind".into(), file];
        let launch = Launch {
            under: &under,
            log: "error",
            limit: START_LIMIT,
            ..Launch::plain(self.program)
        };
        let setup = self.setup.clone().server("workers = 1\n");
        let server = Server::start(&launch, |data| setup.text(data)).await?;
        let loaded = tokio::task::block_in_place(|| self.load(&server, hits));
        let stopped = server.stop().await;
        loaded?;
        stopped?;
        let text = std::fs::read_to_string(&out)
            .map_err(|source| LoadError::File { path: out.clone(), source })?;
        instructions(&text).ok_or_else(|| {
            LoadError::Bench(String::from(
                "callgrind's output file has no line `summary:` or `totals:`",
            ))
        })
    }

    fn load(&self, server: &Server, hits: u64) -> Result<(), LoadError> {
        let offsets = |count| Draw::InTurn.offsets(KEYS, count, 0);
        let sets = Requests::sets(Spelling::Benchmark, offsets(KEYS as usize), VALUE_BYTES);
        let gets = Requests::gets(Spelling::Benchmark, offsets(KEYS as usize * 16), VALUE_BYTES);
        for (requests, count) in [(&sets, u64::from(KEYS)), (&gets, WARM + hits)] {
            let closed = Closed {
                address: server.listen(),
                connections: 1,
                logins: &[],
                pipeline: self.pipeline,
                threads: 1,
                requests,
                until: Until::Sent(count),
                check_every: 1,
                timed: false,
            };
            closed.run(self.stop)?;
            if self.stop.is_raised() {
                return Err(LoadError::Stopped);
            }
        }
        Ok(())
    }
}

/// The sum in callgrind's output file.
fn instructions(text: &str) -> Option<u64> {
    let lines = text.lines().rev();
    let sum = |line: &str| -> Option<u64> {
        let rest = line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:"))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    lines.filter_map(sum).next()
}

#[cfg(test)]
mod tests {
    use super::instructions;

    #[test]
    fn the_sum_is_found() {
        assert_eq!(instructions("events: Ir\nsummary: 12\nfn=a\n3 4\ntotals: 12\n"), Some(12));
        assert_eq!(instructions("events: Ir\nsummary: 7\n"), Some(7));
        assert_eq!(instructions("events: Ir\n"), None);
    }
}
