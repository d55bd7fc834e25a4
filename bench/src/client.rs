//! One connection to a Redis endpoint: connect, log in, write what is queued, read what arrives.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::error::LoadError;
use crate::resp::{Commands, ProtocolError, Reply, ReplyReader};

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the server listens: `host:port`, or `unix:/path` (a plain absolute path works too).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address, `host:port`.
    Tcp(String),
    /// A unix socket.
    Unix(PathBuf),
}

impl FromStr for Endpoint {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.strip_prefix("redis://").unwrap_or(text);
        Ok(if let Some(path) = text.strip_prefix("unix:") {
            Self::Unix(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
        } else if text.starts_with('/') {
            Self::Unix(PathBuf::from(text))
        } else if text.contains(':') {
            Self::Tcp(text.to_owned())
        } else {
            Self::Tcp(format!("{text}:6379"))
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// User (the tenant) and password for `AUTH`.
#[derive(Clone)]
pub struct Credentials {
    /// User name; none sends the one-argument `AUTH`.
    pub user: Option<String>,
    /// Password, never printed.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A server and how to log in to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// How to log in, if at all.
    pub credentials: Option<Credentials>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    async fn open(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Endpoint::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
        }
    }

    async fn ready(&self, interest: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.ready(interest).await,
            Self::Unix(stream) => stream.ready(interest).await,
        }
        .map(drop)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buf),
            Self::Unix(stream) => stream.try_read(buf),
        }
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(buf),
            Self::Unix(stream) => stream.try_write(buf),
        }
    }
}

/// A connected, logged-in client.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    stream: Stream,
    commands: Commands,
    replies: ReplyReader,
}

impl Client {
    /// Connects and, if the target has credentials, logs in.
    ///
    /// # Errors
    /// [`LoadError::Connect`] if nothing answers, [`LoadError::Login`] if the server refuses.
    pub async fn connect(target: &Target) -> Result<Self, LoadError> {
        let endpoint = target.endpoint.clone();
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, Stream::open(&endpoint)).await;
        let stream = opened
            .unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut)))
            .map_err(|source| LoadError::Connect { endpoint: endpoint.clone(), source })?;
        let mut client = Self {
            endpoint,
            stream,
            commands: Commands::default(),
            replies: ReplyReader::default(),
        };
        if let Some(credentials) = &target.credentials {
            client.log_in(credentials).await?;
        }
        Ok(client)
    }

    async fn log_in(&mut self, credentials: &Credentials) -> Result<(), LoadError> {
        let password = credentials.password.as_bytes();
        match &credentials.user {
            Some(user) => self.commands.push(&[b"AUTH", user.as_bytes(), password]),
            None => self.commands.push(&[b"AUTH", password]),
        }
        let endpoint = self.endpoint.clone();
        loop {
            self.exchange().await?;
            match self.replies.next_reply() {
                Ok(None) => {}
                Ok(Some(Reply::Error(text))) => {
                    let reply = String::from_utf8_lossy(text).into_owned();
                    return Err(LoadError::Login { endpoint, reply });
                }
                Ok(Some(_)) => return Ok(()),
                Err(source) => return Err(LoadError::Protocol { endpoint, source }),
            }
        }
    }

    /// The two halves of a conversation: commands to queue, replies to read.
    pub fn split(&mut self) -> (&mut Commands, &mut ReplyReader) {
        (&mut self.commands, &mut self.replies)
    }

    /// Writes what is queued and waits until at least one more byte has arrived.
    ///
    /// Reading goes on while writing is blocked, so that deep pipelines of large values cannot
    /// wedge against a server that stops reading until its replies are taken. Cancel safe.
    ///
    /// # Errors
    /// [`LoadError::Lost`] when the connection breaks or the server closes it.
    pub async fn exchange(&mut self) -> Result<(), LoadError> {
        self.turn()
            .await
            .map_err(|source| LoadError::Lost { endpoint: self.endpoint.clone(), source })
    }

    /// Wraps a protocol error with this client's endpoint.
    #[must_use]
    pub fn protocol_error(&self, source: ProtocolError) -> LoadError {
        LoadError::Protocol { endpoint: self.endpoint.clone(), source }
    }

    async fn turn(&mut self) -> io::Result<()> {
        loop {
            while !self.commands.pending().is_empty() {
                match self.stream.try_write(self.commands.pending()) {
                    Ok(count) => self.commands.wrote(count),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            let interest = if self.commands.pending().is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            self.stream.ready(interest).await?;
            match self.stream.try_read(self.replies.space()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.replies.filled(count);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use std::path::PathBuf;

    #[test]
    fn endpoints_parse() {
        let parse = |text: &str| text.parse::<Endpoint>().unwrap();
        assert_eq!(parse("127.0.0.1:6380"), Endpoint::Tcp("127.0.0.1:6380".into()));
        assert_eq!(parse("redis://h:1"), Endpoint::Tcp("h:1".into()));
        assert_eq!(parse("localhost"), Endpoint::Tcp("localhost:6379".into()));
        assert_eq!(parse("unix:/tmp/s"), Endpoint::Unix(PathBuf::from("/tmp/s")));
        assert_eq!(parse("/tmp/s"), Endpoint::Unix(PathBuf::from("/tmp/s")));
    }
}
