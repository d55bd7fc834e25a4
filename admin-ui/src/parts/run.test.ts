import { expect, test } from "vitest";

import type { Run } from "../api/model.ts";
import { flowOf } from "./flow.ts";
import { measured, predicted } from "./gains.ts";

test("a flow keeps amounts: what leaves donors reaches receivers", () => {
  const flow = flowOf(
    [
      { from: "a", to: "x", amount: 30 },
      { from: "a", to: "y", amount: 10 },
      { from: "b", to: "x", amount: 20 },
      { from: "c", to: "x", amount: 0 },
      { to: "y", amount: 5 },
    ],
    8,
  );
  expect(flow.donors.map((one) => [one.name, one.amount])).toEqual([
    ["a", 40],
    ["b", 20],
    ["the surplus", 5],
  ]);
  expect(flow.receivers.map((one) => [one.name, one.amount])).toEqual([
    ["x", 50],
    ["y", 15],
  ]);
  expect(flow.ribbons).toHaveLength(4);
  for (const one of flow.ribbons) {
    expect(one.y0).toBeLessThanOrEqual(flow.height);
    expect(one.y1).toBeLessThanOrEqual(flow.height);
  }
  expect(flow.left).toBe(0);
});

test("the largest trades are shown and the others counted", () => {
  const trades = Array.from({ length: 20 }, (_, at) => ({ from: `d${at}`, to: "x", amount: at + 1 }));
  const flow = flowOf(trades, 5);
  expect(flow.ribbons.map((one) => one.amount)).toEqual([20, 19, 18, 17, 16]);
  expect(flow.left).toBe(15);
  expect(flowOf([], 5)).toEqual({ donors: [], receivers: [], ribbons: [], height: 0, left: 0 });
});

test("gains are of those that take part; measured ones of those that limits held back", () => {
  const tenant = (
    role: string,
    predicted_gain: number,
    measured_gain: number | null,
    measured_limited = true,
  ) => ({
    ...{ role, predicted_gain, measured_gain, measured_limited },
  });
  const run = {
    tenants: [
      tenant("active", 1.2, 1.1),
      tenant("active", 1.4, 0.2, false),
      tenant("active", 1.3, null),
      tenant("idle", 9, 9),
    ],
  } as unknown as Run;
  expect(predicted(run)?.mean).toBeCloseTo(1.3);
  expect(predicted(run)?.most).toBe(1.4);
  expect(measured(run)).toEqual({ mean: 1.1, least: 1.1, most: 1.1 });
  expect(measured({ tenants: [] } as unknown as Run)).toBeNull();
});
