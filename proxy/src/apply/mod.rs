//! Brings shares about: rates at once, cache by `maxmemory`, shrink before grow.
//!
//! A change is a list of rounds ([`hopperkv_control::plan`]). A round sets rates, shrinks every cache that gives, and grows those that get as
//! memory comes free, so that what all caches hold together never exceeds what it was before. A direct change has one round.
//! A gradual one moves a bounded amount of cache per round and waits between rounds until the caches that grew are warm, or
//! until a deadline; rates follow one round behind, so that who gets cache keeps the rates to fill it with. A boosted one has one round too, but a tenant whose cache grows has at least its base rates until that cache is warm: for so
//! long the sum of the rates may exceed the total, by at most what those tenants' base rates exceed their new ones.
//!
//! Rounds, room and deadlines are [`hopperkv_control::course`], which is pure; `applier` looks at Redis and carries out orders.
//!
//! A Redis that is down is not waited for: its size is noted in `quota_bytes`, which the keeper sets when Redis returns. What
//! it held counts as held until it is seen again.

mod applier;

pub(crate) use applier::{Applier, Change};
