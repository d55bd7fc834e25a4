//! A DynamoDB endpoint whose requests can be counted, delayed and held: the embedded engine behind a relay.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hopperkv::storage::Embedded;
use tempfile::TempDir;

use super::{PATIENCE, eventually};

/// The endpoint.
#[derive(Debug)]
pub(crate) struct CountedEndpoint {
    address: SocketAddr,
    door: Arc<Door>,
    _engine: Embedded,
    _dir: TempDir,
}

#[derive(Debug, Default)]
struct Door {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that came, by operation.
    came: HashMap<String, u64>,
    /// Requests that wait now.
    waiting: usize,
    held: HashSet<String>,
    delay: Duration,
}

impl CountedEndpoint {
    /// Starts an empty, open one.
    pub(crate) fn open() -> Self {
        let dir = tempfile::Builder::new().prefix("hkvg").tempdir_in("/tmp").unwrap();
        let engine = Embedded::start(dir.path(), Duration::from_secs(3600)).unwrap();
        let inner: SocketAddr =
            engine.endpoint().trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::<Door>::default();
        let shared = Arc::clone(&door);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let door = Arc::clone(&shared);
                std::thread::spawn(move || relay(&client, inner, &door));
            }
        });
        Self { address, door, _engine: engine, _dir: dir }
    }

    /// Lines for `[storage]`: this endpoint, with time-outs longer than any test holds a request.
    pub(crate) fn storage(&self) -> String {
        format!(
            "kind = \"dynamodb\"\nendpoint = \"http://{}\"\nregion = \"eu-central-1\"\ncreate_tables = true\n\
             attempt_timeout = \"25s\"\noperation_timeout = \"25s\"",
            self.address
        )
    }

    /// Lines for `[cache]` that go with [`CountedEndpoint::storage`].
    pub(crate) fn cache() -> &'static str {
        "kind = \"managed\"\nfence = \"30s\"\nlease = \"30s\""
    }

    /// Requests of an operation so far; `ConditionExpression` counts those that have a condition, whatever they ask.
    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.door.state.lock().unwrap().came.get(operation).copied().unwrap_or(0)
    }

    /// Holds requests of an operation from now on.
    pub(crate) fn hold(&self, operation: &str) {
        self.door.state.lock().unwrap().held.insert(operation.to_owned());
    }

    /// Lets all held requests go.
    pub(crate) fn release(&self) {
        self.door.state.lock().unwrap().held.clear();
        self.door.opened.notify_all();
    }

    /// Waits until exactly so many requests are held.
    pub(crate) fn until_waiting(&self, requests: usize) {
        eventually("requests wait at the endpoint", || {
            (self.door.state.lock().unwrap().waiting == requests).then_some(())
        });
    }

    /// Makes every request take this much longer.
    pub(crate) fn delay(&self, delay: Duration) {
        self.door.state.lock().unwrap().delay = delay;
    }
}

impl Door {
    fn note(&self, what: &str) {
        *self.state.lock().unwrap().came.entry(what.to_owned()).or_default() += 1;
    }

    fn pass(&self, operation: &str) {
        let mut state = self.state.lock().unwrap();
        *state.came.entry(operation.to_owned()).or_default() += 1;
        let delay = state.delay;
        state.waiting += 1;
        if !delay.is_zero() {
            // Nobody signals this one: a wait that takes the whole time.
            let never = Condvar::new();
            state = never.wait_timeout_while(state, delay, |_| true).unwrap().0;
        }
        let held = |state: &mut State| state.held.contains(operation);
        state = self.opened.wait_timeout_while(state, PATIENCE, held).unwrap().0;
        state.waiting -= 1;
    }
}

fn relay(client: &TcpStream, inner: SocketAddr, door: &Door) {
    let engine = TcpStream::connect(inner).unwrap();
    for stream in [client, &engine] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(&engine));
    // Either side may close a kept-alive connection at any time.
    let _ = (|| -> io::Result<()> {
        while let Some((head, message)) = read_message(&mut requests)? {
            let target = header(&head, "x-amz-target").unwrap_or_default();
            if message
                .windows(b"\"ConditionExpression\"".len())
                .any(|part| part == b"\"ConditionExpression\"")
            {
                door.note("ConditionExpression");
            }
            door.pass(target.rsplit('.').next().unwrap_or_default());
            (&engine).write_all(&message)?;
            let Some((_, answer)) = read_message(&mut answers)? else { return Ok(()) };
            let mut to_client = client;
            to_client.write_all(&answer)?;
        }
        Ok(())
    })();
}

/// One HTTP/1.1 message with a known length: its head as text, and all of its bytes.
fn read_message(from: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let len: u64 = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    from.take(len).read_to_end(&mut bytes)?;
    Ok(Some((head, bytes)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
