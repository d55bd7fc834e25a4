//! Commands that a stock Redis computes: what they name, and what is refused or set right before
//! Redis sees them.
//!
//! Redis computes on copies of the items that a command names, in a database that holds nothing
//! else. So a command must not reach for another key (patterns of SORT), for another database
//! (COPY), or wait for what others do (BLOCK). Those are read here in Redis's own order, up to the
//! first word that Redis will refuse itself.

use super::table::{self, CommandSpec, Verb};
use super::{CommandError, keys};
use crate::resp::parse_i64;
use bytes::Bytes;

const BLOCKS: &str = "ERR BLOCK is not served; read without it, and again later";

/// A command that a stock Redis computes on copies of the items it names. Its words are checked no further than their
/// number: what is wrong with them, Redis says.
#[derive(Debug, Clone)]
pub struct NativeCommand {
    /// Which command. Where the words only read, the spec of its reading form: `sort_ro` for a
    /// SORT without STORE.
    pub spec: &'static CommandSpec,
    /// Its words, as the client sent them.
    pub args: Vec<Bytes>,
    /// The keys it names, each once, in order of first mention. None if the words are wrong.
    pub keys: Vec<Bytes>,
}

impl PartialEq for NativeCommand {
    fn eq(&self, other: &Self) -> bool {
        self.args == other.args
    }
}

impl NativeCommand {
    /// Reads `args` (name first) as far as needed.
    pub(super) fn parse(spec: &'static CommandSpec, args: &[Bytes]) -> Result<Self, CommandError> {
        let keys = keys::of(spec, args);
        let mut args = args.to_vec();
        match spec.verb {
            Verb::Sort | Verb::SortRo => check_sort(&args)?,
            Verb::XRead | Verb::XReadGroup => check_stream_read(&args)?,
            Verb::Copy => args = within_database(args)?,
            _ => {}
        }
        Ok(Self { spec: reading_form(spec, &args).unwrap_or(spec), args, keys })
    }
}

/// The command that does the same, if what is asked changes nothing although it could.
fn reading_form(spec: &CommandSpec, args: &[Bytes]) -> Option<&'static CommandSpec> {
    let stores = args.iter().any(|word| is(word, "store") || is(word, "storedist"));
    match spec.verb {
        Verb::Sort if !stores => table::lookup(b"sort_ro"),
        Verb::GeoRadius if !stores => table::lookup(b"georadius_ro"),
        Verb::GeoRadiusByMember if !stores => table::lookup(b"georadiusbymember_ro"),
        Verb::BitField if keys::bit_field_reads(args) => table::lookup(b"bitfield_ro"),
        _ => None,
    }
}

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// Refuses patterns that stand for other keys, as a Redis does whose other keys may be elsewhere.
fn check_sort(args: &[Bytes]) -> Result<(), CommandError> {
    let mut rest = args.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            [word, rest @ ..] if is(word, "asc") || is(word, "desc") || is(word, "alpha") => rest,
            [word, offset, count, rest @ ..]
                if is(word, "limit")
                    && parse_i64(offset).is_some()
                    && parse_i64(count).is_some() =>
            {
                rest
            }
            [word, _, rest @ ..] if is(word, "store") => rest,
            [word, pattern, rest @ ..] if is(word, "by") => {
                if pattern.contains(&b'*') {
                    return Err(CommandError::new("ERR BY option of SORT denied in cluster mode."));
                }
                rest
            }
            [word, pattern, rest @ ..] if is(word, "get") => {
                if pattern.contains(&b'*') {
                    return Err(CommandError::new(
                        "ERR GET option of SORT denied in cluster mode.",
                    ));
                }
                rest
            }
            _ => return Ok(()),
        };
    }
}

/// Refuses to wait.
fn check_stream_read(args: &[Bytes]) -> Result<(), CommandError> {
    let mut rest = args.get(1..).unwrap_or_default();
    loop {
        rest = match rest {
            [word, ms, rest @ ..] if is(word, "block") => {
                // A time-out that is none is Redis's to refuse.
                if parse_i64(ms).is_some_and(|ms| ms >= 0) {
                    return Err(CommandError::new(BLOCKS));
                }
                rest
            }
            [word, _, rest @ ..] if is(word, "count") => rest,
            [word, _, _, rest @ ..] if is(word, "group") => rest,
            [word, rest @ ..] if is(word, "noack") => rest,
            _ => return Ok(()),
        };
    }
}

