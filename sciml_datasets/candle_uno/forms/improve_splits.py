"""Lists of splits of an IMPROVE folder, ``splits/<STUDY>_split_<k>_{train,val,test}.txt``, read and written.

Each has numbers of rows of the table of responses, from 0. Split 0 of every study gives the official splits. Lists of
other splits, of parts of a split (``..._train_size_64.txt``) and of whole studies (``<STUDY>_all.txt``) are
known and not read.
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
READ = re.compile(r".+_split_0_(train|val|test)\.txt")


def files(folder: Path) -> list[Path]:
    """The lists of split 0 that are there, sorted."""
    return [path for path in _entries(folder) if READ.fullmatch(path.name)]


def splits(folder: Path, rows: int) -> pa.Array:
    """The official split of each row of the responses, empty where it is in no list.

    Raises:
        InputError: a list is missing, has what is no row or a row of another one; lists are there and have no row; or a
            file of ``splits`` has a name that is none of a list.
    """
    import pyarrow as pa

    entries, found = _entries(folder), files(folder)
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
    for number, path in enumerate(found):
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
            owner[row] = number
    lists = [path.name for path in entries if "_split_" in path.name]
    if lists and (owner < 0).all():
        what = "its lists of split 0 have no row" if found else "it has no list of split 0"
        raise InputError(
            f"{folder / FOLDER}: {what}, only {listed(lists, 6)}: put the rows there, or remove the folder for the "
            "splits by hash"
        )
    names = [SPLITS[_split(path)] for path in found]
    return pa.array([names[number] if number >= 0 else "" for number in owner], pa.string())


def missing(folder: Path) -> list[str]:
    """The test split, if there are lists of it, all of them without a row.

    Raises:
        InputError: a list cannot be read.
    """
    tested = [path for path in files(folder) if _split(path) == "test"]
    return ["test"] if tested and not any(text.split() for path in tested for text in read_lines(path)) else []


def write(folder: Path, responses: pa.Table) -> None:
    """Write the lists of split 0 of the studies whose responses have a split.

    Raises:
        OSError: they cannot be written.
    """
    (folder / FOLDER).mkdir()
    parts = np.array(responses["split"].to_pylist())
    sources = np.array(responses["source"].to_pylist())
    for source in sorted(set(sources[parts != ""])):
        for theirs, ours in SPLITS.items():
            rows = np.flatnonzero((sources == source) & (parts == ours))
            (folder / FOLDER / f"{source}_split_0_{theirs}.txt").write_text("".join(f"{row}\n" for row in rows))


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / FOLDER).glob("*") if not is_companion(path.name))


def _split(path: Path) -> str:
    return path.stem.rpartition("_")[2]
