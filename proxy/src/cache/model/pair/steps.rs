//! What may happen next, and what it does: the steps of `service::change`, `service::commit` and `service::read`.

use super::history::{self, Event};
use super::world::{Actor, Ended, Late, Setup, Slip, Step, Wish, World};
use crate::cache::model::engine::Engine;
use crate::cache::model::record::{Answer, Call, Ending, Expiry, Id, Item};
use crate::cache::model::run::id_of;
use crate::cache::model::world::{FORGET, UNPLANTED};

/// Something that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Step(usize),
    Store(usize, Outcome),
    Crash(usize),
    EvictValue(usize),
    LoseRecord(usize),
    FenceFalls(usize, Id),
    LateEffect(usize),
}

/// How a write in storage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// If its condition is met.
    Answered,
    Refused,
    LostApplied,
    LostPending,
    LostNever,
}

/// What a step needs beside the world.
pub(super) struct Run<'a> {
    pub(super) world: World,
    pub(super) setup: &'a Setup,
    pub(super) slip: Option<Slip>,
    pub(super) engine: &'a mut Engine,
}

impl Run<'_> {
    /// Everything that may happen now.
    pub(super) fn actions(&self) -> Vec<Action> {
        let world = &self.world;
        let mut all = Vec::new();
        for (index, actor) in world.actors.iter().enumerate() {
            self.add_steps(index, actor, &mut all);
        }
        for (key, record) in world.records.iter().enumerate() {
            let orphan = record.value.is_some_and(|i| i.expiry == Expiry::Fence);
            let orphan = orphan && !record.is_fenced();
            if orphan || record.value.is_some() && world.budget.evictions > 0 {
                all.push(Action::EvictValue(key));
            }
            if record.has_meta() && (!record.is_fenced() || world.budget.lost_fences > 0) {
                all.push(Action::LoseRecord(key));
            }
            for id in record.fences.iter().filter(|(_, stands)| **stands).map(|(id, _)| *id) {
                let writer = usize::from(id % UNPLANTED) - 1;
                let lives = world.actors.get(writer).is_some_and(|a| !a.is_over());
                let awaited = world.late.iter().any(|late| late.actor == writer);
                if !awaited && (!lives || world.budget.lost_fences > 0) {
                    all.push(Action::FenceFalls(key, id));
                }
            }
        }
        all.extend((0..world.late.len()).map(Action::LateEffect));
        for proxy in 0..world.alive.len() {
            let busy = world.actors.iter().any(|a| a.proxy == proxy && !a.is_over());
            if world.alive[proxy] && busy && world.budget.crashes > 0 {
                all.push(Action::Crash(proxy));
            }
        }
        all
    }

    fn add_steps(&self, index: usize, actor: &Actor, all: &mut Vec<Action>) {
        let world = &self.world;
        match actor.step {
            Step::Done | Step::Crashed => {}
            Step::Lock => {
                let locks = &world.locks[actor.proxy];
                if (0..2).all(|k| !uses(actor.wish, k) || locks[k].is_none()) {
                    all.push(Action::Step(index));
                }
            }
            Step::Forget(_) if world.late.iter().any(|late| late.actor == index) => {}
            Step::Store => {
                all.push(Action::Store(index, Outcome::Answered));
                if world.budget.failures > 0 {
                    all.push(Action::Store(index, Outcome::Refused));
                }
                if world.budget.lost_results > 0 {
                    let lost = [Outcome::LostApplied, Outcome::LostPending, Outcome::LostNever];
                    all.extend(lost.map(|outcome| Action::Store(index, outcome)));
                }
            }
            _ => all.push(Action::Step(index)),
        }
    }

    /// Does it, and checks what has to hold.
    ///
    /// # Errors
    /// Which promise is broken.
    pub(super) fn apply(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Step(actor) => self.step(actor)?,
            Action::Store(actor, outcome) => self.store(actor, outcome),
            Action::Crash(proxy) => self.crash(proxy),
            Action::EvictValue(key) => {
                let budget = &mut self.world.budget;
                budget.evictions = budget.evictions.saturating_sub(1);
                self.world.records[key].value = None;
            }
            Action::LoseRecord(key) => {
                if self.world.records[key].is_fenced() {
                    self.world.budget.lost_fences -= 1;
                }
                self.world.records[key].forget_meta();
            }
            Action::FenceFalls(key, id) => self.fence_falls(key, id),
            Action::LateEffect(index) => {
                let late = self.world.late.remove(index);
                if self.meets(late.condition) {
                    self.world.stored = self.world.effect(late.actor);
                }
            }
        }
        if !self.world.is_over() {
            return Ok(());
        }
        history::check(&self.world, self.setup)?;
        self.check_end()
    }

    fn ask(&mut self, key: usize, call: Call) -> Result<Answer, String> {
        let before = &self.world.records[key];
        let (answer, after) = self.engine.run(before, call)?;
        if answer == Answer::Absent && after.lease.is_some() && before.is_fenced() {
            return Err("a lease was granted while a fence stands".to_owned());
        }
        self.world.records[key] = after;
        Ok(answer)
    }

    fn step(&mut self, actor: usize) -> Result<(), String> {
        let now = &self.world.actors[actor];
        let (step, wish, proxy) = (now.step, now.wish, now.proxy);
        match step {
            Step::Lock => {
                history::add(&mut self.world, Event::Called(actor, 0));
                for key in (0..2).filter(|k| uses(wish, *k)) {
                    self.world.locks[proxy][key] = Some(actor);
                }
                let blind = if let Wish::One(key) = wish { Some(key) } else { None };
                self.world.actors[actor].step = blind.map_or(Step::Peek(0), Step::Fence);
            }
            Step::Peek(key) => {
                let doubt = !self.world.is_single();
                match self.ask(key, Call::Lease { token: None, doubt })? {
                    Answer::Hit { item, fenced: false } => self.know(actor, key, Some(item)),
                    Answer::Negative => self.know(actor, key, None),
                    _ => self.world.actors[actor].step = Step::ReadLocked(key),
                }
            }
            Step::ReadLocked(key) => self.know(actor, key, self.world.stored[key]),
            Step::Fence(key) => self.fence(actor, key)?,
            Step::StoreSecond => {
                self.world.stored[1] = self.world.effect(actor)[1];
                self.world.actors[actor].step = Step::Conclude(0, Ended::Applied);
            }
            Step::Conclude(key, ended) => self.conclude(actor, key, ended)?,
            Step::Forget(key) => {
                let call = Call::Conclude { token: FORGET + id_of(actor), ending: Ending::Absent };
                self.ask(key, call)?;
                self.after_key(actor, key, Step::Forget);
            }
            _ => self.look(actor, step)?,
        }
        Ok(())
    }

    /// A reader's steps for its first or second key.
    fn look(&mut self, actor: usize, step: Step) -> Result<(), String> {
        let Wish::Look(order) = self.world.actors[actor].wish else { return Ok(()) };
        let id = id_of(actor);
        match step {
            Step::Get(part) => {
                history::add(&mut self.world, Event::Called(actor, part));
                self.world.actors[actor].step = Step::Lease(part);
                if let Answer::Got(Some(write)) = self.ask(order[part], Call::Get)? {
                    self.told(actor, part, Some(write));
                }
            }
            Step::Lease(part) => {
                let call = Call::Lease { token: Some(id), doubt: true };
                let answer = self.ask(order[part], call)?;
                let now = &mut self.world.actors[actor];
                now.leased = answer == Answer::Absent;
                now.step = Step::Read(part);
                match answer {
                    Answer::Hit { item, .. } => self.told(actor, part, Some(item.write)),
                    Answer::Negative => self.told(actor, part, None),
                    _ => {}
                }
            }
            Step::Read(part) => {
                let found = self.world.stored[order[part]];
                let now = &mut self.world.actors[actor];
                now.found[part] = found;
                if now.leased {
                    now.step = Step::Fill(part);
                } else {
                    self.told(actor, part, found.map(|item| item.write));
                }
            }
            Step::Fill(part) => {
                let item = self.world.actors[actor].found[part];
                self.ask(order[part], Call::Fill { token: id, item })?;
                self.told(actor, part, item.map(|item| item.write));
            }
            _ => {}
        }
        Ok(())
    }

    fn told(&mut self, actor: usize, part: usize, write: Option<Id>) {
        let now = &mut self.world.actors[actor];
        let Wish::Look(order) = now.wish else { return };
        let mut writes = [None; 2];
        writes[order[part]] = write;
        if part == 0 {
            now.step = Step::Get(1);
        } else {
            now.end(Step::Done);
        }
        history::add(&mut self.world, Event::Ended(actor, part, writes));
    }

    fn know(&mut self, actor: usize, key: usize, found: Option<Item>) {
        let now = &mut self.world.actors[actor];
        now.found[key] = found;
        now.step = if key == 0 { Step::Peek(1) } else { Step::Fence(0) };
        if key == 0 {
            return;
        }
        let writes = now.found.map(|item| item.map(|i| i.write));
        if now.wish == Wish::Snapshot {
            history::add(&mut self.world, Event::Ended(actor, 0, writes));
            self.finish(actor);
        } else {
            self.world.bases[actor] = writes;
        }
    }

    fn fence(&mut self, actor: usize, key: usize) -> Result<(), String> {
        let both = self.world.actors[actor].wish == Wish::Both;
        let hides = both && self.slip != Some(Slip::NotHidden);
        let late = matches!(self.slip, Some(Slip::LateSecondFence | Slip::OneFence));
        if !(both && key == 1 && self.slip == Some(Slip::OneFence)) {
            let call = Call::Fence { token: id_of(actor), hides };
            if let Answer::Planted(before) = self.ask(key, call)? {
                self.world.actors[actor].fences[key] = Some(before);
            }
        }
        let next = match (both, key) {
            (true, 0) if !late => Step::Fence(1),
            // The fence that came too late.
            (true, 1) if late => Step::Conclude(0, Ended::Applied),
            _ => Step::Store,
        };
        self.world.actors[actor].step = next;
        if next == Step::Store && self.slip == Some(Slip::PublishedFirst) {
            let effect = self.world.effect(actor);
            for (key, item) in effect.into_iter().enumerate() {
                let ending = item.map_or(Ending::Absent, Ending::Put);
                self.ask(key, Call::Conclude { token: id_of(actor), ending })?;
            }
        }
        Ok(())
    }

    fn condition(&self, actor: usize) -> Option<[Option<Item>; 2]> {
        let now = &self.world.actors[actor];
        let conditional = now.wish == Wish::Both && self.slip != Some(Slip::Unconditional);
        conditional.then_some(now.found)
    }

    fn meets(&self, condition: Option<[Option<Item>; 2]>) -> bool {
        let half = self.slip == Some(Slip::HalfCondition);
        condition.is_none_or(|items| {
            items[0] == self.world.stored[0] && (half || items[1] == self.world.stored[1])
        })
    }

    fn store(&mut self, actor: usize, outcome: Outcome) {
        let condition = self.condition(actor);
        let meets = self.meets(condition);
        let first = match self.world.actors[actor].wish {
            Wish::One(key) => key,
            _ => usize::from(self.setup.backwards),
        };
        let applies = matches!(outcome, Outcome::Answered | Outcome::LostApplied) && meets;
        if applies {
            let effect = self.world.effect(actor);
            if self.slip == Some(Slip::TwoWrites) {
                self.world.stored[0] = effect[0];
                self.world.actors[actor].step = Step::StoreSecond;
                return;
            }
            self.world.stored = effect;
        }
        let ended = match outcome {
            Outcome::Answered if meets => Ended::Applied,
            Outcome::Answered => Ended::Conflict,
            Outcome::Refused => {
                self.world.budget.failures -= 1;
                Ended::Refused
            }
            _ => {
                self.world.budget.lost_results -= 1;
                if outcome == Outcome::LostPending {
                    self.world.late.push(Late { actor, condition });
                }
                Ended::Unknown
            }
        };
        let late = matches!(self.slip, Some(Slip::LateSecondFence | Slip::OneFence));
        let both = self.world.actors[actor].wish == Wish::Both;
        self.world.actors[actor].step = if both && late && ended == Ended::Applied {
            Step::Fence(1)
        } else {
            Step::Conclude(first, ended)
        };
    }

    fn conclude(&mut self, actor: usize, key: usize, ended: Ended) -> Result<(), String> {
        let now = &self.world.actors[actor];
        let token = if now.fences[key].is_some() { id_of(actor) } else { UNPLANTED + id_of(actor) };
        let ending = match ended {
            Ended::Applied => Ending::Put(Item::text(id_of(actor), Expiry::Never)),
            Ended::Refused => Ending::Restore(now.fences[key].flatten()),
            Ended::Unknown => Ending::Unknown,
            Ended::Conflict => Ending::Forget,
        };
        let second = usize::from(!self.setup.backwards);
        let last = key == second || now.wish != Wish::Both;
        self.ask(key, Call::Conclude { token, ending })?;
        if ended == Ended::Applied && last {
            let writes = self.world.bases[actor];
            history::add(&mut self.world, Event::Ended(actor, 0, writes));
        }
        if !last {
            self.world.actors[actor].step = Step::Conclude(second, ended);
            return Ok(());
        }
        match ended {
            Ended::Applied => self.finish(actor),
            Ended::Refused => {
                history::add(&mut self.world, Event::Failed(actor));
                self.finish(actor);
            }
            Ended::Unknown => {
                let first =
                    if let Wish::One(key) = self.world.actors[actor].wish { key } else { 0 };
                self.unlock(actor);
                self.world.actors[actor].step = Step::Forget(first);
            }
            Ended::Conflict => {
                self.world.actors[actor].fences = [None; 2];
                self.world.actors[actor].step = Step::ReadLocked(0);
            }
        }
        Ok(())
    }

    fn after_key(&mut self, actor: usize, key: usize, next: fn(usize) -> Step) {
        if key == 0 && self.world.actors[actor].wish == Wish::Both {
            self.world.actors[actor].step = next(1);
        } else {
            self.finish(actor);
        }
    }

    fn finish(&mut self, actor: usize) {
        self.unlock(actor);
        self.world.actors[actor].end(Step::Done);
    }

    fn unlock(&mut self, actor: usize) {
        let proxy = self.world.actors[actor].proxy;
        for lock in self.world.locks[proxy].iter_mut().filter(|lock| **lock == Some(actor)) {
            *lock = None;
        }
    }

    fn crash(&mut self, proxy: usize) {
        self.world.budget.crashes -= 1;
        self.world.alive[proxy] = false;
        for index in 0..self.world.actors.len() {
            let actor = &self.world.actors[index];
            if actor.proxy != proxy || actor.is_over() {
                continue;
            }
            // The request may be on its way; it is assumed to arrive before the fences fall.
            if actor.step == Step::Store {
                let condition = self.condition(index);
                self.world.late.push(Late { actor: index, condition });
            }
            self.world.actors[index].end(Step::Crashed);
        }
    }

    fn fence_falls(&mut self, key: usize, id: Id) {
        let lives = self.world.actors.get(usize::from(id % UNPLANTED) - 1);
        if lives.is_some_and(|actor| !actor.is_over()) {
            let budget = &mut self.world.budget;
            budget.lost_fences = budget.lost_fences.saturating_sub(1);
        }
        let record = &mut self.world.records[key];
        record.fences.insert(id, false);
        if !record.is_fenced() {
            record.forget_meta();
            record.value = record.value.filter(|item| item.expiry != Expiry::Fence);
        }
    }

    /// Of each key the cache holds what storage holds, or nothing.
    fn check_end(&self) -> Result<(), String> {
        for (record, stored) in self.world.records.iter().zip(self.world.stored) {
            let lasting = record.value.filter(|item| item.expiry != Expiry::Fence);
            if lasting.is_some() && lasting != stored || record.negative && stored.is_some() {
                return Err(format!("in the end the cache holds {record:?}, storage {stored:?}"));
            }
        }
        Ok(())
    }
}

/// The keys that it locks.
fn uses(wish: Wish, key: usize) -> bool {
    wish == Wish::Snapshot || wish.changes(key)
}
