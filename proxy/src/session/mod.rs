//! Who a client is: its tenant, its protocol, its name. Answers the commands that are about that.
//!
//! A client is signed in as a tenant by AUTH or HELLO (user = tenant), by coming to the tenant's own port (with the
//! tenant's password, if it has one), or as the configured default tenant.

mod client_command;
mod config_command;
mod info;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::clients::ClientRecord;
use crate::command::{ItemLimits, SessionCommand};
use crate::resp::{Protocol, Reply};
use crate::service::Service;
use crate::tenant::Tenant;
use crate::worker::Worker;

/// The Redis version whose behaviour clients can expect.
pub(crate) const REDIS_VERSION: &str = "7.2.4";

const NO_AUTH: &str = "NOAUTH Authentication required.";
const WRONG_PASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const HELLO_NO_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version \
     at the same time";

/// What becomes of the connection after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on.
    Stay,
    /// It closes once everything is answered.
    Close,
}

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Session {
    worker: Rc<Worker>,
    record: Arc<ClientRecord>,
    /// The tenant meant when no user is named: that of the port, or the default tenant.
    implied: Option<Arc<Tenant>>,
    /// Signed in without AUTH.
    open_door: bool,
    service: Option<Rc<Service>>,
    limits: ItemLimits,
    protocol: Protocol,
}

impl Session {
    /// A client that just connected, to `port_of`'s own port if given.
    pub(crate) fn new(
        worker: Rc<Worker>,
        port_of: Option<Arc<Tenant>>,
        record: &Arc<ClientRecord>,
    ) -> Self {
        let shared = worker.shared();
        let default = shared.config.server.default_tenant.as_deref();
        let (implied, open_door) = match port_of {
            Some(tenant) => {
                let open = tenant.config.load().password.is_none();
                (Some(tenant), open)
            }
            None => (default.and_then(|name| shared.tenants.get(name)), true),
        };
        let mut session = Self {
            worker,
            record: Arc::clone(record),
            implied,
            open_door,
            service: None,
            limits: ItemLimits::default(),
            protocol: Protocol::default(),
        };
        session.reset();
        session
    }

    /// The tenant's service, once signed in.
    pub(crate) fn service(&self) -> Option<&Rc<Service>> {
        self.service.as_ref()
    }

    /// RESP2 or RESP3.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What the tenant's table can hold.
    pub(crate) fn limits(&self) -> &ItemLimits {
        &self.limits
    }

    /// The reply to a command that needs a tenant when there is none.
    pub(crate) fn no_auth() -> Reply {
        Reply::error(NO_AUTH)
    }

    /// Whether a command would make this another tenant's client, or change its protocol.
    pub(crate) fn would_change(&self, command: &SessionCommand) -> bool {
        let own = self.service.as_ref().map(|service| service.tenant().number);
        let others = |user: Option<&Bytes>| {
            self.tenant_of(user).is_some_and(|tenant| Some(tenant.number) != own)
        };
        match command {
            SessionCommand::Hello { protocol, auth, .. } => {
                protocol.is_some_and(|protocol| protocol != self.protocol)
                    || auth.as_ref().is_some_and(|(user, _)| others(Some(user)))
            }
            SessionCommand::Auth { user, .. } => others(user.as_ref()),
            _ => false,
        }
    }

