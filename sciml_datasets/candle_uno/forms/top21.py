"""Raw form B: the prebuilt file of the reference, ``top_21_auc_1fold.uno.h5`` or ``top21_uno_v2.h5``, or an export.

A pandas HDFStore (see `hdfstore`) with, for ``train``, ``val`` and ``test``, the frames ``x_<split>_0`` (gene
expression), ``x_<split>_1`` (drug descriptors) and ``y_<split>`` (AUC, Sample, Drug1), row for row; what the reference
exports is without ``test``. The features of a cell or drug are repeated in each of its rows: here they are recovered
once, and every row is compared with them.

Names of features are pickled in the layout ``table``, which both files have: they are called ``gene 1``,
``descriptor 1`` and so on, in the order of the file. Columns of responses are known by their names; where these cannot
be read, there must be as many columns of a type as are looked for. Responses whose Sample or Drug1 is missing are left
out. Ids of responses are ``train.0``: the split's name in the file and the row. The source is the part of Sample before
the first point, where it has one (``CCLE.22RV1``), else the name of the file up to its first point.

Source: ECP-CANDLE/Benchmarks, Pilot1/Uno (``--export_data``); ECP-CANDLE/topN_generator, topNmaster_to_uno_prep.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms.hdfstore import Column, StoredFrame, stored_frame
from sciml_datasets.candle_uno.forms.joining import join
from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables
from sciml_datasets.candle_uno.measures import AUC
from sciml_datasets.errors import InputError
from sciml_datasets.files.endings import is_hdf5, with_ending
from sciml_datasets.files.hdf5 import File, opened
from sciml_datasets.files.regular_files import is_companion
from sciml_datasets.files.text import listed, shown

if TYPE_CHECKING:
    import pyarrow as pa

FILES = "*uno*.h5"
"""Pattern of the names, in any case but for the ending."""
ENDING = ".h5"
SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""The file's name of a split to ours."""
TEST = "test"
CELL, DRUG = "Sample", "Drug1"
KINDS = {AUC.name: "number", CELL: "text", DRUG: "text"}
"""Columns of responses, in their order in the file, to what they hold."""
WORDS = {"number": "numbers", "text": "text"}
"""Content of a column in words, by kind."""
COLUMNS = ("id", "source", "cell", "drug", "response", "split")
"""Columns of the table of responses."""
MISSING = ""
"""Id of a cell or drug that the file does not give."""


def files(folder: Path) -> list[Path]:
    """The prebuilt files in the folder, sorted; none when it is not of this form.

    Raises:
        InputError: one has another ending of HDF5 files.
    """
    named = (path for path in folder.glob("*") if "uno" in path.name.lower() and is_hdf5(path) and path.is_file())
    return with_ending((path for path in named if not is_companion(path.name)), ENDING)


def missing(folder: Path) -> list[str]:
    """The test split, if the file is without: what the reference exports has train and validation only.

    Raises:
        InputError: there are several files, or the file is damaged.
    """
    with opened(_one(folder)) as file:
        return [] if f"y_{TEST}" in file else [SPLITS[TEST]]


def read(folder: Path) -> Tables:
    """Read the folder's one prebuilt file, in memory that does not grow with its rows but for ids and responses.

    Raises:
        InputError: there are several files, or the file is damaged, lacks frames, keeps its ids in pickles only, does
            not show which column is which, or contradicts itself: the features of one cell or drug differ between rows.
    """
    path = _one(folder)
    with opened(path) as file:
        responses = _responses(file, path)
        cells = _recovered(file, path, responses["cell"], "x_{}_0", "gene")
        drugs = _recovered(file, path, responses["drug"], "x_{}_1", "descriptor")
        for split in _splits(file):
            _check_order(stored_frame(file, f"y_{split}"), responses)
    return join(path, responses, cells, drugs, AUC, declarable=False)


def _one(folder: Path) -> Path:
    found = files(folder)
    if len(found) != 1:
        names = listed([path.name for path in found]) or "none"
        raise InputError(f"{folder}: expected one file {FILES}, found {names}: keep one of them")
    return found[0]


