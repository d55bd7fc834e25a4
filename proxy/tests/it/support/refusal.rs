//! A proxy that does not start: what it says, how it ends, and what it leaves behind.

use std::path::Path;
use std::process::{Command, Stdio};

use super::proxy::ProxyBuilder;

/// How a start ended that should not succeed.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Everything on standard error.
    pub(crate) stderr: String,
    /// Exit code.
    code: Option<i32>,
    /// Redis servers that were left in the data directory.
    orphans: Vec<String>,
}

impl ProxyBuilder {
    /// Starts the proxy and waits for its end.
    pub(crate) fn refused(self) -> Refusal {
        let config = self.write_config();
        refused_start(&config, &self.data_dir())
    }
}

/// Runs `hopperkv serve` on a file until it ends.
pub(crate) fn refused_start(config: &Path, data_dir: &Path) -> Refusal {
    let output = Command::new("timeout")
        .args(["--kill-after=1", "20", env!("CARGO_BIN_EXE_hopperkv"), "serve", "--config"])
        .arg(config)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("HOPPERKV_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Refusal {
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
        orphans: redis_servers_under(data_dir),
    }
}

/// Command lines of Redis processes that run on this directory.
pub(crate) fn redis_servers_under(data_dir: &Path) -> Vec<String> {
    let mark = data_dir.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains("redis-server") && line.contains(&mark))
        .collect()
}

impl Refusal {
    /// Exit code 2, nothing left running, and exactly this line (log lines, which begin with a date, aside).
    pub(crate) fn assert_is(&self, line: &str) {
        assert_eq!(self.line(), line, "{self:?}");
    }

    /// The same, for a line that quotes the system in between.
    pub(crate) fn assert_like(&self, start: &str, end: &str) {
        let line = self.line();
        assert!(line.starts_with(start) && line.ends_with(end), "{start}...{end}, got {self:?}");
    }

    /// The line itself, once all of that holds.
    pub(crate) fn line(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.orphans, Vec::<String>::new(), "{self:?}");
        let is_log = |line: &&str| {
            line.trim_start_matches('\u{1b}').starts_with(['2', '['])
                && (line.contains("WARN") || line.contains("INFO"))
        };
        let said: Vec<&str> = self.stderr.lines().filter(|l| !is_log(l)).collect();
        let [line] = said.as_slice() else { panic!("one line is expected: {self:?}") };
        line.strip_prefix("hopperkv: ").unwrap_or_else(|| panic!("says who speaks: {line}"))
    }
}
