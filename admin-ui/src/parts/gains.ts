// What a run promised to all tenants together, and what came of it. Pure, so that it can be tested.
import type { Run, TenantDecision } from "../api/model.ts";

/** The mean, least and most of gains over base. */
export type Spread = { mean: number; least: number; most: number };

/** Gains predicted for those that take part. */
export function predicted(run: Run): Spread | null {
  return spread(takingPart(run).map((one) => one.predicted_gain));
}

/** Gains measured of those that a limit held back: of others it says nothing. */
export function measured(run: Run): Spread | null {
  // Nothing came of a dry run.
  if (run.trigger === "dry_run") return null;
  return spread(
    takingPart(run)
      .filter((one) => one.measured_limited !== false)
      .map((one) => one.measured_gain)
      .filter((gain) => gain !== null && gain !== undefined),
  );
}

function takingPart(run: Run): TenantDecision[] {
  return run.tenants.filter((one) => one.role === "active");
}

function spread(gains: number[]): Spread | null {
  if (gains.length === 0) return null;
  const sum = gains.reduce((total, gain) => total + gain, 0);
  return { mean: sum / gains.length, least: Math.min(...gains), most: Math.max(...gains) };
}
