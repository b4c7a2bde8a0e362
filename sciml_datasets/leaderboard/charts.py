"""Charts as inline SVG that takes its colours from the page, so that they follow light and dark."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from sciml_datasets.submissions.rules import MAX_CELLS

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 96, 44, 16, 52
MAX_CLASSES_WITH_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """A mark on a chart: its position, its interval, its name, and the target of its link."""

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
    """One axis: ``linear``, ``log``, ``count`` (ticks at whole numbers) or ``date`` (days since year 1)."""

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
        raw = max((high - low) / 5, 1.0 if self.kind == "count" else 0.0)
        size = 10.0 ** math.floor(math.log10(raw))
        step_size = next(
            factor * size for factor in (1, 2, 2.5 if self.kind != "count" else 5, 5, 10) if factor * size >= raw
        )
        first = math.ceil(low / step_size)
        values = [i * step_size for i in range(first, math.floor(high / step_size) + 1)]
        return [(value, f"{10**value:.3g}" if self.kind == "log" else f"{value:.4g}") for value in values]


@dataclass(frozen=True, slots=True)
class Plane:
    """The drawing area, with the values at its edges on the axes' own scales."""

    x_span: tuple[float, float]
    y_span: tuple[float, float]

    def x(self, value: float) -> float:
        """The horizontal position of a value in the picture."""
        low, high = self.x_span
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """The vertical position of a value in the picture, from the top."""
        low, high = self.y_span
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def frame(self, x_axis: Axis, y_axis: Axis) -> Markup:
        """Grid, ticks and titles."""
        line = Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
        label = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
        title = Markup('<text transform="translate({} {}) rotate({})" text-anchor="middle">{}</text>')
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = [
            title.format((LEFT + right) / 2, HEIGHT - 10, 0, x_axis.title),
            title.format(14, (TOP + bottom) / 2, -90, y_axis.title),
        ]
        for value, text in x_axis.ticks(*self.x_span):
            x = self.x(value)
            anchor = "end" if x_axis.kind == "date" and x > right - RIGHT else "middle"  # a long text would be cut off
            parts += [line.format(x, x, TOP, bottom), label.format(x, bottom + 16, anchor, text)]
        for value, text in y_axis.ticks(*self.y_span):
            y = self.y(value)
            parts += [line.format(LEFT, right, y, y), label.format(LEFT - 6, y + 4, "end", text)]
        return Markup("").join(parts)


def scatter(title: str, points: Sequence[Point], lines: Sequence[Line], x_axis: Axis, y_axis: Axis) -> Markup:
    """Points with intervals, and horizontal lines; each point is a link."""
    xs = [x_axis.place(point.x) for point in points]
    ys = [value for point in points for value in (point.low, point.high)] + [line.y for line in lines]
    plane = Plane(_span(xs, 1 if x_axis.kind == "date" else 0.05), _span(ys, 0.005))
    published = Markup(
        '<line class="published" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
        '<text class="published" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    )
    mark = Markup(
        '<a href="{}"><title>{}</title><line class="interval" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
        '<circle cx="{:.1f}" cy="{:.1f}" r="5"/></a>'
    )
    right = WIDTH - RIGHT
    parts = [plane.frame(x_axis, y_axis)]
    for line in lines:
        y = plane.y(line.y)
        parts.append(published.format(LEFT, right, y, y, right - 4, y - 4, line.label))
    for point, place in zip(points, xs, strict=True):
        x, y, low, high = plane.x(place), plane.y(point.y), plane.y(point.low), plane.y(point.high)
        parts.append(mark.format(point.link, point.label, x, x, low, high, x, y))
    return _svg(title, parts, WIDTH, HEIGHT)


def curves(title: str, runs: Sequence[Sequence[Sequence[float]]], x_axis: Axis, y_axis: Axis) -> Markup:
    """One line for each run through its (x, y); nothing where there are none."""
    drawn = [run for run in runs if run]
    if not drawn:
        return Markup("")
    plane = Plane(_span([x for run in drawn for x, _ in run], 0.5), _span([y for run in drawn for _, y in run], 0.005))
    parts = [plane.frame(x_axis, y_axis)]
    for number, run in enumerate(drawn, 1):
        path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in run)
        line = Markup('<polyline class="curve" points="{}"><title>run {}</title></polyline>')
        parts.append(line.format(path, number))
        if len(run) == 1:
            parts.append(
                Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3"/>').format(plane.x(run[0][0]), plane.y(run[0][1]))
            )
    return _svg(title, parts, WIDTH, HEIGHT)


def confusion(title: str, classes: Sequence[object], counts: Sequence[Sequence[int]]) -> Markup:
    """A confusion matrix: rows are true, columns predicted classes; a cell is darker for a larger share of its row. Of
    more than MAX_CELLS cells, those with the largest shares are drawn."""
    size, left, top, count = 420, 76, 64, max(len(classes), 1)
    cell, numbers = size / count, count <= MAX_CLASSES_WITH_NUMBERS
    labelled = range(0, count, max(1, count // 20))
    parts = []
    for share, i, j in _largest(counts):
        x, y, value = left + j * cell, top + i * cell, counts[i][j]
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
        across = Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>')
        upright = Markup('<text transform="translate({:.1f} {}) rotate(-90)">{}</text>')
        parts.append(across.format(left - 6, top + middle + 4, classes[i]))
        parts.append(upright.format(left + middle + 4, top - 6, classes[i]))
    parts.append(Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(left, top, size, size))
    return _svg(title, parts, left + size + 4, top + size + 4)


def _largest(counts: Sequence[Sequence[int]]) -> list[tuple[float, int, int]]:
    """Share of its row, row and column of the cells that are drawn, in the order of rows and columns."""
    cells = (
        (value / total, i, j)
        for i, row in enumerate(counts)
        for total in [sum(row) or 1]
        for j, value in enumerate(row)
        if value
    )
    return sorted(heapq.nlargest(MAX_CELLS, cells), key=lambda cell: cell[1:])


def _span(values: Sequence[float], least: float) -> tuple[float, float]:
    """Lowest and highest value with a margin, never equal, however large they are."""
    low, high = min(values), max(values)
    margin = max((high - low) * 0.08, least, 1e-9 * max(abs(low), abs(high)))
    return low - margin, high + margin


def _svg(title: str, parts: Sequence[Markup], width: float, height: float) -> Markup:
    begin = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>')
    return begin.format(width, height, title, title) + Markup("").join(parts) + Markup("</svg>")
