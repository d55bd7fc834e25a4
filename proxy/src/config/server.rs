//! `[server]`: sockets, workers and the bounds of a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::quantity::Count;
use super::raw::RawServer;
use super::scalar::Scalar;
use super::secret::Secret;
use super::section::Section;

const WORKERS_MAX: u32 = 1024;

/// Sockets, workers and the bounds of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Where Redis clients connect. Tenant ports listen on the same IP address.
    pub listen: SocketAddr,
    /// Where the admin API, the metrics and the health checks are served.
    pub admin: SocketAddr,
    /// Bearer token of the admin API; `None` = no token asked, only possible on loopback.
    pub admin_token: Option<Secret>,
    /// Bearer token that only reads and asks for dry runs; never without `admin_token`.
    pub admin_read_token: Option<Secret>,
    /// Threads that serve clients.
    pub workers: Workers,
    /// Where embedded storage, Redis sockets and the saved state live; relative to the
    /// directory the program is started in.
    pub data_dir: PathBuf,
    /// Connections served at once; one more is told so and closed.
    pub max_clients: usize,
    /// Tenant of connections that do not authenticate; only possible on loopback.
    pub default_tenant: Option<String>,
    /// How long a shutdown waits for requests under way.
    pub drain_timeout: Duration,
    /// Commands of one connection under way at once; reading pauses there.
    pub max_pipeline: usize,
    /// Unread reply bytes of one connection at which reading from it pauses.
    pub output_buffer_bytes: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            listen: SocketAddr::new(loopback, 6380),
            admin: SocketAddr::new(loopback, 6390),
            admin_token: None,
            admin_read_token: None,
            workers: Workers::Auto,
            data_dir: PathBuf::from("./hopperkv-data"),
            max_clients: 10_000,
            default_tenant: None,
            drain_timeout: Duration::from_secs(10),
            max_pipeline: 1024,
            output_buffer_bytes: 32 << 20,
        }
    }
}

/// How many threads serve clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// One per core this process may use.
    Auto,
    /// This many.
    Fixed(usize),
}

impl Workers {
    /// The number of threads, at least 1.
    pub fn count(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            Self::Fixed(count) => count,
        }
    }
}

/// Whether only this machine can reach the address.
pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether both addresses cannot be bound at once. Port 0 asks for any free port.
pub(super) fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_ip
}

pub(super) fn read(raw: &RawServer, section: &mut Section<'_>) -> ServerConfig {
    let base = ServerConfig::default();
    let hour = Duration::from_secs(3600);
    let config = ServerConfig {
        listen: section.address("listen", raw.listen.as_ref(), base.listen),
        admin: section.address("admin", raw.admin.as_ref(), base.admin),
        admin_token: section.secret("admin_token", raw.admin_token.as_ref()),
        admin_read_token: section.secret("admin_read_token", raw.admin_read_token.as_ref()),
        workers: workers(raw.workers.as_ref(), section),
        data_dir: match section.optional_text("data_dir", raw.data_dir.as_ref(), |_| Ok(())) {
            Some(text) => PathBuf::from(text),
            None => base.data_dir,
        },
        max_clients: section.size(
            "max_clients",
            raw.max_clients.as_ref(),
            base.max_clients,
            1_000_000,
        ),
        default_tenant: section.optional_text(
            "default_tenant",
            raw.default_tenant.as_ref(),
            |_| Ok(()),
        ),
        drain_timeout: section.period(
            "drain_timeout",
            raw.drain_timeout.as_ref(),
            base.drain_timeout,
            Duration::ZERO..=hour,
        ),
        max_pipeline: section.size(
            "max_pipeline",
            raw.max_pipeline.as_ref(),
            base.max_pipeline,
            1_000_000,
        ),
        output_buffer_bytes: section.bytes(
            "output_buffer",
            raw.output_buffer.as_ref(),
            base.output_buffer_bytes,
            1 << 20..=16 << 30,
        ),
    };
    check_exposure(&config, raw, section);
    config
}

fn check_exposure(config: &ServerConfig, raw: &RawServer, section: &mut Section<'_>) {
    if clash(config.listen, config.admin) {
        let what = "is also the address of listen; give them different ports";
        section.reject_value("admin", format!("\"{}\"", config.admin), what);
    }
    if !is_loopback(config.admin) && raw.admin_token.is_none() {
        let what = "other machines can reach this address and there is no token; \
                    add admin_token = \"env:HOPPERKV_ADMIN_TOKEN\" or use 127.0.0.1";
        section.reject_value("admin", format!("\"{}\"", config.admin), what);
    }
    if raw.admin_read_token.is_some() && raw.admin_token.is_none() {
        let what = "reads only, and without admin_token nobody needs a token to change things; add admin_token as well";
        section.reject("admin_read_token", what);
    }
    if config.admin_read_token.is_some() && config.admin_read_token == config.admin_token {
        let what = "is the same as admin_token; give those who only read a token of their own";
        section.reject("admin_read_token", what);
    }
    if let Some(tenant) = &config.default_tenant
        && !is_loopback(config.listen)
    {
        let what = format!(
            "serves clients without a password, and other machines can reach listen = \"{}\"; \
             remove default_tenant or listen on 127.0.0.1",
            config.listen
        );
        section.reject_value("default_tenant", format!("\"{tenant}\""), what);
    }
}

fn workers(raw: Option<&Scalar>, section: &mut Section<'_>) -> Workers {
    match raw {
        None => Workers::Auto,
        Some(Scalar::Text(text)) if text == "auto" => Workers::Auto,
        Some(Scalar::Text(text)) if text.parse::<Count>().is_err() => {
            section.reject_value("workers", format!("{text:?}"), "write \"auto\" or a number");
            Workers::Auto
        }
        raw => Workers::Fixed(section.size("workers", raw, 1, WORKERS_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::clash;

    #[test]
    fn sockets_clash_when_one_would_shadow_the_other() {
        let clash = |a: &str, b: &str| clash(a.parse().unwrap(), b.parse().unwrap());
        assert!(clash("127.0.0.1:1", "127.0.0.1:1"));
        assert!(clash("0.0.0.0:1", "127.0.0.1:1"));
        assert!(!clash("127.0.0.2:1", "127.0.0.1:1"));
        assert!(!clash("127.0.0.1:0", "127.0.0.1:0"));
    }
}
