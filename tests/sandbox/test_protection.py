"""Protections of the kernel: their numbers, and what is left open on a machine without them."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.cli.main import main
from sciml_datasets.sandbox import Protection, StoppedError, in_sandbox, landlock, protection, seccomp
from sciml_datasets.sandbox.system_calls import NUMBERS

EXAMPLES = Path(__file__).parents[2] / "examples" / "submissions"
HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h"))
PRCTL = 157  # asm/unistd_64.h
SECCOMP = pytest.mark.skipif(seccomp.architecture() != "x86_64", reason="the filters of this test are for x86_64")


@pytest.mark.parametrize(("column", "header"), enumerate(HEADERS))
def test_system_calls_have_the_numbers_of_the_kernel_headers(column: int, header: Path) -> None:
    if not header.exists():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    defined = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE))
    defined.setdefault("newfstatat", defined.get("fstatat"))
    ours = {name: number for name, of in NUMBERS.items() if (number := of[column]) is not None}
    assert ours == {name: int(defined[name]) for name in ours}
    assert not {name for name, of in NUMBERS.items() if of[column] is None} & defined.keys()


def test_nothing_is_left_open_where_both_protections_are_there() -> None:
    assert Protection(landlock=1, seccomp=True).left_open == ()
    assert Protection(landlock=1, seccomp=True).note == ""


@pytest.mark.parametrize(
    ("there", "open_"),
    [
        (Protection(0, True), {"read the files of its user"}),
        (Protection(7, False), {"use the network", "start programs", "signal other processes"}),
    ],
)
def test_what_is_left_open_is_told_in_one_sentence(there: Protection, open_: set[str]) -> None:
    assert set(there.left_open) == open_
    assert all(what in there.note for what in open_)
    assert "\n" not in there.note
    assert there.as_json()["left_open"] == list(there.left_open)


def without_landlock() -> None:
    """Let this process be as on a kernel without Landlock."""
    lacking = seccomp.instruction(seccomp.IF_EQUAL, landlock.CREATE_RULESET, if_false=1), seccomp.refuse(errno.ENOSYS)
    _become((seccomp.instruction(seccomp.LOAD, seccomp.NUMBER), *lacking, seccomp.ALLOW))


def without_options(*options: int) -> None:
    """Let this process be as on a kernel whose ``prctl`` does not know some options."""
    steps = (
        seccomp.instruction(seccomp.LOAD, seccomp.NUMBER),
        seccomp.instruction(seccomp.IF_EQUAL, PRCTL, if_true=1),
        seccomp.ALLOW,
        seccomp.instruction(seccomp.LOAD, seccomp.ARGUMENTS),
        *(seccomp.instruction(seccomp.IF_EQUAL, option, if_true=len(options) - i) for i, option in enumerate(options)),
        seccomp.ALLOW,
        seccomp.refuse(errno.EINVAL),
    )
    _become(steps)


without_seccomp = partial(without_options, seccomp.GET_SECCOMP, seccomp.SET_SECCOMP)


def _become(steps: seccomp.Program) -> None:
    seccomp.grow_no_rights()
    seccomp.install(steps)
    protection.cache_clear()


def in_kernel(lacking: Callable[[], None], work: Callable[..., Any], *arguments: object) -> Any:
    """The result of ``work`` in a process whose kernel lacks a protection."""
    with ProcessPoolExecutor(1, get_context("fork"), lacking) as pool:
        return pool.submit(work, *arguments).result()


def _protection() -> Protection:
    return protection()


def _reads(path: Path) -> object:
    return in_sandbox(path.read_text)


def _fails(attempt: Callable[[], object]) -> str:
    try:
        return f"done: {in_sandbox(attempt)}"
    except StoppedError as error:
        return str(error)


def _connects() -> None:
    socket.socket().close()


def _forks() -> None:
    if not os.fork():
        os._exit(0)


@SECCOMP
def test_without_landlock_files_are_read_and_nothing_else_is_possible(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    assert in_kernel(without_landlock, _protection) == Protection(0, True)
    assert in_kernel(without_landlock, _reads, tmp_path / "file") == "content"
    for attempt in (_connects, _forks, (tmp_path / "file").unlink, (tmp_path / "new").touch):
        assert "PermissionError" in str(in_kernel(without_landlock, _fails, attempt))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def _check(folder: Path) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        return main(["check", str(folder), "--json"]), out.getvalue(), err.getvalue()


@SECCOMP
def test_the_check_tells_what_is_left_open_and_passes() -> None:
    code, out, err = in_kernel(without_landlock, _check, next(EXAMPLES.glob("*/cloudmask/*/*")))
    assert code == 0
    there = {"landlock": 0, "seccomp": True, "left_open": ["read the files of its user"]}
    assert json.loads(out)["sandbox"] == there
    assert err == f"note: {Protection(0, True).note}\n"


@SECCOMP
@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_without_filters_files_are_closed_still(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    assert in_kernel(without_seccomp, _protection) == Protection(landlock.version(), False)
    for attempt in ((tmp_path / "file").read_bytes, (tmp_path / "file").unlink, (tmp_path / "new").touch):
        assert "PermissionError" in str(in_kernel(without_seccomp, _fails, attempt))
    assert in_kernel(without_seccomp, _fails, _connects) == "done: None"


@SECCOMP
def test_nothing_is_read_where_a_protection_fails(tmp_path: Path) -> None:
    kernel = partial(without_options, seccomp.SET_SECCOMP)
    assert in_kernel(kernel, _protection) == protection()
    assert "the checker failed with OSError in seccomp.py" in str(in_kernel(kernel, _fails, tmp_path.touch))
