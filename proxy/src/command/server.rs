//! Commands about the server whose answer is known from their words: nothing is logged as slow, no
//! latency event recorded, there are no replicas, and one database.
//!
//! Words are checked as Redis checks them.

use super::table::{CommandSpec, Verb};
use super::{CommandError, session};
use crate::resp::{Reply, parse_i64};
use bytes::Bytes;

const DEBUG_REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is \
    set to \"local\", you can run it from a local connection, otherwise you need to set this \
    option in the configuration file, and then restart the server.";

const DOCTOR: &str = "No latency events are recorded here. The tenant's latencies, by percentile, \
    are in the proxy's statistics and metrics.\n";

/// The answer to such a command; none if it is another.
pub(super) fn answer(spec: &CommandSpec, args: &[Bytes]) -> Result<Option<Reply>, CommandError> {
    Ok(Some(match spec.verb {
        Verb::Wait => wait(&args[1], &args[2])?,
        Verb::SwapDb => swap_databases(&args[1], &args[2])?,
        Verb::Debug => return Err(CommandError::new(DEBUG_REFUSED)),
        Verb::SlowLogGet => slow_log(&args[1], &args[2..])?,
        Verb::SlowLogLen | Verb::LatencyReset => Reply::Int(0),
        Verb::SlowLogReset => Reply::Ok,
        Verb::LatencyLatest | Verb::LatencyHistory => Reply::Array(Vec::new()),
        Verb::LatencyHistogram => Reply::Map(Vec::new()),
        Verb::LatencyDoctor => Reply::Text(Bytes::from_static(DOCTOR.as_bytes())),
        Verb::LatencyGraph => {
            return Err(CommandError::echo("ERR No samples available for event '", &args[2], "'"));
        }
        Verb::ConfigRewrite => {
            return Err(CommandError::new("ERR The server is running without a config file"));
        }
        _ => return Ok(None),
    }))
}

/// How many replicas have the writes: none, so there is nothing to wait for.
fn wait(replicas: &[u8], timeout: &[u8]) -> Result<Reply, CommandError> {
    parse_i64(replicas).ok_or(CommandError::NOT_AN_INTEGER)?;
    match parse_i64(timeout) {
        None => Err(CommandError::new("ERR timeout is not an integer or out of range")),
        Some(..0) => Err(CommandError::new("ERR timeout is negative")),
        Some(_) => Ok(Reply::Int(0)),
    }
}

fn swap_databases(first: &[u8], second: &[u8]) -> Result<Reply, CommandError> {
    let index = |word: &[u8], error| {
        let index = parse_i64(word).and_then(|index| i32::try_from(index).ok());
        index.ok_or(CommandError::new(error))
    };
    index(first, "ERR invalid first DB index")?;
    index(second, "ERR invalid second DB index")?;
    session::only_database(first)?;
    session::only_database(second)?;
    Ok(Reply::Ok)
}

fn slow_log(name: &[u8], count: &[Bytes]) -> Result<Reply, CommandError> {
    match count {
        [] => {}
        [count] => {
            let count = parse_i64(count).filter(|count| *count >= -1);
            count.ok_or(CommandError::new("ERR count should be greater than or equal to -1"))?;
        }
        _ => {
            let before = "ERR unknown subcommand or wrong number of arguments for '";
            return Err(CommandError::echo(before, name, "'. Try SLOWLOG HELP."));
        }
    }
    Ok(Reply::Array(Vec::new()))
}

#[cfg(test)]
mod tests {
    use crate::command::stock_redis::StockRedis;
    use crate::command::{Command, ItemLimits, SessionCommand, parse};
    use crate::resp::{Protocol, Reply};
    use bytes::Bytes;

    const LINES: &str = "SWAPDB 0 0|SWAPDB 0 1|SWAPDB a 0|SWAPDB 0 a|SWAPDB 99999999999 0\
        |SWAPDB 0 99999999999|SWAPDB -1 0|SWAPDB -1 a|SWAPDB 0|DEBUG|DEBUG foo|debug sleep 0\
        |DEBUG HELP|WAIT 0 0|WAIT a 0|WAIT 0 a|WAIT 0 -1|WAIT -1 0|WAIT 1\
        |WAIT 0 99999999999999999999|SLOWLOG|SLOWLOG foo|SLOWLOG GET|SLOWLOG GET 5|SLOWLOG GET -1\
        |SLOWLOG GET -2|SLOWLOG GET a|SLOWLOG GET 1 2|SLOWLOG GET 99999999999|SLOWLOG LEN\
        |slowlog reset|SLOWLOG LEN x|LATENCY|LATENCY foo|LATENCY LATEST|LATENCY HISTORY foo\
        |LATENCY HISTORY|LATENCY RESET|LATENCY RESET a b|LATENCY GRAPH a|LATENCY GRAPH\
        |LATENCY HISTOGRAM nosuch|LATENCY DOCTOR x|ACL|ACL foo|ACL WHOAMI x|CONFIG REWRITE\
        |CONFIG REWRITE x|CONFIG RESETSTAT x|CONFIG SET|CONFIG SET a|CONFIG SET maxmemory 1 port\
        |SELECT 1|COPY a b DB 1|COPY a b DB a|COPY a b REPLACE DB 0 DB 1|COPY a b DB 99999999999";

    /// What a stock Redis answers on a connection of its own.
    fn theirs(redis: &StockRedis, protocol: Protocol, line: &str) -> Bytes {
        let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
        let mark = "all before is not the answer";
        let lines = format!("HELLO {version}\r\nECHO \"{mark}\"\r\n{line}\r\n");
        let replies = String::from_utf8(redis.exchange(lines.as_bytes())).unwrap();
        Bytes::from(replies.split_once(&format!("{mark}\r\n")).unwrap().1.to_owned())
    }

    #[test]
    fn answers_are_those_of_a_stock_redis() {
        let redis = StockRedis::start_with(&["--databases", "1"]);
        for line in LINES.split('|') {
            let words: Vec<Bytes> =
                line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let ours = match parse(&words, &ItemLimits::default()) {
                    Err(error) => Reply::from(error),
                    Ok(Command::Session(SessionCommand::Answer(reply))) => reply,
                    Ok(other) => panic!("{line} is no answer: {other:?}"),
                };
                let theirs = theirs(&redis, protocol, line);
                assert_eq!(ours.to_bytes(protocol), theirs, "{line}, {protocol:?}");
            }
        }
    }
}
