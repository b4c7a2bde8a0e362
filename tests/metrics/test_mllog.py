"""MLLOG lines as the rules of the Science working group ask for them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from limits import short_files
from mlperf_logging.compliance_checker import mlp_compliance
from mlperf_logging.compliance_checker.mlp_parser import parse_file

from sciml_datasets import InputError, Prepared
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.metrics.mllog import RunLog, commit_of, read_log, uncommitted
from sciml_datasets.models import train
from sciml_datasets.models.candle_uno import RECIPES, small_uno

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
"""Keys of submit.adoc, in its own spelling."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log = RunLog(tmp_path / "result-1.txt")
    log.submission(benchmark="stemdl", version="mlcommons-stemdl-v1.0", platform="a laptop")
    log.start("run")
    log.start("epoch", epoch_num=1)
    log.stop("epoch", epoch_num=1)
    log.event("eval_accuracy", 0.5, epoch_num=1)
    row = {"name": "macro_f1", "score": 0.5, "direction": "higher", "target": {"value": 0.9, "source": "rules"}}
    log.result({"criteria": [row], "dataset": "stemdl", "split": "test"})
    log.stop("run", status="success")
    log.close()
    return tmp_path / "result-1.txt"


def test_a_log_that_cannot_be_written_ends_the_run_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = RunLog(tmp_path / "result-1.txt")
    with short_files(200), pytest.raises(OSError, match=r"File too large: '.*result-1\.txt'"):
        log.submission(benchmark="stemdl", version="mlcommons-stemdl-v1.0", platform="a laptop")
    with short_files(200), pytest.raises(OSError, match=r"File too large: '.*result-1\.txt'"):
        log.close()
    assert capsys.readouterr().err == ""


def test_every_key_of_the_rules_occurs_once_in_both_spellings(path: Path) -> None:
    keys = [line["key"] for line in read_log(path)]
    for key in SCIENCE_KEYS | {"submission_version", "run_start", "run_stop"}:
        assert keys.count(key) == 1, key


def test_the_division_is_open_and_unknown_facts_are_null(path: Path) -> None:
    values = {line["key"]: line["value"] for line in read_log(path)}
    assert values["submission_division"] == "open"
    assert values["submission_org"] is None
    assert values["submissiom_version"] == values["submission_version"] == "mlcommons-stemdl-v1.0"


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


def test_no_path_of_the_machine_is_shown(path: Path) -> None:
    assert str(Path(__file__).parents[2]) not in path.read_text()


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


