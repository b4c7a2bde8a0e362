"""MLLOG lines as the rules of the Science working group ask for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.metrics.mllog import RunLog, commit_of, read_log

SCIENCE_KEYS = {
    "submission_benchmark",
    "submission_org",
    "submission_division",
    "submissiom_version",
    "submission_github_commit_version",
    "submission_status",
    "submission_platform",
    "result",
}
"""Of submit.adoc, in its own spelling."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log = RunLog(tmp_path / "result-1.txt")
    log.submission(benchmark="stemdl", version="0.1.0", platform="a laptop")
    log.start("run")
    log.start("epoch", epoch_num=1)
    log.stop("epoch", epoch_num=1)
    log.event("eval_accuracy", 0.5, epoch_num=1)
    row = {"name": "macro_f1", "score": 0.5, "direction": "higher", "target": {"value": 0.9, "source": "rules"}}
    log.result({"criteria": [row], "dataset": "stemdl", "split": "test"})
    log.stop("run", status="success")
    log.close()
    return tmp_path / "result-1.txt"


def test_every_key_of_the_rules_occurs_once_in_both_spellings(path: Path) -> None:
    keys = [line["key"] for line in read_log(path)]
    for key in SCIENCE_KEYS | {"submission_version", "run_start", "run_stop"}:
        assert keys.count(key) == 1, key


def test_the_division_is_open_and_unknown_facts_are_null(path: Path) -> None:
    values = {line["key"]: line["value"] for line in read_log(path)}
    assert values["submission_division"] == "open"
    assert values["submission_org"] is None
    assert values["submissiom_version"] == values["submission_version"] == "0.1.0"


def test_the_result_is_a_dictionary_of_criteria(path: Path) -> None:
    (result,) = (line for line in read_log(path) if line["key"] == "result")
    assert result["value"] == {"macro_f1": {"value": 0.5, "direction": "higher", "target": 0.9}}
    assert result["metadata"]["split"] == "test"


def test_undefined_scores_are_null_and_numpy_numbers_are_numbers(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "result-1.txt")
    log.event("eval_accuracy", float("nan"), epoch_num=np.int64(3))
    log.event("eval_error", {"all": np.float32(0.5), "each": (0.25, float("inf"))})
    log.close()
    undefined, error = read_log(tmp_path / "result-1.txt")
    assert (undefined["value"], undefined["metadata"]["epoch_num"]) == (None, 3)
    assert error["value"] == {"all": 0.5, "each": [0.25, None]}


def test_what_cannot_be_logged_is_named(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "result-1.txt")
    with pytest.raises(InputError, match=r"model: <object .* cannot be logged"):
        log.event("model", object())
    with pytest.raises(InputError, match="the interval 'trial' is unknown: expected one of init, run, epoch, eval"):
        log.start("trial")
    with pytest.raises(InputError, match="the status 'done' is unknown"):
        log.submission(benchmark="stemdl", version="1", platform="a laptop", status="done")
    with pytest.raises(InputError, match="'main' is no commit"):
        log.submission(benchmark="stemdl", version="1", platform="a laptop", commit="main")
    log.close()
    assert read_log(tmp_path / "result-1.txt") == []


def test_no_path_of_the_machine_is_told(path: Path) -> None:
    assert str(Path(__file__).parent.parent) not in path.read_text()


def test_other_lines_between_are_passed_over(path: Path) -> None:
    before = read_log(path)
    path.write_text("starting\n" + path.read_text())
    assert read_log(path) == before


def test_a_broken_line_is_named(path: Path) -> None:
    path.write_text(path.read_text() + ':::MLLOG {"key": "run_st\n')
    with pytest.raises(InputError, match=r"result-1\.txt: ':::MLLOG .*run_st' is not an MLLOG line"):
        read_log(path)


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    run = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*run, "init", "-q"], check=True)
    subprocess.run([*run, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    found = commit_of(tmp_path)
    assert found is not None
    assert len(found) == 40
