//! What is refused, where the message points and what it says.

use super::{TENANT, complaint, parse};

/// A file, and all that is said about it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[server]\nlisen = \"127.0.0.1:1\"",
        r#"h.toml:2:1: unknown field "lisen" in [server]; did you mean "listen"?"#,
    ),
    (
        "[sever]\nlisten = \"127.0.0.1:1\"",
        r#"h.toml:1:2: unknown section "sever"; did you mean [server]?"#,
    ),
    ("listen = \"x\"", r#"h.toml:1:1: unknown field "listen"; it belongs in [server]"#),
    (
        "[cache]\nmax_wait = \"1s\"",
        r#"h.toml:2:1: unknown field "max_wait" in [cache]; it belongs in [limits]"#,
    ),
    (
        "[limits]\nzzz = 1",
        r#"h.toml:2:1: unknown field "zzz" in [limits]; its fields are max_wait"#,
    ),
    ("[tenant]\nname = \"a\"", "h.toml:1:1: tenant must be written as a section: [[tenant]]"),
    ("server = 3", "h.toml:1:10: server must be written as a section: [server]"),
    ("tenant = [1]", "h.toml:1:11: tenant must be written as sections: [[tenant]]"),
    (
        "[server]\nlisten = \"localhost\"",
        r#"h.toml:2:10: [server] listen = "localhost": write an IP address and a port, e.g. "127.0.0.1:6380""#,
    ),
    (
        "[server]\nmax_clients = 0",
        "h.toml:2:15: [server] max_clients = 0: is too small; the least is 1",
    ),
    (
        "[server]\nmax_clients = -5",
        r#"h.toml:2:15: [server] max_clients = -5: must not be negative; write a whole number such as 1024 or "10k""#,
    ),
    (
        "[server]\nworkers = \"many\"",
        r#"h.toml:2:11: [server] workers = "many": write "auto" or a number"#,
    ),
    ("[server]\ndata_dir = \" \"", r#"h.toml:2:12: [server] data_dir = " ": must not be empty"#),
    (
        "[server]\ndrain_timeout = 10",
        r#"h.toml:2:17: [server] drain_timeout = 10: needs a unit; write "20s", "500ms" or "2m""#,
    ),
    (
        "[storage]\nkind = \"dynamo\"",
        r#"h.toml:2:8: [storage] kind = "dynamo": did you mean "dynamodb"? It takes "embedded", "dynamodb", "synthetic""#,
    ),
    (
        "[storage]\nregion = \"eu-central-1\"",
        r#"h.toml:2:10: [storage] region: belongs to kind "dynamodb", but kind is "embedded"; remove it"#,
    ),
    (
        "[storage]\nconsistent_reads = \"yes\"",
        r#"h.toml:2:20: [storage] consistent_reads = "yes": must be true or false, without quotes"#,
    ),
    (
        "[storage]\nattempt_timeout = \"9s\"",
        r#"h.toml:2:19: [storage] attempt_timeout = "9s": must not be longer than operation_timeout = "8s""#,
    ),
    (
        "[storage]\nttl_attribute = \"px\"",
        r#"h.toml:2:17: [storage] ttl_attribute = "px": is already the expiry_attribute; give it a name of its own"#,
    ),
    (
        "[storage]\nkind = \"dynamodb\"\nendpoint = \"127.0.0.1:8000\"",
        r#"h.toml:3:12: [storage] endpoint = "127.0.0.1:8000": write a URL such as "http://127.0.0.1:8000""#,
    ),
    (
        "[cache]\nfence = \"3s\"",
        r#"h.toml:2:9: [cache] fence = "3s": must be longer than [storage] operation_timeout = "8s", or a slow write could publish after its mark is gone"#,
    ),
    (
        "[cache]\nexclusive = false",
        "h.toml:2:13: [cache] exclusive = false: a managed Redis belongs to this proxy alone; remove the line",
    ),
    ("[allocator]\nsalt = 2", "h.toml:2:8: [allocator] salt = 2: is too large; the most is 0.5"),
    (
        "[allocator]\npolicy = [\"hare\"]",
        r#"h.toml:2:10: [allocator] policy = an array: must be one of "static", "drf", "hare", "hare_nonconserving", "memshare", "optimum""#,
    ),
    (
        "[allocator]\nsalt = \"automatic\"",
        r#"h.toml:2:8: [allocator] salt = "automatic": write "auto" or a number from 0 to 0.5"#,
    ),
    (
        "[allocator]\nsample_one_in = 32",
        "h.toml:2:17: [allocator] sample_one_in: is replaced by tracked_keys, the most keys watched \
         for a tenant's curve (16384 unless set); write that, or remove the line",
    ),
    (
        "[allocator]\ntracked_keys = 100",
        "h.toml:2:16: [allocator] tracked_keys = 100: is too small; the least is 256",
    ),
    (
        "[allocator]\nreserve = 1",
        "h.toml:2:11: [allocator] reserve = 1: is too large; the most is 0.9",
    ),
    (
        "[allocator]\nstability = -0.1",
        r#"h.toml:2:13: [allocator] stability = -0.1: must not be negative; write a number such as 4, 0.05 or "1k""#,
    ),
    (
        "[allocator]\nweight = 2",
        r#"h.toml:2:1: unknown field "weight" in [allocator]; it belongs in [[tenant]]"#,
    ),
    (
        "[allocator]\nsmoothing = 1.5",
        r#"h.toml:2:13: [allocator] smoothing = 1.5: is not a whole number; write a whole number such as 1024 or "10k""#,
    ),
];

#[test]
fn every_mistake_is_one_line_with_its_place_and_the_fix() {
    for (text, expected) in MISTAKES {
        assert_eq!(complaint(text), *expected, "for {text}");
    }
}

/// What to replace in [`TENANT`], by what, and all that is said about the result.
const TENANT_MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"64MiB\"",
        "\"256 MX\"",
        r#"h.toml:5:9: tenant "orders" cache = "256 MX": unknown unit "MX"; write "256MiB" (1024-based), "256MB" (1000-based) or plain bytes"#,
    ),
    (
        "cache = \"64MiB\"\n",
        "",
        r#"h.toml:2:1: tenant "orders" cache: is missing; add for example cache = "256MiB""#,
    ),
    ("\"orders\"", "\"\"", "h.toml:3:8: tenant number 1 name = \"\": must not be empty"),
    (
        "\"orders\"",
        "\"a/b\"",
        r#"h.toml:3:8: tenant "a/b" name = "a/b": use letters, digits, "-" and "_", and begin with a letter or digit: it is a user name, a metric label and a file name"#,
    ),
    (
        "\"orders\"",
        "\"default\"",
        r#"h.toml:3:8: tenant "default" name = "default": is what Redis calls clients without a user name; choose another"#,
    ),
    (
        "\"orders\"",
        "\"ab\"",
        r#"h.toml:3:8: tenant "ab" name: is too short for a table name; add table = "...""#,
    ),
    (
        "\"secret\"",
        "\"env:NOPE\"",
        r#"h.toml:4:12: tenant "orders" password: the environment variable NOPE is not set; export it"#,
    ),
    (
        "\"secret\"",
        "\"env:EMPTY\"",
        r#"h.toml:4:12: tenant "orders" password: the environment variable EMPTY is empty; export it"#,
    ),
    (
        "\"secret\"",
        "\"***\"",
        r#"h.toml:4:12: tenant "orders" password: is the mask that stands for a secret in printed output; write the real one"#,
    ),
    ("\"secret\"", "12345", r#"h.toml:4:12: tenant "orders" password: must be a text in quotes"#),
    (
        "read_units = 100",
        "read_units = 0",
        r#"h.toml:6:14: tenant "orders" read_units = 0: is too small; the least is 1"#,
    ),
    (
        "read_units = 100",
        "read_units = nan",
        r#"h.toml:6:14: tenant "orders" read_units = NaN: is not a number; write 1000, 62.5 or "1.5k" (per second)"#,
    ),
    (
        "\"10MB/s\"",
        "\"10Mb/s\"",
        r#"h.toml:8:7: tenant "orders" net = "10Mb/s": the unit "Mb" could mean bits, 1000-based or 1024-based; write "50MB/s", "50MiB/s" or plain bytes per second"#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nport = 6380",
        r#"h.toml:7:8: tenant "orders" port = 6380: is taken by [server] listen; choose another"#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nredis = \"redis://:pw@h\"",
        r#"h.toml:7:9: tenant "orders" redis: needs [cache] kind = "dedicated"; a managed Redis is started for each tenant, so remove it or change the kind"#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nweight = \"heavy\"",
        r#"h.toml:7:10: tenant "orders" weight = "heavy": is not a number; write a number such as 4, 0.05 or "1k""#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nmin = { cache = \"65MiB\", read_unit = 5 }",
        "h.toml:7:17: tenant \"orders\" min.cache = \"65MiB\": is above the base share, cache = \"64MiB\"; \
         lower it, or raise cache\n\
         h.toml:7:26: unknown field \"read_unit\" in min; did you mean \"read_units\"?",
    ),
    (
        "net = \"10MB/s\"",
        "net = \"10MB/s\"\n[tenant.max]\nnet = \"10MB/s\"\nwrite_units = 99",
        r#"h.toml:11:15: tenant "orders" max.write_units = "99": is below the base share, write_units = "100"; raise it, or lower write_units"#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nmax = \"1GiB\"",
        r#"h.toml:7:7: max must be a table: max = { cache = "64MiB", read_units = 100 }"#,
    ),
    (
        "read_units = 100",
        "read_units = 100\nmin = { password = 1 }",
        r#"h.toml:7:9: unknown field "password" in min; its fields are cache, read_units, write_units, net"#,
    ),
    (
        "read_units",
        "read_unit",
        "h.toml:2:1: tenant \"orders\" read_units: is missing; add for example read_units = 1000\n\
             h.toml:6:1: unknown field \"read_unit\" in [[tenant]]; did you mean \"read_units\"?",
    ),
];

