//! A server that does nothing: it finds out where requests end and answers with replies of one size, keeping nothing. What a
//! load costs its generator can be measured against it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;

use crate::payload;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Longest request that is taken.
const MAX_REQUEST_BYTES: usize = 64 << 20;
/// Where the offset lies in keys and values, behind their letter.
const OFFSET: std::ops::Range<usize> = 1..11;

/// What GETs are answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Values {
    /// The same value, whatever the key.
    Same,
    /// The value that belongs to the key, so that it can be verified: ten bytes are copied from the one to the other.
    Right,
}

/// A server that is running; it ends with the process.
#[derive(Debug, Clone, Copy)]
pub struct NullServer {
    /// Where it listens.
    pub address: SocketAddr,
}

impl NullServer {
    /// Listens, and serves each connection in a thread of its own. Requests of two words (GET, and INFO and the like) are
    /// answered with a value of `value_bytes` bytes, all others with OK.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub fn start(
        address: impl ToSocketAddrs,
        value_bytes: usize,
        values: Values,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let value_bytes = value_bytes.max(payload::least_bytes(value_bytes));
        thread::Builder::new().name(String::from("null-server")).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serve = move || drop(Conversation::new(value_bytes, values).hold(stream));
                if thread::Builder::new().name(String::from("null-client")).spawn(serve).is_err() {
                    // Out of threads: this client is turned away.
                }
            }
        })?;
        Ok(Self { address })
    }
}

/// One connection.
struct Conversation {
    values: Values,
    /// A reply to GET.
    value: Vec<u8>,
    /// Where the value's own bytes begin in it.
    value_at: usize,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Conversation {
    fn new(value_bytes: usize, values: Values) -> Self {
        let mut body = Vec::new();
        payload::write_value(&mut body, 0, value_bytes);
        let mut value = format!("${}\r\n", body.len()).into_bytes();
        let value_at = value.len();
        value.extend_from_slice(&body);
        value.extend_from_slice(b"\r\n");
        Self { values, value, value_at, input: Vec::new(), output: Vec::new() }
    }

    fn hold(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.take(&buffer[..count])?;
            stream.write_all(&self.output)?;
            self.output.clear();
        }
    }

    /// Answers all requests that are complete with these bytes.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((words, key, used)) = request(&input[at..])? {
            if words == 2 {
                self.answer_value(&input[at + key.start..at + key.end]);
            } else {
                self.output.extend_from_slice(b"+OK\r\n");
            }
            at += used;
        }
        input.drain(..at);
        self.input = input;
        Ok(())
    }

    fn answer_value(&mut self, key: &[u8]) {
        if self.values == Values::Right
            && let Some(offset) = key.get(OFFSET)
        {
            let at = self.value_at + OFFSET.start;
            self.value[at..at + offset.len()].copy_from_slice(offset);
        }
        self.output.extend_from_slice(&self.value);
    }
}

/// The first request of some bytes: its words, where the second lies, and how long it is; `None` if it is not whole.
fn request(bytes: &[u8]) -> io::Result<Option<(usize, std::ops::Range<usize>, usize)>> {
    let Some((words, mut at)) = number(bytes, b'*')? else { return Ok(None) };
    let mut second = 0..0;
    for word in 0..words {
        let Some((length, used)) = number(&bytes[at..], b'$')? else { return Ok(None) };
        let from = at + used;
        if word == 1 {
            second = from..from + length;
        }
        at = from + length + 2;
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some((words, second, at)))
}

/// A line of a mark and a number: the number, and how long the line is.
fn number(bytes: &[u8], mark: u8) -> io::Result<Option<(usize, usize)>> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let bad = || io::Error::from(ErrorKind::InvalidData);
    if first != mark {
        return Err(bad());
    }
    let mut number = 0_usize;
    for (at, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' => number = number * 10 + usize::from(byte - b'0'),
            b'\r' if at + 1 < bytes.len() => return Ok(Some((number, at + 2))),
            b'\r' => return Ok(None),
            _ => return Err(bad()),
        }
        if number > MAX_REQUEST_BYTES {
            return Err(bad());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Conversation, Values};
    use crate::payload::{check_value, write_key};
    use crate::resp::{Commands, Reply, ReplyReader};

    #[test]
    fn however_requests_are_cut_each_has_its_reply() {
        let (mut commands, mut key) = (Commands::default(), Vec::new());
        for offset in 0..20 {
            write_key(&mut key, offset, 16);
            commands.push(&[b"GET", &key]);
            commands.push(&[b"SET", &key, b"x"]);
        }
        for piece in [1, 7, 33, 1_000] {
            let mut conversation = Conversation::new(100, Values::Right);
            for bytes in commands.pending().chunks(piece) {
                conversation.take(bytes).unwrap();
            }
            let mut replies = ReplyReader::default();
            for bytes in conversation.output.chunks(1_000) {
                replies.space()[..bytes.len()].copy_from_slice(bytes);
                replies.filled(bytes.len());
            }
            for offset in 0..20 {
                let Some(Reply::Bulk(value)) = replies.next_reply().unwrap() else {
                    panic!("a value")
                };
                assert_eq!((value.len(), check_value(value, offset)), (100, Ok(())));
                assert!(matches!(replies.next_reply(), Ok(Some(Reply::Status(b"OK")))));
            }
        }
        assert!(Conversation::new(100, Values::Same).take(b"GET x\r\n").is_err());
    }
}
