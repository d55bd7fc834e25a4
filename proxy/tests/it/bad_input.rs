//! What cannot be served is refused at the start: one line that names the place and the fix, exit code 2, nothing left.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};

use crate::support::{Database, Port, ProxyBuilder, Refusal, refused_start};

/// A proxy that would start but for `lines` in a tenant.
fn one() -> ProxyBuilder {
    ProxyBuilder::default().tenant("orders", "")
}

/// Refuses a file that is one of [`one`]'s with `from` replaced by `to`; the line without the file's name.
fn refused_after(from: &str, to: &str) -> String {
    let builder = one();
    let path = builder.write_config();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    let refusal = refused_start(&path, &builder.data_dir());
    let file = path.display().to_string();
    let line = refusal.line().to_owned();
    let place = line.strip_prefix(&format!("{file}:")).unwrap_or_else(|| panic!("{line}"));
    assert!(!builder.data_dir().exists(), "nothing was begun");
    // Line and column come first; which, is the unit tests' business.
    let mut parts = place.splitn(3, ':');
    for _ in 0..2 {
        assert!(parts.next().is_some_and(|n| n.parse::<u32>().is_ok()), "{line}");
    }
    parts.next().unwrap().trim().to_owned()
}

#[test]
fn a_wrong_file_is_refused_with_place_and_fix() {
    for (from, to, line) in [
        (
            "admin_token",
            "admin_tokn",
            "unknown field \"admin_tokn\" in [server]; did you mean \"admin_token\"?",
        ),
        ("[cache]", "[cahce]", "unknown section \"cahce\"; did you mean [cache]?"),
        (
            "net = \"10GB/s\"",
            "net = \"10Gb/s\"",
            "tenant \"orders\" net = \"10Gb/s\": the unit \"Gb\" could mean bits, 1000-based or 1024-based; write \
             \"50MB/s\", \"50MiB/s\" or plain bytes per second",
        ),
        (
            "cache = \"32MiB\"",
            "cache = \"32 MX\"",
            "tenant \"orders\" cache = \"32 MX\": unknown unit \"MX\"; write \"256MiB\" (1024-based), \"256MB\" \
             (1000-based) or plain bytes",
        ),
        (
            "kind = \"embedded\"",
            "kind = \"embeded\"",
            "[storage] kind = \"embeded\": did you mean \"embedded\"? It takes \"embedded\", \"dynamodb\", \"synthetic\"",
        ),
    ] {
        assert_eq!(refused_after(from, to), line);
    }
}

