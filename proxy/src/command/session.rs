//! The commands about the connection and the server, read but not yet acted on.

use super::table::{CommandSpec, Verb};
use super::{CommandError, describe, server};
use crate::resp::{Protocol, Reply, parse_i64};
use bytes::Bytes;

/// A command about the connection or the server.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// HELLO. Authenticate first, then require authentication, then name, then switch.
    Hello {
        /// The version to speak from now on, if one was named.
        protocol: Option<Protocol>,
        /// User and password (AUTH).
        auth: Option<(Bytes, Bytes)>,
        /// The connection's name (SETNAME); checked.
        name: Option<Bytes>,
    },
    /// AUTH.
    Auth {
        /// The user, if named.
        user: Option<Bytes>,
        /// The password.
        password: Bytes,
    },
    /// PING, with what to answer instead of PONG.
    Ping(Option<Bytes>),
    /// ECHO.
    Echo(Bytes),
    /// QUIT.
    Quit,
    /// RESET.
    Reset,
    /// SELECT 0, the only database.
    Select,
    /// CLIENT.
    Client(ClientCommand),
    /// COMMAND and the HELP subcommands: the reply is known already.
    Answer(Reply),
    /// INFO, with the sections asked for, in lower case; none: the default ones.
    Info(Vec<String>),
    /// TIME.
    Time,
    /// CONFIG GET, with its patterns.
    ConfigGet(Vec<Bytes>),
    /// CONFIG SET, with names and values.
    ConfigSet(Vec<(Bytes, Bytes)>),
    /// CONFIG RESETSTAT.
    ConfigResetStat,
    /// ACL WHOAMI.
    WhoAmI,
}

/// A CLIENT subcommand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCommand {
    /// CLIENT ID.
    Id,
    /// CLIENT GETNAME.
    GetName,
    /// CLIENT SETNAME; checked; empty removes the name.
    SetName(Bytes),
    /// CLIENT SETINFO; checked.
    SetInfo(LibraryAttribute, Bytes),
    /// CLIENT INFO.
    Info,
    /// CLIENT LIST.
    List(ClientFilter),
    /// CLIENT NO-EVICT.
    NoEvict(bool),
    /// CLIENT NO-TOUCH.
    NoTouch(bool),
    /// CLIENT KILL in its first form: reply OK, or the error `ERR No such client`.
    KillAddress(Bytes),
    /// CLIENT KILL with filters: reply how many were closed.
    Kill(ClientFilter),
}

/// What CLIENT SETINFO records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryAttribute {
    /// `lib-name`.
    Name,
    /// `lib-ver`.
    Version,
}

/// Which connections CLIENT LIST and CLIENT KILL mean; all conditions given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientFilter {
    /// Any of these numbers; empty: all.
    pub ids: Vec<i64>,
    /// The type in lower case, `normal`, `master`, `replica` or `pubsub`; ours are all `normal`.
    pub kind: Option<String>,
    /// Peer address.
    pub address: Option<Bytes>,
    /// Own address.
    pub local_address: Option<Bytes>,
    /// User. Another than the connection's own tenant is `ERR No such user 'x'`.
    pub user: Option<Bytes>,
    /// Whether to include the connection that asks (SKIPME no).
    pub include_self: bool,
}

/// Reads the arguments of a command without keys.
pub(super) fn parse(
    spec: &'static CommandSpec,
    args: &[Bytes],
) -> Result<SessionCommand, CommandError> {
    Ok(match spec.verb {
        Verb::Hello => hello(args)?,
        Verb::Auth => match args {
            [_, password] => SessionCommand::Auth { user: None, password: password.clone() },
            [_, user, password] => {
                SessionCommand::Auth { user: Some(user.clone()), password: password.clone() }
            }
            _ => return Err(CommandError::SYNTAX),
        },
        Verb::Ping if args.len() > 2 => return Err(CommandError::arity(spec)),
        Verb::Ping => SessionCommand::Ping(args.get(1).cloned()),
        Verb::Echo => SessionCommand::Echo(args[1].clone()),
        Verb::Quit => SessionCommand::Quit,
        Verb::Reset => SessionCommand::Reset,
        Verb::Select => {
            only_database(&args[1])?;
            SessionCommand::Select
        }
        Verb::Info => SessionCommand::Info(args[1..].iter().map(|word| lower(word)).collect()),
        Verb::Time => SessionCommand::Time,
        Verb::ConfigGet => SessionCommand::ConfigGet(args[2..].to_vec()),
        Verb::ConfigSet => config_set(&args[2..])?,
        Verb::ConfigResetStat => SessionCommand::ConfigResetStat,
        Verb::AclWhoAmI => SessionCommand::WhoAmI,
        _ => match (client(spec.verb, args)?, server::answer(spec, args)?) {
            (Some(command), _) => SessionCommand::Client(command),
            (None, Some(reply)) => SessionCommand::Answer(reply),
            (None, None) => SessionCommand::Answer(describe::reply(spec, args)?),
        },
    })
}

fn config_set(words: &[Bytes]) -> Result<SessionCommand, CommandError> {
    let (settings, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::SYNTAX);
    }
    let settings = settings.iter().map(|[name, value]| (name.clone(), value.clone()));
    Ok(SessionCommand::ConfigSet(settings.collect()))
}

