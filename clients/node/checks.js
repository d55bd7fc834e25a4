// What a client must see, written once. Every Node client library is wrapped in an adapter (see
// adapters/) that calls the library's own methods and returns strings, numbers, null or Buffers.

import { between, equal, refused, truth, until } from "./suite.js";

const BINARY = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from("\r\n\0$-1\r\n")]);
const DAY_S = 86_400;
const CLIENTS = 100;

async function ping({ c }) {
  equal(await c.ping(), "PONG", "PING");
  equal(await c.echo("héllo\r\n"), "héllo\r\n", "ECHO");
}

async function binaryValues({ c, key }) {
  const name = Buffer.concat([Buffer.from(key("binary")), BINARY]);
  equal(await c.set(name, BINARY), "OK", "SET");
  equal(await c.getBytes(name), BINARY, "GET");
  equal(await c.set(name, ""), "OK", "SET of nothing");
  equal(await c.getBytes(name), Buffer.alloc(0), "GET of an empty value");
}

async function setExpiry({ c, key }) {
  const now = Math.floor(Date.now() / 1000);
  const options = [["EX", DAY_S], ["PX", DAY_S * 1000], ["EXAT", now + DAY_S], ["PXAT", (now + DAY_S) * 1000]];
  for (const [unit, value] of options) {
    equal(await c.set(key("k"), "v", { [unit]: value }), "OK", `SET ${unit}`);
    between(await c.ttl(key("k")), DAY_S - 60, DAY_S, `TTL after SET ${unit}`);
  }
  equal(await c.set(key("k"), "w", { KEEPTTL: true }), "OK", "SET KEEPTTL");
  between(await c.ttl(key("k")), DAY_S - 60, DAY_S, "TTL after SET KEEPTTL");
  equal(await c.set(key("k"), "x"), "OK", "SET without options");
  equal(await c.ttl(key("k")), -1, "TTL after SET without options");
}

async function setConditions({ c, key }) {
  const k = key("k");
  equal(await c.set(k, "v", { XX: true }), null, "SET XX of a missing key");
  equal(await c.get(k), null, "GET after it");
  equal(await c.set(k, "1", { NX: true }), "OK", "SET NX of a missing key");
  equal(await c.set(k, "2", { NX: true }), null, "SET NX of a present key");
  equal(await c.get(k), "1", "GET after it");
  equal(await c.set(k, "3", { XX: true, EX: DAY_S }), "OK", "SET XX EX of a present key");
  equal(await c.set(k, "4", { GET: true }), "3", "SET GET of a present key");
  equal(await c.set(k, "5", { NX: true, GET: true }), "4", "SET NX GET of a present key");
  equal(await c.get(k), "4", "GET after it");
  equal(await c.set(key("m"), "1", { GET: true }), null, "SET GET of a missing key");
  equal(await c.get(key("m")), "1", "GET after it");
}

async function oldSetters({ c, key }) {
  const k = key("k");
  equal(await c.setex(k, DAY_S, "v"), "OK", "SETEX");
  between(await c.ttl(k), DAY_S - 60, DAY_S, "TTL after SETEX");
  equal(await c.psetex(k, DAY_S * 1000, "w"), "OK", "PSETEX");
  between(await c.ttl(k), DAY_S - 60, DAY_S, "TTL after PSETEX");
  equal(await c.setnx(k, "x"), 0, "SETNX of a present key");
  equal(await c.setnx(key("n"), "x"), 1, "SETNX of a missing key");
  equal(await c.getset(k, "y"), "w", "GETSET");
  equal(await c.ttl(k), -1, "TTL after GETSET");
  equal(await c.getset(key("g"), "y"), null, "GETSET of a missing key");
}

async function manyKeys({ c, key }) {
  const values = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [key(i), String(i)]));
  const keys = Object.keys(values);
  equal(await c.mset(values), "OK", "MSET");
  equal(await c.mget([...keys, key("missing"), keys[0]]), [...Object.values(values), null, "0"], "MGET");
  const fresh = { [key("a")]: "1", [key("b")]: "2" };
  equal(await c.msetnx({ ...fresh, [keys[0]]: "no" }), 0, "MSETNX with one present");
  equal(await c.mget(Object.keys(fresh)), [null, null], "MGET after it");
  equal(await c.msetnx(fresh), 1, "MSETNX");
  equal(await c.mget(Object.keys(fresh)), ["1", "2"], "MGET after it");
}

