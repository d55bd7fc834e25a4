//! The closed loop: on every connection the next batch follows when the last one is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::link::{Link, Login};
use super::requests::Requests;
use super::{Volley, on_threads, thread_cpu};
use crate::error::LoadError;
use crate::stop::Stop;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Longest wait for any reply before the server is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest nap between two looks at the stop flag.
const NAP: Duration = Duration::from_millis(200);

/// When a closed loop ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many requests.
    Sent(u64),
}

/// A closed loop.
#[derive(Debug, Clone, Copy)]
pub struct Closed<'a> {
    /// The server.
    pub address: SocketAddr,
    /// Connections in all.
    pub connections: usize,
    /// Logged in as these, in turn; empty: not at all.
    pub logins: &'a [Login],
    /// Requests in flight per connection.
    pub pipeline: usize,
    /// Threads that share the connections.
    pub threads: usize,
    /// What is sent, over and over.
    pub requests: &'a Requests,
    /// When it ends.
    pub until: Until,
    /// One value in so many is compared byte for byte.
    pub check_every: u32,
    /// Whether to measure the time of each batch.
    pub timed: bool,
}

impl Closed<'_> {
    /// Runs it to its end, or until `stop` is raised; blocks the thread.
    ///
    /// # Errors
    /// If the server cannot be reached or fails, or if any reply is not what it should be.
    pub fn run(&self, stop: &Stop) -> Result<Volley, LoadError> {
        let threads = self.threads.clamp(1, self.connections.max(1));
        on_threads((0..threads).map(|index| move || self.thread(index, threads, stop)).collect())
    }

    fn thread(&self, index: usize, threads: usize, stop: &Stop) -> Result<Volley, LoadError> {
        let share = |whole: usize| whole / threads + usize::from(index < whole % threads);
        let system = |error: std::io::Error| LoadError::Bench(format!("epoll: {error}"));
        let mut poll = Poll::new().map_err(system)?;
        let mut links = Vec::new();
        for token in 0..share(self.connections) {
            let login = self.logins.get(token % self.logins.len().max(1));
            links.push(Link::open(self.address, token, poll.registry(), login, self.check_every)?);
        }
        let quota = match self.until {
            Until::Elapsed(_) => u64::MAX,
            Until::Sent(count) => share(usize::try_from(count).unwrap_or(usize::MAX)) as u64,
        };
        let mut turn = Turn {
            plan: self,
            // Threads begin at different places, so that they do not ask for the same keys at once.
            cursor: self.requests.len() / threads * index,
            left: quota,
            began: vec![Instant::now(); links.len()],
        };
        let (started, cpu) = (Instant::now(), thread_cpu());
        let deadline = match self.until {
            Until::Elapsed(length) => Some(started + length),
            Until::Sent(_) => None,
        };
        for (token, link) in links.iter_mut().enumerate() {
            turn.next(token, link)?;
        }
        let mut volley = Volley::default();
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_BYTES];
        let mut heard = started;
        while links.iter().any(|link| !link.is_idle()) {
            poll.poll(&mut events, Some(NAP)).or_else(ignore_interrupts).map_err(system)?;
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) || stop.is_raised() {
                turn.left = 0;
            }
            for event in &events {
                let token = event.token().0;
                let Some(link) = links.get_mut(token) else { continue };
                if event.is_writable() {
                    link.flush(self.requests)?;
                }
                if event.is_readable() {
                    volley.replies += link.receive(self.requests, &mut buffer)?;
                    heard = now;
                    if link.is_idle() {
                        if self.timed {
                            volley.latency.record(turn.began[token].elapsed());
                        }
                        turn.next(token, link)?;
                    }
                }
            }
            if now.saturating_duration_since(heard) > PATIENCE {
                let unfinished = links.iter().filter(|link| !link.is_idle()).count();
                return Err(LoadError::Stalled { unfinished, waited_s: PATIENCE.as_secs() });
            }
        }
        volley.elapsed = started.elapsed();
        volley.cpu = thread_cpu().saturating_sub(cpu);
        volley.verified = links.iter().map(|link| link.verified).sum();
        Ok(volley)
    }
}

/// Whose turn it is among the requests.
#[derive(Debug)]
struct Turn<'a> {
    plan: &'a Closed<'a>,
    cursor: usize,
    /// Requests still to be sent.
    left: u64,
    /// When each connection's batch was sent.
    began: Vec<Instant>,
}

impl Turn<'_> {
    /// Sends the next batch on this connection, if there is one.
    fn next(&mut self, token: usize, link: &mut Link) -> Result<(), LoadError> {
        let requests = self.plan.requests;
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = self.plan.pipeline.min(allowed).min(requests.len());
        if count == 0 {
            return Ok(());
        }
        if self.cursor + count > requests.len() {
            self.cursor = 0;
        }
        let at = self.cursor;
        self.cursor += count;
        self.left -= count as u64;
        if self.plan.timed {
            self.began[token] = Instant::now();
        }
        link.send(requests, at, count)
    }
}

/// A signal that interrupts waiting is no failure.
pub(super) fn ignore_interrupts(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
