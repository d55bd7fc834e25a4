//! `curve`: a trace in, its miss-ratio curve out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use super::{Ended, hopperkv, write};

const KEYS: u64 = 20_000;
const ENTRY_BYTES: u64 = 100;
const ROUNDS: u64 = 5;

fn curve(args: &[&str]) -> Ended {
    hopperkv(&[&["curve"], args].concat(), &[])
}

fn json(text: &str) -> Json {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

fn numbers(json: &Json, name: &str) -> Vec<f64> {
    json[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Every key in turn, over and over: nothing hits before all fit, and then everything does.
fn rounds(line: impl Fn(u64, u64) -> String) -> String {
    (0..ROUNDS * KEYS).map(|time| line(time, time % KEYS) + "\n").collect()
}

fn object_sizes() -> String {
    rounds(|time, key| format!("{time},object{key},{ENTRY_BYTES}"))
}

/// Checks the one step of such a trace's curve: it lies where all entries fit.
fn steps_where_all_fit(report: &Json, entry_bytes: u64) {
    let all = (KEYS * entry_bytes) as f64;
    let (bytes, ratios) = (numbers(report, "bytes"), numbers(report, "miss_ratio"));
    assert_eq!(bytes.len(), ratios.len());
    for (bytes, ratio) in bytes.iter().zip(ratios) {
        // Sampled keys are as many as expected within a few percent only.
        if *bytes < 0.85 * all {
            assert!(ratio > 0.95, "{ratio} at {bytes}: {report}");
        } else if *bytes > 1.15 * all {
            assert!((ratio - 1.0 / ROUNDS as f64).abs() < 0.05, "{ratio} at {bytes}: {report}");
        }
    }
    assert!(*bytes.last().unwrap() > 0.85 * all, "{report}");
}

#[test]
fn a_scan_steps_down_where_all_its_entries_fit() {
    let dir = tempfile::tempdir().unwrap();
    let text = object_sizes();
    let plain = write(dir.path(), "trace.csv", &text);
    let report = json(&curve(&["--trace", &plain]).done());
    steps_where_all_fit(&report, ENTRY_BYTES);
    assert_eq!((&report["requests"], &report["reads"]), (&100_000.into(), &100_000.into()));
    assert_eq!((&report["skipped_lines"], &report["entry_bytes"]), (&0.into(), &"size".into()));
    assert!(report["tracked_keys"].as_u64().unwrap() > 0);
    assert!(report["ns_per_access"].as_f64().unwrap() > 0.0);
    assert!(report["mean_absolute_error"].is_null());
    assert_eq!(numbers(&report, "bytes").len(), 128);

    let wide = ["--trace", &plain, "--max-bytes", "4MB", "--ticks", "16"];
    let wide = json(&curve(&wide).done());
    steps_where_all_fit(&wide, ENTRY_BYTES);
    assert_eq!(
        numbers(&wide, "bytes"),
        (1..=16).map(|i| f64::from(i) * 250_000.0).collect::<Vec<_>>()
    );
}

/// More requests than are looked at to find the curve's reach, and most entries come after those.
#[test]
fn a_long_trace_may_outgrow_its_beginning() {
    const FEW: u64 = 1000;
    const REPEATED: u64 = 1_100_000;
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for time in 0..REPEATED {
        let _ = writeln!(text, "{time},few{},{ENTRY_BYTES}", time % FEW);
    }
    let trace = write(dir.path(), "long.csv", &(text + &object_sizes()));
    let report = json(&curve(&["--trace", &trace]).done());
    let reads = REPEATED + ROUNDS * KEYS;
    assert_eq!(report["reads"], reads);
    let (bytes, ratios) = (numbers(&report, "bytes"), numbers(&report, "miss_ratio"));
    let all = (KEYS * ENTRY_BYTES) as f64;
    assert!((bytes[127] / all - 1.0).abs() < 0.15, "{} of {all}", bytes[127]);
    let at = |size: f64| ratios[bytes.iter().position(|bytes| *bytes >= size).unwrap()];
    let only_few = (FEW + ROUNDS * KEYS) as f64 / reads as f64;
    assert!((at(0.5 * all) - only_few).abs() < 0.02, "{report}");
    assert!((ratios[127] - (FEW + KEYS) as f64 / reads as f64).abs() < 0.02, "{report}");
}

#[test]
fn compressed_and_piped_traces_give_the_same_curve() {
    let dir = tempfile::tempdir().unwrap();
    let text = object_sizes();
    let plain = write(dir.path(), "trace.csv", &text);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let of = |report: &Json| (report["bytes"].clone(), report["miss_ratio"].clone());
    let expected = of(&json(&curve(&["--trace", &plain]).done()));
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, bytes) in [("trace.gz", gz.finish().unwrap()), ("trace.zst", zstd)] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let report = json(&curve(&["--trace", path.to_str().unwrap()]).done());
        assert_eq!(of(&report), expected, "{name}");
    }
    let piped = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(["curve", "--trace", "-"])
        .stdin(std::fs::File::open(&plain).unwrap())
        .output()
        .unwrap();
    assert_eq!(piped.stderr, b"", "no progress where nobody watches");
    assert_eq!(of(&json(&String::from_utf8(piped.stdout).unwrap())), expected);
}

#[test]
fn entries_are_sized_as_the_layout_says_or_as_redis_would() {
    let dir = tempfile::tempdir().unwrap();
    // Keys of 20 bytes as the trace says, 10 as it spells them; values of 80.
    let twitter = write(
        dir.path(),
        "twitter.csv",
        &rounds(|time, key| format!("{time},K{key:09},20,80,7,get,0")),
    );
    let report = json(&curve(&["--trace", &twitter]).done());
    steps_where_all_fit(&report, 100);
    assert_eq!(report["entry_bytes"], "key_and_value");
    let ours = rounds(|time, key| format!("{time},GET,K{key:09},90"));
    let ours = write(dir.path(), "ours.csv", &format!("timestamp,op,key,val_size\n{ours}"));
    steps_where_all_fit(&json(&curve(&["--trace", &ours]).done()), 100);

    let report = json(&curve(&["--trace", &twitter, "--footprint"]).done());
    assert_eq!(report["entry_bytes"], "redis_footprint");
    // dict entry 24, key 24, object 16, value 96 and 10 of the hash table
    steps_where_all_fit(&report, 170);

    let named = rounds(|time, key| format!("K{key:09},x,{time},90"));
    let named = write(dir.path(), "named.csv", &named);
    let report = json(&curve(&["--trace", &named, "--columns", "key,-,time,value_size"]).done());
    steps_where_all_fit(&report, 100);
}

#[test]
fn writes_fill_and_deletes_empty_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let read_after = |op: &str| {
        let mut text = String::new();
        for key in 0..KEYS {
            let _ = writeln!(text, "1,SET,key{key},100\n2,{op},key{key},100\n3,GET,key{key},100");
        }
        let trace = write(dir.path(), "ops.csv", &text);
        let report = json(&curve(&["--trace", &trace]).done());
        assert_eq!((&report["requests"], &report["reads"]), (&(3 * KEYS).into(), &KEYS.into()));
        *numbers(&report, "miss_ratio").last().unwrap()
    };
    assert!(read_after("SET") < 0.1);
    assert!(read_after("DELETE") > 0.9);
}

