// What all charts have in common: colours of the theme, axes, size.
import uPlot from "uplot";

import { bytes } from "../format/quantity.ts";

/** Steps from 256 KiB to 8 TiB. */
export const POWERS = Array.from({ length: 26 }, (_, power) => 2 ** (18 + power));

export type Line = {
  label: string;
  values: readonly (number | null | undefined)[];
  /** A custom property. */
  colour: string;
  dash?: number[];
  width?: number;
  /** Whether the area below is tinted. */
  fill?: boolean;
};

export type Format = (value: number | null | undefined) => string;

/** A custom property's colour as the canvas needs it. */
export function colourOf(name: string, alpha = 1): string {
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return alpha === 1 ? value : `${value}${hex(alpha)}`;
}

function hex(alpha: number): string {
  return Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0");
}

/** Both axes, quiet: a grid from the y axis only. */
export function axes(x: uPlot.Axis, format: Format): uPlot.Axis[] {
  const shared = {
    stroke: colourOf("--muted"),
    font: `11px ${getComputedStyle(document.documentElement).fontFamily}`,
    ticks: { show: false },
  };
  return [
    { ...shared, grid: { show: false }, size: 26, gap: 4, space: 70, ...x },
    {
      ...shared,
      grid: { stroke: colourOf("--line"), width: 1 },
      size: 66,
      gap: 6,
      space: 34,
      // Cache sizes are read in powers of two.
      ...(format === bytes ? { incrs: POWERS } : {}),
      values: (_plot, splits) => splits.map((split) => format(split)),
    },
  ];
}

/** Times of day below a chart, in the 24-hour clock. */
export const timeAxis: uPlot.Axis = {
  values: (_plot, splits, _axis, _space, step) =>
    splits.map((at) =>
      new Date(at * 1000).toLocaleTimeString("en-GB", {
        hour: "2-digit",
        minute: "2-digit",
        ...(step < 60 ? { second: "2-digit" } : {}),
      }),
    ),
};

/** Ends of an axis that begins at zero and leaves some room above. */
export function fromZero(_plot: uPlot, _least: number | null, most: number | null): [number, number] {
  return [0, most && most > 0 ? most * 1.08 : 1];
}

/** What every plot has, before it says anything. */
export function bare(width: number, height: number) {
  return {
    width: Math.max(width, 100),
    height,
    padding: [8, 8, 0, 0] as uPlot.Padding,
    legend: { show: false },
  };
}

/** A pointer that shows one moment in all plots of the group, and selects nothing. */
export function cursor(group: string): uPlot.Cursor {
  return { drag: { x: false, y: false }, y: false, sync: { key: group } };
}

/** Makes a plot and keeps it as wide as its place, to its end. */
export function keepPlot(
  place: HTMLElement,
  options: (width: number) => uPlot.Options,
  data: uPlot.AlignedData,
): { plot: uPlot; end: () => void } {
  const plot = new uPlot(options(place.clientWidth), data, place);
  const observer = new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
  });
  observer.observe(place);
  const end = () => {
    observer.disconnect();
    plot.destroy();
  };
  return { plot, end };
}
