//! `hopperkv-load overhead` and `hopperkv-load null-server`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::LoadError;
use crate::null_server::{NullServer, Values};
use crate::overhead::{OverheadOptions, measure};
use crate::spec::parse_duration;
use crate::stop::Stop;

#[derive(Debug, Args)]
pub(super) struct OverheadArgs {
    /// What to send.
    #[arg(long, default_value = "n=1m,k=16,v=500,w=0.05,d=zipf:0.99", value_name = "TEXT")]
    workload: String,
    /// Requests in flight per connection; there are four.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    depth: u16,
    /// Length of each of the four cases.
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    duration: Duration,
    /// Write the results as JSON (`-`: to standard output, instead of the table).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct NullServerArgs {
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:6399", value_name = "ADDRESS")]
    listen: String,
    /// Bytes of a value.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(15..=1_000_000))]
    value_bytes: u32,
    /// What GETs are answered with.
    #[arg(long, value_enum, default_value = "same")]
    values: Values,
}

impl OverheadArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let options = OverheadOptions {
            workload: self.workload.parse()?,
            depth: usize::from(self.depth),
            length: self.duration,
        };
        let measured = tokio::task::spawn_blocking(move || measure(&options, &stop)).await;
        let measured = measured.map_err(|error| LoadError::Bench(error.to_string()))??;
        if self.json.as_ref().is_none_or(|path| path.as_os_str() != "-") {
            let _ = write!(io::stdout(), "{measured}");
        }
        if let Some(path) = self.json {
            let text = serde_json::to_string_pretty(&measured).unwrap_or_default() + "\n";
            if path.as_os_str() == "-" {
                io::stdout().write_all(text.as_bytes())
            } else {
                std::fs::write(&path, text)
            }
            .map_err(|source| LoadError::File { path, source })?;
        }
        Ok(0)
    }
}

impl NullServerArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let bytes = usize::try_from(self.value_bytes).unwrap_or(usize::MAX);
        let server = NullServer::start(self.listen.as_str(), bytes, self.values)
            .map_err(|error| LoadError::Server(format!("{}: {error}", self.listen)))?;
        let _ = writeln!(io::stdout(), "listening on {}", server.address);
        stop.raised().await;
        Ok(0)
    }
}
