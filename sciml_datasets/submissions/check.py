"""Checking submissions: each in a sandbox of its own, then all of them beside each other."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import is_there
from sciml_datasets.sandbox import StoppedError, in_sandbox
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.copies import copy_findings, name_findings
from sciml_datasets.submissions.data_at_hand import DataAtHand
from sciml_datasets.submissions.findings import Finding, shown
from sciml_datasets.submissions.folder import Place
from sciml_datasets.submissions.history import History
from sciml_datasets.submissions.inspection import Inspection
from sciml_datasets.submissions.maintainers import PullRequest
from sciml_datasets.submissions.report_form import is_report
from sciml_datasets.submissions.runs import is_run

LEVELS = 4
"""Folders from the root to a submission."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission that was looked at.

    Attributes:
        place: place of the submission.
        findings: sorted by file and rule.
        facts: facts that a leaderboard shows; only to be used where nothing must be fixed.
    """

    place: Place
    findings: tuple[Finding, ...]
    facts: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether nothing must be fixed."""
        return all(finding.law.level != "must" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "submission": self.place.name,
            "accepted": self.accepted,
            "recomputed": bool(self.facts.get("recomputed")),
            "findings": [finding.as_json() for finding in self.findings],
        }


def check(paths: Sequence[Path], data: DataAtHand | None = None) -> list[Checked]:
    """Check submissions.

    Args:
        paths: paths of submissions, or of folders with ``{organization}/{benchmark}/{system}/{descriptor}`` below.
        data: prepared data, where scores shall be computed again.

    Returns:
        One for each submission; a submission that is given alone is compared with its neighbours as well.

    Raises:
        InputError: a path is no folder, there is no submission in it, it could be either, or it is a run folder.
    """
    _import_readers()
    checked: list[Checked] = []
    neighbours: dict[Place, None] = {}
    for path in paths:
        if is_run(path):
            raise InputError(f"{shown(path, 400)} is a run folder: write a submission of it first, with `sciml submit`")
        if _is_tree(path):
            checked += _whole_tree(path, data)
        else:
            place = place_of(path)
            checked.append(look_at(place, data))
            neighbours |= dict.fromkeys(_neighbours(place))
    benchmarks = {one.place.benchmark for one in checked}
    given = {one.place for one in checked}
    others = [look_at(p, data, score=False) for p in neighbours if p not in given and p.benchmark in benchmarks]
    return _compared(checked, others, neighbours, paths[0])


def check_tree(
    root: Path,
    data: DataAtHand | None = None,
    only: Sequence[Path] | None = None,
    change: PullRequest | None = None,
) -> list[Checked]:
    """Check the submissions of a tree.

    Args:
        root: the folder with ``{organization}/{benchmark}/{system}/{descriptor}`` below.
        data: prepared data, where scores shall be computed again.
        only: paths below the root to check; they are compared with the rest. A path that is not the folder of a
            submission is a finding.
        change: pull request that changes them; submissions of others are a finding.

    Raises:
        InputError: the root is no folder or is a link, holds no submission, or does not hold a path of ``only``.
    """
    _import_readers()
    if only is None:
        checked = _whole_tree(root, data)
        return _compared(checked, (), (), root)
    places, _ = find_submissions(root)
    at = {place.parts: place for place in places}
    chosen = dict.fromkeys(_parts_below(root, path) for path in only)
    checked = [look_at(at[parts], data) if parts in at else _stray(root, parts) for parts in chosen]
    if change is not None:
        checked = [replace(one, findings=(*one.findings, *change.findings(one.place))) for one in checked]
    benchmarks = {one.place.benchmark for one in checked}
    others = [
        look_at(place, data, score=False)
        for place in places
        if place.parts not in chosen and place.benchmark in benchmarks
    ]
    return _compared(checked, others, places, root)


def _whole_tree(root: Path, data: DataAtHand | None) -> list[Checked]:
    places, strays = find_submissions(root)
    if not places and not strays:
        shape = "{organization}/{benchmark}/{system}/{descriptor}"
        raise InputError(f"{shown(root, 400)} holds no submission: expected {shape} below it")
    return [*strays, *(look_at(place, data) for place in places)]


def _absolute(path: Path) -> Path:
    """The path from the root on, without ``..``; links in it are not followed, so that they can be refused."""
    return Path(os.path.normpath(path.absolute()))


def _parts_below(root: Path, path: Path) -> tuple[str, ...]:
    absolute, top = map(_absolute, (path, root))
    if not absolute.is_relative_to(top) or absolute == top or not is_there(absolute):
        raise InputError(f"{shown(path, 400)} is not in {shown(root, 400)}: name what lies in that folder")
    return absolute.relative_to(top).parts


