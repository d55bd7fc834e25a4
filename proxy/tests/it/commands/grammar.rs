//! The command lines that Redis's own description of a command's arguments (COMMAND DOCS) allows: the shortest, and for
//! each option or choice another one that has it.

use super::draw::Line;
use super::reply::Reply;

/// A word of a line.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// A key; which, is for the user to say.
    Key,
    /// Anything else.
    Other(Vec<u8>),
}

/// An argument as Redis describes it.
struct Argument<'a> {
    name: String,
    kind: String,
    token: Option<&'a [u8]>,
    flags: Vec<&'a [u8]>,
    parts: Vec<Argument<'a>>,
}

impl<'a> Argument<'a> {
    fn read(described: &'a Reply) -> Self {
        let field = |name: &str| field(described, name);
        let text = |name| field(name).map(|reply| reply.text.as_slice());
        let string = |name| String::from_utf8_lossy(text(name).unwrap_or_default()).into_owned();
        let parts = |name| field(name).map(|reply| reply.parts.as_slice()).unwrap_or_default();
        Self {
            name: string("name").to_ascii_lowercase().replace('_', "-"),
            kind: string("type"),
            token: text("token"),
            flags: parts("flags").iter().map(|flag| flag.text.as_slice()).collect(),
            parts: parts("arguments").iter().map(Self::read).collect(),
        }
    }

    fn is(&self, flag: &str) -> bool {
        self.flags.contains(&flag.as_bytes())
    }

    /// The ways to write it; first the shortest.
    fn ways(&self) -> Vec<Vec<Word>> {
        let token = self.token.map(|token| Word::Other(token.to_vec()));
        let mut ways = match self.kind.as_str() {
            "oneof" => self.parts.iter().flat_map(Self::ways).collect(),
            "block" => sequence(&self.parts),
            "pure-token" => vec![Vec::new()],
            "key" => vec![vec![Word::Key]],
            _ => vec![vec![Word::Other(self.value().to_vec())]],
        };
        let prefixed = |way: Vec<Word>| token.iter().cloned().chain(way).collect::<Vec<_>>();
        if self.is("multiple") && self.is("multiple_token") {
            ways.push([ways[0].clone(), prefixed(ways[0].clone())].concat());
        } else if self.is("multiple") {
            ways.push([ways[0].clone(), ways[0].clone()].concat());
        }
        let mut ways: Vec<_> = ways.into_iter().map(prefixed).collect();
        if self.is("optional") {
            ways.insert(0, Vec::new());
        }
        ways
    }

    /// Something that is right in as many commands as possible.
    fn value(&self) -> &'static [u8] {
        match (self.name.as_str(), self.kind.as_str()) {
            (name, "integer") if name.ends_with("db") => b"0",
            ("cursor" | "index" | "min-idle-time", _) => b"0",
            ("milliseconds" | "seconds", _) => b"100000",
            // All of a set: which comes first in it hangs on the server's own hash seed.
            ("count", _) => b"100",
            ("operation", _) => b"AND",
            ("threshold", _) => b"1",
            (_, "unix-time") => b"4102444800",
            (_, "integer" | "double") => b"1",
            (_, "pattern") => b"*",
            ("id" | "lastid" | "last-id", _) => b"1-1",
            ("start" | "stop" | "end", _) => b"0",
            ("min" | "max", _) => b"-",
            ("group" | "consumer" | "groupname" | "consumername", _) => b"g",
            ("encoding", _) => b"u8",
            _ => b"m",
        }
    }
}

/// The lines of a command, without its name, from what COMMAND DOCS says of it in RESP2.
pub(super) fn lines(docs: &Reply) -> Vec<Vec<Word>> {
    let arguments = field(docs, "arguments").map(|reply| reply.parts.as_slice());
    let arguments: Vec<_> = arguments.unwrap_or_default().iter().map(Argument::read).collect();
    sequence(&arguments)
}

/// The shortest ways of all arguments, and each other way of one of them among the shortest of the others.
fn sequence(arguments: &[Argument<'_>]) -> Vec<Vec<Word>> {
    let ways: Vec<_> = arguments.iter().map(Argument::ways).collect();
    let with = |changed: usize, way: usize| -> Vec<Word> {
        let chosen = ways.iter().enumerate();
        chosen.flat_map(|(at, ways)| ways[if at == changed { way } else { 0 }].clone()).collect()
    };
    let others =
        ways.iter().enumerate().flat_map(|(at, ways)| (1..ways.len()).map(move |way| (at, way)));
    std::iter::once(with(usize::MAX, 0)).chain(others.map(|(at, way)| with(at, way))).collect()
}

/// A value in a map that RESP2 sends as a list.
fn field<'a>(map: &'a Reply, name: &str) -> Option<&'a Reply> {
    let at = map.parts.iter().step_by(2).position(|key| key.text == name.as_bytes())?;
    map.parts.get(2 * at + 1)
}

/// A line with these keys, in their order; the last stands for all further ones.
pub(super) fn with_keys(name: &[Vec<u8>], words: &[Word], keys: &[String]) -> Line {
    let mut keys = keys.iter();
    let mut last = None;
    let mut next = || {
        last = keys.next().or(last);
        last.map(|key| key.clone().into_bytes()).unwrap_or_default()
    };
    let words = words.iter().map(|word| match word {
        Word::Key => next(),
        Word::Other(bytes) => bytes.clone(),
    });
    name.iter().cloned().chain(words).collect()
}
