"""Attacks from the sandbox: what strangers who have taken over the process that reads their file can do."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from fcntl import fcntl, ioctl
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.sandbox import in_sandbox, protection, seccomp
from sciml_datasets.sandbox.system_calls import numbers

LANDLOCK = pytest.mark.skipif(not protection().landlock, reason="this kernel has no Landlock")
SECCOMP = pytest.mark.skipif(not protection().seccomp, reason="this kernel has no seccomp filters")
REFUSED = (errno.EPERM, errno.EACCES)
PTRACE_ATTACH = 16  # linux/ptrace.h
F_SETOWN = 8  # asm-generic/fcntl.h
TIOCSTI = 0x5412  # asm-generic/ioctls.h
UPROBES = {"x86_64": {335, 336}, "aarch64": set[int]()}
"""System calls that no filter sees: the kernel ends a process that makes one and is not probed."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that may be read, beside one that may not."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").write_text("mine")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (tmp_path / "own" / "link").symlink_to(tmp_path / "secret" / "key")
    (tmp_path / "own" / "hole").symlink_to(tmp_path / "secret")
    return tmp_path / "own"


def error_of(work: Callable[[], Any]) -> int:
    """The number of the error that the kernel refuses ``work`` with; 0 where it does not."""
    try:
        work()
    except OSError as error:
        return error.errno or 0
    return 0


def refused(work: Callable[[], Any], reads: Path) -> None:
    """Make sure that the kernel refuses what ``work`` tries in a sandbox that reads a folder."""
    assert in_sandbox(lambda: error_of(work), reads=[reads]) in REFUSED


@LANDLOCK
@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/{parent}/environ",
        "/proc/{parent}/mem",
        "/dev/tty",
        "{folder}/../secret/key",
        "{folder}/link",
        "{folder}/hole/key",
    ],
)
def test_no_other_file_is_read(folder: Path, path: str) -> None:
    place = path.format(parent=os.getpid(), folder=folder)
    if not os.path.lexists(place):
        pytest.skip(f"this machine has no {place}")
    refused(lambda: os.open(place, os.O_RDONLY), folder)


@LANDLOCK
@pytest.mark.parametrize(
    "path", ["/", "/etc", "/root", "/home", "/proc", "/dev/shm", "/tmp", "{folder}/..", "{folder}/hole"]
)
def test_no_other_folder_is_listed(folder: Path, path: str) -> None:
    refused(lambda: list(Path(path.format(folder=folder)).iterdir()), folder)


CHANGES: dict[str, Callable[[Path], Any]] = {
    "write": lambda folder: (folder / "file").write_text("other"),
    "append": lambda folder: (folder / "file").open("a"),
    "update": lambda folder: (folder / "file").open("r+"),
    "create": lambda folder: (folder / "new").touch(),
    "temporary": lambda folder: os.open(folder, os.O_TMPFILE | os.O_RDWR) if hasattr(os, "O_TMPFILE") else None,
    "truncate": lambda folder: os.truncate(folder / "file", 0),
    "delete": lambda folder: (folder / "file").unlink(),
    "rename": lambda folder: (folder / "file").rename(folder / "new"),
    "move": lambda folder: (folder / "file").rename(folder / ".." / "new"),
    "link": lambda folder: os.link(folder / "file", folder / "new"),
    "symbolic link": lambda folder: (folder / "new").symlink_to("file"),
    "folder": lambda folder: (folder / "new").mkdir(),
    "no folder": lambda folder: folder.rmdir(),
    "fifo": lambda folder: os.mkfifo(folder / "new"),
    "mode": lambda folder: (folder / "file").chmod(0o777),
    "owner": lambda folder: os.chown(folder / "file", 1, 1),
    "time": lambda folder: os.utime(folder / "file", (0, 0)),
    "attribute": lambda folder: os.setxattr(folder / "file", "user.x", b"x"),
    "descriptor": lambda folder: os.fchmod(os.open(folder / "file", os.O_RDONLY), 0o777),
    "root": lambda folder: os.chroot(folder),
    "current folder": lambda folder: os.chdir(folder),
}


