import { expect, test } from "vitest";

import { clock, dateTime, duration } from "./time.ts";

test("durations have their two largest units", () => {
  expect([0, 45, 60, 200, 7500, 349_200, 86_400].map(duration)).toEqual([
    "0 s",
    "45 s",
    "1 min",
    "3 min 20 s",
    "2 h 5 min",
    "4 d 1 h",
    "1 d",
  ]);
  expect(duration(null)).toBe("–");
});

test("times are local and have seconds", () => {
  const at = new Date(2026, 10, 23, 4, 5, 6).getTime();
  expect(clock(at)).toBe("04:05:06");
  expect(dateTime(at)).toBe("2026-11-23 04:05:06");
});
