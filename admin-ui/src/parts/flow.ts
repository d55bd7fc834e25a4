// Trades as a picture: donors on the left, receivers on the right, ribbons between. Pure geometry.

/** Without a giver or a taker it comes from, or goes to, what nobody has. */
export type Trade = { from?: string | null; to?: string | null; amount: number };
export type Side = { name: string; amount: number; y: number; height: number };
export type Ribbon = { from: string; to: string; amount: number; y0: number; y1: number; height: number };
export type Flow = { donors: Side[]; receivers: Side[]; ribbons: Ribbon[]; height: number; left: number };

/** Who stands for what no tenant has. */
const NOBODY = "the surplus";
const GAP = 6;
/** Least height of a ribbon and of a name, so that both can be seen. */
const LEAST = 16;
const HEIGHT = 72;

/** Lays out the largest trades, at most `most`; `left` says how many were left out. */
export function flowOf(trades: Trade[], most: number): Flow {
  const sorted = trades
    .filter((trade) => trade.amount > 0)
    .map(({ from, to, amount }) => ({ from: from ?? NOBODY, to: to ?? NOBODY, amount }))
    .sort((a, b) => b.amount - a.amount);
  const shown = sorted.slice(0, most);
  const total = shown.reduce((sum, trade) => sum + trade.amount, 0);
  const donors = side(shown, (trade) => trade.from, total);
  const receivers = side(shown, (trade) => trade.to, total);
  const used = new Map<Side, number>();
  const ribbons = shown.map((trade) => {
    const from = donors.find((one) => one.name === trade.from);
    const to = receivers.find((one) => one.name === trade.to);
    if (!from || !to) throw new Error("a trade without its sides");
    const take = (one: Side) => {
      const at = used.get(one) ?? 0;
      const height = (trade.amount / one.amount) * one.height;
      used.set(one, at + height);
      return { y: one.y + at + height / 2, height };
    };
    const [start, end] = [take(from), take(to)];
    return { ...trade, y0: start.y, y1: end.y, height: Math.min(start.height, end.height) };
  });
  const height = Math.max(bottom(donors), bottom(receivers));
  return { donors, receivers, ribbons, height, left: sorted.length - shown.length };
}

type Named = { from: string; to: string; amount: number };

function side(trades: Named[], of: (trade: Named) => string, total: number): Side[] {
  const sums = new Map<string, number>();
  for (const trade of trades) sums.set(of(trade), (sums.get(of(trade)) ?? 0) + trade.amount);
  let y = 0;
  return [...sums].map(([name, amount]) => {
    const height = Math.max(LEAST, (amount / total) * HEIGHT);
    const one = { name, amount, y, height };
    y += height + GAP;
    return one;
  });
}

function bottom(sides: Side[]): number {
  const last = sides.at(-1);
  return last ? last.y + last.height : 0;
}
