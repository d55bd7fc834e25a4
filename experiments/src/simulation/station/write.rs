//! SETs: their turn, their price, and the value they leave in the cache.

use hopperkv_control::amount::Amount;

use super::super::limit::Charge;
use super::request::Request;
use super::{NET, NONE, Station, WRITE_UNITS};

impl Station {
    /// Writes of one key take turns.
    pub(super) fn take_turn(&mut self, id: u32) {
        let key = self.requests[id as usize].demand.key;
        match self.writing.get_mut(&key) {
            None => {
                self.writing.insert(key, (NONE, NONE));
                self.pay_for_write(id);
            }
            Some((first, last)) => {
                if *first == NONE {
                    *first = id;
                } else {
                    self.requests[*last as usize].next = id;
                }
                *last = id;
            }
        }
    }

    pub(super) fn end_turn(&mut self, key: u32) {
        let Some((first, _)) = self.writing.get_mut(&key) else { return };
        if *first == NONE {
            self.writing.remove(&key);
            return;
        }
        let id = *first;
        *first = self.requests[id as usize].next;
        self.pay_for_write(id);
    }

    pub(super) fn pay_for_write(&mut self, id: u32) {
        let units = Amount::units(self.requests[id as usize].demand.write_units());
        match self.limits[WRITE_UNITS].charge(id, units, self.now_ns) {
            Charge::Granted => self.pay_for_write_bytes(id),
            Charge::Waits => {}
            Charge::Refused => self.refuse_write(id),
        }
    }

    pub(super) fn pay_for_write_bytes(&mut self, id: u32) {
        let bytes = Amount::bytes(2 * self.requests[id as usize].demand.item_bytes());
        match self.limits[NET].charge(id, bytes, self.now_ns) {
            Charge::Granted => self.writes.push_back((self.now_ns + self.storage_ns, id)),
            Charge::Waits => {}
            Charge::Refused => {
                self.give_units_back(id);
                self.refuse_write(id);
            }
        }
    }

    pub(super) fn give_units_back(&mut self, id: u32) {
        let units = Amount::units(self.requests[id as usize].demand.write_units());
        self.limits[WRITE_UNITS].settle(units, Amount::ZERO, self.now_ns);
    }

    pub(super) fn refuse_write(&mut self, id: u32) {
        self.refuse(id);
        self.end_turn(self.requests[id as usize].demand.key);
    }

    /// Storage has taken a write.
    pub(super) fn end_write(&mut self) {
        let Some((_, id)) = self.writes.pop_front() else { return };
        let Request { demand, guest, .. } = self.requests[id as usize];
        self.guests[guest as usize].tally.totals.write_units += demand.write_units();
        self.cache.put(demand.key, demand.key_bytes, demand.value_bytes);
        self.end_turn(demand.key);
        self.deliver(id);
    }
}
