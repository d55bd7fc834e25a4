//! Whether the clients' histories can be explained, and what to show when one cannot.

use std::fmt::Write as _;

use hopperkv_history::{Object as _, Verdict, blame, linearize};

use super::object::{Key, Op};
use super::record::Event;

/// Steps of the search for one key; ordinary histories need little more than one per operation.
const LIMIT: usize = 3_000_000;
/// Lines of a violation's history.
const SHOWN: usize = 60;

/// How strong the promise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// One order explains everything.
    Linearizable,
    /// One order explains all changes and any one of the reads: no read is older than an acknowledged change.
    Fresh,
}

/// Checks one key's history, and says which promise it keeps.
///
/// # Errors
/// The part that cannot be explained, as text.
pub(super) fn judge(events: &[&Event], promise: Promise) -> Result<Promise, String> {
    let ops: Vec<Op> = events.iter().map(|event| event.op.clone()).collect();
    match linearize(&Key, None, &ops, LIMIT) {
        Verdict::Linearizable(_) => return Ok(Promise::Linearizable),
        Verdict::Undecided => return Err(format!("undecided after {LIMIT} steps")),
        Verdict::Violation { .. } => {}
    }
    if promise == Promise::Linearizable {
        return Err(explain(events, &ops));
    }
    let (reads, changes): (Vec<usize>, Vec<usize>) = (0..ops.len()).partition(|i| reads(&ops[*i]));
    let answered = reads.into_iter().filter(|i| ops[*i].reply.is_some()).map(Some);
    for read in [None].into_iter().chain(answered) {
        let chosen: Vec<usize> = changes.iter().copied().chain(read).collect();
        let part: Vec<Op> = chosen.iter().map(|i| ops[*i].clone()).collect();
        if matches!(linearize(&Key, None, &part, LIMIT), Verdict::Violation { .. }) {
            let events: Vec<&Event> = chosen.iter().map(|i| events[*i]).collect();
            return Err(explain(&events, &part));
        }
    }
    if std::env::var_os("HOPPERKV_SHOW_WEAK").is_some() {
        println!("{}", explain(events, &ops));
    }
    Ok(Promise::Fresh)
}

/// A command that, by its answer, changed nothing is a read too.
fn reads(op: &Op) -> bool {
    Key.is_read(&op.call) || op.reply.as_ref().is_some_and(|reply| op.call.kept(reply))
}

fn explain(events: &[&Event], ops: &[Op]) -> String {
    let mut text = String::new();
    let Some(blamed) = blame(&Key, &None, ops, LIMIT) else {
        return "not linearizable, and too large to say where".to_owned();
    };
    let skipped = blamed.needed.len().saturating_sub(SHOWN);
    let start_us = blamed.needed.first().map_or(0, |i| ops[*i].called);
    let _ = writeln!(text, "not linearizable; ({skipped} earlier operations) ...");
    for &i in blamed.needed.iter().skip(skipped) {
        let (event, op) = (events[i], &ops[i]);
        let ended = if op.ended == hopperkv_history::NEVER {
            "never".to_owned()
        } else {
            (op.ended - start_us).to_string()
        };
        let mark = if blamed.stuck.contains(&i) { "<- does not fit" } else { "" };
        let _ = writeln!(
            text,
            "{:>9}..{ended:>9} us  client {:>2} proxy {}  {:?} -> {:?} {} {mark}",
            op.called - start_us,
            event.client,
            event.proxy,
            op.call,
            op.reply,
            event.fate.as_deref().unwrap_or_default(),
        );
    }
    text
}

mod tests {
    use super::super::object::Call;
    use super::{Event, Op, Promise, judge};
    use crate::support::Value;

    fn event(called: u64, ended: u64, call: Call, reply: Value) -> Event {
        let op = Op { called, ended, call, reply: Some(reply) };
        Event { key: 0, client: 0, proxy: 0, op, fate: None }
    }

    fn keeps(events: &[Event]) -> Option<Promise> {
        let events: Vec<&Event> = events.iter().collect();
        let strong = judge(&events, Promise::Linearizable).ok();
        strong.or_else(|| judge(&events, Promise::Fresh).ok())
    }

    fn set(called: u64, ended: u64, value: &str) -> Event {
        event(called, ended, Call::Set(value.to_owned()), Value::ok())
    }

    fn get(called: u64, ended: u64, value: &str) -> Event {
        event(called, ended, Call::Get, Value::bulk(value))
    }

    #[test]
    fn a_read_that_goes_back_before_the_acknowledgement_is_fresh_only() {
        let old = set(0, 10, "old");
        let back = [old.clone(), set(20, 90, "new"), get(30, 40, "new"), get(50, 60, "old")];
        assert_eq!(keeps(&back), Some(Promise::Fresh));
        let forth = [old.clone(), set(20, 90, "new"), get(30, 40, "old"), get(50, 60, "new")];
        assert_eq!(keeps(&forth), Some(Promise::Linearizable));
        let stale = [old, set(20, 40, "new"), get(50, 60, "old")];
        assert_eq!(keeps(&stale), None);
    }

    #[test]
    fn a_value_lives_until_its_millisecond_and_no_longer() {
        let until = |at| event(0, 10, Call::SetUntil("v".to_owned(), at), Value::ok());
        let gone = |called, ended| event(called, ended, Call::Get, Value::Nil);
        assert_eq!(keeps(&[until(50), get(20_000, 20_100, "v")]), Some(Promise::Linearizable));
        assert_eq!(keeps(&[until(50), get(60_000, 60_100, "v")]), None);
        assert_eq!(keeps(&[until(50), gone(60_000, 60_100)]), Some(Promise::Linearizable));
        assert_eq!(keeps(&[until(50), gone(20_000, 20_100)]), None);
    }

    #[test]
    fn a_transfer_that_is_half_seen_is_no_order() {
        let both = |a: i64, b: i64| Value::Array(vec![Value::Int(a), Value::Int(b)]);
        let moved = [
            event(0, 10, Call::Move(3), both(-3, 3)),
            event(20, 90, Call::Move(1), both(-4, 4)),
            event(30, 40, Call::LookAt(0), Value::bulk("-4")),
        ];
        let then = |value| [&moved[..], &[event(50, 60, Call::LookAt(1), value)]].concat();
        assert_eq!(keeps(&then(Value::bulk("4"))), Some(Promise::Linearizable));
        assert_ne!(keeps(&then(Value::bulk("3"))), Some(Promise::Linearizable));
        let lost = [moved[0].clone(), event(20, 30, Call::Move(1), both(-1, 1))];
        assert_eq!(keeps(&lost), None);
    }
}
