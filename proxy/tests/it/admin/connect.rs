//! A tenant made from nothing but a name and shares: password and place are told, and a client gets in.

use serde_json::json;

use super::signed_in;
use crate::support::{Client, Proxy, Value};

#[test]
fn a_generated_password_is_told_once_and_works() {
    let proxy = Proxy::start();
    let endpoint = proxy.get("/v1/connect");
    assert_eq!(endpoint["tls"], false);
    let first = &endpoint["endpoints"][0];
    let place = format!("{}:{}", first["host"].as_str().unwrap(), first["port"]);
    assert_eq!(place, proxy.listen.to_string());
    assert!(first.get("tenant").is_none());
    let ways = [
        ("alpha", json!({"password": "generate"})),
        ("bravo", json!({"generate_password": true})),
        ("charlie", json!({})),
    ];
    for (name, way) in ways {
        let mut body = json!({"name": name, "cache": "16MiB", "read_units": 100, "write_units": 100, "net": "1MB/s"});
        body.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
        let (status, created) = proxy.api("POST", "/v1/tenants", Some(&body));
        assert_eq!(status, 201, "{created}");
        let password = created["password"].as_str().unwrap();
        assert_eq!(password.len(), 32);
        assert_eq!(signed_in(&proxy, name, password).cmd("SET k v"), Value::ok());
        let mut guess = Client::connect(proxy.listen);
        assert!(guess.call(&["AUTH", name, "generate"]).is_error());
        assert!(proxy.get(&format!("/v1/tenants/{name}")).get("password").is_none(), "only once");
    }
    // A new one can be had later.
    let body = json!({"password": "generate"});
    let (status, changed) = proxy.api("PATCH", "/v1/tenants/alpha", Some(&body));
    assert_eq!(status, 200, "{changed}");
    signed_in(&proxy, "alpha", changed["password"].as_str().unwrap());
    let (_, changed) = proxy.api("PATCH", "/v1/tenants/alpha", Some(&json!({"weight": 2})));
    assert!(changed.get("password").is_none(), "{changed}");
    let both = json!({"password": "mine", "generate_password": true});
    let (_, answer) = proxy.api("PATCH", "/v1/tenants/alpha", Some(&both));
    assert!(super::assert_problem(&answer, 400, "malformed").contains("not both"));
}
