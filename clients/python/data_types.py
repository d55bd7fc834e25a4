"""Values of every data type, as redis-py decodes them; see checks.py for how these are written."""

from redis.exceptions import ResponseError

from suite import Suite, equal, refused, reply, true

DAY_S = 86_400


def tuples(pairs: list) -> list[tuple]:
    """Pairs as RESP2 brings them; from RESP3 they come as lists, a single one without a list around it."""
    if pairs and not isinstance(pairs[0], (list, tuple)):
        pairs = [pairs]
    return [tuple(pair) for pair in pairs]


async def hashes(suite: Suite, c) -> None:
    key = suite.key("hash")
    equal(await reply(c.hset(key, mapping={"a": "1", "b": "text", "n": 5})), 3, "HSET")
    equal(await reply(c.hget(key, "b")), b"text", "HGET")
    equal(await reply(c.hget(key, "missing")), None, "HGET of a missing field")
    equal(await reply(c.hgetall(key)), {b"a": b"1", b"b": b"text", b"n": b"5"}, "HGETALL")
    equal(await reply(c.hmget(key, "a", "missing", "n")), [b"1", None, b"5"], "HMGET")
    equal(await reply(c.hincrby(key, "n", 3)), 8, "HINCRBY")
    equal(await reply(c.hincrbyfloat(key, "n", 0.5)), 8.5, "HINCRBYFLOAT")
    equal(await reply(c.hexists(key, "a")), True, "HEXISTS")
    equal(await reply(c.hdel(key, "a", "missing")), 1, "HDEL")
    equal(sorted(await reply(c.hkeys(key))), [b"b", b"n"], "HKEYS")
    equal(await reply(c.hlen(key)), 2, "HLEN")
    equal(await reply(c.hgetall(suite.key("missing"))), {}, "HGETALL of a missing key")
    _, found = await reply(c.hscan(key))
    equal(found, {b"b": b"text", b"n": b"8.5"}, "HSCAN")
    equal(await reply(c.expire(key, DAY_S)), True, "EXPIRE of a hash")
    equal(await reply(c.type(key)), b"hash", "TYPE of a hash")


async def lists(suite: Suite, c) -> None:
    key, other = suite.key("list"), suite.key("other")
    equal(await reply(c.rpush(key, "b", "c", "d")), 3, "RPUSH")
    equal(await reply(c.lpush(key, "a")), 4, "LPUSH")
    equal(await reply(c.lrange(key, 0, -1)), [b"a", b"b", b"c", b"d"], "LRANGE")
    equal(await reply(c.lindex(key, -1)), b"d", "LINDEX")
    equal(await reply(c.linsert(key, "before", "c", "x")), 5, "LINSERT")
    equal(await reply(c.lpos(key, "x")), 2, "LPOS")
    equal(await reply(c.lset(key, 2, "y")), True, "LSET")
    equal(await reply(c.lmove(key, other, "RIGHT", "LEFT")), b"d", "LMOVE")
    equal(await reply(c.lpop(key)), b"a", "LPOP")
    equal(await reply(c.rpop(key, 2)), [b"c", b"y"], "RPOP with a count")
    equal(await reply(c.ltrim(key, 0, 0)), True, "LTRIM")
    equal(await reply(c.llen(key)), 1, "LLEN")
    equal(await reply(c.lpop(key)), b"b", "LPOP of the last")
    equal(await reply(c.lpop(key)), None, "LPOP of a missing key")
    equal(await reply(c.exists(key, other)), 1, "EXISTS of an emptied list")


async def sets(suite: Suite, c) -> None:
    key, other, target = suite.key("set"), suite.key("other"), suite.key("target")
    equal(await reply(c.sadd(key, "a", "b", "c")), 3, "SADD")
    equal(await reply(c.sadd(other, "b", "c", "d")), 3, "SADD")
    equal(await reply(c.smembers(key)), {b"a", b"b", b"c"}, "SMEMBERS")
    equal(await reply(c.sismember(key, "a")), 1, "SISMEMBER")
    equal([bool(one) for one in await reply(c.smismember(key, "a", "z"))], [True, False], "SMISMEMBER")
    equal(set(await reply(c.sinter(key, other))), {b"b", b"c"}, "SINTER")
    equal(set(await reply(c.sdiff(key, other))), {b"a"}, "SDIFF")
    equal(await reply(c.sunionstore(target, key, other)), 4, "SUNIONSTORE")
    equal(await reply(c.scard(target)), 4, "SCARD")
    equal(await reply(c.smove(key, other, "a")), True, "SMOVE")
    equal(await reply(c.srem(key, "b", "z")), 1, "SREM")
    equal(await reply(c.spop(key)), b"c", "SPOP of the last member")
    equal(await reply(c.smembers(key)), set(), "SMEMBERS of a missing key")