def _splits(file: File) -> list[str]:
    """The splits there are; files exported without a test split exist."""
    return [name for name in SPLITS if name == "train" or f"y_{name}" in file]


def _responses(file: File, path: Path) -> pa.Table:
    import pyarrow as pa

    parts = []
    for split in _splits(file):
        frame = stored_frame(file, f"y_{split}")
        samples, compounds = ([text or MISSING for text in frame.texts(_column(frame, name))] for name in (CELL, DRUG))
        measure = [_column(frame, AUC.name)]
        auc = np.concatenate(
            [np.empty(0), *(_as_float32(frame, measure, *part)[:, 0] for part in frame.chunks(measure))]
        )
        parts.append(
            pa.table(
                {
                    "id": [f"{split}.{row}" for row in range(frame.rows)],
                    "source": [_source(sample, path) for sample in samples],
                    "cell": samples,
                    "drug": compounds,
                    "response": pa.array(auc.astype(np.float32)),
                    "split": [SPLITS[split]] * frame.rows,
                },
                pa.schema([(name, pa.float32() if name == "response" else pa.string()) for name in COLUMNS]),
            )
        )
    return pa.concat_tables(parts)


def _source(sample: str, path: Path) -> str:
    prefix, point, _ = sample.partition(".")
    return prefix if point else path.name.partition(".")[0]


def _column(frame: StoredFrame, name: str) -> Column:
    """The column of this name; where names cannot be read, the one at its place among those of its kind.

    Raises:
        InputError: there is none, it is of another type, or several could be the one.
    """
    names = {column: frame.name_of(column) for column in frame.columns}
    kind = KINDS[name]
    for column, found in names.items():
        if column.kind == "pickle" and found in (name, None):
            raise InputError(
                f"{frame.where} holds {name} only as a pickle, which is not loaded since it could run any "
                'code: write the file again with format="table"'
            )
        if found == name:
            return _of_kind(frame, column, name)
    nameless = [column for column in frame.of_kind(kind) if names[column] is None]
    wanted = [other for other in KINDS if KINDS[other] == kind and other not in names.values()]
    if len(nameless) == len(wanted):
        return _of_kind(frame, nameless[wanted.index(name)], name)
    only = ", ".join(shown(found) if found else "a column without a name" for found in names.values())
    if not nameless:
        raise InputError(f"{frame.where} has no column {name}, only {only[:300]}: fetch the file again")
    raise InputError(
        f"{frame.where} has {len(nameless)} columns of {WORDS[kind]} without readable names, expected {len(wanted)} "
        f"({' and '.join(wanted)}), and it is not known which is {name}: write the file again with data_columns=True"
    )


def _of_kind(frame: StoredFrame, column: Column, name: str) -> Column:
    kind, found = KINDS[name], frame.type_of(column)
    if column.kind != kind or (kind == "number" and not re.fullmatch(r"(float|u?int)\d+", found)):
        remedy = "str" if kind == "text" else "float"
        raise InputError(
            f"{frame.where}: the column {name} holds {found}, expected {WORDS[kind]}: write it again with "
            f"astype({remedy})"
        )
    return column


