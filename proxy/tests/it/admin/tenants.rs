//! Tenants that come, change and go while clients are served.

use serde_json::json;

use super::{MIB, assert_problem, maxmemory, signed_in};
use crate::support::{Client, Port, Proxy, Value, eventually};

fn create(proxy: &Proxy, body: &serde_json::Value) -> serde_json::Value {
    let (status, created) = proxy.api("POST", "/v1/tenants", Some(body));
    assert_eq!(status, 201, "{created}");
    created
}

fn gamma() -> serde_json::Value {
    json!({"name": "gamma", "cache": "16MiB", "read_units": 100, "write_units": "1k", "net": "1MB/s"})
}

#[test]
fn a_tenant_created_at_run_time_gets_a_password_once_and_serves_real_clients() {
    let proxy = Proxy::start();
    let created = create(&proxy, &gamma());
    let password = created["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 32);
    assert_eq!(created["table"], "gamma");
    assert_eq!(created["quota"]["cache_bytes"], 16 * MIB);
    assert_eq!(created["quota"]["write_units_per_s"], 1000.0);

    let cli = |args: &[&str]| {
        let port = proxy.listen.port().to_string();
        let output = std::process::Command::new("redis-cli")
            .args(["-p", &port, "--user", "gamma", "--pass", &password, "--no-auth-warning"])
            .args(args)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    assert_eq!(cli(&["SET", "greeting", "hello"]), "OK");
    assert_eq!(cli(&["GET", "greeting"]), "hello");
    assert_eq!(maxmemory(&proxy, "gamma"), 16 * MIB);
    let mut orders = proxy.client();
    assert_eq!(orders.cmd("GET greeting"), Value::Nil, "tenants do not see each other's keys");

    let shown = proxy.get("/v1/tenants/gamma");
    assert!(shown.get("password").is_none(), "{shown}");
    assert_eq!(shown["has_password"], true);
    let listed = proxy.get("/v1/tenants");
    let names: Vec<_> = listed["tenants"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["gamma", "orders"]);
    assert!(!listed.to_string().contains(&password));

    let (_, again) = proxy.api("POST", "/v1/tenants", Some(&gamma()));
    assert_problem(&again, 409, "conflict");
    let mut body = gamma();
    body["name"] = json!("delta");
    body["password"] = json!("mine");
    let created = create(&proxy, &body);
    assert!(created.get("password").is_none(), "a password that was given is not repeated");
    signed_in(&proxy, "delta", "mine");
}

#[test]
fn a_tenant_port_opens_and_closes_at_run_time() {
    let proxy = Proxy::start();
    let port = Port::reserve();
    let mut body = gamma();
    body["port"] = json!(port.number);
    body["password"] = json!("pw");
    assert_eq!(create(&proxy, &body)["port"], port.number);
    let mut client = Client::connect(port.address());
    assert!(client.cmd("GET a").is_error(), "the port names the tenant, not its password");
    assert_eq!(client.cmd("AUTH pw"), Value::ok());
    assert_eq!(client.cmd("SET a 1"), Value::ok());
    assert_eq!(signed_in(&proxy, "gamma", "pw").cmd("GET a"), Value::bulk("1"));

    let (status, _) = proxy.api("DELETE", "/v1/tenants/gamma", None);
    assert_eq!(status, 204);
    assert!(client.is_closed());
    eventually("the port is closed", || {
        std::net::TcpStream::connect(port.address()).is_err().then_some(())
    });

    // The port can be had again at once, and the table still holds the data.
    create(&proxy, &body);
    let mut client = Client::connect(port.address());
    assert_eq!(client.cmd("AUTH pw"), Value::ok());
    assert_eq!(client.cmd("GET a"), Value::bulk("1"));

    body["name"] = json!("delta");
    let (status, answer) = proxy.api("POST", "/v1/tenants", Some(&body));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(answer["errors"][0]["field"], "port", "{answer}");
    assert_eq!(proxy.api("GET", "/v1/tenants/delta", None).0, 404);
}

#[test]
fn a_port_in_use_is_refused_and_leaves_nothing_behind() {
    let proxy = Proxy::start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut body = gamma();
    body["port"] = json!(taken.local_addr().unwrap().port());
    let (_, answer) = proxy.api("POST", "/v1/tenants", Some(&body));
    let detail = assert_problem(&answer, 503, "unavailable");
    assert!(detail.contains("cannot listen on"), "{detail}");
    assert_eq!(proxy.api("GET", "/v1/tenants/gamma", None).0, 404);
    assert!(Client::connect(proxy.listen).call(&["AUTH", "gamma", "x"]).is_error());
    body.as_object_mut().unwrap().remove("port");
    create(&proxy, &body);
}

#[test]
fn a_patch_changes_what_can_be_changed_and_nothing_else() {
    let proxy = Proxy::start();
    let mut old = proxy.client();
    let patch =
        json!({"cache": "48MiB", "read_units": 150, "password": "new-pw", "max_wait": "250ms"});
    let (status, patched) = proxy.api("PATCH", "/v1/tenants/orders", Some(&patch));
    assert_eq!(status, 200, "{patched}");
    let quota = &patched["quota"];
    for share in [quota, &quota["base"]] {
        assert_eq!(share["cache_bytes"], 48 * MIB);
        assert_eq!(share["read_units_per_s"], 150.0);
        assert_eq!(share["write_units_per_s"], 1e6, "what is left out stays");
    }
    assert_eq!(patched["max_wait_ms"], 250);
    assert_eq!(patched, proxy.get("/v1/tenants/orders"));
    assert_eq!(maxmemory(&proxy, "orders"), 48 * MIB);
    let limit = &proxy.get("/v1/tenants/orders/stats")["waits"]["read_units"]["limit_per_s"];
    assert_eq!(*limit, 150.0);

    assert_eq!(old.cmd("SET a 1"), Value::ok(), "who is signed in stays");
    let refused = Client::connect(proxy.listen).call(&["AUTH", "orders", "orders-pw"]);
    assert!(refused.error().starts_with("WRONGPASS"), "{refused:?}");
    signed_in(&proxy, "orders", "new-pw");

    for fixed in [json!({"table": "other"}), json!({"name": "other"}), json!({"port": 7000})] {
        let (_, answer) = proxy.api("PATCH", "/v1/tenants/orders", Some(&fixed));
        let field = fixed.as_object().unwrap().keys().next().unwrap();
        assert!(assert_problem(&answer, 409, "conflict").starts_with(field.as_str()), "{answer}");
    }
    let same = json!({"table": "orders", "name": "orders"});
    assert_eq!(proxy.api("PATCH", "/v1/tenants/orders", Some(&same)).0, 200);
    assert_eq!(proxy.api("PATCH", "/v1/tenants/nobody", Some(&json!({}))).0, 404);
}

#[test]
fn weights_and_bounds_are_set_changed_lifted_and_kept() {
    let mut proxy = Proxy::start();
    let mut body = gamma();
    body["weight"] = json!(2);
    body["min"] = json!({"cache": "12MiB"});
    create(&proxy, &body);
    let terms = |proxy: &Proxy| {
        let shown = proxy.get("/v1/tenants/gamma");
        ["weight", "min", "max"].map(|field| shown[field].clone())
    };
    assert_eq!(terms(&proxy), [json!(2.0), json!({"cache_bytes": 12 * MIB}), json!({})]);
    let change = |body: serde_json::Value| proxy.api("PATCH", "/v1/tenants/gamma", Some(&body));
    assert_eq!(change(json!({"max": {"net": "2MB/s", "read_units": 100}})).0, 200);
    assert_eq!(change(json!({"weight": 0, "min": {}})).0, 200);
    let max = json!({"net_bytes_per_s": 2e6, "read_units_per_s": 100.0});
    let expected = [json!(0.0), json!({}), max];
    assert_eq!(terms(&proxy), expected);

    // The base share may not leave the bounds, nor the bounds the base share; a wrong change changes nothing.
    for (body, field) in [
        (json!({"read_units": 101}), "max.read_units"),
        (json!({"min": {"net": "1.1MB/s"}}), "min.net"),
        (json!({"weight": -1}), "weight"),
    ] {
        let (_, answer) = change(body);
        assert_problem(&answer, 422, "invalid");
        assert_eq!(answer["errors"][0]["field"], field, "{answer}");
    }
    let (_, answer) = change(json!({"max": {"nett": 1}}));
    assert!(assert_problem(&answer, 400, "malformed").contains("`nett`"), "{answer}");
    assert_eq!(terms(&proxy), expected);

    proxy.kill();
    proxy.restart();
    assert_eq!(terms(&proxy), expected);
}

#[test]
fn removing_a_tenant_cuts_its_clients_off_and_stops_its_redis() {
    let proxy =
        crate::support::ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start();
    let (mut idle, mut busy) = (proxy.client_of("carts"), proxy.client_of("carts"));
    assert_eq!(busy.cmd("SET a 1"), Value::ok());
    let mut other = proxy.client_of("orders");
    let redis = proxy.redis_pid("carts");

    let (status, body) = proxy.api("DELETE", "/v1/tenants/carts", None);
    assert_eq!((status, body), (204, json!("")));
    assert!(idle.is_closed() && busy.is_closed());
    let gone = nix::sys::signal::kill(redis, None);
    assert_eq!(gone, Err(nix::errno::Errno::ESRCH), "its Redis is stopped when DELETE returns");
    assert!(Client::connect(proxy.listen).call(&["AUTH", "carts", "carts-pw"]).is_error());
    assert_eq!(proxy.api("DELETE", "/v1/tenants/carts", None).0, 404);
    assert_eq!(other.cmd("SET b 2"), Value::ok(), "the others do not notice");
    assert_eq!(proxy.get("/readyz")["tenants"], 1);
    let metrics = proxy.get("/metrics");
    assert!(!metrics.as_str().unwrap().contains("carts"), "no series is left behind");
}
