//! `hopperkv serve`: starts the proxy, says how to reach it, and ends it in order.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Failure, effective, load, output};
use crate::config::{Config, Period};
use crate::server::Server;

/// Threads of the control runtime; clients are served by threads of their own.
const CONTROL_THREADS: usize = 2;
/// Longest wait for the control runtime once the proxy has ended, in order or by force.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hopperkv serve                          a demo: three tenants on loopback, data in ./hopperkv-data
  hopperkv serve --config hopperkv.toml
  RUST_LOG=hopperkv=debug hopperkv serve")]
pub(super) struct ServeArgs {
    /// Configuration file. Default: $HOPPERKV_CONFIG, else ./hopperkv.toml, else the built-in demo.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the addresses as JSON ({"listen": ..., "admin": ...}) to this file once clients are served, for supervisors
    /// and for port 0.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// What to log, to standard error: error, warn, info, debug, trace, or a filter as of `tracing`.
    #[arg(long, env = "RUST_LOG", default_value = "info,dynoxide=error", value_name = "FILTER")]
    log: String,
}

/// Runs the proxy until a signal.
///
/// # Errors
/// Why it did not start, or that it was ended by force.
pub(super) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    start_log(&args.log)?;
    let config = load(args.config.as_deref())?;
    let (shown, changes) = effective(config.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(|error| Failure::input(format!("cannot start the control runtime: {error}")))?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let starting = Box::pin(Server::start(config));
        let server = tokio::select! {
            started = starting => started.map_err(Failure::input)?,
            name = signals.next() => return Err(Failure::failed(format!("{name} during the start"))),
        };
        banner(&server, &shown, changes.as_deref());
        if let Some(path) = &args.ready_file {
            announce(&server, path)?;
        }
        let name = signals.next().await;
        output::line(&format!("{name}: finishing requests under way; once more ends at once"));
        let stopping = Box::pin(server.stop());
        tokio::select! {
            drained = stopping => {
                output::line(if drained {
                    "stopped; every request was finished"
                } else {
                    "stopped; some requests were cut off when [server] drain_timeout ran out"
                });
                Ok(())
            }
            name = signals.next() => Err(Failure::failed(format!("{name} again: ended at once"))),
        }
    });
    // Redis children end with the tasks that keep them, so those are waited for; a worker that is stuck is not.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    result
}

fn start_log(filter: &str) -> Result<(), Failure> {
    // The embedded engine warns of every refused request, also of those that are refused by design.
    let quiet = if filter.contains("dynoxide") { "" } else { ",dynoxide=error" };
    let filter = EnvFilter::try_new(format!("{filter}{quiet}"))
        .map_err(|error| Failure::input(format!("--log {filter}: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}

/// The signals that ask for an end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::input(format!("signals: {e}")));
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: listen(interrupt)?, terminate: listen(terminate)? })
    }

    /// Waits for the next one and gives its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Written beside and renamed, so that nobody reads half of it.
fn announce(server: &Server, path: &Path) -> Result<(), Failure> {
    let addresses = serde_json::json!({"listen": server.listen(), "admin": server.admin()});
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, addresses.to_string())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| Failure::failed(format!("--ready-file {}: {error}", path.display())))
}

/// Where everything is, and what to try.
fn banner(server: &Server, config: &Config, changes: Option<&str>) {
    let (listen, admin) = (server.listen(), server.admin());
    let allocator = match config.allocator.enabled {
        true => format!("{} every {}", config.allocator.policy, Period(config.allocator.interval)),
        false => String::from("off"),
    };
    output::line(&format!("HopperKV {} is ready", env!("CARGO_PKG_VERSION")));
    output::line(&format!("  configuration  {}", config.origin));
    output::line(&format!("  clients        {listen}"));
    output::line(&format!("  admin page     http://{admin}/"));
    output::line(&format!("  admin API      http://{admin}/v1 (document: /v1/openapi.json)"));
    output::line(&format!("  data           {}", config.server.data_dir.display()));
    output::line(&format!(
        "  storage        {}; cache {}; allocator {allocator}",
        config.storage.kind, config.cache.kind
    ));
    if let Some(changes) = changes {
        output::line(&format!("  state          {changes}"));
    }
    output::line("");
    let mut rows = vec![["tenant (user)", "password", "own port"].map(String::from).to_vec()];
    for name in server.tenant_names() {
        let login = config.demo_logins.iter().find(|login| login.tenant == name);
        let configured = config.tenants.iter().find(|tenant| tenant.name == name);
        let password = match (login, configured.is_some_and(|t| t.password.is_some())) {
            (Some(login), _) => login.password.clone(),
            (None, true) => String::from("as configured"),
            (None, false) => String::from("none"),
        };
        let port = server.tenant_ports().iter().find(|(tenant, _)| *tenant == name);
        let port = port.map_or_else(|| String::from("-"), |(_, addr)| addr.port().to_string());
        rows.push(vec![name, password, port]);
    }
    output::table(&rows);
    if let Some(row) = rows.get(1) {
        suggest(server, config, row);
    }
    output::line("");
    output::line("Ctrl-C stops it.");
}

fn suggest(server: &Server, config: &Config, tenant: &[String]) {
    let [name, password, ..] = tenant else { return };
    let (host, port) = (server.listen().ip(), server.listen().port());
    let host = if host.is_unspecified() { String::from("127.0.0.1") } else { host.to_string() };
    let password = match password.as_str() {
        "as configured" => "PASSWORD",
        "none" => "any",
        known => known,
    };
    let token = match config.server.admin_token {
        Some(_) => "-H \"authorization: Bearer $HOPPERKV_ADMIN_TOKEN\" ",
        None => "",
    };
    let admin = server.admin();
    output::line("");
    output::line("Try:");
    for command in [
        format!("redis-cli -h {host} -p {port} --user {name} --pass {password} SET greeting hello"),
        format!(
            "redis-benchmark -h {host} -p {port} --user {name} -a {password} -t set,get -n 2000 -r 1000 -d 500 -q"
        ),
        format!("curl {token}http://{admin}/v1/tenants/{name}/stats"),
    ] {
        output::line(&format!("  {command}"));
    }
}
