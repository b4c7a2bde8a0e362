"""Raw files and prepared data that are at hand, with their state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sciml_datasets.benchmarks import BENCHMARKS, dataset_names, prepared_dir
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import command
from sciml_datasets.errors import InputError
from sciml_datasets.fetch.partial_file import FOLDER
from sciml_datasets.prepared.integrity import check_version, listed_of
from sciml_datasets.prepared.remote import prepared_at
from sciml_datasets.prepared.verify import check_prepared

MOST_FILES = 100_000
"""Number of raw files that are counted, so that a slow file server keeps nobody waiting."""


def observe_data(data_dir: Path | str, raw_dir: Path | str | None) -> Iterator[Observation]:
    """A row for each data set that is prepared, and for each folder of raw files.

    Prepared data in a folder are compared with their manifest by names and sizes, as `sciml verify --quick` does; at a
    URL it is asked whether their manifest is there. Raw files at a URL are not looked at.

    Args:
        data_dir, raw_dir: folders or URLs; None where none is named.
    """
    names = dataset_names()
    if isinstance(data_dir, str):
        prepared = stored_rows(data_dir)
    else:
        prepared = [row for name in names if (row := prepared_row(name, data_dir)) is not None]
    yield from prepared or [Observation("prepared", f"no data set in {data_dir}")]
    if isinstance(raw_dir, str):
        yield Observation("raw", f"{raw_dir}: raw files at a URL are not looked at")
    elif raw_dir is not None:
        raw = [row for name in names if (row := raw_row(name, raw_dir)) is not None]
        yield from raw or [Observation("raw", f"no raw files in {raw_dir}")]


def stored_rows(url: str) -> list[Observation]:
    """The rows for the data sets that are prepared at a URL, or the one that says why it cannot be asked."""
    try:
        found = prepared_at(url)
    except InputError as error:
        return [Observation("prepared", str(error), "wrong", "correct that, or name another place with --data-dir")]
    return [
        Observation(
            f"prepared {name}",
            f"{url}: its manifest is there, and no file was compared with it: "
            f"{command('sciml', 'verify', name, '--data-dir', url, '--quick')} does that",
        )
        for name, there in found.items()
        if there
    ]


def prepared_row(name: str, data_dir: Path) -> Observation | None:
    """The row for a prepared data set; None where there is no folder of its name."""
    folder, subject = prepared_dir(name, data_dir), f"prepared {name}"
    try:
        check_version(folder)
        if listed_of(folder) is None:
            return None
    except InputError as error:
        missing = not folder.exists()  # another version is there
        remedy = command("sciml", "prepare", name, "--data-dir", data_dir)
        return Observation(
            subject,
            str(error),
            "note" if missing else "wrong",
            remedy if missing else f"{command('rm', '-r', folder)} && {remedy}",
        )
    try:
        shards = check_prepared(folder)["shards"]
    except InputError as error:
        return Observation(subject, str(error), "wrong", command("sciml", "verify", name, "--data-dir", data_dir))
    records, size = (sum(shard[key] for shard in shards) for key in ("records", "bytes"))
    return Observation(
        subject, f"{folder}: {records:,} records in {len(shards)} shards, {size / 1e6:,.1f} MB, complete"
    )


def raw_row(name: str, raw_dir: Path) -> Observation | None:
    """The row for the raw files of a data set; None where there is no folder of its name."""
    folder, subject = raw_dir / name, f"raw {name}"
    if not folder.is_dir():
        return None
    number, size, whole = counted(folder)
    text = f"{folder}: {'' if whole else 'more than '}{number:,} files, {size / 1e6:,.1f} MB"
    simulated = next(one for row in BENCHMARKS.values() for one in row.datasets if one.name == name).simulated_samples
    get = ("simulate", name, "--out", raw_dir) if simulated else ("fetch", name, "--raw-dir", raw_dir)
    if (folder / FOLDER).is_dir():
        return Observation(subject, f"{text}, and files that are still to come", "note", command("sciml", *get))
    if not number:
        return Observation(
            subject, f"{folder} is empty", "note", f"{command('rmdir', folder)} && {command('sciml', *get)}"
        )
    return Observation(subject, text)


def counted(folder: Path) -> tuple[int, int, bool]:
    """Number and bytes of the files below a folder, and whether all were counted; what is being fetched is left out."""
    number = size = 0
    for here, below, names in os.walk(folder):
        below[:] = [one for one in below if one != FOLDER]
        for name in names:
            if number == MOST_FILES:
                return number, size, False
            number += 1
            size += Path(here, name).lstat().st_size
    return number, size, True
