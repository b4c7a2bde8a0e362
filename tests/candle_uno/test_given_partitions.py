"""Splits 1 to 9 of an IMPROVE folder: partitions beside the official splits, from raw files to a score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from uno_files import write_improve, write_splits

from sciml_datasets import InputError, Prepared, prepare
from sciml_datasets.candle_uno.forms import improve
from sciml_datasets.cli.main import main
from sciml_datasets.metrics import Evaluator
from sciml_datasets.prepared.given import NAME


def write_study(folder: Path) -> Path:
    """Raw files with splits 0 and 3; split 3 leaves a response out."""
    write_splits(write_improve(folder), "CCLE", train=[0, 1], val=[2], test=[3])
    write_splits(folder, "CCLE", number=3, train=[3], val=[0], test=[1])
    return folder


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    write_study(folder / "raw/candle_uno")
    prepare("candle_uno", folder / "raw", folder / "data")
    return folder / "data"


@pytest.fixture
def prepared(data_dir: Path) -> Prepared:
    return Prepared.open("candle_uno", data_dir)


def test_they_are_partitions_by_name(prepared: Prepared) -> None:
    assert prepared.split_names[:4] == ["official", "split_0", "split_3", "mixed"]
    assert prepared.parts("split_0") == prepared.parts("official")
    assert prepared.parts("split_3") == {"train": ["gCSI.3"], "validation": ["CCLE.0"], "test": ["CCLE.1"]}


def test_a_part_has_the_columns_and_the_records_of_its_samples(prepared: Prepared) -> None:
    test = prepared.select("split_3:test")
    assert (test.columns["id"], test.columns["drug"]) == (["CCLE.1"], ["Drug_1"])
    assert prepared.builder.as_data_source(split=test.records)[int(test.positions[0])]["id"] == b"CCLE.1"
    with pytest.raises(InputError, match="'split_3' has parts: choose one of split_3:train"):
        prepared.select("split_3")


def test_predictions_are_scored_on_a_part(prepared: Prepared) -> None:
    evaluator = Evaluator(prepared, "split_3:test")
    evaluator.update(["CCLE.1"], [0.5])
    assert evaluator.result()["mse"] == 0.0625
    assert not evaluator.comparable


@pytest.mark.parametrize("ask", [lambda data: data.parts("split_4"), lambda data: data.select("split_4:test")])
def test_one_that_is_not_there_is_told_with_those_that_are(
    prepared: Prepared, ask: Callable[[Prepared], object]
) -> None:
    with pytest.raises(InputError, match="there is no split 'split_4': choose one of official, split_0, split_3, mix"):
        ask(prepared)


def test_the_report_says_what_their_parts_have_in_common(prepared: Prepared) -> None:
    report = json.loads((prepared.folder / "splits.json").read_text())
    assert report["split_0"] == report["official"]
    assert report["split_3"]["left_out"] == 1
    assert report["split_3"]["in_common"]["validation and test"] == {"cell": 0, "drug": 1, "pair": 0, "study": 1}


def test_data_without_such_lists_have_no_file_of_them(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path / "raw/candle_uno"), "CCLE", train=[0, 1], val=[2], test=[3])
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    assert not (folder / NAME).exists()
    assert Prepared.open("candle_uno", tmp_path / "data").split_names[:2] == ["official", "mixed"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    write_study(tmp_path / "raw/candle_uno")
    path = prepare("candle_uno", tmp_path / "raw", tmp_path / "data") / NAME
    path.write_text(path.read_text().replace("validation", "valldation"))
    with pytest.raises(InputError, match=rf"{NAME}"):
        Prepared.open("candle_uno", tmp_path / "data").parts("split_3")


def test_a_conversion_keeps_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, copy = write_study(tmp_path / "source"), tmp_path / "copy"
    assert main(["convert", "improve", str(source), "--out", str(copy)]) == 0, capsys.readouterr().err
    assert improve.read(copy).responses.to_pylist() == improve.read(source).responses.to_pylist()


def test_a_list_of_theirs_that_is_missing_is_named(tmp_path: Path) -> None:
    (write_study(tmp_path) / "splits/CCLE_split_3_val.txt").unlink()
    with pytest.raises(InputError, match=r"CCLE_split_3_val\.txt: the list is missing"):
        improve.read(tmp_path)
