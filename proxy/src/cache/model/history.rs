//! What the clients of a scenario were told, and whether one order explains it.
//!
//! The history is part of the state, so that ways to the same state with different histories are told apart. Only the
//! order between calls and ends matters, so neighbours of one kind are kept sorted.

use hopperkv_history::{NEVER, Object, Operation, Verdict, linearize};

use super::record::Id;
use super::run::id_of;
use super::world::{Op, Setup, World};

/// Something that a client saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Event {
    /// It asked.
    Called(usize),
    /// It was told which write made the item that it read or based its own on.
    Ended(usize, Option<Id>),
    /// It was told that nothing was changed.
    Failed(usize),
}

/// The client of this actor asks.
pub(super) fn called(world: &mut World, actor: usize) {
    add(&mut world.history, Event::Called(actor));
}

/// The client of this actor is told.
pub(super) fn ended(world: &mut World, actor: usize, write: Option<Id>) {
    add(&mut world.history, Event::Ended(actor, write));
}

/// The client of this actor is told that nothing was changed.
pub(super) fn failed(world: &mut World, actor: usize) {
    add(&mut world.history, Event::Failed(actor));
}

/// Adds an event, in its place among its neighbours of the same kind.
pub(super) fn add(history: &mut Vec<Event>, event: Event) {
    let calls = matches!(event, Event::Called(_));
    let same = |other: &Event| matches!(other, Event::Called(_)) == calls;
    let mut at = history.len();
    while at > 0 && same(&history[at - 1]) && history[at - 1] > event {
        at -= 1;
    }
    history.insert(at, event);
}

/// A value: the write that made it, before that the one that it was computed from, and so on.
type Content = Vec<Id>;

type Done = Operation<(Id, Op), Content>;

/// The key as one client at a time would see it. Empty is absent.
struct Key;

impl Object for Key {
    type State = Content;
    type Call = (Id, Op);
    type Reply = Content;

    fn step(&self, state: &Content, of: &Done) -> Vec<Content> {
        let (id, op) = of.call;
        let grown = || [state.as_slice(), &[id]].concat();
        let told = of.reply.as_ref().is_none_or(|content| content == state);
        let after = match op {
            Op::Put(_) | Op::PutAs(..) => Some(vec![id]),
            Op::Delete => Some(Vec::new()),
            Op::Modify => told.then(grown),
            Op::Once if *state == [0] => told.then(grown),
            Op::Once | Op::Get | Op::Find | Op::Exact => told.then(|| state.clone()),
        };
        after.into_iter().collect()
    }

    fn is_read(&self, (_, op): &(Id, Op)) -> bool {
        matches!(op, Op::Get | Op::Find | Op::Exact)
    }
}

/// A command that depends on the old item and, seeing it, changes nothing is a read too.
fn only_reads(done: &Done) -> bool {
    let kept =
        done.call.1 == Op::Once && done.reply.as_ref().is_some_and(|content| *content != [0]);
    kept || Key.is_read(&done.call)
}

/// Through one proxy everything is explained by one order; through several all changes and any one of the reads.
///
/// # Errors
/// What cannot be explained.
pub(super) fn check(world: &World, setup: &Setup) -> Result<(), String> {
    let all = operations(world, setup);
    let initial = if setup.initial.is_some() { vec![0] } else { Vec::new() };
    if world.is_single() {
        return explain(&all, &initial);
    }
    let (reads, changes): (Vec<_>, Vec<_>) = all.into_iter().partition(only_reads);
    explain(&changes, &initial)?;
    reads.into_iter().try_for_each(|read| {
        let mut some = changes.clone();
        some.push(read);
        explain(&some, &initial)
    })
}

fn operations(world: &World, setup: &Setup) -> Vec<Done> {
    let mut all: Vec<Option<Done>> = setup.plans.iter().map(|_| None).collect();
    for (at, event) in (0_u64..).zip(&world.history) {
        match *event {
            Event::Called(actor) => {
                let call = (id_of(actor), setup.plans[actor].1);
                all[actor] = Some(Done { called: at, ended: NEVER, call, reply: None });
            }
            Event::Ended(actor, write) => {
                if let Some(done) = &mut all[actor] {
                    (done.ended, done.reply) = (at, Some(content(world, setup, write)));
                }
            }
            Event::Failed(actor) => all[actor] = None,
        }
    }
    all.into_iter().flatten().collect()
}

/// What the write made.
fn content(world: &World, setup: &Setup, write: Option<Id>) -> Content {
    let Some(id) = write else { return Vec::new() };
    let actor = usize::from(id).wrapping_sub(1);
    let mut all = match setup.plans.get(actor) {
        Some((_, op)) if op.needs_old() => content(world, setup, world.bases[actor]),
        _ => Vec::new(),
    };
    all.push(id);
    all
}

fn explain(history: &[Done], initial: &Content) -> Result<(), String> {
    match linearize(&Key, initial.clone(), history, 1_000_000) {
        Verdict::Linearizable(_) => Ok(()),
        _ => Err(format!("no order explains {history:?}")),
    }
}
