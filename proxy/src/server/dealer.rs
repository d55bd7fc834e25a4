//! Accepts clients and deals them to the workers in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Shared, StartError};
use crate::tenant::Tenant;
use crate::worker::Arrival;

/// Opens sockets, at start and for tenants added later.
#[derive(Debug, Clone)]
pub(crate) struct Dealer {
    shared: Arc<Shared>,
    workers: Vec<mpsc::Sender<Arrival>>,
    stop: CancellationToken,
}

impl Dealer {
    pub(super) fn new(
        shared: Arc<Shared>,
        workers: Vec<mpsc::Sender<Arrival>>,
        stop: CancellationToken,
    ) -> Self {
        Self { shared, workers, stop }
    }

    /// Opens a tenant's own port; it closes when the tenant is removed.
    ///
    /// # Errors
    /// The port cannot be listened on.
    pub(crate) async fn open_port(
        &self,
        tenant: Arc<Tenant>,
        port: u16,
    ) -> Result<SocketAddr, StartError> {
        let addr = SocketAddr::new(self.shared.config.server.listen.ip(), port);
        let purpose = format!("tenant \"{}\"", tenant.name);
        let (listener, addr) = bind(addr, &purpose, "the tenant's `port`").await?;
        self.deal(listener, Some(tenant));
        Ok(addr)
    }

    /// Serves the clients of one socket in the background.
    pub(super) fn deal(&self, listener: TcpListener, tenant: Option<Arc<Tenant>>) {
        let (shared, workers) = (Arc::clone(&self.shared), self.workers.clone());
        tokio::spawn(accept(shared, listener, tenant, workers, self.stop.clone()));
    }
}

/// Listens, or says what to change.
pub(super) async fn bind(
    addr: SocketAddr,
    purpose: &str,
    setting: &str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen_error = |source: io::Error| StartError::Listen {
        addr,
        purpose: purpose.to_owned(),
        hint: match source.kind() {
            io::ErrorKind::AddrInUse => {
                format!("stop the process that uses the port, or change {setting}")
            }
            _ => format!("change {setting}"),
        },
        source,
    };
    let listener = TcpListener::bind(addr).await.map_err(listen_error)?;
    let bound = listener.local_addr().map_err(listen_error)?;
    Ok((listener, bound))
}

/// Accepts on one socket and deals the clients to the workers in turn, until `stop`.
async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tenant: Option<Arc<Tenant>>,
    workers: Vec<mpsc::Sender<Arrival>>,
    stop: CancellationToken,
) {
    let removed = tenant.as_ref().map(|t| t.removed.clone()).unwrap_or_default();
    let mut turn = workers.iter().cycle();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            () = removed.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: let some close before the next attempt.
                tracing::warn!(%error, "cannot accept a client");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        shared.counts.accepted.fetch_add(1, Ordering::Relaxed);
        if shared.clients.len() >= shared.config.server.max_clients {
            shared.counts.refused.fetch_add(1, Ordering::Relaxed);
            refuse(&stream, from);
            continue;
        }
        let (Some(worker), Ok(stream)) = (turn.next(), stream.into_std()) else { continue };
        let arrival = Arrival { stream, tenant: tenant.clone() };
        if worker.send(arrival).await.is_err() {
            return;
        }
    }
}

fn refuse(stream: &TcpStream, from: SocketAddr) {
    tracing::warn!(client = %from, "too many clients; raise [server] max_clients or close some");
    // Best effort: the client may be gone.
    let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
}
