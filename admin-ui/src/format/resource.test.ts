import { expect, test } from "vitest";

import { bottleneck, resource, RESOURCES } from "./resource.ts";

test("every resource is written in the unit of its field", () => {
  expect(RESOURCES.map((one) => one.format(1_500_000))).toEqual([
    "1.43 MiB",
    "1,500,000 RU/s",
    "1,500,000 WU/s",
    "1.5 MB/s",
  ]);
  expect(resource("net_bytes_per_s").format(null)).toBe("–");
});

test("a bottleneck has the colour of its resource", () => {
  for (const [name, colour] of [
    ["cache", "--cache"],
    ["read_units", "--read"],
    ["write_units", "--write"],
    ["net", "--net"],
    ["storage", null],
  ]) {
    expect(bottleneck(name)?.colour).toBe(colour);
  }
  expect(bottleneck("clients")).toBeNull();
  expect(bottleneck(null)).toBeNull();
});
