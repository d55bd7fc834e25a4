//! A `hopperkv` process with a data directory of its own, ended when the test ends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Client, PATIENCE, Value, eventually};

/// Token of the admin API in all tests.
pub(crate) const ADMIN_TOKEN: &str = "test-admin-token";

/// What to start.
#[derive(Debug)]
pub(crate) struct ProxyBuilder {
    dir: TempDir,
    listen: String,
    admin: String,
    server: String,
    storage: String,
    cache: String,
    allocator: String,
    tenants: Vec<(String, String)>,
    sections: String,
}

impl Default for ProxyBuilder {
    fn default() -> Self {
        Self {
            // Short: unix socket paths live below it.
            dir: tempfile::Builder::new().prefix("hkv").tempdir_in("/tmp").unwrap(),
            listen: String::from("127.0.0.1:0"),
            admin: String::from("127.0.0.1:0"),
            server: String::new(),
            // Patient: a busy machine may take long to flush a write to disk, and a time-out is no defect of ours then.
            storage: String::from(
                "kind = \"embedded\"\nattempt_timeout = \"9s\"\noperation_timeout = \"9s\"\n",
            ),
            cache: String::from("kind = \"managed\"\n"),
            allocator: String::from("enabled = false\n"),
            tenants: Vec::new(),
            sections: String::new(),
        }
    }
}

impl ProxyBuilder {
    /// Sets where clients connect; a free port otherwise.
    pub(crate) fn listen(mut self, address: std::net::SocketAddr) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Sets where the admin API is; a free port otherwise.
    pub(crate) fn admin(mut self, address: std::net::SocketAddr) -> Self {
        self.admin = address.to_string();
        self
    }

    /// Adds lines to `[server]`.
    pub(crate) fn server(mut self, lines: &str) -> Self {
        let _ = writeln!(self.server, "{lines}");
        self
    }

    /// Replaces `[storage]`.
    pub(crate) fn storage(mut self, lines: &str) -> Self {
        self.storage = format!("{lines}\n");
        self
    }

    /// Replaces `[cache]`.
    pub(crate) fn cache(mut self, lines: &str) -> Self {
        self.cache = format!("{lines}\n");
        self
    }

    /// Replaces `[allocator]`.
    pub(crate) fn allocator(mut self, lines: &str) -> Self {
        self.allocator = format!("{lines}\n");
        self
    }

    /// Adds a tenant (password `NAME-pw`) with roomy limits; `lines` may set more fields.
    pub(crate) fn tenant(self, name: &str, lines: &str) -> Self {
        self.tenant_with(
            name,
            &format!(
                "cache = \"32MiB\"\nread_units = \"1m\"\nwrite_units = \"1m\"\nnet = \"10GB/s\"\n{lines}"
            ),
        )
    }

    /// Adds a tenant (password `NAME-pw`) with exactly these limits.
    pub(crate) fn tenant_with(mut self, name: &str, lines: &str) -> Self {
        self.tenants.push((name.to_owned(), lines.to_owned()));
        self
    }

