// What a change of quotas means, in words and numbers, for people who are about to confirm it.
import type { Share } from "../api/model.ts";
import { percent } from "../format/quantity.ts";
import { RESOURCES, type Resource } from "../format/resource.ts";

/** One resource that would change. */
export type Change = { key: Resource; title: string; from: string; to: string; difference: string };

/** The resources that differ, with the difference in their unit and as part of the former. */
export function changesOf(from: Share, to: Share): Change[] {
  return RESOURCES.filter((one) => from[one.key] !== to[one.key]).map((one) => {
    const difference = to[one.key] - from[one.key];
    const part =
      from[one.key] > 0
        ? `, ${difference > 0 ? "+" : "−"}${percent(Math.abs(difference) / from[one.key], 0)}`
        : "";
    return {
      key: one.key,
      title: one.title,
      from: one.format(from[one.key]),
      to: one.format(to[one.key]),
      difference: `${difference > 0 ? "+" : "−"}${one.format(Math.abs(difference))}${part}`,
    };
  });
}

/** What to mind before such a change; `use` is what the tenant uses now, if that is known. */
export function warningsOf(now: Share, to: Share, base: Share, use: Share | null): string[] {
  const warnings: string[] = [];
  for (const one of RESOURCES) {
    const value = to[one.key];
    if (value === now[one.key]) continue;
    if (use && value < use[one.key]) {
      warnings.push(
        one.key === "cache_bytes"
          ? `About ${one.format(use[one.key] - value)} of cached values are evicted; they are read from storage when asked for again.`
          : `It uses ${one.format(use[one.key])} of ${one.name} now: requests will wait, and those that wait too long are refused with THROTTLED.`,
      );
    }
    if (value < base[one.key]) {
      warnings.push(`Less ${one.name} than its base share of ${one.format(base[one.key])}.`);
    } else if (value > base[one.key]) {
      warnings.push(
        `${one.format(value - base[one.key])} of ${one.name} above its base share: added to the total, so the ${
          one.key === "cache_bytes" ? "machine's memory" : one.key === "net_bytes_per_s" ? "network" : "table"
        } must bear it.`,
      );
    }
  }
  return warnings;
}
