"""Submissions of CANDLE-UNO's studies: criteria in the unit of their own response, and published values only where they
are of such data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from submission_files import at_hand, beyond_texts, change_json, make_run, make_submission

from sciml_datasets import prepare
from sciml_datasets.benchmarks import BENCHMARKS, find
from sciml_datasets.candle_uno.convert.studies import convert_csv
from sciml_datasets.candle_uno.measures import OF_DREVALPY
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.results import FACTS, criterion_row
from sciml_datasets.submissions import check, check_tree

PUBLISHED_MSE = "0.0054"


def prepared_study(folder: Path, column: str, scale: float) -> Path:
    """A study of 12 cell lines and 8 drugs, and where it is prepared."""
    rng = np.random.default_rng(0)
    (folder / "study").mkdir()
    pairs = [(cell, drug) for cell in range(12) for drug in range(8)]
    lines = [f"c{cell},d{drug},{scale * rng.random():.6g}\n" for cell, drug in pairs]
    (folder / "study/response.csv").write_text(f"cell_line_name,drug_id,{column}\n" + "".join(lines))
    genes = "".join(f"c{cell},{cell % 5},{cell % 3}\n" for cell in range(12))
    (folder / "study/gex.csv").write_text("cell_line_name,TP53,EGFR\n" + genes)
    bits = "".join(f"d{drug},{drug % 2},{drug % 3}\n" for drug in range(8))
    (folder / "study/fingerprints.csv").write_text("drug_id,dim_0,dim_1\n" + bits)
    convert_csv(folder / "study", folder / "raw/candle_uno")
    prepare("candle_uno", folder / "raw", folder / "data")
    return folder / "data"


@pytest.mark.parametrize(
    ("column", "scale", "title"),
    [
        ("LN_IC50", 9, "mean squared error, (ln(umol/l))^2"),
        ("IC50", 1e6, "mean squared error, (umol/l)^2"),
        ("AUC", 1, "mean squared error"),
    ],
)
def test_a_study_is_submitted_checked_and_on_a_board_in_its_own_unit_without_published_values(
    tmp_path: Path, column: str, scale: float, title: str
) -> None:
    data = prepared_study(tmp_path, column, scale)
    runs = [
        make_run(tmp_path / f"run-{seed}", data, name="candle_uno", seed=seed, right=0.5 + seed / 9) for seed in (0, 1)
    ]
    folder = make_submission(tmp_path / "all", runs)
    for given in (None, at_hand(data)):
        assert [finding.as_text() for one in check([folder], given) for finding in beyond_texts(one)] == []
    assert main(["leaderboard", str(tmp_path / "all"), "--out", str(tmp_path / "site"), "--data-dir", str(data)]) == 0
    for page in (*(tmp_path / "site").rglob("*.html"), folder / "README.md"):
        text = page.read_text()
        assert title in text
        assert PUBLISHED_MSE not in text
    (board,) = (tmp_path / "site/boards").glob("*.html")
    assert "no published values are of them" in board.read_text()


def claiming(result: dict[str, Any], **facts: Any) -> None:
    """Give a result other facts of its data, with the rows that would be right for them."""
    result |= facts
    for name in [name for name, value in facts.items() if value is None]:
        del result[name]
    benchmark = find(result["dataset"])[0].for_data(result)
    baselines = {row["name"]: row["baselines"] for row in result["criteria"]}
    result["criteria"] = [
        criterion_row(row, result["scores"][row.name], baselines[row.name])
        for row in benchmark.criteria
        if row.name in baselines
    ]


@pytest.fixture(scope="module")
def demo_runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of two runs of ``candle_uno_demo``; tests alter copies of them."""
    root = tmp_path_factory.mktemp("demo")
    return [
        make_run(root / str(seed), data_dir, name="candle_uno_demo", seed=seed, right=0.3 + seed / 5) for seed in (0, 1)
    ]


@pytest.fixture(scope="module")
def logarithms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of a study whose responses are ln IC50."""
    root = tmp_path_factory.mktemp("logarithms")
    return make_run(root / "run", prepared_study(root, "LN_IC50", 9), name="candle_uno")


CLAIMS = [
    ({"response": OF_DREVALPY["ln_ic50"].facts()}, "response is"),
    ({"form": "C"}, "form is C, of the data at hand A"),
    ({"form": None}, "form is None, of the data at hand A"),
]


@pytest.mark.parametrize(("facts", "message"), CLAIMS)
def test_a_claim_of_another_response_or_form_is_found_where_the_data_are_at_hand(
    demo_runs: list[Path], data_dir: Path, tmp_path: Path, facts: dict[str, Any], message: str
) -> None:
    run = shutil.copytree(demo_runs[0], tmp_path / "run")
    change_json(run / "result.json", lambda result: claiming(result, **facts))
    (checked,) = check([make_submission(tmp_path / "all", [run])], at_hand(data_dir))
    (found,) = (finding for finding in checked.findings if finding.rule == "data-differs")
    assert message in found.as_text()
    assert not checked.accepted


@pytest.mark.parametrize(("facts", "message"), CLAIMS)
def test_without_the_data_such_a_claim_stands_on_a_board_of_its_own(
    demo_runs: list[Path], tmp_path: Path, facts: dict[str, Any], message: str
) -> None:
    for number, made in enumerate(demo_runs):
        run = shutil.copytree(made, tmp_path / f"run-{number}")
        if number:
            change_json(run / "result.json", lambda result: claiming(result, **facts))
        make_submission(tmp_path / "all", [run], f"run-{number}")
    assert all(one.accepted for one in check_tree(tmp_path / "all"))
    assert main(["leaderboard", str(tmp_path / "all"), "--out", str(tmp_path / "site")]) == 0
    found = json.loads((tmp_path / "site/leaderboard.json").read_text())
    assert sorted(len(board["submissions"]) for board in found) == [1, 1]
    assert len({board["plan_digest"] for board in found}) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.pop("unit"), "mse has the unit None, expected (ln(umol/l))^2"),
        (
            lambda row: row.update(title="mean squared error"),
            "mse has the title mean squared error, expected mean squared error, (ln",
        ),
        (
            lambda row: row.update(target={"value": 9.0, "source": "mine"}),
            "mse has the target",
        ),
    ],
)
def test_rows_are_those_of_the_response_that_a_result_names(
    logarithms: Path, tmp_path: Path, change: Any, message: str
) -> None:
    run = shutil.copytree(logarithms, tmp_path / "run")
    change_json(run / "result.json", lambda result: change(result["criteria"][0]))
    (checked,) = check([make_submission(tmp_path / "all", [run])])
    assert [finding.rule for finding in beyond_texts(checked)] == ["result-published"]
    assert message in beyond_texts(checked)[0].as_text()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_results_tell_each_fact_by_which_published_values_are_left_out(name: str) -> None:
    assert BENCHMARKS[name].original.keys() <= {*FACTS}
