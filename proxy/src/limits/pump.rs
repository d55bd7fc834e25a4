//! The task that serves a line as tokens arrive.
//!
//! It runs on the runtime of the waiter that started it, sleeps until the front of the line can
//! be served, and ends when nobody waits. The waiters may live on other runtimes.

use std::sync::Arc;

use super::desk::Desk;

/// Serves one desk. If the runtime drops it before its end, even before it first ran, the desk is
/// told, so that another waiter starts a new one.
#[derive(Debug)]
pub(super) struct Pump {
    desk: Arc<Desk>,
    done: bool,
}

impl Pump {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, done: false }
    }

    pub(super) async fn run(mut self) {
        while let Some(delay) = self.desk.tick() {
            tokio::select! {
                () = self.desk.changed() => {}
                () = tokio::time::sleep(delay) => {}
            }
        }
        self.done = true;
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if !self.done {
            self.desk.pump_lost();
        }
    }
}
