"""Work folders beside the final one: only those of ours are ever removed, and one rename gives the name."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import pytest
from limits import short_files
from processes import signature_of_ended

from sciml_datasets import InputError, simulate
from sciml_datasets.benchmarks import find
from sciml_datasets.files.atomic_folders import check_vacant, left_beside, publish, remove_abandoned, work_folder
from sciml_datasets.leaderboard import write_site
from sciml_datasets.parallel.processes import signature
from sciml_datasets.preparation.work_folder import interrupted, open_work_folder, remove_interrupted
from sciml_datasets.simulation import names_written

OURS = re.compile("folder|plan.json")
PLAN = {"dataset": "d", "version": "1", "file_format": "tfrecord", "features": "f", "digest": "x", "raw": {}}


def test_a_name_is_used_once() -> None:
    assert work_folder(Path("a/1.0.0")) != work_folder(Path("a/1.0.0"))


@pytest.mark.parametrize("owner", ["", signature()], ids=["nobody", "this process"])
def test_work_folders_are_found_again(tmp_path: Path, owner: str) -> None:
    final = tmp_path / "1.0[0]*"
    work = work_folder(final, owner)
    (work / "folder").mkdir(parents=True)
    assert list(left_beside(final, OURS)) == [work]


def test_a_work_folder_with_a_temporary_file_is_one(tmp_path: Path) -> None:
    work = work_folder(tmp_path / "1.0.0", signature_of_ended())
    work.mkdir()
    (work / f"plan.json.{signature_of_ended()}.incomplete").touch()
    remove_abandoned(tmp_path / "1.0.0", OURS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        pytest.param("1.0.0.incomplete-0123456789ab", f"thesis.tex.{signature()}.incomplete", id="temporary file"),
        ("1.0.0.incomplete-notes", "folder"),
        ("1.0.0.incomplete", "folder"),
        ("1.0.0.incomplete-0123456789AB", "folder"),
        ("1.0.0.incomplete-0123456789abc", "folder"),
        ("1.0.0.incomplete-0123456789ab", "thesis.tex"),
        ("1.0.0.incomplete-0123456789ab-1-01234567", ".git"),
        ("1x0.0.incomplete-0123456789ab", "folder"),
    ],
)
def test_a_folder_of_the_user_is_no_work_folder(tmp_path: Path, name: str, inside: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / inside).write_text("mine")
    remove_interrupted(tmp_path / "1.0.0")
    assert (tmp_path / name / inside).read_text() == "mine"


def test_a_plan_of_the_user_is_not_taken_for_ours(tmp_path: Path) -> None:
    folder = tmp_path / "1.0.0.incomplete-0123456789ab"
    folder.mkdir()
    for text in ("my plan", '["my plan"]', '{"my": "plan"}'):
        (folder / "plan.json").write_text(text)
        remove_interrupted(tmp_path / "1.0.0")
        assert (folder / "plan.json").read_text() == text


def test_a_link_to_a_work_folder_is_none(tmp_path: Path) -> None:
    work, _ = open_work_folder(tmp_path / "1.0.0", PLAN, restart=False)
    work = work.rename(tmp_path / "kept")
    (tmp_path / "1.0.0.incomplete-0123456789ab").symlink_to(work)
    assert list(interrupted(tmp_path / "1.0.0")) == []
    remove_interrupted(tmp_path / "1.0.0")
    assert (work / "plan.json").exists()


def test_an_interrupted_preparation_is_removed_when_asked(tmp_path: Path) -> None:
    open_work_folder(tmp_path / "1.0.0", PLAN, restart=False)
    remove_interrupted(tmp_path / "1.0.0")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_folder_never_takes_the_place_of_another(tmp_path: Path) -> None:
    made, final = tmp_path / "made", tmp_path / "final"
    made.mkdir()
    final.mkdir()
    (final / "mine").write_text("mine")
    publish(made, final)  # another run of the same preparation was first
    assert (final / "mine").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError):
        publish(made, tmp_path / "file")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(NotADirectoryError):
        publish(made, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()


def test_a_link_that_leads_nowhere_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "1.0.0").symlink_to("nowhere")
    with pytest.raises(InputError, match="leads nowhere: remove it, or make the folder"):
        check_vacant(tmp_path / "1.0.0")
    (tmp_path / "nowhere").mkdir()
    check_vacant(tmp_path / "1.0.0")
    check_vacant(tmp_path / "new")


def test_a_file_system_that_syncs_no_folders_is_published_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    (tmp_path / "made").mkdir()
    monkeypatch.setattr(os, "fsync", refused)
    publish(tmp_path / "made", tmp_path / "final")
    assert (tmp_path / "final").is_dir()


def abandoned(final: Path) -> Path:
    """The work folder of a process that has ended."""
    return work_folder(final, signature_of_ended())


@pytest.mark.parametrize("name", ["stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo"])
def test_what_a_killed_simulation_has_left_is_known_by_its_names(name: str, raw_dir: Path, tmp_path: Path) -> None:
    left, living = abandoned(tmp_path / name), work_folder(tmp_path / name, signature())
    for work in (left, living):
        shutil.copytree(raw_dir / name, work)
    mine = abandoned(tmp_path / name)
    (mine / "thesis").mkdir(parents=True)
    remove_abandoned(tmp_path / name, names_written(find(name)[0].module("simulate").WRITTEN))
    assert set(tmp_path.iterdir()) == {living, mine}


def test_a_simulation_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    (abandoned(tmp_path / "candle_uno_demo") / "drug_info").mkdir(parents=True)
    simulate("candle_uno_demo", tmp_path, num_samples=100, genes=10, descriptors=10)
    assert [path.name for path in tmp_path.iterdir()] == ["candle_uno_demo"]


def test_a_simulation_that_has_no_room_names_its_folder(tmp_path: Path) -> None:
    with short_files(), pytest.raises(OSError, match="File too large") as raised:
        simulate("candle_uno_demo", tmp_path, num_samples=100, genes=10, descriptors=10)
    assert raised.value.filename == str(tmp_path / "candle_uno_demo")
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_has_no_room_names_a_file(tmp_path: Path) -> None:
    with short_files(), pytest.raises(OSError, match="File too large") as raised:
        write_site([], tmp_path / "site")
    assert raised.value.filename is not None
