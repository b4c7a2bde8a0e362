"""Paths named like raw files that are no files are refused before they are opened: a FIFO would block for ever."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import sciml_datasets
from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.files.checksums import NAME, read_list
from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.files.regular_files import regular_file, walked
from sciml_datasets.metrics.predictions import read_predictions
from sciml_datasets.stemdl.npz import NpzStacks
from sciml_datasets.stemdl_reconstruction.raw import Scans

ASKS = re.compile(r"os\.path\.(l?exists|is[a-z]+)\(|from os\.path import")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


STRANGE = [
    (fifo, "is a FIFO"),
    (a_socket, "is a socket"),
    (dangling, "is a symbolic link to nowhere, which does not exist"),
    (loop, "symbolic links lead round in a circle"),
    (device, "is a device"),
    (Path.mkdir, "is a folder"),
]


@pytest.mark.parametrize(("make", "reported"), STRANGE)
def test_what_is_no_file_is_named(make: Callable[[Path], None], reported: str, tmp_path: Path) -> None:
    make(tmp_path / "x")
    for read in (regular_file, sha256_of, lambda path: list(read_predictions(path))):
        with pytest.raises(InputError, match=reported):
            read(tmp_path / "x")


@pytest.mark.parametrize("make", [fifo, a_socket, device])
def test_a_list_of_checksums_is_a_file(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / NAME)
    with pytest.raises(InputError, match=f"{NAME} is a"):
        read_list(tmp_path / NAME)


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    assert regular_file(tmp_path / "link").st_size == 1


@pytest.mark.parametrize(("make", "reported"), STRANGE[:5])
def test_a_raw_format_refuses_what_is_called_like_its_files(
    make: Callable[[Path], None], reported: str, raw_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(raw_dir / "cloudmask_demo", tmp_path / "cloudmask")
    scene = next((tmp_path / "cloudmask").rglob("*.hdf"))
    shutil.copytree(raw_dir / "stemdl_reconstruction_demo", tmp_path / "scans")
    for folder in ("training", "validation", "testing"):
        (tmp_path / "npz" / folder).mkdir(parents=True)
    scene.unlink()
    make(scene)
    make(tmp_path / "npz" / "training" / "a.npz")
    make(tmp_path / "scans" / "batch_eval_99.db")
    for raw_format, folder in ((Scenes(256, 320), "cloudmask"), (NpzStacks(), "npz"), (Scans(density=True), "scans")):
        with pytest.raises(InputError, match=reported):
            raw_format.files(tmp_path / folder)


def test_tables_that_are_none_are_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "raw" / "candle_uno"
    folder.mkdir(parents=True)
    fifo(folder / "combined_single_response_agg")
    for command in (["prepare", "--data-dir", str(tmp_path / "data")], ["verify"]):
        assert main([command[0], "candle_uno", "--raw-dir", str(tmp_path / "raw"), *command[1:]]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_link_to_a_folder_that_holds_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    with pytest.raises(InputError, match="b/up is a symbolic link to a folder that it lies in"):
        list(walked(tmp_path))


def test_links_to_other_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.hdf").touch()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "one").symlink_to("../elsewhere")
    (tmp_path / "raw" / "two").symlink_to("../elsewhere")
    found = [parent / name for parent, _, names in walked(tmp_path / "raw") for name in names]
    assert found == [tmp_path / "raw/one/x.hdf", tmp_path / "raw/two/x.hdf"]


def test_only_one_place_takes_trouble_of_the_disk_for_absence() -> None:
    """`os.path.exists` and its like do; where a URL is told from a path it does not matter."""
    sources = (folder / name for folder, _, names in walked(Path(sciml_datasets.__file__).parent) for name in names)
    asking = {path.name for path in sources if path.suffix == ".py" and ASKS.search(path.read_text())}
    assert asking == {"paths.py"}
