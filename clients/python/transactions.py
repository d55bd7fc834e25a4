"""MULTI, WATCH and locks as redis-py uses them by itself; see checks.py for how these are written."""

import inspect

from redis.exceptions import LockError, LockNotOwnedError, ResponseError, WatchError

from suite import Suite, between, equal, refused, reply, true, until


async def pipeline(suite: Suite, c) -> None:
    """`pipeline()` without arguments wraps what it sends in MULTI and EXEC."""
    text, items, scores = suite.key("text"), suite.key("list"), suite.key("zset")
    pipe = c.pipeline()
    pipe.set(text, "1").incr(text).get(text)
    pipe.rpush(items, "a", "b").lrange(items, 0, -1)
    pipe.zadd(scores, {"m": 1.5}).zscore(scores, "m")
    pipe.exists(suite.key("missing"))
    expected = [True, 2, b"2", 2, [b"a", b"b"], 1, 1.5, 0]
    equal(await reply(pipe.execute()), expected, "pipeline()")
    pipe.incr(text)
    equal(await reply(pipe.execute()), [3], "the same pipeline again")


async def pipeline_with_error(suite: Suite, c) -> None:
    text, number = suite.key("text"), suite.key("number")
    pipe = c.pipeline()
    pipe.set(text, "abc").incr(text).incr(number)
    replies = await reply(pipe.execute(raise_on_error=False))
    true(isinstance(replies[1], ResponseError), f"INCR of a text gave {replies[1]!r}")
    equal([replies[0], replies[2]], [True, 1], "the commands beside an error")
    pipe.incr(number)
    pipe.execute_command("NOSUCHCOMMAND")
    with refused(ResponseError, "unknown command", "an unknown command in a transaction"):
        await reply(pipe.execute())
    equal(await reply(c.get(number)), b"1", "GET after a transaction that was refused")


async def watch(suite: Suite, c) -> None:
    key = suite.key("k")
    await reply(c.set(key, "1"))
    pipe = c.pipeline()
    await reply(pipe.watch(key))
    equal(await reply(pipe.get(key)), b"1", "GET after WATCH")
    pipe.multi()
    pipe.set(key, "2")
    equal(await reply(pipe.execute()), [True], "EXEC without another's change")
    await reply(pipe.watch(key))
    await reply(c.set(key, "another's"))
    pipe.multi()
    pipe.set(key, "3")
    with refused(WatchError, "Watched variable changed", "EXEC after another's change"):
        await reply(pipe.execute())
    equal(await reply(c.get(key)), b"another's", "GET after it")
    await reply(pipe.watch(key))
    await reply(c.set(key, "once more"))
    await reply(pipe.unwatch())
    pipe.set(key, "4")
    equal(await reply(pipe.execute()), [True], "EXEC after UNWATCH")
    await reply(pipe.reset())


async def retried_transaction(suite: Suite, c) -> None:
    """`transaction()` runs its function again as long as others change what it watches."""
    key, runs = suite.key("k"), []
    await reply(c.set(key, "1"))

    def double(pipe):
        value = int(pipe.get(key))
        runs.append(value)
        if len(runs) < 3:
            c.incr(key)
        pipe.multi()
        pipe.set(key, value * 2)

    async def double_later(pipe):
        value = int(await pipe.get(key))
        runs.append(value)
        if len(runs) < 3:
            await c.incr(key)
        pipe.multi()
        pipe.set(key, value * 2)

    is_asyncio = inspect.iscoroutinefunction(c.transaction)
    replies = await reply(c.transaction(double_later if is_asyncio else double, key))
    equal(replies, [True], "transaction()")
    equal(runs, [1, 2, 3], "what each run read")
    equal(await reply(c.get(key)), b"6", "GET after it")


async def lock(suite: Suite, c) -> None:
    name = suite.key("lock")
    mine, another = c.lock(name, timeout=60), c.lock(name, timeout=60)
    equal(await reply(mine.acquire(blocking=False)), True, "acquire")
    equal(await reply(mine.locked()), True, "locked")
    equal(await reply(mine.owned()), True, "owned")
    equal(await reply(another.owned()), False, "owned, asked by another")
    equal(await reply(another.acquire(blocking=False)), False, "acquire by another")
    equal(await reply(another.acquire(blocking_timeout=0.3)), False, "a patient acquire by another")
    equal(await reply(mine.extend(60)), True, "extend")
    between(await reply(c.pttl(name)), 100_000, 120_000, "PTTL after extend")
    equal(await reply(mine.extend(30, replace_ttl=True)), True, "extend to")
    between(await reply(c.pttl(name)), 20_000, 30_000, "PTTL after extend to")
    equal(await reply(mine.reacquire()), True, "reacquire")
    between(await reply(c.pttl(name)), 50_000, 60_000, "PTTL after reacquire")
    await reply(mine.release())
    equal(await reply(c.exists(name)), 0, "EXISTS after release")
    equal(await reply(another.acquire(blocking=False)), True, "acquire by another after release")
    await reply(another.release())


async def lock_of_another(suite: Suite, c) -> None:
    name = suite.key("lock")
    late, next_one = c.lock(name, timeout=0.2), c.lock(name, timeout=60)
    equal(await reply(late.acquire()), True, "acquire")

    async def free() -> bool:
        return await reply(next_one.acquire(blocking=False))

    await until(free, "a lock taken for 200 ms is free again")
    with refused(LockNotOwnedError, "no longer owned", "release by who lost it"):
        await reply(late.release())
    fresh = c.lock(name, timeout=60)
    with refused(LockError, "already unlocked", "release by who never had it"):
        await reply(fresh.release())
    equal(await reply(next_one.owned()), True, "owned after others' releases")
    await reply(next_one.release())
    stale = c.lock(name, timeout=60)
    equal(await reply(stale.acquire()), True, "acquire")
    await reply(c.set(name, "another's token"))
    for what in (lambda: stale.extend(1), stale.reacquire):
        with refused(LockNotOwnedError, "", "extend and reacquire by who lost it"):
            await reply(what())
    equal(await reply(c.get(name)), b"another's token", "GET after them")


ON_ANY_CLIENT = [pipeline, pipeline_with_error, watch, retried_transaction, lock, lock_of_another]
