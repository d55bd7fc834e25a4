"""What a client must see, written once for redis-py's blocking and asyncio clients.

Every function takes the suite and a connected client; `reply` hides which of the two it is.
"""

import time

from redis.exceptions import ResponseError

from suite import Suite, between, equal, refused, reply, true, until

BINARY = bytes(range(256)) + b"\r\n\x00$-1\r\n"
DAY_S = 86_400


async def ping(suite: Suite, c) -> None:
    equal(await reply(c.ping()), True, "PING")
    equal(await reply(c.echo(BINARY)), BINARY, "ECHO")


async def binary_values(suite: Suite, c) -> None:
    key = suite.key("binary").encode() + BINARY
    equal(await reply(c.set(key, BINARY)), True, "SET")
    equal(await reply(c.get(key)), BINARY, "GET")
    equal(await reply(c.set(key, b"")), True, "SET of nothing")
    equal(await reply(c.get(key)), b"", "GET of an empty value")


async def set_expiry(suite: Suite, c) -> None:
    now = int(time.time())
    for option in ({"ex": DAY_S}, {"px": DAY_S * 1000}, {"exat": now + DAY_S},
                   {"pxat": (now + DAY_S) * 1000}):
        key = suite.key(next(iter(option)))
        equal(await reply(c.set(key, "v", **option)), True, f"SET {option}")
        between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, f"TTL after SET {option}")
    equal(await reply(c.set(key, "w", keepttl=True)), True, "SET KEEPTTL")
    between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, "TTL after SET KEEPTTL")
    equal(await reply(c.set(key, "x")), True, "SET without options")
    equal(await reply(c.ttl(key)), -1, "TTL after SET without options")


async def set_conditions(suite: Suite, c) -> None:
    key = suite.key("k")
    equal(await reply(c.set(key, "v", xx=True)), None, "SET XX of a missing key")
    equal(await reply(c.get(key)), None, "GET after it")
    equal(await reply(c.set(key, "1", nx=True)), True, "SET NX of a missing key")
    equal(await reply(c.set(key, "2", nx=True)), None, "SET NX of a present key")
    equal(await reply(c.get(key)), b"1", "GET after it")
    equal(await reply(c.set(key, "3", xx=True, ex=DAY_S)), True, "SET XX EX of a present key")
    equal(await reply(c.set(key, "4", get=True)), b"3", "SET GET of a present key")
    equal(await reply(c.set(key, "5", nx=True, get=True)), b"4", "SET NX GET of a present key")
    equal(await reply(c.get(key)), b"4", "GET after it")
    equal(await reply(c.set(suite.key("m"), "1", get=True)), None, "SET GET of a missing key")
    equal(await reply(c.get(suite.key("m"))), b"1", "GET after it")


async def old_setters(suite: Suite, c) -> None:
    key = suite.key("k")
    equal(await reply(c.execute_command("SETEX", key, DAY_S, "v")), True, "SETEX")
    between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, "TTL after SETEX")
    equal(await reply(c.execute_command("PSETEX", key, DAY_S * 1000, "w")), True, "PSETEX")
    between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, "TTL after PSETEX")
    equal(await reply(c.setnx(key, "x")), False, "SETNX of a present key")
    equal(await reply(c.setnx(suite.key("n"), "x")), True, "SETNX of a missing key")
    equal(await reply(c.execute_command("GETSET", key, "y")), b"w", "GETSET")
    equal(await reply(c.ttl(key)), -1, "TTL after GETSET")
    equal(await reply(c.execute_command("GETSET", suite.key("g"), "y")), None, "GETSET missing")


async def many_keys(suite: Suite, c) -> None:
    values = {suite.key(str(i)): str(i).encode() for i in range(50)}
    equal(await reply(c.mset(values)), True, "MSET")
    asked = [*values, suite.key("missing"), next(iter(values))]
    equal(await reply(c.mget(asked)), [*values.values(), None, b"0"], "MGET")
    fresh = {suite.key("a"): "1", suite.key("b"): "2"}
    equal(await reply(c.msetnx({**fresh, asked[0]: "no"})), False, "MSETNX with one present")
    equal(await reply(c.mget(list(fresh))), [None, None], "MGET after it")
    equal(await reply(c.msetnx(fresh)), True, "MSETNX")
    equal(await reply(c.mget(list(fresh))), [b"1", b"2"], "MGET after it")


