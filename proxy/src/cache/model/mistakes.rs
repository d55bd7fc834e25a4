//! Deliberate mistakes, each with a scenario in which it has to be found.

use super::engine::Mistake;
use super::world::Slip;
use crate::cache::scripts::Script::{Fence, Fill, Lease, Publish, Remove};

/// Mistakes in the scripts.
pub(super) fn in_scripts() -> Vec<(Mistake, &'static str)> {
    let mut all = Vec::new();
    let mut add = |script, right, wrong, scenario| all.push(((script, right, wrong), scenario));
    add(Lease, "    fenced = 1\n  elseif", "    fenced = 0\n  elseif", "put");
    add(Lease, "redis.call('PEXPIRE', KEYS[2], ARGV[2])", "", "put");
    add(Lease, "expiry <= now + ARGV[3] or ", "", "fence evicted");
    add(Fill, "if redis.call('HGET', KEYS[2], 'l') ~= ARGV[1] then return 0 end", "", "put");
    // The fence leaves the lease.
    add(
        Fence,
        "redis.call('DEL', KEYS[2])\nlocal before",
        "redis.call('HDEL', KEYS[2], 'n')\nlocal before",
        "one of two dies, exact",
    );
    // The old value outlives the fence.
    add(
        Fence,
        "redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))",
        "redis.call('EXISTS', KEYS[1])",
        "one of two dies",
    );
    // The second fence forgets that there were two.
    add(
        Fence,
        "redis.call('HSET', KEYS[2], 'x', '1', unpack(live))",
        "redis.call('HSET', KEYS[2], unpack(live))",
        "three proxies",
    );
    // The second fence forgets the first.
    add(Fence, "contended = true", "contended = false", "one of two dies");
    add(Publish, "not mine or others or tainted", "not mine", "one of two dies");
    add(Publish, "not mine or others or tainted", "not mine or others", "two proxies");
    add(Publish, "not mine or others or tainted", "others or tainted", "shared fence evicted");
    // An ambiguous write leaves the value.
    add(
        Publish,
        "redis.call('DEL', KEYS[1])\n  redis.call('HDEL', KEYS[2], 'l', 'n')\n  redis.call('HSET'",
        "redis.call('HDEL', KEYS[2], 'l', 'n')\n  redis.call('HSET'",
        "exact, no expiry",
    );
    // An ambiguous write lifts its fence.
    add(
        Publish,
        "  redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last))\n  return 2",
        "  redis.call('DEL', KEYS[2])\n  return 2",
        "one of two dies",
    );
    add(Publish, "redis.call('PERSIST', KEYS[1])", "redis.call('EXISTS', KEYS[1])", "delete");
    add(
        Publish,
        "redis.call('PEXPIREAT', KEYS[1], ARGV[4])",
        "redis.call('PERSIST', KEYS[1])",
        "exact",
    );
    // A published value loses its expiry.
    add(
        Publish,
        "redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4])",
        "redis.call('SET', KEYS[1], ARGV[3])",
        "exact",
    );
    // A value of another type, or one that Redis refuses.
    add(Fill, "'REPLACE', 'ABSTTL'", "'REPLACE'", "list");
    add(Publish, "'REPLACE', 'ABSTTL'", "'REPLACE'", "list");
    add(
        Publish,
        "if loaded.err then\n      redis.call('DEL', KEYS[1])\n      return 0",
        "if loaded.err then\n      return 0",
        "foreign",
    );
    add(Remove, "redis.call('DEL', KEYS[i])", "", "outage");
    add(Remove, "redis.call('HDEL', meta, 'l', 'n')", "", "outage");
    add(Remove, "redis.call('HSET', meta, 'x', '1')", "", "outage, two writers");
    all
}

/// Mistakes in the steps around them.
pub(super) fn in_steps() -> Vec<(Slip, &'static str)> {
    vec![
        (Slip::LateJoinersServed, "put"),
        (Slip::FillingSeatsServed, "put"),
        (Slip::ExactReadOvertakes, "exact, no expiry"),
        (Slip::BypassOvertakes, "outage"),
        (Slip::UnfilledOvertakes, "two writers, a slow read"),
        (Slip::OutageIgnored, "outage"),
        (Slip::NotForgotten, "outage, ambiguous"),
        (Slip::NoKeyLock, "exact, no expiry"),
        (Slip::AcknowledgedEarly, "delete"),
        (Slip::NotNoted, "outage"),
        (Slip::UnfencedInShared, "shared outage, dying"),
        (Slip::AmbiguityPublished, "put"),
        (Slip::AmbiguityRestored, "put"),
        (Slip::NearExpiryBelieved, "shared fence evicted"),
        // A late write undoes acknowledged ones, even where one proxy does it all.
        (Slip::Unconditional, "one proxy, ambiguous"),
        (Slip::Unconditional, "two modify"),
        (Slip::ConflictRestored, "stale, then refuted"),
        (Slip::ConflictReread, "stale, then refuted"),
        (Slip::PublishedFirst, "put"),
    ]
}
