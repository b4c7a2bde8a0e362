"""The sandbox: what a stranger's files may not do to the checker."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.submissions.sandbox import StoppedError, in_sandbox


def test_the_result_comes_back_as_json() -> None:
    assert in_sandbox(lambda: {"a": [1, 2.5, None, "é"]}) == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize(
    ("work", "limits", "message"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), {}, "SIGSEGV"),
        (lambda: os._exit(0), {}, "without a result"),
        (lambda: time.sleep(60), {"seconds": 0.3}, "too long"),
        (lambda: len(bytearray(1 << 30)), {"memory": 1 << 28}, "too much memory"),
        (lambda: 1 // 0, {}, "ZeroDivisionError in test_sandbox.py"),
        (lambda: "x" * (65 << 20), {}, "it took too long|without a result|SIG"),
    ],
)
def test_a_process_without_a_result_is_reported(work: Any, limits: dict[str, Any], message: str) -> None:
    with pytest.raises(StoppedError, match=message):
        in_sandbox(work, **limits)


def fail(number: int) -> None:
    raise OSError(number, os.strerror(number), "result.json")


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_trouble_of_the_machine_is_no_finding(number: int) -> None:
    """A submission whose file a disk could not read would be taken off the site."""
    with pytest.raises(OSError, match=r"result\.json") as caught:
        in_sandbox(lambda: fail(number))
    assert caught.value.errno == number


def test_a_file_that_may_not_be_read_is_a_finding() -> None:
    with pytest.raises(StoppedError, match="PermissionError"):
        in_sandbox(lambda: fail(errno.EACCES))


def test_no_file_is_written_from_within(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="OSError"):
        in_sandbox(lambda: (tmp_path / "x").write_text("mine"))


def test_nothing_is_printed_from_within(capfd: pytest.CaptureFixture[str]) -> None:
    in_sandbox(lambda: print("hello", flush=True))
    assert capfd.readouterr() == ("", "")
