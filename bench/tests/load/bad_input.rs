//! Mistakes: one clear line on standard error, exit code 2.

use crate::server::Redis;
use crate::tool::{load, load_with_input};

fn refused(arguments: &[&str], input: &str, part: &str) {
    let ended = load_with_input(arguments, input);
    assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
}

#[test]
fn mistakes_are_named() {
    refused(
        &["run", "--endpoint", "127.0.0.1:1"],
        "",
        "hopperkv-load: cannot connect to 127.0.0.1:1: Connection refused (os error 111); \
         is the server running?",
    );
    refused(&["run", "--workload", "n=10,k=4"], "", "workload: phase 1: k=4 is too small");
    refused(&["run", "--clients", "0"], "", "invalid value '0'");
    refused(&["run", "--user", "tenant"], "", "--password");
    refused(&["run", "--duration", "soon"], "", "is not a duration");
    refused(&["replay", "--trace", "/nonexistent.csv"], "", "/nonexistent.csv: No such file");
    refused(&["replay", "--trace", "-"], "a,b\n", "neither data nor a header");
    refused(&["replay", "--trace", "-"], "1,2,3,4\n", "4 columns; expected time,object,size");
    refused(&["demo", "--server", "/nonexistent"], "", "/nonexistent: No such file");
    refused(&["frobnicate"], "", "unrecognized subcommand");
}

#[test]
fn a_refused_login_and_an_unwritable_file_are_named() {
    let redis = Redis::start(&["--requirepass", "secret"]);
    let endpoint = redis.endpoint();
    refused(
        &["run", "--endpoint", &endpoint, "--user", "default", "--password", "wrong"],
        "",
        "refused the login: WRONGPASS",
    );
    refused(
        &["run", "--endpoint", &endpoint, "--password", "secret", "--csv", "/nonexistent/x.csv"],
        "",
        "/nonexistent/x.csv: No such file",
    );
}

#[test]
fn a_server_that_wants_a_password_fails_the_run() {
    let redis = Redis::start(&["--requirepass", "secret"]);
    let endpoint = redis.endpoint();
    let ended = load(&["run", "--endpoint", &endpoint, "--requests", "10", "--quiet"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains("-NOAUTH"), "{}", ended.stdout);
}
