//! The server of the demo and how to reach it.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, interval};

use super::scenario::{self, Tenant};
use crate::admin::Admin;
use crate::client::{Credentials, Endpoint, Target};
use crate::error::LoadError;
use crate::server::{Launch, Server as Process};

/// How long the caches may take to become reachable.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(100);
/// The admin API's token; it listens on loopback only.
const TOKEN: &str = "demo-token";

/// A running server, killed if dropped.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    admin: Admin,
}

impl Server {
    /// Starts `program serve` on free ports and waits until storage and caches are reachable.
    ///
    /// # Errors
    /// If it does not start, ends early, or is not ready in time; its log is in the message.
    pub(super) async fn start(program: &Path) -> Result<Self, LoadError> {
        let launch = Launch { log: "info", ..Launch::plain(program) };
        let process = Process::start(&launch, |data| scenario::config(TOKEN, data)).await?;
        let admin = Admin::new(&process.admin().to_string(), TOKEN);
        let give_up_at = Instant::now() + READY_LIMIT;
        let mut looks = interval(LOOK);
        while !admin.is_ready().await {
            looks.tick().await;
            if Instant::now() > give_up_at {
                let limit_s = READY_LIMIT.as_secs();
                let error = process.failure(&format!("/readyz was not 200 within {limit_s} s"));
                // Gracefully, so that it takes the Redis servers it started with it.
                let _ = process.stop().await;
                return Err(error);
            }
        }
        Ok(Self { process, admin })
    }

    /// Its admin API.
    pub(super) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Where a tenant connects.
    pub(super) fn target(&self, tenant: &Tenant) -> Target {
        let user = Some(tenant.name.to_owned());
        let credentials = Some(Credentials { user, password: tenant.password() });
        Target { endpoint: Endpoint::Tcp(self.process.listen().to_string()), credentials }
    }

    /// Asks it to drain and end, and waits for that.
    ///
    /// # Errors
    /// If it does not end in time (it is killed then) or ends with another code than 0.
    pub(super) async fn stop(self) -> Result<(), LoadError> {
        self.process.stop().await
    }
}
