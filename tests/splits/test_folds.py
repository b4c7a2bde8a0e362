"""Cross-validation: every fold trained and scored once, in a table that is printed and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from deferred import keras

from sciml_datasets import InputError, folds
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.cross_validation import fold_summary, fold_table
from sciml_datasets.models import cross_validate
from sciml_datasets.models.cross_validation import fold_of

NAME = "candle_uno_demo"
OPTIONS: dict[str, Any] = {"epochs": 1, "batch_size": 16}


def linear_network(genes: int = 40, descriptors: int = 30) -> Any:
    """The sum of two linear functions."""
    inputs = [keras.Input((genes,)), keras.Input((descriptors,))]
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)), name="linear")


@pytest.fixture(scope="module")
def validated(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Three cell-blind folds."""
    out = tmp_path_factory.mktemp("folds") / "run"
    return out, cross_validate(NAME, 3, "cell", data_dir, out, linear_network, **OPTIONS)


def test_each_fold_is_scored_on_the_cells_it_holds_out(validated: tuple[Path, dict[str, Any]], data_dir: Path) -> None:
    out, summary = validated
    held_out = [len(ids) for _, ids in folds(NAME, 3, by="cell", data_dir=data_dir)]
    assert [fold["num_samples"] for fold in summary["folds"]] == held_out
    assert [fold["split"] for fold in summary["folds"]] == [f"fold {i}/3 by cell:test" for i in (1, 2, 3)]
    assert json.loads((out / "folds.json").read_text()) == summary
    assert (out / "folds.txt").read_text() == fold_table(summary) + "\n"


def test_the_summary_is_that_of_the_runs(validated: tuple[Path, dict[str, Any]]) -> None:
    out, summary = validated
    results = [json.loads((out / f"fold-{i}" / "result.json").read_text()) for i in (1, 2, 3)]
    rows = [row for result in results for row in result["criteria"] if row["name"] == "mse"]
    mse = [row["score"] for row in rows]
    (row,) = (row for row in summary["criteria"] if row["name"] == "mse")
    assert row["summary"]["mean"] == pytest.approx(np.mean(mse), abs=1e-12)
    drug_means = [row["baselines"]["drug mean"] for row in rows]
    assert row["baselines"]["drug mean"] == pytest.approx(np.mean(drug_means), abs=1e-12)
    lines = fold_table(summary).splitlines()
    (reported,) = (line for line in lines if line.startswith("mean squared error"))
    assert reported.split()[3:6] == [f"{score:.4f}" for score in mse]


def test_folds_that_are_done_are_kept(
    validated: tuple[Path, dict[str, Any]], data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, summary = validated
    (out / "fold-2" / "result.json").rename(out.parent / "kept.json")
    for path in (out / "fold-2").rglob("*"):
        if path.is_file():
            path.unlink()
    (out / "fold-2" / "plots").rmdir()
    caplog.set_level("INFO")
    again = cross_validate(NAME, 3, "cell", data_dir, out, linear_network, **OPTIONS)
    assert [line for line in caplog.messages if line.startswith("fold")] == ["fold 2/3 by cell"]
    assert again["folds"] == summary["folds"]


def test_folds_of_two_trials_are_not_mixed(validated: tuple[Path, dict[str, Any]], data_dir: Path) -> None:
    out, _ = validated
    with pytest.raises(InputError, match="by cell, not drug; epochs 1, not 2"):
        cross_validate(NAME, 3, "drug", data_dir, out, linear_network, epochs=2)


def test_a_run_predicts_what_its_fold_holds_out(
    validated: tuple[Path, dict[str, Any]], data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, written = validated[0] / "fold-1", tmp_path / "p.h5"
    line = ["predict", NAME, "--data-dir", str(data_dir), "--run", str(run), "--out", str(written)]
    assert main(line) == 0
    held_out = next(iter(folds(NAME, 3, by="cell", data_dir=data_dir)))[1]
    with h5py.File(written) as file:
        assert sorted(file["id"].asstr()[:]) == sorted(held_out)
    capsys.readouterr()
    assert main([*line, "--split", "mixed:test"]) == 2
    assert "the run was trained on" in capsys.readouterr().err


def test_folds_that_cannot_be_leave_nothing(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="groups, choose fewer folds"):
        cross_validate(NAME, 10_000, "cell", data_dir, tmp_path / "run", linear_network, **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_results_of_different_data_are_no_folds(validated: tuple[Path, dict[str, Any]]) -> None:
    out, _ = validated
    results = [json.loads((out / f"fold-{i}" / "result.json").read_text()) for i in (1, 3)]
    results[1]["plan_digest"] = "0"
    with pytest.raises(InputError, match="not folds of the same data"):
        fold_summary(results, "cell")


def test_the_command_trains_one_fold(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", NAME, "--data-dir", str(data_dir), "--out", str(tmp_path / "run")]
    line += ["--epochs", "1", "--batch-size", "16", "--fold", "2/4", "--by", "drug", "--json"]
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "fold 2/4 by drug:test"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--fold", "6/5"), "--fold 6/5: expected I/K, as in 2/5, or all/K"),
        (("--fold", "1/2", "--by", "colour"), "cannot be grouped by 'colour': choose one of row, cell, drug"),
        (("--by", "cell"), "add --fold I/K"),
        (("--fold", "all/3", "--strategy", "multiworker"), "start a job for each"),
        (("--splits", "cell_blnd"), "choose one of mixed, cell_blind, drug_blind"),
    ],
)
def test_a_fold_that_is_none_is_told_in_one_sentence(
    flags: tuple[str, ...], message: str, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", NAME, "--data-dir", str(data_dir), "--out", str(tmp_path / "run"), *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "run").exists()


def test_what_a_fold_is_called() -> None:
    assert fold_of("2/5") == (2, 5)
    assert fold_of("all/10") == (None, 10)
