// Requests per second of every tenant over the last five minutes: what the proxy remembers, continued by what is heard.
import type { Row } from "../api/model.ts";

/** Points of a sparkline, and how far they lie apart; as in `/v1/history`. */
export const POINTS = 60;
export const STEP_MS = 5000;

export class Sparklines {
  private lines = new Map<string, number[]>();
  private lastMs = 0;

  /** Starts from what the proxy remembers. */
  remember(lines: Record<string, number[]>, nowMs: number): void {
    this.lines = new Map(Object.entries(lines).map(([name, points]) => [name, points.slice(-POINTS)]));
    this.lastMs = nowMs;
  }

  /** Adds a point per tenant, at most one a step; tenants that are gone are forgotten. True if it did. */
  hear(rows: Row[], nowMs: number): boolean {
    if (nowMs - this.lastMs < STEP_MS) return false;
    this.lastMs = nowMs;
    const next = new Map<string, number[]>();
    for (const row of rows) {
      const points = this.lines.get(row.name) ?? [];
      next.set(row.name, [...points.slice(1 - POINTS), row.rates.reads_per_s + row.rates.writes_per_s]);
    }
    this.lines = next;
    return true;
  }

  of(name: string): readonly number[] {
    return this.lines.get(name) ?? [];
  }
}
