//! INFO: the sections and fields that clients and dashboards read, for the client's own tenant.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{REDIS_VERSION, Session};
use crate::resp::Reply;

const SECTIONS: [&str; 7] =
    ["server", "clients", "memory", "persistence", "stats", "replication", "keyspace"];

impl Session {
    pub(super) fn info(&self, wanted: &[String]) -> Reply {
        let everything = wanted.is_empty()
            || wanted.iter().any(|w| matches!(w.as_str(), "all" | "default" | "everything"));
        let mut text = String::new();
        for section in SECTIONS {
            if everything || wanted.iter().any(|w| w == section) {
                if !text.is_empty() {
                    text.push_str("\r\n");
                }
                self.section(section, &mut text);
            }
        }
        Reply::Text(Bytes::from(text))
    }

    fn section(&self, name: &str, text: &mut String) {
        let shared = self.worker.shared();
        let Some(service) = self.service() else { return };
        let tenant = service.tenant();
        let fields: Vec<(&str, String)> = match name {
            "server" => {
                let up_s = crate::clock::unix_ms().saturating_sub(shared.started_ms) / 1000;
                vec![
                    ("redis_version", REDIS_VERSION.to_owned()),
                    ("redis_mode", "standalone".to_owned()),
                    ("hopperkv_version", env!("CARGO_PKG_VERSION").to_owned()),
                    ("os", std::env::consts::OS.to_owned()),
                    ("arch_bits", usize::BITS.to_string()),
                    ("process_id", std::process::id().to_string()),
                    ("run_id", shared.run_id.clone()),
                    ("tcp_port", self.record.local_addr.port().to_string()),
                    ("uptime_in_seconds", up_s.to_string()),
                    ("uptime_in_days", (up_s / 86_400).to_string()),
                ]
            }
            "clients" => vec![
                ("connected_clients", shared.clients.of_tenant(tenant.number).len().to_string()),
                ("maxclients", shared.config.server.max_clients.to_string()),
                ("blocked_clients", "0".to_owned()),
            ],
            "memory" => vec![
                ("maxmemory", tenant.quota().cache_bytes.to_string()),
                ("maxmemory_policy", "allkeys-lru".to_owned()),
            ],
            // Clients wait for the end of loading.
            "persistence" => vec![("loading", "0".to_owned())],
            "stats" => {
                let totals = tenant.totals_since_reset();
                vec![
                    (
                        "total_connections_received",
                        shared.counts.accepted.load(Ordering::Relaxed).to_string(),
                    ),
                    ("total_commands_processed", totals.commands.to_string()),
                    ("keyspace_hits", totals.hits.to_string()),
                    ("keyspace_misses", totals.misses.to_string()),
                    ("throttled_requests", totals.throttled.to_string()),
                ]
            }
            "replication" => vec![
                ("role", "master".to_owned()),
                ("connected_slaves", "0".to_owned()),
                ("master_replid", shared.run_id.clone()),
                ("master_repl_offset", "0".to_owned()),
            ],
            // How many items storage holds is not known without a scan.
            _ => Vec::new(),
        };
        let mut title = name.to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        // Writing to a string does not fail.
        let _ = write!(text, "# {title}\r\n");
        for (field, value) in fields {
            let _ = write!(text, "{field}:{value}\r\n");
        }
    }
}
