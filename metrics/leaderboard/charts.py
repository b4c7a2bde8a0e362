"""Charts as inline SVG that takes its colours from the page, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
MAX_CLASSES_WITH_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """A mark on a chart: where, its interval, its name, and where a click leads."""

    x: float
    y: float
    low: float
    high: float
    label: str
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line with its name."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: ``linear``, ``log``, or ``date`` (days since year 1)."""

    title: str
    kind: str = "linear"

    def place(self, value: float) -> float:
        """The value on the axis' own scale."""
        return math.log10(value) if self.kind == "log" else value

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """A few round places on the axis' scale with their texts."""
        if self.kind == "date":
            step = max(1, round((high - low) / 4))
            days = range(math.ceil(low), math.floor(high) + 1, step)
            return [(day, date.fromordinal(day).isoformat()) for day in days]
        if self.kind == "log" and high - low >= 1:
            powers = range(math.ceil(low), math.floor(high) + 1)
            return [(power, f"{10.0**power:,g}") for power in powers]
        raw = (high - low) / 5
        size = 10.0 ** math.floor(math.log10(raw))
        step_size = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= raw)
        first = math.ceil(low / step_size)
        values = [i * step_size for i in range(first, math.floor(high / step_size) + 1)]
        return [(value, f"{10**value:.3g}" if self.kind == "log" else f"{value:.4g}") for value in values]


def scatter(title: str, points: Sequence[Point], lines: Sequence[Line], x_axis: Axis, y_axis: Axis) -> Markup:
    """Points with intervals, and horizontal lines; each point is a link."""
    xs = [x_axis.place(point.x) for point in points]
    ys = [value for point in points for value in (point.low, point.high)] + [line.y for line in lines]
    (x0, x1), (y0, y1) = _span(xs, 1 if x_axis.kind == "date" else 0.05), _span(ys, 0.005)

    def at_x(value: float) -> float:
        return LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def at_y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    parts = [_frame(x_axis, y_axis, (x0, x1), (y0, y1), at_x, at_y)]
    for line in lines:
        y = at_y(line.y)
        parts.append(
            Markup('<line class="published" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                LEFT, WIDTH - RIGHT, y, y
            )
            + Markup('<text class="published" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                WIDTH - RIGHT - 4, y - 4, line.label
            )
        )
    for point, place in zip(points, xs, strict=True):
        x = at_x(place)
        parts.append(
            Markup(
                '<a href="{}"><title>{}</title><line class="interval" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
                '<circle cx="{:.1f}" cy="{:.1f}" r="5"/></a>'
            ).format(point.link, point.label, x, x, at_y(point.low), at_y(point.high), x, at_y(point.y))
        )
    return _svg(title, parts, HEIGHT)


def curves(title: str, runs: Sequence[Sequence[Sequence[float]]], x_axis: Axis, y_axis: Axis) -> Markup:
    """One line for each run through its (x, y)."""
    runs = [[(float(x), float(y)) for x, y in run if x is not None] for run in runs]
    runs = [run for run in runs if run]
    if not runs:
        return Markup("")
    x0, x1 = _span([x for run in runs for x, _ in run], 0.5)
    y0, y1 = _span([y for run in runs for _, y in run], 0.005)

    def at_x(value: float) -> float:
        return LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def at_y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    parts = [_frame(x_axis, y_axis, (x0, x1), (y0, y1), at_x, at_y)]
    for number, run in enumerate(runs, 1):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in run)
        parts.append(
            Markup('<polyline class="curve" points="{}"><title>run {}</title></polyline>').format(path, number)
        )
        if len(run) == 1:
            parts.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3"/>').format(at_x(run[0][0]), at_y(run[0][1])))
    return _svg(title, parts, HEIGHT)


def confusion(title: str, classes: Sequence[object], counts: Sequence[Sequence[int]]) -> Markup:
    """A confusion matrix: rows are true, columns predicted; the darker the larger the share of the row."""
    size, count = 420, max(len(classes), 1)
    cell, numbers = size / count, count <= MAX_CLASSES_WITH_NUMBERS
    labelled = range(0, count, max(1, count // 20))
    parts = []
    for i, row in enumerate(counts):
        total = sum(row) or 1
        for j, value in enumerate(row):
            share = value / total
            if value:
                x, y = LEFT + 32 + j * cell, TOP + 16 + i * cell
                parts.append(
                    Markup(
                        '<rect class="cell" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill-opacity="{:.2f}">'
                        "<title>true {}, predicted {}: {:,}</title></rect>"
                    ).format(x, y, cell, cell, max(0.06, share), classes[i], classes[j], value)
                )
                if numbers:
                    parts.append(
                        Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="middle">{:,}</text>').format(
                            "on" if share > 0.5 else "off", x + cell / 2, y + cell / 2 + 4, value
                        )
                    )
    for i in labelled:
        middle = (i + 0.5) * cell
        parts.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                LEFT + 26, TOP + 20 + middle, classes[i]
            )
            + Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                LEFT + 32 + middle, TOP + 8, classes[i]
            )
        )
    parts.append(
        Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(LEFT + 32, TOP + 16, size, size)
    )
    return _svg(title, parts, TOP + size + 24, LEFT + size + 48)


def _span(values: Sequence[float], least: float) -> tuple[float, float]:
    """Lowest and highest with a margin, never equal."""
    low, high = min(values), max(values)
    margin = max((high - low) * 0.08, least)
    return low - margin, high + margin


def _frame(x_axis, y_axis, x_span, y_span, at_x, at_y) -> Markup:  # type: ignore[no-untyped-def]
    parts = []
    for value, text in x_axis.ticks(*x_span):
        x = at_x(value)
        parts.append(
            Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(x, x, TOP, HEIGHT - BOTTOM)
            + Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - BOTTOM + 16, text)
        )
    for value, text in y_axis.ticks(*y_span):
        y = at_y(value)
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, WIDTH - RIGHT, y, y)
            + Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 6, y + 4, text)
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_axis.title
        )
        + Markup('<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>').format(
            middle, y_axis.title
        )
    )
    return Markup("").join(parts)


def _svg(title: str, parts: Sequence[Markup], height: float, width: float = WIDTH) -> Markup:
    return (
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>').format(
            width, height, title, title
        )
        + Markup("").join(parts)
        + Markup("</svg>")
    )