def _as_float32(frame: StoredFrame, columns: list[Column], start: int, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Some rows of a frame as they are kept.

    Raises:
        InputError: a number is infinite, or too large for the type.
    """
    with np.errstate(over="ignore"):
        values = stored.astype(np.float32, copy=False)
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0].tolist()
        name = columns[column].name or f"{column + 1}"
        raise InputError(
            f"{frame.where}, row {start + row}, column {name}: {stored[row, column]:g}, expected a finite number of "
            "float32: fetch the file again, or correct it"
        )
    return values


def _recovered(file: File, path: Path, ids: pa.ChunkedArray, key: str, noun: str) -> FeatureTable:
    """The features of each id, from the rows of all splits.

    Args:
        file: open.
        path: its path.
        ids: ids of all responses, split after split, MISSING where there is none.
        key: key of the frames, with a place for the split.
        noun: word for one feature where the file does not name it.
    """
    unique, codes = np.unique(np.array(ids.to_pylist(), object).astype(str), return_inverse=True)
    without = len(unique) > 0 and unique[0] == MISSING
    names: tuple[str, ...] = ()
    table = np.empty((len(unique), 0), np.float32)
    known = np.zeros(len(unique), bool)
    before = 0
    for split in _splits(file):
        frame = stored_frame(file, key.format(split))
        columns = frame.of_kind("number")
        here = tuple(column.name or f"{noun} {i + 1}" for i, column in enumerate(columns))
        responses = stored_frame(file, f"y_{split}")
        rows = responses.rows
        if not columns or frame.rows != rows:
            raise InputError(
                f"{frame.where} has {frame.rows} rows of {len(columns)} numbers, expected {rows} rows as in "
                f"y_{split}: fetch the file again"
            )
        if not names:
            names, table = here, np.empty((len(unique), len(here)), np.float32)
        elif names != here:
            raise InputError(f"{frame.where} has other columns than {key.format('train')}: fetch the file again")
        for start, stored in frame.chunks(columns):
            values = _as_float32(frame, columns, start, stored)
            some = codes[before + start : before + start + len(values)]
            present = np.arange(len(values))
            if without:
                present = np.flatnonzero(some)
                some, values = some[present], values[present]
            _take_new(table, known, some, values)
            wrong = _first_difference(values, table, some)
            if wrong is not None:
                row, column = wrong
                raise InputError(
                    f"{frame.where}, row {start + present[row]}, column {names[column]}: {values[row, column]}, but "
                    f"{table[some[row], column]} in an earlier row of {unique[some[row]]}: one cell or drug must have "
                    f"the same features everywhere; {_remedy(responses)}"
                )
        before += frame.rows
    first = int(without)  # the code of MISSING is 0: it is before all other text
    return FeatureTable(tuple(unique[first:].tolist()), names, table[first:], scaled=True)


def _check_order(frame: StoredFrame, responses: pa.Table) -> None:
    """Make sure that columns of ids without names would contradict the features if they were taken for each other.

    Raises:
        InputError: each cell has one drug and each drug one cell: either order agrees with the features.
    """
    if _names_are_readable(frame):
        return
    pairs = responses.select(["cell", "drug"]).group_by(["cell", "drug"]).aggregate([])
    one_to_one = all(len(pairs[name].unique()) == len(pairs) for name in ("cell", "drug"))
    if one_to_one and len(pairs):
        raise InputError(
            f"{frame.where} has no readable names of columns, expected those of {CELL} and {DRUG}, since of cells and "
            "drugs each has one of the others, so that they cannot be distinguished: write it again with "
            "data_columns=True"
        )


def _names_are_readable(frame: StoredFrame) -> bool:
    return all(frame.name_of(column) for column in frame.of_kind("text"))


def _remedy(responses: StoredFrame) -> str:
    """The remedies for features that contradict each other."""
    if _names_are_readable(responses):
        return "fetch the file again"
    return (
        f"the columns of {responses.key} have no readable names: fetch the file again, or, where they are not {CELL} "
        f"and {DRUG} in this order, write it again with data_columns=True"
    )


def _take_new(
    table: NDArray[np.float32], known: NDArray[np.bool_], codes: NDArray[np.intp], values: NDArray[np.float32]
) -> None:
    """Fill the rows of the table that this chunk is the first to have."""
    fresh, rows = np.unique(codes, return_index=True)
    rows, fresh = rows[~known[fresh]], fresh[~known[fresh]]
    table[fresh] = values[rows]
    known[fresh] = True


def _first_difference(
    values: NDArray[np.float32], table: NDArray[np.float32], codes: NDArray[np.intp]
) -> tuple[int, int] | None:
    """Row and column of the first number that is not its entity's; NaN equals NaN."""
    expected = table[codes]
    if np.array_equal(values, expected):
        return None
    differs = (values != expected) & ~(np.isnan(values) & np.isnan(expected))
    if not differs.any():
        return None
    row, column = np.argwhere(differs)[0].tolist()
    return row, column