    /// Adds lines at the end of the file: whole sections, such as a tenant without a password.
    pub(crate) fn section(mut self, lines: &str) -> Self {
        let _ = writeln!(self.sections, "{lines}");
        self
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts the proxy and waits until it serves. Without tenants there is one, `orders`.
    pub(crate) fn start(mut self) -> Proxy {
        if self.tenants.is_empty() {
            self = self.tenant("orders", "");
        }
        let config = self.write_config();
        Proxy::launch(self.dir, config, self.tenants[0].0.clone())
    }

    /// Writes the configuration file and returns its path.
    pub(crate) fn write_config(&self) -> PathBuf {
        let mut text = format!(
            "[server]\nlisten = \"{}\"\nadmin = \"{}\"\nadmin_token = \"{ADMIN_TOKEN}\"\n\
             data_dir = \"{}\"\n{}\n[storage]\n{}\n[cache]\n{}\n[allocator]\n{}\n",
            self.listen,
            self.admin,
            self.data_dir().display(),
            self.server,
            self.storage,
            self.cache,
            self.allocator,
        );
        for (name, lines) in &self.tenants {
            let _ = write!(
                text,
                "\n[[tenant]]\nname = \"{name}\"\npassword = \"{name}-pw\"\n{lines}\n"
            );
        }
        text.push_str(&self.sections);
        let path = self.dir.path().join("hopperkv.toml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    config: PathBuf,
    first_tenant: String,
    dir: TempDir,
    /// Where clients connect.
    pub(crate) listen: SocketAddr,
    /// Where the admin API is.
    pub(crate) admin: SocketAddr,
    log: mpsc::Receiver<String>,
    lines: Vec<String>,
}

impl Proxy {
    /// One tenant, embedded storage, managed Redis.
    pub(crate) fn start() -> Self {
        ProxyBuilder::default().start()
    }

    fn launch(dir: TempDir, config: PathBuf, first_tenant: String) -> Self {
        let (child, log, listen, admin) = spawn(&config);
        Self { child, config, first_tenant, dir, listen, admin, log, lines: Vec::new() }
    }

    /// A client signed in as the first tenant.
    pub(crate) fn client(&self) -> Client {
        self.client_of(&self.first_tenant)
    }

    /// A client signed in as `tenant`.
    pub(crate) fn client_of(&self, tenant: &str) -> Client {
        let mut client = Client::connect(self.listen);
        assert_eq!(client.call(&["AUTH", tenant, &format!("{tenant}-pw")]), Value::ok());
        client
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Has a tenant's managed Redis started, as a client's sign-in does, if it never was.
    fn waken(&self, tenant: &str) {
        let socket = self.data_dir().join("redis").join(format!("{tenant}.sock"));
        if socket.exists() {
            return;
        }
        let mut client = Client::connect(self.listen);
        // One that asks for another password is not woken.
        let _ = client.call(&["AUTH", tenant, &format!("{tenant}-pw")]);
        eventually("the tenant's Redis is started", || {
            std::os::unix::net::UnixStream::connect(&socket).ok().map(drop)
        });
    }

    /// Process id of a tenant's managed Redis, which is started if it never was.
    pub(crate) fn redis_pid(&self, tenant: &str) -> Pid {
        self.waken(tenant);
        let file = self.data_dir().join("redis").join(format!("{tenant}.pid"));
        eventually("the Redis pid file is written", || {
            std::fs::read_to_string(&file).ok()?.trim().parse().ok().map(Pid::from_raw)
        })
    }

    /// Where a tenant's managed Redis listens, which is started if it never was.
    pub(crate) fn redis_socket(&self, tenant: &str) -> PathBuf {
        self.waken(tenant);
        self.data_dir().join("redis").join(format!("{tenant}.sock"))
    }

    /// A client of a tenant's managed Redis itself, behind the proxy's back.
    pub(crate) fn redis(&self, tenant: &str) -> Client {
        Client::connect_unix(&self.redis_socket(tenant))
    }

    /// Runs `redis-cli` against a tenant's managed Redis.
    pub(crate) fn redis_cli(&self, tenant: &str, args: &[&str]) -> String {
        let socket = self.redis_socket(tenant);
        let output = Command::new("redis-cli").arg("-s").arg(socket).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Calls the admin API with the token; the status and the JSON (or text) of the answer.
    pub(crate) fn api(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let url = format!("http://{}{path}", self.admin);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
            .header("content-type", "application/json")
            .body(body.map(ToString::to_string).unwrap_or_default())
            .unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let mut answer = agent.run(request).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let json =
            serde_json::from_str(&text).unwrap_or_else(|_| serde_json::Value::String(text.clone()));
        (answer.status().as_u16(), json)
    }

    /// The JSON of a successful GET.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        let (status, json) = self.api("GET", path, None);
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    /// Process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.pid(), signal).unwrap();
    }

    /// `kill -9`, then waits for the end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again on the same data directory and configuration.
    pub(crate) fn restart(&mut self) {
        let (child, log, listen, admin) = spawn(&self.config);
        (self.child, self.log, self.listen, self.admin) = (child, log, listen, admin);
    }

    /// Asks kindly to end, and gives the exit status.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGINT);
        self.wait()
    }

    /// Waits until it has ended, and gives the exit status.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the proxy ends", || self.child.try_wait().unwrap())
    }

    /// Everything logged so far.
    pub(crate) fn log(&mut self) -> &[String] {
        self.lines.extend(self.log.try_iter());
        &self.lines
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let gone = self.child.try_wait().is_ok_and(|status| status.is_some());
        if !gone {
            let _ = nix::sys::signal::kill(self.pid(), Signal::SIGTERM);
            let deadline = std::time::Instant::now() + PATIENCE;
            while self.child.try_wait().is_ok_and(|s| s.is_none()) {
                if std::time::Instant::now() > deadline {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break;
                }
                super::poll();
            }
        }
        end_redis_children(&self.data_dir());
        if std::thread::panicking() {
            for line in self.log() {
                eprintln!("proxy: {line}");
            }
        }
    }
}

/// After `kill -9` of the proxy its Redis children stay; a test leaves none behind.
fn end_redis_children(data_dir: &Path) {
    let Ok(files) = std::fs::read_dir(data_dir.join("redis")) else { return };
    for file in
        files.flatten().map(|f| f.path()).filter(|p| p.extension().is_some_and(|e| e == "pid"))
    {
        let pid = std::fs::read_to_string(&file).ok().and_then(|t| t.trim().parse().ok());
        if let Some(pid) = pid {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

type Started = (Child, mpsc::Receiver<String>, SocketAddr, SocketAddr);

fn spawn(config: &Path) -> Started {
    let ready = config.with_extension("ready");
    let _ = std::fs::remove_file(&ready);
    let mut child = Command::new(env!("CARGO_BIN_EXE_hopperkv"))
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--ready-file")
        .arg(&ready)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("HOPPERKV_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, log) = mpsc::sync_channel(100_000);
    collect(child.stdout.take().unwrap(), sender.clone());
    collect(child.stderr.take().unwrap(), sender);
    let addresses = eventually("the proxy is ready", || {
        if let Some(status) = child.try_wait().unwrap() {
            let lines: Vec<String> = log.iter().collect();
            panic!("hopperkv ended with {status}: {}", lines.join("\n"));
        }
        serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(&ready).ok()?).ok()
    });
    let address = |name: &str| addresses[name].as_str().unwrap().parse().unwrap();
    (child, log, address("listen"), address("admin"))
}

fn collect(from: impl std::io::Read + Send + 'static, into: mpsc::SyncSender<String>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            let _ = into.try_send(line.trim_end().to_owned());
            line.clear();
        }
        let _ = reader.read_to_end(&mut Vec::new());
    });
}