async function iteration({ c, key }) {
  const names = Array.from({ length: 30 }, (_, i) => key(`walk:${i}`));
  equal(await c.mset(Object.fromEntries(names.map((name) => [name, "v"]))), "OK", "MSET");
  const found = new Set(await c.walk(key("walk:*")));
  equal([...found].sort(), [...names].sort(), "SCAN to the end");
}

async function counters({ c, key }) {
  equal(await c.incr(key("n")), 1, "INCR");
  equal(await c.incrBy(key("n"), 41), 42, "INCRBY");
  equal(await c.decr(key("n")), 41, "DECR");
  equal(await c.decrBy(key("n"), 50), -9, "DECRBY");
  equal(await c.get(key("n")), "-9", "GET of a counter");
  equal(await c.expire(key("n"), DAY_S), 1, "EXPIRE of a counter");
  equal(await c.incr(key("n")), -8, "INCR of a counter with expiry");
  between(await c.ttl(key("n")), DAY_S - 60, DAY_S, "TTL after INCR");
  equal(Number(await c.incrByFloat(key("f"), 10.5)), 10.5, "INCRBYFLOAT");
  equal(Number(await c.incrByFloat(key("f"), 0.1)), 10.6, "INCRBYFLOAT");
  equal(await c.get(key("f")), "10.6", "GET after INCRBYFLOAT");
}

async function expiry({ c, key }) {
  const k = key("k");
  const at = Math.floor(Date.now() / 1000) + DAY_S;
  equal(await c.ttl(k), -2, "TTL of a missing key");
  equal(await c.expire(k, 1), 0, "EXPIRE of a missing key");
  await c.set(k, "v");
  equal(await c.ttl(k), -1, "TTL without expiry");
  equal(await c.expireTime(k), -1, "EXPIRETIME without expiry");
  equal(await c.expire(k, 100, "XX"), 0, "EXPIRE XX without expiry");
  equal(await c.expire(k, 100, "NX"), 1, "EXPIRE NX without expiry");
  between(await c.ttl(k), 40, 100, "TTL");
  between(await c.pttl(k), 40_000, 100_000, "PTTL");
  equal(await c.expire(k, 200, "LT"), 0, "EXPIRE LT, later");
  equal(await c.expire(k, 200, "GT"), 1, "EXPIRE GT, later");
  equal(await c.pexpire(k, 300_000), 1, "PEXPIRE");
  between(await c.ttl(k), 240, 300, "TTL after PEXPIRE");
  equal(await c.expireAt(k, at), 1, "EXPIREAT");
  equal(await c.expireTime(k), at, "EXPIRETIME");
  equal(await c.pexpireAt(k, at * 1000 + 5), 1, "PEXPIREAT");
  equal(await c.pexpireTime(k), at * 1000 + 5, "PEXPIRETIME");
  equal(await c.persist(k), 1, "PERSIST");
  equal(await c.persist(k), 0, "PERSIST without expiry");
  equal(await c.expireAt(k, 1), 1, "EXPIREAT in the past");
  equal(await c.exists([k]), 0, "EXISTS after it");
}

async function keysExpire({ c, key }) {
  await c.set(key("k"), "v", { PX: 200 });
  await until(async () => (await c.get(key("k"))) === null, "a key set with PX 200 goes away");
  equal(await c.ttl(key("k")), -2, "TTL of an expired key");
  equal(await c.exists([key("k")]), 0, "EXISTS of an expired key");
}

