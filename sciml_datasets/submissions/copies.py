"""Copies: submissions whose predictions, errors, scores or names are those of another one.

The one that came first, by the git history of the folder, has no finding; where there is no order, each of them has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import Finding, shown
from sciml_datasets.submissions.folder import Place
from sciml_datasets.submissions.history import History
from sciml_datasets.submissions.prediction_errors import likeness

MOST_NAMED = 3
"""Number of other submissions that a finding names."""
Facts = Mapping[str, Any]
Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatedRun:
    """One run of a submission: its number, and the SHA-256 of its predictions as config.yaml states it."""

    place: Place
    number: int
    sha256: str


def copy_findings(
    checked: Mapping[Place, Facts], others: Mapping[Place, Facts], history: History
) -> dict[Place, list[Finding]]:
    """The findings on each submission that has predictions, errors or scores of one that came before it.

    Args:
        checked: submissions that are checked, with the facts of their inspection.
        others: submissions that they are compared with.
        history: the order in which they came.
    """
    everything = {**others, **checked}
    found: dict[Place, list[Finding]] = {}
    for rule, what, groups in (
        ("copy", "the predictions are", _alike(everything, ("fingerprint", "sha256"))),
        ("near-copy", "but for little noise the errors are", _nearly_alike(everything)),
        ("same-scores", "to the last digit all scores are", _alike(everything, ("scores",))),
    ):
        for place, earlier in _later(groups, history).items():
            known = found.setdefault(place, [])
            if place in checked and not any(finding.rule == "copy" for finding in known):  # whose errors are the same
                known.append(Finding(".", rule, f"{what} {_named(earlier)}"))
    return found


def name_findings(checked: Iterable[Place], everything: Iterable[Place], history: History) -> dict[Place, Finding]:
    """The finding on each submission that lies in a folder whose name differs by case only from one that was there.

    Args:
        checked: submissions that are checked.
        everything: all submissions of the tree.
        history: the order in which they came.
    """
    spellings: dict[Parts, dict[Parts, list[Place]]] = {}
    for place in everything:
        for parts in _above(place):
            spellings.setdefault(_lower(parts), {}).setdefault(parts, []).append(place)
    first: dict[Parts, Parts] = {}
    for lower, alike in spellings.items():
        if len(alike) > 1:
            came = {parts: min(_order(history, place) for place in places) for parts, places in alike.items()}
            best = min(came.values())
            earliest = [parts for parts, number in came.items() if number == best]
            first[lower] = earliest[0] if len(earliest) == 1 else ()
    found = {}
    for place in checked:
        for parts in _above(place):
            if first.get(_lower(parts), parts) != parts:
                other = next(spelled for spelled in spellings[_lower(parts)] if spelled != parts)
                name = "/".join(shown(part, 100) for part in other)
                found[place] = Finding(".", "name-collision", f"{name} is there as well")
                break
    return found


def _above(place: Place) -> Iterator[Parts]:
    return (place.parts[:depth] for depth in range(1, len(place.parts) + 1))


def _lower(parts: Parts) -> Parts:
    return tuple(part.lower() for part in parts)


def _order(history: History, place: Place, sha256: str | None = None) -> float:
    """The number of the commit with which it came; what is in no commit comes last."""
    came = history.came(place.folder, sha256)
    return math.inf if came is None else came


def _runs(place: Place, facts: Facts) -> list[tuple[StatedRun, Facts]]:
    return [(StatedRun(place, number, run["sha256"]), run) for number, run in enumerate(facts.get("runs", ()), 1)]


def _alike(everything: Mapping[Place, Facts], keys: Sequence[str]) -> Iterator[list[StatedRun]]:
    """The groups of runs that have the same value of one of some facts."""
    owners: dict[str, list[StatedRun]] = {}
    for place, facts in everything.items():
        for run, found in _runs(place, facts):
            for mark in {found[key] for key in keys if found.get(key)}:
                owners.setdefault(mark, []).append(run)
    return (group for group in owners.values() if len(group) > 1)


def _nearly_alike(everything: Mapping[Place, Facts]) -> Iterator[list[StatedRun]]:
    """The pairs of runs of the same data whose errors are nearly the same."""
    of_data: dict[tuple[str, int], list[tuple[StatedRun, list[float]]]] = {}
    for place, facts in everything.items():
        for run, found in _runs(place, facts):
            if vector := found.get("unexplained"):
                of_data.setdefault((found["data"], len(vector)), []).append((run, vector))
    for same in of_data.values():
        runs, vectors = [run for run, _ in same], np.array([vector for _, vector in same])
        for i in range(1, len(runs)):
            for j in np.flatnonzero(likeness(vectors[i], vectors[:i]) >= rules.NEAR_COPY):
                yield [runs[j], runs[i]]


def _later(groups: Iterable[Sequence[StatedRun]], history: History) -> dict[Place, list[Place]]:
    """The submissions that do not surely come first in a group, or that have several runs in it, each with the others
    that do or may come first."""
    found: dict[Place, list[Place]] = {}
    for group in groups:
        came: dict[Place, float] = {}
        for run in group:
            came[run.place] = min(came.get(run.place, math.inf), _order(history, run.place, run.sha256))
        best = min(came.values())
        first = [place for place, number in came.items() if number == best][: MOST_NAMED + 2]
        for place in came:
            if first != [place] or sum(run.place == place for run in group) > 1:
                found.setdefault(place, []).extend(other for other in first if other != place)
    return found


def _named(earlier: Iterable[Place]) -> str:
    """Those whose predictions a submission has, in words."""
    names = sorted({other.name for other in earlier})
    if not names:
        return "those of another run"
    more = " and of others" if len(names) > MOST_NAMED else ""
    return f"those of {', '.join(shown(name, 400) for name in names[:MOST_NAMED])}{more}"
