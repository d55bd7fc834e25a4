//! A storage endpoint that fails on request: it stands before a real one and passes on what it does not spoil.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::port::Gate;

/// How long a slow request or answer takes: not so long that it is given up.
pub(crate) const DELAY: std::time::Duration = std::time::Duration::from_millis(60);

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answered with this status and error code; not passed on.
    Error(u16, &'static str),
    /// Not answered, not passed on.
    Silent,
    /// The connection is cut; not passed on.
    Cut,
    /// Passed on; the connection is cut before the answer.
    AppliedThenCut,
    /// Passed on; never answered.
    AppliedThenSilent,
    /// Passed on; the answer is a 500.
    AppliedThenError,
    /// Not answered; passed on when [`FaultEndpoint::release`] says so.
    Held,
    /// Passed on and answered, but [`DELAY`] passes before it is passed on.
    SlowRequest,
    /// Passed on and answered, but [`DELAY`] passes before it is answered.
    SlowAnswer,
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Reads of items.
    Reads,
    /// Writes of items.
    Writes,
    /// Everything.
    All,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<(Of, Fault)>,
    held: Vec<Vec<u8>>,
    reads: usize,
    writes: usize,
}

/// The endpoint.
pub(crate) struct FaultEndpoint {
    gate: Gate,
    backend: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FaultEndpoint {
    /// Stands before the endpoint at `url`.
    pub(crate) fn before(url: &str) -> Self {
        let backend: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let gate = Gate::open_on_free_port(move |stream| serve(stream, backend, &shared));
        Self { gate, backend, state }
    }

    /// Lines for `[storage]`: short time-outs, so that no operation takes longer than two seconds.
    pub(crate) fn lines(&self) -> String {
        self.lines_with(1000, 2000)
    }

    /// Lines for `[storage]` with these time-outs.
    pub(crate) fn lines_with(&self, attempt_ms: u64, operation_ms: u64) -> String {
        format!(
            "kind = \"dynamodb\"\nendpoint = \"http://{}\"\ncreate_tables = true\nmax_attempts = 2\n\
             connect_timeout = \"{attempt_ms}ms\"\nattempt_timeout = \"{attempt_ms}ms\"\n\
             operation_timeout = \"{operation_ms}ms\"",
            self.gate.address()
        )
    }

    /// Spoils these requests until [`FaultEndpoint::heal`].
    pub(crate) fn fail(&self, of: Of, fault: Fault) {
        self.state.lock().unwrap().fault = Some((of, fault));
    }

    /// Passes everything on.
    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().fault = None;
        self.gate.open();
    }

    /// Refuses connections until [`FaultEndpoint::heal`].
    pub(crate) fn go_down(&self) {
        self.gate.close();
    }

    /// Passes on what was held; all of it must succeed. Returns how many there were.
    pub(crate) fn release(&self) -> usize {
        let held = std::mem::take(&mut self.state.lock().unwrap().held);
        for request in &held {
            let answer = pass_on(&mut connect(self.backend).unwrap(), request).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
        held.len()
    }

    /// Passes on what was held, whatever the answers. Returns how many there were.
    pub(crate) fn let_through(&self) -> usize {
        let held = std::mem::take(&mut self.state.lock().unwrap().held);
        for request in &held {
            pass_on(&mut connect(self.backend).unwrap(), request).unwrap();
        }
        held.len()
    }

    /// How many requests are held.
    pub(crate) fn held(&self) -> usize {
        self.state.lock().unwrap().held.len()
    }

    /// How many reads and writes of items have come, spoilt or not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.reads, state.writes)
    }
}

/// Serves one connection; ends when the client or (at the end of a test) the backend goes.
fn serve(stream: TcpStream, backend: SocketAddr, state: &Mutex<State>) {
    let mut client = BufReader::new(stream);
    let Ok(mut server) = connect(backend) else { return };
    while let Some((kind, request)) = read_request(&mut client) {
        let fault = state.lock().unwrap().meet(kind, &request);
        if fault == Some(Fault::SlowRequest) {
            delay();
        }
        let applied = match fault {
            None
            | Some(
                Fault::AppliedThenError
                | Fault::AppliedThenCut
                | Fault::AppliedThenSilent
                | Fault::SlowRequest
                | Fault::SlowAnswer,
            ) => {
                let Some(answer) = pass_on(&mut server, &request) else { return };
                answer
            }
            Some(_) => Vec::new(),
        };
        let answer = match fault {
            None | Some(Fault::SlowRequest) => applied,
            Some(Fault::SlowAnswer) => {
                delay();
                applied
            }
            Some(Fault::Error(status, code)) => error(status, code),
            Some(Fault::AppliedThenError) => error(500, "InternalServerError"),
            Some(Fault::Cut | Fault::AppliedThenCut) => return,
            Some(Fault::Silent | Fault::Held | Fault::AppliedThenSilent) => {
                return until_gone(&mut client);
            }
        };
        if client.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

impl State {
    /// Counts a request, keeps it if it is to be held, and says what happens to it.
    fn meet(&mut self, kind: Option<Of>, request: &[u8]) -> Option<Fault> {
        match kind {
            Some(Of::Reads) => self.reads += 1,
            Some(Of::Writes) => self.writes += 1,
            _ => {}
        }
        let (of, fault) = self.fault?;
        if of != Of::All && Some(of) != kind {
            return None;
        }
        if fault == Fault::Held {
            self.held.push(request.to_vec());
        }
        Some(fault)
    }
}

fn connect(backend: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(backend)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(super::PATIENCE))?;
    Ok(stream)
}

#[expect(clippy::disallowed_methods, reason = "a slow network")]
fn delay() {
    std::thread::sleep(DELAY);
}

fn until_gone(client: &mut BufReader<TcpStream>) {
    let _ = client.read_to_end(&mut Vec::new());
}

/// One request as it came, and what it is about.
fn read_request(client: &mut BufReader<TcpStream>) -> Option<(Option<Of>, Vec<u8>)> {
    let request = read_message(client)?;
    let head = String::from_utf8_lossy(&request).into_owned();
    let target = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-amz-target").then(|| value.trim().to_owned())
    });
    let operation = target?.rsplit('.').next()?.to_owned();
    let kind = match operation.as_str() {
        "GetItem" | "BatchGetItem" => Some(Of::Reads),
        "PutItem" | "BatchWriteItem" | "DeleteItem" | "TransactWriteItems" => Some(Of::Writes),
        _ => None,
    };
    Some((kind, request))
}

fn pass_on(server: &mut TcpStream, request: &[u8]) -> Option<Vec<u8>> {
    server.write_all(request).ok()?;
    read_message(&mut BufReader::new(server))
}

/// Head and body of a request or an answer.
fn read_message<R: std::io::Read>(from: &mut BufReader<R>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut body_len = 0;
    loop {
        let start = message.len();
        if from.read_until(b'\n', &mut message).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&message[start..]).trim().to_ascii_lowercase();
        if let Some(len) = line.strip_prefix("content-length:") {
            body_len = len.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let start = message.len();
    message.resize(start + body_len, 0);
    from.read_exact(&mut message[start..]).ok()?;
    Some(message)
}

fn error(status: u16, code: &str) -> Vec<u8> {
    let body = format!(
        "{{\"__type\":\"com.amazonaws.dynamodb.v20120810#{code}\",\"message\":\"made to fail\"}}"
    );
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
