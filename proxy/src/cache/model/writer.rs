//! A writer's steps, as in `service::change` and `service::commit`.

use super::record::{Answer, Call, Ending, Expiry, Id, Item};
use super::run::{Fate, Outcome, Run, id_of};
use super::world::{Actor, FORGET, LateEffect, Op, Slip, Step, UNPLANTED};

/// What the write makes of the item.
pub(super) fn effect(id: Id, actor: &Actor) -> Option<Item> {
    match actor.op {
        Op::Put(expiry) => Some(Item::text(id, expiry)),
        Op::PutAs(kind, expiry) => Some(Item { write: id, kind, expiry }),
        Op::Modify | Op::Once => {
            Some(Item::text(id, actor.found.map_or(Expiry::Never, |i| i.expiry)))
        }
        _ => None,
    }
}

/// What storage has to hold for the write to happen.
fn condition(actor: &Actor, slip: Option<Slip>) -> Option<Option<Item>> {
    (actor.op.needs_old() && slip != Some(Slip::Unconditional)).then_some(actor.found)
}

/// A write that is on its way when nobody waits any more.
pub(super) fn late_effect(id: Id, actor: &Actor, slip: Option<Slip>) -> LateEffect {
    LateEffect { writer: id, effect: effect(id, actor), condition: condition(actor, slip) }
}

