"""A drug response study in the layout of DrugCell, without header lines.

- ``drugcell_{train,val,test}.txt``: cell, drug and area under the dose-response curve, separated by tabs;
- ``cell2ind.txt``, ``drug2ind.txt`` and, where it is there, ``gene2ind.txt``: index from 0 and name, by tabs;
- ``cell2mutation.txt``: for each cell 1 or 0 for each gene, mutated or not, by commas, in the order of the indices;
- ``drug2fingerprint.txt``: the bits of a Morgan fingerprint of each drug, likewise.

Source: idekerlab/DrugCell, README.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.candle_uno.forms.joining import check_unknown, feature_table, join
from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables
from sciml_datasets.candle_uno.measures import DRUGCELL_AUC
from sciml_datasets.errors import InputError
from sciml_datasets.files.text import first_rows, is_there
from sciml_datasets.files.text_tables import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""DrugCell's name of a split to ours."""
RESPONSES = tuple(f"drugcell_{split}.txt" for split in SPLITS)
CELLS, MUTATIONS, GENES = "cell2ind.txt", "cell2mutation.txt", "gene2ind.txt"
DRUGS, FINGERPRINTS = "drug2ind.txt", "drug2fingerprint.txt"
SOURCE = "DrugCell"


def read(folder: Path) -> Tables:
    """Read a study, with the splits that it gives.

    Raises:
        InputError: files are missing (all are named), cannot be read or do not fit each other.
    """
    import pyarrow as pa

    missing = [name for name in (*RESPONSES, CELLS, MUTATIONS, DRUGS, FINGERPRINTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} lacks {', '.join(missing)}: a DrugCell study needs them, put them there")
    genes = _names(folder / GENES) if is_there(folder / GENES) else None
    cells = _features(folder, CELLS, MUTATIONS, "gene", genes)
    drugs = _features(folder, DRUGS, FINGERPRINTS, "bit")
    responses = pa.concat_tables([_responses(folder, split) for split in SPLITS])
    check_unknown(folder / MUTATIONS, cells, {*responses["cell"].to_pylist()})
    check_unknown(folder / FINGERPRINTS, drugs, {*responses["drug"].to_pylist()})
    return join(folder, responses, cells, drugs, DRUGCELL_AUC, declarable=False)


def _responses(folder: Path, split: str) -> pa.Table:
    import pyarrow as pa

    path = folder / f"drugcell_{split}.txt"
    table = TextTable.open(path, "\t", header=0, names=("cell", "drug", DRUGCELL_AUC.name))
    found = table.read(text={0: "cell", 1: "drug"}, numbers={2: "response"})
    rows = found.num_rows
    return pa.table(
        {
            "id": [f"{split}.{row}" for row in range(rows)],
            "source": [SOURCE] * rows,
            **{name: found[name] for name in ("cell", "drug", "response")},
            "split": [SPLITS[split]] * rows,
        }
    )


def _names(path: Path) -> list[str]:
    """The names in a file of indices, in the order of the indices."""
    file = TextTable.open(path, "\t", header=0, names=("index", "name"))
    table = file.read(text={0: "index", 1: "name"}, numbers={})
    names = dict(zip(table["index"].to_pylist(), table["name"].to_pylist(), strict=True))
    expected = [str(index) for index in range(table.num_rows)]
    for index in expected:
        if index not in names:
            raise InputError(
                f"{path}: no line has the index {index}, expected 0 to {expected[-1]}, each once: correct it"
            )
    return [names[index] for index in expected]


def _features(folder: Path, index: str, features: str, noun: str, columns: Sequence[str] | None = None) -> FeatureTable:
    path = folder / features
    names, width = _names(folder / index), len(first_rows(path, ",")[0][1])
    if columns is not None and len(columns) != width:
        raise InputError(f"{path} has {width} columns, but {GENES} {len(columns)} genes: they must be of one release")
    named = columns is not None
    columns = columns or [f"{noun} {i}" for i in range(width)]
    _, columns, values = TextTable.open(path, ",", header=0, names=columns).matrix(id_place=None)
    empty = np.flatnonzero(np.isnan(values).all(axis=0)).tolist()
    if empty and not named:
        raise InputError(
            f"{path}: column {empty[0] + 1} has no number in any line: remove it, as the comma at the end of each line"
        )
    if len(values) != len(names):
        raise InputError(f"{path} has {len(values)} lines, but {index} {len(names)} names: they must be of one release")
    return feature_table(path, names, columns, values)
