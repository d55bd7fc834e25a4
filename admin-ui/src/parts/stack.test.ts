import { expect, test } from "vitest";

import { bandsOf, stacked } from "./stack.ts";

test("the largest are named, the rest is one band", () => {
  const shares = { a: [1, 1], b: [9, 5], c: [2, 2], d: [1, 3] };
  expect(bandsOf(shares, 2, 2)).toEqual([
    { name: "b", values: [9, 5] },
    { name: "d", values: [1, 3] },
    { name: "2 others", values: [3, 3] },
  ]);
  expect(bandsOf(shares, 2, 3).map((band) => band.name)).toEqual(["b", "d", "c", "a"]);
});

test("sums grow from the bottom and end at the total", () => {
  const bands = bandsOf({ a: [1, 1], b: [9, 5], late: [2] }, 2, 8);
  expect(stacked(bands)).toEqual([
    [9, 5],
    [9, 7],
    [10, 8],
  ]);
});
