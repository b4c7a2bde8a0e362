"""The prebuilt file of CANDLE-UNO, in the layouts of pandas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from top21_tables import expected, joined
from uno_files import (
    FILE,
    blosc,
    frames,
    write_blocks,
    write_fixed,
    write_query_columns,
    write_reference,
    write_store,
)

from sciml_datasets import InputError
from sciml_datasets.candle_uno.forms import top21
from sciml_datasets.candle_uno.responses import Responses

Writer = Callable[..., None]


@pytest.mark.parametrize("write", [write_reference, write_blocks, write_query_columns])
@pytest.mark.parametrize("filters", [{}, {"compression": "gzip"}, blosc("lz4")], ids=["plain", "zlib", "lz4"])
def test_every_layout_gives_back_the_joined_rows(tmp_path: Path, write: Writer, filters: Mapping[str, Any]) -> None:
    content = frames()
    write_store(tmp_path / FILE, content, write, filters)
    tables = top21.read(tmp_path)
    for number, values in joined(tables).items():
        np.testing.assert_array_equal(values, expected(content, f"x_{{}}_{number}"))
    auc = np.concatenate([content[f"y_{split}"]["AUC"] for split in ("train", "val", "test")])
    np.testing.assert_array_equal(tables.responses["response"].to_numpy(), auc)


@pytest.mark.parametrize("name", ["top_21.uno.H5", "top_21.uno.hdf5", "TOP_21.UNO.HDF5", "top21_uno.hdf"])
def test_another_ending_of_the_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{name}: a raw file whose name does not end in .h5: rename or remove it"):
        Responses().files(tmp_path)


def test_blosc_with_snappy_is_read(tmp_path: Path) -> None:
    content = frames(times=2000)  # of smaller chunks snappy makes nothing, and they are stored as they are
    with h5py.File(write_store(tmp_path / FILE, content, write_reference, blosc("snappy"))) as file:
        assert file["x_train_1/table"].id.get_chunk_info(0).filter_mask == 0
    tables = top21.read(tmp_path)
    np.testing.assert_array_equal(joined(tables)["1"], expected(content, "x_{}_1"))


def test_features_in_the_layout_fixed_keep_their_names(tmp_path: Path) -> None:
    content = frames()
    with h5py.File(tmp_path / FILE, "w") as file:
        for key, columns in content.items():
            (write_fixed if key.startswith("x") else write_blocks)(file.create_group(key), columns)
    tables = top21.read(tmp_path)
    assert tables.cells.columns == tuple(f"GE_{i}" for i in range(6))
    np.testing.assert_array_equal(joined(tables)["1"], expected(content, "x_{}_1"))


def test_numbers_of_two_types_come_in_the_order_of_the_columns(tmp_path: Path) -> None:
    content = frames()
    with h5py.File(write_store(tmp_path / FILE, content), "a") as file:
        for split in ("train", "val", "test"):
            del file[f"x_{split}_0"]
            group = file.create_group(f"x_{split}_0")
            values = np.stack([*content[f"x_{split}_0"].values()], axis=1)
            group["axis0"], group["axis1"] = np.array([b"GE_0", b"GE_1", b"GE_2"]), np.arange(len(values))
            group["block0_items"], group["block0_values"] = np.array([b"GE_0", b"GE_2"]), values[:, [0, 2]]
            group["block1_items"], group["block1_values"] = np.array([b"GE_1"]), values[:, [1]].astype(np.float64)
    tables = top21.read(tmp_path)
    assert tables.cells.columns == ("GE_0", "GE_1", "GE_2")
    np.testing.assert_array_equal(joined(tables)["0"], expected(content, "x_{}_0")[:, :3])


def test_features_whose_names_are_pickled_are_numbered(tmp_path: Path) -> None:
    write_store(tmp_path / FILE, frames(), write_blocks)
    tables = top21.read(tmp_path)
    assert tables.cells.columns[:2] == ("gene 1", "gene 2")
    assert tables.drugs.columns[-1] == "descriptor 7"


def test_ids_sources_and_splits_follow_from_the_file(tmp_path: Path) -> None:
    write_store(tmp_path / FILE, frames())
    tables = top21.read(tmp_path)
    rows = tables.responses.to_pylist()
    assert [rows[i]["id"] for i in (0, 39, 40, 52, 63)] == ["train.0", "train.39", "val.0", "test.0", "test.11"]
    assert {row["split"] for row in rows[40:52]} == {"validation"}
    assert {row["source"] for row in rows} == {"CCLE"}
    assert tables.cells.scaled
    assert tables.drugs.scaled


def test_a_sample_without_a_source_has_that_of_the_file(tmp_path: Path) -> None:
    content = frames()
    for split in ("train", "val", "test"):
        samples = content[f"y_{split}"]["Sample"]
        content[f"y_{split}"]["Sample"] = np.char.replace(samples, b"CCLE.", b"CCL_")
    write_store(tmp_path / "top21_uno_v2.h5", content, write_blocks)
    assert set(top21.read(tmp_path).responses["source"].to_pylist()) == {"top21_uno_v2"}


def test_a_file_without_test_rows_is_read(tmp_path: Path) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    write_store(tmp_path / FILE, content)
    assert set(top21.read(tmp_path).responses["split"].to_pylist()) == {"train", "validation"}


def test_missing_numbers_are_no_contradiction(tmp_path: Path) -> None:
    content = frames()
    for split in ("train", "val", "test"):
        content[f"x_{split}_1"]["dd_3"] = np.full_like(content[f"x_{split}_1"]["dd_3"], np.nan)
    write_store(tmp_path / FILE, content)
    assert np.isnan(top21.read(tmp_path).drugs.values[:, 3]).all()


def test_chunks_smaller_than_the_file_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = frames()
    write_store(tmp_path / FILE, content)
    monkeypatch.setattr("sciml_datasets.candle_uno.forms.hdfstore.READ_BYTES", 1)
    np.testing.assert_array_equal(joined(top21.read(tmp_path))["0"], expected(content, "x_{}_0"))


def test_a_contradiction_is_named_with_row_and_column(tmp_path: Path) -> None:
    content = frames()
    content["x_val_1"]["dd_2"][5] += 1
    write_store(tmp_path / FILE, content, write_query_columns)
    with pytest.raises(InputError, match=r"uno\.h5: x_val_1, row 5, column dd_2: .* in an earlier row of CTRP\.\d"):
        top21.read(tmp_path)


def test_ids_that_only_a_pickle_holds_are_refused(tmp_path: Path) -> None:
    write_store(tmp_path / FILE, frames(), write_fixed)
    with pytest.raises(InputError, match=r"y_train holds Sample only as a pickle, which is not loaded"):
        top21.read(tmp_path)


def test_frames_of_different_length_are_refused(tmp_path: Path) -> None:
    content = frames()
    content["x_test_0"] = {name: values[:-1] for name, values in content["x_test_0"].items()}
    write_store(tmp_path / FILE, content)
    with pytest.raises(InputError, match=r"x_test_0 has 11 rows of 6 numbers, expected 12 rows as in y_test"):
        top21.read(tmp_path)


def test_genes_that_disagree_between_frames_are_refused(tmp_path: Path) -> None:
    content = frames()
    content["x_val_0"] = {name.replace("GE_", "GENE_"): values for name, values in content["x_val_0"].items()}
    write_store(tmp_path / FILE, content, write_query_columns)
    with pytest.raises(InputError, match=r"x_val_0 has other columns than x_train_0"):
        top21.read(tmp_path)


def test_a_name_that_does_not_show_is_escaped_in_a_sentence(tmp_path: Path) -> None:
    write_store(tmp_path / FILE, frames())
    with h5py.File(tmp_path / FILE, "a") as file:
        file.move("x_val_0", "x_val_0\n")
    with pytest.raises(InputError, match=r"there is no frame x_val_0, only .*, 'x_val_0\\n', ") as refused:
        top21.read(tmp_path)
    assert str(refused.value).isprintable()


def test_a_missing_frame_or_column_is_named(tmp_path: Path) -> None:
    content = frames()
    del content["x_train_1"]
    write_store(tmp_path / FILE, content)
    with pytest.raises(InputError, match=r"there is no frame x_train_1, only model, x_test_0"):
        top21.read(tmp_path)
    content = frames()
    del content["y_train"]["Drug1"]
    write_store(tmp_path / FILE, content)
    with pytest.raises(InputError, match=r"y_train has no column Drug1, only a column without a name, Sample"):
        top21.read(tmp_path)


def test_two_prebuilt_files_are_refused(tmp_path: Path) -> None:
    for name in (FILE, "top21_uno_v2.h5"):
        write_store(tmp_path / name, frames())
    assert [path.name for path in top21.files(tmp_path)] == ["top21_uno_v2.h5", FILE]
    with pytest.raises(InputError, match=r"found top21_uno_v2\.h5, top_21_auc_1fold\.uno\.h5: keep one of them"):
        top21.read(tmp_path)


def test_a_folder_without_such_a_file_is_not_of_this_form(tmp_path: Path) -> None:
    (tmp_path / "stack.h5").touch()
    assert top21.files(tmp_path) == []


def test_damaged_data_are_named_with_their_rows(tmp_path: Path) -> None:
    path = write_store(tmp_path / FILE, frames(), write_blocks, {"compression": "gzip"})
    with h5py.File(path) as file:
        chunk = file["x_val_0/table"].id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(bytes(chunk.size))
    with pytest.raises(InputError, match=r"uno\.h5, group x_val_0: table, rows 0 to 11, cannot be read \(.*\): fetch"):
        top21.read(tmp_path)


@pytest.mark.parametrize("layout", ["fixed", "table", "query columns", "as the reference exports"])
def test_stores_that_pandas_itself_writes_are_read(tmp_path: Path, layout: str) -> None:
    pytest.importorskip("tables", reason="pandas writes HDFStores with PyTables: pip install tables")
    content = frames()
    with pd.HDFStore(tmp_path / FILE, "w", complib="blosc:lz4", complevel=9) as store:
        for key, columns in content.items():
            frame = pd.DataFrame({name: v.astype(str) if v.dtype.kind == "S" else v for name, v in columns.items()})
            if layout == "fixed" and key.startswith("x"):
                store.put(key, frame, format="fixed")
            elif layout == "query columns":
                store.put(key, frame, format="table", data_columns=True)
            elif layout == "as the reference exports" and key.startswith("y"):
                store.append(key, frame, format="table", min_itemsize={"Sample": 30, "Drug1": 10})
            else:
                store.append(key, frame, format="table")
    tables = top21.read(tmp_path)
    for number, values in joined(tables).items():
        np.testing.assert_array_equal(values, expected(content, f"x_{{}}_{number}"))
    samples = [text.decode() for split in ("train", "val", "test") for text in content[f"y_{split}"]["Sample"]]
    assert tables.responses["cell"].to_pylist() == samples


def test_a_column_of_one_name_that_holds_several_numbers_is_named(tmp_path: Path) -> None:
    with h5py.File(write_store(tmp_path / FILE, frames(), write_blocks), "a") as file:
        group = file["x_train_0"]
        rows = group["table"][...]
        del group["table"]
        group["table"] = rows.astype(
            [("genes" if name != "index" else name, *rest) for name, *rest in rows.dtype.descr]
        )
    with pytest.raises(InputError, match=r"group x_train_0: table: the field genes holds 6 numbers, expected one"):
        top21.read(tmp_path)


def test_an_infinite_number_is_named(tmp_path: Path) -> None:
    content = frames()
    content["x_val_1"]["dd_2"] = content["x_val_1"]["dd_2"].astype(np.float64)
    content["x_val_1"]["dd_2"][5] = 1e300
    write_store(tmp_path / FILE, content, write_query_columns)
    with pytest.raises(InputError, match=r"x_val_1, row 5, column dd_2: 1e\+300, expected a finite number of float32"):
        top21.read(tmp_path)


def test_a_split_without_rows_is_read(tmp_path: Path) -> None:
    content = frames()
    path = write_store(tmp_path / FILE, content)
    with h5py.File(path, "a") as file:
        for key in ("x_val_0", "x_val_1", "y_val"):
            dtype = file[key]["table"].dtype
            del file[key]["table"]
            file[key].create_dataset("table", (0,), dtype)
    tables = top21.read(tmp_path)
    expected = np.concatenate([content[f"y_{split}"]["AUC"] for split in ("train", "test")])
    np.testing.assert_array_equal(tables.responses["response"].to_numpy(), expected)
    assert set(tables.responses["split"].to_pylist()) == {"train", "test"}


def test_names_of_very_many_columns_are_looked_for_once(tmp_path: Path) -> None:
    write_store(tmp_path / FILE, frames())
    with h5py.File(tmp_path / FILE, "a") as file:
        rows = len(file["y_val/table"])
        del file["y_val/table"]
        file["y_val"].create_dataset("table", rows, [("index", "<i8"), ("values_block_0", "<f4", (200_000,))])
    with pytest.raises(InputError, match=r"y_val"):  # after hours, if each name were looked for among all
        top21.read(tmp_path)
