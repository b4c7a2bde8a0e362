"""Croissant documents: the format's own library finds no issue, and its record sets are the member lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets import Prepared
from sciml_datasets.cli.main import main

mlcroissant = pytest.importorskip("mlcroissant", reason="it is in the extra test; pip install '.[test]'")
DEMOS = ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo")


def written(name: str, data_dir: Path, path: Path) -> dict[str, Any]:
    assert main(["croissant", name, "--data-dir", str(data_dir), "--out", str(path)]) == 0
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("name", DEMOS)
def test_a_document_is_valid_and_loads_the_member_lists(name: str, data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    written(name, data_dir, path)
    loaded = mlcroissant.Dataset(str(path))
    assert loaded.metadata.ctx.issues.report() == ""
    columns = Prepared.open(name, data_dir).select("test").columns
    records = list(loaded.records("members_test"))
    assert [record["members_test/id"].decode() for record in records] == columns["id"]
    for column, values in columns.items():
        found = [record[f"members_test/{column}"] for record in records]
        texts = [value.decode() if isinstance(value, bytes) else value for value in found]
        assert texts == [value if isinstance(texts[0], str) else float(value) for value in values]


def test_files_are_named_from_the_folder_of_the_document_with_the_checksums_of_the_manifest(
    data_dir: Path, tmp_path: Path
) -> None:
    document = written("candle_uno_demo", data_dir, tmp_path / "c.json")
    prepared = Prepared.open("candle_uno_demo", data_dir)
    listed = {file["name"]: file["sha256"] for file in prepared.manifest["shards"] + prepared.manifest["files"]}
    files = [one for one in document["distribution"] if one["@type"] == "cr:FileObject"]
    assert {one["name"]: one["sha256"] for one in files} == listed
    assert all((tmp_path / one["contentUrl"]).samefile(prepared.folder / one["name"]) for one in files)


def test_features_have_type_and_shape_and_the_card_is_in_the_document(data_dir: Path, tmp_path: Path) -> None:
    document = written("cloudmask_demo", data_dir, tmp_path / "c.json")
    examples = next(one for one in document["recordSet"] if one["name"] == "examples")
    shapes = {one["name"]: (one["dataType"], one.get("cr:arrayShape")) for one in examples["field"]}
    assert shapes["reflectance"] == ("cr:Float32", "256,320,6")
    assert shapes["id"] == ("sc:Text", None)
    assert document["rai:dataLimitations"].startswith("These are simulated demo data")
    assert "CALIOP" in document["rai:dataLimitations"]
    assert "climate records" in document["rai:dataSocialImpact"]


def test_equal_data_give_equal_documents(data_dir: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    written("candle_uno_demo", data_dir, one)
    written("candle_uno_demo", data_dir, other)
    assert one.read_bytes() == other.read_bytes()


def test_data_that_are_not_prepared_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["croissant", "stemdl", "--data-dir", str(tmp_path), "--out", str(tmp_path / "c.json")]) == 2
    assert "prepare the data set with `sciml prepare`" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()


def test_a_document_is_not_written_into_a_prepared_data_set(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Prepared.open("candle_uno_demo", data_dir).folder / "croissant.json"
    assert main(["croissant", "candle_uno_demo", "--data-dir", str(data_dir), "--out", str(path)]) == 2
    assert "lies in a prepared data set" in capsys.readouterr().err
