"""The leaderboard: like with like, ties as ties, escaped pages, JSON and CSV."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranked_entries import entry
from submission_files import beyond_texts, change_json, change_yaml, make_run, make_submission

import sciml_datasets
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.main import main
from sciml_datasets.leaderboard import boards, entry_of, write_site
from sciml_datasets.leaderboard.charts import Axis, Line, Point, confusion, curves, scatter
from sciml_datasets.leaderboard.pages import pages
from sciml_datasets.submissions import check_tree, rules


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


def test_every_page_names_the_version_that_made_it(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) == 4
    assert [
        page for page in pages if f"Made by sciml-datasets {sciml_datasets.__version__} " not in page.read_text()
    ] == []


def test_what_is_left_out_is_named(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["leaderboard", str(site.parent / "all"), "--out", str(tmp_path / "site"), "--json"]
    assert main(arguments) == 0
    reported = capsys.readouterr()
    assert json.loads(reported.out)["refused"] == ["Example-Lab/stemdl/laptop/broken"]
    assert "Example-Lab/stemdl/laptop/broken: left out, 2 finding(s)" in reported.err


def test_json_has_scores_intervals_and_what_all_share(site: Path) -> None:
    (board,) = json.loads((site / "leaderboard.json").read_text())
    assert board["dataset"] == "stemdl_demo"
    assert len(board["plan_digest"]) == len(board["split_sha256"]) == 64
    (two,) = (row for row in board["submissions"] if row["descriptor"] == "two-seeds")
    low, high = two["scores"]["top1_accuracy"]["interval"]
    assert low < two["scores"]["top1_accuracy"]["score"] < high
    assert two["scores"]["top1_accuracy"]["group_interval"] is None  # a mean over seeds
    (one,) = (row for row in board["submissions"] if row["descriptor"] == "evil")
    assert one["scores"]["top1_accuracy"]["interval"] == [one["scores"]["top1_accuracy"]["score"]] * 2
    assert two["recomputed"] is True
    assert two["training_seconds"] == 13.0
    assert (two["rank"], one["rank"]) == (1, None)  # of one run there is no telling
    assert (
        board["baselines"].keys() == {name for name in board["baselines"] if name.startswith("always class ")} != set()
    )
    assert (site / two["contribution"]).read_bytes().startswith(b"%PDF-")


def test_an_interval_over_groups_shows_whether_it_was_computed_again(data_dir: Path, tmp_path: Path) -> None:
    make_submission(tmp_path / "all", [make_run(tmp_path / "run", data_dir, name="candle_uno_demo")], "one")
    (tmp_path / "no-data").mkdir()
    for out, data in (("again", data_dir), ("claimed", tmp_path / "no-data")):
        arguments = ["leaderboard", str(tmp_path / "all"), "--out", str(tmp_path / out), "--data-dir", str(data)]
        assert main(arguments) == 0
        (board,) = json.loads((tmp_path / out / "leaderboard.json").read_text())
        (row,) = board["submissions"]
        score = row["scores"]["mse"]
        low, high = score["group_interval"]
        assert low < score["score"] < high
        page = (tmp_path / out / "submissions/Example-Lab/candle_uno/laptop/one/index.html").read_text()
        origin = ", as submitted" if out == "claimed" else ""
        assert f"({low:.4f} to {high:.4f}{origin})" in page
        assert row["recomputed"] is (out == "again")
    result = tmp_path / "all/Example-Lab/candle_uno/laptop/one/result.json"
    # The last lies within the span of the criterion, but not around the score: no data are needed to refuse it.
    for claimed in ([high, low], [-0.1, high], [high, 2 * high]):
        change_json(result, lambda content, ends=claimed: content["intervals"]["scores"].update(mse=ends))
        (checked,) = check_tree(tmp_path / "all")
        assert [finding.rule for finding in beyond_texts(checked)] == ["score-range"]


def test_an_entry_says_whether_its_scores_were_computed_again(site: Path, tmp_path: Path) -> None:
    assert "scores not computed again" not in "".join(page.read_text() for page in site.rglob("*.html"))
    assert write_again(site, tmp_path / "site") == 0  # without data
    (board,) = (tmp_path / "site" / "boards").iterdir()
    assert board.read_text().count("<td>scores not computed again</td>") == 2
    page = tmp_path / "site" / "submissions/Example-Lab/stemdl/laptop/two-seeds/index.html"
    assert "Scores not computed again: as submitted." in page.read_text()
    (content,) = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    assert content["baselines"] == {}  # those of a submission are its own claim


def test_the_name_of_a_baseline_in_a_submission_is_never_shown(site: Path, tmp_path: Path) -> None:
    everything = tmp_path / "all"
    shutil.copytree(site.parent / "all", everything)

    def invent(result: dict[str, Any]) -> None:
        result["criteria"][0]["baselines"]["NVIDIA cheats"] = 0.1

    change_json(everything / "Example-Lab/stemdl/laptop/evil/result.json", invent)
    assert main(["leaderboard", str(everything), "--out", str(tmp_path / "site"), "--json"]) == 0
    files = [path for path in (tmp_path / "site").rglob("*") if path.suffix in (".html", ".json", ".csv")]
    assert "evil" in (tmp_path / "site" / "leaderboard.csv").read_text()
    assert not [path for path in files if "cheats" in path.read_text()]


def test_a_submission_that_cannot_be_drawn_is_left_out_and_told_and_the_rest_stands(site: Path, tmp_path: Path) -> None:
    checked = [one for one in check_tree(site.parent / "all") if one.accepted]
    for index, fault in enumerate(({"results": []}, {"times": [{"ended_ms": 1e300, "seconds": 1, "curve": []}]})):
        broken = replace(checked[0], facts=checked[0].facts | fault)
        written = write_site([broken, checked[1]], tmp_path / str(index))
        assert [one.entry.path for board in written.boards for one in board.ranked] == [checked[1].place.name]
        assert written.left_out.keys() == {checked[0].place.name}
        assert not (tmp_path / str(index) / "submissions" / checked[0].place.name).exists()


def test_pages_of_a_submission_are_bounded_in_size(site: Path, tmp_path: Path) -> None:
    (evil,) = [one for one in check_tree(site.parent / "all") if one.place.parts[3] == "evil"]
    text = "x" * (rules.DRAWN_BYTES + 1)
    large = replace(evil, facts=evil.facts | {"config": evil.facts["config"] | {"hyperparameters": {"x": text}}})
    written = write_site([large], tmp_path / "site")
    assert "its pages have" in written.left_out[evil.place.name]


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


def test_characters_that_do_not_show_are_escaped_on_pages_and_in_tables(site: Path) -> None:
    accepted = next(one for one in check_tree(site.parent / "all") if one.accepted)
    texts = dict(pages(boards([replace(entry_of(accepted), model="small\u202e\u200b")])))
    for text in texts.values():
        assert not {"\u202e", "\u200b"} & set(text)
    assert "small\\u202e\\u200b" in texts["leaderboard.csv"]


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


def write_again(site: Path, out: Path) -> int:
    return main(["leaderboard", str(site.parent / "all"), "--out", str(out), "--json"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_list_of_its_files_lies_in_the_site(site: Path) -> None:
    listed = {}
    for line in (site / "leaderboard.sha256").read_text().splitlines():
        sha256, _, name = line.partition("  ")
        listed[name] = sha256
    found = {name: hashlib.sha256(content).hexdigest() for name, content in contents(site).items()}
    found.pop("leaderboard.sha256")
    assert listed == found


def test_what_else_lies_in_the_site_stays(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert write_again(site, out) == 0
    mine = {"CNAME", ".git/config", "notes/mine.txt", "boards/mine.html", "index.html.incomplete"}
    for path in [*(out / name for name in mine), tmp_path / "site.incomplete" / "mine.txt"]:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert write_again(site, out) == 0
    assert {contents(out)[name] for name in mine} == {b"mine"}
    assert (tmp_path / "site.incomplete" / "mine.txt").read_text() == "mine"


def test_pages_of_submissions_that_are_gone_are_removed(site: Path, tmp_path: Path) -> None:
    everything, out = tmp_path / "all", tmp_path / "site"
    shutil.copytree(site.parent / "all", everything)
    assert main(["leaderboard", str(everything), "--out", str(out), "--json"]) == 0
    shutil.rmtree(everything / "Example-Lab/stemdl/laptop/evil")
    assert main(["leaderboard", str(everything), "--out", str(out), "--json"]) == 0
    assert {path.name for path in (out / "submissions/Example-Lab/stemdl/laptop").iterdir()} == {"two-seeds"}


def test_a_page_that_was_edited_is_named_and_nothing_is_written(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    assert write_again(site, out) == 0
    (out / "index.html").write_text("mine")
    (out / "leaderboard.csv").unlink()
    before = contents(out)
    assert write_again(site, out) == 2
    reported = capsys.readouterr().err.splitlines()[-1]
    assert reported.startswith(
        f"sciml leaderboard: {out / 'index.html'} was not written by this command, or has changed"
    )
    assert contents(out) == before


def test_a_file_of_somebody_else_in_a_new_place_is_named(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pages"
    (out / ".git").mkdir(parents=True)
    (out / "CNAME").write_text("mine")
    assert write_again(site, out) == 0  # what git and the host of pages know is no hindrance
    (out / "leaderboard.sha256").unlink()
    before = contents(out)
    assert write_again(site, out) == 2
    assert "in use and no earlier site, which has a leaderboard.sha256" in capsys.readouterr().err
    assert contents(out) == before


@pytest.mark.parametrize("text", ["{}", "", "no list\n", "\xff"])
def test_the_list_of_somebody_else_is_no_licence(site: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "leaderboard.sha256").write_bytes(text.encode("latin-1"))
    (tmp_path / "leaderboard.json").write_text("{}")
    (tmp_path / "thesis.tex").write_text("mine")
    before = contents(tmp_path)
    assert write_again(site, tmp_path) == 2
    assert contents(tmp_path) == before


def test_a_kill_at_any_moment_leaves_a_site_that_the_next_run_finishes(site: Path, tmp_path: Path) -> None:
    checked, out = check_tree(site.parent / "all"), tmp_path / "site"
    write_site(checked, out)
    whole = contents(out)
    mine = {"CNAME": b"mine", "notes/mine.txt": b"mine"}
    for name, text in mine.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(text)
    random.seed(1)
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                while True:  # until it is killed
                    write_site(checked[1:], out)
                    write_site(checked, out)
            finally:
                os._exit(1)
        time.sleep(random.uniform(0.02, 0.3))
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    write_site(checked, out)
    assert contents(out) == whole | mine


def test_links_in_the_site_stay(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert write_again(site, out) == 0
    (tmp_path / "mine.html").write_bytes((out / "index.html").read_bytes())
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(tmp_path / "mine.html")
    assert write_again(site, out) == 2
    assert (out / "index.html").is_symlink()


def test_a_site_among_the_submissions_is_refused(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of a submission would be beside its predictions, and be removed with it later."""
    shutil.copytree(site.parent / "all", tmp_path / "submissions")
    before = contents(tmp_path)
    for out in (tmp_path, tmp_path / "submissions"):
        assert main(["leaderboard", str(tmp_path / "submissions"), "--out", str(out)]) == 2
        assert "would be among the submissions" in capsys.readouterr().err
    assert contents(tmp_path) == before


