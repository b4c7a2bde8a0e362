"""The pages of the static site, without a server or a network, all text of submissions escaped; also JSON and CSV."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sciml_datasets.benchmark import Value
from sciml_datasets.leaderboard.charts import Axis, Line, Point, confusion, curves, scatter
from sciml_datasets.leaderboard.entries import Entry, Score
from sciml_datasets.leaderboard.ranking import Board, Ranked, best_baseline
from sciml_datasets.metrics.results import criterion_row
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.printable import printable
from sciml_datasets.submissions import rules
from sciml_datasets.version import VERSION

RANK = "<!-- rank -->"
"""Stands where the rank of a submission is written; no text of a submission can hold it, as all of it is escaped."""
NOTHING = "\N{EN DASH}"
KINDS = (("target", "target"), ("reference", "reference"), ("best_known", "best known"))
FACTS = ("runs", "recomputed", "model", "parameters", "training", "to target", "hardware", "date", "contribution")
NUMERIC = frozenset({"rank", "runs", "parameters", "training", "to target"})
NAMES = ("organization", "benchmark", "system", "descriptor")
SCORES = ("criterion", "score", "low", "high", "group_low", "group_high", "bound", "unit")


def pages(found: Sequence[Board]) -> Iterator[tuple[str, str]]:
    """File names and contents of the site, without those of single submissions; pages that link to others come last."""
    for board in found:
        yield f"boards/{board.name}.html", _render("board.html.jinja", "../", **_board_context(board))
    yield "index.html", _render("index.html.jinja", "", boards=found)
    yield "leaderboard.csv", _csv(found)
    yield "leaderboard.json", json.dumps([_board_json(board) for board in found], indent=1, allow_nan=False) + "\n"


def submission_page(board: Board, entry: Entry, facts: dict[str, Any], readme: str) -> str:
    """The page of a submission, with RANK where its rank is to be written.

    Args:
        board: a board that may hold the submission alone.
        entry: the submission.
        facts: facts of its inspection.
        readme: text of its README.md.
    """
    return _render("submission.html.jinja", "../" * 5, **_submission_context(board, entry, facts), readme=readme)


def rank_text(board: Board, one: Ranked) -> str:
    """What stands in the place of RANK."""
    if one.rank is None:
        return f"No rank: that needs {board.fewest_runs} runs."
    return f"Rank {one.rank}{' (tied)' if one.tied else ''} of {sum(other.rank is not None for other in board.ranked)}."


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = files("sciml_datasets.leaderboard").joinpath("templates")
    style, script = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("board.css", "board.js"))
    environment = Environment(
        loader=FileSystemLoader(str(folder)), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals |= {
        "score": _score_text,
        "number": score_text,
        "duration": _duration,
        "version": VERSION,
        "rank_mark": Markup(RANK),
        # These are our own texts; the page's policy allows only scripts and styles with their hashes.
        "style": Markup(style),
        "script": Markup(script),
        "style_hash": _policy_hash(style),
        "script_hash": _policy_hash(script),
    }
    return environment


def _render(template: str, up: str, **context: Any) -> str:
    text: str = _environment().get_template(template).render(up=up, **context)
    return "\n".join(map(printable, text.expandtabs(4).split("\n")))


def _policy_hash(text: str) -> str:
    """The name of an inline style or script in Content-Security-Policy."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _board_context(board: Board) -> dict[str, Any]:
    criteria = [c for c in board.benchmark.criteria if any(c.name in one.entry.scores for one in board.ranked)]
    primary = board.benchmark.criteria[0]
    where = "" if board.real else " (real data)"
    published = [
        (title + where, {c.name: value for c in criteria if (value := getattr(c, kind)) is not None})
        for kind, title in KINDS
    ]
    baselines = [
        (f"baseline: {name}", {key: Value(score, "") for key, score in scores.items() if score is not None})
        for name, scores in board.baselines.items()
    ]
    return {
        "board": board,
        "primary": primary,
        "criteria": criteria,
        "columns": ["rank", "submission", *(c.title for c in criteria), *FACTS],
        "numeric": NUMERIC | {c.title for c in criteria},
        "published": [(name, values) for name, values in published + baselines if values],
        "over_time": _over_time(board),
        "against_cost": _against_cost(board),
    }


def _lines(board: Board) -> list[Line]:
    """Lines for the published values of the primary criterion, if they refer to these data, and the best baseline."""
    primary = board.benchmark.criteria[0]
    lines = []
    if board.real:
        lines = [Line(value.value, title) for kind, title in KINDS if (value := getattr(primary, kind)) is not None]
    trivial = best_baseline(board.baselines, primary)
    return lines if trivial is None else [*lines, Line(trivial, "best baseline")]


