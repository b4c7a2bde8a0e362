"""Copies and who may change what: the first by git history stays, near copies go to a person, others are refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from alterations import config, log, logged, put
from submission_files import at_hand, beyond_texts, change_yaml, make_run, make_submission

from sciml_datasets.cli.main import main
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.submissions import Checked, check, check_tree, rules
from sciml_datasets.submissions.copies import copy_findings
from sciml_datasets.submissions.folder import Place
from sciml_datasets.submissions.history import History
from sciml_datasets.submissions.maintainers import PullRequest
from sciml_datasets.submissions.prediction_errors import draw_places, likeness, unexplained
from sciml_datasets.task import Regression

ORIGINAL, COPY = "Example-Lab/stemdl/laptop/first", "Other/stemdl/big/theirs"


@pytest.fixture
def tree(runs: list[Path], tmp_path: Path) -> Path:
    """A results repository with one submission, which is committed."""
    root = tmp_path / "repository" / "submissions"
    make_submission(root, runs[:1])
    git(root.parent, "init", "-q", "-b", "main")
    commit(root.parent)
    return root


def git(folder: Path, *arguments: str, date: str = "2026-06-01T00:00:00") -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments]
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=dates).stdout.strip()


def commit(repository: Path, date: str = "2026-06-01T00:00:00") -> str:
    git(repository, "add", "--all")
    git(repository, "commit", "-q", "-m", "change", date=date)
    return git(repository, "rev-parse", "HEAD")


def copied(tree: Path, path: str = COPY) -> Path:
    """The submission as one of another organization."""
    folder = tree / path
    shutil.copytree(tree / ORIGINAL, folder)
    organization = path.split("/")[0]
    change_yaml(folder / "config.yaml", lambda content: content["submission"].update(organisation=organization))
    log(logged("submission_org", organization))(folder)
    return folder


def found(checked: list[Checked]) -> dict[str, list[str]]:
    return {one.place.name: [finding.rule for finding in beyond_texts(one)] for one in checked}


def predictions_of(tree: Path) -> str:
    """The SHA-256 of the predictions of the submission that is committed."""
    config = yaml.safe_load((tree / ORIGINAL / "config.yaml").read_text())
    return str(config["runs"][0]["predictions"]["sha256"])


def test_a_copy_takes_no_original_off_the_board(tree: Path, tmp_path: Path) -> None:
    copied(tree)
    commit(tree.parent, date="2001-01-01T00:00:00")  # a date is a claim of the submitter
    assert found(check_tree(tree)) == {ORIGINAL: [], COPY: ["copy"]}
    assert main(["leaderboard", str(tree), "--out", str(tmp_path / "site")]) == 0
    assert (tmp_path / "site" / "submissions" / ORIGINAL / "index.html").is_file()


def test_a_copy_that_replaces_what_was_there_before_the_original_is_the_copy(
    tree: Path, data_dir: Path, tmp_path: Path
) -> None:
    early = make_submission(tmp_path / "all", [make_run(tmp_path / "run", data_dir, seed=5)])
    repository = tmp_path / "other"
    (repository / "submissions" / COPY).parent.mkdir(parents=True)
    shutil.copytree(early, repository / "submissions" / COPY)
    git(repository, "init", "-q", "-b", "main")
    commit(repository)
    shutil.copytree(tree / ORIGINAL, repository / "submissions" / ORIGINAL)
    commit(repository)
    shutil.rmtree(repository / "submissions" / COPY)
    copied(repository / "submissions")
    commit(repository)
    assert found(check_tree(repository / "submissions")) == {ORIGINAL: [], COPY: ["copy"]}


def test_who_mentions_predictions_before_they_are_there_does_not_own_them(
    tree: Path, data_dir: Path, tmp_path: Path
) -> None:
    early = make_submission(tmp_path / "all", [make_run(tmp_path / "run", data_dir, seed=5)])
    theirs = predictions_of(tree)
    repository = tmp_path / "other"
    shutil.copytree(early, repository / "submissions" / COPY)
    with (repository / "submissions" / COPY / "config.yaml").open("a") as file:
        file.write(f"# {theirs}\nnotes: |\n  sha256: {theirs}\n")
    git(repository, "init", "-q", "-b", "main")
    commit(repository)
    shutil.copytree(tree / ORIGINAL, repository / "submissions" / ORIGINAL)
    commit(repository)
    shutil.rmtree(repository / "submissions" / COPY)
    copied(repository / "submissions")
    commit(repository)
    assert found(check_tree(repository / "submissions")) == {ORIGINAL: [], COPY: ["copy"]}


def test_without_an_order_each_of_two_equal_submissions_is_told(tree: Path) -> None:
    shutil.rmtree(tree.parent / ".git")
    copied(tree)
    assert found(check_tree(tree)) == {ORIGINAL: ["copy"], COPY: ["copy"]}


def test_a_name_that_differs_by_case_belongs_to_who_came_first(tree: Path) -> None:
    path = "example-lab/stemdl/laptop/other"
    copied(tree, path)
    commit(tree.parent)
    checked = found(check_tree(tree))
    assert checked[ORIGINAL] == []
    assert "name-collision" in checked[path]
    assert "name-collision" in found(check([tree / path]))[path]


def test_a_repository_within_a_submission_runs_nothing(tree: Path, tmp_path: Path) -> None:
    shutil.rmtree(tree.parent / ".git")
    git(tree, "init", "-q", "--bare", ".")
    for setting in ("core.fsmonitor", "gpg.program", "core.sshCommand"):
        git(tree, "config", setting, f"touch {tmp_path / 'ran'}")
    copied(tree)
    check_tree(tree)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["stemdl_demo", "candle_uno_demo"])
def test_predictions_with_little_noise_are_given_to_a_person_and_honest_ones_are_not(
    name: str, data_dir: Path, tmp_path: Path
) -> None:
    for seed in (0, 1):  # of the same quality
        make_submission(
            tmp_path / "all", [make_run(tmp_path / str(seed), data_dir, name=name, seed=seed)], f"own-{seed}"
        )
    with h5py.File(tmp_path / "0" / "predictions.h5") as file:
        ids, values = file["id"][:], file["prediction"][:]
    noise = np.random.default_rng(0).normal(0, 1e-6, values.shape)
    near = make_run(tmp_path / "near", data_dir, name=name, seed=9, given=(ids, values + noise))
    make_submission(tmp_path / "all", [near], "near")
    checked = {one.place.parts[3]: one for one in check_tree(tmp_path / "all", at_hand(data_dir))}
    assert beyond_texts(checked["own-1"]) == []
    for descriptor in ("own-0", "near"):  # nothing is committed, so that nobody knows which came first
        told = {finding.rule for finding in beyond_texts(checked[descriptor])}
        assert {"near-copy"} <= told <= {"near-copy", "same-scores"}
        assert checked[descriptor].accepted


def test_a_run_that_is_another_of_the_same_submission_with_little_noise_is_given_to_a_person(
    data_dir: Path, tmp_path: Path
) -> None:
    name = "candle_uno_demo"
    best = make_run(tmp_path / "best", data_dir, name=name, seed=0)
    with h5py.File(best / "predictions.h5") as file:
        ids, values = file["id"][:], file["prediction"][:]
    noise = np.random.default_rng(0).normal(0, 1e-6, values.shape)
    again = make_run(tmp_path / "again", data_dir, name=name, seed=1, given=(ids, values + noise))
    make_submission(tmp_path / "all", [best, again])
    (checked,) = check_tree(tmp_path / "all", at_hand(data_dir))
    assert "near-copy" in {finding.rule for finding in checked.findings}


def test_two_equal_runs_are_told_though_somebody_else_has_copied_them(tree: Path) -> None:
    first, second = (Place(tree / name, tuple(name.split("/"))) for name in (ORIGINAL, COPY))
    run = {"sha256": predictions_of(tree), "scores": "", "fingerprint": "x"}
    told = copy_findings({first: {"runs": [run, run]}, second: {"runs": [run]}}, {}, History(tree))
    assert [finding.what for finding in told[first]] == ["the predictions are those of another run"]
    assert [finding.what for finding in told[second]] == [f"the predictions are those of {ORIGINAL}"]


def test_likeness_bears_gross_differences_at_a_few_samples(data_dir: Path) -> None:
    truth, rng = Truth(Prepared.open("candle_uno_demo", data_dir), "test"), np.random.default_rng(1)
    places = draw_places(Regression(target="response"), truth, rng)
    assert places is not None
    honest = {key: rng.normal(size=1) for key in places.of}
    other = {key: rng.normal(size=1) for key in places.of}
    altered = honest | {next(iter(honest)): np.array([1e6])}
    own, *rest = (np.array(unexplained(places, predicted)) for predicted in (honest, altered, other))
    alike, different = likeness(own, np.array(rest))
    assert alike > rules.NEAR_COPY > 0.9 > different
    scaled = {key: 3 * value + places.truth[i] + 7 for i, (key, value) in enumerate(honest.items())}
    assert likeness(own, np.array([unexplained(places, scaled)]))[0] > rules.NEAR_COPY


def test_a_pull_request_changes_submissions_of_its_author_only(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config("maintainers", value=["Ada-L"])(tree / ORIGINAL)
    base = commit(tree.parent)
    put("notes.md")(tree / ORIGINAL)
    config("maintainers", value=["mallory"])(tree / ORIGINAL)  # as it is on the base branch counts
    commit(tree.parent)
    arguments = ["check", str(tree), "--only", str(tree / ORIGINAL), "--base", base, "--author"]
    assert main([*arguments, "mallory"]) == 1
    assert (
        "must [not-maintainer] config.yaml: mallory changes it, and its maintainers are Ada-L"
        in capsys.readouterr().out
    )
    assert main([*arguments, "ada-l"]) == 0  # names of users do not differ by case


def test_a_submission_without_maintainers_is_changed_by_nobody_and_a_new_one_by_anybody(tree: Path) -> None:
    base = commit_of(tree)
    change = PullRequest(tree, "mallory", base)
    copied(tree, COPY)
    old, new = (check_tree(tree, None, [tree / path], change)[0] for path in (ORIGINAL, COPY))
    assert "not-maintainer" in {finding.rule for finding in old.findings}
    assert "not-maintainer" not in {finding.rule for finding in new.findings}


def commit_of(tree: Path) -> str:
    return git(tree.parent, "rev-parse", "HEAD")


def test_a_base_that_is_not_there_is_the_users_mistake(tree: Path) -> None:
    with pytest.raises(InputError, match="no such commit"):
        PullRequest(tree, "ada", "0" * 40)
    assert main(["check", str(tree), "--author", "ada", "--base", commit_of(tree)]) == 2  # without --only
