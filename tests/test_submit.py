"""``sciml submit``: from run folders to the folder that the Science rules ask for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from submission_files import COMMIT, at_hand, make_run, make_submission

from sciml_datasets import InputError
from sciml_datasets.metrics.mllog import read_log
from sciml_datasets.metrics.submission import check


@pytest.fixture(scope="module")
def runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_run(root / str(seed), data_dir, seed=seed) for seed in (0, 1, 2)]


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
    assert checked.findings == ()
    assert checked.facts["recomputed"] is True


def test_segmentations_are_submitted_as_well(data_dir: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, name="cloudmask_demo", right=0.45)
    (checked,) = check([make_submission(tmp_path / "all", [run])], at_hand(data_dir))
    assert checked.findings == ()
    assert checked.facts["recomputed"] is True


def test_the_configuration_tells_code_data_settings_and_runs(runs: list[Path], tmp_path: Path) -> None:
    config = yaml.safe_load((make_submission(tmp_path, runs) / "config.yaml").read_text())
    assert config["github"]["commit"] == COMMIT
    assert config["github"]["tag"] == "v0.1.0"
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


def test_predictions_may_stay_elsewhere(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    folder = make_submission(tmp_path, runs[:1], predictions_at="https://example.org/ours/")
    assert not list(folder.glob("*.h5"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["runs"][0]["predictions"]["place"] == "https://example.org/ours/predictions.h5"
    (checked,) = check([folder], at_hand(data_dir))
    assert checked.findings == ()
    assert checked.facts["recomputed"] is False


def test_the_same_contribution_gives_the_same_pdf(runs: list[Path], tmp_path: Path) -> None:
    one, other = (make_submission(tmp_path / name, runs[:1]) / "scientific_contribution.pdf" for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_an_update_keeps_what_the_submitter_wrote_and_sets_it(runs: list[Path], tmp_path: Path, sciml: Any) -> None:
    folder = make_submission(tmp_path, runs[:1])
    markdown = folder / "scientific_contribution.md"
    markdown.write_text("# Ours\n\nWith *all* `forms`: x → é ≤ 2, [a link](https://example.org).\n\n1. one\n2. two\n")
    arguments = ["submit", runs[0], "--organization", "Example Lab", "--system", "laptop", "--descriptor", "first"]
    again = sciml(*arguments, "--to", tmp_path)
    assert again.returncode == 2
    assert again.stderr.startswith(f"sciml submit: {folder} exists: choose another --descriptor, or give --update")
    done = sciml(*arguments, "--to", tmp_path, "--update", "--json", "--repository", "https://example.org/code")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []
    assert "the folder of Example Lab is called Example-Lab" in done.stderr
    assert markdown.read_text().startswith("# Ours")
    sha256 = hashlib.sha256(markdown.read_bytes()).hexdigest()
    assert f"made of sha256:{sha256}".encode() in (folder / "scientific_contribution.pdf").read_bytes()


def test_a_picture_outside_of_the_submission_is_not_read(runs: list[Path], tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from sciml_datasets.metrics.submission.pdf import markdown_to_pdf

    for source in ("../secret.png", "https://example.org/x.png"):
        with pytest.raises(InputError, match="no such picture"):
            markdown_to_pdf(f"![x]({source})".encode(), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))


def test_characters_that_the_pdf_cannot_show_are_named(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from sciml_datasets.metrics.submission.pdf import markdown_to_pdf

    with pytest.raises(InputError, match=r"fonts lack \(U\+4E2D CJK UNIFIED IDEOGRAPH-4E2D\): replace them"):
        markdown_to_pdf("# From \u4e2d".encode(), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_run_of_another_framework_is_asked_for_its_commands(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, seed=9)
    (run / "config.yaml").write_text("model: small\nsettings: {depth: 4}\n")
    (checked,) = check([make_submission(tmp_path / "all", [run])])
    assert {finding.rule for finding in checked.findings} == {"unanswered"}
    assert {finding.file for finding in checked.findings} == {"README.md", "scientific_contribution.md"}


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        (lambda run: (run / "predictions.h5").unlink(), {}, r"predictions\.h5 is missing"),
        (lambda run: (run / "config.yaml").write_text("a: [1"), {}, "cannot be read"),
        (lambda run: (run / "config.yaml").write_text("a: 1"), {}, "has no settings"),
        (lambda run: (run / "result.json").write_text("{}"), {}, "not a result of this version"),
        (lambda run: (run / "result-1.txt").write_text("nothing\n"), {}, "give --commit"),
        (lambda run: None, {"commit": "abc"}, "--commit is 'abc': give --commit with 40 hexadecimal digits"),
        (lambda run: None, {"descriptor": "../up"}, r"cannot be a folder"),
        (lambda run: None, {"predictions_at": "here"}, "expected an address"),
    ],
)
def test_what_cannot_be_submitted_is_one_sentence_and_leaves_nothing(
    data_dir: Path, tmp_path: Path, change: Any, said: dict[str, str], message: str
) -> None:
    run = make_run(tmp_path / "run", data_dir)
    change(run)
    with pytest.raises(InputError, match=message):
        make_submission(tmp_path / "all", [run], **said)
    assert not list((tmp_path / "all").rglob("*"))


def test_runs_that_do_not_belong_together_are_refused(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    other = make_run(tmp_path / "run", data_dir, seed=5)
    (other / "config.yaml").write_text((other / "config.yaml").read_text().replace("batch_size: 8", "batch_size: 9"))
    with pytest.raises(InputError, match="differ in settings"):
        make_submission(tmp_path / "all", [runs[0], other])
    with pytest.raises(InputError, match="give each run once"):
        make_submission(tmp_path / "all", [runs[0], runs[0]])
