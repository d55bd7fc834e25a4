//! The texts of command errors: Redis's own where Redis has one.

use super::table::CommandSpec;
use crate::resp::Reply;
use bytes::Bytes;

/// Why a command was refused; the text of its error reply, code word first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError(Bytes);

impl CommandError {
    /// Options that make no sense.
    pub const SYNTAX: Self = Self::new("ERR syntax error");
    /// A command for another type of value.
    pub const WRONG_TYPE: Self =
        Self::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// A word or value that should be an integer and is not.
    pub const NOT_AN_INTEGER: Self = Self::new("ERR value is not an integer or out of range");
    /// A word or value that should be a number and is not.
    pub const NOT_A_FLOAT: Self = Self::new("ERR value is not a valid float");
    /// A result longer than Redis itself would hold.
    pub const STRING_TOO_LONG: Self =
        Self::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

    /// An error with a fixed text.
    pub const fn new(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// An error that echoes words of the client; each ends at a NUL, as in Redis.
    pub fn echo(before: &str, word: &[u8], after: &str) -> Self {
        Self([before.as_bytes(), until_nul(word), after.as_bytes()].concat().into())
    }

    /// The wrong number of words.
    pub fn arity(spec: &CommandSpec) -> Self {
        let name = spec.name;
        Self(format!("ERR wrong number of arguments for '{name}' command").into())
    }

    /// An expiry that is not a positive time that can be stored.
    pub fn invalid_expire(command: &str) -> Self {
        Self(format!("ERR invalid expire time in '{command}' command").into())
    }

    /// A key longer or shorter than storage takes.
    pub fn key_size(len: usize, max: usize) -> Self {
        Self(match len {
            0 => format!("ERR key is 0 bytes; DynamoDB keys hold 1 to {max}").into(),
            _ => format!("ERR key is {len} bytes; DynamoDB keys hold {max}").into(),
        })
    }

    /// A value longer than storage takes.
    pub fn value_size(len: usize, max_item_kb: usize) -> Self {
        Self(format!("ERR value is {len} bytes; DynamoDB items hold {max_item_kb} KB").into())
    }

    /// A pattern longer than we try.
    pub fn pattern_size(len: usize, max: usize) -> Self {
        Self(format!("ERR pattern is {len} bytes; the longest is {max}").into())
    }

    /// A command that is not served; echoes up to 128 bytes of its name and of its arguments.
    pub fn unknown_command(args: &[Bytes]) -> Self {
        let name = args.first().map_or(&[][..], |name| until_nul(name));
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(&name[..name.len().min(128)]);
        text.extend_from_slice(b"', with args beginning with: ");
        let mut echoed = 0;
        for arg in args.iter().skip(1) {
            if echoed >= 128 {
                break;
            }
            let arg = until_nul(arg);
            let arg = &arg[..arg.len().min(128 - echoed)];
            text.push(b'\'');
            text.extend_from_slice(arg);
            text.extend_from_slice(b"' ");
            echoed += arg.len() + 3;
        }
        // Redis blanks line breaks here but, unlike elsewhere, does not trim them at the end;
        // the text ends in a blank or a quote anyway.
        Self(text.into())
    }

    /// A subcommand that is not served.
    pub fn unknown_subcommand(container: &CommandSpec, name: &[u8]) -> Self {
        let name = until_nul(name);
        let help = format!("'. Try {} HELP.", container.name.to_ascii_uppercase());
        Self::echo("ERR unknown subcommand '", &name[..name.len().min(128)], &help)
    }

    /// The text of the error reply.
    pub fn text(&self) -> &Bytes {
        &self.0
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        Self::Error(error.0)
    }
}

/// What C's `%s` would print.
fn until_nul(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or_default()
}
