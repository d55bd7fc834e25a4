//! One flag that asks every worker to finish what is in flight and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// A shared request to stop; cheap to check, possible to wait for.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    raised: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// A flag that Ctrl-C or SIGTERM raises, so that a demo ended either way ends its server too. Must be called within a
    /// tokio runtime.
    #[must_use]
    pub fn on_signal() -> Self {
        let stop = Self::default();
        let raiser = stop.clone();
        tokio::spawn(async move {
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            raiser.raise();
        });
        stop
    }

    /// Asks everybody to stop.
    pub fn raise(&self) {
        self.shared.raised.store(true, Ordering::Release);
        self.shared.notify.notify_waiters();
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.shared.raised.load(Ordering::Acquire)
    }

    /// Resolves once stopping was asked for.
    pub async fn raised(&self) {
        let mut waiter = std::pin::pin!(self.shared.notify.notified());
        waiter.as_mut().enable();
        if !self.is_raised() {
            waiter.await;
        }
    }
}
