//! One step of the model: what may happen next, and what it does.

use super::engine::Engine;
use super::record::{Answer, Call, Expiry, Id, Item};
use super::world::{Actor, Phase, Setup, Slip, Step, World};

/// Something that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// An actor's next step; its request to Redis, if it makes one, fares like this.
    Step(usize, Fate),
    /// An actor's write in storage ends like this.
    Store(usize, Outcome),
    EvictValue,
    /// The record is evicted, or expires.
    LoseRecord,
    /// One fence falls.
    FenceFalls(Id),
    /// Storage applies a write whose answer was lost.
    LateEffect(usize),
    /// Redis runs a script of a connection that was given up.
    LateCall(usize),
    Crash(usize),
    /// The keeper removes what is noted.
    Clean(usize),
    /// The keeper lets Redis serve.
    Serve(usize),
}

/// What becomes of a request to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// Redis never sees it.
    Lost,
    /// Redis runs it, the answer is lost.
    AnswerLost,
    /// Redis may run it later, when nobody waits any more.
    Delayed,
}

/// How a write in storage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Applied,
    Refused,
    /// No answer; applied.
    LostApplied,
    /// No answer; may be applied later.
    LostPending,
    /// No answer; never applied.
    LostNever,
}

/// What a world's step needs beside the world.
pub(super) struct Run<'a> {
    pub(super) world: World,
    pub(super) setup: &'a Setup,
    pub(super) slip: Option<Slip>,
    pub(super) engine: &'a mut Engine,
}

/// The actor's token and the number of its write.
pub(super) fn id_of(actor: usize) -> Id {
    Id::try_from(actor + 1).expect("few actors")
}

