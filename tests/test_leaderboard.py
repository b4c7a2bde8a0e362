"""The leaderboard: like with like, ties as ties, escaped pages, JSON and CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from submission_files import change_yaml, make_run, make_submission

from sciml_datasets.benchmark import Criterion
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.leaderboard import Entry, boards, rank
from sciml_datasets.metrics.leaderboard.charts import Axis, Line, Point, confusion, scatter
from sciml_datasets.metrics.leaderboard.entries import Score

LIKENESS = {"dataset": "stemdl", "plan_digest": "a"}


def entry(path: str, value: float, spread: float = 0, **likeness: str) -> Entry:
    return Entry(
        path=path,
        likeness=LIKENESS | likeness,
        scores={"top1_accuracy": Score(value, value - spread, value + spread)},
        criteria=[],
        model="m",
        parameters=None,
        runs=1,
        date="2026-01-01",
        seconds=None,
        target_seconds=None,
        hardware="",
        recomputed=False,
        curves=[],
        details={},
        config={},
        contribution="",
    )


HIGHER, LOWER = Criterion("top1_accuracy", "accuracy", "higher"), Criterion("top1_accuracy", "error", "lower")


def ranks(*entries: Entry, criterion: Criterion = HIGHER) -> list[tuple[str, int, bool]]:
    return [(one.entry.path, one.rank, one.tied) for one in rank(entries, criterion)]


def test_the_better_score_is_first() -> None:
    assert ranks(entry("a", 0.1), entry("b", 0.2)) == [("b", 1, False), ("a", 2, False)]
    assert ranks(entry("a", 0.1), entry("b", 0.2), criterion=LOWER) == [("a", 1, False), ("b", 2, False)]


def test_equal_scores_and_overlapping_intervals_are_ties() -> None:
    assert ranks(entry("a", 0.2), entry("b", 0.2), entry("c", 0.1)) == [("a", 1, True), ("b", 1, True), ("c", 3, False)]
    assert ranks(entry("a", 0.50, 0.02), entry("b", 0.51, 0.02)) == [("b", 1, True), ("a", 1, True)]
    assert ranks(entry("a", 0.50, 0.01), entry("b", 0.55, 0.01)) == [("b", 1, False), ("a", 2, False)]


@pytest.mark.parametrize("key", ["plan_digest", "criteria_version", "split_sha256", "dataset_version"])
def test_unlike_results_are_never_on_one_board(key: str) -> None:
    found = boards([entry("a", 0.1), entry("b", 0.2, **{key: "other"})])
    assert [len(board.ranked) for board in found] == [1, 1]
    assert len({board.name for board in found}) == 2


@pytest.fixture(scope="module")
def site(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("board")
    runs = [make_run(root / f"run-{seed}", data_dir, seed=seed, right=0.3 + 0.1 * seed) for seed in range(4)]
    make_submission(root / "all", runs[:2], "two-seeds")
    evil = make_submission(root / "all", runs[2:3], "evil")
    markup = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    change_yaml(evil / "config.yaml", lambda config: config["hyperparameters"].update({markup: markup}))
    (evil / "README.md").write_text(f"{markup}\n```\nrun\n```\n")
    broken = make_submission(root / "all", runs[3:], "broken")
    (broken / "README.md").unlink()
    assert main(["leaderboard", str(root / "all"), "--out", str(root / "site"), "--data-dir", str(data_dir)]) == 0
    return root / "site"


def test_refused_submissions_are_left_out(site: Path) -> None:
    (board,) = json.loads((site / "leaderboard.json").read_text())
    assert {row["descriptor"] for row in board["submissions"]} == {"two-seeds", "evil"}


def test_what_is_left_out_is_named(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["leaderboard", str(site.parent / "all"), "--out", str(tmp_path / "site"), "--json"]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["refused"] == ["Example-Lab/stemdl/laptop/broken"]
    assert "Example-Lab/stemdl/laptop/broken: left out, 1 finding(s)" in told.err


def test_json_has_scores_intervals_and_what_all_share(site: Path) -> None:
    (board,) = json.loads((site / "leaderboard.json").read_text())
    assert board["dataset"] == "stemdl_demo"
    assert len(board["plan_digest"]) == len(board["split_sha256"]) == 64
    (two,) = (row for row in board["submissions"] if row["descriptor"] == "two-seeds")
    low, high = two["scores"]["top1_accuracy"]["interval"]
    assert low < two["scores"]["top1_accuracy"]["score"] < high
    assert two["recomputed"] is True
    assert two["training_seconds"] == 13.0
    assert (site / two["contribution"]).read_bytes().startswith(b"%PDF-")


def test_csv_has_a_line_for_each_criterion(site: Path) -> None:
    with (site / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["descriptor"], row["criterion"]) for row in rows} == {
        (descriptor, name)
        for descriptor in ("two-seeds", "evil")
        for name in [criterion.name for criterion in BENCHMARKS["stemdl"].criteria]
    }


def test_markup_of_strangers_is_escaped(site: Path) -> None:
    text = (site / "submissions/Example-Lab/stemdl/laptop/evil/index.html").read_text()
    assert text.count("<script") == 1  # ours
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_pages_forbid_whatever_is_not_theirs(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "default-src 'none'" in page.read_text()


def test_a_site_is_written_over_but_nothing_else(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["leaderboard", str(site.parent / "all"), "--out", str(tmp_path)]) == 2
    assert "in use and no earlier site" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert main(["leaderboard", str(site.parent / "all"), "--out", str(tmp_path / "new"), "--json"]) == 0
    assert main(["leaderboard", str(site.parent / "all"), "--out", str(tmp_path / "new"), "--json"]) == 0


def test_a_chart_tells_its_points_and_lines() -> None:
    points = [Point(1, 0.5, 0.4, 0.6, 'a "name" <x>', "a.html"), Point(100, 0.7, 0.7, 0.7, "b", "b.html")]
    svg = scatter("score against cost", points, [Line(0.9, "target")], Axis("seconds", "log"), Axis("score"))
    assert svg.count("<circle") == 2
    assert "a &#34;name&#34; &lt;x&gt;" in svg
    assert ">target</text>" in svg
    assert ">10</text>" in svg


def test_a_confusion_matrix_tells_its_counts() -> None:
    svg = confusion("confusion", ["clear", "cloud"], [[5, 1], [0, 4]])
    assert "true clear, predicted cloud: 1" in svg
    assert svg.count('class="cell"') == 3
