//! Subcommands that work on files alone.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use super::{hopperkv, write};

const VECTORS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../alloc/tests/vectors/allocation.jsonl");

/// Within a millionth; 1 is the size below which a difference is rounding noise.
fn near(got: &Json, want: &Json) -> bool {
    let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
    (got - want).abs() <= 1e-6 * want.abs().max(1.0)
}

fn solves_all_vectors(policy: &str) {
    let printed = hopperkv(&["allocate", "--file", VECTORS, "--policy", policy], &[]).done();
    let problems = std::fs::read_to_string(VECTORS).unwrap();
    assert_eq!(printed.lines().count(), problems.lines().count());
    for (line, problem) in printed.lines().zip(problems.lines()) {
        let (got, problem): (Json, Json) =
            (serde_json::from_str(line).unwrap(), serde_json::from_str(problem).unwrap());
        let want = &problem["expect"][policy];
        let id = &problem["id"];
        assert_eq!(&got["id"], id);
        assert_eq!(got["rounds"], want["rounds"], "{policy} {id}");
        assert!(near(&got["improve_ratio"], &want["improve_ratio"]), "{policy} {id}: {line}");
        let shares = [got["alloc"].as_array().unwrap(), want["alloc"].as_array().unwrap()];
        assert_eq!(shares[0].len(), shares[1].len());
        for (tenant, (got, want)) in shares[0].iter().zip(shares[1]).enumerate() {
            assert_eq!(got["cache"], want["cache"], "{policy} {id} {tenant}");
            for rate in ["rcu", "wcu", "net"] {
                assert!(near(&got[rate], &want[rate]), "{policy} {id} {tenant} {rate}: {got}");
            }
        }
    }
}

#[test]
fn allocate_solves_the_vectors_with_hare() {
    solves_all_vectors("hare");
}

#[test]
fn allocate_solves_the_vectors_with_nonconserving_hare() {
    solves_all_vectors("hare_nonconserving");
}

#[test]
fn allocate_solves_the_vectors_with_drf() {
    solves_all_vectors("drf");
}

#[test]
fn allocate_solves_the_vectors_with_memshare() {
    solves_all_vectors("memshare");
}

/// No policy named: `optimum`. Shares add up to what the tenants brought, and nobody can grow further than the bound.
#[test]
fn allocate_comes_near_the_bound_unless_told_otherwise() {
    let solved = hopperkv(&["allocate", "--file", VECTORS], &[]).done();
    let vectors = std::fs::read_to_string(VECTORS).unwrap();
    let parsed = |line: &str| serde_json::from_str::<Json>(line).unwrap();
    let mut nearness = Vec::new();
    assert_eq!(solved.lines().count(), vectors.lines().count());
    for (vector, solution) in vectors.lines().map(parsed).zip(solved.lines().map(parsed)) {
        let bound = vector["upper_bound_ratio"].as_f64().unwrap();
        let tenants = vector["tenants"].as_array().unwrap();
        let brought: u64 = tenants.iter().map(|t| t["base"]["cache"].as_u64().unwrap()).sum();
        let shares = solution["alloc"].as_array().unwrap();
        let given: u64 = shares.iter().map(|share| share["cache"].as_u64().unwrap()).sum();
        assert_eq!((shares.len(), given), (tenants.len(), brought), "{}", vector["id"]);
        let reached = (1.0 + solution["improve_ratio"].as_f64().unwrap()) / (1.0 + bound);
        assert!(reached < 1.0 + 1e-9 && (tenants.len() < 4 || reached >= 0.98), "{}", vector["id"]);
        nearness.push(reached);
    }
    let mean = nearness.iter().sum::<f64>() / nearness.len() as f64;
    assert!(mean >= 0.993, "{mean}");
}

#[test]
fn allocate_names_the_line_that_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = std::fs::read_to_string(VECTORS).unwrap();
    let good = vectors.lines().next().unwrap();
    for (wrong, says) in [("{\"id\": 1}", "params"), ("{", "EOF"), ("[]", ""), ("{}", "params")] {
        let file = write(dir.path(), "in.jsonl", &format!("{good}\n\n{wrong}\n{good}\n"));
        let ended = hopperkv(&["allocate", "--file", &file], &[]);
        let line = ended.refused(2);
        assert!(line.starts_with(&format!("{file}:3: ")) && line.contains(says), "{line}");
        assert_eq!(ended.stdout.lines().count(), 1, "what was solved before is printed");
    }
    let ended = hopperkv(&["allocate", "--file", "/nonexistent.jsonl"], &[]);
    assert!(ended.refused(2).starts_with("cannot read /nonexistent.jsonl: "));
    let ended = hopperkv(&["allocate", "--file", VECTORS, "--policy", "hars"], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("hars"), "{ended:?}");
}

#[test]
fn allocate_reads_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(["allocate", "--file", "-", "--policy", "drf"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let vectors = std::fs::read(VECTORS).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&vectors));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 60);
}

const GOOD: &str = "[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
    [[tenant]]\nname = \"orders\"\npassword = \"secret-word\"\ncache = \"64MiB\"\nread_units = 100\n\
    write_units = 50\nnet = \"5MB/s\"\n";

fn good(dir: &std::path::Path) -> String {
    let placed = format!("[server]\ndata_dir = \"{}\"", dir.join("data").display());
    GOOD.replacen("[server]", &placed, 1)
}

#[test]
fn check_and_config_say_what_is_in_effect() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "hopperkv.toml", &good(dir.path()));
    let said = hopperkv(&["check", "--config", &file], &[]).done();
    assert!(said.starts_with(&format!("{file} is valid: 1 tenant, 64MiB cache, ")), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert_eq!(hopperkv(&["check"], &[("HOPPERKV_CONFIG", &file)]).done(), said);

    let printed = hopperkv(&["config", "--config", &file], &[]).done();
    assert!(!printed.contains("secret-word"), "secrets are masked: {printed}");
    let table: toml::Table = printed.parse().unwrap();
    assert_eq!(table["allocator"]["policy"].as_str(), Some("optimum"), "defaults are shown");
    assert_eq!(table["tenant"][0]["cache"].as_str(), Some("64MiB"));
    assert!(!dir.path().join("data").exists(), "nothing is started");

    let demo = hopperkv(&["check"], &[]).done();
    assert!(demo.contains("3 tenants") && demo.contains("loopback only"), "{demo}");
}

#[test]
fn check_names_every_problem_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let text = good(dir.path()).replace("cache = \"64MiB\"", "cach = \"64MiB\"");
    let text = text.replace("write_units = 50", "write_units = -50");
    let file = write(dir.path(), "hopperkv.toml", &text);
    for command in ["check", "config", "serve"] {
        let ended = hopperkv(&[command, "--config", &file], &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(&format!("{file}:8")), "line of `cach`: {ended:?}");
        assert!(
            ended.stderr.contains("did you mean \"cache\"") || ended.stderr.contains("`cache`")
        );
        assert!(ended.stderr.contains(&format!("{file}:10")), "line of write_units: {ended:?}");
        assert!(ended.stderr.lines().all(|line| line.starts_with("hopperkv: ")), "{ended:?}");
    }
    let ended = hopperkv(&["check", "--config", "/nonexistent.toml"], &[]);
    assert!(ended.refused(2).contains("/nonexistent.toml"));
}
