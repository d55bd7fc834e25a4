//! What the clients were told of both keys, and whether one order explains it.

use hopperkv_history::{NEVER, Object, Operation, Verdict, linearize};

use super::world::{Setup, Wish, World};
use crate::cache::model::record::Id;
use crate::cache::model::run::id_of;

/// Something that a client saw: the first or the second request of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Event {
    Called(usize, usize),
    /// It was told which writes made the items.
    Ended(usize, usize, [Option<Id>; 2]),
    /// It was told that nothing was changed.
    Failed(usize),
}

/// Adds an event, in its place among its neighbours of the same kind.
pub(super) fn add(world: &mut World, event: Event) {
    let calls = matches!(event, Event::Called(..));
    let same = |other: &Event| matches!(other, Event::Called(..)) == calls;
    let mut at = world.history.len();
    while at > 0 && same(&world.history[at - 1]) && world.history[at - 1] > event {
        at -= 1;
    }
    world.history.insert(at, event);
}

/// The write that made a value, before that the one that it was computed from, and so on.
type Content = Vec<Id>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Call {
    actor: usize,
    wish: Wish,
    /// The key that a reader asks for.
    key: Option<usize>,
}

type Done = Operation<Call, [Content; 2]>;

/// Both keys as one client at a time would see them.
struct Keys;

impl Object for Keys {
    type State = [Content; 2];
    type Call = Call;
    type Reply = [Content; 2];

    fn step(&self, state: &[Content; 2], of: &Done) -> Vec<[Content; 2]> {
        let id = id_of(of.call.actor);
        let told = |key: usize| of.reply.as_ref().is_none_or(|reply| reply[key] == state[key]);
        let mut after = state.clone();
        let fits = match (of.call.wish, of.call.key) {
            (Wish::One(key), _) => {
                after[key] = vec![id];
                true
            }
            (Wish::Both, _) => {
                after.iter_mut().for_each(|content| content.push(id));
                told(0) && told(1)
            }
            (_, Some(key)) => told(key),
            (_, None) => told(0) && told(1),
        };
        if fits { vec![after] } else { Vec::new() }
    }

    fn is_read(&self, call: &Call) -> bool {
        matches!(call.wish, Wish::Look(_) | Wish::Snapshot)
    }
}

/// Through one proxy everything is explained by one order; through several all changes and what any one client saw.
///
/// # Errors
/// What cannot be explained.
pub(super) fn check(world: &World, setup: &Setup) -> Result<(), String> {
    let all = operations(world, setup);
    if world.is_single() {
        return explain(&all);
    }
    let (reads, changes): (Vec<_>, Vec<_>) = all.into_iter().partition(|d| Keys.is_read(&d.call));
    explain(&changes)?;
    for actor in 0..setup.plans.len() {
        let own = reads.iter().filter(|read| read.call.actor == actor);
        explain(&changes.iter().chain(own).cloned().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn operations(world: &World, setup: &Setup) -> Vec<Done> {
    let mut all: Vec<[Option<Done>; 2]> = setup.plans.iter().map(|_| [None, None]).collect();
    for (at, event) in (0_u64..).zip(&world.history) {
        match *event {
            Event::Called(actor, part) => {
                let wish = setup.plans[actor].1;
                let key = if let Wish::Look(order) = wish { Some(order[part]) } else { None };
                let call = Call { actor, wish, key };
                all[actor][part] = Some(Done { called: at, ended: NEVER, call, reply: None });
            }
            Event::Ended(actor, part, writes) => {
                if let Some(done) = &mut all[actor][part] {
                    let told = [0, 1].map(|key| content(world, setup, key, writes[key]));
                    (done.ended, done.reply) = (at, Some(told));
                }
            }
            Event::Failed(actor) => all[actor] = [None, None],
        }
    }
    all.into_iter().flatten().flatten().collect()
}

fn content(world: &World, setup: &Setup, key: usize, write: Option<Id>) -> Content {
    let Some(id) = write else { return Vec::new() };
    let actor = usize::from(id).wrapping_sub(1);
    let mut all = match setup.plans.get(actor) {
        Some((_, Wish::Both)) => content(world, setup, key, world.bases[actor][key]),
        _ => Vec::new(),
    };
    all.push(id);
    all
}

fn explain(history: &[Done]) -> Result<(), String> {
    match linearize(&Keys, [vec![0], vec![0]], history, 1_000_000) {
        Verdict::Linearizable(_) => Ok(()),
        _ => Err(format!("no order explains {history:#?}")),
    }
}
