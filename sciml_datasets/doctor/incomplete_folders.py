"""Work folders that killed runs have left: ``<final>.incomplete-<random>``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from sciml_datasets.benchmarks import dataset_names
from sciml_datasets.doctor.data_sets import counted
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import command
from sciml_datasets.parallel.processes import owner_lives

MARK = ".incomplete-"
PATTERN = f"*{MARK}*"
RECENT_SECONDS = 600.0
"""Seconds since the last write within which a folder counts as in use, where its process cannot be looked up."""


def observe_incomplete(data_dir: Path | str, raw_dir: Path | str | None) -> Iterator[Observation]:
    """A row for each work folder beside prepared data and raw files, with the command that goes on or removes it; none
    is looked for at a URL, which a row says."""
    places = [(data_dir, f"sciml/*/{PATTERN}"), (data_dir, PATTERN), (raw_dir, PATTERN)]
    found = {path for place, pattern in places if isinstance(place, Path) for path in place.glob(pattern)}
    for path in sorted(found):
        yield incomplete_row(path, data_dir)
    if not found:
        yield Observation("work folders", "none is left")
    for url in (place for place in (data_dir, raw_dir) if isinstance(place, str)):
        yield Observation("work folders", f"{url}: none is looked for at a URL")


def incomplete_row(path: Path, data_dir: Path | str) -> Observation:
    """The row for one work folder.

    Args:
        path: its path.
        data_dir: folder of prepared data sets, or a URL, where the work folder is not in it.
    """
    number, size, _ = counted(path)
    age = time.time() - last_write(path)
    text = f"{path}: {number:,} files, {size / 1e6:,.1f} MB, last written to {_ago(age)} ago"
    lives = owner_lives(path.name)
    if lives or (lives is None and age < RECENT_SECONDS):
        return Observation("in use", text)
    name, final = path.parent.name, path.with_name(path.name.partition(MARK)[0])
    if path.parent.parent == Path(data_dir) / "sciml" and name in dataset_names() and not final.exists():
        remedy = command("sciml", "prepare", name, "--data-dir", data_dir)  # which goes on with it
    else:
        remedy = command("rm", "-r", path)
    return Observation("left over", text, "note", remedy)


def last_write(folder: Path) -> float:
    """Time of the last write to a folder and what is in it, in s since 1970."""
    return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
