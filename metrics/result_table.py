"""Results as text: a table with a line for each criterion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sciml_datasets.metrics.intervals import reason_for_none
from sciml_datasets.metrics.results import PUBLISHED, SHOWN_BOUND, UNSCORED
from sciml_datasets.metrics.score_text import aligned, score_text


def table(result: dict[str, Any]) -> str:
    """The scores as text, a line per criterion; published values, where they are comparable, refer to the real data."""
    runs = f", mean of {len(result['runs'])} runs" if "runs" in result else ""
    title = f"{result['dataset']} {result['dataset_version']}, {result['split']} split, {result['num_samples']} samples"
    if what := measured(result):
        title += f", {what}"
    names = list(dict.fromkeys(name for row in result["criteria"] for name in row["baselines"]))
    bounds = {row["name"]: bound for row in result["criteria"] if (bound := bound_of(result, row["name"]))}
    spans = (result.get("intervals") or {}).get("scores", {})
    columns = [
        "score",
        *(["95 % interval"] if spans else []),
        *(["+-"] if runs else []),
        *(["+- of bins"] if bounds else []),
        *(f"baseline {i}" for i, _ in enumerate(names, 1)),
    ]
    published = any(row[kind] for row in result["criteria"] for kind in PUBLISHED)
    columns += ["target", "reference", "best known", "target met", "distance"] if published else []
    rows = [["criterion", *columns]]
    for row in result["criteria"]:
        unit = row.get("unit", "")
        cells = [row["title"], score_text(row["score"], unit)]
        if spans:
            cells.append(" to ".join(score_text(end, unit) for end in spans.get(row["name"], [None])))
        if runs:
            low, high = row.get("interval", (None, None))
            cells.append(score_text(None if low is None else (high - low) / 2, unit))
        if bounds:
            cells.append(score_text(bounds.get(row["name"]), unit))
        cells += [score_text(row["baselines"].get(name), unit) for name in names]
        if published:
            cells += [score_text(row[kind] and row[kind]["value"], unit) for kind in PUBLISHED]
            cells += [{None: "-", True: "yes", False: "no"}[row["met"]], score_text(row["distance"], unit)]
        rows.append(cells)
    lines = [title + runs, *aligned(rows)]
    lines += [f"baseline {i}: {name}" for i, name in enumerate(names, 1)]
    if spans:
        lines.append(f"95 % interval: {interval_method(result)}")
    elif why := reason_for_none(result):
        lines.append(f"no 95 % interval: {why}")
    if bounds:
        lines.append("+- of bins: the exact score is at most this far away")
    unscored = {name: count for name, count in result["scores"].items() if UNSCORED.fullmatch(name) and count}
    if unscored:
        counts = ", ".join(f"{name.replace('_', ' ')} {count:,.0f}" for name, count in unscored.items())
        lines.append(f"not scored: {counts}")
    if published:
        lines.append("target, reference and best known are those of the real data")
    return "\n".join(lines)


def measured(facts: Mapping[str, Any]) -> str:
    """The predicted quantity with its unit, from the fact ``response`` of a result or of data; empty without it."""
    response = facts.get("response")
    if not response:
        return ""
    return f"{response['title']} in {response['unit']}" if response["unit"] else str(response["title"])


def bound_of(result: dict[str, Any], name: str) -> float | None:
    """The largest possible distance of a score from a histogram to the exact one, the mean for several runs; None where
    tables do not show the difference."""
    bounds = [run["scores"].get(f"{name}_error") for run in result.get("runs", [result])]
    bound = sum(bounds) / len(bounds) if None not in bounds else 0.0
    return bound if bound > SHOWN_BOUND else None


def interval_method(result: dict[str, Any]) -> str:
    """The method of the intervals of a result that has some, in words."""
    found = result["intervals"]
    groups = " and ".join(f"{number:,} by {name}" for name, number in found["groups"].items())
    return f"{found['method']} ({groups}), {found['resamples']:,} resamples"