#[test]
fn every_mistake_in_a_tenant_names_the_tenant() {
    for (from, to, expected) in TENANT_MISTAKES {
        assert_eq!(complaint(&TENANT.replacen(from, to, 1)), *expected);
    }
}

#[test]
fn tenants_must_not_share_what_is_theirs() {
    let two = |change: &dyn Fn(String) -> String| {
        complaint(&(TENANT.to_owned() + &change(TENANT.to_owned())))
    };
    assert_eq!(
        two(&|second| second),
        r#"h.toml:11:8: tenant "orders" name = "orders": is the name of another tenant too; rename one"#
    );
    assert_eq!(
        two(&|second| second.replace("orders", "Orders")),
        r#"h.toml:11:8: tenant "Orders" name = "Orders": differs from tenant "orders" only in case; rename one"#
    );
    assert_eq!(
        two(&|second| second.replace("\"orders\"", "\"carts\"\ntable = \"orders\"")),
        r#"h.toml:12:9: tenant "carts" table = "orders": is the table of tenant "orders"; two caches of one table would serve old values, so give each tenant its own"#
    );
    let dedicated = |second_url: &str| {
        format!(
            "[cache]\nkind = \"dedicated\"\n{TENANT}port = 7000\nredis = \"redis://:pw1@h:1\"\n\
             {}port = 7000\nredis = \"{second_url}\"\n",
            TENANT.replace("orders", "carts")
        )
    };
    assert_eq!(
        complaint(&dedicated("redis://:pw2@H:1/3")),
        "h.toml:21:8: tenant \"carts\" port = 7000: is taken by tenant \"orders\"; choose another\n\
         h.toml:22:9: tenant \"carts\" redis: is the Redis of tenant \"orders\"; its memory limit is \
         one tenant's quota, so give each tenant its own"
    );
    let missing = format!("[cache]\nkind = \"dedicated\"\n{TENANT}");
    assert_eq!(
        complaint(&missing),
        "h.toml:4:1: tenant \"orders\" redis: is missing; add for example redis = \"redis://127.0.0.1:6379\""
    );
}