    /// Answers a session command.
    pub(crate) fn run(&mut self, command: SessionCommand) -> (Reply, After) {
        let reply = match command {
            SessionCommand::Hello { protocol, auth, name } => self.hello(protocol, auth, name),
            SessionCommand::Auth { user, password } => self.auth(user.as_ref(), &password),
            SessionCommand::Ping(None) => Reply::Simple("PONG"),
            SessionCommand::Ping(Some(message)) | SessionCommand::Echo(message) => {
                Reply::Bulk(message)
            }
            SessionCommand::Quit => return (Reply::Ok, After::Close),
            SessionCommand::Reset => {
                self.reset();
                Reply::Simple("RESET")
            }
            SessionCommand::Select => Reply::Ok,
            SessionCommand::Client(command) => return self.client(command),
            SessionCommand::Answer(reply) => reply,
            SessionCommand::Info(sections) => self.info(&sections),
            SessionCommand::Time => time(),
            SessionCommand::ConfigGet(patterns) => self.config_get(&patterns),
            SessionCommand::ConfigSet(settings) => self.config_set(&settings),
            SessionCommand::ConfigResetStat => self.reset_stats(),
            SessionCommand::WhoAmI => self.who_am_i(),
        };
        (reply, After::Stay)
    }

    fn hello(
        &mut self,
        protocol: Option<Protocol>,
        auth: Option<(Bytes, Bytes)>,
        name: Option<Bytes>,
    ) -> Reply {
        if let Some((user, password)) = auth {
            let reply = self.auth(Some(&user), &password);
            if reply.is_error() {
                return reply;
            }
        }
        if self.service.is_none() {
            return Reply::error(HELLO_NO_AUTH);
        }
        if let Some(name) = name {
            self.set_name(&name);
        }
        if let Some(protocol) = protocol {
            self.set_protocol(protocol);
        }
        let text = |s: &'static str| Reply::bulk(s);
        Reply::Map(vec![
            (text("server"), text("redis")),
            (text("version"), text(REDIS_VERSION)),
            (text("proto"), Reply::Int(self.protocol_number().into())),
            (text("id"), Reply::Int(self.id())),
            (text("mode"), text("standalone")),
            (text("role"), text("master")),
            (text("modules"), Reply::Array(Vec::new())),
        ])
    }

    fn auth(&mut self, user: Option<&Bytes>, password: &[u8]) -> Reply {
        let tenant = self.tenant_of(user).filter(|t| {
            t.config.load().password.as_ref().is_none_or(|secret| secret.verify(password))
        });
        match tenant {
            Some(tenant) => {
                self.sign_in(&tenant);
                Reply::Ok
            }
            None => {
                self.worker.shared().counts.denied.fetch_add(1, Ordering::Relaxed);
                Reply::error(WRONG_PASS)
            }
        }
    }

    fn tenant_of(&self, user: Option<&Bytes>) -> Option<Arc<Tenant>> {
        match user.map(|u| std::str::from_utf8(u)) {
            None | Some(Ok("default")) => self.implied.clone(),
            Some(Ok(name)) => self.worker.shared().tenants.get(name),
            Some(Err(_)) => None,
        }
    }

    fn sign_in(&mut self, tenant: &Arc<Tenant>) {
        self.service = Some(self.worker.service(tenant));
        self.limits = tenant.item_limits();
        self.record.about.lock().tenant = Some((tenant.number, Arc::clone(&tenant.name)));
    }

    fn reset(&mut self) {
        self.service = None;
        {
            let mut about = self.record.about.lock();
            about.tenant = None;
            about.name.clear();
        }
        self.set_protocol(Protocol::Resp2);
        if self.open_door
            && let Some(tenant) = self.implied.clone()
        {
            self.sign_in(&tenant);
        }
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.record.about.lock().resp = self.protocol_number();
    }

    fn set_name(&self, name: &[u8]) {
        self.record.about.lock().name = String::from_utf8_lossy(name).into_owned();
    }

    fn who_am_i(&self) -> Reply {
        let name = self.service.as_ref().map(|service| service.tenant().name.to_string());
        name.map_or_else(Self::no_auth, Reply::bulk)
    }

    fn protocol_number(&self) -> u8 {
        match self.protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }

    fn id(&self) -> i64 {
        i64::try_from(self.record.id).unwrap_or(i64::MAX)
    }
}

fn time() -> Reply {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Reply::Array(vec![
        Reply::bulk(since.as_secs().to_string()),
        Reply::bulk(since.subsec_micros().to_string()),
    ])
}
