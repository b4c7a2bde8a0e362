"""`sciml convert` of a drug response study: what it reports."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from study_files import write_drevalpy

from sciml_datasets.candle_uno.measures import AUC

Sciml = Callable[..., subprocess.CompletedProcess[str]]


def test_the_command_says_what_it_took_and_left_out(tmp_path: Path, sciml: Sciml) -> None:
    source = write_drevalpy(tmp_path / "study")
    run = sciml("convert", "csv", source, "--out", tmp_path / "raw", "--json")
    assert json.loads(run.stdout) == {
        "folder": str(tmp_path / "raw"), "response": "AUC", "measure": AUC.facts(),
        "responses": 2, "cells": 2, "drugs": 1,
        "cell_features": 2, "drug_features": 2, "splits": {}, "left_out": {"no AUC": 1, "no features of the cell": 1},
        "omics": [],
    }  # fmt: skip
    again = sciml("convert", "csv", source, "--out", tmp_path / "raw")
    assert again.returncode == 2
    assert again.stderr == f"sciml convert: {tmp_path / 'raw'} exists: remove it or choose another name\n"


def test_a_join_that_loses_most_responses_says_so(tmp_path: Path, sciml: Sciml) -> None:
    source = write_drevalpy(tmp_path / "study")
    source.write_text(source.read_text() + "".join(f"CVCL_1,A,{drug},Other,1,0.5\n" for drug in range(50, 60)))
    run = sciml("convert", "csv", source, "--out", tmp_path / "raw")
    assert "10 responses left out: no features of the drug\n" in run.stdout
    assert run.stdout.endswith(
        "most responses have no features: compare their ids with those of the tables of features\n"
    )


def test_a_scene_has_no_response_to_choose(tmp_path: Path, sciml: Sciml) -> None:
    run = sciml("convert", "slstr", tmp_path, "--out", tmp_path / "scene.hdf", "--response", "AUC")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
