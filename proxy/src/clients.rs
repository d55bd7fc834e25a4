//! Who is connected: the register behind `CLIENT LIST`, `CLIENT KILL`, the connection limit and the admin API.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::task::Waker;

use dashmap::DashMap;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::command::table::{CommandSpec, Verb};

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
    pub(crate) killed: KillSwitch,
    /// What the client said of itself.
    pub(crate) about: Mutex<About>,
    connected: Instant,
    /// The last command, as one more than its verb; 0 before the first.
    last_verb: AtomicU16,
    /// When it came, in ms after the client connected.
    last_seen_after_ms: AtomicU64,
}

/// Ends one connection, from any thread. A look at it is one load, as every request takes one.
#[derive(Debug, Default)]
pub(crate) struct KillSwitch {
    thrown: AtomicBool,
    task: AtomicWaker,
}

impl KillSwitch {
    /// Ends the connection.
    pub(crate) fn throw(&self) {
        self.thrown.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether it was thrown.
    pub(crate) fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::Acquire)
    }

    /// Has `task` woken when the switch is thrown; look at it afterwards.
    pub(crate) fn wakes(&self, task: &Waker) {
        self.task.register(task);
    }
}

/// What a client said of itself.
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
}

impl Clients {
    /// Registers a client.
    pub(crate) fn add(&self, addr: SocketAddr, local_addr: SocketAddr) -> Arc<ClientRecord> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let about = About { resp: 2, ..About::default() };
        let record = Arc::new(ClientRecord {
            id,
            addr,
            local_addr,
            connected_ms: crate::clock::unix_ms(),
            killed: KillSwitch::default(),
            about: Mutex::new(about),
            connected: Instant::now(),
            last_verb: AtomicU16::new(0),
            last_seen_after_ms: AtomicU64::new(0),
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

    /// How many are signed in as each tenant, by its number; those without any are left out.
    pub(crate) fn by_tenant(&self) -> HashMap<u32, usize> {
        let mut counts = HashMap::new();
        for record in &self.by_id {
            if let Some((number, _)) = record.about.lock().tenant {
                *counts.entry(number).or_default() += 1;
            }
        }
        counts
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
    /// Notes the last command and when it came. Only the client's own worker calls this.
    pub(crate) fn saw(&self, command: Verb, at: Instant) {
        self.last_verb.store(command as u16 + 1, Ordering::Relaxed);
        let after = at.saturating_duration_since(self.connected);
        let after_ms = after.as_secs() * 1000 + u64::from(after.subsec_millis());
        self.last_seen_after_ms.store(after_ms, Ordering::Relaxed);
    }

    /// The last command's name, in lower case.
    pub(crate) fn last_command(&self) -> Option<&'static str> {
        let verb = self.last_verb.load(Ordering::Relaxed);
        CommandSpec::all().find(|spec| spec.verb as u16 + 1 == verb).map(|spec| spec.name)
    }

    /// When it came, in epoch ms; when the client connected, before the first.
    pub(crate) fn last_seen_ms(&self) -> u64 {
        self.connected_ms + self.last_seen_after_ms.load(Ordering::Relaxed)
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
            now_ms.saturating_sub(self.last_seen_ms()) / 1000,
            self.last_command().unwrap_or("NULL"),
            about.tenant.as_ref().map_or("(none)", |(_, name)| name),
            about.resp,
            about.lib_name,
            about.lib_version,
        )
    }
}
