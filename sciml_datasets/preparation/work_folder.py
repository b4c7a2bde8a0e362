"""The work folder of a preparation, and what a later preparation can take over from it.

Beside the final folder ``1.0.0`` each run makes its own ``1.0.0.incomplete-<random>``:

    plan.json           the plan of the preparation; two folders with the same plan hold the same shards
    journal-*.jsonl     a line per finished shard, one file per process, synced after each line
    folder/             becomes the final folder by one rename

Nothing is locked. A shard gets its name only when it is complete and on disk, and is journalled after that; a run
links the journalled shards of every interrupted or concurrent run of the same plan into its own folder. So killing
anything at any moment loses at most the shards in progress, and concurrent runs do not touch each other's files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import left_beside, work_folder
from sciml_datasets.files.documents import read_object
from sciml_datasets.files.sync import sync
from sciml_datasets.parallel.processes import signature
from sciml_datasets.prepared.manifest import Written

PLAN = "plan.json"
OURS = re.compile(r"plan\.json|journal-.+\.jsonl|folder|(train|validation|test)-[0-9]{3,}", re.DOTALL)
"""Names of all files of a work folder: of a preparation, of its index while that is sorted, of a staged copy."""


def open_work_folder(
    final: Path, plan: dict[str, Any], names: Collection[str] | None = None, *, restart: bool
) -> tuple[Path, list[Written]]:
    """Make a work folder and take over what earlier runs of the same plan have finished.

    Args:
        final: the folder to be made.
        plan: all that decides the output, as JSON; ``raw`` maps raw file names to size and time of change.
        names: names of the shards to take over; None for all.
        restart: remove what earlier runs have left.

    Returns:
        The work folder, and the finished shards in its ``folder``.

    Raises:
        InputError: earlier runs had another plan, and ``restart`` is False; the difference is named.
    """
    earlier = list(interrupted(final))
    if restart:
        remove_interrupted(final)
        earlier = []
    plans = {path: plan_of(path) for path in earlier}
    same = [path for path, other in plans.items() if other == plan]
    different = [path for path, other in plans.items() if other is not None and other != plan]
    if different and not same:
        raise InputError(
            f"{different[0]} holds an interrupted preparation, but {what_changed(plans[different[0]] or {}, plan)}: "
            "undo that to continue it, or start over with --restart"
        )
    work = work_folder(final)
    (work / "folder").mkdir(parents=True)
    atomic.write_text(work / PLAN, json.dumps(plan, sort_keys=True))
    return work, _take_over(same, work, names)


def collect(final: Path, work: Path, names: Collection[str]) -> list[Written] | None:
    """Take over what other runs of the same plan have finished, once all shards are.

    Args:
        final: the folder to be made.
        work: the work folder of this run.
        names: names of all shards.

    Returns:
        The finished shards; None, and nothing is taken over, where one is missing.
    """
    plan = plan_of(work)
    others = [path for path in interrupted(final) if path != work and plan_of(path) == plan]
    own = list(journalled(work))
    finished = {written.name for path in others for written in journalled(path)} | {written.name for written in own}
    if not finished.issuperset(names):
        return None
    missing = set(names) - {written.name for written in own}
    found = own + _take_over(others, work, missing)
    return found if {written.name for written in found} == set(names) else None


def interrupted(final: Path) -> Iterator[Path]:
    """The work folders beside a final folder, of any run; a folder of the user is none, whatever its name."""
    for path in left_beside(final, OURS):
        if not (path / PLAN).exists() or "digest" in (plan_of(path) or {}):
            yield path


def remove_interrupted(final: Path) -> None:
    """Remove all work folders beside a final folder."""
    for path in interrupted(final):
        shutil.rmtree(path, ignore_errors=True)


def journal(work: Path, written: Written) -> None:
    """Record a finished shard; the line is on disk when this returns."""
    content = json.dumps(asdict(written), sort_keys=True)
    line = f"{content}\t{_checksum(content)}\n"
    path = work / f"journal-{_journal_of(os.getpid())}.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    with naming(path), os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(line.encode())
        sync(descriptor)


@cache
def _journal_of(number: int) -> str:
    """The signature in the name of the journal of this process, which has this number; a forked one has its own."""
    return signature()


def journalled(work: Path) -> Iterator[Written]:
    """The finished shards of a work folder; a line that is incomplete after a kill, or damaged, is not counted."""
    for path in sorted(work.glob("journal-*.jsonl")):
        with naming(path):
            lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        for line in lines:
            content, _, checksum = line.rpartition("\t")
            if checksum == _checksum(content):
                yield Written(**json.loads(content))


def _checksum(content: str) -> str:
    """The checksum of a line of the journal."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def what_changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """One clause that names the first difference between two plans."""
    chosen, choices = before.get("choices", {}), now.get("choices", {})
    for name in sorted(chosen.keys() | choices.keys()):
        if chosen.get(name) != choices.get(name):
            return f"it was begun with --{name} {chosen.get(name, 'left out')}, not {choices.get(name, 'left out')}"
    old_raw, new_raw = before.get("raw", {}), now.get("raw", {})
    for name in sorted(old_raw.keys() | new_raw.keys()):
        if name not in new_raw:
            return f"the raw file {name} has been removed since"
        if name not in old_raw:
            return f"the raw file {name} is new"
        if old_raw[name] != new_raw[name]:
            return f"the raw file {name} has changed since (size or time of change)"
    clauses = {
        "version": "the version has changed since",
        "file_format": "the file format has changed since",
        "features": "the features have changed since",
        "dataset": "the data set has changed since",
    }
    return next(
        (text for key, text in clauses.items() if before.get(key) != now.get(key)),
        "the shards are cut differently",
    )


def plan_of(work: Path) -> dict[str, Any] | None:
    """The plan of a work folder; None where it was killed before it wrote one, or where the plan is damaged."""
    try:
        return read_object(work / PLAN, "the plan of a preparation", "start over with --restart", {"raw": dict})
    except (FileNotFoundError, InputError):
        return None


def _take_over(earlier: list[Path], work: Path, names: Collection[str] | None) -> list[Written]:
    taken: dict[str, Written] = {}
    for path in earlier:
        for written in journalled(path):
            wanted = written.name not in taken and (names is None or written.name in names)
            if wanted and all(_link(path, work, name, size) for name, size, _ in written.files()):
                taken[written.name] = written
                journal(work, written)
    return list(taken.values())


def _link(source: Path, work: Path, name: str, size: int) -> bool:
    """Give a finished file a second name in our folder, or copy it where the file system has no hard links."""
    old, new = source / "folder" / name, work / "folder" / name
    try:
        if old.stat().st_size != size:
            return False
        new.unlink(missing_ok=True)
        atomic.link_or_copy(old, new)
    except FileNotFoundError:  # the other run has just finished
        return False
    return True