#[test]
fn other_machines_get_in_with_a_password_only() {
    let open = "[server]\nlisten = \"0.0.0.0:6380\"\n";
    assert!(parse(&format!("{open}{TENANT}")).is_ok());
    assert!(parse(&format!("[server]\nlisten = \"[::1]:6380\"\n{TENANT}")).is_ok());
    assert_eq!(
        complaint(&format!("{open}{}", TENANT.replace("password = \"secret\"\n", ""))),
        "h.toml:4:1: tenant \"orders\" password: is missing, and other machines can reach [server] \
         listen = \"0.0.0.0:6380\"; add password = \"env:NAME\" or listen on 127.0.0.1"
    );
    assert_eq!(
        complaint(&format!("{open}default_tenant = \"orders\"\n{TENANT}")),
        "h.toml:3:18: [server] default_tenant = \"orders\": serves clients without a password, and \
         other machines can reach listen = \"0.0.0.0:6380\"; remove default_tenant or listen on 127.0.0.1"
    );
    assert_eq!(
        complaint("[server]\nadmin = \"0.0.0.0:6390\""),
        "h.toml:2:9: [server] admin = \"0.0.0.0:6390\": other machines can reach this address and \
         there is no token; add admin_token = \"env:HOPPERKV_ADMIN_TOKEN\" or use 127.0.0.1"
    );
    let with_token =
        "[server]\nadmin = \"0.0.0.0:6390\"\nadmin_token = \"env:HOPPERKV_ADMIN_TOKEN\"";
    let token = parse(with_token).unwrap().server.admin_token.unwrap();
    assert!(token.verify(b"HOPPERKV_ADMIN_TOKEN"));
    assert_eq!(
        complaint("[server]\nadmin = \"127.0.0.1:6380\""),
        "h.toml:2:9: [server] admin = \"127.0.0.1:6380\": is also the address of listen; give them \
         different ports"
    );
    assert_eq!(
        complaint(&format!("[server]\ndefault_tenant = \"order\"\n{TENANT}")),
        "h.toml:2:18: [server] default_tenant = \"order\": no such tenant; did you mean \"orders\"?"
    );
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_file() {
    let text =
        "[allocator]\nsalt = 9\n[server]\nmax_clients = 0\nlisen = 1\n[limits]\nmax_wait = 1";
    let error = parse(text).unwrap_err();
    let lines: Vec<_> = error.problems().iter().filter_map(|p| p.place.as_ref()?.line).collect();
    assert_eq!(lines, [(2, 8), (4, 15), (5, 1), (7, 12)]);
}

#[test]
fn text_that_is_not_toml_is_placed_too() {
    let message = complaint("[server]\nlisten = 127.0.0.1:6380\n");
    assert!(message.starts_with("h.toml:2:"), "{message}");
    assert!(message.contains("not valid TOML"), "{message}");
    assert_eq!(message.lines().count(), 1);
    let message = complaint("[server]\nmax_clients = 1\nmax_clients = 2\n");
    assert!(message.starts_with("h.toml:3:1: not valid TOML: duplicate key"), "{message}");
}

#[test]
fn odd_texts_are_refused_in_one_line() {
    for text in [
        "[server]\nmax_clients = 99999999999999999999",
        "[server]\r\nmax_clients = 1e30\r\n",
        "[server]\nlisten = 1979-05-27",
        "[server]\nlisten = { a = [1, 2] }",
        "\"a\\nb\" = 1",
        "[[server]]",
        "[[tenant.name]]",
        "\u{0}",
        "[",
    ] {
        let message = complaint(text);
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.starts_with("h.toml:"), "{message}");
    }
}
