"""Files of the user in the folders that commands work in: they are kept, whatever their names."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fetch_servers import SIZES
from fetching import fetched

from sciml_datasets import InputError, Prepared, prepare, simulate
from sciml_datasets.benchmarks import prepared_dir
from sciml_datasets.cli.main import main
from sciml_datasets.leaderboard import write_site
from sciml_datasets.models.run_lock import RunLock
from sciml_datasets.staging import stage

OLD = time.time() - 100_000


def put(path: Path, text: str = "mine") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))
    os.utime(path.parent, (OLD, OLD))
    return path


def test_beside_simulated_files(tmp_path: Path) -> None:
    mine = [put(tmp_path / f"candle_uno_demo.incomplete-{end}" / "a") for end in (os.getpid(), "notes", "0123456789ab")]
    simulate("candle_uno_demo", tmp_path, num_samples=100, genes=10, descriptors=10)
    assert all(path.read_text() == "mine" for path in mine)
    assert len(list(tmp_path.iterdir())) == 4


def test_simulated_files_do_not_take_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "candle_uno_demo").symlink_to("nowhere")
    with pytest.raises(InputError, match="is a symbolic link that leads nowhere"):
        simulate("candle_uno_demo", tmp_path, num_samples=100, genes=10, descriptors=10)
    assert [path.name for path in tmp_path.iterdir()] == ["candle_uno_demo"]


def test_beside_prepared_and_staged_data(raw_dir: Path, tmp_path: Path) -> None:
    places = [tmp_path / disk / "sciml" / "candle_uno_demo" for disk in ("data", "local")]
    version = prepare("candle_uno_demo", raw_dir, tmp_path / "first").name
    names = (f"{version}.incomplete-notes", f"{version}.incomplete-0123456789ab", f"{version}.incomplete")
    mine = [put(place / name / "thesis.tex") for place in places for name in names]
    prepare("candle_uno_demo", raw_dir, tmp_path / "data", restart=True)
    prepare("candle_uno_demo", raw_dir, tmp_path / "data")
    stage(Prepared.open("candle_uno_demo", tmp_path / "data"), tmp_path / "local")
    assert all(path.read_text() == "mine" for path in mine)
    assert all(len(list(place.iterdir())) == 4 for place in places)


def test_prepared_data_do_not_take_the_place_of_a_link(raw_dir: Path, tmp_path: Path) -> None:
    version = prepare("candle_uno_demo", raw_dir, tmp_path / "first").name
    (tmp_path / "data" / "sciml" / "candle_uno_demo").mkdir(parents=True)
    (tmp_path / "data" / "sciml" / "candle_uno_demo" / version).symlink_to("nowhere")
    with pytest.raises(InputError, match="is a symbolic link that leads nowhere"):
        prepare("candle_uno_demo", raw_dir, tmp_path / "data")
    assert [path.name for path in (tmp_path / "data" / "sciml" / "candle_uno_demo").iterdir()] == [version]


def test_in_the_folder_of_arriving_files(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cloudmask"
    stem = "a.hdf-0123456789abcdef-0123456789ab-1-01234567"
    names = ("notes/a", "checksums-mine.tsv", f"{stem}/mine", "checksums.tsv")
    mine = [put(folder / ".fetch" / name) for name in names]
    assert fetched(tmp_path, str(mirror)).failures == ()
    assert all(path.read_text() == "mine" for path in mine)


def test_a_mismatch_that_was_kept_is_not_lost_to_the_next_one(mirror: Path, tmp_path: Path) -> None:
    folder, name = tmp_path / "cloudmask", next(iter(SIZES))
    fetched(tmp_path, str(mirror))
    aside = [folder / f"{name}.mismatch", folder / f"{name}.2.mismatch"]
    for text in ("one", "two", "two"):
        put(folder / name, text)
        fetched(tmp_path, str(mirror))
        assert (folder / name).read_bytes() == (mirror / name).read_bytes()
    assert [path.read_text() for path in aside] == ["one", "two"]
    assert len(list(folder.rglob("*.mismatch"))) == 2


def test_a_raw_file_that_is_a_link_to_nowhere_is_named(mirror: Path, tmp_path: Path) -> None:
    path = tmp_path / "cloudmask" / next(iter(SIZES))
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere")
    (failure,) = fetched(tmp_path, str(mirror)).failures
    assert failure == f"{path}: it is a symbolic link that leads nowhere: remove it"
    assert path.is_symlink()


def test_terms_that_are_a_file_of_the_user(mirror: Path, tmp_path: Path) -> None:
    mine = put(tmp_path / "cloudmask" / "TERMS.txt", "my thoughts about terms")
    with pytest.raises(InputError, match=r"TERMS\.txt holds no terms that were accepted: give that file another name"):
        fetched(tmp_path, str(mirror))
    assert mine.read_text() == "my thoughts about terms"


def test_in_a_run_folder(tmp_path: Path) -> None:
    mine = [put(tmp_path / name) for name in ("running-notes", "running-notes-0123456789ab.txt")]
    lock = RunLock(tmp_path)
    lock.acquire()
    lock.release()
    assert all(path.read_text() == "mine" for path in mine)


def test_the_predictions_that_are_scored_are_not_written_over(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = put(tmp_path / "p.h5")
    (tmp_path / "link.json").symlink_to(mine)
    for out in (mine, tmp_path / "link.json"):
        arguments = ["--data-dir", str(data_dir), "--predictions", str(mine), "--out", str(out)]
        assert main(["evaluate", "candle_uno_demo", *arguments]) == 2
        assert "this is a predictions file, which would be lost: name another file" in capsys.readouterr().err
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    "command",
    [["evaluate", "--predictions", "p.h5"], ["predict", "--model", "m:f"], ["show"]],
    ids=lambda words: words[0],
)
def test_no_output_goes_into_a_prepared_data_set(
    command: list[str], data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = prepared_dir("candle_uno_demo", data_dir) / "new.json"
    name, *flags = command
    assert main([name, "candle_uno_demo", "--data-dir", str(data_dir), "--out", str(out), *flags]) == 2
    assert "new.json lies in a prepared data set: name a file elsewhere" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(("flag", "name"), [("--out", "loop"), ("--out", "loop/x.json"), ("--predictions", "loop")])
def test_a_link_to_itself_is_a_mistake(
    flag: str, name: str, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    given = {"--data-dir": data_dir, "--predictions": put(tmp_path / "p.h5"), flag: tmp_path / name}
    assert main(["evaluate", "candle_uno_demo", *(str(word) for pair in given.items() for word in pair)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_site_in_the_place_of_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="is a symbolic link that leads nowhere"):
        write_site([], tmp_path / "loop")


def test_a_name_with_a_slash_at_its_end_makes_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = f"{tmp_path}/new/"
    assert main(["evaluate", "candle_uno_demo", "--predictions", "p.h5", "--out", out]) == 2
    assert capsys.readouterr().err == f"sciml evaluate: --out {out} is the name of a folder: name a file to write\n"
    assert list(tmp_path.iterdir()) == []
