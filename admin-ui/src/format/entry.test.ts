import { expect, test } from "vitest";

import { bandwidthEntry, bytesEntry, countEntry, parseBandwidth, parseBytes, parseCount } from "./entry.ts";

test("bytes are read as in the configuration file", () => {
  expect(parseBytes("256MiB")).toEqual({ value: 268_435_456 });
  expect(parseBytes(" 1.5 GiB ")).toEqual({ value: 1_610_612_736 });
  expect(parseBytes("256MB")).toEqual({ value: 256_000_000 });
  expect(parseBytes("33554432")).toEqual({ value: 33_554_432 });
});

test("a unit that is read in two ways is refused with the fix", () => {
  expect(parseBytes("256mb")).toEqual({ problem: '"mb" is not a unit here; write it like 256MiB' });
  expect(parseBytes("")).toEqual({ problem: "a value is missing; write it like 256MiB" });
  expect(parseBytes("-5")).toEqual({ problem: "write it like 256MiB" });
});

test("bandwidth may say per second", () => {
  expect(parseBandwidth("50MB/s")).toEqual({ value: 50_000_000 });
  expect(parseBandwidth("50 MB")).toEqual({ value: 50_000_000 });
  expect(parseBandwidth("1.5GB/s")).toEqual({ value: 1_500_000_000 });
});

test("counts take k, m, g, t and commas", () => {
  expect(parseCount("1k")).toEqual({ value: 1000 });
  expect(parseCount("1,250")).toEqual({ value: 1250 });
  expect(parseCount("62.5")).toEqual({ value: 62.5 });
  expect(parseCount("abc")).toEqual({ problem: "write a number, such as 1000 or 1k" });
});

test("what a field shows parses back to the same number", () => {
  for (const value of [1, 1000, 1024, 33_554_432, 33_554_433, 268_435_456, 1_610_612_736, 99_999_999]) {
    expect(parseBytes(bytesEntry(value))).toEqual({ value });
    expect(parseBandwidth(bandwidthEntry(value))).toEqual({ value });
  }
  expect(bytesEntry(33_554_432)).toBe("32MiB");
  expect(bandwidthEntry(20_000_000)).toBe("20MB/s");
  expect(countEntry(569.98539)).toBe("569.985");
});
