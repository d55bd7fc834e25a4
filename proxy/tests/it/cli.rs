//! The command line: files in, lines out, exit codes that mean something.

mod curve;
mod files;
mod live;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Proxy;

/// How a run of the program ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs `hopperkv` without a configuration in sight.
fn hopperkv(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(args)
        .env_remove("HOPPERKV_CONFIG")
        .env_remove("HOPPERKV_ADMIN")
        .env_remove("HOPPERKV_ADMIN_TOKEN")
        .envs(variables.iter().copied())
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `hopperkv` against a running proxy.
fn against(proxy: &Proxy, args: &[&str]) -> Ended {
    let url = format!("http://{}", proxy.admin);
    hopperkv(args, &[("HOPPERKV_ADMIN", &url), ("HOPPERKV_ADMIN_TOKEN", "test-admin-token")])
}

impl Ended {
    /// Exit code 0 and nothing on standard error; returns standard output.
    fn done(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// This exit code and one line that says why.
    fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        let mut lines = self.stderr.lines();
        let line = lines.next().unwrap_or_else(|| panic!("nothing is said: {self:?}"));
        assert_eq!(lines.next(), None, "{self:?}");
        line.strip_prefix("hopperkv: ").unwrap_or_else(|| panic!("says who speaks: {line}"))
    }
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_subcommand_explains_itself() {
    let commands = [
        &[][..],
        &["serve"],
        &["check"],
        &["config"],
        &["tenant"],
        &["tenant", "list"],
        &["tenant", "show"],
        &["tenant", "add"],
        &["tenant", "set"],
        &["tenant", "remove"],
        &["tenant", "set-quota"],
        &["stats"],
        &["allocate"],
        &["curve"],
        &["healthcheck"],
    ];
    for command in commands {
        let args: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let help = hopperkv(&args, &[]).done();
        assert!(help.contains("Usage: hopperkv"), "{command:?}: {help}");
        assert!(help.lines().count() > 5, "{command:?}: {help}");
        assert!(!help.lines().next().unwrap().trim().is_empty(), "{command:?}: {help}");
    }
    assert!(hopperkv(&["--version"], &[]).done().starts_with("hopperkv "));
    for wrong in [&["serv"][..], &["allocate"], &["tenant"], &["stats", "--nope"]] {
        let ended = hopperkv(wrong, &[]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("Usage: hopperkv"), "{ended:?}");
    }
}
