//! The option words of SET, GETEX and EXPIRE.

use super::{
    CommandError, Deadline, ExpireCondition, GetExpiry, SetCondition, SetExpiry, SetOp, SetReply,
    TtlUnit,
};
use bytes::Bytes;

/// An expiry as SET and GETEX state it; at most one may be given, though the same one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    Unset,
    Keep,
    Persist,
    /// `EX`, `PX`, `EXAT`, `PXAT`: unit, whether relative, and the word that holds the amount.
    Timed(TtlUnit, bool, usize),
}

/// Reads one word that states an expiry; returns how many words it took.
fn lifetime(args: &[Bytes], index: usize, current: &mut Lifetime) -> Option<usize> {
    use TtlUnit::{Milliseconds, Seconds};
    let word = args.get(index)?;
    let (unit, relative) = match word {
        _ if word.eq_ignore_ascii_case(b"ex") => (Seconds, true),
        _ if word.eq_ignore_ascii_case(b"px") => (Milliseconds, true),
        _ if word.eq_ignore_ascii_case(b"exat") => (Seconds, false),
        _ if word.eq_ignore_ascii_case(b"pxat") => (Milliseconds, false),
        _ => return None,
    };
    let compatible = match *current {
        Lifetime::Unset => true,
        Lifetime::Timed(old_unit, old_relative, _) => (old_unit, old_relative) == (unit, relative),
        Lifetime::Keep | Lifetime::Persist => false,
    };
    if !compatible || index + 1 >= args.len() {
        return None;
    }
    *current = Lifetime::Timed(unit, relative, index + 1);
    Some(2)
}

/// Reads `SET key value [options]`.
pub(super) fn set(args: &[Bytes]) -> Result<SetOp, CommandError> {
    let (mut condition, mut reply) = (SetCondition::Always, SetReply::Ok);
    let mut expiry = Lifetime::Unset;
    let mut index = 3;
    while let Some(word) = args.get(index) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("nx") && condition != SetCondition::IfPresent {
            condition = SetCondition::IfAbsent;
        } else if is("xx") && condition != SetCondition::IfAbsent {
            condition = SetCondition::IfPresent;
        } else if is("get") {
            reply = SetReply::Old;
        } else if is("keepttl") && matches!(expiry, Lifetime::Unset | Lifetime::Keep) {
            expiry = Lifetime::Keep;
        } else {
            index += lifetime(args, index, &mut expiry).ok_or(CommandError::SYNTAX)?;
            continue;
        }
        index += 1;
    }
    let expiry = match expiry {
        Lifetime::Keep => SetExpiry::Keep,
        Lifetime::Timed(unit, relative, at) => {
            SetExpiry::At(Deadline::positive(&args[at], unit, relative, "set")?)
        }
        Lifetime::Unset | Lifetime::Persist => SetExpiry::Clear,
    };
    Ok(SetOp { value: args[2].clone(), expiry, condition, reply })
}

/// Reads `GETEX key [options]`.
pub(super) fn get_ex(args: &[Bytes]) -> Result<GetExpiry, CommandError> {
    let mut expiry = Lifetime::Unset;
    let mut index = 2;
    while let Some(word) = args.get(index) {
        if word.eq_ignore_ascii_case(b"persist")
            && matches!(expiry, Lifetime::Unset | Lifetime::Persist)
        {
            expiry = Lifetime::Persist;
            index += 1;
        } else {
            index += lifetime(args, index, &mut expiry).ok_or(CommandError::SYNTAX)?;
        }
    }
    Ok(match expiry {
        Lifetime::Unset | Lifetime::Keep => GetExpiry::Keep,
        Lifetime::Persist => GetExpiry::Persist,
        Lifetime::Timed(unit, relative, at) => {
            GetExpiry::At(Deadline::positive(&args[at], unit, relative, "getex"))
        }
    })
}

/// Reads the options of `EXPIRE key time [options]`.
pub(super) fn expire(args: &[Bytes]) -> Result<ExpireCondition, CommandError> {
    let mut condition = ExpireCondition::default();
    for word in args.iter().skip(3) {
        let chosen = match word {
            _ if word.eq_ignore_ascii_case(b"nx") => &mut condition.nx,
            _ if word.eq_ignore_ascii_case(b"xx") => &mut condition.xx,
            _ if word.eq_ignore_ascii_case(b"gt") => &mut condition.gt,
            _ if word.eq_ignore_ascii_case(b"lt") => &mut condition.lt,
            _ => return Err(CommandError::echo("ERR Unsupported option ", word, "")),
        };
        *chosen = true;
    }
    let ExpireCondition { nx, xx, gt, lt } = condition;
    if nx && (xx || gt || lt) {
        return Err(CommandError::new(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        ));
    }
    if gt && lt {
        return Err(CommandError::new("ERR GT and LT options at the same time are not compatible"));
    }
    Ok(condition)
}