#[test]
fn what_has_expired_misses_and_what_is_set_again_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let read_at = |seconds: u64| {
        let set = |key, ttl| format!("0,key{key},8,100,1,set,{ttl}\n");
        let mut text: String = (0..KEYS).map(|key| set(key, 60)).collect();
        // Every second key is set again, to stay.
        text.extend((0..KEYS).step_by(2).map(|key| set(key, 0)));
        text.extend((0..KEYS).map(|key| format!("{seconds},key{key},8,100,1,get,0\n")));
        let trace = write(dir.path(), "ttl.csv", &text);
        let report = json(&curve(&["--trace", &trace]).done());
        assert_eq!(report["requests"].as_u64().unwrap(), KEYS * 5 / 2);
        *numbers(&report, "miss_ratio").last().unwrap()
    };
    assert!(read_at(59) < 0.1);
    assert!((read_at(60) - 0.5).abs() < 0.1);
}

#[test]
fn a_curve_is_compared_at_the_sizes_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let trace = write(dir.path(), "trace.csv", &object_sizes());
    let sizes = write(dir.path(), "sizes.json", r#"{"bytes": [1000, 1000000, 3000000]}"#);
    let report = json(&curve(&["--trace", &trace, "--bytes-from", &sizes]).done());
    assert_eq!(numbers(&report, "bytes"), [1e3, 1e6, 3e6]);
    steps_where_all_fit(&report, ENTRY_BYTES);
    assert!(report["mean_absolute_error"].is_null());

    let exact = r#"{"bytes": [1000, 1000000, 3000000], "miss_ratio": [1, 1, 0.5], "objects": 1}"#;
    let exact = write(dir.path(), "exact.json", exact);
    let report = json(&curve(&["--trace", &trace, "--bytes-from", &exact]).done());
    let error = report["mean_absolute_error"].as_f64().unwrap();
    assert!((error - 0.1).abs() < 0.03, "0.3 off at one of three: {report}");

    for (text, says) in [
        (r#"{"bytes": []}"#, "no ticks"),
        (r#"{"bytes": [5, 4]}"#, "bytes[1] = 4"),
        (r#"{"bytes": [5], "miss_ratio": [0.5, 0.4]}"#, "one ratio per size"),
        (r#"{"bytes": [5], "miss_ratio": [1.5]}"#, "miss_ratio[0] is outside 0..=1"),
        (r#"{"sizes": [5]}"#, "missing field `bytes`"),
        ("", "EOF"),
    ] {
        let wrong = write(dir.path(), "wrong.json", text);
        let ended = curve(&["--trace", &trace, "--bytes-from", &wrong]);
        let line = ended.refused(2);
        assert!(line.starts_with(&wrong) && line.contains(says), "{line}");
    }
    let ended = curve(&["--trace", &trace, "--bytes-from", "/nonexistent.json"]);
    assert!(ended.refused(2).starts_with("cannot read /nonexistent.json: No such file"));
}

#[test]
fn lines_that_do_not_parse_are_counted_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("time,object,size\n1,a,ten\n{}2,b\n", object_sizes());
    let trace = write(dir.path(), "trace.csv", &text);
    let ended = curve(&["--trace", &trace]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = json(&ended.stdout);
    assert_eq!((&report["requests"], &report["skipped_lines"]), (&100_000.into(), &2.into()));
    let first = "line 2: size `ten` is not a whole number";
    assert_eq!(report["first_skipped_line"], first);
    assert_eq!(
        ended.stderr,
        format!(
            "hopperkv: 2 of 100002 lines do not parse and were skipped; the first is {first}\n"
        )
    );
    let ended = curve(&["--trace", &trace, "--strict"]);
    assert_eq!(ended.refused(2), format!("trace {trace}: {first}"));
    assert_eq!(ended.stdout, "");
}

#[test]
fn traces_without_a_usable_line_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (text, says) in [
        ("", "is empty"),
        ("time,object,size\n", "holds no requests"),
        ("1,a,x\n1,b,y\n", "none of its 2 lines can be used; the first is line 1: size `x`"),
        ("1,SET,a,5\n", "holds no reads"),
        ("hello\n", "neither data nor a header"),
    ] {
        let trace = write(dir.path(), "trace.csv", text);
        let ended = curve(&["--trace", &trace]);
        let line = ended.refused(2);
        assert!(line.starts_with(&format!("trace {trace}: ")) && line.contains(says), "{line}");
        assert_eq!(ended.stdout, "");
    }
    let ended = curve(&["--trace", "/nonexistent.csv"]);
    let line = ended.refused(2);
    assert!(line.starts_with("/nonexistent.csv: No such file"), "{line}");
    assert!(line.ends_with("name a CSV trace (plain, gzip or zstd), or - for standard input"));

    let trace = write(dir.path(), "trace.csv", "1,a,5\n");
    for (wrong, says) in [
        (&["--columns", "kee,size"][..], "no column is called `kee`"),
        (&["--max-bytes", "lots"], "256MiB"),
        (&["--ticks", "0"], "outside 1 to 4096"),
        (&["--tracked-keys", "5"], "outside 64 to"),
        (&["--bytes-from", "x", "--ticks", "5"], "cannot be used with"),
    ] {
        let ended = curve(&[&["--trace", trace.as_str()], wrong].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .args(["curve", "--trace", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: once it is written, the program is up and reads.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(object_sizes().as_bytes()).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b""[..], &b"hopperkv: interrupted\n"[..])
    );
}

/// The bar: within 0.005 of the exact curve on a real trace.
#[test]
fn a_real_trace_is_close_to_its_exact_curve() {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let shared = std::env::var_os("HOPPERKV_SHARED").map_or_else(beside, PathBuf::from);
    let trace = shared.join("traces/twitter_cluster52_1m.csv.gz");
    let exact = shared.join("vectors/lru_curve_twitter52_1m.json");
    if !trace.exists() || !exact.exists() {
        println!("skipped: no {}; set HOPPERKV_SHARED", trace.display());
        return;
    }
    let (trace, exact) = (trace.to_str().unwrap(), exact.to_str().unwrap());
    let report = json(&curve(&["--trace", trace, "--bytes-from", exact]).done());
    let error = report["mean_absolute_error"].as_f64().unwrap();
    println!("mean absolute error {error}, {} ns per access", report["ns_per_access"]);
    assert_eq!(report["requests"], 1_000_000);
    assert!(error <= 0.005, "{error}");
}
