//! Who a client is, and what it may know: signing in, tenants' own ports, CLIENT, COMMAND, CONFIG.

use std::net::{SocketAddr, TcpListener};

use crate::support::{Client, Proxy, ProxyBuilder, Value, eventually};

const NO_AUTH: &str = "NOAUTH Authentication required.";
const WRONG_PASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const HELLO_NO_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version \
     at the same time";

fn two_tenants() -> Proxy {
    ProxyBuilder::default().tenant("orders", "").tenant("carts", "").start()
}

/// The number behind `field=` in a line of CLIENT LIST, or the text.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ').find_map(|f| f.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn without_signing_in_only_the_door_is_open() {
    let proxy = Proxy::start();
    let mut client = Client::connect(proxy.listen);
    for line in [
        "GET k",
        "SET k v",
        "MGET a b",
        "PING",
        "ECHO x",
        "INFO",
        "CONFIG GET save",
        "CLIENT ID",
        "CLIENT LIST",
        "COMMAND COUNT",
        "SELECT 0",
        "TIME",
        "TTL k",
    ] {
        assert_eq!(client.cmd(line).error(), NO_AUTH, "{line}");
    }
    assert_eq!(client.cmd("HELLO").error(), HELLO_NO_AUTH);
    assert_eq!(client.cmd("HELLO 3").error(), HELLO_NO_AUTH);
    assert_eq!(client.cmd("HELLO 3 SETNAME n").error(), HELLO_NO_AUTH);
    assert_eq!(client.cmd("HELLO 4").error(), "NOPROTO unsupported protocol version");
    assert_eq!(
        client.cmd("NOSUCH").error(),
        "ERR unknown command 'NOSUCH', with args beginning with:"
    );
    assert_eq!(client.cmd("GET").error(), "ERR wrong number of arguments for 'get' command");
    assert_eq!(client.cmd("RESET"), Value::Simple(String::from("RESET")));
    assert_eq!(client.cmd("QUIT"), Value::ok());
    assert!(client.is_closed());
}