def test_code_that_is_not_in_the_commit_is_named(tmp_path: Path) -> None:
    run = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tmp_path / "nets.py").write_text("SIZE = 64\n")
    assert uncommitted(tmp_path, tmp_path / "nets.py") is None
    subprocess.run([*run, "init", "-q"], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    subprocess.run([*run, "add", ".gitignore"], check=True)
    subprocess.run([*run, "commit", "-q", "-m", "first"], check=True)
    (tmp_path / "notes.txt").write_text("beside the code\n")
    (tmp_path / "ignored.py").write_text("SIZE = 64\n")
    assert [uncommitted(tmp_path, tmp_path / name) for name in ("nets.py", "ignored.py")] == ["nets.py", "ignored.py"]
    subprocess.run([*run, "add", "nets.py"], check=True)
    subprocess.run([*run, "commit", "-q", "-m", "second"], check=True)
    assert uncommitted(tmp_path, tmp_path / "nets.py") is None
    (tmp_path / "nets.py").write_text("SIZE = 32\n")
    assert uncommitted(tmp_path, tmp_path / "other.py") == "nets.py"


def test_lines_wait_for_the_file_with_the_time_at_which_they_were_logged(tmp_path: Path) -> None:
    log, path = RunLog(), tmp_path / "result-1.txt"
    log.start("init")
    logged = int(time.time() * 1000)
    assert not path.exists()
    time.sleep(0.01)
    log.open(path)
    log.stop("init")
    log.close()
    start, stop = read_log(path)
    assert (start["key"], stop["key"]) == ("init_start", "init_stop")
    assert start["time_ms"] <= logged < stop["time_ms"]


def test_benchmarks_are_called_as_in_the_rules() -> None:
    # submit.adoc, Directory Structure; VERSION.txt of each benchmark in mlcommons/science.
    assert {name: (row.rules_name, row.version) for name, row in BENCHMARKS.items()} == {
        "stemdl": ("stemdl", "mlcommons-stemdl-v1.0"),
        "cloudmask": ("cloudmask", "mlcommons-cloudmask-v1.1"),
        "candle_uno": ("uno", "mlcommons-uno-v1.0"),
        "stemdl_reconstruction": ("stemdl_reconstruction", "1.0"),
    }


NAME = "candle_uno_demo"
Trained = tuple[Path, list[float]]


@pytest.fixture(scope="module")
def trained(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The log of a run of two epochs, and when its network was made, in ms since 1970."""
    features = tfds.builder(f"sciml/{NAME}", data_dir=data_dir).info.features
    widths = [features[table].shape[0] for table in RECIPES[NAME].source.tables]
    made = []

    def network() -> Any:
        made.append(time.time() * 1000)
        return small_uno(*widths)

    out = tmp_path_factory.mktemp("runs") / "run"
    train(NAME, data_dir, out, network, epochs=2, batch_size=16)
    return out / "result-1.txt", made


def test_a_run_logs_what_the_runner_of_ornl_does_in_its_order(trained: Trained) -> None:
    lines = read_log(trained[0])
    epoch = ["epoch_start", "epoch_stop", "eval_start", "eval_accuracy", "input_wait", "eval_stop"]
    assert [line["key"] for line in lines] == [
        "cache_clear",
        "submission_benchmark",
        "submission_org",
        "submission_division",
        "submission_version",
        "submissiom_version",
        "submission_github_commit_version",
        "submission_status",
        "submission_platform",
        "init_start",
        "number_of_ranks",
        "seed",
        "global_batch_size",
        "train_samples",
        "eval_samples",
        "opt_name",
        "opt_base_learning_rate",
        "init_stop",
        "run_start",
        *epoch,
        *epoch,
        "result",
        "run_stop",
    ]
    assert [line["metadata"]["epoch_num"] for line in lines if line["key"] in epoch] == [1] * 6 + [2] * 6
    assert lines[-1]["metadata"]["status"] == "success"


def test_a_run_logs_the_names_of_the_rules_and_the_numbers_of_its_samples(trained: Trained, data_dir: Path) -> None:
    values = {line["key"]: line["value"] for line in read_log(trained[0])}
    assert values["submission_benchmark"] == "uno"
    assert values["submissiom_version"] == values["submission_version"] == "mlcommons-uno-v1.0"
    for key, split in (("train_samples", "train"), ("eval_samples", "validation")):
        assert values[key] == len(Prepared.open(NAME, data_dir).select(split).positions)
    assert values["cache_clear"] is False
    assert (values["opt_name"], values["global_batch_size"], values["number_of_ranks"]) == ("adamw", 16, 1)


def test_the_network_is_made_while_the_run_is_initialized(trained: Trained) -> None:
    path, made = trained
    at = {line["key"]: line["time_ms"] for line in read_log(path)}
    assert at["init_start"] <= made[0] <= made[-1] <= at["init_stop"] + 1  # times are logged in whole milliseconds
    times = [line["time_ms"] for line in read_log(path)]
    assert times == sorted(times)


@pytest.mark.parametrize("rules", ["hpc_3.0.0", "training_6.0.0"])
def test_a_run_follows_the_common_rules_of_mlperf_logging(trained: Trained, rules: str) -> None:
    assert broken_rules(trained[0], f"{rules}/common.yaml") == set()
    # The working group's benchmarks are none of MLPerf's.
    assert broken_rules(trained[0], f"{rules}/open_common.yaml") == {"submission_benchmark"}


def test_the_common_rules_see_what_is_missing(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "result-1.txt"
    left_out = ("cache_clear", "init_stop", "train_samples")
    lines = trained[0].read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not any(f'"{key}"' in line for key in left_out)))
    assert broken_rules(path, "hpc_3.0.0/common.yaml") == {*left_out, "run_start"}


def broken_rules(path: Path, rules: str) -> set[str]:
    """The keys that mlperf-logging's compliance checker finds fault with, warnings included."""
    usage, _, version = Path(rules).parent.name.partition("_")
    lines, failed = parse_file(str(path), ruleset=version)
    assert failed == []
    checker = mlp_compliance.ComplianceChecker(usage, version, quiet=False, werror=True)
    checker.configured_checks(lines, str(Path(mlp_compliance.__file__).parent / rules))
    assert checker.not_overwritable == []
    return set(checker.overwritable)
