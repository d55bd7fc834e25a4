// Numbers as people read them, in the units of the API and of the configuration file: cache in KiB, MiB, GiB
// (1024-based), bandwidth in kB/s, MB/s, GB/s (1000-based), read and write units per second as plain numbers.

/** What stands where there is no number, or only an old one. */
export const NONE = "–";

type Maybe = number | null | undefined;

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Three significant digits, thousands set apart from 1,000 on; never an exponent. */
export function count(value: Maybe): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trimmed(value.toFixed(1));
  if (size >= 0.005 || size === 0) return trimmed(value.toFixed(2));
  return "<0.01";
}

/** A count in four characters or so, for narrow columns: 1.2k, 34k, 5.6M. */
export function short(value: Maybe): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (Math.abs(value) < 999.5) return count(value);
  const [scaled, unit] = scale(value, 1000, ["", "k", "M", "G", "T"]);
  return digits(scaled) + unit;
}

/** Cache and memory: "64 MiB". */
export function bytes(value: Maybe): string {
  return sized(value, 1024, BINARY, "");
}

/** Bandwidth: "20 MB/s". */
export function bandwidth(value: Maybe): string {
  return sized(value, 1000, DECIMAL, "/s");
}

/** Something per second: "512 /s". */
export function perSecond(value: Maybe): string {
  return value === null || value === undefined ? NONE : `${count(value)} /s`;
}

/** A ratio from 0 to 1 as percent: "45.2 %". */
export function percent(ratio: Maybe, places = 1): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return NONE;
  return `${(ratio * 100).toFixed(places)} %`;
}

/** Throughput over that of the base share: "1.14×". */
export function gain(ratio: Maybe): string {
  return ratio === null || ratio === undefined || !Number.isFinite(ratio) ? NONE : `${ratio.toFixed(2)}×`;
}

/** A latency: "650 µs", "12.4 ms", "1.2 s". */
export function micros(value: Maybe): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (value < 999.5) return `${digits(value)} µs`;
  if (value < 999_500) return `${digits(value / 1000)} ms`;
  return `${digits(value / 1e6)} s`;
}

function sized(value: Maybe, base: number, units: string[], suffix: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const [scaled, unit] = scale(value, base, units);
  return `${digits(scaled)} ${unit}${suffix}`;
}

function scale(value: number, base: number, units: string[]): [number, string] {
  let index = 0;
  // Half a unit in the last shown digit would round up to the next unit.
  while (Math.abs(value) >= base - 0.5 && index < units.length - 1) {
    value /= base;
    index += 1;
  }
  return [value, units[index] ?? ""];
}

/** Three significant digits, no zeros at the end. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return trimmed(size >= 10 ? value.toFixed(1) : value.toFixed(2));
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
