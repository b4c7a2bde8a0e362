"""The sandbox: what work gets done in it, and what comes of work that does not end well."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.sandbox import StoppedError, TimeLimitError, in_sandbox
from sciml_datasets.sandbox.process import RESULT_BYTES


def test_the_result_comes_back_as_json() -> None:
    assert in_sandbox(lambda: {"a": [1, 2.5, None, "é"]}) == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize(
    ("work", "limits", "message"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), {}, "SIGSEGV"),
        (os.abort, {}, "SIGABRT"),
        (lambda: os.kill(os.getpid(), 40), {}, "signal 40"),
        (lambda: os._exit(0), {}, "without a result"),
        (lambda: sys.exit(3), {}, "without a result"),
        (lambda: os._exit(7), {}, "the exit code 7"),
        (lambda: time.sleep(60), {"seconds": 0.3}, "too long"),
        (lambda: len(bytearray(1 << 30)), {"memory": 1 << 28}, "too much memory"),
        (lambda: 1 // 0, {}, "ZeroDivisionError in test_sandbox.py"),
    ],
)
def test_a_process_without_a_result_is_reported(work: Any, limits: dict[str, Any], message: str) -> None:
    with pytest.raises(StoppedError, match=message):
        in_sandbox(work, **limits)


def test_a_file_that_may_not_be_read_is_named() -> None:
    def work() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "results/config.yaml")

    with pytest.raises(
        StoppedError, match=r"the checker failed with PermissionError on results/config\.yaml: Permission denied"
    ):
        in_sandbox(work)


def test_nothing_is_printed_from_within(capfd: pytest.CaptureFixture[str]) -> None:
    in_sandbox(lambda: print("hello", flush=True))
    in_sandbox(lambda: os.write(1, b"hello") + os.write(2, b"hello"))
    assert capfd.readouterr() == ("", "")


def test_a_closed_stream_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert in_sandbox(lambda: 1) == 1


def test_files_that_are_named_are_read_by_threads_too(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("numbers")

    def work() -> list[str]:
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append((tmp_path / "data").read_text())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    assert in_sandbox(work, reads=[tmp_path]) == ["numbers"] * 4
    assert in_sandbox(work, reads=[tmp_path / "data"]) == ["numbers"] * 4


def test_a_library_is_imported_when_it_is_needed() -> None:
    in_sandbox(lambda: [__import__(name).__name__ for name in ("tabnanny", "wave", "pygments")])


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            threading.Timer(
                0.2, lambda: os.write(writing, Path(f"/proc/self/task/{os.getpid()}/children").read_bytes())
            ).start()
            in_sandbox(lambda: time.sleep(60))
        finally:
            os._exit(0)
    child = int(os.read(reading, 100))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    os.close(reading)
    os.close(writing)
    status = Path(f"/proc/{child}/status")
    for _ in range(200):
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.02)
    pytest.fail(f"the process {child} goes on")


def answer_pipe() -> int:
    """The descriptor of the pipe to the parent."""
    for number in range(3, 1024):
        try:
            if str(Path(f"/proc/self/fd/{number}").readlink()).startswith("pipe:"):
                return number
        except OSError:
            continue
    raise AssertionError


def sends(content: bytes) -> Callable[[], None]:
    """Work that sends something of its own and ends."""

    def work() -> None:
        os.write(answer_pipe(), content)
        os._exit(0)

    return work


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04N.",  # a pickle
        b"nonsense",
        b"[" * 50_000,
        b"7",
        b"[1]",
        b"{}",
        b'{"error": "x", "result": 1}',
        b'{"result": ' + b"9" * 5000 + b"}",
        b'{"result": 1} {"result": 2}',
        b'\xff{"result": 1}',
    ],
)
def test_an_answer_of_another_form_is_none(content: bytes) -> None:
    with pytest.raises(StoppedError, match="without a result"):
        in_sandbox(sends(content))


def test_a_closed_pipe_is_an_answer_at_once() -> None:
    def work() -> None:
        os.close(answer_pipe())
        time.sleep(60)

    started = time.monotonic()
    with pytest.raises(StoppedError, match="without a result"):
        in_sandbox(work)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_an_answer_that_drips_is_ended_in_time(pause: float) -> None:
    def work() -> None:
        pipe = answer_pipe()
        while True:
            os.write(pipe, b" ")
            time.sleep(pause)

    with pytest.raises(TimeLimitError, match="too long"):
        in_sandbox(work, seconds=0.3)


def test_an_answer_that_is_too_large_is_ended() -> None:
    def work() -> None:
        pipe, part = answer_pipe(), bytes(1 << 20)
        for _ in range(2 * RESULT_BYTES // len(part)):
            os.write(pipe, part)

    with pytest.raises(StoppedError, match="without a result"):
        in_sandbox(work)


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
