//! The open loop: every request has a set time and is sent then, whether or not earlier ones are answered.
//!
//! Latency counts from the set time, so that a server that stalls is charged with everything that had to wait for it. How
//! late a request was sent is part of its latency, and recorded beside it as well.
//!
//! Between set times the thread either keeps looking, which is exact but takes a core from the servers, or sleeps until a
//! timer of the kernel's or a reply wakes it, which leaves them the core and is late by what waking takes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::closed::ignore_interrupts;
use super::link::Link;
use super::requests::Requests;
use super::schedule::Schedule;
use super::{Volley, thread_cpu};
use crate::error::LoadError;
use crate::stop::Stop;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// How long the last replies may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that may wait for a reply before the server is said not to keep up, in seconds of the rate.
const BACKLOG_S: u64 = 2;
/// Requests sent between two looks at what has come, at most.
const BURST: u64 = 32;

/// Longest wait between two looks at the stop flag.
const LOOK: Duration = Duration::from_millis(100);
/// The event that is the timer's and no connection's.
const TIMER: Token = Token(usize::MAX - 1);
/// Set times nearer than this are waited for by looking again.
const NEAR: Duration = Duration::from_micros(3);

/// How the thread waits for the next set time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Waiting {
    /// Keeps a core busy.
    Spin,
    /// Sleeps until a timer or a reply.
    Timer,
}

/// An open loop.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// The server.
    pub address: SocketAddr,
    /// Connections, used in turn.
    pub connections: usize,
    /// Requests per second.
    pub per_s: u64,
    /// What is sent, over and over.
    pub requests: &'a Requests,
    /// How the thread waits.
    pub waiting: Waiting,
    /// How long.
    pub length: Duration,
    /// What is sent in this time at the beginning is not recorded.
    pub settle: Duration,
    /// One value in so many is compared byte for byte.
    pub check_every: u32,
}

/// A connection and the set times (as indexes) of what it waits for.
#[derive(Debug)]
struct Lane {
    link: Link,
    waiting: VecDeque<u64>,
}

impl Open<'_> {
    /// Runs it to its end, or until `stop` is raised; blocks the thread and keeps its core busy.
    ///
    /// # Errors
    /// If the server cannot be reached, fails, does not keep up, or answers anything but what it should.
    pub fn run(&self, stop: &Stop) -> Result<Volley, LoadError> {
        let system = |error: io::Error| LoadError::Bench(format!("epoll: {error}"));
        let mut poll = Poll::new().map_err(system)?;
        let mut lanes = Vec::new();
        for token in 0..self.connections.max(1) {
            let link = Link::open(self.address, token, poll.registry(), None, self.check_every)?;
            lanes.push(Lane { link, waiting: VecDeque::new() });
        }
        let timer = Timer::new(self.waiting, &poll).map_err(system)?;
        let schedule = Schedule::new(self.per_s);
        let mut total = schedule.due_by(self.length);
        let unrecorded = schedule.due_by(self.settle);
        let mut volley = Volley::default();
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_BYTES];
        let (started, cpu) = (Instant::now(), thread_cpu());
        let (mut sent, mut received) = (0, 0);
        while received < total {
            let due = schedule.due_by(started.elapsed()).min(total);
            let burst_ends = due.min(sent + BURST);
            while sent < burst_ends {
                self.send(&mut lanes, sent)?;
                if sent >= unrecorded {
                    let late = started.elapsed().saturating_sub(schedule.due(sent));
                    volley.lateness.record(late);
                }
                sent += 1;
            }
            let next = if sent < total { schedule.due(sent) } else { Duration::MAX };
            let wait = timer.until(next, started.elapsed()).map_err(system)?;
            poll.poll(&mut events, Some(wait)).or_else(ignore_interrupts).map_err(system)?;
            for event in &events {
                let Some(lane) = lanes.get_mut(event.token().0) else { continue };
                if event.is_writable() {
                    lane.link.flush(self.requests)?;
                }
                let count = lane.link.receive(self.requests, &mut buffer)?;
                let now = started.elapsed();
                for _ in 0..count {
                    let Some(index) = lane.waiting.pop_front() else { break };
                    if index >= unrecorded {
                        volley.latency.record(now.saturating_sub(schedule.due(index)));
                    }
                }
                received += count;
            }
            if stop.is_raised() {
                total = sent;
            }
            self.still_keeps_up(due.saturating_sub(received), started.elapsed())?;
        }
        volley.elapsed = started.elapsed();
        volley.replies = received;
        volley.cpu = thread_cpu().saturating_sub(cpu);
        volley.verified = lanes.iter().map(|lane| lane.link.verified).sum();
        Ok(volley)
    }

    fn send(&self, lanes: &mut [Lane], index: u64) -> Result<(), LoadError> {
        let place = |length: usize| usize::try_from(index % length.max(1) as u64).unwrap_or(0);
        let turn = place(lanes.len());
        let Lane { link, waiting } = &mut lanes[turn];
        waiting.push_back(index);
        link.send(self.requests, place(self.requests.len()), 1)
    }

    fn still_keeps_up(&self, backlog: u64, elapsed: Duration) -> Result<(), LoadError> {
        let per_s = self.per_s;
        if backlog > per_s.saturating_mul(BACKLOG_S) {
            let at_s = elapsed.as_secs_f64();
            return Err(LoadError::Bench(format!(
                "{} does not keep up with {per_s} requests/s: {backlog} are unanswered after {at_s:.1} s",
                self.address
            )));
        }
        if backlog > 0 && elapsed > self.length + PATIENCE {
            return Err(LoadError::Stalled { unfinished: 1, waited_s: PATIENCE.as_secs() });
        }
        Ok(())
    }
}

/// Wakes the thread at set times, or lets it look again at once.
#[derive(Debug)]
struct Timer {
    fd: Option<TimerFd>,
}

impl Timer {
    fn new(waiting: Waiting, poll: &Poll) -> io::Result<Self> {
        if waiting == Waiting::Spin {
            return Ok(Self { fd: None });
        }
        // Timers of a thread may be late by its slack, which is 50 us unless it asks for less.
        nix::sys::prctl::set_timerslack(1)?;
        let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        let raw = fd.as_fd().as_raw_fd();
        poll.registry().register(&mut SourceFd(&raw), TIMER, Interest::READABLE)?;
        Ok(Self { fd: Some(fd) })
    }

    /// How long to wait for events, so that the thread is back when `due` comes; both counted from the start.
    fn until(&self, due: Duration, now: Duration) -> io::Result<Duration> {
        let Some(fd) = &self.fd else { return Ok(Duration::ZERO) };
        let left = due.saturating_sub(now);
        if left < NEAR {
            return Ok(Duration::ZERO);
        }
        let at = Expiration::OneShot(TimeSpec::from_duration(left.min(LOOK)));
        // Setting it anew also makes the next expiry an event of its own: it need not be read.
        fd.set(at, TimerSetTimeFlags::empty())?;
        Ok(LOOK)
    }
}
