//! One thread, one event loop: the clients that were dealt to it, and its own connections to each tenant's Redis.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::TcpStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, FlowLimits};
use crate::server::Shared;
use crate::service::Service;
use crate::session::Session;
use crate::tenant::Tenant;

/// A socket on its way to a worker.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The accepted socket, non-blocking.
    pub(crate) stream: StdStream,
    /// The tenant whose own port it came to.
    pub(crate) tenant: Option<Arc<Tenant>>,
}

/// The state of a worker; lives and dies on its thread.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    services: RefCell<HashMap<u32, Rc<Service>>>,
    tasks: TaskTracker,
}

impl Worker {
    /// Runs a worker until `drain` is cancelled and everything that was started has ended.
    pub(crate) async fn run(
        shared: Arc<Shared>,
        mut arrivals: mpsc::Receiver<Arrival>,
        drain: CancellationToken,
    ) {
        let worker =
            Rc::new(Self { shared, services: RefCell::default(), tasks: TaskTracker::new() });
        let clients = TaskTracker::new();
        loop {
            tokio::select! {
                () = drain.cancelled() => break,
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => {
                        let worker = Rc::clone(&worker);
                        let drain = drain.clone();
                        clients.spawn_local(async move { worker.welcome(arrival, &drain).await });
                    }
                    None => break,
                },
            }
        }
        clients.close();
        clients.wait().await;
        worker.tasks.close();
        worker.tasks.wait().await;
        worker.services.borrow_mut().clear();
    }

    /// The tenant's service on this worker, opened when first asked for and closed when the tenant is removed.
    pub(crate) fn service(self: &Rc<Self>, tenant: &Arc<Tenant>) -> Rc<Service> {
        if let Some(service) = self.services.borrow().get(&tenant.number) {
            return Rc::clone(service);
        }
        let service = Service::open(Arc::clone(tenant), self.tasks.clone());
        self.services.borrow_mut().insert(tenant.number, Rc::clone(&service));
        let (worker, tenant) = (Rc::downgrade(self), Arc::clone(tenant));
        tokio::task::spawn_local(async move {
            tenant.removed.cancelled().await;
            if let Some(worker) = worker.upgrade() {
                worker.services.borrow_mut().remove(&tenant.number);
                for client in worker.shared.clients.of_tenant(tenant.number) {
                    client.killed.cancel();
                }
            }
        });
        service
    }

    /// What all workers share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Bounds of each connection.
    pub(crate) fn flow_limits(&self) -> FlowLimits {
        self.shared.flow_limits
    }

    async fn welcome(self: Rc<Self>, arrival: Arrival, drain: &CancellationToken) {
        let opened = TcpStream::from_std(arrival.stream)
            .and_then(|s| s.set_nodelay(true).map(|()| s))
            .and_then(|s| Ok((s.peer_addr()?, s.local_addr()?, s)));
        let (addr, local_addr, stream) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%error, "client left before it was served");
                return;
            }
        };
        let record = self.shared.clients.add(addr, local_addr);
        let session = Session::new(Rc::clone(&self), arrival.tenant, &record);
        let connection = Connection::new(stream, Rc::clone(&self), Arc::clone(&record), session);
        connection.serve(drain).await;
        self.shared.clients.remove(record.id);
    }
}
