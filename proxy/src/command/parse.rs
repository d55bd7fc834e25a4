//! From the words of a request to a typed command, or to Redis's error text.

use super::table::{self, CommandSpec, Verb};
use super::{
    CommandError, Deadline, ItemLimits, KeyspaceCommand, LongDouble, NativeCommand, ReadOp,
    ScriptCommand, SessionCommand, SetCondition, SetExpiry, SetOp, SetReply, TtlUnit, WriteOp,
    keyspace, options, scripting, session,
};
use crate::resp::parse_i64;
use bytes::Bytes;

/// A request, understood. Keys and values are slices of the request; lists keep duplicates.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// GET.
    Get {
        /// The key.
        key: Bytes,
    },
    /// A command that reads one key.
    Read {
        /// The key.
        key: Bytes,
        /// What to do with the item.
        op: ReadOp,
    },
    /// A command that may change one key.
    Write {
        /// The key.
        key: Bytes,
        /// What to do to the item.
        op: WriteOp,
    },
    /// MGET.
    MGet(Vec<Bytes>),
    /// MSET; the last of several values for one key stays.
    MSet(Vec<(Bytes, Bytes)>),
    /// MSETNX.
    MSetNx(Vec<(Bytes, Bytes)>),
    /// DEL and UNLINK: replies how many were removed.
    Del(Vec<Bytes>),
    /// EXISTS: a key named twice counts twice.
    Exists(Vec<Bytes>),
    /// TOUCH: as EXISTS.
    Touch(Vec<Bytes>),
    /// A command over all keys.
    Keyspace(KeyspaceCommand),
    /// A command about loaded scripts.
    Script(ScriptCommand),
    /// A command that Redis computes.
    Native(NativeCommand),
    /// A command about the connection or the server.
    Session(SessionCommand),
}

/// Finds the command, or subcommand, that `args` (name first) call, and checks their number.
///
/// # Errors
/// Unknown command or subcommand, or the wrong number of words. Redis reports these even to a
/// connection that has not authenticated; everything else comes after that check.
pub fn resolve(args: &[Bytes]) -> Result<&'static CommandSpec, CommandError> {
    let spec = args.first().and_then(|name| table::lookup(name));
    let spec = spec.ok_or_else(|| CommandError::unknown_command(args))?;
    let spec = match args.get(1) {
        Some(name) if !spec.subcommands.is_empty() => {
            spec.subcommand(name).ok_or_else(|| CommandError::unknown_subcommand(spec, name))?
        }
        _ => spec,
    };
    if spec.accepts_count(args.len()) { Ok(spec) } else { Err(CommandError::arity(spec)) }
}

/// [`resolve`] and [`parse_resolved`] in one.
///
/// # Errors
/// As for both.
pub fn parse(args: &[Bytes], limits: &ItemLimits) -> Result<Command, CommandError> {
    parse_resolved(resolve(args)?, args, limits)
}

/// Reads the arguments of a command that [`resolve`] found for the same `args`.
///
/// # Errors
/// Redis's error for the arguments; or, if Redis would have taken them, ours for a key or value
/// that storage cannot hold.
pub fn parse_resolved(
    spec: &'static CommandSpec,
    args: &[Bytes],
    limits: &ItemLimits,
) -> Result<Command, CommandError> {
    if let Some(command) = keyspace::parse(spec, args)? {
        return Ok(Command::Keyspace(command));
    }
    if let Some(command) = scripting::parse(spec, args)? {
        return Ok(Command::Script(command));
    }
    let command = match spec.verb {
        // Transactions.
        Verb::Multi | Verb::Exec | Verb::Discard | Verb::Watch | Verb::Unwatch => {
            return Err(CommandError::unknown_command(args));
        }
        _ if spec.key_specs.is_empty() => {
            return session::parse(spec, args).map(Command::Session);
        }
        Verb::Get => Command::Get { key: args[1].clone() },
        Verb::MGet => Command::MGet(args[1..].to_vec()),
        Verb::Del | Verb::Unlink => Command::Del(args[1..].to_vec()),
        Verb::Exists => Command::Exists(args[1..].to_vec()),
        Verb::Touch => Command::Touch(args[1..].to_vec()),
        Verb::MSet => Command::MSet(pairs(spec, args)?),
        Verb::MSetNx => Command::MSetNx(pairs(spec, args)?),
        _ => match read_op(spec, args)? {
            Some(op) => Command::Read { key: args[1].clone(), op },
            None => match write_op(spec, args)? {
                Some(op) => Command::Write { key: args[1].clone(), op },
                None => Command::Native(NativeCommand::parse(spec, args)?),
            },
        },
    };
    check_sizes(&command, limits)?;
    Ok(command)
}

fn pairs(spec: &CommandSpec, args: &[Bytes]) -> Result<Vec<(Bytes, Bytes)>, CommandError> {
    let (pairs, rest) = args[1..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::arity(spec));
    }
    Ok(pairs.iter().map(|[key, value]| (key.clone(), value.clone())).collect())
}