impl Run<'_> {
    /// Does it, and checks what has to hold at all times.
    ///
    /// # Errors
    /// Which promise is broken.
    pub(super) fn apply(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Step(actor, fate) => self.step(actor, fate)?,
            Action::Store(actor, outcome) => self.store(actor, outcome)?,
            Action::EvictValue => {
                self.world.budget.value_evictions =
                    self.world.budget.value_evictions.saturating_sub(1);
                self.world.record.value = None;
            }
            Action::LoseRecord => {
                if self.world.record.is_fenced() {
                    self.world.budget.fence_evictions -= 1;
                }
                self.world.record.forget_meta();
            }
            Action::FenceFalls(id) => self.fence_falls(id),
            Action::LateEffect(index) => {
                let late = self.world.late_effects.remove(index);
                if late.condition.is_none_or(|item| item == self.world.stored()) {
                    self.world.storage.push(late.effect);
                }
            }
            Action::LateCall(index) => {
                let call = self.world.late_calls.remove(index);
                self.run_call(call)?;
            }
            Action::Crash(proxy) => self.crash(proxy),
            Action::Clean(proxy) => {
                self.world.proxies[proxy].cleaned = Some(self.world.proxies[proxy].generation);
                if self.world.proxies[proxy].noted {
                    self.run_call(Call::Remove)?;
                }
            }
            Action::Serve(proxy) => {
                let proxy = &mut self.world.proxies[proxy];
                if proxy.cleaned.take() == Some(proxy.generation) {
                    (proxy.noted, proxy.serving) = (false, true);
                }
            }
        }
        if self.world.record.value.is_none_or(|i| i.expiry != Expiry::Fence) {
            self.world.shortened_by = None;
        }
        self.check_expiry()?;
        if !self.world.is_over() {
            return Ok(());
        }
        if self.setup.recorded {
            super::history::check(&self.world, self.setup)?;
        }
        if self.setup.lasts { self.check_end() } else { Ok(()) }
    }

    /// Everything that may happen now.
    pub(super) fn actions(&self) -> Vec<Action> {
        let world = &self.world;
        let mut all = Vec::new();
        for (index, actor) in world.actors.iter().enumerate() {
            self.add_steps(index, actor, &mut all);
        }
        if world
            .record
            .value
            .is_some_and(|i| i.expiry == Expiry::Fence && world.shortened_by.is_none())
            || world.record.value.is_some() && world.budget.value_evictions > 0
        {
            all.push(Action::EvictValue);
        }
        let evictable = !world.record.is_fenced() || world.budget.fence_evictions > 0;
        if world.record.has_meta() && evictable {
            all.push(Action::LoseRecord);
        }
        for (id, _) in world.record.fences.iter().filter(|(_, stands)| **stands) {
            let alive = world.actors.get(usize::from(*id) - 1).is_some_and(|a| !a.is_over());
            if !world.awaits_effect(*id) && (!alive || world.budget.slow_writers > 0) {
                all.push(Action::FenceFalls(*id));
            }
        }
        all.extend((0..world.late_effects.len()).map(Action::LateEffect));
        all.extend((0..world.late_calls.len()).map(Action::LateCall));
        for (index, proxy) in world.proxies.iter().enumerate().filter(|(_, p)| p.alive) {
            if world.budget.crashes > 0
                && world.actors.iter().any(|a| a.proxy == index && !a.is_over())
            {
                all.push(Action::Crash(index));
            }
            match (proxy.serving, proxy.cleaned) {
                (true, _) => {}
                (false, None) => all.push(Action::Clean(index)),
                (false, Some(_)) => all.push(Action::Serve(index)),
            }
        }
        all
    }

    fn add_steps(&self, index: usize, actor: &Actor, all: &mut Vec<Action>) {
        let proxy = &self.world.proxies[actor.proxy];
        let (asks, needs_lock) = match actor.step {
            Step::Seated(_) | Step::Done | Step::Crashed => return,
            Step::Store => {
                self.add_outcomes(index, all);
                return;
            }
            Step::Start => match actor.op {
                super::world::Op::Get => (proxy.serving, false),
                super::world::Op::Find | super::world::Op::Exact => (false, false),
                _ => (false, self.slip != Some(Slip::NoKeyLock)),
            },
            Step::Lease | Step::Peek | Step::Fence => (proxy.serving, false),
            Step::Fill | Step::Conclude(_) => (true, false),
            Step::Forget => {
                if self.world.awaits_effect(id_of(index)) {
                    return;
                }
                (true, false)
            }
            Step::Lock | Step::LockForBypass => (false, true),
            Step::AwaitConclusion if self.stores(actor.proxy) => return,
            _ => (false, false),
        };
        if needs_lock && proxy.lock.is_some() {
            return;
        }
        all.push(Action::Step(index, Fate::Answered));
        if asks && self.world.budget.outages > 0 {
            let fates = [Fate::Lost, Fate::AnswerLost, Fate::Delayed];
            all.extend(fates.map(|fate| Action::Step(index, fate)));
        } else if asks && !proxy.serving {
            all.push(Action::Step(index, Fate::Lost));
        }
    }

    /// Whether a writer of this proxy has planted its fence and not concluded.
    fn stores(&self, proxy: usize) -> bool {
        let stores = |a: &Actor| matches!(a.step, Step::Store | Step::Conclude(_));
        self.world.actors.iter().any(|actor| actor.proxy == proxy && stores(actor))
    }

    fn add_outcomes(&self, index: usize, all: &mut Vec<Action>) {
        all.push(Action::Store(index, Outcome::Applied));
        if self.world.budget.failures > 0 {
            all.push(Action::Store(index, Outcome::Refused));
        }
        if self.world.budget.lost_results > 0 {
            let lost = [Outcome::LostApplied, Outcome::LostPending, Outcome::LostNever];
            all.extend(lost.map(|outcome| Action::Store(index, outcome)));
        }
    }

    /// Asks Redis for an actor; `None` when the answer is lost.
    pub(super) fn ask(
        &mut self,
        actor: usize,
        fate: Fate,
        call: Call,
    ) -> Result<Option<Answer>, String> {
        if fate == Fate::Answered {
            return self.run_call(call).map(Some);
        }
        let proxy = self.world.actors[actor].proxy;
        if self.world.budget.outages > 0 {
            self.world.budget.outages -= 1;
            self.stop_service(proxy);
        }
        match fate {
            Fate::AnswerLost => {
                self.run_call(call)?;
            }
            Fate::Delayed => self.world.late_calls.push(call),
            Fate::Answered | Fate::Lost => {}
        }
        Ok(None)
    }

    pub(super) fn stop_service(&mut self, proxy: usize) {
        let proxy = &mut self.world.proxies[proxy];
        proxy.serving = false;
        proxy.generation += 1;
    }

    fn run_call(&mut self, call: Call) -> Result<Answer, String> {
        let before = self.world.record.clone();
        let (answer, after) = self.engine.run(&before, call)?;
        if answer == Answer::Absent && after.lease.is_some() && before.is_fenced() {
            return Err("a lease was granted while a fence stands".to_owned());
        }
        if let Call::Fence { token, .. } = call
            && after.value.is_some_and(|i| i.expiry == Expiry::Fence)
            && before.value.is_some_and(|i| i.expiry != Expiry::Fence)
        {
            self.world.shortened_by = Some(token);
        }
        self.world.record = after;
        Ok(answer)
    }

    fn fence_falls(&mut self, id: Id) {
        let world = &mut self.world;
        if world.actors.get(usize::from(id) - 1).is_some_and(|a| !a.is_over()) {
            world.budget.slow_writers = world.budget.slow_writers.saturating_sub(1);
        }
        world.record.fences.insert(id, false);
        if !world.record.is_fenced() {
            world.record.forget_meta();
        }
        if world.shortened_by == Some(id) {
            world.record.value = None;
        }
    }

    fn crash(&mut self, index: usize) {
        let world = &mut self.world;
        world.budget.crashes -= 1;
        for (number, actor) in world.actors.iter_mut().enumerate() {
            if actor.proxy != index || actor.is_over() {
                continue;
            }
            let id = id_of(number);
            // The request may be on its way; it is assumed to arrive before the fence falls.
            if actor.step == Step::Store && world.record.fences.get(&id) == Some(&true) {
                world.late_effects.push(super::writer::late_effect(id, actor, self.slip));
            }
            actor.end(Step::Crashed);
        }
        let proxy = &mut world.proxies[index];
        (proxy.alive, proxy.lock, proxy.flight) = (false, None, None);
    }

    /// An item in the cache has its own expiry, or a fence's while that fence stands.
    fn check_expiry(&self) -> Result<(), String> {
        let Some(item) = self.world.record.value else { return Ok(()) };
        if item.expiry != Expiry::Fence {
            return self.check_genuine(item);
        }
        let sheltered = self.world.record.is_fenced() || self.setup.budget.fence_evictions > 0;
        if sheltered {
            Ok(())
        } else {
            Err("a value kept the expiry of a fence that is gone".to_owned())
        }
    }

    /// The item, with this expiry, was in storage once.
    pub(super) fn check_genuine(&self, item: Item) -> Result<(), String> {
        if self.world.storage.contains(&Some(item)) {
            return Ok(());
        }
        Err(format!("value {} never had the expiry {:?}", item.write, item.expiry))
    }

    /// The cache is empty or equal to storage when everything has ended and expired.
    fn check_end(&self) -> Result<(), String> {
        let record = &self.world.record;
        let stored = self.world.stored();
        let lasting = record.value.filter(|i| i.expiry != Expiry::Fence);
        if lasting.is_some() && lasting != stored {
            return Err(format!("in the end the cache holds {lasting:?} and storage {stored:?}"));
        }
        if record.negative && stored.is_some() {
            return Err(format!("in the end a negative entry hides {stored:?}"));
        }
        Ok(())
    }

    /// Where a flight has come to.
    pub(super) fn set_phase(&mut self, actor: usize, phase: Phase) {
        let proxy = self.world.actors[actor].proxy;
        self.world.proxies[proxy].flight = Some((id_of(actor), phase));
    }
}