async def sorted_sets(suite: Suite, c) -> None:
    key = suite.key("zset")
    equal(await reply(c.zadd(key, {"a": 1, "b": 2.5, "c": 3})), 3, "ZADD")
    equal(await reply(c.zscore(key, "b")), 2.5, "ZSCORE")
    equal(await reply(c.zscore(key, "missing")), None, "ZSCORE of a missing member")
    equal(await reply(c.zrange(key, 0, -1)), [b"a", b"b", b"c"], "ZRANGE")
    scored = [(b"a", 1.0), (b"b", 2.5), (b"c", 3.0)]
    equal(tuples(await reply(c.zrange(key, 0, -1, withscores=True))), scored, "ZRANGE WITHSCORES")
    equal(await reply(c.zrangebyscore(key, 2, "+inf")), [b"b", b"c"], "ZRANGEBYSCORE")
    equal(await reply(c.zincrby(key, 4, "a")), 5.0, "ZINCRBY")
    equal(await reply(c.zrank(key, "a")), 2, "ZRANK")
    equal(await reply(c.zadd(key, {"a": 1}, gt=True, ch=True)), 0, "ZADD GT CH")
    equal(tuples(await reply(c.zpopmin(key))), [(b"b", 2.5)], "ZPOPMIN")
    equal(await reply(c.zrem(key, "c", "missing")), 1, "ZREM")
    equal(await reply(c.zcard(key)), 1, "ZCARD")
    where = suite.key("geo")
    equal(await reply(c.geoadd(where, (13.361389, 38.115556, "P", 15.087269, 37.502669, "C"))), 2, "GEOADD")
    equal(await reply(c.geodist(where, "P", "C", unit="km")), 166.2742, "GEODIST")


async def streams(suite: Suite, c) -> None:
    key = suite.key("stream")
    entry = (b"1-1", {b"f": b"v"})
    equal(await reply(c.xadd(key, {"f": "v"}, id="1-1")), b"1-1", "XADD")
    equal(await reply(c.xadd(key, {"g": "w"}, id="2-0")), b"2-0", "XADD")
    given = await reply(c.xadd(key, {"h": "x"}))
    true(int(given.split(b"-")[0]) > 2, f"XADD * gave {given!r}")
    equal(await reply(c.xlen(key)), 3, "XLEN")
    equal(tuples(await reply(c.xrange(key, max="1-1"))), [entry], "XRANGE")
    equal(await reply(c.xgroup_create(key, "group", id="0")), True, "XGROUP CREATE")
    with refused(ResponseError, "BUSYGROUP", "XGROUP CREATE again"):
        await reply(c.xgroup_create(key, "group", id="0"))
    read = await reply(c.xreadgroup("group", "me", {key: ">"}, count=1))
    true(b"1-1" in repr(read).encode(), f"XREADGROUP gave {read!r}")
    equal((await reply(c.xpending(key, "group")))["pending"], 1, "XPENDING")
    equal(await reply(c.xack(key, "group", "1-1")), 1, "XACK")
    equal((await reply(c.xinfo_stream(key)))["length"], 3, "XINFO STREAM")
    equal(await reply(c.xdel(key, "1-1")), 1, "XDEL")
    equal(await reply(c.xtrim(key, maxlen=1, approximate=False)), 1, "XTRIM")


async def bits_and_estimates(suite: Suite, c) -> None:
    bits, estimate = suite.key("bits"), suite.key("hll")
    equal(await reply(c.setbit(bits, 7, 1)), 0, "SETBIT")
    equal(await reply(c.getbit(bits, 7)), 1, "GETBIT")
    equal(await reply(c.bitcount(bits)), 1, "BITCOUNT")
    equal(await reply(c.bitfield(bits).set("u8", 8, 200).get("u8", 8).execute()), [0, 200], "BITFIELD")
    equal(bool(await reply(c.pfadd(estimate, "a", "b", "c"))), True, "PFADD")
    equal(await reply(c.pfcount(estimate)), 3, "PFCOUNT")


async def wrong_types(suite: Suite, c) -> None:
    text, numbers = suite.key("text"), suite.key("list")
    await reply(c.set(text, "v"))
    await reply(c.rpush(numbers, "3", "1", "2"))
    with refused(ResponseError, "WRONGTYPE", "LPUSH of a string"):
        await reply(c.lpush(text, "v"))
    with refused(ResponseError, "WRONGTYPE", "GET of a list"):
        await reply(c.get(numbers))
    equal(await reply(c.sort(numbers)), [b"1", b"2", b"3"], "SORT")
    equal(await reply(c.rename(numbers, text)), True, "RENAME over another type")
    equal(await reply(c.type(text)), b"list", "TYPE after it")
    payload = await reply(c.dump(text))
    equal(await reply(c.restore(numbers, 0, payload)), b"OK", "RESTORE")
    equal(await reply(c.lrange(numbers, 0, -1)), [b"3", b"1", b"2"], "LRANGE of what was restored")


ON_ANY_CLIENT = [hashes, lists, sets, sorted_sets, streams, bits_and_estimates, wrong_types]
