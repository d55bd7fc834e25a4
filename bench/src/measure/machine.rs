//! Where and with what it was measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

/// Machine, versions and time, as sentences for the document.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    hardware: String,
    versions: String,
    rustc: String,
    date: String,
}

impl Machine {
    /// Asks the system; what it does not say is called unknown.
    pub(super) fn look(server: &Path) -> Self {
        let cores = available_parallelism().map_or(0, usize::from);
        let read = |path: &str| {
            fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
        };
        let hardware = format!(
            "{}, {cores} cores shared by client, proxy and Redis; Linux {}; TCP congestion control {}",
            cpu_model(&read("/proc/cpuinfo")),
            read("/proc/sys/kernel/osrelease"),
            read("/proc/sys/net/ipv4/tcp_congestion_control"),
        );
        let redis = said("redis-server", &["--version"]);
        let redis = redis.split_whitespace().find_map(|word| word.strip_prefix("v="));
        let rustc = said("rustc", &["--version"]);
        let rustc = rustc.split(" (").next().unwrap_or_default().to_owned();
        let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let versions = format!(
            "Redis {}; {rustc}; {}; commit {}{}",
            redis.unwrap_or("unknown"),
            said(&server.display().to_string(), &["--version"]),
            said("git", &["rev-parse", "--short", "HEAD"]),
            if changed { " with changes" } else { "" },
        );
        let days =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() / 86_400);
        Self { hardware, versions, rustc, date: date(days) }
    }

    /// Today.
    pub(super) fn date(&self) -> &str {
        &self.date
    }

    /// The compiler.
    pub(super) fn rustc(&self) -> &str {
        &self.rustc
    }

    /// For the head of a section: when, and of what.
    pub(super) fn stamp(&self) -> String {
        format!("{}; {}.\n{}.", self.date, self.hardware, self.versions)
    }
}

/// The first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map_or_else(unknown, |text| {
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
    })
}

fn unknown() -> String {
    String::from("unknown")
}

fn cpu_model(cpuinfo: &str) -> &str {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(name, _)| name.trim() == "model name")
        .map_or("unknown processor", |(_, model)| model.trim())
}

/// The day this many days after 1970-01-01, as YYYY-MM-DD (Howard Hinnant's civil_from_days).
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{cpu_model, date};

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_779), "2026-11-22");
    }

    #[test]
    fn the_model_is_found() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: A B: C\n"), "A B: C");
        assert_eq!(cpu_model(""), "unknown processor");
    }
}