/// A COPY without `DB 0`, which is where it goes anyway; any other database does not exist.
fn within_database(mut args: Vec<Bytes>) -> Result<Vec<Bytes>, CommandError> {
    let mut at = 3;
    while let Some(word) = args.get(at) {
        match args.get(at + 1) {
            _ if is(word, "replace") => at += 1,
            Some(index) if is(word, "db") => {
                super::session::only_database(index)?;
                args.drain(at..at + 2);
            }
            _ => break,
        }
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::{BLOCKS, NativeCommand};
    use crate::command::{Command, CommandError, ItemLimits, parse};
    use bytes::Bytes;

    fn native(line: &str) -> Result<NativeCommand, CommandError> {
        let words: Vec<Bytes> =
            line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        match parse(&words, &ItemLimits::default())? {
            Command::Native(native) => Ok(native),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> Option<String> {
        native(line).err().map(|error| String::from_utf8(error.text().to_vec()).unwrap())
    }

    #[test]
    fn what_reaches_for_other_keys_or_waits_is_refused() {
        let denied = |option| Some(format!("ERR {option} option of SORT denied in cluster mode."));
        let blocks = Some(BLOCKS.to_owned());
        for (line, refused) in [
            ("SORT l BY w_*", denied("BY")),
            ("SORT_RO l LIMIT 0 5 ALPHA by *", denied("BY")),
            ("SORT l GET # GET o_*->f", denied("GET")),
            ("SORT l STORE d GET *", denied("GET")),
            ("XREAD BLOCK 0 STREAMS s $", blocks.clone()),
            ("XREAD COUNT 1 block 100 STREAMS s $", blocks.clone()),
            ("XREADGROUP GROUP g c NOACK BLOCK 1 STREAMS s >", blocks),
            // A stream, a group or a pattern may have any name.
            ("XREAD STREAMS BLOCK 0", None),
            ("XREADGROUP GROUP BLOCK 1 STREAMS s >", None),
            ("SORT l BY nosort GET # DESC STORE by*", None),
            // Redis refuses these before it would come to the rest.
            ("SORT l LIMIT x 1 BY w_*", None),
            ("SORT l foo BY w_*", None),
            ("XREAD BLOCK x STREAMS s 0", None),
            ("XREAD foo BLOCK 0 STREAMS s 0", None),
        ] {
            assert_eq!(refusal(line), refused, "{line}");
        }
    }

    #[test]
    fn a_copy_stays_in_its_database() {
        for (line, sent) in [
            ("COPY a b", "COPY a b"),
            ("COPY a b DB 0", "COPY a b"),
            ("COPY a b db 0 REPLACE DB 0", "COPY a b REPLACE"),
            ("COPY a b foo DB 1", "COPY a b foo DB 1"),
            ("COPY a b DB", "COPY a b DB"),
        ] {
            assert_eq!(native(line).unwrap().args.join(&b' '), sent.as_bytes(), "{line}");
        }
        assert_eq!(refusal("COPY a b DB 1").as_deref(), Some("ERR DB index is out of range"));
    }

    #[test]
    fn what_only_reads_counts_as_a_read() {
        for (line, name) in [
            ("SORT l ALPHA", "sort_ro"),
            ("SORT l STORE d", "sort"),
            ("GEORADIUS g 1 2 3 m COUNT 1", "georadius_ro"),
            ("GEORADIUS g 1 2 3 m STOREDIST d", "georadius"),
            ("GEORADIUSBYMEMBER g m 3 m", "georadiusbymember_ro"),
            ("BITFIELD b GET u8 0 OVERFLOW SAT GET u8 8", "bitfield_ro"),
            ("BITFIELD b GET u8 0 SET u8 8 1", "bitfield"),
        ] {
            let native = native(line).unwrap();
            assert_eq!(native.spec.name, name, "{line}");
            assert_eq!(native.spec.is_write(), !name.ends_with("_ro"), "{line}");
        }
    }
}
