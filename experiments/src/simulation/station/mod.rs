//! A cache, three limits and the clients that use them, event by event in virtual time.
//!
//! Whatever takes a fixed time ends in the order in which it began, so a queue for each of these and the three lines of the
//! limits are the whole calendar. The life of a request is that of `docs/life-of-a-request.md`:
//!
//! ```text
//! GET  cache: hit ----------------------------------------------> reply bytes -> delivered
//!             absent -> read units -> storage -> into the cache -> reply bytes -> delivered
//!             on its way by another's read: with that one -----> reply bytes -> delivered
//! SET  turn of its key -> write units -> bytes, both sides -> storage -> into the cache -> delivered
//! ```

mod read;
mod request;
mod write;

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use hare::{Access, Resources};
use hopperkv_control::amount::{Amount, Rate};

use super::Model;
use super::cache::{Cache, Place};
use super::entries::EntryBytes;
use super::guest::{Guest, Loop};
use super::limit::{Limit, NEVER_NS, Served};
use read::Flight;
use request::Request;

/// No request.
const NONE: u32 = u32::MAX;
/// The second at which runs begin, on the cache's clock: entries may be older.
pub(super) const BEGIN_S: u32 = 1 << 31;
const NS_PER_S: u64 = 1_000_000_000;

const READ_UNITS: usize = 0;
const WRITE_UNITS: usize = 1;
const NET: usize = 2;

/// One connection of a closed loop: its requests lie behind each other, and replies leave in order.
#[derive(Debug, Clone, Copy)]
struct Connection {
    guest: u32,
    number: u32,
    first: u32,
    depth: u32,
    head: u32,
}

/// One server with its clients.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) cache: Cache,
    pub(super) guests: Vec<Guest>,
    pub(super) now_ns: u64,
    share: Resources,
    limits: [Limit; 3],
    hit_ns: u64,
    storage_ns: u64,
    hits: VecDeque<(u64, u32)>,
    reads: VecDeque<(u64, u32)>,
    writes: VecDeque<(u64, u32)>,
    requests: Vec<Request>,
    /// Numbers of requests of open loops that are free again.
    spare_requests: Vec<u32>,
    connections: Vec<Connection>,
    flights: Vec<Flight>,
    spare_flights: Vec<u32>,
    /// Keys being written, with the first and the last of those who wait for their turn.
    writing: HashMap<u32, (u32, u32), FixedState>,
    next_second_ns: u64,
    /// A guest has an open loop.
    has_open: bool,
}

impl Station {
    /// A station without clients at time 0.
    pub(super) fn new(cache: Cache, share: Resources, guests: Vec<Guest>, model: &Model) -> Self {
        let max_wait_ns = ns_of(model.max_wait);
        let least = [Amount::units(1), Amount::units(1), Amount::bytes(4096)];
        let limits = rates(&share);
        let has_open = guests.iter().any(|guest| matches!(guest.traffic, Loop::Open { .. }));
        let limits = [0, 1, 2].map(|of| Limit::new(limits[of], least[of], max_wait_ns));
        let mut station = Self {
            cache,
            guests,
            now_ns: 0,
            share,
            limits,
            hit_ns: ns_of(model.hit).max(1),
            storage_ns: ns_of(model.storage),
            hits: VecDeque::new(),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            requests: Vec::new(),
            spare_requests: Vec::new(),
            connections: Vec::new(),
            flights: Vec::new(),
            spare_flights: Vec::new(),
            writing: HashMap::default(),
            next_second_ns: NS_PER_S,
            has_open,
        };
        station.cache.set_clock(BEGIN_S);
        station.cache.resize(share.cache_bytes);
        station
    }

    /// Goes back to time 0 and an empty cache, with the same guests there, as they began.
    pub(super) fn begin_again(&mut self, model: &Model) {
        let nothing = Cache::new(0, EntryBytes::Ranges(Vec::new()), model, 0);
        let mut cache = std::mem::replace(&mut self.cache, nothing);
        cache.reset();
        let mut guests = std::mem::take(&mut self.guests);
        let present: Vec<usize> = (0..guests.len()).filter(|&at| guests[at].is_present()).collect();
        guests.iter_mut().for_each(Guest::begin_again);
        *self = Self::new(cache, self.share, guests, model);
        for guest in present {
            self.arrive(guest);
        }
    }