async function getAndChange({ c, key }) {
  const k = key("k");
  const now = Math.floor(Date.now() / 1000);
  equal(await c.getex(k, "EX", 5), null, "GETEX of a missing key");
  equal(await c.getdel(k), null, "GETDEL of a missing key");
  await c.set(k, "v");
  const options = [["EX", DAY_S], ["PX", DAY_S * 1000], ["EXAT", now + DAY_S], ["PXAT", (now + DAY_S) * 1000]];
  for (const [unit, value] of options) {
    equal(await c.getex(k, unit, value), "v", `GETEX ${unit}`);
    between(await c.ttl(k), DAY_S - 60, DAY_S, `TTL after GETEX ${unit}`);
  }
  equal(await c.getex(k, "PERSIST"), "v", "GETEX PERSIST");
  equal(await c.ttl(k), -1, "TTL after GETEX PERSIST");
  equal(await c.getdel(k), "v", "GETDEL");
  equal(await c.get(k), null, "GET after GETDEL");
}

async function partsOfValues({ c, key }) {
  const k = key("k");
  equal(await c.append(k, "Hello"), 5, "APPEND to a missing key");
  equal(await c.append(k, " World"), 11, "APPEND");
  equal(await c.strlen(k), 11, "STRLEN");
  equal(await c.getrange(k, 0, 4), "Hello", "GETRANGE");
  equal(await c.getrange(k, -5, -1), "World", "GETRANGE from the end");
  equal(await c.getrange(k, 20, 30), "", "GETRANGE beyond the end");
  equal(await c.setrange(k, 6, "Redis"), 11, "SETRANGE");
  equal(await c.get(k), "Hello Redis", "GET after SETRANGE");
  equal(await c.setrange(key("pad"), 3, "x"), 4, "SETRANGE of a missing key");
  equal(await c.get(key("pad")), "\0\0\0x", "GET after it");
}

async function wholeKeys({ c, key }) {
  const [a, b, d, missing] = ["a", "b", "d", "missing"].map(key);
  await c.mset({ [a]: "1", [b]: "2", [d]: "3" });
  equal(await c.exists([a, b, missing, a]), 3, "EXISTS");
  equal(await c.touch([a, missing]), 1, "TOUCH");
  equal(await c.type(a), "string", "TYPE");
  equal(await c.type(missing), "none", "TYPE of a missing key");
  equal(await c.del([a, missing]), 1, "DEL");
  equal(await c.unlink([b, d, missing]), 2, "UNLINK");
  equal(await c.mget([a, b, d]), [null, null, null], "MGET after DEL and UNLINK");
}

async function pipeline({ c, key }) {
  const keys = Array.from({ length: 250 }, (_, i) => key(i));
  const commands = keys.flatMap((k, i) => [["set", k, String(i)], ["get", k], ["incr", k], ["get", k]]);
  const expected = keys.flatMap((_, i) => ["OK", String(i), i + 1, String(i + 1)]);
  equal(commands.length, 1000, "commands");
  equal(await c.pipeline(commands), expected, "a pipeline of 1,000 commands");
}

async function dataTypes({ c, key }) {
  const [hash, list, set, zset, stream] = ["hash", "list", "set", "zset", "stream"].map(key);
  equal(await c.hset(hash, { a: "1", b: "text" }), 2, "HSET");
  equal(await c.hgetall(hash), { a: "1", b: "text" }, "HGETALL");
  equal(await c.hgetall(key("missing")), {}, "HGETALL of a missing key");
  equal(await c.rpush(list, ["a", "b", "a"]), 3, "RPUSH");
  equal(await c.lrange(list, 0, -1), ["a", "b", "a"], "LRANGE");
  equal(await c.lrange(key("missing"), 0, -1), [], "LRANGE of a missing key");
  equal(await c.sadd(set, ["a", "b", "a"]), 2, "SADD");
  equal((await c.smembers(set)).sort(), ["a", "b"], "SMEMBERS");
  equal(await c.zadd(zset, { b: 2.5, a: 1 }), 2, "ZADD");
  equal(await c.zrange(zset, 0, -1), [["a", 1], ["b", 2.5]], "ZRANGE WITHSCORES");
  equal(await c.xadd(stream, "1-1", { f: "v" }), "1-1", "XADD");
  equal(await c.xadd(stream, "1-2", { g: "w" }), "1-2", "XADD");
  equal(await c.xrange(stream), [["1-1", { f: "v" }], ["1-2", { g: "w" }]], "XRANGE");
  for (const [k, type] of [[hash, "hash"], [list, "list"], [set, "set"], [zset, "zset"], [stream, "stream"]]) {
    equal(await c.type(k), type, "TYPE");
    equal(await c.expire(k, DAY_S), 1, `EXPIRE of a ${type}`);
    await refused(c.incr(k), "WRONGTYPE", `INCR of a ${type}`);
  }
}

