//! Load as cheap as a client's kernel allows: what is sent is encoded beforehand, replies are counted by their lengths.
//!
//! `run` and `replay` verify everything and pay for it; where a server's speed is compared with another's on the same
//! cores, what the client costs counts against both. Here a request costs one write and one read per batch and little
//! besides, and only every so many values are compared with what was written.
//!
//! [`requests`] what is sent, [`replies`] how it is counted, [`link`] one connection, [`closed`] the next batch when the
//! last is answered, [`schedule`] and [`open`] requests at set times, whatever the server does.

pub mod closed;
pub mod link;
pub mod open;
pub mod replies;
pub mod requests;
pub mod schedule;

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::error::LoadError;
use crate::histogram::Latency;

/// What a volley brought.
#[derive(Debug, Clone, Default)]
pub struct Volley {
    /// Replies that came, all of them as expected.
    pub replies: u64,
    /// Values compared byte for byte.
    pub verified: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
    /// CPU time of the threads that sent and counted.
    pub cpu: Duration,
    /// Time per batch in a closed loop, per request from its set time in an open one; empty if it was not asked for.
    pub latency: Latency,
    /// How long after its set time each request was handed to the kernel; open loop only.
    pub lateness: Latency,
}

impl Volley {
    /// Replies per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn per_s(&self) -> f64 {
        self.replies as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Adds what another thread did in the same time.
    fn join(&mut self, other: &Self) {
        self.replies += other.replies;
        self.verified += other.verified;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.cpu += other.cpu;
        self.latency.merge(&other.latency);
        self.lateness.merge(&other.lateness);
    }
}

/// CPU time of this thread so far.
pub(crate) fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Runs one closure per thread and joins what they did; the first failure counts.
fn on_threads<F>(threads: Vec<F>) -> Result<Volley, LoadError>
where
    F: FnOnce() -> Result<Volley, LoadError> + Send,
{
    std::thread::scope(|scope| {
        let running: Vec<_> = threads.into_iter().map(|work| scope.spawn(work)).collect();
        let mut total = Volley::default();
        let mut failure = None;
        for thread in running {
            match thread.join() {
                Ok(Ok(part)) => total.join(&part),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(_) => {
                    let text = String::from("a thread of the generator ended early");
                    failure = failure.or(Some(LoadError::Bench(text)));
                }
            }
        }
        failure.map_or(Ok(total), Err)
    })
}
