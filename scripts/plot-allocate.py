#!/usr/bin/env python3
"""Draws time per allocation over tenants from what `cargo bench -p hare --bench allocate` measured.

    scripts/plot-allocate.py [CRITERION_DIR] > docs/figures/allocate-time.svg

Prints the numbers to standard error. Needs nothing beyond Python's own library.
"""

import json
import math
import os
import pathlib
import sys

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 120, 30, 60
LEAST_TENANTS, MOST_TENANTS = 1.5, 14_000
LEAST_S, MOST_S = 8e-8, 3.0
# Colours that stay apart for colour-blind readers (Okabe and Ito), each with its own mark and dash.
SERIES = {
    "optimum": ("#0072B2", "circle", ""),
    "hare": ("#D55E00", "square", "6 3"),
    "memshare": ("#7B3F8C", "diamond", "2 3"),
    "drf": ("#009E73", "triangle", "10 3 2 3"),
}
# What the policy has to keep to: tenants, seconds.
BARS = [(16, 100e-6, "100 µs"), (10_000, 1.0, "1 s")]


def measured(folder: pathlib.Path, group: str) -> dict[str, list[tuple[int, float]]]:
    """Seconds of one call per policy and number of tenants: the least sample, for machines are shared."""
    series: dict[str, list[tuple[int, float]]] = {}
    for file in folder.glob(f"{group}/*/*/new/benchmark.json"):
        about = json.loads(file.read_text())
        sample = json.loads((file.parent / "sample.json").read_text())
        least_ns = min(ns / calls for ns, calls in zip(sample["times"], sample["iters"]))
        seconds = least_ns / 1e9 / about["throughput"]["Elements"]
        series.setdefault(about["function_id"], []).append((int(about["value_str"]), seconds))
    return {policy: sorted(points) for policy, points in series.items()}


def x_of(tenants: float) -> float:
    part = math.log(tenants / LEAST_TENANTS) / math.log(MOST_TENANTS / LEAST_TENANTS)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def y_of(seconds: float) -> float:
    part = math.log(seconds / LEAST_S) / math.log(MOST_S / LEAST_S)
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def duration(seconds: float) -> str:
    for unit, size in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)]:
        if seconds >= size * 0.9995:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def mark(kind: str, x: float, y: float, colour: str) -> str:
    shapes = {
        "circle": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"',
        "square": f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"',
        "diamond": f'<path d="M{x:.1f} {y - 6:.1f}l6 6-6 6-6-6z"',
        "triangle": f'<path d="M{x:.1f} {y - 6:.1f}l6 10h-12z"',
    }
    return f'{shapes[kind]} fill="{colour}"/>'


def axes() -> list[str]:
    parts = []
    for tenants in [2, 16, 128, 1024, 10_000]:
        x = x_of(tenants)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{tenants:,}</text>'
        )
    for power in range(-7, 1):
        y = y_of(10.0**power)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        label = duration(10.0**power)
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 15}" text-anchor="middle">tenants</text>')
    parts.append(f'<text x="{LEFT}" y="18">time of one allocation, 128-point curves</text>')
    return parts


def draw(series: dict[str, list[tuple[int, float]]]) -> str:
    parts = axes()
    for tenants, seconds, label in BARS:
        x, y = x_of(tenants), y_of(seconds)
        parts.append(f'<path d="M{x - 14:.1f} {y:.1f}h28" stroke="#000" stroke-width="3"/>')
        parts.append(f'<text x="{x - 18:.1f}" y="{y + 4:.1f}" text-anchor="end">bar: {label}</text>')
    label_ys: list[float] = []
    for policy, (colour, kind, dash) in SERIES.items():
        points = [(x_of(tenants), y_of(seconds)) for tenants, seconds in series.get(policy, [])]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dash}"/>'
        )
        parts.extend(mark(kind, x, y, colour) for x, y in points)
        x, y = points[-1]
        if x < x_of(10_000):
            # A line that ends early has others to its right.
            parts.append(
                f'<text x="{x - 8:.1f}" y="{y - 6:.1f}" text-anchor="end" fill="{colour}">{policy}</text>'
            )
            continue
        # Labels next to the last point, moved apart where they would overlap.
        while any(abs(y - other) < 15 for other in label_ys):
            y += 2
        label_ys.append(y)
        parts.append(f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" fill="{colour}">{policy}</text>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="sans-serif" font-size="13" role="img">',
            "<title>Time of one allocation over the number of tenants, per policy</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *parts,
            "</svg>",
        ]
    )


def main() -> None:
    root = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else target / "criterion"
    series = measured(folder, "tenants")
    if "optimum" not in series:
        sys.exit(f"no results in {folder}; run `cargo bench -p hare --bench allocate` first")
    others = {group: measured(folder, group) for group in ["steps", "short of reads and net"]}
    named = [*series.items()] + [
        (f"{policy}, {group}", points)
        for group, found in others.items()
        for policy, points in found.items()
    ]
    for policy, points in named:
        row = ", ".join(f"{tenants:,}: {duration(seconds)}" for tenants, seconds in points)
        print(f"{policy}: {row}", file=sys.stderr)
    print(draw(series))


if __name__ == "__main__":
    main()
