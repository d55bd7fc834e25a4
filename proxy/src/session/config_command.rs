//! CONFIG: the settings that clients ask for, as they are for their tenant. None can be changed from here; a client that
//! sets one to what it is already gets its OK.

use std::collections::HashSet;

use bytes::Bytes;

use super::Session;
use crate::command::{CommandError, glob_matches};
use crate::resp::Reply;

impl Session {
    pub(super) fn config_get(&self, patterns: &[Bytes]) -> Reply {
        let wanted = |name: &str| {
            patterns.iter().any(|p| glob_matches(&p.to_ascii_lowercase(), name.as_bytes()))
        };
        let settings = self.settings().into_iter().filter(|(name, _)| wanted(name));
        Reply::Map(settings.map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
    }

    pub(super) fn config_set(&self, wanted: &[(Bytes, Bytes)]) -> Reply {
        let settings = self.settings();
        let mut seen = HashSet::new();
        let mut immutable = None;
        for (name, value) in wanted {
            let lower = name.to_ascii_lowercase();
            let Some((_, now)) = settings.iter().find(|(known, _)| known.as_bytes() == lower)
            else {
                let before = "ERR Unknown option or number of arguments for CONFIG SET - '";
                return CommandError::echo(before, name, "'").into();
            };
            if !seen.insert(lower) {
                return failed(name, "duplicate parameter");
            }
            if now.as_bytes() != value {
                immutable = immutable.or(Some(name));
            }
        }
        immutable.map_or(Reply::Ok, |name| failed(name, "can't set immutable config"))
    }

    /// INFO counts from here.
    pub(super) fn reset_stats(&self) -> Reply {
        let Some(service) = self.service() else { return Self::no_auth() };
        service.tenant().reset_stats();
        Reply::Ok
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let Some(service) = self.service() else { return Vec::new() };
        let shared = self.worker.shared();
        vec![
            ("save", String::new()),
            ("appendonly", String::from("no")),
            ("databases", String::from("1")),
            ("maxmemory", service.tenant().quota().cache_bytes.to_string()),
            ("maxmemory-policy", String::from("allkeys-lru")),
            ("maxclients", shared.config.server.max_clients.to_string()),
            ("timeout", String::from("0")),
            ("proto-max-bulk-len", self.limits.max_item_bytes.to_string()),
            // No events, nothing logged as slow, no latencies recorded.
            ("notify-keyspace-events", String::new()),
            ("slowlog-log-slower-than", String::from("-1")),
            ("slowlog-max-len", String::from("0")),
            ("latency-monitor-threshold", String::from("0")),
        ]
    }
}

fn failed(name: &[u8], why: &str) -> Reply {
    let before = "ERR CONFIG SET failed (possibly related to argument '";
    CommandError::echo(before, name, &format!("') - {why}")).into()
}
