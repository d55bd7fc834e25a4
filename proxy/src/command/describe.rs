//! What COMMAND and the HELP subcommands reply, all of it read off the table.

use super::table::{self, COMMANDS, CommandSpec, FindKeys, KeySpec, SearchFrom, Verb};
use super::{CommandError, glob_matches, keys};
use crate::resp::Reply;
use bytes::Bytes;

/// The reply to a COMMAND or HELP command line.
pub(super) fn reply(spec: &CommandSpec, args: &[Bytes]) -> Result<Reply, CommandError> {
    Ok(match spec.verb {
        Verb::CommandCount => Reply::Int(i64::try_from(COMMANDS.len()).unwrap_or(i64::MAX)),
        Verb::CommandInfo if args.len() > 2 => Reply::Array(
            args[2..].iter().map(|name| find(name).map_or(Reply::Null, info)).collect(),
        ),
        Verb::Command | Verb::CommandInfo => Reply::Array(COMMANDS.iter().map(info).collect()),
        Verb::CommandDocs if args.len() > 2 => {
            Reply::Map(args[2..].iter().filter_map(|name| find(name)).map(docs).collect())
        }
        Verb::CommandDocs => Reply::Map(COMMANDS.iter().map(docs).collect()),
        Verb::CommandList => list(&args[2..])?,
        Verb::CommandGetKeys => keys(&args[2..], false)?,
        Verb::CommandGetKeysAndFlags => keys(&args[2..], true)?,
        Verb::ClientHelp => help("client"),
        Verb::CommandHelp => help("command"),
        Verb::ConfigHelp => help("config"),
        Verb::SlowLogHelp => help("slowlog"),
        Verb::LatencyHelp => help("latency"),
        Verb::AclHelp => help("acl"),
        Verb::ScriptHelp => help("script"),
        Verb::XInfoHelp => help("xinfo"),
        Verb::XGroupHelp => help("xgroup"),
        Verb::MemoryHelp => help("memory"),
        Verb::ObjectHelp => help("object"),
        _ => return Err(CommandError::unknown_command(args)),
    })
}

/// Finds a command or, as `client|id`, a subcommand.
fn find(name: &[u8]) -> Option<&'static CommandSpec> {
    match name.iter().position(|byte| *byte == b'|') {
        Some(bar) => table::lookup(&name[..bar])?.subcommand(&name[bar + 1..]),
        None => table::lookup(name),
    }
}

fn info(spec: &CommandSpec) -> Reply {
    let [first, last, step] = spec.keys;
    Reply::Array(vec![
        text(spec.name),
        Reply::Int(spec.arity.into()),
        words(spec.flags),
        Reply::Int(first.into()),
        Reply::Int(last.into()),
        Reply::Int(step.into()),
        words(spec.categories),
        Reply::Set(spec.tips.split_terminator(' ').map(text).collect()),
        key_specs(spec),
        match spec.subcommands {
            // Redis sends an empty set here, but an array if there are any.
            [] => Reply::Set(Vec::new()),
            subcommands => Reply::Array(subcommands.iter().map(info).collect()),
        },
    ])
}

fn key_specs(spec: &CommandSpec) -> Reply {
    let number = |name, value: i32| (text(name), Reply::Int(value.into()));
    let part = |kind, fields| {
        Reply::Map(vec![(text("type"), text(kind)), (text("spec"), Reply::Map(fields))])
    };
    let describe = |spec: &KeySpec| {
        let begin = match spec.begin {
            SearchFrom::Index(index) => part("index", vec![number("index", index)]),
            SearchFrom::Keyword { word, from } => {
                part("keyword", vec![(text("keyword"), text(word)), number("startfrom", from)])
            }
            SearchFrom::Unknown => part("unknown", Vec::new()),
        };
        let find = match spec.find {
            FindKeys::Range { last, step, limit } => part(
                "range",
                vec![number("lastkey", last), number("keystep", step), number("limit", limit)],
            ),
            FindKeys::Counted => part(
                "keynum",
                vec![number("keynumidx", 0), number("firstkey", 1), number("keystep", 1)],
            ),
            FindKeys::Unknown => part("unknown", Vec::new()),
        };
        Reply::Map(vec![
            (text("flags"), words(spec.flags)),
            (text("begin_search"), begin),
            (text("find_keys"), find),
        ])
    };
    Reply::Set(spec.key_specs.iter().map(describe).collect())
}

