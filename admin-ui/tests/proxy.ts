// A proxy and load of the tests' own: real programs, free ports, a directory that is removed afterwards.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { createClient } from "redis";

export const OPERATOR = "token-of-operators";
export const READER = "token-of-readers";

/** How long anything may take on a machine that is busy with other things. */
export const PATIENCE_MS = 30_000;

const bin = program("HOPPERKV_BIN", "hopperkv");
const load = program("HOPPERKV_LOAD_BIN", "hopperkv-load");

export type TestTenant = { name: string; workload?: string; rate?: number };

/** Two tenants of which each would gain by the other's share: reads of one are many, of the other few. */
export const TENANTS: TestTenant[] = [
  { name: "orders", workload: "n=60k,k=16,v=500,w=0.05,d=zipf:0.99" },
  { name: "sessions", workload: "n=20k,k=16,v=500,w=0.4,d=zipf:0.8", rate: 150 },
  { name: "search", workload: "n=30k,k=16,v=900,w=0.01,d=zipf:0.9", rate: 120 },
];

export class Proxy {
  private process: ChildProcess | null = null;
  private loads: ChildProcess[] = [];
  private log = "";

  private constructor(
    private readonly directory: string,
    readonly clientPort: number,
    readonly adminPort: number,
  ) {}

  /** A proxy that serves `tenants`, with both tokens set. */
  static async start(tenants: TestTenant[], extra = ""): Promise<Proxy> {
    const directory = await mkdtemp(join(tmpdir(), "hopperkv-ui-"));
    const proxy = new Proxy(directory, await freePort(), await freePort());
    await writeFile(join(directory, "hopperkv.toml"), configuration(proxy, tenants, extra));
    await proxy.up();
    return proxy;
  }

  get admin(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  /** Starts the program, again after `down`. */
  async up(): Promise<void> {
    const ready = join(this.directory, "ready.json");
    await rm(ready, { force: true });
    const child = spawn(bin, ["serve", "--config", "hopperkv.toml", "--ready-file", ready], {
      cwd: this.directory,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.on("data", (text: Buffer) => (this.log = (this.log + text.toString()).slice(-20_000)));
    this.process = child;
    await until("the proxy is ready", () => {
      if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}:\n${this.log}`);
      return existsSync(ready);
    });
  }

  async down(): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child) await ended(child, "SIGTERM");
  }

  /** Sends the load of all tenants that have one, until `close`. */
  async load(tenants: TestTenant[]): Promise<void> {
    const loaded = tenants.filter((one) => one.workload !== undefined);
    const file = join(this.directory, "load.toml");
    const text = loaded.map((one) =>
      [
        "[[tenant]]",
        `name = "${one.name}"`,
        `password = "${one.name}-password"`,
        `workload = "${one.workload}"`,
        ...(one.rate === undefined ? [] : [`rate = "${one.rate}"`]),
      ].join("\n"),
    );
    const defaults = `[defaults]\nendpoint = "127.0.0.1:${this.clientPort}"\nclients = 4\nduration = "3600s"\n`;
    await writeFile(file, [defaults, ...text].join("\n"));
    this.loads.push(spawn(load, ["tenants", file], { stdio: "ignore" }));
  }

  async stopLoad(): Promise<void> {
    await Promise.all(this.loads.splice(0).map((child) => ended(child, "SIGKILL")));
  }

  async close(): Promise<void> {
    await this.stopLoad();
    await this.down();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Asks the API as an operator. */
  async ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(`${this.admin}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${OPERATOR}`, "content-type": "application/json" },
    });
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** `maxmemory` as the tenant's own Redis has it. */
  async maxmemory(tenant: string): Promise<number> {
    const stats = await this.ask<{ cache: { address: string } }>(`/v1/tenants/${tenant}/stats`);
    const path = stats.cache.address.replace(/^unix:(\/\/)?/, "");
    const redis = await createClient({
      socket: { path: resolve(this.directory, path), tls: false },
    }).connect();
    try {
      const { maxmemory } = await redis.configGet("maxmemory");
      return Number(maxmemory);
    } finally {
      redis.destroy();
    }
  }

  /** A client as an application has it. */
  connect(user: string, password: string) {
    return createClient({
      socket: { host: "127.0.0.1", port: this.clientPort },
      username: user,
      password,
    }).connect();
  }
}

function configuration(proxy: Proxy, tenants: TestTenant[], extra: string): string {
  const head = `[server]
listen = "127.0.0.1:${proxy.clientPort}"
admin = "127.0.0.1:${proxy.adminPort}"
admin_token = "${OPERATOR}"
admin_read_token = "${READER}"
data_dir = "data"
workers = 1

[allocator]
interval = "3s"
smoothing = 2
min_cache = "4MiB"

${extra}
`;
  const each = tenants.map(
    (one) => `[[tenant]]
name = "${one.name}"
password = "${one.name}-password"
cache = "16MiB"
read_units = 200
write_units = 100
net = "5MB/s"
`,
  );
  return head + each.join("\n");
}

/** Waits for a condition; its last error is what a timeout says. */
export async function until(what: string, holds: () => unknown, patienceMs = PATIENCE_MS): Promise<void> {
  const end = Date.now() + patienceMs;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function program(variable: string, name: string): string {
  const found = process.env[variable] ?? join(import.meta.dirname, "../../target/debug", name);
  if (!existsSync(found))
    throw new Error(`${found} is not there: build it, or say where it is in ${variable}`);
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exit;
}
