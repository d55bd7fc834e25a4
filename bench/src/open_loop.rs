//! The open loop: requests at set times, whatever the server does, so that a slow answer delays no other request unseen.
//!
//! Latency counts from the moment a request was due, not from when a connection was free for it: what coordinated omission
//! leaves out is in it. Nothing is kept for requests that wait, as their times follow from the rate; how far they may fall
//! behind is bounded, and those beyond are counted.

use std::time::{Duration, Instant};

use crate::alarm::Alarm;
use crate::arrivals::Timetable;
use crate::closed_loop::{LoopClient, Sizes};
use crate::error::LoadError;
use crate::mix::Mix;

/// The set times of one connection in one phase.
#[derive(Debug)]
pub struct OpenPhase {
    /// When requests are due, counted from the start.
    pub table: Timetable,
    /// When it begins.
    pub start: Instant,
    /// When it ends, if time bounds it.
    pub until: Option<Instant>,
    /// How late a request may be sent.
    pub give_up_after: Duration,
}

impl OpenPhase {
    /// When the next request is due; `None` once none is.
    fn due(&self) -> Option<Instant> {
        let due = self.start.checked_add(self.table.due())?;
        self.until.is_none_or(|until| due < until).then_some(due)
    }
}

impl LoopClient {
    /// Sends requests when they are due until the end of the phase or the budget, or a stop; then takes what is in flight.
    ///
    /// # Errors
    /// A broken connection or a reply that is not RESP2.
    pub async fn run_open_phase(
        &mut self,
        mix: &mut Mix,
        sizes: Sizes,
        mut phase: OpenPhase,
    ) -> Result<(), LoadError> {
        let alarm = Alarm::new().map_err(LoadError::Timer)?;
        let stop = self.stop.clone();
        loop {
            let next = self.send_due(mix, sizes, &mut phase);
            if self.is_idle() && next.is_none() {
                return Ok(());
            }
            let (idle, room) = (self.is_idle(), self.has_room());
            tokio::select! {
                arrived = self.client.exchange(), if !idle => {
                    arrived?;
                    self.take_replies(mix, Instant::now())?;
                }
                woken = alarm.until(next.unwrap_or(phase.start)), if room && next.is_some() => {
                    woken.map_err(LoadError::Timer)?;
                }
                () = stop.raised(), if !stop.is_raised() => {}
            }
        }
    }

    /// Sends what is due, as far as there is room; returns when the next request is due.
    fn send_due(&mut self, mix: &mut Mix, sizes: Sizes, phase: &mut OpenPhase) -> Option<Instant> {
        let now = Instant::now();
        let mut unsent = 0;
        let next = loop {
            let due = phase.due().filter(|_| !self.stop.is_raised());
            let Some(due) = due else { break None };
            if due > now {
                break Some(due);
            }
            let ended = phase.until.is_some_and(|until| now >= until);
            let too_late = now.saturating_duration_since(due) > phase.give_up_after;
            if !self.has_room() && !ended && !too_late {
                break Some(due);
            }
            if !self.budget.claim() {
                phase.until = Some(phase.start);
                break None;
            }
            if too_late || !self.has_room() {
                unsent += 1;
            } else {
                let (op, offset) = self.next_request(mix);
                self.send(op, offset, sizes, due, Some(now));
            }
            phase.table.advance();
        };
        if unsent > 0 {
            self.tally.with(|tally| tally.counts.unsent += unsent);
        }
        next
    }
}