fn hello(args: &[Bytes]) -> Result<SessionCommand, CommandError> {
    let protocol = match args.get(1).map(|word| parse_i64(word)) {
        None => None,
        Some(None) => {
            return Err(CommandError::new(
                "ERR Protocol version is not an integer or out of range",
            ));
        }
        Some(Some(2)) => Some(Protocol::Resp2),
        Some(Some(3)) => Some(Protocol::Resp3),
        Some(_) => return Err(CommandError::new("NOPROTO unsupported protocol version")),
    };
    let (mut auth, mut name) = (None, None);
    let mut rest = args.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            [] => return Ok(SessionCommand::Hello { protocol, auth, name }),
            [word, user, password, rest @ ..] if word.eq_ignore_ascii_case(b"auth") => {
                auth = Some((user.clone(), password.clone()));
                rest
            }
            [word, given, rest @ ..] if word.eq_ignore_ascii_case(b"setname") => {
                check_name(given)?;
                name = Some(given.clone());
                rest
            }
            [word, ..] => {
                return Err(CommandError::echo("ERR Syntax error in HELLO option '", word, "'"));
            }
        };
    }
}

/// Checks the number of a database: 0, for there is no other.
pub(super) fn only_database(word: &[u8]) -> Result<(), CommandError> {
    let index = parse_i64(word).ok_or(CommandError::NOT_AN_INTEGER)?;
    match i32::try_from(index) {
        Ok(0) => Ok(()),
        Ok(_) => Err(CommandError::new("ERR DB index is out of range")),
        Err(_) => Err(CommandError::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
    }
}

fn client(verb: Verb, args: &[Bytes]) -> Result<Option<ClientCommand>, CommandError> {
    Ok(Some(match verb {
        Verb::ClientId => ClientCommand::Id,
        Verb::ClientGetName => ClientCommand::GetName,
        Verb::ClientSetName => {
            check_name(&args[2])?;
            ClientCommand::SetName(args[2].clone())
        }
        Verb::ClientSetInfo => set_info(&args[2], &args[3])?,
        Verb::ClientInfo => ClientCommand::Info,
        Verb::ClientList => ClientCommand::List(list_filter(&args[2..])?),
        Verb::ClientNoEvict => ClientCommand::NoEvict(on_off(&args[2])?),
        Verb::ClientNoTouch => ClientCommand::NoTouch(on_off(&args[2])?),
        Verb::ClientKill => match &args[2..] {
            [address] => ClientCommand::KillAddress(address.clone()),
            filters => ClientCommand::Kill(kill_filter(filters)?),
        },
        _ => return Ok(None),
    }))
}

fn set_info(attribute: &[u8], value: &Bytes) -> Result<ClientCommand, CommandError> {
    let kind = match attribute {
        _ if attribute.eq_ignore_ascii_case(b"lib-name") => LibraryAttribute::Name,
        _ if attribute.eq_ignore_ascii_case(b"lib-ver") => LibraryAttribute::Version,
        _ => return Err(CommandError::echo("ERR Unrecognized option '", attribute, "'")),
    };
    if !is_printable(value) {
        let after = " cannot contain spaces, newlines or special characters.";
        return Err(CommandError::echo("ERR ", attribute, after));
    }
    Ok(ClientCommand::SetInfo(kind, value.clone()))
}

fn list_filter(words: &[Bytes]) -> Result<ClientFilter, CommandError> {
    let mut filter = ClientFilter { include_self: true, ..ClientFilter::default() };
    match words {
        [] => {}
        [word, kind] if word.eq_ignore_ascii_case(b"type") => {
            filter.kind = Some(client_kind(kind)?)
        }
        [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            for id in ids {
                let id = parse_i64(id).ok_or(CommandError::new("ERR Invalid client ID"))?;
                filter.ids.push(id);
            }
        }
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(filter)
}

fn kill_filter(words: &[Bytes]) -> Result<ClientFilter, CommandError> {
    let mut filter = ClientFilter::default();
    let (pairs, rest) = words.as_chunks::<2>();
    for [option, value] in pairs {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        if is("id") {
            let id = parse_i64(value).filter(|id| *id > 0);
            let id = id.ok_or(CommandError::new("ERR client-id should be greater than 0"))?;
            filter.ids = vec![id];
        } else if is("type") {
            filter.kind = Some(client_kind(value)?);
        } else if is("addr") {
            filter.address = Some(value.clone());
        } else if is("laddr") {
            filter.local_address = Some(value.clone());
        } else if is("user") {
            filter.user = Some(value.clone());
        } else if is("skipme") && value.eq_ignore_ascii_case(b"yes") {
            filter.include_self = false;
        } else if is("skipme") && value.eq_ignore_ascii_case(b"no") {
            filter.include_self = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if rest.is_empty() { Ok(filter) } else { Err(CommandError::SYNTAX) }
}

fn client_kind(word: &[u8]) -> Result<String, CommandError> {
    match lower(word).as_str() {
        "slave" => Ok("replica".to_owned()),
        kind @ ("normal" | "master" | "replica" | "pubsub") => Ok(kind.to_owned()),
        _ => Err(CommandError::echo("ERR Unknown client type '", word, "'")),
    }
}

fn on_off(word: &[u8]) -> Result<bool, CommandError> {
    match word {
        _ if word.eq_ignore_ascii_case(b"on") => Ok(true),
        _ if word.eq_ignore_ascii_case(b"off") => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if is_printable(name) {
        return Ok(());
    }
    Err(CommandError::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

fn lower(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_lowercase()
}