#[test]
fn a_tenant_that_is_there_twice_is_refused() {
    let builder = one().tenant("orders", "table = \"other\"");
    let path = builder.write_config();
    refused_start(&path, &builder.data_dir()).assert_like(
        &format!("{}:", path.display()),
        "tenant \"orders\" name = \"orders\": is the name of another tenant too; rename one",
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("missing.toml");
    refused_start(&path, dir.path()).assert_like(
        &format!("{}: cannot read the configuration: No such file", path.display()),
        "name another file with --config, or start without one for the demo",
    );
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    one().listen(address).refused().assert_like(
        &format!("cannot listen on {address} for clients: Address already in use"),
        "; stop the process that uses the port, or change [server] listen",
    );
    one().admin(address).refused().assert_like(
        &format!("cannot listen on {address} for the admin API: Address already in use"),
        "; stop the process that uses the port, or change [server] admin",
    );
    let port = format!("port = {}", address.port());
    let refusal = one().tenant("carts", &port).refused();
    refusal.assert_like(
        &format!("cannot listen on {address} for tenant \"carts\": Address already in use"),
        "; stop the process that uses the port, or change the tenant's `port`",
    );
}

#[test]
fn a_missing_redis_program_is_named_and_nothing_stays_bound() {
    let listen = Port::reserve();
    let refusal = one()
        .listen(listen.address())
        .cache("kind = \"managed\"\nredis_server = \"/no/such/redis-server\"")
        .refused();
    refusal.assert_like(
        "tenant \"orders\": cannot run `/no/such/redis-server`: No such file or directory",
        "; install Redis (Debian, Ubuntu: apt-get install redis-server) or set [cache] redis_server to its path",
    );
    TcpListener::bind(listen.address()).unwrap();
}

#[test]
fn a_redis_program_that_ends_at_once_is_named() {
    one().cache("kind = \"managed\"\nredis_server = \"false\"").refused().assert_like(
        "tenant \"orders\": `false --version` ended with exit status: 1; ",
        "set [cache] redis_server to a redis-server",
    );
}

#[test]
fn one_bad_tenant_stops_the_redis_servers_of_the_good_ones() {
    let database = Database::start();
    create_table(&database, "sorted", &["id", "at"]);
    let refusal = ProxyBuilder::default()
        .storage(&database.lines())
        .tenant("good", "")
        .tenant("better", "")
        .tenant("bad", "table = \"sorted\"")
        .refused();
    refusal.assert_is(
        "tenant \"bad\": table sorted has a sort key \"at\" beside its partition key \"id\"; a Redis key has one part, \
         so use a table without a sort key",
    );
}

/// Creates a table with a binary partition key and, if named, a sort key.
fn create_table(database: &Database, name: &str, keys: &[&str]) {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(database.endpoint());
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (key, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition = AttributeDefinition::builder()
            .attribute_name(*key)
            .attribute_type(ScalarAttributeType::B);
        let element = KeySchemaElement::builder().attribute_name(*key).key_type(kind);
        request = request
            .attribute_definitions(definition.build().unwrap())
            .key_schema(element.build().unwrap());
    }
    database.block_on(request.send()).unwrap();
}

#[test]
fn a_missing_table_is_named_where_none_may_be_created() {
    let database = Database::start();
    let storage = database.lines().replace("create_tables = true", "create_tables = false");
    one().storage(&storage).refused().assert_is(
        "tenant \"orders\": table orders does not exist; create it with a partition key \"k\" of type B (or S) and no \
         sort key, or set [storage] create_tables = true",
    );
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_named() {
    let nobody = Port::reserve();
    let storage = format!(
        "kind = \"dynamodb\"\nendpoint = \"http://{}\"\ncreate_tables = true\nconnect_timeout = \"300ms\"\n\
         attempt_timeout = \"500ms\"\noperation_timeout = \"1s\"",
        nobody.address()
    );
    let refusal = one().storage(&storage).refused();
    refusal.assert_like("tenant \"orders\": table orders: storage is unavailable: ", "");
    let line = refusal.line();
    assert!(line.contains(&nobody.address().to_string()), "names the place: {line}");
    assert!(line.contains("[storage] endpoint"), "names the fix: {line}");
}

#[test]
fn a_data_directory_that_is_in_use_is_named() {
    let builder = one();
    let data_dir = builder.data_dir();
    let second = one();
    let path = second.write_config();
    let text = std::fs::read_to_string(&path).unwrap();
    let own = second.data_dir().display().to_string();
    std::fs::write(&path, text.replace(&own, &data_dir.display().to_string())).unwrap();
    let proxy = builder.start();
    let refusal = refused_start(&path, &second.data_dir());
    refusal.assert_is(&format!(
        "another hopperkv uses the data directory {}; stop it, or set [server] data_dir to another directory",
        data_dir.display()
    ));
    assert_eq!(
        proxy.redis_cli("orders", &["PING"]).trim(),
        "PONG",
        "the first one's Redis lives on"
    );
    assert_eq!(proxy.client().cmd("SET k v"), crate::support::Value::ok());
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let builder = one();
    let data_dir = builder.data_dir();
    // A file in its place stops even root.
    std::fs::write(&data_dir, "a file").unwrap();
    builder.refused().assert_like(
        &format!("cannot use the data directory {}: ", data_dir.display()),
        "; set [server] data_dir to a directory that can be written",
    );
    let builder = one();
    let data_dir = builder.data_dir();
    std::fs::create_dir(&data_dir).unwrap();
    std::fs::set_permissions(&data_dir, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(data_dir.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    builder.refused().assert_like(
        &format!("cannot use the data directory {}: ", data_dir.display()),
        "; set [server] data_dir to a directory that can be written",
    );
}

#[test]
fn a_data_directory_with_too_long_a_path_for_sockets_is_named() {
    let builder = one();
    let path = builder.write_config();
    let text = std::fs::read_to_string(&path).unwrap();
    let deep = builder.data_dir().join("d".repeat(100));
    std::fs::write(
        &path,
        text.replace(&builder.data_dir().display().to_string(), &deep.display().to_string()),
    )
    .unwrap();
    let refusal: Refusal = refused_start(&path, &builder.data_dir());
    refusal.assert_like(
        &format!("tenant \"orders\": the socket path {}", deep.display()),
        "bytes, the system allows 107; set [server] data_dir to a shorter path",
    );
}
