"""Checking submissions: each in a sandbox of its own, then all of them beside each other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.submission import rules
from sciml_datasets.metrics.submission.findings import Finding, shown
from sciml_datasets.metrics.submission.folder import Place
from sciml_datasets.metrics.submission.inspect import Inspection
from sciml_datasets.metrics.submission.sandbox import StoppedError, in_sandbox
from sciml_datasets.metrics.submission.truths import DataAtHand

LEVELS = 4
"""Folders from the root to a submission."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission that was looked at.

    Attributes:
        place: of it.
        findings: sorted by file and rule.
        facts: what a leaderboard shows; only to be used where nothing must be mended.
    """

    place: Place
    findings: tuple[Finding, ...]
    facts: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether nothing must be mended."""
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
        paths: of submissions, or of folders with ``{organization}/{benchmark}/{system}/{descriptor}`` below.
        data: prepared data, where scores shall be computed again.

    Returns:
        One for each submission; a submission that is given by itself is compared with its neighbours as well.

    Raises:
        InputError: a path is no folder, or there is no submission in it.
    """
    _import_readers()
    checked = [one for path in paths for one in _check_path(path, data)]
    given = {one.place.folder for one in checked}
    # Without data: only what tells that predictions are the same.
    others = [look_at(place) for path in paths for place in _neighbours(path) if place.folder not in given]
    return flag_copies(checked, others)


def _import_readers() -> None:
    """Import once what each process would import for itself."""
    import h5py  # noqa: F401
    import jsonschema  # noqa: F401
    import yaml  # noqa: F401
    from mlperf_logging.compliance_checker.mlp_parser import ruleset_100  # noqa: F401


def _check_path(path: Path, data: DataAtHand | None) -> Iterator[Checked]:
    if not path.is_dir():
        raise InputError(f"{path} is no folder: name a submission, or the folder of all submissions")
    if is_submission(path):
        yield look_at(place_of(path), data)
        return
    places, strays = find_submissions(path)
    if not places and not strays:
        raise InputError(
            f"{path} holds no submission: expected {{organization}}/{{benchmark}}/{{system}}/{{descriptor}} below it"
        )
    yield from strays
    for place in places:
        yield look_at(place, data)


def look_at(place: Place, data: DataAtHand | None = None) -> Checked:
    """Check one submission by itself."""
    known = data.of_benchmark(place.benchmark) if data and place.benchmark else {}
    if place.folder.is_symlink():
        return Checked(place, (Finding(".", "symlink", "the folder is a link"),), {})
    try:
        answer = in_sandbox(Inspection(place, known).answer)
    except StoppedError as error:
        return Checked(place, (Finding(".", "check-stopped", str(error)),), {})
    return Checked(place, tuple(Finding(*found) for found in answer["findings"]), answer["facts"])


def is_submission(path: Path) -> bool:
    """Whether a folder holds one of the files that only submissions have."""
    names = [entry.name for entry in os.scandir(path)]
    return any(name in (rules.CONFIG, rules.RESULT, *rules.CONTRIBUTION) or rules.LOG.fullmatch(name) for name in names)


def place_of(path: Path) -> Place:
    """The place of a submission's folder, by its own name and the three above."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links must stay visible
    return Place(absolute, absolute.parts[1:][-LEVELS:])


def find_submissions(root: Path) -> tuple[list[Place], list[Checked]]:
    """The submissions below a folder, and what lies between that is none."""
    places, strays = [], []
    waiting: list[tuple[str, ...]] = [()]
    absolute = Path(os.path.abspath(root))  # noqa: PTH100 - links must stay visible
    while waiting:
        parts = waiting.pop()
        for entry in sorted(os.scandir(absolute.joinpath(*parts)), key=lambda entry: entry.name):
            below = (*parts, entry.name)
            if not parts and (entry.name.startswith(".") or entry.is_file(follow_symlinks=False)):
                continue  # what else a repository has at its top
            place = Place(absolute.joinpath(*below), below)
            if not entry.is_dir(follow_symlinks=False):
                rule = "symlink" if entry.is_symlink() else "path-shape"
                strays.append(Checked(place, (Finding(".", rule, "it is no folder"),), {}))
            elif len(below) == LEVELS:
                places.append(place)
            else:
                waiting.append(below)
    return sorted(places, key=lambda place: place.parts), strays


def _neighbours(path: Path) -> list[Place]:
    """The other submissions of the tree that a submission lies in, those of the same benchmark."""
    place = place_of(path)
    if not is_submission(path) or place.benchmark is None:
        return []
    root = place.folder.parents[LEVELS - 1]
    folders = root.glob(f"*/{place.parts[1]}/*/*/")
    places = [Place(folder, folder.parts[-LEVELS:]) for folder in folders if not folder.is_symlink()]
    return [other for other in places if other.folder != place.folder]


def flag_copies(checked: Sequence[Checked], others: Iterable[Checked] = ()) -> list[Checked]:
    """Add a finding to each submission whose predictions another one has as well."""
    owners: dict[str, list[str]] = {}
    for one in (*checked, *others):
        for mark in _marks(one):
            owners.setdefault(mark, []).append(one.place.name)
    found = []
    for one in checked:
        copies = {name for mark in _marks(one) for name in owners[mark] if name != one.place.name}
        findings = [Finding(".", "copy", f"the predictions are those of {shown(name, 400)}") for name in sorted(copies)]
        if not copies and any(owners[mark].count(one.place.name) > 1 for mark in _marks(one)):
            findings.append(Finding(".", "copy", "two runs have the same predictions"))
        found.append(replace(one, findings=tuple(sorted((*one.findings, *findings)))))
    return found


def _marks(one: Checked) -> list[str]:
    """What tells predictions apart; each run has one or two."""
    return [*one.facts.get("fingerprints", ()), *one.facts.get("hashes", ())]