    /// What its clients may use.
    pub(super) fn share(&self) -> Resources {
        self.share
    }

    /// Notes a share: its rates hold at once, its cache has a size of its own.
    pub(super) fn note(&mut self, share: Resources) {
        self.share = share;
        for (limit, rate) in self.limits.iter_mut().zip(rates(&share)) {
            limit.set_rate(rate, self.now_ns);
        }
    }

    /// Requests that had to wait for a limit.
    pub(super) fn waits(&self) -> u64 {
        self.limits.iter().map(Limit::waits).sum()
    }

    /// Ends the traffic of a guest, whose cache goes with it.
    pub(super) fn leave(&mut self, guest: usize) {
        self.guests[guest].leave();
        if !self.guests.iter().any(Guest::is_present) {
            self.cache.clear();
        }
    }

    /// Begins the traffic of a guest.
    pub(super) fn arrive(&mut self, guest: usize) {
        let number = u32::try_from(guest).unwrap_or(NONE);
        self.guests[guest].arrive(self.now_ns);
        let Loop::Closed { connections, depth } = self.guests[guest].traffic else { return };
        for connection in 0..connections {
            let first = u32::try_from(self.requests.len()).unwrap_or(NONE);
            let id = u32::try_from(self.connections.len()).unwrap_or(NONE);
            self.connections.push(Connection {
                guest: number,
                number: connection,
                first,
                depth,
                head: 0,
            });
            for request in first..first + depth {
                self.requests.push(Request::unused(number, id));
                self.issue(request);
            }
        }
    }

    /// Runs until `end_ns`, which is the time afterwards.
    pub(super) fn run(&mut self, end_ns: u64) {
        loop {
            let change_ns = self.guests.iter().map(Guest::changes_ns).min().unwrap_or(NEVER_NS);
            self.run_unchanged(end_ns.min(change_ns));
            if change_ns > end_ns {
                return;
            }
            for guest in &mut self.guests {
                if guest.changes_ns() <= change_ns {
                    guest.source.change();
                }
            }
        }
    }

    /// Ends an interval of every guest.
    pub(super) fn end_interval(&mut self) {
        let (now_s, share) = (self.now_ns as f64 / NS_PER_S as f64, self.share);
        for guest in &mut self.guests {
            let is_present = guest.is_present();
            guest.tally.end_interval(now_s, share, is_present);
        }
    }

    /// The same without changes of traffic.
    pub(super) fn run_unchanged(&mut self, end_ns: u64) {
        loop {
            let queued = |queue: &VecDeque<(u64, u32)>| queue.front().map_or(NEVER_NS, |due| due.0);
            let hit = queued(&self.hits);
            let [read, write] = [&self.reads, &self.writes].map(queued);
            let limits = [0, 1, 2].map(|limit| self.limits[limit].due_ns());
            let arrival = if self.has_open { self.next_arrival_ns() } else { NEVER_NS };
            let other = read.min(write).min(limits[0]).min(limits[1]).min(limits[2]).min(arrival);
            let due = hit.min(other);
            if due > end_ns {
                self.now_ns = self.now_ns.max(end_ns);
                return;
            }
            self.now_ns = due;
            self.tell_time();
            if hit <= other {
                self.end_hit();
            } else if read == due {
                self.end_read();
            } else if write == due {
                self.end_write();
            } else if let Some(limit) = limits.iter().position(|at| *at == due) {
                self.serve(limit);
            } else {
                self.take_arrivals();
            }
        }
    }

    fn next_arrival_ns(&self) -> u64 {
        self.guests.iter().map(Guest::next_arrival_ns).min().unwrap_or(NEVER_NS)
    }

    fn tell_time(&mut self) {
        if self.now_ns >= self.next_second_ns {
            let second = self.now_ns / NS_PER_S;
            self.next_second_ns = (second + 1) * NS_PER_S;
            self.cache.set_clock(BEGIN_S.wrapping_add(u32::try_from(second).unwrap_or(u32::MAX)));
        }
    }

    fn take_arrivals(&mut self) {
        for guest in 0..self.guests.len() {
            while self.guests[guest].next_arrival_ns() <= self.now_ns {
                self.guests[guest].arrived_one();
                let number = u32::try_from(guest).unwrap_or(NONE);
                let id = self.spare_requests.pop().unwrap_or_else(|| {
                    self.requests.push(Request::unused(number, NONE));
                    u32::try_from(self.requests.len() - 1).unwrap_or(NONE)
                });
                self.requests[id as usize].guest = number;
                self.issue(id);
            }
        }
    }

