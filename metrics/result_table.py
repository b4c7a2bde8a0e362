"""Results as text: a table with a line for each criterion."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from sciml_datasets.metrics.grouped_regression import MIN_GROUP
from sciml_datasets.metrics.intervals import in_words, reason_for_none
from sciml_datasets.metrics.results import PUBLISHED, SHOWN_BOUND, UNSCORED
from sciml_datasets.metrics.score_text import folded, score_text

LEFT_OUT, UNDEFINED = "groups_left_out_", "_undefined"
"""Beginning, and end, of names of counts in the scores, see docs/criteria.md."""


def table(result: dict[str, Any], width: int | None = None, *, published: bool = True) -> str:
    """The scores as text, a line per criterion; published values, where they are comparable, refer to the real data.

    Args:
        result: content of ``result.json``, of a run or of several.
        width: number of characters in a line, where columns shall be put below each other; see `folded`.
        published: whether targets and other published values are shown.
    """
    criteria = result["criteria"]
    published = published and any(row[kind] for row in criteria for kind in PUBLISHED)
    bounds = {row["name"]: bound for row in criteria if (bound := bound_of(result, row["name"]))}
    groups = [_scores(result, bounds), _baselines(criteria), *([_published(criteria)] if published else [])]
    lines = [_title(result), *folded(["criterion", *(row["title"] for row in criteria)], groups, width)]
    notes = [
        f"95 % interval: {interval_method(result)}" if _spans(result) else "",
        f"no 95 % interval: {why}" if not _spans(result) and (why := reason_for_none(result)) else "",
        "+- of bins: the exact score is at most this far away" if bounds else "",
    ]
    unscored = {name: count for name, count in result["scores"].items() if UNSCORED.fullmatch(name) and count}
    if unscored:
        notes.append(f"not scored: {', '.join(_unscored(name, count) for name, count in unscored.items())}")
    if published:
        notes.append("target, reference and best known are those of the real data")
    for note in filter(None, notes):
        lines += textwrap.wrap(note, width, subsequent_indent="  ") if width else [note]
    return "\n".join(lines)


def _unscored(name: str, count: float) -> str:
    """A count of what has no part in a score, in words."""
    if name.startswith(LEFT_OUT):
        why = f"fewer than {MIN_GROUP} samples, or constant truth"
        return f"{count:,.0f} of the groups by {name.removeprefix(LEFT_OUT)} ({why})"
    if name.endswith(UNDEFINED):
        return f"{count:,.0f} images without a defined {name.removesuffix(UNDEFINED)} score"
    return f"{count:,.0f} {name.replace('_', ' ')}"


def _title(result: dict[str, Any]) -> str:
    title = f"{result['dataset']} {result['dataset_version']}, {result['split']} split, {result['num_samples']} samples"
    if what := measured(result):
        title += f", {what}"
    return title + (f", mean of {len(result['runs'])} runs" if "runs" in result else "")


def _spans(result: dict[str, Any]) -> dict[str, Any]:
    """The interval of each score of a run, empty where there are none."""
    return dict((result.get("intervals") or {}).get("scores", {}))


def _scores(result: dict[str, Any], bounds: Mapping[str, float]) -> list[list[str]]:
    """Columns of the scores and of what is known of their uncertainty."""
    criteria, spans = result["criteria"], _spans(result)
    columns = [["score", *(_text(row, row["score"]) for row in criteria)]]
    if spans:
        ends = [" to ".join(_text(row, end) for end in spans.get(row["name"], [None])) for row in criteria]
        columns.append(["95 % interval", *ends])
    if "runs" in result:
        halves = [(row["interval"][1] - row["interval"][0]) / 2 if row.get("interval") else None for row in criteria]
        columns.append(["+-", *map(_text, criteria, halves)])
    if bounds:
        columns.append(["+- of bins", *(_text(row, bounds.get(row["name"])) for row in criteria)])
    return columns


def _baselines(criteria: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A column for each trivial baseline."""
    names = list(dict.fromkeys(name for row in criteria for name in row["baselines"]))
    return [[f"baseline: {name}", *(_text(row, row["baselines"].get(name)) for row in criteria)] for name in names]


def _published(criteria: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Columns of the published values, and of the score beside the target."""
    met = {None: "-", True: "yes", False: "no"}
    return [
        *(
            [kind.replace("_", " "), *(_text(row, row[kind] and row[kind]["value"]) for row in criteria)]
            for kind in PUBLISHED
        ),
        ["target met", *(met[row["met"]] for row in criteria)],
        ["distance", *(_text(row, row["distance"]) for row in criteria)],
    ]


def _text(row: Mapping[str, Any], value: float | None) -> str:
    return score_text(value, row.get("unit", ""))


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
    groups = " and ".join(in_words(name, number) for name, number in found["groups"].items())
    return f"{found['method'].removesuffix('groups')}{groups}, {found['resamples']:,} resamples"
