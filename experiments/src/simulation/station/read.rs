//! GETs: hits, misses, and those who join a read that is under way.

use hopperkv_control::amount::Amount;

use super::super::limit::Charge;
use super::{NET, NONE, READ_UNITS, Station};

/// A storage read and who waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) key: u32,
    pub(super) leader: u32,
    /// The first of those who joined.
    pub(super) joined: u32,
}

impl Station {
    pub(super) fn take_off(&mut self, id: u32, key: u32) {
        let flight = Flight { key, leader: id, joined: NONE };
        let number = match self.spare_flights.pop() {
            Some(number) => {
                self.flights[number as usize] = flight;
                number
            }
            None => {
                self.flights.push(flight);
                u32::try_from(self.flights.len() - 1).unwrap_or(NONE)
            }
        };
        self.cache.take_off(key, number);
        match self.limits[READ_UNITS].charge(number, Amount::units(1), self.now_ns) {
            Charge::Granted => self.reads.push_back((self.now_ns + self.storage_ns, number)),
            Charge::Waits => {}
            Charge::Refused => self.refuse_flight(number),
        }
    }

    pub(super) fn end_hit(&mut self) {
        let Some((_, id)) = self.hits.pop_front() else { return };
        if self.requests[id as usize].is_refused {
            self.deliver(id);
        } else {
            self.pay_for_reply(id);
        }
    }

    pub(super) fn pay_for_reply(&mut self, id: u32) {
        let bytes = Amount::bytes(self.requests[id as usize].demand.item_bytes());
        match self.limits[NET].charge(id, bytes, self.now_ns) {
            Charge::Granted => self.deliver(id),
            Charge::Waits => {}
            Charge::Refused => self.refuse(id),
        }
    }

    /// Storage has answered a read.
    pub(super) fn end_read(&mut self) {
        let Some((_, number)) = self.reads.pop_front() else { return };
        let flight = self.land(number);
        let leader = self.requests[flight.leader as usize];
        let demand = leader.demand;
        let half_units = demand.read_half_units();
        let consumed = Amount::half_units(half_units);
        self.limits[READ_UNITS].settle(Amount::units(1), consumed, self.now_ns);
        self.limits[NET].settle(Amount::ZERO, Amount::bytes(demand.item_bytes()), self.now_ns);
        let totals = &mut self.guests[leader.guest as usize].tally.totals;
        totals.read_half_units += half_units;
        totals.stored_read_bytes += demand.item_bytes();
        if self.cache.land(flight.key, number) {
            self.cache.put(flight.key, demand.key_bytes, demand.value_bytes);
        }
        self.pay_for_reply(flight.leader);
        let mut id = flight.joined;
        while id != NONE {
            let next = self.requests[id as usize].next;
            self.pay_for_reply(id);
            id = next;
        }
    }

    pub(super) fn land(&mut self, number: u32) -> Flight {
        self.spare_flights.push(number);
        self.flights[number as usize]
    }

    pub(super) fn refuse_flight(&mut self, number: u32) {
        let flight = self.land(number);
        self.cache.land(flight.key, number);
        self.refuse(flight.leader);
        let mut id = flight.joined;
        while id != NONE {
            let next = self.requests[id as usize].next;
            self.refuse(id);
            id = next;
        }
    }
}
