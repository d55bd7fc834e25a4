//! The overview, computed and written out once per tick for all who listen.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::super::AdminState;
use super::super::overview::Overview;

/// How often listeners are told.
const TICK: Duration = Duration::from_secs(1);
/// The same with more than [`MANY_TENANTS`].
const SLOW_TICK: Duration = Duration::from_secs(2);
/// Tenants above which the slow tick holds.
const MANY_TENANTS: usize = 200;

/// The newest overview as an event. Whoever listens reads it when there is room to write: one that is slow misses some, and
/// nothing is kept for it.
#[derive(Debug, Default)]
pub(in super::super) struct Feed {
    newest: watch::Sender<Option<Bytes>>,
    wanted: Notify,
}

impl Feed {
    /// Lets somebody listen; the first one has the feed begin.
    pub(super) fn listen(&self) -> watch::Receiver<Option<Bytes>> {
        let mut listener = self.newest.subscribe();
        // What is there now is news to it.
        listener.mark_changed();
        self.wanted.notify_one();
        listener
    }

    /// Looks at everything once per tick while anybody listens, until `stop`.
    pub(in super::super) async fn run(&self, state: &AdminState, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.wanted.notified()).await.is_some() {
            let mut tick = tokio::time::interval(tick(state));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while self.newest.receiver_count() > 0 {
                if stop.run_until_cancelled(tick.tick()).await.is_none() {
                    return;
                }
                let event = frame("overview", &Overview::now(state).await);
                self.newest.send_replace(Some(event));
            }
            // Who comes next is not shown an old one.
            self.newest.send_replace(None);
        }
    }
}

/// The tick for as many tenants as there are.
fn tick(state: &AdminState) -> Duration {
    let tenants = state.inner.shared.tenants.len();
    if tenants > MANY_TENANTS { SLOW_TICK } else { TICK }
}

/// One server-sent event.
pub(super) fn frame(event: &str, data: &impl Serialize) -> Bytes {
    let mut text = format!("event: {event}\ndata: ").into_bytes();
    // JSON on one line has no line break, which would end the event; what can be described can be written.
    if serde_json::to_writer(&mut text, data).is_err() {
        tracing::error!(event, "an event could not be written");
        return Bytes::new();
    }
    text.extend_from_slice(b"\n\n");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn an_event_is_two_lines_and_a_blank_one() {
        let data = serde_json::json!({"text": "one\ntwo\r\n"});
        let event = frame("overview", &data);
        assert_eq!(&event[..], b"event: overview\ndata: {\"text\":\"one\\ntwo\\r\\n\"}\n\n");
    }
}
