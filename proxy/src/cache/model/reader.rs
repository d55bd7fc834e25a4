//! A reader's steps, as in `service::read` and `inflight::flights`.

use super::record::{Answer, Call, Item};
use super::run::{Fate, Run, id_of};
use super::world::{Landing, Op, Phase, Slip, Step};

impl Run<'_> {
    pub(super) fn step(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let now = &self.world.actors[actor];
        let (step, proxy, op) = (now.step, now.proxy, now.op);
        if step == Step::Start && self.setup.recorded {
            super::history::called(&mut self.world, actor);
        }
        match step {
            Step::Start => match op {
                Op::Get => self.get(actor, fate)?,
                Op::Find | Op::Exact => {
                    self.set_floor(actor);
                    self.join(actor);
                }
                _ => self.begin_write(actor),
            },
            Step::Join => self.join(actor),
            Step::AskCache => {
                self.set_phase(actor, Phase::CacheAsked);
                self.world.actors[actor].generation = self.world.proxies[proxy].generation;
                self.world.actors[actor].step = Step::Lease;
            }
            Step::Lease => self.lease(actor, fate)?,
            Step::LockForBypass => {
                self.world.proxies[proxy].lock = Some(id_of(actor));
                self.world.actors[actor].step = Step::AskStorage;
            }
            Step::AskStorage => {
                self.set_phase(actor, Phase::StorageAsked);
                self.world.actors[actor].step = Step::Read;
            }
            Step::Read => {
                let found = self.world.stored();
                let bypassed = self.world.proxies[proxy].lock == Some(id_of(actor));
                self.unlock(actor);
                let unfilled =
                    if bypassed { Step::Land(Landing::Storage) } else { self.unfilled() };
                let now = &mut self.world.actors[actor];
                (now.found, now.doubtful) = (found, false);
                now.step = if now.leased { Step::Fill } else { unfilled };
            }
            Step::Fill => {
                let item = self.world.actors[actor].found;
                let answer = self.ask(actor, fate, Call::Fill { token: id_of(actor), item })?;
                self.set_phase(actor, Phase::Filling);
                let filled = answer == Some(Answer::Filled(true));
                let next = if filled { Step::Land(Landing::Filled) } else { self.unfilled() };
                self.world.actors[actor].step = next;
            }
            Step::AwaitConclusion => self.land(actor, Landing::Storage)?,
            Step::Land(landing) => self.land(actor, landing)?,
            Step::Lock => {
                self.world.proxies[proxy].lock = Some(id_of(actor));
                self.world.actors[actor].step = Step::Peek;
            }
            Step::Peek => self.peek(actor, fate)?,
            Step::ReadLocked => {
                let found = self.world.stored();
                self.know(actor, found)?;
            }
            Step::Fence => self.fence(actor, fate)?,
            Step::Conclude(ending) => self.conclude(actor, fate, ending)?,
            Step::Forget => self.forget(actor, fate)?,
            Step::Seated(_) | Step::Store | Step::Done | Step::Crashed => {}
        }
        Ok(())
    }

    /// The request begins: it must not be told anything older than this.
    fn set_floor(&mut self, actor: usize) {
        let proxy = &self.world.proxies[self.world.actors[actor].proxy];
        let seen = if self.world.is_single() { proxy.seen } else { 0 };
        self.world.actors[actor].floor = self.world.acked.max(seen);
    }

    fn get(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        self.set_floor(actor);
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        self.world.actors[actor].step = Step::Join;
        if serving && let Some(Answer::Got(Some(_))) = self.ask(actor, fate, Call::Get)? {
            let found = self.world.record.value;
            return self.reply(actor, found);
        }
        Ok(())
    }

    fn join(&mut self, actor: usize) {
        let proxy = self.world.actors[actor].proxy;
        let step = match self.world.proxies[proxy].flight {
            Some((_, phase)) => Step::Seated(phase),
            None => {
                self.set_phase(actor, Phase::Boarding);
                Step::AskCache
            }
        };
        self.world.actors[actor].step = step;
    }

    fn lease(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        let doubt = self.slip != Some(Slip::NearExpiryBelieved);
        let call = Call::Lease { token: Some(id_of(actor)), doubt };
        let answer = if serving { self.ask(actor, fate, call)? } else { None };
        let now = &mut self.world.actors[actor];
        now.leased = answer == Some(Answer::Absent);
        match answer {
            Some(Answer::Hit { item, fenced }) => {
                (now.found, now.doubtful) = (Some(item), fenced);
                return self.land(actor, Landing::Cache);
            }
            Some(Answer::Negative) => {
                (now.found, now.doubtful) = (None, false);
                return self.land(actor, Landing::Cache);
            }
            None if self.slip != Some(Slip::BypassOvertakes) => now.step = Step::LockForBypass,
            _ => now.step = Step::AskStorage,
        }
        Ok(())
    }

    /// What was read may be of a write that is not concluded, while the cache still shows the value before it.
    fn unfilled(&self) -> Step {
        if matches!(self.slip, Some(Slip::UnfilledOvertakes | Slip::BypassOvertakes)) {
            return Step::Land(Landing::Storage);
        }
        Step::AwaitConclusion
    }

    fn land(&mut self, actor: usize, landing: Landing) -> Result<(), String> {
        let leader = self.world.actors[actor].clone();
        let proxy = &mut self.world.proxies[leader.proxy];
        proxy.flight = None;
        let outage =
            leader.generation != proxy.generation && self.slip != Some(Slip::OutageIgnored);
        let landing = if landing == Landing::Filled && outage { Landing::Storage } else { landing };
        for seat in 0..self.world.actors.len() {
            let Step::Seated(phase) = self.world.actors[seat].step else { continue };
            if self.world.actors[seat].proxy != leader.proxy {
                continue;
            }
            let serves = match landing {
                Landing::Cache => phase == Phase::Boarding,
                Landing::Storage => phase <= Phase::CacheAsked,
                Landing::Filled if self.slip == Some(Slip::FillingSeatsServed) => true,
                Landing::Filled => phase <= Phase::StorageAsked,
            };
            if serves || self.slip == Some(Slip::LateJoinersServed) {
                self.arrive(seat, leader.found, leader.doubtful)?;
            } else {
                self.world.actors[seat].step = Step::Join;
            }
        }
        self.arrive(actor, leader.found, leader.doubtful)
    }

    /// A flight's result reaches one on board.
    fn arrive(&mut self, actor: usize, found: Option<Item>, doubtful: bool) -> Result<(), String> {
        if self.world.actors[actor].op != Op::Exact || !doubtful {
            return self.reply(actor, found);
        }
        let overtakes = self.slip == Some(Slip::ExactReadOvertakes);
        self.world.actors[actor].step = if overtakes { Step::ReadLocked } else { Step::Lock };
        Ok(())
    }

    fn peek(&mut self, actor: usize, fate: Fate) -> Result<(), String> {
        let serving = self.world.proxies[self.world.actors[actor].proxy].serving;
        let generation = self.world.proxies[self.world.actors[actor].proxy].generation;
        let doubt = self.setup.shared || generation > 0;
        let doubt = doubt && self.slip != Some(Slip::NearExpiryBelieved);
        let call = Call::Lease { token: None, doubt };
        let answer = if serving { self.ask(actor, fate, call)? } else { None };
        match answer {
            Some(Answer::Hit { item, fenced: false }) => self.know(actor, Some(item)),
            Some(Answer::Negative) => self.know(actor, None),
            _ => {
                self.world.actors[actor].step = Step::ReadLocked;
                Ok(())
            }
        }
    }

    fn know(&mut self, actor: usize, found: Option<Item>) -> Result<(), String> {
        if let Some(item) = found {
            self.check_genuine(item)?;
        }
        if self.world.actors[actor].op == Op::Exact {
            self.unlock(actor);
            return self.reply(actor, found);
        }
        self.decide(actor, found)
    }

    pub(super) fn unlock(&mut self, actor: usize) {
        let lock = &mut self.world.proxies[self.world.actors[actor].proxy].lock;
        if *lock == Some(id_of(actor)) {
            *lock = None;
        }
    }

    /// The reader is told: not older than its floor, and with its true expiry if that is what it asked for.
    fn reply(&mut self, actor: usize, found: Option<Item>) -> Result<(), String> {
        let (floor, op) = (self.world.actors[actor].floor, self.world.actors[actor].op);
        let write = found.map(|i| i.write);
        let recent = self.world.storage.iter().skip(floor);
        let Some(ahead) = recent.clone().position(|v| v.map(|i| i.write) == write) else {
            let recent: Vec<_> = recent.collect();
            return Err(format!(
                "actor {actor} was told {write:?}, which is older than {recent:?}"
            ));
        };
        if let (Op::Exact, Some(item)) = (op, found) {
            self.check_genuine(item)?;
        }
        let proxy = &mut self.world.proxies[self.world.actors[actor].proxy];
        proxy.seen = proxy.seen.max(floor + ahead);
        if self.setup.recorded {
            super::history::ended(&mut self.world, actor, write);
        }
        self.world.actors[actor].end(Step::Done);
        Ok(())
    }
}
