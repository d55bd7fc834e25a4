//! Transparent: real clients, unmodified and in their default settings, work as they do with Redis.
//!
//! The programs are in `clients/`; `make test` installs what they need and says where it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Proxy, ProxyBuilder};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs one client program against a fresh proxy with a port of its own for the tenant.
fn run_suite(program_variable: &str, fallback: &str, script: &str) {
    let default = root().join(fallback);
    let program = std::env::var_os(program_variable).map_or(default, PathBuf::from);
    let installed = Command::new(&program).arg("--version").output().is_ok()
        && (script.ends_with(".py") || root().join("clients/node/node_modules").exists());
    if !installed {
        eprintln!("skipped: {script} needs what `make test` installs");
        return;
    }
    let proxy: Proxy = ProxyBuilder::default().tenant("orders", "").tenant("other", "").start();
    let output = Command::new(&program)
        .arg(script)
        .current_dir(root())
        .env("HOPPERKV_HOST", "127.0.0.1")
        .env("HOPPERKV_PORT", proxy.listen.port().to_string())
        .env("HOPPERKV_USER", "orders")
        .env("HOPPERKV_PASSWORD", "orders-pw")
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {err}\n{out}");
    let last = out.lines().last().unwrap_or_default();
    assert!(last.starts_with("ok ") && last.ends_with(" checks"), "{script} said: {last}");
}

#[test]
fn redis_py_works_unmodified() {
    run_suite("HOPPERKV_PYTHON", ".venv/bin/python", "clients/python/check_redis_py.py");
}

#[test]
fn libraries_on_top_of_redis_py_work_unmodified() {
    run_suite("HOPPERKV_PYTHON", ".venv/bin/python", "clients/python/check_libraries.py");
}

#[test]
fn node_redis_works_unmodified() {
    run_suite("HOPPERKV_NODE", "/usr/bin/node", "clients/node/check-node-redis.js");
}

#[test]
fn ioredis_works_unmodified() {
    run_suite("HOPPERKV_NODE", "/usr/bin/node", "clients/node/check-ioredis.js");
}

#[test]
fn valkey_glide_works_unmodified() {
    run_suite("HOPPERKV_NODE", "/usr/bin/node", "clients/node/check-glide.js");
}

#[test]
fn redis_cli_and_redis_benchmark_work_unmodified() {
    let proxy = Proxy::start();
    let port = proxy.listen.port().to_string();
    let cli = |args: &[&str]| {
        let output = Command::new("redis-cli")
            .args(["-p", &port, "--user", "orders", "--pass", "orders-pw", "--no-auth-warning"])
            .args(args)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(cli(&["SET", "k", "v", "EX", "100"]), "OK");
    assert_eq!(cli(&["GET", "k"]), "v");
    assert_eq!(cli(&["-3", "HELLO"]).lines().next(), Some("server redis"));
    assert!(cli(&["BLPOP", "k", "1"]).starts_with("ERR unknown command 'BLPOP'"));
    let output = Command::new("redis-benchmark")
        .args(["-p", &port, "--user", "orders", "-a", "orders-pw", "-t", "ping,set,get,incr,mset"])
        .args(["-n", "2000", "-c", "20", "-P", "4", "-r", "100", "--csv"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let csv = String::from_utf8_lossy(&output.stdout);
    for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
        assert!(csv.contains(&format!("\"{test}\"")), "no {test} in {csv}");
    }
}
