"""Errors that end a command: one sentence, an exit code, and never a traceback."""

from __future__ import annotations

import errno
import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from processes import COMMAND

from sciml_datasets.cli.failures import REMEDIES, fault_of, sentence_of
from sciml_datasets.cli.main import main
from sciml_datasets.errors import DamagedRecordError, InputError, PeerFailedError

Sciml = Callable[..., subprocess.CompletedProcess[str]]
FAULTY = (
    "import sys; import sciml_datasets.cli.list as command; from sciml_datasets.cli.main import main\n"
    "def run(args): raise KeyError('first\\nsecond')\n"
    "command.run = run; sys.exit(main())"
)
"""A program whose command has a fault."""


def shell(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", script, "bash", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_one_sentence_with_a_remedy(number: int) -> None:
    found = sentence_of(OSError(number, os.strerror(number), "/data/a.h5"))
    assert found is not None
    assert found.startswith(f"/data/a.h5: {os.strerror(number)}: ")
    assert len(found) > len(f"/data/a.h5: {os.strerror(number)}: ") + 5
    assert "\n" not in found


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.EAGAIN, "another process has it open"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.ENOMEM, "more memory"),
        (errno.ELOOP, "round in a circle"),
        (99999, "run the same command again"),
    ],
)
def test_the_remedy_fits_the_error(number: int, remedy: str) -> None:
    assert remedy in (sentence_of(OSError(number, os.strerror(number))) or "")


def test_an_error_that_hdf5_gives_in_its_own_words_is_understood() -> None:
    text = "Can't write data (file write failed: name = 'x.h5', errno = 28, error message = 'No space left on device')"
    assert (sentence_of(OSError(text)) or "").startswith("x.h5: No space left on device: make room")


def test_an_error_that_tensorflow_gives_in_its_own_words_is_understood() -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.UnknownError) as caught:  # the memory of a process fails where nothing is mapped
        next(iter(tf.data.TFRecordDataset("/proc/self/mem")))
    assert sentence_of(caught.value) == f"/proc/self/mem: Input/output error: {REMEDIES[errno.EIO]}"


def test_an_error_of_another_process_keeps_its_number_and_file() -> None:
    travelled = pickle.loads(pickle.dumps(OSError(errno.EIO, "x", "/data/a.h5")))
    assert (sentence_of(travelled) or "").startswith("/data/a.h5: Input/output error: ")


def test_of_a_rename_the_new_name_is_shown() -> None:
    error = OSError(errno.EIO, os.strerror(errno.EIO), "site/a.csv.incomplete", None, "site/a.csv")
    assert (sentence_of(error) or "").startswith("site/a.csv: Input/output error: ")


@pytest.mark.parametrize("error", [PeerFailedError(bad_input=True), DamagedRecordError("/data/a", 3, "its length")])
def test_our_own_errors_come_from_another_process_as_they_are(error: Exception) -> None:
    travelled = pickle.loads(pickle.dumps(error))
    assert (type(travelled), str(travelled)) == (type(error), str(error))
    assert vars(travelled) == vars(error)


def test_too_little_memory_is_a_sentence() -> None:
    with pytest.raises(MemoryError) as raised:
        np.empty(1 << 60, np.uint8)
    assert "there is not enough memory (Unable to allocate" in (sentence_of(raised.value) or "")


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(ModuleNotFoundError) as raised:
        importlib.import_module("no_such_package")
    assert (sentence_of(raised.value) or "").startswith("no_such_package cannot be imported (No module named")


def test_what_is_no_mistake_of_the_user_has_no_sentence() -> None:
    assert sentence_of(ValueError("x")) is None
    assert sentence_of(OSError("x")) is None


def test_a_fault_is_one_line_with_its_traceback_in_a_file() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTY, "list", "--json"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 70
    assert done.stderr.startswith("sciml list: an error of sciml-datasets itself: KeyError: ")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["error"] in done.stderr
    report = Path(done.stderr.strip().rpartition(" in ")[2])
    assert "Traceback" in report.read_text()
    report.unlink()


