//! `docs/commands.md`, written from the table: what is served, and what is not and why.

use super::table::{COMMANDS, CommandSpec, Verb};
use super::{Command, ItemLimits, parse};
use bytes::Bytes;
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
# Commands

Written by `hopperkv commands`; to change it, change `proxy/src/command/table/` and run
`hopperkv commands > docs/commands.md`. A test compares.

A command that is served behaves as in Redis 7, in RESP2 and RESP3, and is as durable as any write. Any other answers with
Redis's unknown-command error. For all: a key has 1 to 2,048 bytes, an item with its key and whatever its value takes
in serialized form 400 KB at most; a command that would exceed that is refused and changes nothing.

Computed *here*: by the proxy, from the item. By *Redis*: by the tenant's Redis, on copies of the items, or on the cached
item if the command only reads. Over *storage*: from the tenant's table, whatever is cached.
";

/// Groups in their order: as the table names them, and as a title.
const GROUPS: [(&str, &str); 14] = [
    ("generic", "Keys"),
    ("string", "Strings"),
    ("bitmap", "Bitmaps"),
    ("hyperloglog", "HyperLogLogs"),
    ("hash", "Hashes"),
    ("list", "Lists"),
    ("set", "Sets"),
    ("sorted-set", "Sorted sets"),
    ("geo", "Places"),
    ("stream", "Streams"),
    ("transactions", "Transactions"),
    ("scripting", "Scripts"),
    ("connection", "Connection"),
    ("server", "Server"),
];

/// Redis's commands that are not served, and why.
const NOT_SERVED: [(&str, &str); 12] = [
    (
        "blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop",
        "A client that waits for another's write would have to hear of it from every proxy. Poll, or use the forms that do not block.",
    ),
    (
        "subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe publish spublish pubsub",
        "Messages are not data; nothing here would make them durable.",
    ),
    (
        "eval eval_ro fcall fcall_ro function",
        "A script has to be loaded first (SCRIPT LOAD); functions would have to be kept with the data.",
    ),
    ("module", "The tenant's Redis is stock."),
    ("move", "There is one database."),
    ("migrate restore-asking", "Items are moved through storage."),
    ("replicaof slaveof replconf psync sync role failover", "Replication is DynamoDB's."),
    ("cluster asking readonly readwrite", "The endpoint is one server to its clients."),
    (
        "save bgsave bgrewriteaof lastsave",
        "Every write is stored before its reply; there is nothing left to save.",
    ),
    ("shutdown", "Operators stop the proxy."),
    ("monitor", "It would show other clients' data."),
    ("pfdebug pfselftest lolwut", "For those who work on Redis itself."),
];

/// Subcommands that are not served.
const NOT_SERVED_SUBCOMMANDS: [(&str, &str); 4] = [
    ("client", "caching getredir pause reply tracking trackinginfo unblock unpause"),
    ("script", "debug kill"),
    ("memory", "doctor malloc-stats purge stats"),
    ("acl", "cat deluser dryrun genpass getuser list load log save setuser users"),
];

/// What to know of a command beyond Redis's own documentation.
fn remark(verb: Verb) -> &'static str {
    match verb {
        Verb::XRead | Verb::XReadGroup => "No BLOCK.",
        Verb::Copy => "DB 0 only.",
        Verb::Sort | Verb::SortRo => {
            "No pattern in BY or GET that stands for other keys; `BY nosort` and `GET #` are fine."
        }
        Verb::ObjectIdleTime | Verb::ObjectEncoding | Verb::ObjectRefCount => {
            "Of the copy in the cache."
        }
        Verb::ObjectFreq => "An error, as under any policy but LFU.",
        Verb::EvalSha | Verb::EvalShaRo => "The script reaches no key but those it is given.",
        Verb::Scan | Verb::Keys | Verb::DbSize => "Reads the table, and is charged for it.",
        Verb::FlushDb | Verb::FlushAll => "Only with `allow_flush = true`.",
        Verb::MSetNx => "100 keys at most.",
        Verb::Exec => "100 keys at most may change.",
        Verb::Info => "Of the client's tenant.",
        Verb::ClientList | Verb::ClientKill => "Among connections of the same tenant.",
        _ => "",
    }
}

