//! A tiny RESP server that throttles and forgets on demand.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the server does wrong.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Every this many commands, one is answered `-THROTTLED`.
    Throttles(u64),
    /// Acknowledges this many writes, counted from 1, without keeping the last of them.
    Forgets(u64),
    /// Waits 400 ms before it answers this command, counted from 1.
    Pauses(u64),
    /// Closes the connection instead of answering this command, counted from 1.
    HangsUp(u64),
}

#[derive(Default)]
struct State {
    store: HashMap<Vec<u8>, Vec<u8>>,
    commands: u64,
    writes: u64,
}

/// Serves connections until the test's process ends; returns the address.
pub(crate) fn serve(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port").to_string();
    let state = Arc::new(Mutex::new(State::default()));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let state = state.clone();
            std::thread::spawn(move || converse(stream, fault, &state));
        }
    });
    address
}

fn converse(stream: TcpStream, fault: Fault, state: &Mutex<State>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    loop {
        let count = number(&mut input, '*')?;
        let parts: Vec<Vec<u8>> =
            (0..count).map(|_| bulk(&mut input)).collect::<Option<Vec<_>>>()?;
        let reply = {
            let mut state = state.lock().ok()?;
            answer(&parts, fault, &mut state)?
        };
        out.write_all(&reply).ok()?;
    }
}

fn answer(parts: &[Vec<u8>], fault: Fault, state: &mut State) -> Option<Vec<u8>> {
    state.commands += 1;
    match fault {
        Fault::Throttles(every) if state.commands.is_multiple_of(every) => {
            return Some(b"-THROTTLED tenant read_units\r\n".to_vec());
        }
        Fault::Pauses(at) if state.commands == at => pause(),
        Fault::HangsUp(at) if state.commands == at => return None,
        _ => {}
    }
    match parts {
        [name, key] if name == b"GET" => Some(match state.store.get(key) {
            None => b"$-1\r\n".to_vec(),
            Some(value) => {
                let mut reply = format!("${}\r\n", value.len()).into_bytes();
                reply.extend_from_slice(value);
                reply.extend_from_slice(b"\r\n");
                reply
            }
        }),
        [name, key, value, ..] if name == b"SET" => {
            state.writes += 1;
            let forgets = matches!(fault, Fault::Forgets(at) if state.writes == at);
            if !forgets {
                state.store.insert(key.clone(), value.clone());
            }
            Some(b"+OK\r\n".to_vec())
        }
        _ => Some(b"-ERR unknown command\r\n".to_vec()),
    }
}

fn number(input: &mut impl BufRead, sign: char) -> Option<usize> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(sign)?.parse().ok()
}

fn bulk(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let bytes = number(input, '$')?;
    let mut data = vec![0_u8; bytes + 2];
    input.read_exact(&mut data).ok()?;
    data.truncate(bytes);
    Some(data)
}

/// Nothing unparks the thread, so that all of the time passes.
fn pause() {
    let end = Instant::now() + Duration::from_millis(400);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}
