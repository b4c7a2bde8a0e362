"""What `sciml info` tells of data that are not prepared: sizes and splits, as the declaration knows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.benchmarks import find
from sciml_datasets.cli.declared import declared, declared_lines
from sciml_datasets.cli.main import main

STACK = {"cbed_stack": {"shape": [3, 8, 8], "dtype": "float32"}, "id": {"shape": [], "dtype": "string"}}
VECTOR = {"gene_expression": {"shape": [None], "dtype": "float32"}}


def known(name: str, features: dict[str, Any]) -> dict[str, Any]:
    return declared(*find(name), features)


def test_the_number_of_simulated_samples_and_the_bytes_of_one_are_known() -> None:
    found = known("stemdl_demo", STACK | {"box": {"features": {"width": {"shape": [], "dtype": "int16"}}}})
    assert (found["samples"], found["example_bytes"]) == (2400, 4 * 3 * 8 * 8 + 2)


def test_the_bytes_of_an_example_of_any_length_are_not_known() -> None:
    assert known("candle_uno", VECTOR)["example_bytes"] is None


def test_the_partitions_are_known_with_their_shares() -> None:
    found = known("candle_uno", VECTOR)
    shares = {"train": 0.7, "validation": 0.15, "test": 0.15}
    assert found["partitions"]["disjoint"] == {"by": ["cell", "drug"], "shares": shares}
    assert found["folds_by"] == ["row", "cell", "drug", "pair", "study"]


def test_what_is_known_is_told_in_lines() -> None:
    assert [*declared_lines(known("stemdl_demo", STACK))] == [
        "samples   2,400 are simulated where no raw files are given, 768 bytes each",
        "splits    train, validation, test; their sizes are known when it is prepared",
        "folds     by row, material",
    ]


def test_info_tells_splits_of_data_that_are_not_prepared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "candle_uno", "--data-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "          cell_blind, by cell: 80 % train, 10 % validation, 10 % test" in lines
    assert "          leave_out_X, for each study X" in lines


def test_info_tells_them_in_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "cloudmask_demo", "--data-dir", str(tmp_path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["prepared"], content["splits"], content["declared"]["samples"]) == (None, {}, 72)
