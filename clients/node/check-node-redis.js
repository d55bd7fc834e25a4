// node-redis (npm package "redis") against an endpoint, in its default settings, RESP2 and RESP3.

import { createClient, RESP_TYPES, WatchError } from "redis";
import { checkLibrary } from "./checks.js";
import { main, versionOf } from "./suite.js";

function batchOf(client, commands) {
  const batch = client.multi();
  for (const [name, ...words] of commands) batch[name](...words);
  return batch;
}

function adapter(client) {
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    ping: () => client.ping(),
    echo: (text) => client.echo(text),
    get: (k) => client.get(k),
    getBytes: (k) => bytes.get(k),
    set: (k, v, options) => client.set(k, v, options),
    setex: (k, s, v) => client.setEx(k, s, v),
    psetex: (k, ms, v) => client.pSetEx(k, ms, v),
    setnx: (k, v) => client.setNX(k, v),
    getset: (k, v) => client.getSet(k, v),
    getex: (k, type, value) => client.getEx(k, { type, value }),
    getdel: (k) => client.getDel(k),
    mget: (keys) => client.mGet(keys),
    mset: (values) => client.mSet(values),
    msetnx: (values) => client.mSetNX(values),
    incr: (k) => client.incr(k),
    incrBy: (k, n) => client.incrBy(k, n),
    decr: (k) => client.decr(k),
    decrBy: (k, n) => client.decrBy(k, n),
    incrByFloat: (k, n) => client.incrByFloat(k, n),
    expire: (k, s, mode) => client.expire(k, s, mode),
    pexpire: (k, ms) => client.pExpire(k, ms),
    expireAt: (k, s) => client.expireAt(k, s),
    pexpireAt: (k, ms) => client.pExpireAt(k, ms),
    expireTime: (k) => client.expireTime(k),
    pexpireTime: (k) => client.pExpireTime(k),
    ttl: (k) => client.ttl(k),
    pttl: (k) => client.pTTL(k),
    persist: (k) => client.persist(k),
    append: (k, v) => client.append(k, v),
    strlen: (k) => client.strLen(k),
    getrange: (k, from, to) => client.getRange(k, from, to),
    setrange: (k, at, v) => client.setRange(k, at, v),
    exists: (keys) => client.exists(keys),
    touch: (keys) => client.touch(keys),
    type: (k) => client.type(k),
    del: (keys) => client.del(keys),
    unlink: (keys) => client.unlink(keys),
    walk: async (pattern) => {
      const keys = [];
      for await (const page of client.scanIterator({ MATCH: pattern, COUNT: 7 })) keys.push(...page);
      return keys;
    },
    send: (words) => client.sendCommand(words),
    info: () => client.info(),
    clientId: () => client.clientId(),
    clientName: () => client.clientGetName(),
    clientInfo: () => client.clientInfo(),
    clientIds: async () => (await client.clientList()).map(({ id }) => id),
    hset: (k, fields) => client.hSet(k, fields),
    hgetall: async (k) => ({ ...(await client.hGetAll(k)) }),
    rpush: (k, elements) => client.rPush(k, elements),
    lrange: (k, from, to) => client.lRange(k, from, to),
    sadd: (k, members) => client.sAdd(k, members),
    smembers: async (k) => [...(await client.sMembers(k))],
    zadd: (k, scores) =>
      client.zAdd(k, Object.entries(scores).map(([value, score]) => ({ value, score }))),
    zrange: async (k, from, to) =>
      (await client.zRangeWithScores(k, from, to)).map(({ value, score }) => [value, score]),
    xadd: (k, id, fields) => client.xAdd(k, id, fields),
    xrange: async (k) =>
      (await client.xRange(k, "-", "+")).map(({ id, message }) => [id, { ...message }]),
    pipeline: (commands) => batchOf(client, commands).execAsPipeline(),
    multi: (commands) => batchOf(client, commands).exec(),
    async multiIfUnchanged(k, during, commands) {
      await client.watch(k);
      await during();
      try {
        return await batchOf(client, commands).exec();
      } catch (error) {
        if (error instanceof WatchError) return null;
        throw error;
      }
    },
    close: () => client.close(),
  };
}

/** The first error ends the client, which would else try again for ever. */
function connectWith(settings) {
  return async (endpoint, { url, port = endpoint.port, ...login }) => {
    const where = url ? { url } : { socket: { host: endpoint.host, port }, ...login };
    const client = createClient({ ...where, ...settings });
    let failure = null;
    const failed = new Promise((_, reject) => client.once("error", reject));
    client.on("error", (error) => (failure ??= error));
    await Promise.race([client.connect(), failed]).catch((error) => {
      client.destroy();
      throw failure ?? error;
    });
    failed.catch(() => {});
    return adapter(client);
  };
}

await main(async (suite, endpoint) => {
  console.log(`node-redis ${versionOf("redis")} against ${endpoint.host}:${endpoint.port}`);
  const ways = [["default settings", {}], ["RESP2", { RESP: 2 }], ["RESP3", { RESP: 3 }]];
  for (const [name, settings] of ways) {
    const label = `node-redis, ${name}`;
    const connect = connectWith(settings);
    await checkLibrary(suite, endpoint, { label, takesUrl: true, callsInOrder: true, connect });
  }
});
