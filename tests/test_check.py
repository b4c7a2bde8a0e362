"""``sciml check``: exit codes, JSON, the rules' two spellings, and neighbours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from submission_files import change_yaml, make_run, make_submission

from sciml_datasets.cli.main import main
from sciml_datasets.metrics.submission import check


@pytest.fixture(scope="module")
def run(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run") / "run", data_dir)


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    return make_submission(tmp_path / "all", [run])


def test_a_sound_submission_is_accepted(folder: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder), "--data-dir", str(data_dir)]) == 0
    out = capsys.readouterr().out
    assert "Example-Lab/stemdl/laptop/first: accepted, scores computed again" in out
    assert "1 submission(s), 0 finding(s)" in out


def test_a_finding_names_rule_file_and_remedy_and_exits_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "model.pkl").write_bytes(b"x")
    assert main(["check", str(folder)]) == 1
    assert "must [pickle] model.pkl: it ends in .pkl; take the file out" in capsys.readouterr().out


def test_json_tells_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").unlink()
    assert main(["check", str(folder), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (submission,) = told["submissions"]
    assert submission["accepted"] is False
    assert submission["findings"] == [
        {
            "level": "must",
            "rule": "file-missing",
            "file": ".",
            "what": "README.md is missing",
            "says": "every file of the rules is there",
            "mend": "write the submission again with `sciml submit`, or add the file",
        }
    ]


def test_what_a_reviewer_has_to_look_at_does_not_refuse(data_dir: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, right=1.0)
    (checked,) = check([make_submission(tmp_path / "all", [run])])
    assert [finding.rule for finding in checked.findings] == ["claim-implausible"]
    assert checked.accepted


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_folder_without_submissions_is_the_users_mistake(
    tmp_path: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_data_folder_that_is_not_there_is_the_users_mistake(folder: Path, tmp_path: Path) -> None:
    assert main(["check", str(folder), "--data-dir", str(tmp_path / "nowhere")]) == 2


def test_the_spellings_of_the_rules_are_accepted(folder: Path) -> None:
    def american(config: dict[str, Any]) -> None:
        config["submission"]["organization"] = config["submission"].pop("organisation")

    (folder / "scientific_contribution.pdf").rename(folder / "sientific_contribution.pdf")
    change_yaml(folder / "config.yaml", lambda c: c["github"].update(discription=c["github"].pop("description")))
    change_yaml(
        folder / "config.yaml", lambda c: c["submission"].update(organization=c["submission"].pop("organisation"))
    )
    log = folder / "result-1.txt"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"submission_version"' not in line))
    assert check([folder])[0].findings == ()


def test_a_copy_in_the_same_tree_is_found_when_one_submission_is_checked(folder: Path) -> None:
    other = folder.parents[3] / "Other" / "stemdl" / "big" / "theirs"
    shutil.copytree(folder, other)
    (checked,) = check([folder])
    assert [finding.rule for finding in checked.findings] == ["copy"]
    assert "Other/stemdl/big/theirs" in checked.findings[0].what


def test_a_submission_checks_the_same_from_any_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["check", "."]) == 0
    assert "Example-Lab/stemdl/laptop/first: accepted" in capsys.readouterr().out


def test_notes_at_the_top_of_the_repository_are_nobodys_submission(folder: Path) -> None:
    root = folder.parents[3]
    (root / "README.md").write_text("# Results\n")
    (root / ".github").mkdir()
    assert len(check([root])) == 1


def test_nothing_of_a_submission_is_loaded(folder: Path, data_dir: Path, sciml: Any) -> None:
    code = "raise SystemExit('executed')\n"
    for name in ("conftest.py", "sitecustomize.py", "yaml.py", "numpy.py"):
        (folder / name).write_text(code)
    done = sciml("check", folder, "--data-dir", data_dir)
    assert (done.returncode, "executed" in done.stdout + done.stderr) == (0, False)
