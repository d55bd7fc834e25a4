// ioredis against an endpoint, in its default settings, and in RESP2.

import { Redis } from "ioredis";
import { checkLibrary } from "./checks.js";
import { main, versionOf } from "./suite.js";

const flags = (options) =>
  Object.entries(options).flatMap(([name, value]) => (value === true ? [name] : [name, value]));

const asObject = (line) =>
  Object.fromEntries(line.trim().split(" ").map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

const repliesOf = (results) => results.map(([error, reply]) => error ?? reply);

/** Pairs, which RESP2 sends as one flat list. */
function inPairs(list) {
  if (list.length === 0 || Array.isArray(list[0])) return list;
  return list.flatMap((_, i) => (i % 2 ? [] : [list.slice(i, i + 2)]));
}

function adapter(client) {
  return {
    ping: () => client.ping(),
    echo: (text) => client.echo(text),
    get: (k) => client.get(k),
    getBytes: (k) => client.getBuffer(k),
    set: (k, v, options = {}) => client.set(k, v, ...flags(options)),
    setex: (k, s, v) => client.setex(k, s, v),
    psetex: (k, ms, v) => client.psetex(k, ms, v),
    setnx: (k, v) => client.setnx(k, v),
    getset: (k, v) => client.getset(k, v),
    getex: (k, ...option) => client.getex(k, ...option),
    getdel: (k) => client.getdel(k),
    mget: (keys) => client.mget(keys),
    mset: (values) => client.mset(values),
    msetnx: (values) => client.msetnx(values),
    incr: (k) => client.incr(k),
    incrBy: (k, n) => client.incrby(k, n),
    decr: (k) => client.decr(k),
    decrBy: (k, n) => client.decrby(k, n),
    incrByFloat: (k, n) => client.incrbyfloat(k, n),
    expire: (k, s, ...mode) => client.expire(k, s, ...mode),
    pexpire: (k, ms) => client.pexpire(k, ms),
    expireAt: (k, s) => client.expireat(k, s),
    pexpireAt: (k, ms) => client.pexpireat(k, ms),
    expireTime: (k) => client.expiretime(k),
    pexpireTime: (k) => client.pexpiretime(k),
    ttl: (k) => client.ttl(k),
    pttl: (k) => client.pttl(k),
    persist: (k) => client.persist(k),
    append: (k, v) => client.append(k, v),
    strlen: (k) => client.strlen(k),
    getrange: (k, from, to) => client.getrange(k, from, to),
    setrange: (k, at, v) => client.setrange(k, at, v),
    exists: (keys) => client.exists(...keys),
    touch: (keys) => client.touch(...keys),
    type: (k) => client.type(k),
    del: (keys) => client.del(...keys),
    unlink: (keys) => client.unlink(...keys),
    walk: async (pattern) => {
      const keys = [];
      for await (const page of client.scanStream({ match: pattern, count: 7 })) keys.push(...page);
      return keys;
    },
    send: ([name, ...words]) => client.call(name, ...words),
    info: () => client.info(),
    clientId: () => client.client("ID"),
    clientName: () => client.client("GETNAME"),
    clientInfo: async () => asObject(await client.call("CLIENT", "INFO")),
    clientIds: async () =>
      (await client.client("LIST")).trim().split("\n").map((line) => Number(asObject(line).id)),
    hset: (k, fields) => client.hset(k, fields),
    hgetall: async (k) => ({ ...(await client.hgetall(k)) }),
    rpush: (k, elements) => client.rpush(k, ...elements),
    lrange: (k, from, to) => client.lrange(k, from, to),
    sadd: (k, members) => client.sadd(k, ...members),
    smembers: async (k) => [...(await client.smembers(k))],
    zadd: (k, scores) =>
      client.zadd(k, ...Object.entries(scores).flatMap(([member, score]) => [score, member])),
    zrange: async (k, from, to) =>
      inPairs(await client.zrange(k, from, to, "WITHSCORES")).map(([m, score]) => [m, Number(score)]),
    xadd: (k, id, fields) => client.xadd(k, id, ...Object.entries(fields).flat()),
    xrange: async (k) =>
      (await client.xrange(k, "-", "+")).map(([id, words]) => [id, Object.fromEntries(inPairs(words))]),
    pipeline: async (commands) => repliesOf(await client.pipeline(commands).exec()),
    multi: async (commands) => repliesOf(await client.multi(commands).exec()),
    async multiIfUnchanged(k, during, commands) {
      await client.watch(k);
      await during();
      const replies = await client.multi(commands).exec();
      return replies && repliesOf(replies);
    },
    close: () => client.quit(),
  };
}

/** Waits for "ready"; the first error closes the client, which would else try again for ever. */
function connectWith(settings) {
  return async (endpoint, { url, port = endpoint.port, ...login }) => {
    const client = url
      ? new Redis(url, settings)
      : new Redis({ host: endpoint.host, port, ...login, ...settings });
    await new Promise((resolve, reject) => {
      client.once("ready", resolve);
      client.once("error", (error) => {
        client.disconnect();
        reject(error);
      });
    });
    return adapter(client);
  };
}

await main(async (suite, endpoint) => {
  console.log(`ioredis ${versionOf("ioredis")} against ${endpoint.host}:${endpoint.port}`);
  for (const [name, settings] of [["default settings", {}], ["RESP2", { protocol: 2 }]]) {
    const label = `ioredis, ${name}`;
    const connect = connectWith(settings);
    await checkLibrary(suite, endpoint, { label, takesUrl: true, callsInOrder: true, connect });
  }
});