    /// A client sends its next request.
    fn issue(&mut self, id: u32) {
        let request = &mut self.requests[id as usize];
        let connection = match request.connection {
            NONE => 0,
            connection => self.connections[connection as usize].number,
        };
        let guest = &mut self.guests[request.guest as usize];
        let mut demand = guest.source.next(connection);
        let within = demand.key;
        demand.key += guest.first_key;
        *request = Request {
            demand,
            began_ns: self.now_ns,
            next: NONE,
            is_hit: false,
            is_refused: false,
            is_done: false,
            ..*request
        };
        if demand.is_write {
            guest.saw(within, &demand, Access::Write);
            self.take_turn(id);
            return;
        }
        guest.saw(within, &demand, Access::Read);
        match self.cache.use_key(demand.key) {
            Place::Resident => {
                request.is_hit = true;
                self.hits.push_back((self.now_ns + self.hit_ns, id));
            }
            Place::Flying(flight) => {
                request.is_hit = true;
                let flight = &mut self.flights[flight as usize];
                request.next = std::mem::replace(&mut flight.joined, id);
            }
            Place::Absent => self.take_off(id, demand.key),
        }
    }

    /// The client learns of it as soon as of a hit.
    fn refuse(&mut self, id: u32) {
        self.requests[id as usize].is_refused = true;
        self.hits.push_back((self.now_ns + self.hit_ns, id));
    }

    /// Serves those in a line who are due.
    fn serve(&mut self, limit: usize) {
        while let Some(served) = self.limits[limit].serve(self.now_ns) {
            match (limit, served) {
                (READ_UNITS, Served::Granted(flight)) => {
                    self.reads.push_back((self.now_ns + self.storage_ns, flight));
                }
                (READ_UNITS, Served::Refused(flight)) => self.refuse_flight(flight),
                (WRITE_UNITS, Served::Granted(id)) => self.pay_for_write_bytes(id),
                (WRITE_UNITS, Served::Refused(id)) => self.refuse_write(id),
                (_, Served::Granted(id)) if self.requests[id as usize].demand.is_write => {
                    self.writes.push_back((self.now_ns + self.storage_ns, id));
                }
                (_, Served::Granted(id)) => self.deliver(id),
                (_, Served::Refused(id)) if self.requests[id as usize].demand.is_write => {
                    self.give_units_back(id);
                    self.refuse_write(id);
                }
                (_, Served::Refused(id)) => self.refuse(id),
            }
        }
    }

    /// The reply is there; it leaves when those before it on the connection have left, and a new request takes its place.
    fn deliver(&mut self, id: u32) {
        let connection = self.requests[id as usize].connection;
        if connection == NONE {
            self.count(id);
            self.spare_requests.push(id);
            return;
        }
        self.requests[id as usize].is_done = true;
        loop {
            let Connection { guest, first, depth, head, .. } =
                self.connections[connection as usize];
            let front = first + head;
            if !self.requests[front as usize].is_done {
                return;
            }
            self.requests[front as usize].is_done = false;
            self.count(front);
            if !self.guests[guest as usize].is_present() {
                return;
            }
            self.connections[connection as usize].head = (head + 1) % depth;
            self.issue(front);
        }
    }

    fn count(&mut self, id: u32) {
        let Request { demand, guest, began_ns, is_hit, is_refused, .. } =
            self.requests[id as usize];
        let tally = &mut self.guests[guest as usize].tally;
        let totals = &mut tally.totals;
        if is_refused {
            totals.refused += 1;
            return;
        }
        if demand.is_write {
            totals.writes += 1;
            totals.written_bytes += demand.item_bytes();
        } else {
            totals.reads += 1;
            totals.hits += u64::from(is_hit);
            totals.read_bytes += demand.item_bytes();
            totals.read_half_units_if_missed += demand.read_half_units();
        }
        tally.took(self.now_ns - began_ns);
    }
}

fn rates(share: &Resources) -> [Rate; 3] {
    [share.read_units_per_s, share.write_units_per_s, share.net_bytes_per_s].map(Rate::per_second)
}

fn ns_of(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