@given(st.lists(st.floats(-rules.MAX_NUMBER, rules.MAX_NUMBER), min_size=1, max_size=4))
def test_a_chart_can_be_drawn_of_any_numbers_within_the_bounds(values: list[float]) -> None:
    points = [Point(float(i), value, value, value, "x", "x.html") for i, value in enumerate(values)]
    assert scatter("any", points, [], Axis("x"), Axis("y")).count("<circle") == len(values)
    assert "polyline" in curves("any", [[(i, value) for i, value in enumerate(values)]], Axis("x", "count"), Axis("y"))


def test_of_a_large_confusion_matrix_the_largest_cells_are_drawn() -> None:
    counts = [[1] * 100 for _ in range(100)]
    counts[7][9] = 1000
    svg = confusion("confusion", list(range(100)), counts)
    assert svg.count('class="cell"') == rules.MAX_CELLS
    assert "true 7, predicted 9: 1,000" in svg


def test_many_kinds_of_accelerators_are_a_short_text(site: Path) -> None:
    (one,) = [one for one in check_tree(site.parent / "all") if one.place.parts[3] == "evil"]
    hardware = {"processor": "x", "cores": 8, "memory_bytes": 1, "processes": 1}
    hardware["accelerators"] = [f"A{i}" for i in range(rules.MAX_LIST)]
    result = one.facts["result"] | {"hardware": hardware}
    text = entry_of(replace(one, facts=one.facts | {"result": result})).hardware
    assert text.startswith("1 x A0, 1 x A1")
    assert len(text) <= rules.MAX_SHOWN + 3


def test_a_chart_states_its_points_and_lines() -> None:
    points = [Point(1, 0.5, 0.4, 0.6, 'a "name" <x>', "a.html"), Point(100, 0.7, 0.7, 0.7, "b", "b.html")]
    svg = scatter("score against cost", points, [Line(0.9, "target")], Axis("seconds", "log"), Axis("score"))
    assert svg.count("<circle") == 2
    assert "a &#34;name&#34; &lt;x&gt;" in svg
    assert ">target</text>" in svg
    assert ">10</text>" in svg


def test_a_confusion_matrix_states_its_counts() -> None:
    svg = confusion("confusion", ["clear", "cloud"], [[5, 1], [0, 4]])
    assert "true clear, predicted cloud: 1" in svg
    assert svg.count('class="cell"') == 3
