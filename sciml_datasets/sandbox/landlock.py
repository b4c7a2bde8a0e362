"""Which files a process may read, held by Landlock, a security module of Linux 5.13 and later.

Numbers are those of linux/landlock.h and asm-generic/unistd.h; the interface is described in
Documentation/userspace-api/landlock.rst of the kernel.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from functools import cache

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on all architectures."""
GET_VERSION = 1
PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILE_RIGHTS = ((5, (1 << 16) - 1), (3, (1 << 15) - 1), (2, (1 << 14) - 1), (1, (1 << 13) - 1))
"""Version of the interface to the rights on files that it knows, newest first."""
NETWORK_RIGHTS = ((4, 0b11),)
"""Rights to bind and to connect TCP sockets."""
SCOPES = ((6, 0b11),)
"""Abstract UNIX sockets and signals that stay among the restricted processes."""


class Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``: what is forbidden unless a rule allows it."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathBeneath(ctypes.Structure):
    """``struct landlock_path_beneath_attr``: rights on a file, or on all below a folder."""

    _pack_ = 1
    _layout_ = "ms"  # the layout of packed structures, which newer versions of Python want to be named
    _fields_ = (("rights", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def version() -> int:
    """Version of the kernel's interface; 0 where there is no Landlock."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, 0, GET_VERSION)))


def read_only(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Let this thread, and those that it starts, read the given paths and all below them; all else is forbidden.

    No other file is opened, none is written, made, removed or renamed. The process must have ``no_new_privs``.

    Args:
        paths: files and folders; those that cannot be opened are skipped.

    Raises:
        OSError: the kernel refuses.
    """
    known = version()
    rights, network, scoped = (_newest(table, known) for table in (FILE_RIGHTS, NETWORK_RIGHTS, SCOPES))
    ruleset = Ruleset(rights, network, scoped)
    descriptor = _call(CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    for path in paths:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        readable = READ_FILE | READ_DIR if stat.S_ISDIR(os.fstat(place).st_mode) else READ_FILE
        beneath = PathBeneath(readable, place)
        _call(ADD_RULE, descriptor, PATH_BENEATH, ctypes.byref(beneath), 0)
        os.close(place)
    _call(RESTRICT_SELF, descriptor, 0)
    os.close(descriptor)


def _newest(table: Iterable[tuple[int, int]], known: int) -> int:
    """The rights of the newest version that the kernel knows; 0 where it knows none."""
    return next((rights for least, rights in table if known >= least), 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)} (Landlock, system call {number})")
    return result
