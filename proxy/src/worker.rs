//! One thread, one event loop: the clients that were dealt to it, and its own connections to each tenant's Redis.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::net::TcpStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, FlowLimits};
use crate::replies::ReplyQueue;
use crate::server::Shared;
use crate::service::Service;
use crate::session::Session;
use crate::tenant::Tenant;

/// Bytes that one read from a client can bring.
const READ_BUFFER_BYTES: usize = 64 * 1024;

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
    read_buffer: RefCell<Box<[u8]>>,
    /// The clients' reply queues, by client id.
    clients: RefCell<HashMap<u64, Rc<ReplyQueue>>>,
    draining: Cell<bool>,
}

impl Worker {
    /// Runs a worker until `drain` is cancelled and everything that was started has ended.
    pub(crate) async fn run(
        shared: Arc<Shared>,
        mut arrivals: mpsc::Receiver<Arrival>,
        drain: CancellationToken,
    ) {
        let worker = Rc::new(Self {
            shared,
            services: RefCell::default(),
            tasks: TaskTracker::new(),
            read_buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into()),
            clients: RefCell::default(),
            draining: Cell::new(false),
        });
        let clients = TaskTracker::new();
        loop {
            tokio::select! {
                () = drain.cancelled() => break,
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => {
                        clients.spawn_local(Rc::clone(&worker).welcome(arrival));
                    }
                    None => break,
                },
            }
        }
        worker.draining.set(true);
        for client in worker.clients.borrow().values() {
            client.wake();
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
                    client.killed.throw();
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

    /// Whether what was started is to be finished, and nothing more begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Where connections read into, one at a time and never across an await.
    pub(crate) fn read_buffer(&self) -> RefMut<'_, [u8]> {
        RefMut::map(self.read_buffer.borrow_mut(), |buffer| &mut **buffer)
    }

    async fn welcome(self: Rc<Self>, arrival: Arrival) {
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
        self.clients.borrow_mut().insert(record.id, Rc::clone(connection.replies()));
        connection.serve().await;
        self.clients.borrow_mut().remove(&record.id);
        self.shared.clients.remove(record.id);
    }
}
