"""Results: scores beside targets and baselines, their schema, and means over runs."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import submission_files
from uno_files import write_improve, write_splits

from sciml_datasets import InputError, Prepared, prepare
from sciml_datasets.cli.result_lines import result_lines
from sciml_datasets.metrics import Evaluator, aggregate, make_result, write_result
from sciml_datasets.metrics.result_table import table
from sciml_datasets.metrics.results import MUST_AGREE, check_schema
from sciml_datasets.metrics.truth import Truth


def predictions(data_dir: Path, right: int) -> tuple[list[str], np.ndarray]:
    """Ids of the test split and class scores of which so many are right, the rest for class 0, which never occurs."""
    truth = Truth(Prepared.open("stemdl_demo", data_dir), "test")
    labels = truth.numbers("space_group").astype(int)
    labels[right:] = 0
    return truth.ids, np.eye(231, dtype=np.float32)[labels]


def result_of(data_dir: Path, right: int, **run: Any) -> dict[str, Any]:
    evaluator = Evaluator("stemdl_demo", data_dir=data_dir)
    evaluator.update(*predictions(data_dir, right))
    return make_result(evaluator, **run)


def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["criteria"]}


def test_a_score_stands_beside_target_published_values_and_baseline(data_dir: Path) -> None:
    row = rows(result_of(data_dir, 10))["macro_f1"]
    assert row["target"] == {"value": 0.9, "source": "MLCommons Science benchmarks, STEMDL"}
    assert (row["score"], row["met"], row["distance"]) == (1.0, True, pytest.approx(0.1))
    assert row["reference"]["value"] == 0.43
    (baseline,) = row["baselines"].values()
    assert baseline is not None
    assert baseline < 1
    assert rows(result_of(data_dir, 10))["top1_accuracy"]["best_known"]["value"] == 0.6079


def test_a_missed_target_has_a_negative_distance(data_dir: Path) -> None:
    row = rows(result_of(data_dir, 1))["macro_f1"]
    assert row["met"] is False
    assert row["distance"] == pytest.approx(row["score"] - 0.9)


def test_a_result_follows_its_schema_and_is_written_whole(data_dir: Path, tmp_path: Path) -> None:
    result = result_of(data_dir, 3, seed=4, durations={"training": 1.5})
    write_result(result, tmp_path / "deep" / "result.json")
    assert json.loads((tmp_path / "deep" / "result.json").read_text()) == result
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "all"}, "at split: 'all' does not match"),
        ({"plan_digest": "abc"}, "at plan_digest"),
        ({"seed": -1}, "at seed"),
        ({"surprise": 1}, "at the whole: Additional properties"),
        ({"energy": {"joules": 1}}, "'covers' is a required property"),
        ({"criteria": []}, "at criteria"),
        ({"scores": {"macro_f1": float("nan")}}, "JSON can hold .*[Oo]ut of range float.*: an undefined score is None"),
        ({"details": {"mask": np.zeros(2)}}, "JSON can hold .*ndarray"),
    ],
)
def test_what_is_no_result_is_refused_with_its_place(data_dir: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_schema(result_of(data_dir, 3) | change)


@pytest.mark.parametrize("split", ["cell_blind:test", "fold 2/5 by cell:validation"])
def test_a_result_may_be_of_a_part_of_another_partition(data_dir: Path, split: str) -> None:
    check_schema(result_of(data_dir, 3) | {"split": split})


def test_runs_are_averaged_with_spread_and_interval(data_dir: Path) -> None:
    results = [result_of(data_dir, right, seed=right) for right in (2, 5, 8)]
    together = aggregate(results)
    check_schema(together)
    row = rows(together)["top1_accuracy"]
    # 0.2, 0.5, 0.8: mean 0.5, s = 0.3, t(2; 0.975) = 4.302653.
    assert row["score"] == pytest.approx(1 / 2)
    assert row["standard_deviation"] == pytest.approx(0.3)
    assert row["interval"][1] == pytest.approx(1 / 2 + 4.302653 * 0.3 / 3**0.5, abs=1e-6)
    assert [run["seed"] for run in together["runs"]] == [2, 5, 8]
    assert together["seed"] is None
    assert "mean of 3 runs" in table(together)


@pytest.mark.parametrize("key", MUST_AGREE)
def test_unlike_results_are_not_averaged(data_dir: Path, key: str) -> None:
    one = result_of(data_dir, 3)
    other = deepcopy(one) | {key: "other"}
    with pytest.raises(InputError, match=f"result 2 has {key} 'other'"):
        aggregate([one, other])


def test_only_different_runs_are_averaged(data_dir: Path) -> None:
    one, other = result_of(data_dir, 3, seed=1), result_of(data_dir, 4, seed=2)
    for results, message in [
        ([], "0 results have no mean"),
        ([one], "1 results have no mean"),
        ([one, other, one], "results 1 and 3 are the same: give each run once"),
        ([one, other | {"seed": 1}], "results 1 and 2 both have the seed 1"),
        ([aggregate([one, other]), result_of(data_dir, 5, seed=3)], "result 1 is a mean of runs itself"),
    ]:
        with pytest.raises(InputError, match=message):
            aggregate(results)


def test_a_criterion_that_one_run_has_no_score_of_is_null(data_dir: Path) -> None:
    one, other = result_of(data_dir, 3, seed=1), result_of(data_dir, 4, seed=2)
    rows(other)["macro_f1"]["score"] = None
    together = aggregate([one, other])
    check_schema(together)
    row = rows(together)["macro_f1"]
    assert (row["score"], row["met"], "interval" in row) == (None, None, False)
    assert rows(together).keys() == rows(one).keys()
    assert any(line.startswith("macro F1") and line.split()[2:4] == ["-", "-"] for line in table(together).splitlines())


def test_the_table_shows_what_was_not_scored(data_dir: Path) -> None:
    result = result_of(data_dir, 10)
    result["scores"] |= {"invalid_pixels": 6083.0, "valid_pixels": 157757.0, "scenes_without_valid_pixels": 0.0}
    assert "not scored: 6,083 invalid pixels" in table(result).splitlines()
    result["scores"] |= {"invalid_pixels": 0.0, "groups_left_out_cell": 4.0}
    why = "fewer than 3 samples, or constant truth"
    assert f"not scored: 4 of the groups by cell ({why})" in table(result).splitlines()


def test_a_bound_that_the_last_digit_shows_is_printed_beside_the_score(data_dir: Path) -> None:
    result = result_of(data_dir, 10) | {"intervals": None}
    assert "bins" not in table(result)
    result["scores"]["macro_f1_error"] = 4e-5
    assert "bins" not in table(result)
    result["scores"]["macro_f1_error"] = 6e-4
    lines = table(result).splitlines()
    assert lines[1].split()[:5] == ["criterion", "score", "+-", "of", "bins"]
    assert next(line.split()[3] for line in lines if line.startswith("macro F1")) == "0.0006"
    assert next(line.split()[3] for line in lines if line.startswith("top-1")) == "-"
    assert "+- of bins: the exact score is at most this far away" in lines


def test_the_table_names_baselines_and_shows_whether_the_target_is_met(data_dir: Path) -> None:
    text = table(result_of(data_dir, 10))
    assert "baseline: always class" in text
    macro_f1 = next(line for line in text.splitlines() if line.startswith("macro F1"))
    assert macro_f1.split()[2] == "1.0000"
    assert macro_f1.split()[7:] == ["0.9000", "0.4300", "-", "yes", "0.1000"]


def responses_of(data_dir: Path, **run: Any) -> dict[str, Any]:
    prepared = Prepared.open("candle_uno_demo", data_dir)
    truth, evaluator = Truth(prepared, "test"), Evaluator(prepared)
    evaluator.update(truth.ids, np.random.default_rng(0).random(len(truth)))
    return make_result(evaluator, **run)


def test_intervals_over_groups_stand_beside_the_scores_of_a_run(data_dir: Path) -> None:
    result, truth = responses_of(data_dir), Truth(Prepared.open("candle_uno_demo", data_dir), "test")
    check_schema(result)
    drugs, cells = (len(set(truth.column(name))) for name in ("drug", "cell"))
    assert result["intervals"]["groups"] == {"drug": drugs, "cell": cells}
    low, high = result["intervals"]["scores"]["mse"]
    assert 0 <= low < rows(result)["mse"]["score"] < high <= 1
    lines = table(result).splitlines()
    method = f"percentile bootstrap over {drugs:,} groups by drug and {cells:,} groups by cell, 1,000 resamples"
    assert f"95 % interval: {method}" in lines
    assert f"{low:.4f} to {high:.4f}" in next(line for line in lines if line.startswith("mean squared"))


def test_a_mean_over_runs_has_no_intervals_over_groups_also_where_those_of_the_runs_are_equal(data_dir: Path) -> None:
    one, other = responses_of(data_dir, seed=1), responses_of(data_dir, seed=2)
    assert one["intervals"] == other["intervals"]
    together = aggregate([one, other])
    check_schema(together)
    assert together["intervals"] is None
    assert "95 %" not in table(together)


def test_the_table_says_that_groups_are_too_few_for_intervals(data_dir: Path) -> None:
    name = "cloudmask_demo"
    evaluator = Evaluator(name, data_dir=data_dir)
    evaluator.update(*submission_files.predictions(name, data_dir, seed=0, right=0.5))
    result = make_result(evaluator)
    check_schema(result)
    passes = len(set(Truth(Prepared.open(name, data_dir), "test").column("pass")))
    assert result["intervals"]["groups"] == {"pass": passes}
    assert result["intervals"]["scores"] == {}
    why = f"no 95 % interval: {passes} group{'s' * (passes > 1)} by pass, at least 10 are needed"
    assert why in table(result).splitlines()


def scored(name: str, split: str, data_dir: Path) -> dict[str, Any]:
    evaluator = Evaluator(name, split, data_dir)
    ids = Truth(Prepared.open(name, data_dir), split).ids
    evaluator.update(ids, np.linspace(0, 1, len(ids)))
    return make_result(evaluator)


def test_published_values_stand_beside_scores_of_the_original_and_its_own_splits_only(
    data_dir: Path, tmp_path: Path
) -> None:
    write_splits(write_improve(tmp_path / "raw" / "candle_uno"), "CCLE", train=[0, 1], val=[2], test=[3])
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    of_the_original = scored("candle_uno_demo", "test", data_dir)
    of_a_study = scored("candle_uno", "test", tmp_path / "data")
    of_other_splits = scored("candle_uno_demo", "cell_blind:test", data_dir)
    assert rows(of_the_original)["mse"]["target"]["value"] == 0.0054
    for result in (of_a_study, of_other_splits):
        check_schema(result)
        row = rows(result)["mse"]
        assert row["score"] is not None
        assert {row[key] for key in ("target", "reference", "best_known", "met", "distance")} == {None}
        assert "target" not in table(result)
    assert "target" in table(of_the_original)


def test_published_values_are_left_out_where_the_caller_says_so(data_dir: Path) -> None:
    result = result_of(data_dir, 10)
    assert "target" in table(result)
    assert "target" not in table(result, published=False)


def test_the_command_line_shows_no_published_value_for_simulated_data(data_dir: Path) -> None:
    lines = result_lines(result_of(data_dir, 10))
    assert any("baseline: always class" in line for line in lines)
    assert not any("target" in line for line in lines)
    of_real_data = {**result_of(data_dir, 10), "dataset": "stemdl"}
    assert any("target" in line for line in result_lines(of_real_data))


def test_the_command_line_averages_several_files(data_dir: Path, tmp_path: Path, sciml: Any) -> None:
    paths = []
    for right in (4, 6):
        ids, values = predictions(data_dir, right)
        paths.append(tmp_path / f"p{right}.h5")
        with h5py.File(paths[-1], "w") as file:
            file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
            file["prediction"] = values
    out = tmp_path / "result.json"
    twice = sciml("evaluate", "stemdl_demo", "--data-dir", data_dir, "--predictions", paths[0], paths[0])
    assert twice.returncode == 2
    assert "is given twice" in twice.stderr
    done = sciml("evaluate", "stemdl_demo", "--data-dir", data_dir, "--predictions", *paths, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert rows(json.loads(done.stdout))["top1_accuracy"]["score"] == pytest.approx(1 / 2)
    flags = [word for path in paths for word in ("--predictions", path)]
    assert sciml("evaluate", "stemdl_demo", "--data-dir", data_dir, *flags, "--json").stdout == done.stdout
    assert json.loads(out.read_text()) == json.loads(done.stdout)
