"""The folder in which a preparation is under way, and what a later one can take from it.

Beside the final folder ``1.0.0`` each run makes its own ``1.0.0.incomplete-<random>``:

    plan.json           what is being prepared; two folders with the same plan hold the same shards
    journal-*.jsonl     a line per finished shard, one file per process, synced after each line
    folder/             becomes the final folder by one rename

Nothing is locked. A shard gets its name only when it is complete and on disk, and is journalled after that; a run
links the journalled shards of every interrupted or concurrent run of the same plan into its own folder. So killing
anything at any moment loses at most the shards in progress, and concurrent runs do not touch each other's files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sciml_datasets.appearing import appearing
from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.documents import read_object
from sciml_datasets.preparation.shards import Written

PLAN = "plan.json"


def open_workshop(final: Path, plan: dict[str, Any], *, restart: bool) -> tuple[Path, list[Written]]:
    """Make a work folder and take over what earlier runs of the same plan have finished.

    Args:
        final: the folder to be made.
        plan: what decides the output, as JSON; ``raw`` maps raw file names to size and time of change.
        restart: throw away what earlier runs have left.

    Returns:
        The work folder, and the finished shards in its ``folder``.

    Raises:
        InputError: earlier runs had another plan, and ``restart`` is False; what changed is named.
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
            "undo that to go on with it, or start over with --restart"
        )
    work = new_work(final)
    (work / "folder").mkdir(parents=True)
    _write_whole(work / PLAN, json.dumps(plan, sort_keys=True))
    return work, _take_over(same, work)


def new_work(final: Path) -> Path:
    """A name that nobody else has for a folder beside the final one, which whoever finishes removes."""
    return final.with_name(f"{final.name}.incomplete-{secrets.token_hex(6)}")


def interrupted(final: Path) -> Iterator[Path]:
    """The work folders beside a final folder, whoever's they are."""
    yield from sorted(final.parent.glob(f"{final.name}.incomplete-*"))


def remove_interrupted(final: Path) -> None:
    """Remove all work folders beside a final folder."""
    for path in interrupted(final):
        shutil.rmtree(path, ignore_errors=True)


def journal(work: Path, written: Written) -> None:
    """Record a finished shard; the line is on disk when this returns."""
    content = json.dumps(asdict(written), sort_keys=True)
    line = f"{content}\t{_checksum(content)}\n"
    path = work / f"journal-{os.uname().nodename}-{os.getpid()}.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def journalled(work: Path) -> Iterator[Written]:
    """The finished shards of a work folder; a line that a kill cut short, or that is damaged, is not one."""
    for path in sorted(work.glob("journal-*.jsonl")):
        with naming(path):
            lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        for line in lines:
            content, _, checksum = line.rpartition("\t")
            if checksum == _checksum(content):
                yield Written(**json.loads(content))


def _checksum(content: str) -> str:
    """Of a line of the journal."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def publish(work: Path, final: Path) -> None:
    """Give the finished folder its name; where another run was first, its equal result stands."""
    folder = work / "folder"
    _sync_directory(folder)
    try:
        folder.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not final.is_dir():
            raise
    _sync_directory(final.parent)


def what_changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """One clause that names the first difference between two plans."""
    old_raw, new_raw = before.get("raw", {}), now.get("raw", {})
    for name in sorted(old_raw.keys() | new_raw.keys()):
        if name not in new_raw:
            return f"the raw file {name} has vanished since"
        if name not in old_raw:
            return f"the raw file {name} is new"
        if old_raw[name] != new_raw[name]:
            return f"the raw file {name} has changed since (size or time of change)"
    clauses = {
        "version": "the version has changed since",
        "file_format": "the file format is another",
        "features": "the features have changed since",
        "dataset": "the data set is another",
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


def _take_over(earlier: list[Path], work: Path) -> list[Written]:
    taken: dict[str, Written] = {}
    for path in earlier:
        for written in journalled(path):
            if written.name not in taken and all(_link(path, work, name, size) for name, size, _ in written.files()):
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
        os.link(old, new)
    except FileNotFoundError:  # the other run has just finished
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copyfile(old, new)
    return True


def _write_whole(path: Path, text: str) -> None:
    with appearing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
