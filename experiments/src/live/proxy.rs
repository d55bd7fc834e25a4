//! A proxy of the run's own, with the run's tenants and the policy's options.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use hopperkv_bench::admin::Admin;
use hopperkv_bench::client::{Credentials, Endpoint, Target};
use hopperkv_bench::error::LoadError;
use hopperkv_bench::server::{Launch, Server};
use serde_json::json;
use tokio::time::{Instant, interval};

use super::cast::{Cast, Seat};
use super::servers::Servers;
use super::{LiveError, Setup, Storage};
use crate::runner::Settings;
use crate::spec::{Apply, Policy, Spec};

/// How long caches and storage may take to become reachable.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(100);
/// The admin API's token; it listens on loopback only.
const TOKEN: &str = "experiment";
/// A gradual change's step and the least cache, at full scale and at any.
const STEP_BYTES: (f64, f64) = (16.0 * 1_048_576.0, 1_048_576.0);
const LEAST_CACHE_BYTES: (f64, f64) = (10.0 * 1_048_576.0, 2.0 * 1_048_576.0);

/// A running proxy, killed if dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    server: Server,
    pub(super) admin: Admin,
    pub(super) servers: Servers,
}

impl Proxy {
    /// Starts it and waits until storage and caches are reachable.
    pub(super) async fn start(
        spec: &Spec,
        policy: Policy,
        settings: &Settings,
        setup: &Setup,
        cast: &Cast,
    ) -> Result<Self, LiveError> {
        let write = |data: &Path| config(spec, policy, settings, setup, cast, data);
        let server = Server::start(&Launch::plain(&setup.server), write).await?;
        let admin = Admin::new(&server.admin().to_string(), TOKEN);
        let give_up_at = Instant::now() + READY_LIMIT;
        let mut looks = interval(LOOK);
        while !admin.is_ready().await {
            looks.tick().await;
            if Instant::now() > give_up_at {
                let limit_s = READY_LIMIT.as_secs();
                let error = server.failure(&format!("/readyz was not 200 within {limit_s} s"));
                let _ = server.stop().await;
                return Err(error.into());
            }
        }
        let servers = Servers::of(server.pid().map(nix::unistd::Pid::as_raw));
        Ok(Self { server, admin, servers })
    }

    /// Where a tenant connects.
    pub(super) fn target(&self, seat: &Seat) -> Target {
        let credentials = Credentials { user: Some(seat.name.clone()), password: seat.password() };
        let endpoint = Endpoint::Tcp(self.server.listen().to_string());
        Target { endpoint, credentials: Some(credentials) }
    }

    /// Adds a tenant that arrives.
    pub(super) async fn seat(&self, seat: &Seat) -> Result<(), LoadError> {
        let fields = json!({
            "name": seat.name, "password": seat.password(), "table": table(seat), "cache": seat.base.cache_bytes,
            "read_units": seat.base.read_units_per_s, "write_units": seat.base.write_units_per_s,
            "net": seat.base.net_bytes_per_s,
        });
        self.admin.add_tenant(fields).await
    }

    /// Its failure, with the end of its log.
    pub(super) fn failure(&self, problem: &str) -> LoadError {
        self.server.failure(problem)
    }

    /// Its process, for what it uses.
    pub(super) fn pid(&self) -> Option<i32> {
        self.server.pid().map(nix::unistd::Pid::as_raw)
    }

    /// Asks it to drain and end, and waits for that.
    pub(super) async fn stop(self) -> Result<(), LoadError> {
        self.server.stop().await
    }
}

fn table(seat: &Seat) -> String {
    format!("hopperkv-experiment-{}", seat.name)
}

/// Salt as the paper's policies have it; ours goes by the measured uncertainty.
fn salt(policy: Policy) -> &'static str {
    if policy == Policy::Ours { "\"auto\"" } else { "0.01" }
}

/// What the proxy calls it.
pub(super) fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::Static | Policy::NonPartitioned => "static",
        Policy::Drf => "drf",
        Policy::Memshare => "memshare",
        Policy::Hare => "hare",
        Policy::Ours => "optimum",
    }
}

fn config(
    spec: &Spec,
    policy: Policy,
    settings: &Settings,
    setup: &Setup,
    cast: &Cast,
    data: &Path,
) -> String {
    let apply = match spec.allocator.apply {
        Apply::Direct => "direct",
        Apply::Boost => "boost",
        Apply::Gradual => "gradual",
    };
    let scaled = |(full, least): (f64, f64)| (full * settings.scale.factor()).max(least).round();
    // Base shares that are small to begin with can still give something away.
    let smallest = cast.seats.iter().map(|seat| seat.base.cache_bytes).min().unwrap_or(0) / 4;
    let least = scaled(LEAST_CACHE_BYTES).min(smallest as f64).max(LEAST_CACHE_BYTES.1);
    // With one decision the windows are a good third of the time to learn: two whole ones and what is left make up a curve.
    let every = spec.allocator.every.unwrap_or(spec.learn * 2 / 5);
    let storage = match &setup.storage {
        Storage::Synthetic { latency } => format!(
            "kind = \"synthetic\"\nlatency = \"{}us\"\nvalue_sizes = \"{}\"\n",
            latency.as_micros(),
            cast.value_sizes()
        ),
        Storage::Embedded => String::from("kind = \"embedded\"\n"),
        Storage::Endpoint { url } => {
            let url = toml::Value::from(url.as_str());
            format!("kind = \"dynamodb\"\nendpoint = {url}\ncreate_tables = true\n")
        }
    };
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nadmin_token = \"{TOKEN}\"\ndata_dir = {}\n\
         drain_timeout = \"2s\"\n\n[storage]\n{storage}\n[cache]\nkind = \"managed\"\n\n[limits]\nmax_wait = \"60s\"\n\n\
         [allocator]\nenabled = false\npolicy = \"static\"\ninterval = \"{}ms\"\napply = \"{apply}\"\nthreshold = {}\n\
         salt = {}\nsmoothing = {}\ngradual_step = {}\nmin_cache = {}\ncurve_max = {}\n\
         tracked_keys = {}\n",
        toml::Value::from(data.to_string_lossy().as_ref()),
        every.as_millis().max(100),
        spec.allocator.threshold,
        salt(policy),
        spec.allocator.smoothing,
        scaled(STEP_BYTES),
        least,
        spec.allocator.curve_max,
        crate::simulation::tracked_keys(spec, cast.seats.len()),
    );
    for seat in cast.seats.iter().filter(|seat| seat.is_first()) {
        let Seat { name, base, .. } = seat;
        let _ = write!(
            text,
            "\n[[tenant]]\nname = \"{name}\"\npassword = \"{}\"\ntable = \"{}\"\ncache = {}\nread_units = {}\nwrite_units = {}\n\
             net = {}\n",
            seat.password(),
            table(seat),
            base.cache_bytes,
            base.read_units_per_s,
            base.write_units_per_s,
            base.net_bytes_per_s,
        );
    }
    text
}