/** Rejected with the first error among the replies, which node-redis carries in an error of its own. */
async function failureIn(batch) {
  const replies = await batch.catch((error) => error.replies ?? [error]);
  const failure = replies.find((reply) => reply instanceof Error);
  if (failure) throw failure;
}

async function transaction({ c, key }) {
  const [text, number] = ["text", "number"].map(key);
  const commands = [["set", text, "v"], ["incr", number], ["get", text], ["incr", number]];
  equal(await c.multi(commands), ["OK", 1, "v", 2], "MULTI and EXEC");
  await refused(failureIn(c.multi([["incr", number], ["incr", text]])), "not an integer", "EXEC with an error");
  equal(await c.get(number), "3", "GET of what changed beside the error");
}

async function watch({ open, key, endpoint }) {
  const login = { username: endpoint.user, password: endpoint.password };
  const [one, another] = [await open(login), await open(login)];
  const k = key("k");
  await one.set(k, "1");
  const nothing = async () => {};
  equal(await one.multiIfUnchanged(k, nothing, [["set", k, "2"]]), ["OK"], "EXEC without another's change");
  const change = () => another.set(k, "another's");
  equal(await one.multiIfUnchanged(k, change, [["set", k, "3"]]), null, "EXEC after another's change");
  equal(await one.get(k), "another's", "GET after it");
  equal(await one.multiIfUnchanged(k, nothing, [["incr", key("n")]]), [1], "the next EXEC");
  await Promise.all([one.close(), another.close()]);
}

async function manyAtOnce({ c, key, callsInOrder }) {
  // Each write is durable on its own, and those of one key take turns, while valkey-glide waits 250 ms at most.
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  await Promise.all(numbers.map((i) => c.set(key(i), String(i))));
  equal(await Promise.all(numbers.map((i) => c.get(key(i)))), numbers.map(String), "200 GETs");
  const some = numbers.slice(0, 50);
  const counts = await Promise.all(some.map(() => c.incr(key("n"))));
  if (!callsInOrder) counts.sort((a, b) => a - b);
  equal(counts, some.map((i) => i + 1), "50 INCRs of one key");
}

async function errors({ c, key }) {
  const k = key("text");
  await c.set(k, "abc");
  const cases = [
    [["INCR", k], "value is not an integer or out of range"],
    [["INCRBYFLOAT", k, "1"], "value is not a valid float"],
    [["GET"], "wrong number of arguments for 'get' command"],
    [["SET", k], "wrong number of arguments for 'set' command"],
    [["SET", k, "v", "NX", "XX"], "syntax error"],
    [["SET", k, "v", "EX", "0"], "invalid expire time in 'set' command"],
    [["SETRANGE", k, "-1", "v"], "offset is out of range"],
    [["EXPIRE", k, "10", "NX", "GT"], "options at the same time are not compatible"],
    [["NOSUCHCOMMAND", "a"], "unknown command 'NOSUCHCOMMAND', with args beginning with: 'a'"],
    [["CLIENT", "NOSUCHTHING"], "unknown subcommand 'NOSUCHTHING'. Try CLIENT HELP."],
  ];
  for (const [command, text] of cases) await refused(c.send(command), text, command.join(" "));
  await c.set(k, "9223372036854775807");
  await refused(c.incr(k), "increment or decrement would overflow", "INCR of 2^63-1");
  equal(await c.ping(), "PONG", "PING after errors");
}

async function largeValue({ c, key }) {
  const value = Buffer.concat(Array.from({ length: 1200 }, () => BINARY));
  truth(value.length > 300_000, "the value has 300 KB");
  equal(await c.set(key("k"), value), "OK", "SET of 300 KB");
  equal(await c.getBytes(key("k")), value, "GET of 300 KB");
  equal(await c.strlen(key("k")), value.length, "STRLEN of 300 KB");
}