#[test]
fn a_wrong_name_or_password_is_refused_and_changes_nothing() {
    let proxy = two_tenants();
    let mut client = Client::connect(proxy.listen);
    for line in [
        "AUTH orders carts-pw",
        "AUTH nobody orders-pw",
        "AUTH orders-pw",
        "AUTH default orders-pw",
        "HELLO 3 AUTH orders wrong",
        "HELLO 2 AUTH nobody wrong SETNAME me",
    ] {
        assert_eq!(client.cmd(line).error(), WRONG_PASS, "{line}");
        assert_eq!(client.cmd("GET k").error(), NO_AUTH);
    }
    assert_eq!(client.call(&["AUTH", "orders", ""]).error(), WRONG_PASS);
    assert_eq!(client.call(&["AUTH".as_bytes(), b"\xff\xfe", b"x"]).error(), WRONG_PASS);
    assert_eq!(client.cmd("AUTH orders orders-pw"), Value::ok());
    assert_eq!(client.cmd("AUTH carts wrong").error(), WRONG_PASS);
    assert_eq!(client.cmd("SET k of-orders"), Value::ok());
    assert_eq!(client.cmd("AUTH carts carts-pw"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::Nil);
    assert_eq!(proxy.client().cmd("GET k"), Value::bulk("of-orders"));
}

#[test]
fn hello_signs_in_names_and_switches_in_one_step() {
    let proxy = Proxy::start();
    let mut client = Client::connect(proxy.listen);
    client.send(b"*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$6\r\norders\r\n$9\r\norders-pw\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n");
    let reply = String::from_utf8(client.read_reply_bytes().unwrap()).unwrap();
    let id = client.cmd("CLIENT ID").int();
    let fields = |id: i64, proto: u8| {
        format!(
            "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:{proto}\r\n\
             $2\r\nid\r\n:{id}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
             $7\r\nmodules\r\n*0\r\n"
        )
    };
    assert_eq!(reply, format!("%7\r\n{}", fields(id, 3)));
    assert_eq!(client.cmd("CLIENT GETNAME"), Value::bulk("me"));
    client.send(b"get absent\r\n");
    assert_eq!(client.read_reply_bytes().unwrap(), b"_\r\n");
    client.send(b"hello\r\n");
    assert_eq!(client.read_reply_bytes().unwrap(), format!("%7\r\n{}", fields(id, 3)).as_bytes());
    client.send(b"hello 2\r\nget absent\r\n");
    assert_eq!(client.read_reply_bytes().unwrap(), format!("*14\r\n{}", fields(id, 2)).as_bytes());
    assert_eq!(client.read_reply_bytes().unwrap(), b"$-1\r\n");
    let mut lower = Client::connect(proxy.listen);
    lower.send(b"hello 2 setname you auth orders orders-pw\r\n");
    assert!(lower.read_reply_bytes().unwrap().starts_with(b"*14\r\n"));
    assert_eq!(lower.cmd("CLIENT GETNAME"), Value::bulk("you"));
}

#[test]
fn the_default_tenant_needs_no_sign_in() {
    let proxy = ProxyBuilder::default()
        .server("default_tenant = \"orders\"")
        .tenant("orders", "")
        .tenant("carts", "")
        .start();
    let mut client = Client::connect(proxy.listen);
    assert_eq!(client.cmd("SET k v"), Value::ok());
    assert_eq!(proxy.client_of("orders").cmd("GET k"), Value::bulk("v"));
    assert_eq!(client.cmd("AUTH wrong").error(), WRONG_PASS);
    assert_eq!(client.cmd("AUTH carts carts-pw"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::Nil);
    assert_eq!(client.cmd("AUTH orders-pw"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert_eq!(client.cmd("AUTH carts carts-pw"), Value::ok());
    assert_eq!(client.cmd("AUTH default orders-pw"), Value::ok());
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
    assert_eq!(client.cmd("AUTH carts carts-pw"), Value::ok());
    assert_eq!(client.cmd("RESET"), Value::Simple(String::from("RESET")));
    assert_eq!(client.cmd("GET k"), Value::bulk("v"));
}

#[test]
fn a_tenants_own_port_needs_its_password_only() {
    let (carts, open) = (free_port(), free_port());
    let proxy = ProxyBuilder::default()
        .tenant("orders", "")
        .tenant("carts", &format!("port = {carts}"))
        .section(&format!(
            "[[tenant]]\nname = \"open\"\ncache = \"32MiB\"\nread_units = 1000\nwrite_units = 1000\n\
             net = \"1GB/s\"\nport = {open}"
        ))
        .start();
    let at = |port| Client::connect(SocketAddr::new(proxy.listen.ip(), port));
    let mut client = at(carts);
    assert_eq!(client.cmd("GET k").error(), NO_AUTH);
    assert_eq!(client.cmd("AUTH wrong").error(), WRONG_PASS);
    assert_eq!(client.cmd("AUTH carts-pw"), Value::ok());
    assert_eq!(client.cmd("SET k of-carts"), Value::ok());
    assert_eq!(proxy.client_of("carts").cmd("GET k"), Value::bulk("of-carts"));
    assert_eq!(proxy.client_of("orders").cmd("GET k"), Value::Nil);
    let mut hello = at(carts);
    assert!(matches!(hello.cmd("HELLO 3 AUTH default carts-pw"), Value::Map(_)));
    assert_eq!(hello.cmd("GET k"), Value::bulk("of-carts"));
    let mut free = at(open);
    assert_eq!(free.cmd("SET k of-open"), Value::ok());
    assert_eq!(free.cmd("RESET"), Value::Simple(String::from("RESET")));
    assert_eq!(free.cmd("GET k"), Value::bulk("of-open"));
    let mut named = Client::connect(proxy.listen);
    assert_eq!(named.cmd("GET k").error(), NO_AUTH);
    assert_eq!(named.cmd("AUTH open whatever"), Value::ok());
    assert_eq!(named.cmd("GET k"), Value::bulk("of-open"));
}

#[test]
fn reset_forgets_everything_about_the_client() {
    let proxy = Proxy::start();
    let mut client = Client::connect(proxy.listen);
    client.cmd("HELLO 3 AUTH orders orders-pw SETNAME me");
    client.send(b"reset\r\nget k\r\nauth orders orders-pw\r\nget absent\r\nclient getname\r\n");
    let expected = format!("+RESET\r\n-{NO_AUTH}\r\n+OK\r\n$-1\r\n$-1\r\n");
    assert_eq!(String::from_utf8(client.read_raw(expected.len())).unwrap(), expected);
}

#[test]
fn quit_is_answered_after_everything_before_and_nothing_after() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    client.send(b"set k 1\r\nincr k\r\nget k\r\nquit\r\nset k lost\r\n");
    assert_eq!(client.read_to_close(), b"+OK\r\n:2\r\n$1\r\n2\r\n+OK\r\n");
    assert_eq!(proxy.client().cmd("GET k"), Value::bulk("2"));
}

#[test]
fn a_client_sees_its_own_tenants_clients_only() {
    let proxy = two_tenants();
    let (mut one, mut two) = (proxy.client_of("orders"), proxy.client_of("orders"));
    let mut stranger = proxy.client_of("carts");
    assert_eq!(one.cmd("CLIENT SETNAME one"), Value::ok());
    assert_eq!(one.cmd("CLIENT SETINFO LIB-NAME tests"), Value::ok());
    assert_eq!(one.cmd("CLIENT SETINFO lib-ver 1.2.3"), Value::ok());
    assert_eq!(one.cmd("CLIENT SETINFO nosuch x").error(), "ERR Unrecognized option 'nosuch'");
    assert_eq!(
        one.call(&["CLIENT", "SETINFO", "lib-ver", "a b"]).error(),
        "ERR lib-ver cannot contain spaces, newlines or special characters."
    );
    let ids =
        [one.cmd("CLIENT ID").int(), two.cmd("CLIENT ID").int(), stranger.cmd("CLIENT ID").int()];
    assert!(ids[0] < ids[1] && ids[1] < ids[2]);
    let list = two.cmd("CLIENT LIST").text();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert_eq!(
        [field(lines[0], "id"), field(lines[1], "id")],
        [ids[0].to_string(), ids[1].to_string()]
    );
    assert_eq!(field(lines[0], "name"), "one");
    assert_eq!(field(lines[0], "lib-name"), "tests");
    assert_eq!(field(lines[0], "lib-ver"), "1.2.3");
    assert_eq!(field(lines[0], "user"), "orders");
    assert_eq!(field(lines[1], "cmd"), "client|list");
    assert_eq!(field(lines[1], "laddr"), proxy.listen.to_string());
    let info = two.cmd("CLIENT INFO").text();
    assert_eq!([field(&info, "id"), field(&info, "resp")], [ids[1].to_string(), String::from("2")]);
    assert_eq!(two.cmd(&format!("CLIENT LIST ID {} {}", ids[0], ids[2])).text().lines().count(), 1);
    assert_eq!(two.cmd("CLIENT LIST TYPE master").text(), "");
    assert_eq!(stranger.cmd("CLIENT LIST").text().lines().count(), 1);
}

#[test]
fn a_client_can_kill_its_own_tenants_clients_only() {
    let proxy = two_tenants();
    let (mut killer, mut victim) = (proxy.client_of("orders"), proxy.client_of("orders"));
    let mut stranger = proxy.client_of("carts");
    let (id, strange) = (victim.cmd("CLIENT ID").int(), stranger.cmd("CLIENT ID").int());
    assert_eq!(killer.cmd(&format!("CLIENT KILL ID {strange}")).int(), 0);
    assert_eq!(stranger.cmd("PING"), Value::Simple(String::from("PONG")));
    assert_eq!(killer.cmd(&format!("CLIENT KILL ID {id}")).int(), 1);
    assert!(victim.is_closed());
    let mut victim = proxy.client_of("orders");
    let info = victim.cmd("CLIENT INFO").text();
    assert_eq!(killer.cmd(&format!("CLIENT KILL {}", field(&info, "addr"))), Value::ok());
    assert!(victim.is_closed());
    assert_eq!(killer.cmd("CLIENT KILL 1.2.3.4:5").error(), "ERR No such client");
    assert_eq!(killer.cmd("CLIENT KILL USER carts").error(), "ERR No such user 'carts'");
    // SKIPME is yes unless said otherwise; the others of the tenant go.
    let mut victim = proxy.client_of("orders");
    eventually("the killed clients are gone", || {
        (killer.cmd("CLIENT LIST").text().lines().count() == 2).then_some(())
    });
    assert_eq!(killer.cmd("CLIENT KILL TYPE normal").int(), 1);
    assert!(victim.is_closed());
    assert_eq!(killer.cmd("CLIENT KILL USER orders SKIPME no").int(), 1);
    assert!(killer.is_closed());
    assert_eq!(stranger.cmd("PING"), Value::Simple(String::from("PONG")));
}

#[test]
fn commands_describe_themselves() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let count = usize::try_from(client.cmd("COMMAND COUNT").int()).unwrap();
    assert!(count > 40, "{count}");
    for line in ["COMMAND", "COMMAND INFO"] {
        let Value::Array(all) = client.cmd(line) else { panic!("{line}: not an array") };
        assert_eq!(all.len(), count);
    }
    let Value::Array(names) = client.cmd("COMMAND LIST") else { panic!("not an array") };
    assert!(
        names.contains(&Value::bulk("incrbyfloat")) && names.contains(&Value::bulk("client|id"))
    );
    let Value::Array(some) = client.cmd("COMMAND LIST FILTERBY PATTERN mset*") else {
        panic!("not an array")
    };
    assert_eq!(some, [Value::bulk("mset"), Value::bulk("msetnx")]);
    let Value::Array(docs) = client.cmd("COMMAND DOCS get nosuch") else { panic!("not an array") };
    assert_eq!(docs.len(), 2);
    assert_eq!(docs[0], Value::bulk("get"));
    let keys = ["a", "b"].map(Value::bulk);
    assert_eq!(client.cmd("COMMAND GETKEYS MSET a 1 b 2"), Value::Array(keys.to_vec()));
    assert!(matches!(client.cmd("HELLO 3"), Value::Map(_)));
    let Value::Map(docs) = client.cmd("COMMAND DOCS") else { panic!("not a map") };
    assert_eq!(docs.len(), count);
}

#[test]
fn what_is_not_served_says_so_and_the_connection_lives_on() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    for line in [
        "SUBSCRIBE c",
        "PUBLISH c m",
        "BLPOP l 0",
        "BZPOPMIN z 0",
        "EVAL x 0",
        "FUNCTION LIST",
        "MOVE k 1",
        "MIGRATE h 1 k 0 1",
        "SHUTDOWN",
        "MONITOR",
        "REPLICAOF no one",
        "PFDEBUG encoding k",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let echoed: String = words[1..].iter().map(|w| format!("'{w}' ")).collect();
        let expected =
            format!("ERR unknown command '{}', with args beginning with: {echoed}", words[0]);
        assert_eq!(client.cmd(line).error(), expected.trim_end());
    }
    assert_eq!(
        client.cmd("CLIENT MAINT_NOTIFICATIONS ON").error(),
        "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."
    );
    assert_eq!(
        client.cmd("OBJECT shape k").error(),
        "ERR unknown subcommand 'shape'. Try OBJECT HELP."
    );
    assert_eq!(client.cmd("PING"), Value::Simple(String::from("PONG")));
}

#[test]
fn settings_and_info_are_the_tenants_own() {
    let proxy = Proxy::start();
    let mut client = proxy.client();
    let pair = |name: &str, value: &str| Value::Array(vec![Value::bulk(name), Value::bulk(value)]);
    assert_eq!(client.cmd("CONFIG GET save"), pair("save", ""));
    assert_eq!(client.cmd("CONFIG GET APPENDONLY"), pair("appendonly", "no"));
    assert_eq!(client.cmd("CONFIG GET maxmemory"), pair("maxmemory", &(32 << 20).to_string()));
    assert_eq!(client.cmd("CONFIG GET nosuch"), Value::Array(Vec::new()));
    assert_eq!(client.cmd("ACL WHOAMI"), Value::bulk("orders"));
    let failed = "ERR CONFIG SET failed (possibly related to argument";
    for (line, expected) in [
        ("CONFIG SET save x", format!("{failed} 'save') - can't set immutable config")),
        ("CONFIG SET save x SAVE y", format!("{failed} 'SAVE') - duplicate parameter")),
        (
            "CONFIG SET timeout 0 NoSuch 1",
            String::from("ERR Unknown option or number of arguments for CONFIG SET - 'NoSuch'"),
        ),
    ] {
        assert_eq!(client.cmd(line).error(), expected);
    }
    assert_eq!(client.cmd("CONFIG SET timeout 0 MaxMemory-Policy allkeys-lru"), Value::ok());
    let Value::Array(two) = client.cmd("CONFIG GET maxmemory*") else { panic!("not an array") };
    assert_eq!(two.len(), 4);
    let info = client.cmd("INFO").text();
    for line in [
        "# Server",
        "redis_version:7.2.4",
        "redis_mode:standalone",
        "loading:0",
        "role:master",
        "# Keyspace",
    ] {
        assert!(info.lines().any(|l| l == line), "{line} in {info}");
    }
    let section = client.cmd("INFO replication").text();
    assert!(
        section.starts_with("# Replication\r\nrole:master\r\n") && !section.contains("# Server")
    );
    let Value::Array(time) = client.cmd("TIME") else { panic!("not an array") };
    let now_s =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now_s.abs_diff(time[0].text().parse().unwrap()) <= 1);
}

#[test]
fn one_client_too_many_is_told_so() {
    let proxy = ProxyBuilder::default().server("max_clients = 3").start();
    let mut clients: Vec<Client> = (0..3).map(|_| proxy.client()).collect();
    let mut refused = Client::connect(proxy.listen);
    assert_eq!(refused.read_to_close(), b"-ERR max number of clients reached\r\n");
    for client in &mut clients {
        assert_eq!(client.cmd("PING"), Value::Simple(String::from("PONG")));
    }
    clients.pop();
    eventually("the place is free again", || {
        let mut client = Client::connect(proxy.listen);
        client.send(b"auth orders orders-pw\r\n");
        (client.try_read() == Some(Value::ok())).then_some(())
    });
}
