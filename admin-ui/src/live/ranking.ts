// Which tenants are listed, and in which order.
import type { Row, Share } from "../api/model.ts";
import { bottleneck } from "../format/resource.ts";

export const ORDERS = [
  "name",
  "requests",
  "hit_ratio",
  "cache_bytes",
  "read_units_per_s",
  "write_units_per_s",
  "net_bytes_per_s",
  "bottleneck",
  "waiting",
  "errors",
  "gain",
] as const;
/** What rows can be sorted by. */
export type Order = (typeof ORDERS)[number];

/** Rows of the filter, sorted; equal ones by name. Missing values come last in either direction. */
export function ranked(rows: Row[], order: Order, descending: boolean, filter: string): Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found =
    words.length === 0 ? [...rows] : rows.filter((row) => words.every((word) => matches(row, word)));
  const sign = descending ? -1 : 1;
  const byName = (a: Row, b: Row) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  if (order === "name") return found.sort((a, b) => sign * byName(a, b));
  const keyed = found.map((row) => ({ row, key: keyOf(row, order) }));
  keyed.sort((a, b) => {
    if (a.key === b.key) return byName(a.row, b.row);
    if (a.key === null) return 1;
    if (b.key === null) return -1;
    return sign * (a.key < b.key ? -1 : 1);
  });
  return keyed.map(({ row }) => row);
}

/** Part of a quota in use, 0 where there is no quota. */
export function fill(row: { quota: Share; use: Share }, key: keyof Share): number {
  return row.quota[key] > 0 ? row.use[key] / row.quota[key] : 0;
}

/** Requests that wait for a limit now. */
export function waiting(row: Row): number {
  return row.waiting.read_units + row.waiting.write_units + row.waiting.net;
}

/** A word is part of the name, or "is:" and a state, or "short:" and the beginning of a bottleneck. */
function matches(row: Row, word: string): boolean {
  if (row.name.toLowerCase().includes(word)) return true;
  switch (word) {
    case "is:pinned":
      return row.pinned;
    case "is:idle":
      return !row.active;
    case "is:active":
      return row.active;
    case "is:waiting":
      return waiting(row) > 0;
    case "is:failing":
      return row.rates.errors_per_s + row.rates.throttled_per_s > 0;
    default:
      return word.startsWith("short:") && (row.bottleneck ?? "").startsWith(word.slice(6));
  }
}

function keyOf(row: Row, order: Order): number | string | null {
  switch (order) {
    case "name":
      return row.name;
    case "requests":
      return row.rates.reads_per_s + row.rates.writes_per_s;
    case "hit_ratio":
      return row.rates.hit_ratio ?? null;
    case "bottleneck":
      return bottleneck(row.bottleneck)?.label ?? null;
    case "waiting":
      return waiting(row);
    case "errors":
      return row.rates.errors_per_s + row.rates.throttled_per_s;
    case "gain":
      return row.gain ?? null;
    default:
      return fill(row, order);
  }
}
