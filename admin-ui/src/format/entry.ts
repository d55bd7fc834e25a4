// What operators type into fields, in the grammar of the configuration file.

/** A quantity, or what is wrong with the text and how to mend it. */
export type Entry = { value: number } | { problem: string };

const BINARY: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const DECIMAL: Record<string, number> = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const THOUSANDS: Record<string, number> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Bytes of cache: "256MiB", "1 GiB", "256MB" or a plain number. */
export function parseBytes(text: string): Entry {
  return parse(text, { B: 1, ...BINARY, ...DECIMAL }, "write it like 256MiB", Math.round);
}

/** Bytes per second: "50MB/s", "50 MB" or a plain number. */
export function parseBandwidth(text: string): Entry {
  return parse(text.replace(/\/s\s*$/, ""), { B: 1, ...DECIMAL, ...BINARY }, "write it like 50MB/s");
}

/** Units per second, weights: "1000", "62.5", "1k". */
export function parseCount(text: string): Entry {
  return parse(text.replaceAll(",", ""), THOUSANDS, "write a number, such as 1000 or 1k");
}

function parse(
  text: string,
  units: Record<string, number>,
  hint: string,
  round = (value: number) => value,
): Entry {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  if (!found) return { problem: text.trim() === "" ? `a value is missing; ${hint}` : hint };
  const [, number = "", unit = ""] = found;
  const size = unit === "" ? 1 : units[unit];
  if (size === undefined) return { problem: `"${unit}" is not a unit here; ${hint}` };
  return { value: round(Number(number) * size) };
}

/** Bytes as an editable text that parses back to exactly the same number. */
export function bytesEntry(value: number): string {
  return exact(value, BINARY);
}

/** Bandwidth as an editable text that parses back to the same number, whole bytes per second. */
export function bandwidthEntry(value: number): string {
  return `${exact(Math.round(value), DECIMAL)}/s`;
}

/** A rate as an editable text, to a thousandth. */
export function countEntry(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function exact(value: number, units: Record<string, number>): string {
  const largest = Object.entries(units).reverse();
  for (const [unit, size] of largest) {
    const scaled = value / size;
    // Up to three decimals, if nothing is lost by them.
    const shown = Math.round(scaled * 1000) / 1000;
    if (shown >= 1 && Math.round(shown * size) === value) return `${shown}${unit}`;
  }
  return `${value}B`;
}
