//! Who is connected: the register behind `CLIENT LIST`, `CLIENT KILL`, the connection limit and the admin API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// All connected clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_id: DashMap<u64, Arc<ClientRecord>>,
    last_id: AtomicU64,
}

/// What is known of one client, readable from any thread.
#[derive(Debug)]
pub(crate) struct ClientRecord {
    /// `CLIENT ID`.
    pub(crate) id: u64,
    /// The client's end.
    pub(crate) addr: SocketAddr,
    /// Our end.
    pub(crate) local_addr: SocketAddr,
    /// When it connected, in epoch ms.
    pub(crate) connected_ms: u64,
    /// Ends the connection.
    pub(crate) killed: CancellationToken,
    /// What the client said of itself.
    pub(crate) about: Mutex<About>,
}

/// What a client said of itself, and its last command.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// Tenant number and name, once signed in.
    pub(crate) tenant: Option<(u32, Arc<str>)>,
    /// `CLIENT SETNAME`.
    pub(crate) name: String,
    /// `CLIENT SETINFO LIB-NAME`.
    pub(crate) lib_name: String,
    /// `CLIENT SETINFO LIB-VER`.
    pub(crate) lib_version: String,
    /// RESP version.
    pub(crate) resp: u8,
    /// Last command, lower case.
    pub(crate) last_command: &'static str,
    /// When it came, in epoch ms.
    pub(crate) last_seen_ms: u64,
}

impl Clients {
    /// Registers a client.
    pub(crate) fn add(&self, addr: SocketAddr, local_addr: SocketAddr) -> Arc<ClientRecord> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ms = crate::clock::unix_ms();
        let about =
            About { resp: 2, last_seen_ms: now_ms, last_command: "NULL", ..About::default() };
        let record = Arc::new(ClientRecord {
            id,
            addr,
            local_addr,
            connected_ms: now_ms,
            killed: CancellationToken::new(),
            about: Mutex::new(about),
        });
        self.by_id.insert(id, Arc::clone(&record));
        record
    }

    /// Forgets a client.
    pub(crate) fn remove(&self, id: u64) {
        self.by_id.remove(&id);
    }

    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The clients of one tenant, by id.
    pub(crate) fn of_tenant(&self, number: u32) -> Vec<Arc<ClientRecord>> {
        let mut records: Vec<_> = self
            .by_id
            .iter()
            .filter(|r| r.about.lock().tenant.as_ref().is_some_and(|(n, _)| *n == number))
            .map(|r| Arc::clone(r.value()))
            .collect();
        records.sort_by_key(|r| r.id);
        records
    }
}

impl ClientRecord {
    /// Notes the last command.
    pub(crate) fn saw(&self, command: &'static str) {
        let mut about = self.about.lock();
        about.last_command = command;
        about.last_seen_ms = crate::clock::unix_ms();
    }

    /// One line of `CLIENT LIST`.
    pub(crate) fn line(&self, now_ms: u64) -> String {
        let about = self.about.lock();
        format!(
            "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 \
             qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r \
             cmd={} user={} redir=-1 resp={} lib-name={} lib-ver={}",
            self.id,
            self.addr,
            self.local_addr,
            about.name,
            now_ms.saturating_sub(self.connected_ms) / 1000,
            now_ms.saturating_sub(about.last_seen_ms) / 1000,
            about.last_command,
            about.tenant.as_ref().map_or("(none)", |(_, name)| name),
            about.resp,
            about.lib_name,
            about.lib_version,
        )
    }
}
