//! `run --preload`: what happens before.

use std::fmt::Write;

use crate::server::Redis;
use crate::tool::{load, load_with_input};

#[test]
fn a_warm_up_ends_when_the_hit_ratio_stays() {
    let redis = Redis::start(&[]);
    let endpoint = redis.endpoint();
    let run = ["run", "--endpoint", &endpoint, "--workload", "n=2k,d=zipf:0.9", "--quiet"];
    let rest = ["--requests", "100", "--on-nil", "set", "--json", "-"];
    let ended = load(&[&run[..], &["--preload", "warm-up:3k"], &rest].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["preload"]["requests"], 3_000, "the count ends it");
    let ended = load(&[&run[..], &["--preload", "warm-up:1000m"], &rest].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    assert!(json["preload"]["requests"].as_u64().unwrap() > 10_000, "{json}");
    assert!(json["preload"]["elapsed_s"].as_f64().unwrap() < 60.0, "the hit ratio ends it: {json}");
    assert_eq!(redis.say("DBSIZE"), ":2000", "what was not found was written");
}

#[test]
fn an_image_is_written_and_read_and_its_values_are_right() {
    let redis = Redis::start(&[]);
    let (endpoint, path) = (redis.endpoint(), redis.dir.path().join("image.csv"));
    let mut image = String::from("key,val_size\n");
    for offset in (0..3_000).rev() {
        let _ = writeln!(image, "K{offset:010}s16EY,200");
    }
    std::fs::write(&path, &image).unwrap();
    for mode in ["image", "read-image"] {
        let preload = format!("{mode}:{}", path.display());
        let ended = load(&[
            "run",
            "--endpoint",
            &endpoint,
            "--workload",
            "n=3k,v=200",
            "--preload",
            &preload,
            "--requests",
            "5k",
            "--quiet",
            "--json",
            "-",
        ]);
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        let json = ended.json();
        assert_eq!(
            (&json["preload"]["requests"], &json["counts"]["verified"]),
            (&3_000.into(), &5_000.into())
        );
    }
    assert_eq!(redis.say("DBSIZE"), ":3000");
}

#[test]
fn mistakes_are_named() {
    let redis = Redis::start(&[]);
    let (endpoint, path) = (redis.endpoint(), redis.dir.path().join("image.csv"));
    std::fs::write(&path, "key,val_size\na,1\nb,many\n").unwrap();
    let preload = format!("image:{}", path.display());
    let ended = load(&["run", "--endpoint", &endpoint, "--preload", &preload, "--quiet"]);
    assert_eq!(ended.code, 2, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 malformed lines, the first: line 3"), "{}", ended.stdout);
    for (arguments, part) in [
        (["--preload", "hot"], "`hot` is no preload: fill, read, warm-up"),
        (["--preload", "image:/nonexistent.csv"], "/nonexistent.csv: No such file"),
        (["--arrivals", "poisson"], "--rate"),
        (["--rate", "0"], "`0` is not a rate per second"),
    ] {
        let run = ["run", "--endpoint", &endpoint, "--requests", "1"];
        let ended = load_with_input(&[&run[..], &arguments].concat(), "");
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stdout);
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
    }
}
