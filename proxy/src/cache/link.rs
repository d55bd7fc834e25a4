//! Where a tenant's Redis is, and how to open a connection to it.

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::config::{self, RedisUrl};

/// Address and credentials of one Redis.
#[derive(Debug, Clone)]
pub(crate) struct RedisAddress {
    /// Socket to connect to.
    pub(crate) socket: RedisSocket,
    /// ACL user, with a password only.
    pub(crate) user: Option<String>,
    /// Password, if Redis asks for one.
    pub(crate) password: Option<String>,
    /// Logical database.
    pub(crate) db: i64,
}

/// Unix or TCP.
#[derive(Debug, Clone)]
pub(crate) enum RedisSocket {
    /// Path of a unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String, u16),
}

impl RedisAddress {
    /// A Redis on a unix socket, without password.
    pub(crate) fn unix(path: PathBuf) -> Self {
        Self { socket: RedisSocket::Unix(path), user: None, password: None, db: 0 }
    }

    /// The Redis that a configured URL names.
    pub(crate) fn from_url(url: &RedisUrl) -> Self {
        let socket = match &url.address {
            config::RedisAddress::Unix(path) => RedisSocket::Unix(path.clone()),
            config::RedisAddress::Tcp(host, port) => RedisSocket::Tcp(host.clone(), *port),
        };
        Self {
            socket,
            user: url.username.clone(),
            password: url.password.clone(),
            db: i64::from(url.database),
        }
    }

    /// Connection info for the control path's client.
    pub(crate) fn connection_info(&self) -> redis::RedisResult<redis::ConnectionInfo> {
        use redis::IntoConnectionInfo as _;
        let addr = match &self.socket {
            RedisSocket::Unix(path) => redis::ConnectionAddr::Unix(path.clone()),
            RedisSocket::Tcp(host, port) => redis::ConnectionAddr::Tcp(host.clone(), *port),
        };
        let mut settings = redis::RedisConnectionInfo::default().set_db(self.db);
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        Ok(addr.into_connection_info()?.set_redis_settings(settings))
    }

    /// Opens a connection for the data path and splits it.
    ///
    /// # Errors
    /// The operating system's error.
    pub(crate) async fn connect(&self) -> std::io::Result<(ReadHalf, WriteHalf)> {
        match &self.socket {
            RedisSocket::Unix(path) => {
                let (read, write) = UnixStream::connect(path).await?.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
            RedisSocket::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
        }
    }
}

impl std::fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.socket {
            RedisSocket::Unix(path) => write!(f, "{}", path.display()),
            RedisSocket::Tcp(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// The reading half of either kind of socket.
pub(crate) type ReadHalf = Box<dyn AsyncRead + Unpin>;
/// The writing half of either kind of socket.
pub(crate) type WriteHalf = Box<dyn AsyncWrite + Unpin>;