async def counters(suite: Suite, c) -> None:
    key, real = suite.key("n"), suite.key("f")
    equal(await reply(c.incr(key)), 1, "INCR")
    equal(await reply(c.incrby(key, 41)), 42, "INCRBY")
    equal(await reply(c.decr(key)), 41, "DECR")
    equal(await reply(c.decrby(key, 50)), -9, "DECRBY")
    equal(await reply(c.get(key)), b"-9", "GET of a counter")
    equal(await reply(c.expire(key, DAY_S)), True, "EXPIRE of a counter")
    equal(await reply(c.incr(key)), -8, "INCR of a counter with expiry")
    between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, "TTL after INCR")
    equal(await reply(c.incrbyfloat(real, 10.5)), 10.5, "INCRBYFLOAT")
    equal(await reply(c.incrbyfloat(real, 0.1)), 10.6, "INCRBYFLOAT")
    equal(await reply(c.get(real)), b"10.6", "GET after INCRBYFLOAT")


async def expiry(suite: Suite, c) -> None:
    key, missing = suite.key("k"), suite.key("missing")
    at = int(time.time()) + DAY_S
    equal(await reply(c.ttl(missing)), -2, "TTL of a missing key")
    equal(await reply(c.expire(missing, 1)), False, "EXPIRE of a missing key")
    await reply(c.set(key, "v"))
    equal(await reply(c.ttl(key)), -1, "TTL without expiry")
    equal(await reply(c.expiretime(key)), -1, "EXPIRETIME without expiry")
    equal(await reply(c.expire(key, 100, xx=True)), False, "EXPIRE XX without expiry")
    equal(await reply(c.expire(key, 100, nx=True)), True, "EXPIRE NX without expiry")
    between(await reply(c.ttl(key)), 40, 100, "TTL")
    between(await reply(c.pttl(key)), 40_000, 100_000, "PTTL")
    equal(await reply(c.expire(key, 200, lt=True)), False, "EXPIRE LT, later")
    equal(await reply(c.expire(key, 200, gt=True)), True, "EXPIRE GT, later")
    equal(await reply(c.pexpire(key, 300_000)), True, "PEXPIRE")
    between(await reply(c.ttl(key)), 240, 300, "TTL after PEXPIRE")
    equal(await reply(c.expireat(key, at)), True, "EXPIREAT")
    equal(await reply(c.expiretime(key)), at, "EXPIRETIME")
    equal(await reply(c.pexpireat(key, at * 1000 + 5)), True, "PEXPIREAT")
    equal(await reply(c.pexpiretime(key)), at * 1000 + 5, "PEXPIRETIME")
    equal(await reply(c.persist(key)), True, "PERSIST")
    equal(await reply(c.persist(key)), False, "PERSIST without expiry")
    equal(await reply(c.expireat(key, 1)), True, "EXPIREAT in the past")
    equal(await reply(c.exists(key)), 0, "EXISTS after it")


async def keys_expire(suite: Suite, c) -> None:
    key = suite.key("k")
    await reply(c.set(key, "v", px=200))

    async def gone() -> bool:
        return await reply(c.get(key)) is None

    await until(gone, "a key set with PX 200 goes away")
    equal(await reply(c.ttl(key)), -2, "TTL of an expired key")
    equal(await reply(c.exists(key)), 0, "EXISTS of an expired key")


async def get_and_change(suite: Suite, c) -> None:
    key, now = suite.key("k"), int(time.time())
    equal(await reply(c.getex(key, ex=5)), None, "GETEX of a missing key")
    equal(await reply(c.getdel(key)), None, "GETDEL of a missing key")
    await reply(c.set(key, "v"))
    equal(await reply(c.getex(key)), b"v", "GETEX without options")
    equal(await reply(c.ttl(key)), -1, "TTL after it")
    for option in ({"ex": DAY_S}, {"px": DAY_S * 1000}, {"exat": now + DAY_S},
                   {"pxat": (now + DAY_S) * 1000}):
        equal(await reply(c.getex(key, **option)), b"v", f"GETEX {option}")
        between(await reply(c.ttl(key)), DAY_S - 60, DAY_S, f"TTL after GETEX {option}")
    equal(await reply(c.getex(key, persist=True)), b"v", "GETEX PERSIST")
    equal(await reply(c.ttl(key)), -1, "TTL after GETEX PERSIST")
    equal(await reply(c.getdel(key)), b"v", "GETDEL")
    equal(await reply(c.get(key)), None, "GET after GETDEL")