/** HopperKV's own limits, which a stock Redis does not have. */
async function overLimit({ c, key }) {
  const k = key("k");
  await c.set(k, "kept");
  await refused(c.set(k, Buffer.alloc(500_000)), "value is 500000 bytes; DynamoDB items hold 400 KB", "SET of 500 KB");
  equal(await c.get(k), "kept", "GET after a refused SET");
  await refused(c.set("k".repeat(2049), "v"), "key is 2049 bytes; DynamoDB keys hold 2048", "SET of a long key");
  await refused(c.set("", "v"), "key is 0 bytes", "SET of an empty key");
  await refused(c.send(["BLPOP", k, "1"]), "unknown command", "BLPOP");
  equal(await c.ping(), "PONG", "PING after refusals");
}

async function introspection({ c, endpoint }) {
  const me = await c.clientId();
  truth(Number.isInteger(me) && me > 0, `CLIENT ID gave ${me}`);
  equal(await c.send(["CLIENT", "SETNAME", "suite"]), "OK", "CLIENT SETNAME");
  equal(await c.clientName(), "suite", "CLIENT GETNAME");
  const info = await c.clientInfo();
  equal([Number(info.id), info.name, info.user], [me, "suite", endpoint.user], "CLIENT INFO");
  const listed = await c.clientIds();
  truth(listed.includes(me), `CLIENT LIST ${listed} has not ${me}`);
  truth((await c.info()).includes("redis_version:"), "INFO has redis_version");
  truth(Number(await c.send(["COMMAND", "COUNT"])) > 40, "COMMAND COUNT");
  equal(await c.send(["SELECT", "0"]), "OK", "SELECT 0");
}

async function manyClients({ open, key, endpoint }) {
  const login = { username: endpoint.user, password: endpoint.password };
  const crowd = await Promise.all(Array.from({ length: CLIENTS }, () => open(login)));
  await Promise.all(
    crowd.map(async (client, i) => {
      await client.set(key(i), String(i));
      await client.incr(key("shared"));
      equal(await client.get(key(i)), String(i), "own key");
    }),
  );
  equal(await crowd[0].get(key("shared")), String(CLIENTS), "a counter of all clients");
  await Promise.all(crowd.map((client) => client.close()));
}

async function logins({ open, endpoint, takesUrl }) {
  const ways = [{ username: endpoint.user, password: endpoint.password }];
  if (takesUrl) ways.push({ url: endpoint.url });
  if (endpoint.defaultUser) ways.push({});
  if (endpoint.tenantPort) ways.push({ port: endpoint.tenantPort, password: endpoint.password });
  for (const way of ways) {
    const client = await open(way);
    equal(await client.ping(), "PONG", `PING after login with ${Object.keys(way)}`);
    await client.close();
  }
}

async function refusedLogin({ open, endpoint, refusal = "invalid username-password pair" }) {
  const login = { username: endpoint.user, password: "not this one" };
  await refused(open(login), refusal, "a wrong password");
}

const CHECKS = [
  logins, refusedLogin, ping, binaryValues, setExpiry, setConditions, oldSetters, manyKeys, iteration, counters,
  expiry, keysExpire, getAndChange, partsOfValues, wholeKeys, dataTypes, pipeline, transaction, watch, manyAtOnce,
  errors, largeValue, introspection, manyClients,
];

/**
 * Runs every check with one client library.
 * `connect(endpoint, login)` resolves to a connected adapter or is rejected; `callsInOrder` says
 * that the library sends calls which are not awaited in the order in which they were made;
 * `refusal` is what it says after a wrong password, if that is not the server's text.
 */
export async function checkLibrary(suite, endpoint, library) {
  const { label, connect } = library;
  const open = (login) => connect(endpoint, login);
  let c;
  await suite.check(`${label}: connect`, async () => {
    c = await open({ username: endpoint.user, password: endpoint.password });
  });
  const key = (name) => suite.key(name);
  const context = { ...library, c, key, open, endpoint };
  const checks = endpoint.isRedis ? CHECKS : [...CHECKS, overLimit];
  for (const check of checks) {
    await suite.check(`${label}: ${check.name}`, () => check(context));
  }
  await c.close();
}