fn read_op(spec: &CommandSpec, args: &[Bytes]) -> Result<Option<ReadOp>, CommandError> {
    use TtlUnit::{Milliseconds, Seconds};
    Ok(Some(match spec.verb {
        Verb::StrLen => ReadOp::StrLen,
        Verb::GetRange | Verb::Substr => {
            ReadOp::GetRange { start: integer(&args[2])?, end: integer(&args[3])? }
        }
        Verb::Ttl => ReadOp::Ttl { unit: Seconds, absolute: false },
        Verb::PTtl => ReadOp::Ttl { unit: Milliseconds, absolute: false },
        Verb::ExpireTime => ReadOp::Ttl { unit: Seconds, absolute: true },
        Verb::PExpireTime => ReadOp::Ttl { unit: Milliseconds, absolute: true },
        Verb::Type => ReadOp::Type,
        _ => return Ok(None),
    }))
}

fn write_op(spec: &'static CommandSpec, args: &[Bytes]) -> Result<Option<WriteOp>, CommandError> {
    use TtlUnit::{Milliseconds, Seconds};
    Ok(Some(match spec.verb {
        Verb::Set => WriteOp::Set(options::set(args)?),
        Verb::SetEx => set_with_lifetime(spec, args, Seconds)?,
        Verb::PSetEx => set_with_lifetime(spec, args, Milliseconds)?,
        Verb::SetNx => plain_set(&args[2], SetCondition::IfAbsent, SetReply::Flag),
        Verb::GetSet => plain_set(&args[2], SetCondition::Always, SetReply::Old),
        Verb::GetDel => WriteOp::GetDel,
        Verb::GetEx => WriteOp::GetEx(options::get_ex(args)?),
        Verb::Expire => expire(spec, args, Seconds, true)?,
        Verb::PExpire => expire(spec, args, Milliseconds, true)?,
        Verb::ExpireAt => expire(spec, args, Seconds, false)?,
        Verb::PExpireAt => expire(spec, args, Milliseconds, false)?,
        Verb::Persist => WriteOp::Persist,
        Verb::Append => WriteOp::Append(args[2].clone()),
        Verb::SetRange => {
            let offset = u64::try_from(integer(&args[2])?)
                .map_err(|_| CommandError::new("ERR offset is out of range"))?;
            WriteOp::SetRange { offset, value: args[3].clone() }
        }
        Verb::Incr => WriteOp::IncrBy(1),
        Verb::Decr => WriteOp::IncrBy(-1),
        Verb::IncrBy => WriteOp::IncrBy(integer(&args[2])?),
        Verb::DecrBy => WriteOp::IncrBy(
            integer(&args[2])?
                .checked_neg()
                .ok_or(CommandError::new("ERR decrement would overflow"))?,
        ),
        Verb::IncrByFloat => WriteOp::IncrByFloat(LongDouble::parse(&args[2])),
        _ => return Ok(None),
    }))
}

fn integer(word: &[u8]) -> Result<i64, CommandError> {
    parse_i64(word).ok_or(CommandError::NOT_AN_INTEGER)
}

fn plain_set(value: &Bytes, condition: SetCondition, reply: SetReply) -> WriteOp {
    WriteOp::Set(SetOp { value: value.clone(), expiry: SetExpiry::Clear, condition, reply })
}

fn set_with_lifetime(
    spec: &'static CommandSpec,
    args: &[Bytes],
    unit: TtlUnit,
) -> Result<WriteOp, CommandError> {
    let deadline = Deadline::positive(&args[2], unit, true, spec.name)?;
    Ok(WriteOp::Set(SetOp {
        value: args[3].clone(),
        expiry: SetExpiry::At(deadline),
        condition: SetCondition::Always,
        reply: SetReply::Ok,
    }))
}

fn expire(
    spec: &'static CommandSpec,
    args: &[Bytes],
    unit: TtlUnit,
    relative: bool,
) -> Result<WriteOp, CommandError> {
    let condition = options::expire(args)?;
    let deadline = Deadline::any(&args[2], unit, relative, spec.name)?;
    Ok(WriteOp::Expire { deadline, condition })
}

/// Refuses keys and values that storage cannot hold. Results that grow are checked when they are
/// known.
fn check_sizes(command: &Command, limits: &ItemLimits) -> Result<(), CommandError> {
    match command {
        Command::Get { key } | Command::Read { key, .. } => limits.check_key(key),
        Command::Write { key, op } => {
            limits.check_key(key)?;
            match op {
                WriteOp::Set(set) => limits.check_value(key.len(), set.value.len()),
                _ => Ok(()),
            }
        }
        Command::MGet(keys) | Command::Del(keys) | Command::Exists(keys) | Command::Touch(keys) => {
            keys.iter().try_for_each(|key| limits.check_key(key))
        }
        Command::MSet(pairs) | Command::MSetNx(pairs) => {
            pairs.iter().try_for_each(|(key, value)| {
                limits.check_key(key)?;
                limits.check_value(key.len(), value.len())
            })
        }
        Command::Native(native) => native.keys.iter().try_for_each(|key| limits.check_key(key)),
        Command::Keyspace(_) | Command::Script(_) | Command::Session(_) => Ok(()),
    }
}