fn docs(spec: &CommandSpec) -> (Reply, Reply) {
    let mut fields = vec![
        (text("summary"), text(spec.summary)),
        (text("since"), text(spec.since)),
        (text("group"), text(spec.group)),
        (text("complexity"), text(spec.complexity)),
    ];
    if let Some(since) = spec.deprecated_since {
        fields.push((text("doc_flags"), words("deprecated")));
        fields.push((text("deprecated_since"), text(since)));
    }
    if !spec.subcommands.is_empty() {
        let subcommands = spec.subcommands.iter().map(docs).collect();
        fields.push((text("subcommands"), Reply::Map(subcommands)));
    }
    (text(spec.name), Reply::Map(fields))
}

fn list(options: &[Bytes]) -> Result<Reply, CommandError> {
    let every = || COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    let names = |keep: &dyn Fn(&CommandSpec) -> bool| {
        Reply::Array(every().filter(|spec| keep(spec)).map(|spec| text(spec.name)).collect())
    };
    match options {
        [] => Ok(names(&|_| true)),
        [by, kind, value] if by.eq_ignore_ascii_case(b"filterby") => match kind {
            _ if kind.eq_ignore_ascii_case(b"pattern") => {
                Ok(names(&|spec| glob_matches(value, spec.name.as_bytes())))
            }
            _ if kind.eq_ignore_ascii_case(b"aclcat") => Ok(names(&|spec| {
                spec.categories.split(' ').any(|category| {
                    category
                        .strip_prefix('@')
                        .is_some_and(|category| category.as_bytes().eq_ignore_ascii_case(value))
                })
            })),
            _ if kind.eq_ignore_ascii_case(b"module") => Ok(Reply::Array(Vec::new())),
            _ => Err(CommandError::SYNTAX),
        },
        _ => Err(CommandError::SYNTAX),
    }
}

/// The keys in a command line, for COMMAND GETKEYS and GETKEYSANDFLAGS.
fn keys(line: &[Bytes], with_flags: bool) -> Result<Reply, CommandError> {
    let spec = line.first().and_then(|name| table::lookup(name));
    let spec = match (spec, line.get(1)) {
        (Some(spec), Some(name)) if !spec.subcommands.is_empty() => spec.subcommand(name),
        (spec, _) => spec,
    };
    let spec = spec.ok_or(CommandError::new("ERR Invalid command specified"))?;
    if spec.key_specs.is_empty() {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !spec.accepts_count(line.len()) {
        return Err(CommandError::new("ERR Invalid number of arguments specified for command"));
    }
    let keys = keys::told(spec, line);
    if keys.is_empty() {
        return Err(CommandError::new("ERR Invalid arguments specified for command"));
    }
    let found = keys.into_iter().filter_map(|word| {
        let key = Reply::Bulk(line.get(word.at)?.clone());
        Some(if with_flags { Reply::Array(vec![key, words(word.flags)]) } else { key })
    });
    Ok(Reply::Array(found.collect()))
}

/// What `name HELP` replies: one line for the form, two for each subcommand.
fn help(name: &'static str) -> Reply {
    let Some(spec) = table::lookup(name.as_bytes()) else { return Reply::Array(Vec::new()) };
    let head = format!("{} <subcommand> [<arg> ...]. Subcommands are:", name.to_uppercase());
    let lines = spec
        .subcommands
        .iter()
        .flat_map(|sub| [sub.short_name().to_uppercase(), format!("    {}", sub.summary)]);
    Reply::Array(std::iter::once(head).chain(lines).map(Reply::bulk).collect())
}

fn text(text: &'static str) -> Reply {
    Reply::Bulk(Bytes::from_static(text.as_bytes()))
}

/// Words separated by blanks, as a set of status replies.
fn words(words: &'static str) -> Reply {
    Reply::Set(words.split_terminator(' ').map(Reply::Simple).collect())
}
