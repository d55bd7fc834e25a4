import { expect, test } from "vitest";

import { changesOf, warningsOf } from "./changes.ts";

const BASE = {
  cache_bytes: 32 * 2 ** 20,
  read_units_per_s: 500,
  write_units_per_s: 200,
  net_bytes_per_s: 20e6,
};

test("only what differs is a change, with its difference", () => {
  expect(changesOf(BASE, BASE)).toEqual([]);
  expect(changesOf(BASE, { ...BASE, cache_bytes: 64 * 2 ** 20, read_units_per_s: 250 })).toEqual([
    { key: "cache_bytes", title: "Cache", from: "32 MiB", to: "64 MiB", difference: "+32 MiB, +100 %" },
    {
      key: "read_units_per_s",
      title: "Read units",
      from: "500 RU/s",
      to: "250 RU/s",
      difference: "−250 RU/s, −50 %",
    },
  ]);
});

test("it warns of evictions, of waits, and of shares away from base", () => {
  const use = { cache_bytes: 30 * 2 ** 20, read_units_per_s: 400, write_units_per_s: 0, net_bytes_per_s: 0 };
  const to = { ...BASE, cache_bytes: 16 * 2 ** 20, read_units_per_s: 300, net_bytes_per_s: 30e6 };
  const said = warningsOf(BASE, to, BASE, use).join("\n");
  expect(said).toContain("About 14 MiB of cached values are evicted");
  expect(said).toContain("It uses 400 RU/s of read units now");
  expect(said).toContain("Less read units than its base share of 500 RU/s");
  expect(said).toContain("10 MB/s of bandwidth above its base share");
  expect(said).toContain("the network must bear it");
  expect(warningsOf(BASE, BASE, BASE, null)).toEqual([]);
});
