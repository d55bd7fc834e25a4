import { expect, test } from "vitest";

import type { Row } from "../api/model.ts";
import { endpointOf } from "./endpoint.ts";
import { isStale } from "./freshness.ts";
import { ranked } from "./ranking.ts";
import { parseRoute, runLink, tenantLink } from "./route.ts";
import { POINTS, Sparklines, STEP_MS } from "./sparklines.ts";

const SHARE = { cache_bytes: 100, read_units_per_s: 100, write_units_per_s: 100, net_bytes_per_s: 100 };
const NOTHING = { read_units: 0, write_units: 0, net: 0 };

function row(name: string, change: Partial<Row> = {}): Row {
  const rates = {
    reads_per_s: 0,
    hits_per_s: 0,
    misses_per_s: 0,
    writes_per_s: 0,
    throttled_per_s: 0,
    errors_per_s: 0,
  };
  return {
    ...{ name, active: true, pinned: false, clients: 0, rates, quota: SHARE, base: SHARE, use: SHARE },
    ...{ waiting: NOTHING, waits_per_s: NOTHING },
    ...change,
  } as Row;
}

const names = (rows: Row[]) => rows.map((one) => one.name).join(" ");

test("nothing heard yet is not stale, old or cut off is", () => {
  expect(isStale(null, 1e9, false)).toBe(false);
  expect(isStale(1000, 6000, true)).toBe(false);
  expect(isStale(1000, 7100, true)).toBe(true);
  expect(isStale(1000, 2500, false)).toBe(false);
  expect(isStale(1000, 3100, false)).toBe(true);
});

test("rows are sorted either way, equal ones by name, missing values last", () => {
  const busy = row("b", { gain: 2 });
  const rows = [row("c", { gain: 1 }), row("d"), busy, row("a", { gain: 2 })];
  expect(names(ranked(rows, "gain", true, ""))).toBe("a b c d");
  expect(names(ranked(rows, "gain", false, ""))).toBe("c a b d");
  expect(names(ranked(rows, "name", true, ""))).toBe("d c b a");
  expect(names(rows)).toBe("c d b a");
});

test("resources are ranked by how full they are", () => {
  const use = { ...SHARE, net_bytes_per_s: 10 };
  expect(names(ranked([row("low", { use }), row("full")], "net_bytes_per_s", true, ""))).toBe("full low");
});

test("the filter takes names and states together", () => {
  const rows = [row("orders", { pinned: true }), row("orders-eu"), row("x", { bottleneck: "read_units" })];
  expect(names(ranked(rows, "name", false, "ORD"))).toBe("orders orders-eu");
  expect(names(ranked(rows, "name", false, "ord is:pinned"))).toBe("orders");
  expect(names(ranked(rows, "name", false, "short:read"))).toBe("x");
});

test("a thousand rows are ranked within a frame", () => {
  const many = Array.from({ length: 1000 }, (_, at) => row(`tenant-${at}`, { gain: (at * 7919) % 1000 }));
  const started = performance.now();
  for (let round = 0; round < 20; round += 1) ranked(many, "gain", true, "tenant");
  // 20 rounds; a slow machine is allowed ten times what a fast one takes.
  expect(performance.now() - started).toBeLessThan(20 * 50);
});

test("sparklines go on where the proxy's memory ends", () => {
  const lines = new Sparklines();
  lines.remember({ a: [1, 0, 3], gone: [1] }, 1000);
  const rates = { ...row("a").rates, reads_per_s: 4, writes_per_s: 1 };
  expect(lines.hear([row("a", { rates })], 1000 + STEP_MS - 1)).toBe(false);
  expect(lines.hear([row("a", { rates }), row("new")], 1000 + STEP_MS)).toBe(true);
  expect(lines.of("a")).toEqual([1, 0, 3, 5]);
  expect(lines.of("new")).toEqual([0]);
  expect(lines.of("gone")).toEqual([]);
  for (let at = 2; at < 100; at += 1) lines.hear([row("a", { rates })], 1000 + at * STEP_MS);
  expect(lines.of("a")).toHaveLength(POINTS);
});

test("links lead back to where they came from", () => {
  const odd = "a/b c%?#";
  expect(parseRoute(tenantLink(odd))).toEqual({ page: "tenant", name: odd });
  expect(parseRoute(runLink(17))).toEqual({ page: "allocator", run: 17 });
  expect(parseRoute("")).toEqual({ page: "overview" });
  expect(parseRoute("#/connect?tenant=x")).toEqual({ page: "connect", tenant: "x" });
  expect(parseRoute("#/allocator/runs/x")).toEqual({ page: "unknown", hash: "#/allocator/runs/x" });
  expect(parseRoute("#/tenants/%E0%A4%A")).toEqual({ page: "tenant", name: "%E0%A4%A" });
});

test("a tenant with a port of its own is reached there", () => {
  const endpoints = [
    { host: "db.example", port: 6380 },
    { host: "db.example", port: 6401, tenant: "b" },
  ];
  const connect = { endpoints, tls: false };
  expect(endpointOf(connect, "a")).toEqual({ host: "db.example", port: 6380, ownPort: false });
  expect(endpointOf({ endpoints: [], tls: false }, "a")).toBeNull();
  expect(endpointOf(connect, "b")).toEqual({ host: "db.example", port: 6401, ownPort: true });
});
