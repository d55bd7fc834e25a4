//! Runs the program and keeps what it printed.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The JSON summary, for calls with `--json -`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| unreachable!("{error}: {} {}", self.stdout, self.stderr))
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopperkv-load"));
    command.env_remove("HOPPERKV_USER").env_remove("HOPPERKV_PASSWORD");
    command
}

pub(crate) fn load(arguments: &[&str]) -> Ended {
    load_with_input(arguments, "")
}

pub(crate) fn load_with_input(arguments: &[&str], input: &str) -> Ended {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the program ends");
    // A program that stops reading early breaks the pipe, which is its right.
    let _ = writer.join();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
