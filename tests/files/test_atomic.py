"""Files that appear under their names when they are whole."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from limits import short_files

from sciml_datasets import InputError
from sciml_datasets.files import atomic, in_place
from sciml_datasets.files.sync import TROUBLE, sync_folder
from sciml_datasets.metrics.predictions import read_predictions, write_predictions


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with atomic.writing(path) as temporary:
        temporary.write_text("{}")
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_block_keeps_the_file_that_was_there_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")

    def write_half() -> None:
        with atomic.writing(path) as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as raised:
        write_half()
    assert raised.value.filename == str(path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


def test_predictions_that_cannot_fit_are_not_begun(tmp_path: Path) -> None:
    batch = ["a"], np.zeros((1, 1000), np.float32)
    with pytest.raises(OSError, match=r"p\.h5") as raised:
        write_predictions(tmp_path / "p.h5", 10**12, iter([batch]))
    assert raised.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_no_predictions_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.h5: there are no predictions"):
        write_predictions(tmp_path / "p.h5", 0, [])
    assert not list(tmp_path.iterdir())


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    batches = [(["a", "b"], np.ones((2, 3), np.float32)), (["c"], np.zeros((1, 3), np.float32))]
    write_predictions(tmp_path / "p.h5", 3, iter(batches))
    ids, values = zip(*read_predictions(tmp_path / "p.h5"), strict=True)
    assert np.concatenate(ids).tolist() == [b"a", b"b", b"c"]
    np.testing.assert_array_equal(np.concatenate(values), [[1, 1, 1], [1, 1, 1], [0, 0, 0]])


def test_the_temporary_file_of_another_is_never_hit(tmp_path: Path) -> None:
    for name in ("a.json.incomplete", "a.incomplete"):
        (tmp_path / name).write_text("mine")
    with atomic.writing(tmp_path / "a.json") as one, atomic.writing(tmp_path / "a.json") as other:
        one.write_text("1")
        other.write_text("2")
    assert (tmp_path / "a.json").read_text() == "1"
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.json.incomplete", "a.incomplete"}


def test_a_symbolic_link_stays_and_the_file_that_it_names_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "old.json").write_text("before")
    for name in ("old.json", "new.json"):  # the second leads nowhere yet
        (tmp_path / name).symlink_to(Path("elsewhere") / name)
        atomic.write_text(tmp_path / name, "after")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "elsewhere" / name).read_text() == "after"
    assert len(list(tmp_path.rglob("*.json"))) == 4


def test_a_link_that_goes_round_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="leads to itself: remove it"):
        atomic.write_text(tmp_path / "a", "text")


def test_a_folder_and_a_socket_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder: name a file to write"):
        atomic.write_text(tmp_path, "text")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(InputError, match="is a socket: name a file to write"):
            atomic.write_text(tmp_path / "s", "text")
    assert stat.S_ISSOCK((tmp_path / "s").lstat().st_mode)


def test_a_fifo_gets_the_content(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit((tmp_path / "pipe").read_bytes)
        atomic.write_text(tmp_path / "pipe", "text" * 100_000)
        assert reading.result() == b"text" * 100_000
    assert (tmp_path / "pipe").is_fifo()


def test_a_fifo_that_nobody_reads_from_is_no_endless_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(in_place, "READER_SECONDS", 0.1)
    with pytest.raises(InputError, match="is a FIFO that nobody reads from: start the reader first"):
        atomic.write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


def test_a_fifo_whose_reader_ends_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def read_a_little() -> None:
        with (tmp_path / "pipe").open("rb", buffering=0) as pipe:
            pipe.read(10)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_a_little)
        with pytest.raises(InputError, match="its reader ended before all was written"):
            atomic.write_text(tmp_path / "pipe", "text" * 100_000)
        reading.result()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    (tmp_path / "link").symlink_to("null")
    for name in ("null", "link"):
        atomic.write_text(tmp_path / name, "text")
    with pytest.raises(OSError, match="No space left") as raised:
        atomic.write_text(tmp_path / "full", "text")
    assert raised.value.filename == str(tmp_path / "full")
    assert stat.S_ISCHR((tmp_path / "null").lstat().st_mode)
    assert len(list(tmp_path.iterdir())) == 3


def test_standard_output_gets_the_content_between_what_is_printed(tmp_path: Path) -> None:
    code = (
        "import pathlib; from sciml_datasets.files import atomic; print('one', flush=True); "
        "atomic.write_text(pathlib.Path('/dev/stdout'), 'two\\n'); print('three')"
    )
    with (tmp_path / "log").open("w") as log:  # a file, which a rename would take away from the process
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_the_mode_of_a_new_file_follows_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        atomic.write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_file_that_is_written_over_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").touch(0o640)
    (tmp_path / "a").chmod(0o641)
    atomic.write_text(tmp_path / "a", "text")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o641


def test_a_mode_that_cannot_be_set_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("before")
    for name in ("chmod", "chown"):
        monkeypatch.setattr(os, name, refuse(errno.EPERM))
    atomic.write_text(tmp_path / "a", "after")
    assert (tmp_path / "a").read_text() == "after"


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_no_rename_can_replace_is_written_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As a file that a container has as a mount of its own."""

    (tmp_path / "a").write_text("long before")
    monkeypatch.setattr(os, "replace", refuse(code))
    atomic.write_text(tmp_path / "a", "after")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["after"]


def test_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    for name in ("a" * 255, "\N{SNOWMAN}" * 85):
        atomic.write_text(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"


def refuse(code: int) -> Callable[..., None]:
    """A call to the system that is refused, as file systems of some kinds do."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refused


ERRNOS = sorted(set(errno.errorcode) - {errno.ENOENT, errno.EEXIST})


@pytest.mark.parametrize("code", ERRNOS)
def test_a_file_that_cannot_be_linked_is_copied_whatever_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "a").write_bytes(b"text")
    monkeypatch.setattr(os, "link", refuse(code))
    atomic.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"text"


@pytest.mark.parametrize("code", sorted(set(ERRNOS) - TROUBLE))
def test_a_folder_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(code))
    sync_folder(tmp_path)
    atomic.write_text(tmp_path / "a", "text")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE])
def test_a_disk_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "fsync", refuse(code))
    for write in (lambda: sync_folder(tmp_path), lambda: atomic.write_text(tmp_path / "a", "text")):
        with pytest.raises(OSError, match=os.strerror(code)):
            write()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_kill_are_removed_and_nothing_that_looks_alike(tmp_path: Path) -> None:
    names = [
        "a.json.0123456789abcdef.incomplete",
        "b.json.0123456789abcdef.incomplete",
        "a.json.0123456789ABCDEF.incomplete",
        "a.json.notes.incomplete",
        "a.json",
    ]
    for name in names:
        (tmp_path / name).write_text("text")
    atomic.remove_leftovers(tmp_path, ["a.json"])
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])


def test_an_error_names_the_file_of_the_user(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "a.json", tmp_path / ("a" * 256)):
        with pytest.raises(OSError, match=r"No such file|File name too long") as raised:
            atomic.write_text(path, "text")
        assert str(raised.value).endswith(f": {str(path)!r}")


def test_a_copy_that_has_no_room_names_the_file_to_write(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("before")
    with short_files(), pytest.raises(OSError, match="File too large") as raised:
        atomic.copy(Path(__file__), tmp_path / "b")
    assert raised.value.filename == str(tmp_path / "b")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_copy_that_cannot_read_names_the_file_to_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error") as raised:
        atomic.copy(Path("/proc/self/mem"), tmp_path / "b")
    assert raised.value.filename == "/proc/self/mem"
    assert list(tmp_path.iterdir()) == []
