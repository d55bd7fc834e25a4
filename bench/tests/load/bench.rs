//! `bench`: measures for real, if briefly, with a stock Redis and the proxy that was built beside this program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::tool::{command, load};

/// The proxy, built by whatever built the workspace's tests.
fn hopperkv() -> String {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_hopperkv-load")).with_file_name("hopperkv");
    assert!(path.exists(), "{} is missing: run `cargo build -p hopperkv`", path.display());
    path.display().to_string()
}

/// Command lines of processes that mention this path.
fn processes_of(path: &Path) -> Vec<String> {
    let path = path.display().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&path))
        .collect()
}

#[test]
fn hits_are_compared_and_written_between_the_markers() {
    let dir = TempDir::new().unwrap();
    let doc = dir.path().join("page.md");
    fs::write(&doc, "# By hand\n\n<!-- bench:begin -->\n<!-- bench:end -->\n\nBelow.\n").unwrap();
    let path = doc.display().to_string();
    let server = hopperkv();
    let ended = load(&["bench", "--quick", "--only", "hits", "--server", &server, "--doc", &path]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let text = fs::read_to_string(&doc).unwrap();
    assert!(text.starts_with("# By hand\n\n<!-- bench:begin -->\n<!-- bench:section hits -->"));
    assert!(text.ends_with("<!-- bench:end -->\n\nBelow.\n"), "{text}");
    for output in [&text, &ended.stdout] {
        assert!(output.contains("hopperkv-load bench --only hits"), "{output}");
        assert!(output.contains("Redis ") && output.contains("rustc "), "{output}");
        let rows: Vec<&str> = output.lines().filter(|line| line.starts_with("| `-P")).collect();
        assert_eq!(rows.len(), 2, "{output}");
        for row in rows {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let number = |cell: usize| cells[cell].replace(',', "").parse::<f64>().unwrap();
            assert!(number(2) > 1_000.0 && number(3) > 1_000.0, "{row}");
            assert!((number(3) / number(2) / number(4) - 1.0).abs() < 0.1, "{row}");
            let cpu = |cell: usize| {
                cells[cell]
                    .split(" + ")
                    .map(|part| part.parse::<f64>().unwrap())
                    .collect::<Vec<_>>()
            };
            assert_eq!((cpu(5).len(), cpu(6).len()), (2, 3), "{row}");
            assert!(cpu(5).iter().chain(&cpu(6)).all(|us| *us > 0.0), "{row}");
        }
        assert!(
            output.contains("hits, `-P 16`: ") && output.contains("at least 0.95x"),
            "{output}"
        );
    }
}

#[test]
fn a_page_without_markers_is_refused_before_anything_is_measured() {
    let dir = TempDir::new().unwrap();
    let doc = dir.path().join("page.md");
    fs::write(&doc, "nothing\n").unwrap();
    let path = doc.display().to_string();
    let ended = load(&["bench", "--server", "/nonexistent", "--doc", &path]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("lacks the lines <!-- bench:begin -->"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&doc).unwrap(), "nothing\n");
}

#[test]
fn an_interrupt_ends_every_server() {
    let dir = TempDir::new().unwrap();
    let mut child = command()
        .args(["bench", "--only", "hits", "--seconds", "60", "--server", &hopperkv()])
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let filled = lines.by_ref().filter(|line| line.contains("filled")).take(2).count();
    assert_eq!(filled, 2, "both sides were filled");
    assert!(processes_of(dir.path()).len() >= 2, "the proxy and its Redis run");
    kill(pid, Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("stopped before the end")), "{rest:?}");
    assert_eq!(processes_of(dir.path()), Vec::<String>::new());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}
