//! The files that are shipped beside the binary are ones it accepts.

use std::path::Path;
use std::process::{Command, Output};

fn check(config: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopperkv"));
    command.args(["check", "--config", config]).current_dir(&root);
    let example = std::fs::read_to_string(root.join(".env.example")).unwrap();
    for line in example.lines().filter(|l| !l.starts_with('#')) {
        if let Some((name, value)) = line.split_once('=') {
            command.env(name.trim(), if value.is_empty() { "set-for-the-test" } else { value });
        }
    }
    command.output().unwrap()
}

#[test]
fn every_shipped_configuration_is_valid() {
    for config in
        ["hopperkv.example.toml", "docker/hopperkv.toml", "docker/hopperkv.external-dynamodb.toml"]
    {
        let output = check(config);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{config}: {err}");
    }
}
