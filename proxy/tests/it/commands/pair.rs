//! Two connections that are told the same: one to the proxy, one to a stock Redis.

use super::draw::Line;
use super::reply::{Reply, agree, name_of};
use crate::support::{Client, Value, encode};

/// One client of the proxy and one of Redis that speak the same dialect.
pub(super) struct Pair {
    /// The proxy's.
    pub(super) ours: Client,
    /// The stock Redis's.
    pub(super) theirs: Client,
    /// Lines queued since MULTI.
    queued: Option<Vec<Line>>,
}

/// A command that was answered differently.
pub(super) struct Difference {
    /// The command.
    pub(super) line: Line,
    /// What the proxy replied.
    pub(super) ours: Vec<u8>,
    /// What Redis replied.
    pub(super) theirs: Vec<u8>,
}

impl Pair {
    /// Lets both speak a dialect, "2" or "3".
    pub(super) fn new(ours: Client, theirs: Client, dialect: &str) -> Self {
        let mut pair = Self { ours, theirs, queued: None };
        for client in [&mut pair.ours, &mut pair.theirs] {
            assert!(!matches!(client.cmd(&format!("HELLO {dialect}")), Value::Error(_)));
        }
        pair
    }

    /// Whether MULTI was begun.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.queued.is_some()
    }

    /// Sends lines to both and compares the replies; `during` runs while they are on their way.
    /// Returns Redis's replies.
    pub(super) fn compare(
        &mut self,
        lines: &[Line],
        during: impl FnOnce(),
    ) -> Result<Vec<Reply>, Difference> {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(line)).collect();
        self.ours.send(&bytes);
        self.theirs.send(&bytes);
        during();
        let mut replies = Vec::with_capacity(lines.len());
        for line in lines {
            let theirs = self.theirs.read_reply_bytes().unwrap();
            let ours = self
                .ours
                .read_reply_bytes()
                .unwrap_or_else(|| b"-nothing, closed or silent\r\n".to_vec());
            let (parsed, expected) = (Reply::read(&ours), Reply::read(&theirs));
            if !self.agree(line, &parsed, &expected) {
                return Err(Difference { line: line.clone(), ours, theirs });
            }
            replies.push(expected);
        }
        Ok(replies)
    }

    /// One line to the proxy alone.
    pub(super) fn ask_us(&mut self, line: &Line) -> Vec<u8> {
        self.ours.send_command(line);
        self.ours.read_reply_bytes().unwrap_or_else(|| b"-nothing, closed or silent\r\n".to_vec())
    }

    /// One line to Redis alone.
    pub(super) fn ask_them<A: AsRef<[u8]>>(&mut self, line: &[A]) -> Vec<u8> {
        self.theirs.send_command(line);
        self.theirs.read_reply_bytes().unwrap()
    }

    /// As [`agree`]; EXEC's reply part by part, each by the command it belongs to.
    fn agree(&mut self, line: &Line, ours: &Reply, theirs: &Reply) -> bool {
        let name = name_of(line);
        match (&mut self.queued, name.as_str()) {
            (None, "MULTI") if !theirs.is_error() => self.queued = Some(Vec::new()),
            (Some(lines), "EXEC") if line.len() == 1 => {
                let lines = std::mem::take(lines);
                self.queued = None;
                return ours == theirs
                    || (ours.head == theirs.head
                        && ours.parts.len() == lines.len()
                        && theirs.parts.len() == lines.len()
                        && (lines.iter().zip(&ours.parts).zip(&theirs.parts))
                            .all(|((line, part), other)| agree(line, part, other)));
            }
            (Some(_), "DISCARD") if line.len() == 1 => self.queued = None,
            (Some(lines), _) if theirs.text == b"QUEUED" => lines.push(line.clone()),
            _ => {}
        }
        agree(line, ours, theirs)
    }
}
