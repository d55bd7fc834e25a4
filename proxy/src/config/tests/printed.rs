//! What `hopperkv config` prints: everything, readable again, and no secret.

use super::super::Config;
use super::super::raw::shapes;
use super::{EXAMPLE, TENANT, parse};

#[test]
fn what_is_printed_reads_back() {
    let files = [
        TENANT.to_owned(),
        EXAMPLE.to_owned(),
        format!(
            "[server]\nlisten = \"0.0.0.0:7000\"\nadmin_token = \"secret\"\nworkers = 3\n\
             data_dir = 'C:\\\"x'\n[storage]\nkind = \"dynamodb\"\nregion = \"eu-west-1\"\n\
             endpoint = \"http://h:8000\"\n[cache]\nkind = \"dedicated\"\nexclusive = true\n\
             [allocator]\nenabled = false\npolicy = \"drf\"\ncurve_max = 2.5\n\
             salt = 0.25\napply = \"boost\"\ntracked_keys = 1000\nreserve = 0.1\nstability = 0\n{TENANT}redis = \"redis://h\"\nport = 7001\nmax_wait = \"0s\"\nallow_flush = true\nweight = 0.5\n\
             max = {{ cache = \"1GiB\", net = \"10MB/s\" }}\n[tenant.min]\nread_units = 62.5\n"
        ),
        "[storage]\nkind = \"synthetic\"\nlatency = \"0.7ms\"\nvalue_bytes = \"2kB\"\nvalue_sizes = \"5: 70B, 900: 2kB\"".to_owned(),
    ];
    for text in files {
        // Every secret becomes the same one, because the printed form does not have them.
        let text: String = text
            .lines()
            .map(|line| match line.split_once(" = ") {
                Some((field @ ("password" | "admin_token"), _)) => format!("{field} = \"same\"\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = parse(&text).unwrap();
        let printed = config.to_toml();
        assert!(!printed.contains("same"), "{printed}");
        assert!(!printed.contains("password") || parse(&printed).is_err());
        assert_eq!(parse(&printed.replace("***", "same")).unwrap(), config, "{printed}");
    }
}

#[test]
fn printing_names_every_field_that_applies() {
    let demo = Config::demo().to_toml();
    let foreign = ["endpoint", "region", "latency", "value_bytes", "value_sizes", "redis"];
    for shape in shapes() {
        for field in &shape.fields {
            let shown = demo.lines().any(|line| {
                line.starts_with(&format!("{field} = "))
                    || line.starts_with(&format!("# {field} is not set"))
            });
            assert_eq!(shown, !foreign.contains(&field.as_str()), "{field}");
        }
    }
}

#[test]
fn a_printed_redis_url_hides_its_password() {
    let text =
        format!("[cache]\nkind = \"dedicated\"\n{TENANT}redis = \"redis://u:hunter2@h:1\"\n");
    let config = parse(&text).unwrap();
    assert!(config.to_toml().contains("redis = \"redis://u:***@h:1/0\""));
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.tenants[0].redis.as_ref().unwrap().password.as_deref(), Some("hunter2"));
    assert!(!config.cache.exclusive, "other proxies may share a dedicated cache");
}