def _points(board: Board, x: Any) -> list[Point]:
    name = board.benchmark.criteria[0].name
    points = []
    for entry in (one.entry for one in board.ranked):
        score, place = entry.scores[name], x(entry)
        if place is not None:
            label = f"{entry.path}: {_score_text(score)}"
            points.append(
                Point(place, score.value, score.low, score.high, label, f"../submissions/{entry.path}/index.html")
            )
    return points


def _over_time(board: Board) -> Any:
    points = _points(board, lambda entry: float(date.fromisoformat(entry.date).toordinal()))
    title = board.benchmark.criteria[0].title
    return scatter(f"{title} over time", points, _lines(board), Axis("day of the last run", "date"), Axis(title))


def _against_cost(board: Board) -> Any:
    points = _points(board, lambda entry: entry.seconds or None)
    title = board.benchmark.criteria[0].title
    if not points:
        return None
    return scatter(f"{title} against cost", points, _lines(board), Axis("seconds of training", "log"), Axis(title))


def _submission_context(board: Board, entry: Entry, facts: dict[str, Any]) -> dict[str, Any]:
    primary, config = board.benchmark.criteria[0], facts["config"]
    matrix = facts["results"][0]["details"].get("confusion")
    repository = str(config["github"]["repo"])
    stated = {row["name"] for row in facts["result"]["criteria"]}
    values = {name: score.value for name, score in entry.scores.items()}
    return {
        "board": board,
        "entry": entry,
        "config": config,
        "primary": primary,
        # Titles and published values are those of the benchmark, never of a result.
        "rows": [
            criterion_row(c, values.get(c.name, math.nan), {}) for c in board.benchmark.criteria if c.name in stated
        ],
        "repository": repository if rules.REPOSITORY.fullmatch(repository) else None,
        "curve": curves(
            f"{primary.title} over epochs",
            [times["curve"] for times in facts["times"]],
            Axis("epoch", "count"),
            Axis(primary.title),
        ),
        "matrix": confusion("confusion matrix", matrix["classes"], matrix["counts"]) if matrix else None,
        "most_cells": rules.MAX_CELLS if matrix and len(matrix["classes"]) ** 2 > rules.MAX_CELLS else None,
    }


def _score_text(score: Score | None) -> str:
    if score is None:
        return NOTHING
    unit = score.unit
    spread = f" ± {score_text((score.high - score.low) / 2, unit)}" if score.high > score.low else ""
    bound = f" (bins ± {score_text(score.bound, unit)})" if score.bound else ""
    origin = ", as submitted" if score.submitted else ""
    groups = f" ({' to '.join(score_text(end, unit) for end in score.groups)}{origin})" if score.groups else ""
    return f"{score_text(score.value, unit)}{spread}{groups}{bound}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _row(board: Board, one: Ranked) -> dict[str, Any]:
    """The facts of an entry, for programs."""
    entry: Entry = one.entry
    return {
        "board": board.name,
        "rank": one.rank,
        "tied": one.tied,
        **dict(zip(NAMES, entry.parts, strict=True)),
        "runs": entry.runs,
        "recomputed": entry.recomputed,
        "review": "; ".join(entry.review),
        "model": entry.model,
        "parameters": entry.parameters,
        "training_seconds": entry.seconds,
        "target_seconds": entry.target_seconds,
        "hardware": entry.hardware,
        "date": entry.date,
    }


def _csv(found: Sequence[Board]) -> str:
    """One line for each criterion of each submission."""
    lines = [
        {key: _inert(value) for key, value in _row(board, one).items()}
        | {"criterion": name, "score": score.value, "low": score.low, "high": score.high}
        | dict(zip(("group_low", "group_high"), score.groups or (None, None), strict=True))
        | {"bound": score.bound, "unit": _inert(score.unit)}
        for board in found
        for one in board.ranked
        for name, score in one.entry.scores.items()
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0] if lines else SCORES, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _inert(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula, and in which all can be seen."""
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") else value)


def _board_json(board: Board) -> dict[str, Any]:
    return {
        "board": board.name,
        "title": board.benchmark.title,
        "primary": board.benchmark.criteria[0].name,
        **board.likeness,
        "baselines": board.baselines,
        "submissions": [
            _row(board, one)
            | {
                "scores": {
                    name: {
                        "score": score.value,
                        "interval": [score.low, score.high],
                        "group_interval": score.groups,
                        "bound": score.bound,
                        "unit": score.unit,
                    }
                    for name, score in one.entry.scores.items()
                },
                "contribution": f"submissions/{one.entry.path}/{one.entry.contribution}",
            }
            for one in board.ranked
        ],
    }