@SECCOMP
@pytest.mark.parametrize("change", CHANGES)
def test_no_file_is_changed(folder: Path, change: str) -> None:
    before = {path: path.lstat() for path in folder.parent.rglob("*")}
    refused(lambda: CHANGES[change](folder), folder)
    after = {path: path.lstat() for path in folder.parent.rglob("*")}
    assert {path: (s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns) for path, s in after.items()} == {
        path: (s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns) for path, s in before.items()
    }


def test_no_file_that_is_open_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with (tmp_path / "secret").open("r+b", buffering=0) as file:
        number = file.fileno()

        def work() -> str:
            os.write(number, b"other")
            return os.read(number, 100).decode()

        assert in_sandbox(work) == ""
    assert (tmp_path / "secret").read_text() == "secret"


def system_call(name: str, *arguments: Any) -> None:
    """Call a function of the C library that returns -1 where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


PARENT = os.getpid()
ATTACKS: dict[str, Callable[[], Any]] = {
    "inet socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "inet6 socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
    "datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "socket pair": socket.socketpair,
    "connect": lambda: system_call("connect", 3, None, 0),
    "fork": os.fork,
    "start a program": lambda: subprocess.run(["/bin/true"], check=False),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "shell": lambda: os.execv("/bin/sh", ["sh", "-c", "true"]),
    "execute a file in memory": lambda: os.memfd_create("x"),
    "signal the parent": lambda: os.kill(PARENT, signal.SIGTERM),
    "ask for the parent": lambda: os.kill(PARENT, 0),
    "signal the group": lambda: os.kill(0, signal.SIGCONT),
    "signal all": lambda: os.kill(-1, signal.SIGCONT),
    "signal by descriptor": lambda: os.pidfd_open(PARENT),
    "signal by a file": lambda: fcntl(1, F_SETOWN, PARENT),
    "type into the terminal": lambda: ioctl(0, TIOCSTI, b"x"),
    "trace the parent": lambda: system_call("ptrace", PTRACE_ATTACH, PARENT, None, None),
    "read the parent's memory": lambda: system_call("process_vm_readv", PARENT, None, 0, None, 0, 0),
    "limit the parent": lambda: resource.prlimit(PARENT, resource.RLIMIT_NOFILE, (9, 9)),
    "raise its own limits": lambda: system_call(
        "prlimit", 0, resource.RLIMIT_FSIZE, ctypes.byref((ctypes.c_ulong * 2)(9, 9)), None
    ),
    "slow the parent": lambda: os.setpriority(os.PRIO_PROCESS, PARENT, 19),
    "shared memory": lambda: SharedMemory(create=True, size=1),
    "system V memory": lambda: system_call("shmget", 0, 1, 0o1600),
    "message queue": lambda: system_call("msgget", 0, 0o1600),
    "new namespaces": lambda: system_call("unshare", 0x10000000),
    "mount": lambda: system_call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "become another user": lambda: os.setuid(1),
    "leave the group": os.setsid,
    "survive the parent": lambda: system_call("prctl", 1, 0, 0, 0, 0),
    "asynchronous calls": lambda: system_call("syscall", 425, 1, None),
    "calls of another interface": lambda: system_call("syscall", 0x40000000 + 39),
}


@pytest.fixture(scope="module")
def errors() -> dict[str, int]:
    """Name of an attack to the number of the error that it ends with, all from one sandbox."""
    return dict(in_sandbox(lambda: {name: error_of(attack) for name, attack in ATTACKS.items()}))


@SECCOMP
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_outside_is_reached(attack: str, errors: dict[str, int]) -> None:
    assert errors[attack] in REFUSED


@SECCOMP
def test_every_system_call_that_is_not_listed_is_refused() -> None:
    machine = seccomp.architecture()
    assert machine is not None
    listed = {*numbers(machine).values(), *UPROBES[machine]}

    def work() -> list[int]:
        libc = ctypes.CDLL(None, use_errno=True)
        done = []
        for number in set(range(500)) - listed:
            if libc.syscall(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.EPERM:
                done.append(number)
        return done

    assert in_sandbox(work) == []


@SECCOMP
def test_no_child_is_left_behind() -> None:
    def work() -> list[int]:
        found = []
        for start in (os.fork, lambda: os.posix_spawn("/bin/sleep", ["sleep", "60"], {})):
            try:
                found.append(start())
            except OSError:
                found.append(0)
        return found

    assert in_sandbox(work) == [0, 0]
