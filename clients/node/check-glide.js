// valkey-glide against an endpoint, in its default settings and in RESP2. It takes no URL.

import {
  Batch,
  Decoder,
  ExpireOptions,
  GlideClient,
  InfBoundary,
  Logger,
  ProtocolVersion,
  TimeUnit,
} from "@valkey/valkey-glide";
import { checkLibrary } from "./checks.js";
import { main, versionOf } from "./suite.js";

const UNITS = {
  EX: TimeUnit.Seconds,
  PX: TimeUnit.Milliseconds,
  EXAT: TimeUnit.UnixSeconds,
  PXAT: TimeUnit.UnixMilliseconds,
};

const MODES = {
  NX: ExpireOptions.HasNoExpiry,
  XX: ExpireOptions.HasExistingExpiry,
  GT: ExpireOptions.NewExpiryGreaterThanCurrent,
  LT: ExpireOptions.NewExpiryLessThanCurrent,
};

function setOptions(options) {
  const unit = Object.keys(UNITS).find((name) => name in options);
  return {
    ...(options.NX && { conditionalSet: "onlyIfDoesNotExist" }),
    ...(options.XX && { conditionalSet: "onlyIfExists" }),
    ...(options.GET && { returnOldValue: true }),
    ...(options.KEEPTTL && { expiry: "keepExisting" }),
    ...(unit && { expiry: { type: UNITS[unit], count: options[unit] } }),
  };
}

const asObject = (line) =>
  Object.fromEntries(line.trim().split(" ").map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

const PATIENCE = { timeout: 10_000 };

function batchOf(commands, isAtomic) {
  const batch = new Batch(isAtomic);
  for (const [name, ...words] of commands) batch[name](...words);
  return batch;
}

/** Its own methods where it has them, custom commands for the few it leaves out. */
function adapter(client) {
  const send = (words) => client.customCommand(words.map(String));
  return {
    send,
    ping: () => client.ping(),
    echo: (text) => client.echo(text),
    get: (k) => client.get(k),
    getBytes: (k) => client.get(k, { decoder: Decoder.Bytes }),
    set: (k, v, options = {}) => client.set(k, v, setOptions(options)),
    setex: (k, s, v) => send(["SETEX", k, s, v]),
    psetex: (k, ms, v) => send(["PSETEX", k, ms, v]),
    setnx: async (k, v) => Number(await send(["SETNX", k, v])),
    getset: (k, v) => send(["GETSET", k, v]),
    getex: (k, unit, duration) =>
      client.getex(k, { expiry: unit === "PERSIST" ? "persist" : { type: UNITS[unit], duration } }),
    getdel: (k) => client.getdel(k),
    mget: (keys) => client.mget(keys),
    mset: (values) => client.mset(values),
    msetnx: async (values) => Number(await client.msetnx(values)),
    incr: (k) => client.incr(k),
    incrBy: (k, n) => client.incrBy(k, n),
    decr: (k) => client.decr(k),
    decrBy: (k, n) => client.decrBy(k, n),
    incrByFloat: (k, n) => client.incrByFloat(k, n),
    expire: async (k, s, mode) => Number(await client.expire(k, s, { expireOption: MODES[mode] })),
    pexpire: async (k, ms) => Number(await client.pexpire(k, ms)),
    expireAt: async (k, s) => Number(await client.expireAt(k, s)),
    pexpireAt: async (k, ms) => Number(await client.pexpireAt(k, ms)),
    expireTime: (k) => client.expiretime(k),
    pexpireTime: (k) => client.pexpiretime(k),
    ttl: (k) => client.ttl(k),
    pttl: (k) => client.pttl(k),
    persist: async (k) => Number(await client.persist(k)),
    append: (k, v) => client.append(k, v),
    strlen: (k) => client.strlen(k),
    getrange: (k, from, to) => client.getrange(k, from, to),
    setrange: (k, at, v) => client.setrange(k, at, v),
    exists: (keys) => client.exists(keys),
    touch: (keys) => client.touch(keys),
    type: (k) => client.type(k),
    del: (keys) => client.del(keys),
    unlink: (keys) => client.unlink(keys),
    walk: async (pattern) => {
      const keys = [];
      let cursor = "0";
      do {
        const [next, page] = await client.scan(cursor, { match: pattern, count: 7 });
        keys.push(...page);
        cursor = String(next);
      } while (cursor !== "0");
      return keys;
    },
    info: () => client.info(),
    clientId: () => client.clientId(),
    clientName: () => client.clientGetName(),
    clientInfo: async () => asObject(await send(["CLIENT", "INFO"])),
    clientIds: async () =>
      (await send(["CLIENT", "LIST"])).trim().split("\n").map((line) => Number(asObject(line).id)),
    hset: (k, fields) => client.hset(k, fields),
    hgetall: async (k) =>
      Object.fromEntries((await client.hgetall(k)).map(({ field, value }) => [field, value])),
    rpush: (k, elements) => client.rpush(k, elements),
    lrange: (k, from, to) => client.lrange(k, from, to),
    sadd: (k, members) => client.sadd(k, members),
    smembers: async (k) => [...(await client.smembers(k))],
    zadd: (k, scores) => client.zadd(k, scores),
    zrange: async (k, start, end) =>
      (await client.zrangeWithScores(k, { start, end })).map(({ element, score }) => [element, score]),
    xadd: (k, id, fields) => client.xadd(k, Object.entries(fields), { id }),
    xrange: async (k) =>
      Object.entries(
        await client.xrange(k, InfBoundary.NegativeInfinity, InfBoundary.PositiveInfinity),
      ).map(([id, fields]) => [id, Object.fromEntries(fields)]),
    pipeline: (commands) => client.exec(batchOf(commands, false), true, PATIENCE),
    multi: (commands) => client.exec(batchOf(commands, true), true, PATIENCE),
    async multiIfUnchanged(k, during, commands) {
      await client.watch([k]);
      await during();
      return client.exec(batchOf(commands, true), true, PATIENCE);
    },
    close: async () => client.close(),
  };
}

function connectWith(settings) {
  return async (endpoint, { port = endpoint.port, username, password }) => {
    const addresses = [{ host: endpoint.host, port }];
    const credentials = password ? { credentials: { username, password } } : {};
    return adapter(await GlideClient.createClient({ addresses, ...credentials, ...settings }));
  };
}

// Refused commands are part of the suite; without this each is logged to stderr.
Logger.init("off");

await main(async (suite, endpoint) => {
  console.log(`valkey-glide ${versionOf("@valkey/valkey-glide")} against ${endpoint.host}:${endpoint.port}`);
  const ways = [
    ["default settings", {}, undefined],
    ["RESP2", { protocol: ProtocolVersion.RESP2 }, "AuthenticationFailed"],
  ];
  for (const [name, settings, refusal] of ways) {
    const label = `valkey-glide, ${name}`;
    const connect = connectWith(settings);
    await checkLibrary(suite, endpoint, { label, takesUrl: false, callsInOrder: false, refusal, connect });
  }
});
