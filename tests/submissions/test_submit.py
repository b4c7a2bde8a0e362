"""``sciml submit``: from run folders to the folder that the Science rules ask for."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import yaml
from submission_files import COMMIT, at_hand, beyond_texts, change_yaml, contents, make_run, make_submission, update

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.mllog import read_log
from sciml_datasets.submissions import check


def test_one_run_becomes_the_files_of_the_rules(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    assert folder == tmp_path / "Example-Lab" / "stemdl" / "laptop" / "first"
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "config.yaml",
        "result-1.txt",
        "result.json",
        "predictions.h5",
        "README.md",
        "scientific_contribution.md",
        "scientific_contribution.pdf",
    }


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_written_has_no_findings_and_its_scores_are_found_again(
    runs: list[Path], tmp_path: Path, data_dir: Path, count: int
) -> None:
    folder = make_submission(tmp_path, runs[:count])
    (checked,) = check([folder], at_hand(data_dir))
    assert beyond_texts(checked) == []
    assert checked.facts["recomputed"] is True


def test_the_version_of_the_code_is_that_of_what_trained_or_is_given(runs: list[Path], tmp_path: Path) -> None:
    own = shutil.copytree(runs[0], tmp_path / "own")
    change_yaml(own / "config.yaml", lambda config: config.pop("software"))
    for number, (run, given, version) in enumerate(((runs[0], None, "0.1.0"), (own, None, "1.0"), (own, "2.1", "2.1"))):
        folder = make_submission(tmp_path / str(number), [run], version=given)
        github = yaml.safe_load((folder / "config.yaml").read_text())["github"]
        assert github["version"] == version
        assert {finding.rule for finding in beyond_texts(check([folder])[0])} <= {"unanswered"}
    with pytest.raises(InputError, match=r"the version of the code is 'new': give --code-version, such as 1\.0"):
        make_submission(tmp_path, [own], version="new")


def test_segmentations_are_submitted_as_well(data_dir: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, name="cloudmask_demo", right=0.45)
    (checked,) = check([make_submission(tmp_path / "all", [run])], at_hand(data_dir))
    assert beyond_texts(checked) == []
    assert checked.facts["recomputed"] is True


def test_the_configuration_holds_code_data_settings_and_runs(runs: list[Path], tmp_path: Path) -> None:
    config = yaml.safe_load((make_submission(tmp_path, runs) / "config.yaml").read_text())
    assert config["github"]["commit"] == COMMIT
    assert (config["github"]["branch"], config["github"]["tag"]) == ("main", "none")
    assert config["data"] == [
        "sciml simulate stemdl_demo --out raw",
        "sciml prepare stemdl_demo --raw-dir raw --data-dir data",
    ]
    assert config["hyperparameters"] == {"epochs": 2, "batch_size": 8, "learning_rate": 0.001}
    assert [run["seed"] for run in config["runs"]] == [0, 1, 2]
    sha256 = hashlib.sha256((runs[1] / "predictions.h5").read_bytes()).hexdigest()
    assert config["runs"][1]["predictions"]["sha256"] == sha256


def test_the_logs_name_the_organization_and_pass_the_parser(runs: list[Path], tmp_path: Path) -> None:
    lines = read_log(make_submission(tmp_path, runs[:1]) / "result-1.txt")
    values = {line["key"]: line["value"] for line in lines}
    assert values["submission_org"] == "Example Lab"
    assert values["submission_github_commit_version"] == COMMIT


def test_several_runs_are_averaged(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs)
    result = json.loads((folder / "result.json").read_text())
    assert len(result["runs"]) == 3
    assert "interval" in result["criteria"][0]


def test_the_readme_has_the_commands_that_repeat_the_runs(runs: list[Path], tmp_path: Path) -> None:
    text = (make_submission(tmp_path, runs[:2]) / "README.md").read_text()
    assert "sciml train stemdl_demo --data-dir data --out run-2 --seed 1 --epochs 2 --batch-size 8" in text


def test_the_average_difference_is_relative_since_measurements_have_different_units(
    runs: list[Path], tmp_path: Path
) -> None:
    folder = make_submission(tmp_path, runs[:1])
    rows = json.loads((folder / "result.json").read_text())["criteria"]
    ratios = [row["score"] / row["reference"]["value"] for row in rows if row["reference"]]
    assert {row["direction"] for row in rows if row["reference"]} == {"higher"}
    mean = f"{100 * (sum(ratios) / len(ratios) - 1):+.1f} % of the reference value, positive where"
    assert f"Average difference between submitted and reference values: {mean}" in (folder / "README.md").read_text()


def test_the_commands_name_an_own_model_and_the_target(runs: list[Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs[0], tmp_path / "run")
    change_yaml(run / "config.yaml", lambda config: config.update(own_model="my nets.keras", until_target=True))
    folder = make_submission(tmp_path / "all", [run])
    assert (
        "--seed 0 --model 'my nets.keras' --epochs 2 --batch-size 8 --until-target"
        in (folder / "README.md").read_text()
    )
    assert yaml.safe_load((folder / "config.yaml").read_text())["own_model"] == "my nets.keras"
    assert beyond_texts(check([folder])[0]) == []


def test_the_commands_name_the_choices_of_features(runs: list[Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs[0], tmp_path / "run")
    change_yaml(run / "config.yaml", lambda config: config.update(choices={"omics": "rppa"}))
    folder = make_submission(tmp_path / "all", [run])
    assert "--raw-dir raw --data-dir data --omics rppa\n" in (folder / "README.md").read_text()
    assert yaml.safe_load((folder / "config.yaml").read_text())["choices"] == {"omics": "rppa"}
    assert beyond_texts(check([folder])[0]) == []


def test_no_command_is_made_up_for_a_model_that_was_given_in_python(runs: list[Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs[0], tmp_path / "run")
    change_yaml(run / "config.yaml", lambda config: config.update(own_model="given in Python"))
    folder = make_submission(tmp_path / "all", [run])
    assert "sciml train" not in (folder / "README.md").read_text()
    assert {finding.rule for finding in beyond_texts(check([folder])[0])} == {"unanswered"}


def test_predictions_may_stay_elsewhere(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    folder = make_submission(tmp_path, runs[:1], predictions_at="https://example.org/ours/")
    assert not list(folder.glob("*.h5"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["runs"][0]["predictions"]["place"] == "https://example.org/ours/predictions.h5"
    (checked,) = check([folder], at_hand(data_dir))
    assert beyond_texts(checked) == []
    assert checked.facts["recomputed"] is False


def test_the_same_contribution_gives_the_same_pdf(runs: list[Path], tmp_path: Path) -> None:
    one, other = (make_submission(tmp_path / name, runs[:1]) / "scientific_contribution.pdf" for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_pictures_of_the_submitter_are_set(runs: list[Path], tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    folder = make_submission(tmp_path, runs[:1])
    (folder / "pictures").mkdir()
    Figure(figsize=(1, 1)).savefig(folder / "pictures" / "mine.png")
    (folder / "scientific_contribution.md").write_text("# Mine\n\n![mine](pictures/mine.png)\n")
    update(tmp_path, runs[:1])
    assert b"/Image" in (folder / "scientific_contribution.pdf").read_bytes()


@pytest.mark.parametrize(
    "command",
    [["card", "--ontology"], ["croissant", "--out"], ["show", "--out"], ["predict", "--model", "m:f", "--out"]],
    ids=["card", "croissant", "show", "predict"],
)
def test_no_command_that_writes_a_file_writes_it_over_one_of_a_run(
    command: list[str], data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", data_dir)
    before = contents(run)
    name, *flags = command
    data = [] if name == "card" else ["--data-dir", str(data_dir)]
    assert main([name, "stemdl_demo", *data, *flags, str(run / "predictions.h5")]) == 2
    assert "is a file of a run, which would be lost" in capsys.readouterr().err
    assert contents(run) == before


def test_a_run_folder_is_told_from_a_submission_and_from_predictions(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", data_dir)
    (run / "history.csv").write_text("epoch,loss\n1,0.5\n")
    assert main(["check", str(run)]) == 2
    assert f"{run} is a run folder: write a submission of it first, with `sciml submit`" in capsys.readouterr().err
    assert main(["evaluate", "stemdl_demo", "--data-dir", str(data_dir), "--predictions", str(run)]) == 2
    assert f"{run} is a run folder: name its predictions, {run / 'predictions.h5'}" in capsys.readouterr().err


def test_no_demo_is_walked_in_a_run_folder(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", data_dir)
    before = contents(run)
    assert main(["demo", "--out", str(run)]) == 2
    assert f"--out {run} is a run folder: name a folder for raw files" in capsys.readouterr().err
    assert contents(run) == before


def test_evaluate_keeps_the_files_of_a_run(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", data_dir)
    before = contents(run)
    (tmp_path / "link.json").symlink_to(run / "result.json")
    command = ["evaluate", "stemdl_demo", "--data-dir", str(data_dir), "--predictions", str(run / "predictions.h5")]
    (run / "plots").mkdir(exist_ok=True)
    (run / "plots" / "history.png").write_bytes(b"a picture")
    before |= {"plots/history.png": b"a picture"}
    places = ("result.json", "config.yaml", "result-1.txt", "plots/history.png", "../link.json")
    for out in map(run.joinpath, places):
        assert main([*command, "--out", str(out)]) == 2
        assert f"--out {out} is a file of a run, which would be lost: name another file" in capsys.readouterr().err
    assert contents(run) == before
    assert main([*command, "--out", str(run / "scores.json")]) == 0
