// Shares of many tenants as few bands: the largest by name, all others together. Pure, so that it can be tested.

export type Band = { name: string; values: (number | null)[] };

/** Bands of a stacked chart, the largest (by newest share) first; at most `most` and one for the rest. */
export function bandsOf(
  shares: Record<string, readonly (number | null)[]>,
  points: number,
  most: number,
): Band[] {
  const all = Object.entries(shares).sort(([a, x], [b, y]) => newest(y) - newest(x) || (a < b ? -1 : 1));
  const named = all.length <= most + 1 ? all : all.slice(0, most);
  const bands: Band[] = named.map(([name, values]) => ({ name, values: padded(values, points) }));
  const rest = all.slice(named.length);
  if (rest.length > 0) {
    const values = Array.from({ length: points }, () => 0);
    for (const [, one] of rest)
      padded(one, points).forEach((value, at) => (values[at] = (values[at] ?? 0) + (value ?? 0)));
    bands.push({ name: `${rest.length} others`, values });
  }
  return bands;
}

/** Sums from the bottom: the first band lies lowest. */
export function stacked(bands: Band[]): number[][] {
  const sums: number[][] = [];
  for (const band of bands) {
    const below = sums.at(-1);
    sums.push(band.values.map((value, at) => (below?.[at] ?? 0) + (value ?? 0)));
  }
  return sums;
}

function newest(values: readonly (number | null)[]): number {
  return values.findLast((value) => value !== null) ?? 0;
}

/** A tenant that came later has no values at first: they are missing in front. */
function padded(values: readonly (number | null)[], points: number): (number | null)[] {
  const missing = Math.max(0, points - values.length);
  return [...Array.from({ length: missing }, () => null), ...values.slice(-points)];
}
