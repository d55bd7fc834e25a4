//! What was changed at run time survives, wins over the file, and is private.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{MIB, maxmemory, signed_in};
use crate::support::{ProxyBuilder, Value, eventually};

#[test]
fn changes_survive_a_crash_and_a_restart() {
    let mut proxy = ProxyBuilder::default()
        .tenant("orders", "")
        .tenant("carts", "")
        .tenant("stock", "")
        .start();
    let body = json!({"name": "gamma", "cache": "16MiB", "read_units": 100, "write_units": 100, "net": "1MB/s"});
    let (_, created) = proxy.api("POST", "/v1/tenants", Some(&body));
    let password = created["password"].as_str().unwrap().to_owned();
    assert_eq!(signed_in(&proxy, "gamma", &password).cmd("SET a 1"), Value::ok());
    let patch = json!({"cache": "24MiB", "max_wait": "2s"});
    assert_eq!(proxy.api("PATCH", "/v1/tenants/gamma", Some(&patch)).0, 200);
    assert_eq!(proxy.api("PATCH", "/v1/tenants/orders", Some(&json!({"read_units": 777}))).0, 200);
    assert_eq!(proxy.api("DELETE", "/v1/tenants/carts", None).0, 204);
    let quota = json!({"cache_bytes": 40 * MIB, "read_units_per_s": 55.5});
    assert_eq!(proxy.api("PUT", "/v1/tenants/stock/quota", Some(&quota)).0, 200);
    let options = json!({"policy": "drf", "threshold": 0.25, "interval": "45s", "salt": 0.02,
        "apply": "boost", "reserve": 0.1, "stability": 0.05, "tracked_keys": "4k"});
    assert_eq!(proxy.api("PUT", "/v1/allocator", Some(&options)).0, 200);
    let look = |proxy: &crate::support::Proxy| {
        // How many clients are signed in is not kept, nor what is under way.
        let names = ["gamma", "orders", "stock"];
        let quotas = names.map(|name| proxy.get(&format!("/v1/tenants/{name}/quota")));
        let mut options = proxy.get("/v1/allocator");
        options["rounds_to_come"].take();
        (quotas, options, proxy.get("/v1/tenants/gamma")["max_wait_ms"].clone())
    };
    let before = look(&proxy);
    assert_eq!(before.0[2]["pinned"], true);
    for (field, value) in [
        ("salt", json!(0.02)),
        ("apply", json!("boost")),
        ("reserve", json!(0.1)),
        ("stability", json!(0.05)),
        ("tracked_keys", json!(4000)),
    ] {
        assert_eq!(before.1[field], value, "{field}");
    }

    let state = proxy.data_dir().join("state.json");
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&state).unwrap().contains(&password), "a digest is kept");

    proxy.kill();
    proxy.restart();
    assert_eq!(look(&proxy), before);
    assert_eq!(proxy.api("GET", "/v1/tenants/carts", None).0, 404, "the file still lists it");
    assert_eq!(signed_in(&proxy, "gamma", &password).cmd("GET a"), Value::bulk("1"));
    eventually("every Redis has its size", || {
        let sizes = ["gamma", "orders", "stock"].map(|name| maxmemory(&proxy, name));
        (sizes == [24 * MIB, 32 * MIB, 40 * MIB]).then_some(())
    });
    assert!(
        proxy.log().iter().any(|line| line.contains("changes made at run time are in force")),
        "the banner says so"
    );

    // What was removed can be created again, and what was pinned released.
    let body = json!({"name": "carts", "cache": "16MiB", "read_units": 1, "write_units": 1, "net": "1MB/s"});
    assert_eq!(proxy.api("POST", "/v1/tenants", Some(&body)).0, 201);
    assert_eq!(proxy.api("DELETE", "/v1/tenants/stock/quota", None).0, 200);
    assert!(proxy.stop().success());
    proxy.restart();
    assert_eq!(proxy.get("/v1/tenants/carts/quota")["cache_bytes"], 16 * MIB);
    assert_eq!(proxy.get("/v1/tenants/stock/quota")["pinned"], false);
    assert_eq!(proxy.get("/v1/tenants/stock/quota")["cache_bytes"], 32 * MIB);
}

#[test]
fn a_damaged_state_file_is_named_with_the_fix() {
    for (text, problem) in [
        ("{broken", " is damaged: "),
        ("", " is damaged: "),
        ("{\"version\":1,\"tenant\":{}}", " is damaged: unknown field `tenant`"),
        ("{\"version\":99}", " has version 99 and this hopperkv reads 1; "),
    ] {
        let builder = ProxyBuilder::default().tenant("orders", "");
        let state = builder.data_dir().join("state.json");
        std::fs::create_dir_all(builder.data_dir()).unwrap();
        std::fs::write(&state, text).unwrap();
        let start = format!("{}{problem}", state.display());
        builder.refused().assert_like(&start, "delete it to start from the configuration");
    }
}

#[test]
fn a_change_that_cannot_be_saved_is_not_made() {
    let proxy = crate::support::Proxy::start();
    let before = proxy.get("/v1/tenants/orders/quota");
    // A directory where the file is to be written beside: root may write anywhere, so permissions would not stop it.
    let beside = proxy.data_dir().join("state.json.new");
    std::fs::create_dir(&beside).unwrap();
    let quota = json!({"cache_bytes": 16 * MIB});
    let (_, answer) = proxy.api("PUT", "/v1/tenants/orders/quota", Some(&quota));
    let detail = super::assert_problem(&answer, 503, "unavailable");
    assert!(detail.starts_with("nothing was changed: cannot write "), "{detail}");
    let body = json!({"name": "gamma", "cache": "16MiB", "read_units": 1, "write_units": 1, "net": "1MB/s"});
    let (status, answer) = proxy.api("POST", "/v1/tenants", Some(&body));
    assert_eq!(status, 503, "{answer}");
    assert_eq!(proxy.api("GET", "/v1/tenants/gamma", None).0, 404);
    assert_eq!(proxy.get("/v1/tenants/orders/quota"), before);
    std::fs::remove_dir(&beside).unwrap();
    assert_eq!(proxy.api("PUT", "/v1/tenants/orders/quota", Some(&quota)).0, 200);
    assert_eq!(proxy.api("POST", "/v1/tenants", Some(&body)).0, 201);
}
