//! CLIENT: what a client may know and do about itself and the other clients of its tenant.

use std::sync::Arc;

use bytes::Bytes;

use super::{After, Session};
use crate::clients::ClientRecord;
use crate::command::{ClientCommand, ClientFilter, LibraryAttribute};
use crate::resp::Reply;

impl Session {
    pub(super) fn client(&self, command: ClientCommand) -> (Reply, After) {
        let reply = match command {
            ClientCommand::Id => Reply::Int(self.id()),
            ClientCommand::GetName => {
                let name = self.record.about.lock().name.clone();
                if name.is_empty() { Reply::Null } else { Reply::bulk(name) }
            }
            ClientCommand::SetName(name) => {
                self.set_name(&name);
                Reply::Ok
            }
            ClientCommand::SetInfo(attribute, value) => {
                let value = String::from_utf8_lossy(&value).into_owned();
                let mut about = self.record.about.lock();
                match attribute {
                    LibraryAttribute::Name => about.lib_name = value,
                    LibraryAttribute::Version => about.lib_version = value,
                }
                Reply::Ok
            }
            ClientCommand::Info => {
                Reply::Text(Bytes::from(self.record.line(crate::clock::unix_ms()) + "\n"))
            }
            ClientCommand::List(filter) => match self.matching(&filter) {
                Ok(records) => {
                    let now_ms = crate::clock::unix_ms();
                    let lines: String = records.iter().map(|r| r.line(now_ms) + "\n").collect();
                    Reply::Text(Bytes::from(lines))
                }
                Err(error) => error,
            },
            // Nothing of a client's own is evicted here, and there is no idle time to spare: both are no more than
            // promises that hold anyway.
            ClientCommand::NoEvict(_) | ClientCommand::NoTouch(_) => Reply::Ok,
            ClientCommand::KillAddress(address) => {
                let filter = ClientFilter {
                    address: Some(address),
                    include_self: true,
                    ..ClientFilter::default()
                };
                return match self.kill(&filter) {
                    Ok((0, _)) => (Reply::error("ERR No such client"), After::Stay),
                    Ok((_, after)) => (Reply::Ok, after),
                    Err(error) => (error, After::Stay),
                };
            }
            ClientCommand::Kill(filter) => {
                return match self.kill(&filter) {
                    Ok((killed, after)) => (Reply::Int(killed), after),
                    Err(error) => (error, After::Stay),
                };
            }
        };
        (reply, After::Stay)
    }

    /// Closes the clients that match; this one only after its reply.
    fn kill(&self, filter: &ClientFilter) -> Result<(i64, After), Reply> {
        let mut after = After::Stay;
        let mut killed = 0;
        for record in self.matching(filter)? {
            killed += 1;
            if record.id == self.record.id {
                after = After::Close;
            } else {
                record.killed.throw();
            }
        }
        Ok((killed, after))
    }

    fn matching(&self, filter: &ClientFilter) -> Result<Vec<Arc<ClientRecord>>, Reply> {
        let Some(service) = self.service() else { return Err(Self::no_auth()) };
        let tenant = service.tenant();
        if let Some(user) = &filter.user
            && user.as_ref() != tenant.name.as_bytes()
        {
            let user = String::from_utf8_lossy(user);
            return Err(Reply::error(format!("ERR No such user '{user}'")));
        }
        let mut records = self.worker.shared().clients.of_tenant(tenant.number);
        records.retain(|record| {
            let id = i64::try_from(record.id).unwrap_or(i64::MAX);
            let is = |wanted: &Option<Bytes>, actual: std::net::SocketAddr| {
                wanted.as_ref().is_none_or(|w| w.as_ref() == actual.to_string().as_bytes())
            };
            (filter.ids.is_empty() || filter.ids.contains(&id))
                && filter.kind.as_ref().is_none_or(|kind| kind == "normal")
                && is(&filter.address, record.addr)
                && is(&filter.local_address, record.local_addr)
                && (filter.include_self || record.id != self.record.id)
        });
        Ok(records)
    }
}
