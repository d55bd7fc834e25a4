// The four resources: their names, units and colours, the same everywhere on the page.
import type { Share } from "../api/model.ts";
import { bandwidth, bytes, count, NONE, short } from "./quantity.ts";

/** A resource by its field in the API. */
export type Resource = keyof Share;

type Shown = {
  key: Resource;
  /** As in "short of read units". */
  name: string;
  /** Column heading. */
  title: string;
  /** Unit of a bare number in a field; empty where the number brings its own. */
  unit: string;
  /** The value in a column whose heading says that it is per second. */
  narrow: (value: number | null | undefined) => string;
  /** Custom property with its colour. */
  colour: string;
  /** The value with its unit. */
  format: (value: number | null | undefined) => string;
};

function units(unit: string): (value: number | null | undefined) => string {
  return (value) => (value === null || value === undefined ? NONE : `${count(value)} ${unit}`);
}

export const RESOURCES: readonly Shown[] = [
  {
    key: "cache_bytes",
    name: "cache",
    title: "Cache",
    unit: "",
    narrow: bytes,
    colour: "--cache",
    format: bytes,
  },
  {
    key: "read_units_per_s",
    name: "read units",
    title: "Read units",
    unit: "RU/s",
    narrow: short,
    colour: "--read",
    format: units("RU/s"),
  },
  {
    key: "write_units_per_s",
    name: "write units",
    title: "Write units",
    unit: "WU/s",
    narrow: short,
    colour: "--write",
    format: units("WU/s"),
  },
  {
    key: "net_bytes_per_s",
    name: "bandwidth",
    title: "Bandwidth",
    unit: "",
    narrow: (value) => bandwidth(value).replace("/s", ""),
    colour: "--net",
    format: bandwidth,
  },
];

/** One of the four. */
export function resource(key: Resource): Shown {
  const found = RESOURCES.find((one) => one.key === key);
  if (!found) throw new Error(`there is no resource ${key}`);
  return found;
}

/**
 * What a tenant is short of, in words, with the resource's colour where it is one; null if nothing holds it back: `clients`
 * means that it is served all they ask for.
 */
export function bottleneck(name: string | null | undefined): { label: string; colour: string | null } | null {
  switch (name) {
    case "cache":
      return { label: "cache", colour: "--cache" };
    case "read_units":
      return { label: "read units", colour: "--read" };
    case "write_units":
      return { label: "write units", colour: "--write" };
    case "net":
      return { label: "bandwidth", colour: "--net" };
    case "storage":
      return { label: "storage", colour: null };
    default:
      return null;
  }
}