async def parts_of_values(suite: Suite, c) -> None:
    key = suite.key("k")
    equal(await reply(c.append(key, "Hello")), 5, "APPEND to a missing key")
    equal(await reply(c.append(key, " World")), 11, "APPEND")
    equal(await reply(c.strlen(key)), 11, "STRLEN")
    equal(await reply(c.strlen(suite.key("missing"))), 0, "STRLEN of a missing key")
    equal(await reply(c.getrange(key, 0, 4)), b"Hello", "GETRANGE")
    equal(await reply(c.getrange(key, -5, -1)), b"World", "GETRANGE from the end")
    equal(await reply(c.getrange(key, 20, 30)), b"", "GETRANGE beyond the end")
    equal(await reply(c.setrange(key, 6, "Redis")), 11, "SETRANGE")
    equal(await reply(c.get(key)), b"Hello Redis", "GET after SETRANGE")
    equal(await reply(c.setrange(suite.key("pad"), 3, "x")), 4, "SETRANGE of a missing key")
    equal(await reply(c.get(suite.key("pad"))), b"\0\0\0x", "GET after it")


async def whole_keys(suite: Suite, c) -> None:
    a, b, d, missing = (suite.key(name) for name in ("a", "b", "d", "missing"))
    await reply(c.mset({a: "1", b: "2", d: "3"}))
    equal(await reply(c.exists(a, b, missing, a)), 3, "EXISTS")
    equal(await reply(c.touch(a, missing)), 1, "TOUCH")
    equal(await reply(c.type(a)), b"string", "TYPE")
    equal(await reply(c.type(missing)), b"none", "TYPE of a missing key")
    equal(await reply(c.delete(a, missing)), 1, "DEL")
    equal(await reply(c.unlink(b, d, missing)), 2, "UNLINK")
    equal(await reply(c.mget(a, b, d)), [None, None, None], "MGET after DEL and UNLINK")


async def pipeline(suite: Suite, c) -> None:
    """1,000 commands in one write: 250 keys, each set, read, counted and read back."""
    pipe, expected = c.pipeline(transaction=False), []
    for i in range(250):
        key = suite.key(str(i))
        pipe.set(key, i)
        pipe.get(key)
        pipe.incr(key)
        pipe.get(key)
        expected += [True, str(i).encode(), i + 1, str(i + 1).encode()]
    equal(await reply(pipe.execute()), expected, "a pipeline of 1,000 commands")


async def pipeline_with_errors(suite: Suite, c) -> None:
    text, number = suite.key("text"), suite.key("number")
    pipe = c.pipeline(transaction=False)
    pipe.set(text, "abc")
    pipe.incr(text)
    pipe.execute_command("NOSUCHCOMMAND")
    pipe.incr(number)
    replies = await reply(pipe.execute(raise_on_error=False))
    equal(replies[0], True, "before the errors")
    true(isinstance(replies[1], ResponseError), f"INCR of a text gave {replies[1]!r}")
    true(isinstance(replies[2], ResponseError), f"unknown command gave {replies[2]!r}")
    equal(replies[3], 1, "after the errors")


async def errors(suite: Suite, c) -> None:
    key = suite.key("text")
    await reply(c.set(key, "abc"))
    cases = [
        (("INCR", key), "value is not an integer or out of range"),
        (("INCRBYFLOAT", key, "1"), "value is not a valid float"),
        (("GET",), "wrong number of arguments for 'get' command"),
        (("SET", key), "wrong number of arguments for 'set' command"),
        (("SET", key, "v", "NX", "XX"), "syntax error"),
        (("SET", key, "v", "EX", "0"), "invalid expire time in 'set' command"),
        (("SET", key, "v", "EX", "ten"), "value is not an integer or out of range"),
        (("SETRANGE", key, "-1", "v"), "offset is out of range"),
        (("EXPIRE", key, "10", "NX", "GT"), "options at the same time are not compatible"),
        (("NOSUCHCOMMAND", "a", "b"),
         "unknown command 'NOSUCHCOMMAND', with args beginning with: 'a' 'b'"),
        (("CLIENT", "NOSUCHTHING"), "unknown subcommand 'NOSUCHTHING'. Try CLIENT HELP."),
    ]
    for command, text in cases:
        with refused(ResponseError, text, " ".join(command)):
            await reply(c.execute_command(*command))
    await reply(c.set(key, str(2**63 - 1)))
    with refused(ResponseError, "increment or decrement would overflow", "INCR of 2^63-1"):
        await reply(c.incr(key))
    equal(await reply(c.ping()), True, "PING after errors")


