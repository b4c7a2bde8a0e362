"""The command line: help, JSON, exit codes and one sentence for a mistake."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from sciml_datasets import parts
from sciml_datasets.benchmarks import dataset_names
from sciml_datasets.cli.main import COMMANDS, main

Sciml = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"example: sciml {command}" in text
    assert "--json" in text


@pytest.mark.parametrize(("source", "own"), [("slstr", False), ("improve", True), ("csv", True)])
def test_a_converter_shows_its_own_flags(source: str, own: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", source, "--help"])
    text = capsys.readouterr().out
    assert "--out" in text
    assert ("--response" in text) == own
    assert (".SEN3" in text) != own


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {command} " in text for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "there is no command 'fly'"),
        (["info", "mnist"], "there is no data set 'mnist': choose one of stemdl"),
        (["prepare", "mnist"], "there is no data set 'mnist'"),
        (["demo", "stemdl"], "stemdl is not simulated"),
        (["train", "stemdl_demo", "--out", "x", "--set", "lr"], "--set lr: expected key=value"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1


def test_list_says_what_is_prepared(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", "--data-dir", str(data_dir)]) == 0
    prepared = {row["name"]: row["prepared"] for row in json.loads(capsys.readouterr().out)}
    assert prepared == {name: name.endswith("_demo") for name in dataset_names()}


def test_info_shows_features_splits_and_targets(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "stemdl_demo", "--json", "--data-dir", str(data_dir)]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["features"]["cbed_stack"] == {"shape": [3, 128, 128], "dtype": "float32"}
    assert info["splits"] == {"train": 40, "validation": 10, "test": 10}
    assert info["criteria"][1]["target"]["value"] == 0.9
    assert "10.13139/OLCF/1510313" in info["citation"]
    assert main(["info", "stemdl_demo", "--data-dir", str(data_dir)]) == 0
    assert "macro F1" in capsys.readouterr().out


def test_info_shows_what_was_made_of_the_raw_data(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "candle_uno_demo", "--data-dir", str(data_dir)]) == 0
    lines = capsys.readouterr().out.splitlines()
    reported = lines[lines.index("as prepared") :]
    assert "  splits: mixed, by hash of cell and drug" in reported
    assert any(line.startswith("  scaling of drug_descriptors: mean 0, standard deviation 1") for line in reported)
    assert "  aliases: those of drug_info, cl_mapping, cl_metadata (--json has their SHA-256)" in reported
    assert any(line.startswith("  scaling of drug_descriptors, fitted again: mean, standard") for line in reported)
    assert any("raw samples left out: no features of the cell" in line for line in reported)
    assert max(map(len, lines)) < 200
    assert main(["info", "candle_uno_demo", "--json", "--data-dir", str(data_dir)]) == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert (facts["form"], "cell_aliases" in facts, "rows" in facts) == ("A", True, False)


def test_show_draws_a_picture(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "new" / "stacks.png"
    arguments = ["show", "stemdl_demo", "--data-dir", str(data_dir), "--split", "train", "--count", "3"]
    assert main([*arguments, "--out", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "3 samples" in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "stacks.doc")]) == 2


def test_show_refuses_predictions_that_could_not_be_scored(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = (data_dir / "sciml/stemdl_demo/3.0.0/members-test.tsv").read_text().splitlines()[1:]
    for prediction, message in ((231, "from 0 to 230"), ([0.5], "class scores")):
        with h5py.File(tmp_path / "p.h5", "w") as file:
            file["id"] = [line.split("\t")[0] for line in members]
            file["prediction"] = np.array([prediction] * len(members))
        command = ["show", "stemdl_demo", "--data-dir", str(data_dir), "--out", str(tmp_path / "a.png")]
        assert main([*command, "--predictions", str(tmp_path / "p.h5")]) == 2
        reported = capsys.readouterr().err
        assert f"{tmp_path / 'p.h5'}: " in reported
        assert message in reported
    assert not (tmp_path / "a.png").exists()


def test_show_draws_a_part_of_another_partition(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["show", "candle_uno_demo", "--data-dir", str(data_dir), "--out", str(tmp_path / "responses.png")]
    assert main([*arguments, "--split", "cell_blind:test", "--json"]) == 0
    expected = len(parts("candle_uno_demo", "cell_blind", data_dir)["test"])
    assert json.loads(capsys.readouterr().out)["samples"] == expected
    assert main([*arguments, "--split", "cell_blind"]) == 2
    assert "'cell_blind' has parts: choose one of cell_blind:train, cell_blind:validation" in capsys.readouterr().err


def test_the_road_in_separate_processes(tmp_path: Path, sciml: Sciml) -> None:
    raw, data, run = tmp_path / "raw", tmp_path / "data", tmp_path / "run"
    made = sciml("simulate", "stemdl_demo", "--out", raw, "--samples", 40, "--jobs", 2, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["files"] == 4
    prepared = sciml("prepare", "stemdl_demo", "--raw-dir", raw, "--data-dir", data, "--json")
    assert prepared.returncode == 0, prepared.stderr
    assert json.loads(prepared.stdout)["records"] == 40
    trained = sciml(
        *("train", "stemdl_demo", "--data-dir", data, "--out", run, "--epochs", 1, "--json"),
        *("--batch-size", 8, "--set", "learning_rate=0.001"),
    )
    assert trained.returncode == 0, trained.stderr
    scored = sciml(
        *("evaluate", "stemdl_demo", "--data-dir", data, "--predictions", run / "predictions.h5"),
        *("--out", tmp_path / "result.json", "--json"),
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout) == json.loads((tmp_path / "result.json").read_text())
    of_the_run = ("model", "seed", "hardware", "software", "durations", "energy", "convergence")
    of_training = json.loads(trained.stdout)
    assert 0 <= of_training.pop("input_wait") <= 1
    assert of_training | dict.fromkeys(of_the_run) == json.loads(scored.stdout)
    text = sciml("evaluate", "stemdl_demo", "--data-dir", data, "--predictions", run / "predictions.h5").stdout
    assert "top-1 accuracy" in text
    assert "baseline" in text


def test_outside_of_a_checkout_training_says_what_submitting_will_need(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    alone = ["--strategy", "multiworker"]  # which ends before anything is trained
    assert main(["train", "stemdl_demo", "--data-dir", str(data_dir), "--out", "run", *alone]) == 2
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.endswith("`sciml submit` will need --commit")


def test_training_until_a_target_says_that_it_was_not_reached(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "stemdl_demo", "--data-dir", str(data_dir), "--out", str(tmp_path / "run"), "--epochs", "1"]
    assert main([*arguments, "--until-target"]) == 0
    assert "macro_f1 0.9 on the validation split: not reached\n" in capsys.readouterr().out


def test_training_until_a_target_that_is_not_there_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "stemdl_reconstruction_demo", "--data-dir", str(data_dir), "--out", str(tmp_path / "run")]
    assert main([*arguments, "--until-target"]) == 2
    assert "there is no target for these data that training could end with" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_predictions_of_any_framework_can_be_scored(data_dir: Path, tmp_path: Path, sciml: Sciml) -> None:
    members = (data_dir / "sciml/stemdl_demo/3.0.0/members-test.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in members]
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["id"] = [row[0] for row in rows]
        file["prediction"] = np.array([int(row[1]) for row in rows])
    scored = sciml("evaluate", "stemdl_demo", "--data-dir", data_dir, "--predictions", tmp_path / "p.h5", "--json")
    assert json.loads(scored.stdout)["criteria"][0]["score"] == 1
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        file["id"][0] = "test/unknown"
    refused = sciml("evaluate", "stemdl_demo", "--data-dir", data_dir, "--predictions", tmp_path / "p.h5")
    assert refused.returncode == 2
    assert "test/unknown" in refused.stderr
    assert refused.stderr.count("\n") == 1
