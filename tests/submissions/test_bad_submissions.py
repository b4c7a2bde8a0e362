"""Bad submissions are flagged by the rule that they break; any bytes are findings and never a crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alterations import (
    PDF,
    Change,
    config,
    exchanged,
    fill,
    log,
    predicted,
    put,
    several,
    state_hash,
)
from bad_submissions import BAD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from submission_files import at_hand, change_json, make_written

from sciml_datasets.prepared.members import read_members
from sciml_datasets.submissions import RULES, DataAtHand, check


@pytest.fixture(scope="module")
def good(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with two submissions: ``first`` of one run and ``second`` of two."""
    root = tmp_path_factory.mktemp("good")
    make_written(root / "all", runs[:1], "first")
    make_written(root / "all", runs[1:], "second")
    return root / "all"


@pytest.fixture(scope="module")
def data(data_dir: Path) -> DataAtHand:
    return at_hand(data_dir)


@pytest.fixture
def tree(good: Path, tmp_path: Path) -> Path:
    """A tree with ``first`` only, to be altered."""
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    return tmp_path / "all"


def folder_of(tree: Path, descriptor: str = "first") -> Path:
    return tree / "Example-Lab" / "stemdl" / "laptop" / descriptor


def test_the_corpus_is_large_and_covers_nearly_every_rule() -> None:
    assert len(BAD) >= 60
    assert len({name for name, *_ in BAD}) == len(BAD)
    # Tested below and in test_copies.py: a leak needs ids of the data, a stop a process that dies, a repeated log
    # several runs, a change a pull request.
    assert RULES.keys() - {rule for *_, rule in BAD} == {"leak", "check-stopped", "log-repeated", "not-maintainer"}


def test_the_sound_ones_have_no_findings(good: Path, data: DataAtHand) -> None:
    assert [one.findings for one in check([good], data)] == [(), ()]


@pytest.mark.parametrize(("change", "rule"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_a_defect_is_flagged_by_its_rule(tree: Path, data: DataAtHand, change: Change, rule: str) -> None:
    change(folder_of(tree))
    findings = [finding for one in check([tree], data) for finding in one.findings]
    assert rule in {finding.rule for finding in findings}
    for finding in findings:
        reported = finding.as_json()
        assert reported["what"].isprintable()
        assert reported["file"].isprintable()
        assert reported["mend"]


def test_another_order_is_reported_beside_the_right_one(tree: Path) -> None:
    log(exchanged("run_start", "cache_clear"))(folder_of(tree))
    found = [finding.what for finding in check([folder_of(tree)])[0].findings if finding.rule == "log-order"]
    expected = "expected cache_clear, init_start, init_stop, run_start"
    assert found == [f"the order is run_start, init_start, init_stop, cache_clear, {expected}"]


def test_predictions_for_training_samples_are_a_leak(tree: Path, data: DataAtHand, data_dir: Path) -> None:
    training = read_members(data_dir / "sciml" / "stemdl_demo" / "3.0.0", "train")["id"][0].encode()
    predicted(lambda file, ids, values: fill(file, [training, *ids[1:]], values))(folder_of(tree))
    (first,) = check([tree], data)
    assert [finding.rule for finding in first.findings] == ["leak"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda folder: (folder / "result-2.json").unlink(), "result-runs"),
        (lambda folder: change_json(folder / "result-2.json", lambda r: r.update(seed=9)), "result-runs"),
        (
            lambda folder: change_json(folder / "result-2.json", lambda r: r.update(split_sha256="0" * 64)),
            "result-runs",
        ),
        (
            lambda folder: change_json(folder / "result.json", lambda r: r["runs"][0].update(seed=7)),
            "result-arithmetic",
        ),
        (
            lambda folder: change_json(folder / "result.json", lambda r: r["criteria"][0].update(interval=[0, 1])),
            "result-arithmetic",
        ),
        (lambda folder: shutil.copy(folder / "predictions-1.h5", folder / "predictions-2.h5"), "predictions-hash"),
        (lambda folder: (folder / "result-2.txt").unlink(), "log-count"),
        (lambda folder: shutil.copy(folder / "result-1.txt", folder / "result-2.txt"), "log-repeated"),
        (
            several(
                config("runs", 1, "seed", value=1),
                lambda folder: change_json(folder / "result-2.json", lambda r: r.update(seed=1)),
            ),
            "result-runs",
        ),
    ],
)
def test_a_defect_between_runs_is_flagged(
    good: Path, tmp_path: Path, data: DataAtHand, change: Change, rule: str
) -> None:
    folder = folder_of(tmp_path / "all", "second")
    shutil.copytree(folder_of(good, "second"), folder)
    change(folder)
    assert rule in {finding.rule for finding in check([folder], data)[0].findings}


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7\n" + b"stream\n" * 10**6, b"%PDF-1.7\n" + b"1 0 obj<<" * 10**6, b"%PDF-1.7\n" + b"/AA #4" * 10**6],
)
def test_a_pdf_that_a_search_could_get_lost_in_is_refused_as_any_other(tree: Path, content: bytes) -> None:
    put(PDF, content + b"%%EOF\n")(folder_of(tree))
    assert [finding.rule for finding in check([folder_of(tree)])[0].findings] == ["pdf-format"]


def test_a_pdf_of_another_program_may_take_the_place_of_the_markdown(tree: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    figure.savefig(folder_of(tree) / PDF)
    (folder_of(tree) / "scientific_contribution.md").unlink()
    assert check([folder_of(tree)])[0].findings == ()


@pytest.mark.parametrize("content", [b"a: [1\n", b"a: !!str 1\n", b'a: "\\ud800"\n'])
def test_a_configuration_that_cannot_be_read_is_one_finding(tree: Path, content: bytes) -> None:
    put("config.yaml", content)(folder_of(tree))
    assert len(check([folder_of(tree)])[0].findings) == 1


NAMES = ("config.yaml", "result.json", "result-1.txt", "README.md", PDF, "predictions.h5")


@given(name=st.sampled_from(NAMES), content=st.binary(max_size=400))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_findings_and_never_a_crash(good: Path, tmp_path: Path, name: str, content: bytes) -> None:
    shutil.rmtree(tmp_path / "all", ignore_errors=True)
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    put(name, content)(folder_of(tmp_path / "all"))
    rules = {finding.rule for finding in check([folder_of(tmp_path / "all")])[0].findings}
    assert rules
    assert "check-stopped" not in rules


@given(name=st.sampled_from(NAMES), place=st.floats(0, 1), mask=st.integers(1, 255), length=st.integers(1, 8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_flipped_bytes_are_findings_or_harmless(
    good: Path, data: DataAtHand, tmp_path: Path, name: str, place: float, mask: int, length: int
) -> None:
    shutil.rmtree(tmp_path / "all", ignore_errors=True)
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    path = folder_of(tmp_path / "all") / name
    content = bytearray(path.read_bytes())
    start = int(place * (len(content) - 1))
    for i in range(start, min(start + length, len(content))):
        content[i] ^= mask
    path.write_bytes(content)
    if name == "predictions.h5":
        state_hash(path.parent)
    stopped = [f.what for f in check([path.parent], data)[0].findings if f.rule == "check-stopped"]
    assert not [what for what in stopped if "the checker failed" in what]
