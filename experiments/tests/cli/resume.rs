//! What is there and fits is not run again; everything else is. What cannot be kept ends the run, and loses nothing.

use std::fs;
use std::process::Command;

use super::tool::{PROGRAM, SMALL, ended, outcomes, run, write};

#[test]
fn a_run_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let spec = write(dir.path(), "small.toml", SMALL);
    let out = dir.path().join("out");
    let again = || {
        let ended = run(&["run", &spec, "--out", out.to_str().unwrap()]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("report.html"), "{}", ended.stdout);
        (ended.stderr.matches("there already").count(), ended)
    };
    let (there, first) = again();
    assert_eq!(there, 0, "{}", first.stderr);
    assert!(
        first.stdout.contains("ours") && first.stdout.contains("below base"),
        "{}",
        first.stdout
    );
    let kept = outcomes(&out, "small", "sim");
    assert_eq!(kept.len(), 6, "two points, three policies");
    assert_eq!(again().0, 6);
    fs::remove_file(&kept[1].0).unwrap();
    fs::write(&kept[4].0, "{ half of").unwrap();
    assert_eq!(again().0, 4, "one was gone, one was damaged");
    let without_time = |outcomes: Vec<(std::path::PathBuf, serde_json::Value)>| {
        let mut values: Vec<serde_json::Value> =
            outcomes.into_iter().map(|(_, value)| value).collect();
        for value in &mut values {
            value["wall_s"] = 0.into();
        }
        values
    };
    let made_anew = outcomes(&out, "small", "sim");
    assert_eq!(without_time(made_anew), without_time(kept), "the same seed gives the same outcome");
    let ended = run(&["run", &spec, "--out", out.to_str().unwrap(), "--seed", "2"]);
    assert_eq!(ended.stderr.matches("there already").count(), 0, "another seed is another run");
    let ended = run(&["run", &spec, "--out", out.to_str().unwrap(), "--seed", "2", "--again"]);
    assert_eq!(ended.stderr.matches("there already").count(), 0, "it was asked for");
    write(dir.path(), "small.toml", &SMALL.replace("400", "401"));
    assert_eq!(again().0, 0, "another spec is another run");
    let ended = run(&["report", out.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("report.html"), "{}", ended.stdout);
}

#[test]
fn outcomes_of_another_spec_text_are_left_out_of_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let spec = write(dir.path(), "small.toml", SMALL);
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    assert_eq!(run(&["run", &spec, "--out", out, "--point", "2k"]).code, 0);
    write(dir.path(), "small.toml", &SMALL.replace("400", "401"));
    assert_eq!(run(&["run", &spec, "--out", out, "--point", "3k"]).code, 0);
    let ended = run(&["report", out]);
    assert_eq!(ended.stderr.matches("its spec has changed since").count(), 3, "{}", ended.stderr);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let spec = write(dir.path(), "small.toml", SMALL);
    let file = write(dir.path(), "file", "");
    let ended = run(&["run", &spec, "--out", &file]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("file/small"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_what_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let spec = write(dir.path(), "small.toml", SMALL);
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = |script: &str| {
        let script = format!("mount -t tmpfs -o size=48k none '{}' && {script}", disk.display());
        Command::new("unshare").args(["-r", "-m", "sh", "-c", &script]).output()
    };
    if !mounted("true").is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine lets nobody mount a small disk");
        return;
    }
    let run = format!(
        "'{PROGRAM}' run '{spec}' --out '{0}'; code=$?; ls '{0}'/small/sim; exit $code",
        disk.display()
    );
    let ended = ended(&mounted(&run).unwrap());
    assert_eq!(ended.code, 1, "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("the disk is full"), "{}", ended.stderr);
    assert!(ended.stderr.contains("runs are finished and kept"), "{}", ended.stderr);
    assert!(ended.stdout.contains("0-static.json"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(".tmp"), "{}", ended.stdout);
}
