// Runs named checks in order, prints a line for each, stops at the first mismatch.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual, inspect } from "node:util";

/** An answer that is not the one Redis would give. */
export class Mismatch extends Error {
  name = "Mismatch";
}

export function equal(actual, expected, what) {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Mismatch(`${what}: expected ${short(expected)}, got ${short(actual)}`);
  }
}

export function truth(condition, what) {
  if (!condition) throw new Mismatch(what);
}

export function between(actual, least, most, what) {
  truth(actual >= least && actual <= most, `${what}: expected ${least} to ${most}, got ${actual}`);
}

/** The promise must be rejected with an error that contains `text`. */
export async function refused(promise, text, what) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    truth(error.message.includes(text), `${what}: expected "${text}", got "${error.message}"`);
    return;
  }
  throw new Mismatch(`${what}: expected an error with "${text}", got ${short(value)}`);
}

/** Asks again and again until the condition holds. */
export async function until(condition, what, limitMs = 5000) {
  const end = Date.now() + limitMs;
  while (!(await condition())) truth(Date.now() < end, `${what}: not within ${limitMs} ms`);
}

function short(value) {
  const text = inspect(value, { maxArrayLength: 8, breakLength: Infinity });
  return text.length <= 200 ? text : `${text.slice(0, 200)}... (${text.length} characters)`;
}

/** Where the endpoint under test is, read from the environment. */
export function endpointFromEnvironment(env = process.env) {
  const required = (name) => {
    if (!env[name]) throw new Mismatch(`${name} is not set; see clients/README.md`);
    return env[name];
  };
  const kind = env.HOPPERKV_ENDPOINT_KIND ?? "hopperkv";
  if (kind !== "hopperkv" && kind !== "redis") {
    throw new Mismatch(`HOPPERKV_ENDPOINT_KIND=${kind}: write "hopperkv" or "redis"`);
  }
  const host = env.HOPPERKV_HOST ?? "127.0.0.1";
  const port = Number(required("HOPPERKV_PORT"));
  const user = required("HOPPERKV_USER");
  const password = required("HOPPERKV_PASSWORD");
  return {
    host,
    port,
    user,
    password,
    url: `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`,
    isRedis: kind === "redis",
    defaultUser: env.HOPPERKV_DEFAULT === "1",
    tenantPort: env.HOPPERKV_TENANT_PORT ? Number(env.HOPPERKV_TENANT_PORT) : null,
  };
}

/** Version of an installed package. */
export function versionOf(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).version;
}

/** Counts checks and gives each of them keys of its own. */
export class Suite {
  count = 0;
  #run = randomBytes(4).toString("hex");

  key(name) {
    return `suite:${this.#run}:${this.count}:${name}`;
  }

  async check(label, run) {
    this.count += 1;
    try {
      await run();
    } catch (error) {
      if (!(error instanceof Mismatch)) console.error(error);
      throw new Mismatch(`FAILED ${label}: ${error.name}: ${error.message || error.code}`);
    }
    console.log(`  ${label}`);
  }
}

/** Runs a suite as this process's whole work: the exit code says how it went. */
export async function main(run) {
  const suite = new Suite();
  try {
    await run(suite, endpointFromEnvironment());
    console.log(`ok ${suite.count} checks`);
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Mismatch ? error.message : error);
    process.exit(1);
  }
}