impl Run<'_> {
    pub(super) fn begin_write(&mut self, actor: usize) {
        let now = &mut self.world.actors[actor];
        now.step = if now.op.needs_old() { Step::Peek } else { Step::Fence };
        if self.slip != Some(Slip::NoKeyLock) {
            self.world.proxies[now.proxy].lock = Some(id_of(actor));
        }
    }

    /// The old item is known.
    pub(super) fn decide(&mut self, actor: usize, found: Option<Item>) -> Result<(), String> {
        let now = &mut self.world.actors[actor];
        now.found = found;
        now.step = Step::Fence;
        if let Some(base) = self.world.bases.get_mut(actor) {
            *base = found.map(|item| item.write);
        }
        let now = &self.world.actors[actor];
        if now.op == Op::Once && found.is_none_or(|item| item.write != 0) {
            if self.setup.recorded {
                super::history::ended(&mut self.world, actor, found.map(|item| item.write));
            }
            return self.end_write(actor);
        }
        Ok(())
    }

    pub(super) fn fence(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        let call = Call::Fence { token: id_of(actor), hides: false };
        let answer = if serving { self.ask(actor, fate, call)? } else { None };
        let now = &mut self.world.actors[actor];
        match answer {
            Some(Answer::Planted(before)) => now.fence = Some(before),
            _ if self.setup.shared && self.slip != Some(Slip::UnfencedInShared) => {
                self.fail(actor);
                return self.end_write(actor);
            }
            _ => {}
        }
        self.world.actors[actor].step = Step::Store;
        if self.slip == Some(Slip::PublishedFirst) {
            let ending = effect(id_of(actor), &self.world.actors[actor]);
            let ending = ending.map_or(Ending::Absent, Ending::Put);
            self.ask(actor, Fate::Answered, Call::Conclude { token: id_of(actor), ending })?;
        }
        Ok(())
    }

    pub(super) fn store(&mut self, actor: usize, outcome: Outcome) -> Result<(), String> {
        let effect = effect(id_of(actor), &self.world.actors[actor]);
        let before = self.world.actors[actor].fence.flatten();
        let condition = condition(&self.world.actors[actor], self.slip);
        let meets = condition.is_none_or(|item| item == self.world.stored());
        if outcome == Outcome::Applied && !meets {
            return self.refuted(actor, before);
        }
        if matches!(outcome, Outcome::Applied | Outcome::LostApplied) && meets {
            self.check_base(actor)?;
            self.world.storage.push(effect);
        }
        let done = effect.map_or(Ending::Absent, Ending::Put);
        let ending = match outcome {
            Outcome::Applied => {
                self.world.actors[actor].version = Some(self.world.storage.len() - 1);
                done
            }
            Outcome::Refused => {
                self.world.budget.failures -= 1;
                self.fail(actor);
                Ending::Restore(before)
            }
            Outcome::LostApplied | Outcome::LostPending | Outcome::LostNever => {
                self.world.budget.lost_results -= 1;
                if outcome == Outcome::LostPending {
                    let late = late_effect(id_of(actor), &self.world.actors[actor], self.slip);
                    self.world.late_effects.push(late);
                }
                match self.slip {
                    Some(Slip::AmbiguityPublished) => done,
                    Some(Slip::AmbiguityRestored) => Ending::Restore(before),
                    _ => Ending::Unknown,
                }
            }
        };
        if self.slip == Some(Slip::AcknowledgedEarly) {
            self.acknowledge(actor);
        }
        self.world.actors[actor].step = Step::Conclude(ending);
        Ok(())
    }

    /// Storage holds something else than the write was computed from.
    fn refuted(&mut self, actor: usize, before: Option<Expiry>) -> Result<(), String> {
        let changes = self.world.storage.len();
        let now = &mut self.world.actors[actor];
        now.refuted = Some(now.found);
        now.conflicts += 1;
        now.retries = true;
        if usize::from(now.conflicts) > changes {
            return Err(format!("actor {actor} met {} conflicts", now.conflicts));
        }
        let restores = [Some(Slip::ConflictRestored), Some(Slip::ConflictReread)];
        let ending =
            if restores.contains(&self.slip) { Ending::Restore(before) } else { Ending::Forget };
        now.step = Step::Conclude(ending);
        Ok(())
    }

    /// What a write is computed from misses nothing that was acknowledged, where one proxy does it all.
    fn check_base(&self, actor: usize) -> Result<(), String> {
        let now = &self.world.actors[actor];
        if !now.op.needs_old() || !self.world.is_single() {
            return Ok(());
        }
        let acked = self.world.acked;
        if self.world.storage.iter().skip(acked).any(|version| *version == now.found) {
            return Ok(());
        }
        Err(format!("actor {actor} changed {:?}, which is older than version {acked}", now.found))
    }

    pub(super) fn conclude(
        &mut self,
        actor: usize,
        fate: Fate,
        ending: Ending,
    ) -> Result<(), String> {
        let planted = self.world.actors[actor].fence;
        let token = if planted.is_some() { id_of(actor) } else { UNPLANTED + id_of(actor) };
        let answer = self.ask(actor, fate, Call::Conclude { token, ending })?;
        if let (Ending::Restore(Some(before)), Some(Answer::Concluded(1))) = (ending, answer)
            && before != Expiry::Fence
            && self.world.record.value.is_some_and(|i| i.expiry != before)
        {
            return Err("a failed write changed the expiry".to_owned());
        }
        let lost = answer.is_none();
        if lost && self.slip != Some(Slip::NotNoted) {
            self.note(actor);
        }
        if self.world.actors[actor].retries {
            let rereads = self.slip == Some(Slip::ConflictReread);
            let now = &mut self.world.actors[actor];
            now.step = if rereads { Step::Peek } else { Step::ReadLocked };
            (now.fence, now.retries) = (None, false);
            return Ok(());
        }
        if !lost || !self.setup.shared {
            self.acknowledge(actor);
        }
        if ending == Ending::Unknown && self.slip != Some(Slip::NotForgotten) {
            self.unlock(actor);
            self.world.actors[actor].step = Step::Forget;
            return Ok(());
        }
        self.end_write(actor)
    }

    /// Removes the key once more, when nothing can come of the write any more.
    pub(super) fn forget(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let call = Call::Conclude { token: FORGET + id_of(actor), ending: Ending::Absent };
        if self.ask(actor, fate, call)?.is_none() {
            self.note(actor);
        }
        self.end_write(actor)
    }

    fn note(&mut self, actor: usize) {
        let proxy = self.world.actors[actor].proxy;
        self.world.proxies[proxy].noted = true;
        self.stop_service(proxy);
    }

    fn acknowledge(&mut self, actor: usize) {
        if let Some(version) = self.world.actors[actor].version {
            self.world.acked = self.world.acked.max(version);
            if self.setup.recorded {
                let base = self.world.actors[actor].found.map(|item| item.write);
                super::history::ended(&mut self.world, actor, base);
            }
        }
    }

    /// The client is told that nothing was changed.
    fn fail(&mut self, actor: usize) {
        if self.setup.recorded {
            super::history::failed(&mut self.world, actor);
        }
    }

    /// Nothing is left to do. What a conflict refuted is not left in the cache.
    fn end_write(&mut self, actor: usize) -> Result<(), String> {
        let refuted = self.world.actors[actor].refuted.flatten();
        let cached = self.world.record.value.map(|item| item.write);
        let stored = self.world.stored().map(|item| item.write);
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        self.unlock(actor);
        self.world.actors[actor].end(Step::Done);
        if let Some(item) = refuted
            && cached == Some(item.write)
            && cached != stored
            && serving
        {
            return Err(format!(
                "actor {actor} left {} in the cache, which storage refuted",
                item.write
            ));
        }
        Ok(())
    }
}