/// The document.
pub fn commands_document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (group, title) in GROUPS {
        // Writing to a string does not fail.
        let _ = write!(text, "\n## {title}\n\n");
        text.push_str("| command | arguments | since | computed | what it does |\n");
        text.push_str("|---|---|---|---|---|\n");
        let served = COMMANDS.iter().filter(|spec| spec.group == group);
        let mut lines: Vec<String> = served.flat_map(lines).collect();
        lines.sort_unstable();
        text.extend(lines);
    }
    text.push_str("\n## Not served\n\n| commands | why |\n|---|---|\n");
    for (commands, why) in NOT_SERVED {
        let _ = writeln!(text, "| {} | {why} |", commands.to_uppercase().replace(' ', ", "));
    }
    let of = |(container, subcommands): &(&str, &str)| {
        let upper = subcommands.to_uppercase().replace(' ', ", ");
        format!("{} {upper}", container.to_uppercase())
    };
    let subcommands: Vec<String> = NOT_SERVED_SUBCOMMANDS.iter().map(of).collect();
    let _ = writeln!(text, "\nNor these subcommands: {}.", subcommands.join("; "));
    text
}

/// The lines of a command: one for itself, unless it is but a name for its subcommands, and one for each of those.
fn lines(spec: &'static CommandSpec) -> Vec<String> {
    let itself = spec.accepts_count(1) || spec.subcommands.is_empty();
    itself.then_some(spec).into_iter().chain(spec.subcommands).map(line).collect()
}

fn line(spec: &CommandSpec) -> String {
    let name = spec.name.to_uppercase().replace('|', " ");
    let own_words = i32::from(spec.name.contains('|')) + 1;
    let arguments = match spec.arity {
        exactly @ 0.. => (exactly - own_words).to_string(),
        at_least => format!("{}+", -at_least - own_words),
    };
    let remark = remark(spec.verb);
    let blank = if remark.is_empty() { "" } else { " " };
    let (since, summary) = (spec.since, spec.summary);
    let computed = computed(spec);
    format!("| {name} | {arguments} | {since} | {computed} | {summary}{blank}{remark} |\n")
}

/// Where a command is computed, found by parsing the shortest line of it.
pub(super) fn computed(spec: &CommandSpec) -> &'static str {
    let mut args: Vec<Bytes> = spec.name.split('|').map(Bytes::from).collect();
    let count = usize::try_from(spec.arity.unsigned_abs()).unwrap_or(0);
    args.resize(count.max(args.len()), Bytes::from_static(b"1"));
    match parse(&args, &ItemLimits::default()) {
        Ok(Command::Native(_)) => "Redis",
        Ok(Command::Keyspace(_)) => "storage",
        _ => "here",
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, NOT_SERVED, NOT_SERVED_SUBCOMMANDS, commands_document};
    use crate::command::stock_redis::StockRedis;
    use crate::command::table::lookup;
    use bytes::Bytes;
    use redis_protocol::resp2::decode::decode;
    use redis_protocol::resp2::types::OwnedFrame;

    #[test]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(
            written == commands_document(),
            "run `hopperkv commands > docs/commands.md` and commit it"
        );
        for spec in COMMANDS {
            assert!(written.contains(spec.summary) || !spec.subcommands.is_empty(), "{spec}");
        }
    }

    #[test]
    fn every_command_of_a_stock_redis_is_served_or_said_not_to_be() {
        let mut redis = StockRedis::start();
        let line = ["COMMAND", "LIST"].map(|word| Bytes::from_static(word.as_bytes()));
        let OwnedFrame::Array(all) = decode(&redis.call(&line)).unwrap().unwrap().0 else {
            panic!("not an array")
        };
        let refused: Vec<&str> =
            NOT_SERVED.iter().flat_map(|(names, _)| names.split(' ')).collect();
        for name in all {
            let OwnedFrame::BulkString(name) = name else { panic!("{name:?}") };
            let name = String::from_utf8(name).unwrap();
            let (container, sub) = name.split_once('|').unwrap_or((&name, ""));
            let spec = lookup(container.as_bytes());
            assert_eq!(spec.is_some(), !refused.contains(&container), "{name}");
            let Some(spec) = spec.filter(|_| !sub.is_empty()) else { continue };
            let refused =
                NOT_SERVED_SUBCOMMANDS.iter().find(|(name, _)| *name == container).map(|(_, s)| s);
            let refused = refused.is_some_and(|subs| subs.split(' ').any(|refused| refused == sub));
            assert_eq!(spec.subcommand(sub.as_bytes()).is_some(), !refused, "{name}");
        }
    }
}
