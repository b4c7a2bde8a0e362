"""Lists of splits of an IMPROVE folder, ``splits/<STUDY>_split_<k>_{train,val,test}.txt``, read and written.

Each has numbers of rows of the table of responses, from 0. Split 0 of every study gives the official splits, the splits
1 to 9 of every study partitions beside them. Lists of further splits, of parts of a split (``..._train_size_64.txt``)
and of whole studies (``<STUDY>_all.txt``) are known and not read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import is_companion
from sciml_datasets.files.text import is_there, listed, quoted, read_lines

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""IMPROVE's name of a split to ours."""
RESPONSE, FOLDER = "y_data/response.tsv", "splits"
KNOWN = re.compile(r".+_split_(0|[1-9][0-9]*)_(train|val|test)(_[^.]+)?\.txt|.+_all\.txt|README.*|.+\.md", re.ASCII)
READ = re.compile(r".+_split_([0-9])_(train|val|test)\.txt", re.ASCII)


def files(folder: Path, number: int | None = None) -> list[Path]:
    """The lists of a split that are there, or those of all splits that are read, sorted."""
    found = ((path, READ.fullmatch(path.name)) for path in _entries(folder))
    return [path for path, name in found if name and number in (None, int(name[1]))]


def partition(number: int) -> str:
    """The name of the partition that the lists of a split give."""
    return f"split_{number}"


def columns(folder: Path, rows: int) -> dict[str, pa.Array]:
    """The part of each row of the responses, empty where it is in no list: the official one under ``split``, and under
    its name that in each of the splits 1 to 9 that are there.

    Raises:
        InputError: as `splits`.
    """
    numbers = sorted({int(READ.sub(r"\1", path.name)) for path in files(folder)} - {0})
    others = {partition(number): splits(folder, rows, number) for number in numbers}
    return {"split": splits(folder, rows), **others}


def splits(folder: Path, rows: int, number: int = 0) -> pa.Array:
    """The part of each row of the responses in a split, empty where it is in no list; of split 0 the official one.

    Raises:
        InputError: a list is missing, has what is no row or a row of another one; lists are there and have no row; or a
            file of ``splits`` has a name that is none of a list.
    """
    import pyarrow as pa

    entries, found = _entries(folder), files(folder, number)
    for path in entries:
        if not KNOWN.fullmatch(path.name):
            raise InputError(
                f"{path}: its name is that of no list, expected STUDY_split_0_train.txt, ..._val.txt or ..._test.txt: "
                "rename or remove it"
            )
    for study in {path.name.removesuffix(f"{_split(path)}.txt") for path in found}:
        for name in SPLITS:
            if not is_there(path := folder / FOLDER / f"{study}{name}.txt"):
                raise InputError(f"{path}: the list is missing, though others of this split are there: put it there")
    owner = np.full(rows, -1)
    for place, path in enumerate(found):
        fields = ((line, field) for line, text in enumerate(read_lines(path), 1) for field in text.split())
        for line, field in fields:
            if not re.fullmatch("[0-9]{1,18}", field) or int(field) >= rows:
                raise InputError(
                    f"{path}: line {line}: {quoted(field)} is no row of {RESPONSE}, which has {rows} rows, counted "
                    "from 0"
                )
            row = int(field)
            if owner[row] >= 0:
                raise InputError(
                    f"{path}: line {line}: row {row} is in {found[owner[row]].name} already: a response belongs to "
                    "one split"
                )
            owner[row] = place
    lists = [path.name for path in entries if "_split_" in path.name]
    if lists and (owner < 0).all():
        what = f"its lists of split {number} have no row" if found else f"it has no list of split {number}"
        raise InputError(
            f"{folder / FOLDER}: {what}, only {listed(lists, 6)}: put the rows there, or remove the folder for the "
            "splits by hash"
        )
    names = [SPLITS[_split(path)] for path in found]
    return pa.array([names[place] if place >= 0 else "" for place in owner], pa.string())


def missing(folder: Path) -> list[str]:
    """The test split, if there are lists of it, all of them without a row.

    Raises:
        InputError: a list cannot be read.
    """
    tested = [path for path in files(folder, 0) if _split(path) == "test"]
    return ["test"] if tested and not any(text.split() for path in tested for text in read_lines(path)) else []


def write(folder: Path, responses: pa.Table) -> None:
    """Write the lists of the splits of the studies whose responses have one.

    Raises:
        OSError: they cannot be written.
    """
    (folder / FOLDER).mkdir()
    sources = np.array(responses["source"].to_pylist())
    for split, column in {partition(0): "split", **{name: name for name in given(responses)}}.items():
        parts = np.array(responses[column].to_pylist())
        for source in sorted(set(sources[parts != ""])):
            for theirs, ours in SPLITS.items():
                rows = np.flatnonzero((sources == source) & (parts == ours))
                (folder / FOLDER / f"{source}_{split}_{theirs}.txt").write_text("".join(f"{row}\n" for row in rows))


def given(responses: pa.Table) -> list[str]:
    """The partitions beside the official splits that responses have: names of their columns."""
    return [name for name in map(partition, range(1, 10)) if name in responses.column_names]


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / FOLDER).glob("*") if not is_companion(path.name))


def _split(path: Path) -> str:
    return path.stem.rpartition("_")[2]
