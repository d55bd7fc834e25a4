//! SCRIPT: loading the scripts that EVALSHA runs.

use super::CommandError;
use super::table::{CommandSpec, Verb};
use bytes::Bytes;

/// A command about loaded scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptCommand {
    /// SCRIPT LOAD: the text.
    Load(Bytes),
    /// SCRIPT EXISTS: the hashes asked for.
    Exists(Vec<Bytes>),
    /// SCRIPT FLUSH.
    Flush,
}

/// Reads a SCRIPT command; nothing if it is another.
///
/// # Errors
/// Redis's, for words that it does not know.
pub(super) fn parse(
    spec: &CommandSpec,
    args: &[Bytes],
) -> Result<Option<ScriptCommand>, CommandError> {
    Ok(Some(match spec.verb {
        Verb::ScriptLoad => ScriptCommand::Load(args[2].clone()),
        Verb::ScriptExists => ScriptCommand::Exists(args[2..].to_vec()),
        Verb::ScriptFlush => match &args[2..] {
            [] => ScriptCommand::Flush,
            [how] if how.eq_ignore_ascii_case(b"sync") || how.eq_ignore_ascii_case(b"async") => {
                ScriptCommand::Flush
            }
            _ => {
                return Err(CommandError::new("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
            }
        },
        _ => return Ok(None),
    }))
}
