//! `hopperkv tenant`: tenants of a running proxy.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::remote::{AdminArgs, tenant_path};
use super::stats::{amount, bytes, number, plain};
use super::{Failure, output};
use crate::config::{Bytes, BytesPerSecond, RawBound, UnitsPerSecond};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hopperkv tenant add carts --cache 64MiB --read-units 500 --write-units 200 --net 10MB/s
  hopperkv tenant set carts --weight 2 --min cache=32MiB --max cache=256MiB,net=20MB/s
  hopperkv tenant set carts --max none
  hopperkv tenant set-quota carts --cache 128MiB --read-units 1000
  hopperkv tenant set-quota carts --release")]
pub(super) struct TenantArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// List all tenants with their weights and the quotas in force.
    List,
    /// Show one tenant as JSON.
    Show {
        /// Its name.
        name: String,
    },
    /// Create a tenant; a password is generated and printed unless one is given.
    Add(AddArgs),
    /// Change password, base share, longest wait, weight or bounds of a tenant; what is left out stays.
    Set(SetArgs),
    /// Remove a tenant. Its clients are cut off; its table stays.
    Remove {
        /// Its name.
        name: String,
    },
    /// Set quotas by hand. The allocator keeps away from the tenant until it is released.
    SetQuota(QuotaArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// User name of its clients.
    name: String,
    /// Base cache, such as 64MiB.
    #[arg(long)]
    cache: String,
    /// Base read units per second.
    #[arg(long)]
    read_units: String,
    /// Base write units per second.
    #[arg(long)]
    write_units: String,
    /// Base bandwidth, such as 10MB/s.
    #[arg(long)]
    net: String,
    /// Password of its clients; generated unless given.
    #[arg(long, env = "HOPPERKV_TENANT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// DynamoDB table. Default: the name.
    #[arg(long)]
    table: Option<String>,
    /// A port of its own, whose clients need no user name.
    #[arg(long)]
    port: Option<u16>,
    /// URL of its Redis, if the cache kind is "dedicated".
    #[arg(long)]
    redis: Option<String>,
    /// Longest wait for its limits, such as 1s.
    #[arg(long)]
    max_wait: Option<String>,
    /// Whether its clients may delete all keys with FLUSHALL.
    #[arg(long, value_name = "true|false")]
    allow_flush: Option<bool>,
    /// The most of its cache that the proxy may use itself for replies to hot keys, such as 16MiB.
    #[arg(long)]
    near_cache: Option<String>,
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The tenant.
    name: String,
    /// Base cache, such as 64MiB.
    #[arg(long)]
    cache: Option<String>,
    /// Base read units per second.
    #[arg(long)]
    read_units: Option<String>,
    /// Base write units per second.
    #[arg(long)]
    write_units: Option<String>,
    /// Base bandwidth, such as 10MB/s.
    #[arg(long)]
    net: Option<String>,
    /// Password of its clients; those signed in stay.
    #[arg(long, env = "HOPPERKV_TENANT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Longest wait for its limits, such as 1s.
    #[arg(long)]
    max_wait: Option<String>,
    /// Whether its clients may delete all keys with FLUSHALL.
    #[arg(long, value_name = "true|false")]
    allow_flush: Option<bool>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// What the allocator may make of a tenant.
#[derive(Debug, Args)]
struct TermsArgs {
    /// Improvement over base relative to a tenant of weight 1, 0 to 1000.
    #[arg(long)]
    weight: Option<String>,
    /// The least it is given, such as cache=32MiB,read_units=100; "none" removes it.
    #[arg(long, value_name = "BOUND", value_parser = bound)]
    min: Option<Value>,
    /// The most it is given, such as cache=1GiB,net=100MB/s; "none" removes it.
    #[arg(long, value_name = "BOUND", value_parser = bound)]
    max: Option<Value>,
}

#[derive(Debug, Args)]
struct QuotaArgs {
    /// The tenant.
    name: String,
    /// Cache, such as 512MiB.
    #[arg(long)]
    cache: Option<Bytes>,
    /// Read units per second.
    #[arg(long)]
    read_units: Option<UnitsPerSecond>,
    /// Write units per second.
    #[arg(long)]
    write_units: Option<UnitsPerSecond>,
    /// Bandwidth, such as 50MB/s.
    #[arg(long)]
    net: Option<BytesPerSecond>,
    /// Give the base share back and let the allocator take over.
    #[arg(long, conflicts_with_all = ["cache", "read_units", "write_units", "net"])]
    release: bool,
}

/// Runs a `tenant` subcommand.
///
/// # Errors
/// What the proxy refuses, or that there is none.
pub(super) fn run(args: &TenantArgs) -> Result<(), Failure> {
    let client = args.admin.client();
    match &args.command {
        TenantCommand::List => {
            let answer = client.get("/v1/tenants")?;
            list(answer.get("tenants").and_then(Value::as_array).map_or(&[], Vec::as_slice));
        }
        TenantCommand::Show { name } => {
            let tenant = client.get(&tenant_path(name, ""))?;
            output::line(&format!("{tenant:#}"));
        }
        TenantCommand::Add(add) => {
            let created = client.call(Method::POST, "/v1/tenants", Some(&add.body()))?;
            output::line(&format!("tenant {} is created", add.name));
            if let Some(password) = created.get("password").and_then(Value::as_str) {
                output::line(&format!("password: {password}   (not shown again)"));
            }
        }
        TenantCommand::Set(set) => {
            let tenant =
                client.call(Method::PATCH, &tenant_path(&set.name, ""), Some(&set.body()?))?;
            list(&[tenant]);
        }
        TenantCommand::Remove { name } => {
            client.call(Method::DELETE, &tenant_path(name, ""), None)?;
            output::line(&format!("tenant {name} is removed; its table stays"));
        }
        TenantCommand::SetQuota(quota) => {
            let path = tenant_path(&quota.name, "/quota");
            let set = match quota.body()? {
                Some(body) => client.call(Method::PUT, &path, Some(&body))?,
                None => client.call(Method::DELETE, &path, None)?,
            };
            output::table(&[header(), row(&quota.name, &set)]);
        }
    }
    Ok(())
}

impl AddArgs {
    fn body(&self) -> Value {
        let mut body = json!({
            "name": self.name, "cache": self.cache, "read_units": self.read_units,
            "write_units": self.write_units, "net": self.net,
        });
        add_given(
            &mut body,
            [
                ("password", self.password.clone().map(Value::from)),
                ("table", self.table.clone().map(Value::from)),
                ("port", self.port.map(Value::from)),
                ("redis", self.redis.clone().map(Value::from)),
                ("max_wait", self.max_wait.clone().map(Value::from)),
                ("allow_flush", self.allow_flush.map(Value::from)),
                ("near_cache", self.near_cache.clone().map(Value::from)),
            ],
        );
        add_given(&mut body, self.terms.fields());
        body
    }
}

impl SetArgs {
    fn body(&self) -> Result<Value, Failure> {
        let mut body = json!({});
        let texts = [
            ("cache", &self.cache),
            ("read_units", &self.read_units),
            ("write_units", &self.write_units),
            ("net", &self.net),
            ("password", &self.password),
            ("max_wait", &self.max_wait),
        ];
        add_given(&mut body, texts.map(|(field, text)| (field, text.clone().map(Value::from))));
        add_given(&mut body, [("allow_flush", self.allow_flush.map(Value::from))]);
        add_given(&mut body, self.terms.fields());
        if body.as_object().is_some_and(Map::is_empty) {
            let message = "give what to change, such as --weight 2; see --help";
            return Err(Failure::input(message));
        }
        Ok(body)
    }
}

impl TermsArgs {
    fn fields(&self) -> [(&'static str, Option<Value>); 3] {
        let weight = self.weight.clone().map(Value::from);
        [("weight", weight), ("min", self.min.clone()), ("max", self.max.clone())]
    }
}

fn add_given<const N: usize>(body: &mut Value, fields: [(&str, Option<Value>); N]) {
    for (field, value) in fields {
        if let Some(value) = value {
            body[field] = value;
        }
    }
}

/// `cache=32MiB,read_units=100` as the admin API takes it; `none` as a bound without amounts.
fn bound(text: &str) -> Result<Value, String> {
    let mut bound = Map::new();
    if text == "none" {
        return Ok(Value::Object(bound));
    }
    for part in text.split(',') {
        let (name, amount) = part.split_once('=').unwrap_or((part, ""));
        let name = name.trim().replace('-', "_");
        if !RawBound::FIELDS.contains(&name.as_str()) || amount.is_empty() {
            let names = RawBound::FIELDS.join(", ");
            return Err(format!(
                "{part:?} is no bound; write NAME=AMOUNT, with a name of {names}, or \"none\""
            ));
        }
        bound.insert(name, Value::from(amount.trim()));
    }
    Ok(Value::Object(bound))
}

impl QuotaArgs {
    /// The change, or `None` to release.
    fn body(&self) -> Result<Option<Value>, Failure> {
        if self.release {
            return Ok(None);
        }
        let fields = [
            ("cache_bytes", self.cache.map(|Bytes(bytes)| json!(bytes))),
            ("read_units_per_s", self.read_units.map(|UnitsPerSecond(rate)| json!(rate))),
            ("write_units_per_s", self.write_units.map(|UnitsPerSecond(rate)| json!(rate))),
            ("net_bytes_per_s", self.net.map(|BytesPerSecond(rate)| json!(rate))),
        ];
        let given: Map<String, Value> = fields
            .into_iter()
            .filter_map(|(field, value)| Some((field.to_owned(), value?)))
            .collect();
        if given.is_empty() {
            let message = "give --cache, --read-units, --write-units or --net, or --release";
            return Err(Failure::input(message));
        }
        Ok(Some(Value::Object(given)))
    }
}

fn list(tenants: &[Value]) {
    let mut rows = vec![header()];
    rows[0].push(String::from("weight"));
    for tenant in tenants {
        let name = tenant.get("name").and_then(Value::as_str).unwrap_or("?");
        let mut row = row(name, tenant.get("quota").unwrap_or(&Value::Null));
        row.push(plain(number(tenant, "/weight")));
        rows.push(row);
    }
    output::table(&rows);
}

fn header() -> Vec<String> {
    ["tenant", "cache", "read units/s", "write units/s", "net B/s", "pinned"]
        .map(String::from)
        .to_vec()
}

fn row(name: &str, quota: &Value) -> Vec<String> {
    let pinned = quota.get("pinned").and_then(Value::as_bool).unwrap_or(false);
    vec![
        name.to_owned(),
        bytes(number(quota, "/cache_bytes")),
        amount(number(quota, "/read_units_per_s")),
        amount(number(quota, "/write_units_per_s")),
        amount(number(quota, "/net_bytes_per_s")),
        String::from(if pinned { "yes" } else { "no" }),
    ]
}
