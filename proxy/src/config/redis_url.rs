//! The address of a tenant's own Redis: `redis://user:password@host:6379/0` or `unix:///path`.

use std::fmt;
use std::path::PathBuf;

use super::secret::MASK;

const PORT: u16 = 6379;

/// Where a Redis listens and how to log in. `Debug` and `Display` mask the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    /// The socket.
    pub address: RedisAddress,
    /// ACL user; `None` = the default user.
    pub username: Option<String>,
    /// Password, decoded.
    pub password: Option<String>,
    /// Database number.
    pub database: u16,
}

/// The socket a Redis listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAddress {
    /// Host name or IP address (an IPv6 address without brackets), and port.
    Tcp(String, u16),
    /// Path of a unix socket.
    Unix(PathBuf),
}

impl RedisUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// What is wrong and how to write it. The message never contains the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://").or(text.strip_prefix("redis+unix://")) {
            return Self::unix(path);
        }
        if text.starts_with("rediss://") {
            return Err("TLS to Redis is not supported; use redis:// or unix://".to_owned());
        }
        let rest = text.strip_prefix("redis://").ok_or(
            "write a URL such as \"redis://127.0.0.1:6379\" or \"unix:///run/redis.sock\"",
        )?;
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(l, r)| (Some(l), r));
        let (host_port, path) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match path {
            "" => 0,
            digits => digits.parse().map_err(|_| "after the port comes a database number")?,
        };
        let (host, port) = host_and_port(host_port)?;
        let (username, password) = match login {
            Some(login) => credentials(login)?,
            None => (None, None),
        };
        let address = RedisAddress::Tcp(host.to_lowercase(), port);
        Ok(Self { address, username, password, database })
    }

    /// The URL with its password: what reads back as the same value. Do not log it.
    pub fn expose(&self) -> String {
        self.written(percent_encoded)
    }

    /// The URL with the password as `show` gives it.
    fn written(&self, show: impl Fn(&str) -> String) -> String {
        let (host, port) = match &self.address {
            RedisAddress::Unix(path) => return format!("unix://{}", path.display()),
            RedisAddress::Tcp(host, port) => (host, port),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let login = self.password.as_ref().map_or(String::new(), |password| {
            let user = self.username.as_deref().map(percent_encoded).unwrap_or_default();
            format!("{user}:{}@", show(password))
        });
        format!("redis://{login}{host}:{port}/{}", self.database)
    }

    fn unix(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') || path.len() > 107 {
            return Err("a unix socket is written unix:///path, at most 107 bytes".to_owned());
        }
        Ok(Self {
            address: RedisAddress::Unix(PathBuf::from(path)),
            username: None,
            password: None,
            database: 0,
        })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(|_| MASK.to_owned()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn host_and_port(text: &str) -> Result<(&str, u16), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '?' || c == '#') {
        return Err("has no host; write for example \"redis://127.0.0.1:6379\"".to_owned());
    }
    match port.map_or(Ok(PORT), str::parse) {
        Ok(port) if port > 0 => Ok((host, port)),
        _ => Err("has no valid port; write for example \"redis://127.0.0.1:6379\"".to_owned()),
    }
}

type Credentials = (Option<String>, Option<String>);

fn credentials(login: &str) -> Result<Credentials, String> {
    let (user, password) =
        login.split_once(':').ok_or("a password is written redis://:password@host:port")?;
    let filled = |text: &str| -> Result<Option<String>, String> {
        let text = percent_decoded(text).ok_or("has a bad % sequence in user or password")?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    match filled(password)? {
        None => Err("has a user but no password; write redis://user:password@host:port".to_owned()),
        Some(password) if password == MASK => {
            Err("has the mask that stands for a password; write the real one".to_owned())
        }
        password => Ok((filled(user)?, password)),
    }
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{RedisAddress, RedisUrl};

    #[test]
    fn urls_are_taken_apart() {
        let url = RedisUrl::parse("redis://app:p%40ss@Cache.local:7000/2").unwrap();
        assert_eq!(url.address, RedisAddress::Tcp("cache.local".to_owned(), 7000));
        assert_eq!(url.username.as_deref(), Some("app"));
        assert_eq!(url.password.as_deref(), Some("p@ss"));
        assert_eq!(url.database, 2);
        assert_eq!(format!("{url:?}"), "redis://app:***@cache.local:7000/2");
        assert_eq!(url.expose(), "redis://app:p%40ss@cache.local:7000/2");
        assert_eq!(RedisUrl::parse(&url.expose()), Ok(url));

        let url = RedisUrl::parse("redis://[::1]").unwrap();
        assert_eq!(url.address, RedisAddress::Tcp("::1".to_owned(), 6379));
        assert_eq!(url.to_string(), "redis://[::1]:6379/0");

        let url = RedisUrl::parse("unix:///run/redis.sock").unwrap();
        assert_eq!(url.address, RedisAddress::Unix("/run/redis.sock".into()));
    }

    #[test]
    fn bad_urls_are_refused() {
        for text in [
            "",
            "127.0.0.1:6379",
            "http://a",
            "rediss://a",
            "redis://",
            "redis://:1",
            "redis://a:0",
            "redis://a:b",
            "redis://a:1/x",
            "redis://pw@a",
            "redis://:%zz@a",
            "redis://user:@a",
            "redis://:***@a",
            "unix://relative",
        ] {
            assert!(RedisUrl::parse(text).is_err(), "{text}");
        }
    }
}
