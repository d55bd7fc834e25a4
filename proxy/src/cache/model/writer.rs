//! A writer's steps, as in `service::write`.

use super::record::{Answer, Call, Ending, Expiry, Id, Item};
use super::run::{Fate, Outcome, Run, id_of};
use super::world::{Actor, FORGET, Op, Slip, Step, UNPLANTED};

/// What the write makes of the item.
pub(super) fn effect(id: Id, actor: &Actor) -> Option<Item> {
    match actor.op {
        Op::Put(expiry) => Some(Item { write: id, expiry }),
        Op::Modify => {
            Some(Item { write: id, expiry: actor.found.map_or(Expiry::Never, |i| i.expiry) })
        }
        _ => None,
    }
}

impl Run<'_> {
    pub(super) fn begin_write(&mut self, actor: usize) {
        let now = &mut self.world.actors[actor];
        now.step = if now.op == Op::Modify { Step::Peek } else { Step::Fence };
        if self.slip != Some(Slip::NoKeyLock) {
            self.world.proxies[now.proxy].lock = Some(id_of(actor));
        }
    }

    pub(super) fn fence(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        let call = Call::Fence { token: id_of(actor) };
        let answer = if serving { self.ask(actor, fate, call)? } else { None };
        let now = &mut self.world.actors[actor];
        match answer {
            Some(Answer::Planted(before)) => now.fence = Some(before),
            _ if self.setup.shared && self.slip != Some(Slip::UnfencedInShared) => {
                self.give_up(actor);
                return Ok(());
            }
            _ => {}
        }
        self.world.actors[actor].step = Step::Store;
        Ok(())
    }

    pub(super) fn store(&mut self, actor: usize, outcome: Outcome) -> Result<(), String> {
        let effect = effect(id_of(actor), &self.world.actors[actor]);
        let before = self.world.actors[actor].fence.flatten();
        if matches!(outcome, Outcome::Applied | Outcome::LostApplied) {
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
                Ending::Restore(before)
            }
            Outcome::LostApplied | Outcome::LostPending | Outcome::LostNever => {
                self.world.budget.lost_results -= 1;
                if outcome == Outcome::LostPending {
                    self.world.late_effects.push((id_of(actor), effect));
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

    /// What a write is computed from misses nothing that was acknowledged, where one proxy does it all.
    fn check_base(&self, actor: usize) -> Result<(), String> {
        let now = &self.world.actors[actor];
        if now.op != Op::Modify || !self.world.is_single() {
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
        if !lost || !self.setup.shared {
            self.acknowledge(actor);
        }
        if ending == Ending::Unknown && self.slip != Some(Slip::NotForgotten) {
            self.unlock(actor);
            self.world.actors[actor].step = Step::Forget;
        } else {
            self.give_up(actor);
        }
        Ok(())
    }

    /// Removes the key once more, when nothing can come of the write any more.
    pub(super) fn forget(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let call = Call::Conclude { token: FORGET + id_of(actor), ending: Ending::Absent };
        if self.ask(actor, fate, call)?.is_none() {
            self.note(actor);
        }
        self.give_up(actor);
        Ok(())
    }

    fn note(&mut self, actor: usize) {
        let proxy = self.world.actors[actor].proxy;
        self.world.proxies[proxy].noted = true;
        self.stop_service(proxy);
    }

    fn acknowledge(&mut self, actor: usize) {
        if let Some(version) = self.world.actors[actor].version {
            self.world.acked = self.world.acked.max(version);
        }
    }

    fn give_up(&mut self, actor: usize) {
        self.unlock(actor);
        self.world.actors[actor].end(Step::Done);
    }
}
