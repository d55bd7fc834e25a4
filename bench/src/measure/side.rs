//! The two sides of a comparison: a stock Redis, and a proxy with the Redis behind it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use super::process;
use super::stock::Stock;
use crate::error::LoadError;
use crate::server::{Launch, Server};

/// A server under measurement.
#[derive(Debug)]
pub(super) enum Side {
    /// A stock Redis.
    Direct(Stock),
    /// A proxy, with the Redis servers that it starts when they are first needed.
    Proxy(Server),
    /// A proxy whose tenants share a Redis that it has not started.
    Beside(Server, Pid),
}

/// CPU time that the servers of a side used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) proxy: Duration,
    pub(super) redis: Duration,
}

impl Side {
    /// Starts a proxy.
    pub(super) async fn proxy(
        program: &Path,
        config: impl FnOnce(&Path) -> String,
    ) -> Result<Self, LoadError> {
        Ok(Self::Proxy(Server::start(&Launch::plain(program), config).await?))
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Direct(stock) => stock.address(),
            Self::Proxy(server) | Self::Beside(server, _) => server.listen(),
        }
    }

    /// What its servers have used so far.
    pub(super) fn used(&self) -> Used {
        match self {
            Self::Direct(stock) => Used {
                proxy: Duration::ZERO,
                redis: stock.pid().map_or(Duration::ZERO, process::cpu),
            },
            Self::Proxy(server) => {
                let redis = server.pid().map(process::children).unwrap_or_default();
                Used::of(server, process::cpu_of(&redis))
            }
            Self::Beside(server, redis) => Used::of(server, process::cpu(*redis)),
        }
    }

    /// Ends it in order.
    pub(super) async fn stop(self) -> Result<(), LoadError> {
        match self {
            Self::Direct(stock) => stock.stop().await,
            Self::Proxy(server) | Self::Beside(server, _) => server.stop().await,
        }
    }
}

impl Used {
    fn of(proxy: &Server, redis: Duration) -> Self {
        Self { proxy: proxy.pid().map_or(Duration::ZERO, process::cpu), redis }
    }

    /// What was used since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            proxy: self.proxy.saturating_sub(before.proxy),
            redis: self.redis.saturating_sub(before.redis),
        }
    }
}
