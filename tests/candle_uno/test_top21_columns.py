"""Which column of the prebuilt file is which, where names are readable and where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from top21_tables import expected, joined
from uno_files import (
    CELLS,
    DRUGS,
    FILE,
    ROWS,
    Frames,
    frames,
    write_blocks,
    write_query_columns,
    write_store,
)

from sciml_datasets import InputError
from sciml_datasets.candle_uno.forms import top21
from sciml_datasets.candle_uno.forms.top21 import KINDS


def write_with_pandas(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], **options: Any) -> Frames:
    """An HDFStore that pandas writes, with changed frames of responses; what it holds otherwise."""
    pytest.importorskip("tables", reason="pandas writes HDFStores with PyTables: pip install tables")
    content = frames()
    with pd.HDFStore(path, "w") as store:
        for key in (f"y_{split}" for split in ROWS):
            columns = {name: v.astype(str) if v.dtype.kind == "S" else v for name, v in content[key].items()}
            store.put(key, change(pd.DataFrame(columns)), format="table", **options)
    with h5py.File(path, "a") as file:
        for key, columns in content.items():
            if key.startswith("x"):
                write_blocks(file.create_group(key), columns)
    return content


def without_readable_names(path: Path) -> None:
    """Take the pickles with the names of columns out of the frames of responses."""
    with h5py.File(path, "a") as file:
        for split in ("train", "val", "test"):
            attributes = file[f"y_{split}/table"].attrs
            for name in [name for name in attributes if name.endswith("_kind") and name.startswith("values_block")]:
                del attributes[name]


def arranged(*columns: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The columns in this order; more columns of numbers hold 0.25, and Source text."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        more = {"AAC": np.float32(0.25), "IC50": 0.25, "Source": "CCLE", "Rank": 3}
        frame = frame.astype({"AUC": np.float64}).assign(**more)
        return frame[list(columns)]

    return change


ARRANGEMENTS = [
    ("AUC", "Sample", "Drug1"),
    ("Sample", "Drug1", "AUC"),
    ("AUC", "Drug1", "Sample"),
    ("AUC", "Sample", "Drug1", "AAC"),
    ("IC50", "AUC", "Sample", "Drug1"),
    ("Source", "Sample", "Drug1", "AUC"),
    ("Rank", "Drug1", "Source", "AAC", "AUC", "Sample"),
]
DATA_COLUMNS = [None, ["Sample", "Drug1"], ["Sample"], ["AUC"], True]


@pytest.mark.parametrize("columns", ARRANGEMENTS, ids=" ".join)
@pytest.mark.parametrize("data_columns", DATA_COLUMNS, ids=str)
@pytest.mark.parametrize("readable", [True, False], ids=["names", "no names"])
def test_no_column_is_taken_for_another(
    tmp_path: Path, columns: tuple[str, ...], data_columns: Any, readable: bool
) -> None:
    content = write_with_pandas(tmp_path / FILE, arranged(*columns), data_columns=data_columns)
    if not readable:
        without_readable_names(tmp_path / FILE)
    try:
        responses = top21.read(tmp_path).responses
    except InputError as error:
        message = str(error)
    else:
        message = ""
        whole = {name: np.concatenate([content[f"y_{split}"][name] for split in ROWS]) for name in KINDS}
        np.testing.assert_array_equal(responses["response"].to_numpy(), whole["AUC"])
        assert responses["cell"].to_pylist() == whole["Sample"].astype(str).tolist()
        assert responses["drug"].to_pylist() == whole["Drug1"].astype(str).tolist()
    if readable or data_columns is True or (columns, data_columns) == (ARRANGEMENTS[0], None):
        assert message == ""
    assert not message or ("readable names" in message and "data_columns=True" in message)


def test_a_column_whose_name_is_readable_and_another_is_no_auc(tmp_path: Path) -> None:
    write_with_pandas(tmp_path / FILE, arranged("IC50", "Sample", "Drug1"))
    with pytest.raises(InputError, match=r"y_train has no column AUC, only IC50, Sample, Drug1"):
        top21.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Sample": "category"}, "the column Sample holds numbers of categories, expected text: .*str"),
        ({"Drug1": "integer"}, "the column Drug1 holds int64, expected text: .*str"),
        ({"AUC": "text"}, "the column AUC holds text, expected numbers: .*float"),
        ({"AUC": "time"}, r"the column AUC holds datetime64\[\w+\], expected numbers: .*float"),
    ],
)
@pytest.mark.parametrize("data_columns", [None, True])
def test_a_column_of_another_type_is_named_with_its_type(
    tmp_path: Path, change: dict[str, str], message: str, data_columns: Any
) -> None:
    def act(frame: pd.DataFrame) -> pd.DataFrame:
        ((name, kind),) = change.items()
        column = {
            "category": lambda: frame[name].astype("category"),
            "integer": lambda: np.arange(len(frame)),
            "text": lambda: frame[name].astype(str),
            "time": lambda: pd.to_datetime(frame[name] * 1e9),
        }[kind]()
        return frame.assign(**{name: column})

    write_with_pandas(tmp_path / FILE, act, data_columns=data_columns)
    with pytest.raises(InputError, match=rf"{FILE}: y_train: {message}"):
        top21.read(tmp_path)


@pytest.mark.parametrize("options", [{}, {"nan_rep": "none"}, {"data_columns": True}], ids=str)
@pytest.mark.parametrize(("name", "reason"), [("Sample", "cell"), ("Drug1", "drug")])
def test_a_missing_id_is_left_out_and_counted(tmp_path: Path, options: dict[str, Any], name: str, reason: str) -> None:
    def act(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].where(np.arange(len(frame)) % 10 != 3, None)})

    content = write_with_pandas(tmp_path / FILE, act, **options)
    tables = top21.read(tmp_path)
    assert tables.left_out[f"no features of the {reason}"] == 4 + 1 + 1
    assert tables.omitted is not None
    assert tables.omitted["id"].to_pylist()[:2] == ["train.3", "train.13"]
    assert (len(tables.cells.ids), len(tables.drugs.ids)) == (CELLS, DRUGS)
    left = np.concatenate([np.arange(rows) % 10 != 3 for rows in ROWS.values()])
    for number, values in joined(tables).items():
        np.testing.assert_array_equal(values, expected(content, f"x_{{}}_{number}")[left])


def test_text_is_in_the_encoding_that_the_file_states(tmp_path: Path) -> None:
    pytest.importorskip("tables", reason="pandas writes HDFStores with PyTables: pip install tables")

    def act(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(Sample=frame["Sample"].str.replace("C0", "Caf\xe9"))

    write_with_pandas(tmp_path / FILE, act, encoding="latin-1")
    assert "CCLE.Caf\xe9" in top21.read(tmp_path).cells.ids
    with h5py.File(tmp_path / FILE, "a") as file:
        file["y_train"].attrs["encoding"] = np.bytes_("klingon")
    with pytest.raises(InputError, match=r"y_train, column Sample is 'CCLE.*', expected text in klingon"):
        top21.read(tmp_path)


def test_ids_that_contradict_the_features_say_that_names_are_not_readable(tmp_path: Path) -> None:
    content = frames()
    for split in ROWS:
        columns = content[f"y_{split}"]
        columns["Sample"], columns["Drug1"] = columns["Drug1"], columns["Sample"]
    write_store(tmp_path / FILE, content, write_blocks)
    with pytest.raises(InputError, match=r"the columns of y_\w+ have no readable names: .* data_columns=True"):
        top21.read(tmp_path)


def test_ids_in_columns_without_names_must_tell_cells_from_drugs_by_their_features(tmp_path: Path) -> None:
    rows = np.arange(8)
    content = frames()
    for split in ROWS:
        for key in (f"x_{split}_0", f"x_{split}_1"):
            content[key] = {name: rows.astype(np.float32) for name in content[key]}
        content[f"y_{split}"] = {
            "AUC": (rows / 8).astype(np.float32),
            "Sample": np.array([f"CCLE.C{i}".encode() for i in rows], "S30"),
            "Drug1": np.array([f"CTRP.{i}".encode() for i in rows], "S10"),
        }
    write_store(tmp_path / FILE, content, write_query_columns)
    assert top21.read(tmp_path).cells.ids == tuple(f"CCLE.C{i}" for i in rows)
    write_store(tmp_path / FILE, content, write_blocks)
    with pytest.raises(InputError, match=r"y_train has no readable names .*each has one of the others.*data_columns"):
        top21.read(tmp_path)
