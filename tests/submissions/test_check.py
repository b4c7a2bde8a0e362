"""``sciml check``: exit codes, JSON, the rules' two spellings, and neighbours."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from submission_files import beyond_texts, change_yaml, make_run, make_submission

from sciml_datasets.benchmarks import BENCHMARKS, find
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.results import CRITERIA_VERSION, criterion_row
from sciml_datasets.submissions import check
from sciml_datasets.submissions.result_checks import check_result


@pytest.fixture
def folder(runs: list[Path], tmp_path: Path) -> Path:
    return make_submission(tmp_path / "all", runs[:1])


def test_a_sound_submission_is_accepted(folder: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder), "--data-dir", str(data_dir)]) == 0
    out = capsys.readouterr().out
    assert "Example-Lab/stemdl/laptop/first: accepted, scores computed again" in out
    assert "1 submission(s), 2 finding(s)" in out  # of the level review: its texts are those of the templates


def test_a_finding_names_rule_file_and_remedy_and_exits_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "model.pkl").write_bytes(b"x")
    assert main(["check", str(folder)]) == 1
    assert "must [pickle] model.pkl: it ends in .pkl; take the file out" in capsys.readouterr().out


def test_json_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").unlink()
    assert main(["check", str(folder), "--json"]) == 1
    reported = json.loads(capsys.readouterr().out)
    (submission,) = reported["submissions"]
    assert submission["accepted"] is False
    assert [finding for finding in submission["findings"] if finding["level"] == "must"] == [
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
    assert [finding.rule for finding in beyond_texts(checked)] == ["claim-implausible"]
    assert checked.accepted


def test_texts_that_are_their_templates_are_for_a_reviewer(folder: Path) -> None:
    (checked,) = check([folder])
    untouched = {finding.file for finding in checked.findings if finding.rule == "untouched"}
    assert untouched == {"README.md", "scientific_contribution.md"}
    assert checked.accepted
    readme = folder / "README.md"
    readme.write_text(re.sub("<!--.*?-->", "With the modules of our cluster.", readme.read_text(), flags=re.DOTALL))
    assert "README.md" not in {finding.file for finding in check([folder])[0].findings}


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
    assert beyond_texts(check([folder])[0]) == []


def test_a_copy_in_the_same_tree_is_found_when_one_submission_is_checked(folder: Path) -> None:
    other = folder.parents[3] / "Other" / "stemdl" / "big" / "theirs"
    shutil.copytree(folder, other)
    (checked,) = check([folder])
    assert [finding.rule for finding in beyond_texts(checked)] == ["copy"]
    assert "Other/stemdl/big/theirs" in beyond_texts(checked)[0].what


def test_copies_of_several_given_submissions_are_found(folder: Path) -> None:
    other = folder.parents[3] / "Other" / "stemdl" / "big" / "theirs"
    shutil.copytree(folder, other)
    assert ["copy" in {finding.rule for finding in one.findings} for one in check([folder, other])] == [True, True]


def test_only_what_is_named_is_checked_and_compared_with_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder.parents[3]
    other = root / "Other" / "stemdl" / "big" / "theirs"
    shutil.copytree(folder, other)
    (root / "stray.txt").write_text("x")
    assert main(["check", str(root), "--only", str(folder), str(root / "stray.txt")]) == 1
    out = capsys.readouterr().out
    assert "must [copy] .: the predictions are those of Other/stemdl/big/theirs" in out
    assert "stray.txt: refused" in out
    assert "Other/stemdl/big/theirs: " not in out
    assert "2 submission(s)" in out


def test_what_is_not_in_the_tree_cannot_be_chosen(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path, folder.parents[3] / "nowhere", folder / ".." / ".." / ".." / ".." / ".."):
        assert main(["check", str(folder.parents[3]), "--only", str(path)]) == 2


def test_a_folder_where_submissions_lie_is_one_whatever_it_lacks(folder: Path) -> None:
    bare = folder.with_name("bare")
    bare.mkdir()
    (bare / "tool.bin").write_bytes(b"x")
    (checked,) = check([bare])
    assert checked.place.parts == ("Example-Lab", "stemdl", "laptop", "bare")
    assert {finding.rule for finding in beyond_texts(checked)} == {"file-missing", "model-file"}


def test_a_folder_that_could_be_a_submission_or_hold_some_is_the_users_choice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = folder.with_name("bare")
    shutil.copytree(folder, bare / "Other" / "stemdl" / "laptop" / "nested")
    assert main(["check", str(bare)]) == 2
    assert "name the folder of all submissions, and with --only what to check" in capsys.readouterr().err
    assert main(["check", str(folder.parents[3]), "--only", str(bare)]) == 1


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_link_on_the_way_to_a_submission_is_not_followed(folder: Path, tmp_path: Path, depth: int) -> None:
    linked = [folder, *folder.parents][depth]
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    if depth:
        assert [finding.rule for finding in beyond_texts(check([folder])[0])] == ["symlink"]
    else:
        assert main(["check", str(folder)]) == 2


def test_a_result_of_another_form_of_the_data_is_held_against_its_own_criteria() -> None:
    form, dataset = find("candle_uno_pairs")
    rows = [criterion_row(criterion, 0.5, {}) for criterion in form.criteria]
    facts = {"benchmark": "candle_uno", "dataset": dataset.name, "dataset_version": dataset.version, "split": "test"}
    result = facts | {
        "schema_version": 2,
        "criteria_version": CRITERIA_VERSION,
        "plan_digest": "0" * 64,
        "split_sha256": "0" * 64,
        "num_samples": 9,
        "criteria": rows,
        "scores": {row["name"]: row["score"] for row in rows},
        "details": {},
        **dict.fromkeys(("model", "seed", "hardware", "software", "durations", "energy", "convergence")),
    }
    assert list(check_result("result.json", result, BENCHMARKS["candle_uno"])) == []


def test_why_scores_were_not_computed_again_is_reported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    assert main(["check", str(folder)]) == 0
    assert "scores not computed again (no --data-dir)" in capsys.readouterr().out
    assert main(["check", str(folder), "--data-dir", str(tmp_path / "data")]) == 0
    assert f"(stemdl_demo is not in {tmp_path / 'data'})" in capsys.readouterr().out


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
