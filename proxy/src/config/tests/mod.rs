//! Whole files: what is refused, loaded and printed, and what the example says.

mod example;
mod loaded;
mod printed;
mod refused;

use std::path::Path;

use super::{Config, ConfigError};

const EXAMPLE: &str = include_str!("../../../../hopperkv.example.toml");

const TENANT: &str = r#"
[[tenant]]
name = "orders"
password = "secret"
cache = "64MiB"
read_units = 100
write_units = 100
net = "10MB/s"
"#;

fn env(name: &str) -> Option<String> {
    match name {
        "ORDERS_PASSWORD"
        | "SESSIONS_PASSWORD"
        | "HOPPERKV_ADMIN_TOKEN"
        | "HOPPERKV_ADMIN_READ_TOKEN" => Some(name.to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("h.toml"), &env)
}

fn complaint(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}
