//! `prepare`, and `replay` of what it made.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::server::Redis;
use crate::tool::{load, load_with_input};

/// Seven columns, as Twitter's traces have them.
const TRACE: &str = "\
timestamp,key,key_size,value_size,client_id,op,ttl
0,old,3,10,1,get,0
0,gone,4,10,1,set,5
1,hot,3,20,1,set,0
2,deleted,7,30,1,set,0
2,old,3,15,1,get,0
bad line
3,deleted,7,0,1,delete,0
3,missing,7,0,1,get,0
4,hot,3,20,1,get,0
10,new,3,40,1,get,0
10,written,7,50,1,set,60
11,written,7,50,1,get,0
11,deleted,7,0,1,get,0
12,hot,3,20,1,get,0
20,late,4,5,1,get,0
";

fn prepared(trace: &str, options: &[&str]) -> (TempDir, String) {
    let dir = TempDir::new().expect("a temporary directory");
    let out = dir.path().display().to_string();
    let prepare = ["prepare", "--trace", "-", "--out", &out];
    let ended = load_with_input(&[&prepare[..], options].concat(), trace);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    (dir, ended.stdout)
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).expect("the part is there")
}

#[test]
fn a_trace_is_split_at_a_time() {
    let (dir, text) = prepared(TRACE, &["--at", "10", "--until", "20"]);
    // The least recently used first; what was deleted or has expired is in none.
    assert_eq!(read(dir.path(), "cache.csv"), "key,val_size\nold,15\nhot,20\n");
    assert_eq!(read(dir.path(), "persist.csv"), "key,val_size\nold,15\nhot,20\nnew,40\n");
    let requests = "timestamp,op,key,val_size,ttl\n10,get,new,40,0\n10,set,written,50,60\n\
        11,get,written,50,0\n11,get,deleted,0,0\n12,get,hot,20,0\n";
    assert_eq!(read(dir.path(), "requests.csv"), requests);
    let notes: serde_json::Value =
        serde_json::from_str(&read(dir.path(), "prepared.json")).unwrap();
    let numbers = ["cache_keys", "persist_keys", "requests", "requests_before"];
    assert_eq!(numbers.map(|name| notes[name].as_u64().unwrap()), [2, 3, 5, 8]);
    assert_eq!(notes["notes"]["malformed"], 1);
    assert!(text.contains("1 malformed lines") && text.contains("line 7: "), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "nothing partial is left");
}

/// Many keys in many lines, with requests before and after 100 s.
fn long_trace() -> String {
    let mut text = String::new();
    for line in 0..20_000_u32 {
        let key = line.wrapping_mul(2_654_435_761) % 700;
        let op = if line % 11 == 0 { "set" } else { "get" };
        let _ = writeln!(text, "{},k{key},4,{},1,{op},0", line / 100, 50 + key % 100);
    }
    text
}

#[test]
fn what_was_prepared_replays_with_its_images_first() {
    for compress in ["none", "gz", "zst"] {
        let (dir, _) = prepared(&long_trace(), &["--at", "100", "--compress", compress]);
        let redis = Redis::start(&[]);
        let (endpoint, out) = (redis.endpoint(), dir.path().display().to_string());
        let replay = ["replay", "--endpoint", &endpoint, "--prepared", &out, "--clients", "3"];
        let rest = ["--depth", "16", "--on-nil", "count", "--quiet", "--json", "-"];
        let ended = load(&[&replay[..], &rest].concat());
        assert_eq!(ended.code, 0, "{compress}: {}{}", ended.stdout, ended.stderr);
        let json = ended.json();
        assert_eq!(json["requests"], 10_000, "{compress}");
        assert_eq!(json["counts"]["nils"], 0, "the images hold all that is read: {json}");
        assert_eq!(json["counts"]["verified"], json["counts"]["gets"]);
        assert_eq!(json["preload"]["requests"], 1_400, "700 written, 700 read");
    }
}

#[test]
fn a_sample_keeps_all_requests_of_its_keys_and_gzip_comes_in_as_a_stream() {
    let trace = long_trace();
    let share = |options: &[&str]| {
        let (dir, _) = prepared(&trace, &[&["--at", "0"], options].concat());
        read(dir.path(), "requests.csv")
    };
    let (all, sample) = (share(&[]), share(&["--sample", "1/4"]));
    let keys = |text: &str| {
        let keys = text.lines().skip(1).map(|row| row.split(',').nth(2).unwrap().to_owned());
        keys.collect::<std::collections::HashSet<_>>()
    };
    let kept = keys(&sample);
    assert!((120..230).contains(&kept.len()), "{} of 700", kept.len());
    let expected =
        all.lines().filter(|row| row.split(',').nth(2).is_some_and(|key| kept.contains(key)));
    assert_eq!(expected.count(), sample.lines().count() - 1, "each with all of its requests");

    let dir = TempDir::new().unwrap();
    let (packed, out) = (dir.path().join("t.csv.gz"), dir.path().join("out"));
    let mut encoder = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
    encoder.write_all(trace.as_bytes()).unwrap();
    encoder.finish().unwrap();
    let [packed, target] = [&packed, &out].map(|path| path.display().to_string());
    let ended =
        load(&["prepare", "--trace", &packed, "--at", "0", "--out", &target, "--compress", "gz"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut unpacked = String::new();
    let file = fs::File::open(out.join("requests.csv.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, all);
}

#[test]
fn times_are_kept_at_a_pace() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    // Two seconds of the trace in 200 ms, with a request every 5 ms.
    let mut trace = String::from("time,key,size\n");
    for line in 0..40 {
        let _ = writeln!(trace, "{}.{:02},k{line},10", line / 20, line % 20 * 5);
    }
    let replay = ["replay", "--endpoint", &endpoint, "--trace", "-", "--on-nil", "count"];
    let rest = ["--pace", "timestamp:10", "--quiet", "--json", "-"];
    let ended = load_with_input(&[&replay[..], &rest].concat(), &trace);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    assert!(json["elapsed_s"].as_f64().unwrap() >= 0.195, "{json}");
    assert_eq!((&json["requests"], &json["arrivals"]), (&40.into(), &"timestamp:10".into()));
    assert!(json["uncorrected_latency"]["max_us"].as_f64().unwrap() > 0.0, "{json}");
}

#[test]
fn mistakes_are_named() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().display().to_string();
    let prepare = ["prepare", "--trace", "-", "--out", &out, "--quiet"];
    let missing = format!("{out} has no cache.csv; make it with hopperkv-load prepare");
    for (arguments, input, part) in [
        ([&prepare[..], &["--at", "30"]].concat(), TRACE, "ends at 20 s, before --at 30 s"),
        ([&prepare[..], &["--at", "5", "--until", "5"]].concat(), TRACE, "--until must be after"),
        ([&prepare[..], &["--at", "0"]].concat(), "key,val_size\na,1\n", "has no times"),
        ([&prepare[..], &["--at", "0", "--sample", "2"]].concat(), TRACE, "`2` is no share"),
        (vec!["replay", "--prepared", &out], "", missing.as_str()),
        (vec!["replay", "--trace", "-", "--pace", "slow"], "", "`slow` is no pace"),
    ] {
        let ended = load_with_input(&arguments, input);
        assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left of what failed");
}