def _stray(root: Path, parts: tuple[str, ...]) -> Checked:
    """The findings on what is in a tree and is no submission."""
    place = Place(_absolute(root).joinpath(*parts), parts)
    rule = "symlink" if place.folder.is_symlink() else "path-shape"
    return Checked(place, (Finding(".", rule, "it is not the folder of a submission"),), {})


def _import_readers() -> None:
    """Import once what each process would import for itself."""
    for name in ("h5py", "jsonschema", "yaml", "mlperf_logging.compliance_checker.mlp_parser.ruleset_100"):
        importlib.import_module(name)


def _is_tree(path: Path) -> bool:
    """Whether a path that a person named is a folder of submissions; else it is one submission.

    A submission that lies where submissions do is one whatever it holds or lacks.
    """
    if path.is_symlink() or not path.is_dir():
        return True  # which is refused
    if is_submission(path):
        return False
    if place_of(path).benchmark is None:
        return True
    if any(place.benchmark for place in find_submissions(path)[0]):
        raise InputError(
            f"{shown(path, 400)} lies where a submission does but holds submissions: name the folder of all "
            "submissions, and with --only what to check"
        )
    return False


def look_at(place: Place, data: DataAtHand | None = None, *, score: bool = True) -> Checked:
    """Check one submission alone.

    Args:
        place: place of the submission.
        data: prepared data.
        score: whether scores are computed again; else it is read only to be compared with others.
    """
    known = data.of_benchmark(place.benchmark) if data and place.benchmark else {}
    if any(folder.is_symlink() for folder in (place.folder, *place.folder.parents[: len(place.parts) - 1])):
        return Checked(place, (Finding(".", "symlink", "it lies behind a link"),), {})
    reads = [place.folder, *(one.prepared.folder for one in known.values())]
    try:
        report = in_sandbox(Inspection(place, known, score=score).report, reads=reads)
    except StoppedError as error:
        return Checked(place, (Finding(".", "check-stopped", str(error)),), {})
    if not is_report(report):
        return Checked(place, (Finding(".", "check-stopped", "its reader sent a report of another form"),), {})
    return Checked(place, tuple(Finding(*found) for found in report["findings"]), report["facts"])


def is_submission(path: Path) -> bool:
    """Whether a folder holds one of the files that only submissions have."""
    names = [entry.name for entry in os.scandir(path)]
    return any(name in (rules.CONFIG, rules.RESULT, *rules.CONTRIBUTION) or rules.LOG.fullmatch(name) for name in names)


def place_of(path: Path) -> Place:
    """The place of a submission's folder, by its own name and the three above."""
    absolute = _absolute(path)
    return Place(absolute, absolute.parts[1:][-LEVELS:])


def find_submissions(root: Path) -> tuple[list[Place], list[Checked]]:
    """The submissions below a folder, and what lies between that is none.

    Raises:
        InputError: the root is no folder, or a link.
    """
    if root.is_symlink() or not root.is_dir():
        kind = "a link" if root.is_symlink() else "no folder"
        raise InputError(f"{shown(root, 400)} is {kind}: name a submission, or the folder of all submissions")
    places, strays = [], []
    waiting: list[tuple[str, ...]] = [()]
    absolute = _absolute(root)
    while waiting:
        parts = waiting.pop()
        for entry in sorted(os.scandir(absolute.joinpath(*parts)), key=lambda entry: entry.name):
            below = (*parts, entry.name)
            if not parts and (entry.name.startswith(".") or entry.is_file(follow_symlinks=False)):
                continue  # what else a repository has at its top
            place = Place(absolute.joinpath(*below), below)
            if not entry.is_dir(follow_symlinks=False):
                strays.append(_stray(root, below))
            elif len(below) == LEVELS:
                places.append(place)
            else:
                waiting.append(below)
    return sorted(places, key=lambda place: place.parts), strays


def _neighbours(place: Place) -> list[Place]:
    """The other submissions of the tree that a submission lies in."""
    if place.benchmark is None:
        return []
    root = place.folder.parents[LEVELS - 1]
    places = [Place(folder, folder.parts[-LEVELS:]) for folder in root.glob("*/*/*/*/") if not folder.is_symlink()]
    return [other for other in places if other != place]


def _compared(
    checked: Sequence[Checked], others: Iterable[Checked], places: Iterable[Place], root: Path
) -> list[Checked]:
    """Add the findings that follow from other submissions: copies, and names that differ by case.

    Args:
        checked: submissions that are checked.
        others: submissions whose predictions they are compared with.
        places: all submissions of the tree.
        root: folder of the tree.
    """
    history = History(root)
    alone = {one.place: one.facts for one in checked}
    found = copy_findings(alone, {one.place: one.facts for one in others}, history)
    for place, finding in name_findings(alone, {**dict.fromkeys(places), **dict.fromkeys(alone)}, history).items():
        found.setdefault(place, []).append(finding)
    return [replace(one, findings=tuple(sorted({*one.findings, *found.get(one.place, ())}))) for one in checked]
