import { expect, test } from "vitest";

import { bandwidth, bytes, count, gain, micros, percent, perSecond, short } from "./quantity.ts";

test("counts have three digits or thousands set apart", () => {
  expect([0, 0.001, 0.25, 9.999, 12.34, 999.4, 1000, 1234567].map(count)).toEqual([
    "0",
    "<0.01",
    "0.25",
    "10",
    "12.3",
    "999",
    "1,000",
    "1,234,567",
  ]);
});

test("short counts stay within five characters", () => {
  expect([0, 15.5, 999, 999.7, 12_345, 999_999, 5_600_000].map(short)).toEqual([
    "0",
    "15.5",
    "999",
    "1k",
    "12.3k",
    "1M",
    "5.6M",
  ]);
});

test("cache is 1024-based and bandwidth 1000-based, as in the API", () => {
  expect([0, 1023, 1024, 33_554_432, 1.5 * 2 ** 30].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1 KiB",
    "32 MiB",
    "1.5 GiB",
  ]);
  expect([500, 1000, 20_000_000, 1.25e9].map(bandwidth)).toEqual([
    "500 B/s",
    "1 kB/s",
    "20 MB/s",
    "1.25 GB/s",
  ]);
});

test("a number on the edge of a unit is written in the next one", () => {
  expect(bytes(1024 ** 2 - 1)).toBe("1 MiB");
  expect(bandwidth(999_999)).toBe("1 MB/s");
  expect(micros(999_999)).toBe("1 s");
});

test("latencies choose their unit", () => {
  expect([39, 650, 12_415, 1_028_095].map(micros)).toEqual(["39 µs", "650 µs", "12.4 ms", "1.03 s"]);
});

test("ratios, gains and rates", () => {
  expect(percent(0.452011)).toBe("45.2 %");
  expect(percent(1, 0)).toBe("100 %");
  expect(gain(1.1399)).toBe("1.14×");
  expect(perSecond(512.4)).toBe("512 /s");
});

test("what is not there is a dash everywhere", () => {
  for (const format of [count, short, bytes, bandwidth, perSecond, percent, gain, micros]) {
    expect(format(null)).toBe("–");
    expect(format(undefined)).toBe("–");
  }
  expect(count(Number.NaN)).toBe("–");
});