async def large_value(suite: Suite, c) -> None:
    key, value = suite.key("k"), BINARY * 1200
    true(len(value) > 300_000, "the value has 300 KB")
    equal(await reply(c.set(key, value)), True, "SET of 300 KB")
    equal(await reply(c.get(key)), value, "GET of 300 KB")
    equal(await reply(c.strlen(key)), len(value), "STRLEN of 300 KB")


async def over_limit(suite: Suite, c) -> None:
    """HopperKV's own limits, which a stock Redis does not have."""
    key = suite.key("k")
    await reply(c.set(key, "kept"))
    with refused(ResponseError, "value is 500000 bytes; DynamoDB items hold 400 KB", "SET 500 KB"):
        await reply(c.set(key, b"x" * 500_000))
    equal(await reply(c.get(key)), b"kept", "GET after a refused SET")
    with refused(ResponseError, "key is 2049 bytes; DynamoDB keys hold 2048", "SET of a long key"):
        await reply(c.set("k" * 2049, "v"))
    with refused(ResponseError, "key is 0 bytes", "SET of an empty key"):
        await reply(c.set("", "v"))
    with refused(ResponseError, "unknown command", "BLPOP"):
        await reply(c.blpop(key, timeout=1))
    equal(await reply(c.ping()), True, "PING after refusals")


async def iteration(suite: Suite, c) -> None:
    names = {suite.key(f"walk:{i}").encode() for i in range(30)}
    await reply(c.mset({name: "v" for name in names}))
    pattern = suite.key("walk:*")
    found = c.scan_iter(match=pattern, count=7)
    found = [key async for key in found] if hasattr(found, "__aiter__") else list(found)
    equal(set(found), names, "scan_iter")
    equal(set(await reply(c.keys(pattern))), names, "KEYS")
    true(await reply(c.dbsize()) >= len(names), "DBSIZE")
    true(isinstance(await reply(c.randomkey()), bytes), "RANDOMKEY")


async def introspection(suite: Suite, c, user: str, resp: int | None) -> None:
    """Needs a client bound to one connection."""
    me = await reply(c.client_id())
    true(isinstance(me, int) and me > 0, f"CLIENT ID gave {me!r}")
    equal(await reply(c.client_getname()), None, "CLIENT GETNAME before SETNAME")
    equal(await reply(c.client_setname("suite")), True, "CLIENT SETNAME")
    # redis-py decodes this reply in RESP2 only.
    true(await reply(c.client_getname()) in ("suite", b"suite"), "CLIENT GETNAME")
    info = await reply(c.client_info())
    equal(int(info["id"]), me, "id in CLIENT INFO")
    equal(info["name"], "suite", "name in CLIENT INFO")
    equal(info["user"], user, "user in CLIENT INFO")
    if resp is not None:
        equal(int(info["resp"]), resp, "resp in CLIENT INFO")
    listed = [int(client["id"]) for client in await reply(c.client_list())]
    true(me in listed, f"CLIENT LIST {listed} has not {me}")
    server = await reply(c.info())
    true("redis_version" in server, "INFO has redis_version")
    seconds, _ = await reply(c.time())
    between(seconds, time.time() - 60, time.time() + 60, "TIME")
    true(await reply(c.command_count()) > 40, "COMMAND COUNT")
    equal(await reply(c.select(0)), True, "SELECT 0")


ON_ANY_CLIENT = [
    ping, binary_values, set_expiry, set_conditions, old_setters, many_keys, counters, expiry,
    keys_expire, get_and_change, parts_of_values, whole_keys, iteration, pipeline, pipeline_with_errors,
    errors, large_value,
]
