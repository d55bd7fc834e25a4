//! `hopperkv stats`: what tenants of a running proxy do.

use clap::Args;
use serde_json::Value;

use super::remote::{AdminArgs, AdminClient, tenant_path};
use super::{Failure, output};

#[derive(Debug, Args)]
#[command(after_help = "\
Rates are of the last ten seconds; latencies (p99, in ms) and counts since the proxy was started.

Examples:
  hopperkv stats
  hopperkv stats --tenant orders
  hopperkv stats --tenant orders --json | jq .hot_keys")]
pub(super) struct StatsArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Only this tenant, with its share and bounds, its waits and its hot keys.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Print what the admin API says, as JSON.
    #[arg(long)]
    json: bool,
}

/// Shows statistics.
///
/// # Errors
/// What the proxy refuses, or that there is none.
pub(super) fn run(args: &StatsArgs) -> Result<(), Failure> {
    let client = args.admin.client();
    let names = match &args.tenant {
        Some(name) => vec![name.clone()],
        None => names(&client)?,
    };
    let mut all = Vec::new();
    for name in names {
        all.push(client.get(&tenant_path(&name, "/stats"))?);
    }
    if args.json {
        let answer = if args.tenant.is_some() { all.remove(0) } else { Value::Array(all) };
        output::line(&format!("{answer:#}"));
        return Ok(());
    }
    let mut rows = vec![header()];
    rows.extend(all.iter().map(row));
    output::table(&rows);
    if let Some(name) = &args.tenant {
        share(&client.get(&tenant_path(name, ""))?);
        all.iter().for_each(details);
    }
    Ok(())
}

fn names(client: &AdminClient) -> Result<Vec<String>, Failure> {
    let answer = client.get("/v1/tenants")?;
    let tenants = answer.get("tenants").and_then(Value::as_array).into_iter().flatten();
    let names = tenants.filter_map(|tenant| Some(tenant.get("name")?.as_str()?.to_owned()));
    Ok(names.collect())
}

fn header() -> Vec<String> {
    [
        "tenant",
        "reads/s",
        "writes/s",
        "hits",
        "hit p99",
        "miss p99",
        "write p99",
        "throttled",
        "errors",
        "cache used",
        "of",
    ]
    .map(String::from)
    .to_vec()
}

fn row(stats: &Value) -> Vec<String> {
    let at = |path| number(stats, path);
    let p99_ms = |kind: &str| {
        let of = |field: &str| number(stats, &format!("/latency_us/{kind}/{field}"));
        match of("count").zip(of("p99")) {
            Some((count, us)) if count > 0.0 => format!("{:.2}", us / 1e3),
            _ => String::from("-"),
        }
    };
    let hits = at("/rates/hit_ratio");
    vec![
        stats.get("tenant").and_then(Value::as_str).unwrap_or("?").to_owned(),
        amount(at("/rates/reads_per_s")),
        amount(at("/rates/writes_per_s")),
        hits.map_or_else(|| String::from("-"), |ratio| format!("{:.1} %", ratio * 100.0)),
        p99_ms("hit"),
        p99_ms("miss"),
        p99_ms("write"),
        amount(at("/requests/throttled")),
        amount(at("/requests/errors")),
        bytes(at("/cache/used_bytes")),
        bytes(at("/cache/maxmemory_bytes")),
    ]
}

/// What a tenant has, what it is entitled to, and what the allocator may make of it.
fn share(tenant: &Value) {
    output::line("");
    let mut rows = vec![["share", "now", "base", "min", "max"].map(String::from).to_vec()];
    for (resource, show) in [
        ("cache_bytes", bytes as fn(Option<f64>) -> String),
        ("read_units_per_s", amount),
        ("write_units_per_s", amount),
        ("net_bytes_per_s", amount),
    ] {
        let places = ["/quota", "/quota/base", "/min", "/max"];
        let at = |place| show(number(tenant, &format!("{place}/{resource}")));
        rows.push(std::iter::once(resource.to_owned()).chain(places.map(at)).collect());
    }
    output::table(&rows);
    let pinned = tenant.pointer("/quota/pinned").and_then(Value::as_bool).unwrap_or(false);
    let pinned = if pinned { ", pinned" } else { "" };
    output::line(&format!("weight {}{pinned}", plain(number(tenant, "/weight"))));
}

fn details(stats: &Value) {
    output::line("");
    let mut rows = vec![
        ["limit", "per second", "waiting", "waits", "waited ms", "throttled"]
            .map(String::from)
            .to_vec(),
    ];
    for limit in ["read_units", "write_units", "net"] {
        let at = |field: &str| amount(number(stats, &format!("/waits/{limit}/{field}")));
        let fields = ["limit_per_s", "waiting", "waits", "waited_ms", "throttled"].map(at);
        rows.push(std::iter::once(limit.to_owned()).chain(fields).collect());
    }
    output::table(&rows);
    output::line("");
    let mut rows = vec![["hot key", "reads (estimate)"].map(String::from).to_vec()];
    for hot in stats.get("hot_keys").and_then(Value::as_array).into_iter().flatten() {
        let key = hot.get("key").and_then(Value::as_str).unwrap_or("?").to_owned();
        rows.push(vec![key, amount(number(hot, "/reads"))]);
    }
    output::table(&rows);
}

/// The number at a JSON pointer.
pub(super) fn number(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer).and_then(Value::as_f64)
}

/// A count or rate, at most one decimal.
pub(super) fn amount(value: Option<f64>) -> String {
    match value {
        None => String::from("-"),
        Some(value) if value.fract().abs() < 0.05 || value >= 1000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// A number as it is.
pub(super) fn plain(value: Option<f64>) -> String {
    value.map_or_else(|| String::from("-"), |value| value.to_string())
}

/// Bytes in MiB.
pub(super) fn bytes(value: Option<f64>) -> String {
    value.map_or_else(|| String::from("-"), |bytes| format!("{:.1} MiB", bytes / 1_048_576.0))
}