def test_a_fault_without_a_temporary_folder_is_one_line_too() -> None:
    gone = "import tempfile; tempfile.tempdir = '/nonexistent'\n"
    done = subprocess.run(
        [sys.executable, "-c", gone + FAULTY, "list"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 70
    assert "please report it, it is from" in done.stderr
    assert "no traceback could be written" in done.stderr
    assert done.stderr.count("\n") == 1


def test_only_the_first_line_of_a_long_message_is_shown() -> None:
    reported = fault_of(ValueError("a" * 1000 + "\nb"))
    assert len(reported) < 600
    assert "\n" not in reported


@pytest.mark.parametrize("streams", ["2>&-", ">&-", ">&- 2>&- <&-", "2>/dev/full", "| true"])
def test_a_stream_that_nobody_takes_ends_no_command(streams: str) -> None:
    done = shell(f'"$@" {streams}; exit ${{PIPESTATUS[0]}}', *COMMAND, "list")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_a_result_that_cannot_be_written_is_reported(arguments: list[str]) -> None:
    done = shell('"$@" >/dev/full', *COMMAND, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "standard output: No space left on device" in done.stderr


def test_help_that_nobody_reads_is_no_error() -> None:
    done = shell('"$@" | true; exit ${PIPESTATUS[0]}', *COMMAND, "train", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_is_not_reported_on_standard_output_where_standard_error_is_closed() -> None:
    done = shell('"$@" 2>&-', *COMMAND, "verify", "mnist")
    assert (done.returncode, done.stdout) == (2, "")


def test_closed_streams_are_not_opened_again_as_files(raw_dir: Path, tmp_path: Path) -> None:
    flags = ("--raw-dir", raw_dir, "--data-dir", tmp_path, "--jobs", 1)
    assert shell('"$@" >&- 2>&- <&-', *COMMAND, "prepare", "stemdl_demo", *flags).returncode == 0
    assert main(["verify", "stemdl_demo", "--data-dir", str(tmp_path)]) == 0


def test_a_path_through_a_circle_of_links_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert main(["prepare", "stemdl_demo", "--raw-dir", "x", "--data-dir", str(tmp_path / "loop" / "data")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (OSError(errno.EROFS, "x", "/data/a"), "/data/a: Read-only file system: choose a folder that can be written"),
        (FileNotFoundError(errno.ENOENT, "x", "/data/a"), "/data/a: No such file or directory: correct the path"),
        (
            InputError("the table /data/a is damaged: prepare it again"),
            "the table /data/a is damaged: prepare it again",
        ),
        (MemoryError("of 3 GB"), "there is not enough memory ("),
    ],
)
def test_an_error_while_tfds_makes_a_builder_is_reported_as_it_was(error: Exception, reported: str) -> None:
    prefix = "Failed to construct dataset \"sciml\", builder_kwargs \"{'config': 'x', 'data_dir': PosixPath('/d')}\": "
    with pytest.raises(type(error)) as raised, tfds.core.utils.try_reraise(prefix=prefix):
        raise error
    assert (sentence_of(raised.value) or "").startswith(reported)


def test_an_error_of_the_system_within_another_keeps_its_number_and_file() -> None:
    error = OSError("in other words")
    error.__cause__ = OSError(errno.EIO, "x", "/data/a")
    assert (sentence_of(error) or "").startswith("/data/a: Input/output error: ")


def test_warnings_of_other_libraries_end_no_command(data_dir: Path, tmp_path: Path) -> None:
    flags = ("--data-dir", data_dir, "--out", tmp_path / "a.png", "--count", 1)
    done = shell('PYTHONWARNINGS=error "$@"', *COMMAND, "show", "stemdl_demo", *flags)
    assert (done.returncode, done.stderr) == (0, "")
