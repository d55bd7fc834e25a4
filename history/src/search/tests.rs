//! Known histories, and random ones against every permutation.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::blame::blame;
use crate::operation::{NEVER, Object, Operation};
use crate::search::{Verdict, linearize};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Get,
    Set(u8),
    /// Answers with the value before.
    Add(u8),
}

struct Register;

impl Object for Register {
    type State = u8;
    type Call = Call;
    type Reply = u8;

    fn step(&self, state: &u8, operation: &Operation<Call, u8>) -> Vec<u8> {
        let (reply, after) = match operation.call {
            Call::Get => (*state, *state),
            Call::Set(n) => (0, n),
            Call::Add(n) => (*state, state.wrapping_add(n)),
        };
        if operation.reply.is_none_or(|seen| seen == reply) { vec![after] } else { vec![] }
    }

    fn is_read(&self, call: &Call) -> bool {
        *call == Call::Get
    }
}

fn op(called: u64, ended: u64, call: Call, reply: Option<u8>) -> Operation<Call, u8> {
    Operation { called, ended, call, reply }
}

fn check(history: &[Operation<Call, u8>]) -> bool {
    match linearize(&Register, 0, history, 1_000_000) {
        Verdict::Linearizable(order) => {
            explains(history, &order);
            true
        }
        Verdict::Violation { .. } => false,
        Verdict::Undecided => panic!("undecided"),
    }
}

/// The order is one that explains.
fn explains(history: &[Operation<Call, u8>], order: &[usize]) {
    let mut state = 0;
    for (at, &i) in order.iter().enumerate() {
        assert!(order[at + 1..].iter().all(|&j| history[j].ended >= history[i].called));
        state = Register.step(&state, &history[i])[0];
    }
    let answered = history.iter().enumerate().filter(|(_, o)| o.reply.is_some());
    assert!(answered.into_iter().all(|(i, _)| order.contains(&i)));
}

/// Tries every order of every choice of unanswered operations.
fn brute(history: &[Operation<Call, u8>], done: &mut Vec<usize>, state: u8) -> bool {
    let open = |done: &[usize]| {
        history.iter().enumerate().filter(|(i, _)| !done.contains(i)).map(|(i, _)| i).collect()
    };
    let rest: Vec<usize> = open(done);
    if rest.iter().all(|i| history[*i].reply.is_none()) {
        return true;
    }
    for &i in &rest {
        let early =
            |j: &usize| history[*j].reply.is_some() && history[*j].ended < history[i].called;
        let late = |j: &usize| history[i].ended < history[*j].called;
        if rest.iter().any(early) || done.iter().any(late) {
            continue;
        }
        for after in Register.step(&state, &history[i]) {
            done.push(i);
            let found = brute(history, done, after);
            done.pop();
            if found {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_read_may_not_miss_what_ended_before_it_began() {
    let write = op(0, 1, Call::Set(1), Some(0));
    assert!(check(&[write.clone(), op(0, 2, Call::Get, Some(0))]));
    assert!(!check(&[write.clone(), op(2, 3, Call::Get, Some(0))]));
    assert!(!check(&[write, op(2, 3, Call::Get, Some(7))]));
}

#[test]
fn reads_do_not_go_back() {
    let write = op(0, 9, Call::Set(1), Some(0));
    let (new, old) = (op(1, 2, Call::Get, Some(1)), op(3, 4, Call::Get, Some(0)));
    assert!(!check(&[write.clone(), new, old]));
    let blamed = [
        write,
        op(0, 1, Call::Get, Some(0)),
        op(1, 2, Call::Get, Some(1)),
        op(3, 4, Call::Get, Some(0)),
    ];
    let blamed = blame(&Register, &0, &blamed, 1000).expect("a violation");
    assert_eq!(blamed.needed, [0, 2, 3], "the first read does not matter");
}

#[test]
fn lost_updates_are_seen() {
    assert!(!check(&[op(0, 5, Call::Add(1), Some(0)), op(0, 5, Call::Add(1), Some(0))]));
    assert!(check(&[op(0, 5, Call::Add(1), Some(0)), op(0, 5, Call::Add(1), Some(1))]));
}

#[test]
fn an_unanswered_write_takes_effect_at_any_time_up_to_its_end_or_never() {
    let reads = |values: [u8; 3]| {
        values
            .iter()
            .zip(0_u64..)
            .map(|(v, i)| op(10 * i, 10 * i + 1, Call::Get, Some(*v)))
            .collect()
    };
    for (values, fine) in
        [([0, 0, 0], true), ([0, 0, 1], true), ([0, 1, 1], true), ([0, 1, 0], false)]
    {
        let mut history: Vec<_> = reads(values);
        history.push(op(5, NEVER, Call::Set(1), None));
        assert_eq!(check(&history), fine, "{values:?}");
    }
    let mut history: Vec<_> = reads([0, 0, 1]);
    history.push(op(5, 9, Call::Set(1), None));
    assert!(!check(&history), "too late");
}

#[test]
fn random_histories_are_judged_as_by_trying_every_order() {
    let seed = std::env::var("HOPPERKV_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("HOPPERKV_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut counts = [0, 0];
    for _ in 0..20_000 {
        let history: Vec<_> = (0..random.random_range(1..7)).map(|_| any(&mut random)).collect();
        let expected = brute(&history, &mut Vec::new(), 0);
        assert_eq!(check(&history), expected, "{history:#?}");
        assert_eq!(blame(&Register, &0, &history, 1_000_000).is_none(), expected, "{history:#?}");
        counts[usize::from(expected)] += 1;
    }
    println!("{counts:?} not linearizable and linearizable");
    assert!(counts.iter().all(|n| *n > 1000), "{counts:?}");
}

fn any(random: &mut StdRng) -> Operation<Call, u8> {
    let called = random.random_range(0..12);
    let ended = if random.random_bool(0.1) { NEVER } else { called + random.random_range(0..8) };
    let value = random.random_range(0..2);
    let (call, reply) = match random.random_range(0..3) {
        0 => (Call::Get, random.random_range(0..3)),
        1 => (Call::Set(value), 0),
        _ => (Call::Add(1), random.random_range(0..3)),
    };
    let reply = (ended != NEVER && random.random_bool(0.8)).then_some(reply);
    op(called, ended, call, reply)
}
