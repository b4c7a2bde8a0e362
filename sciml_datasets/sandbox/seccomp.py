"""Which system calls a process may make, held by a seccomp filter, which Linux has since 3.5.

The filter is a program of the Berkeley Packet Filter that the kernel runs on each call
(Documentation/userspace-api/seccomp_filter.rst). Constants are those of linux/seccomp.h, linux/filter.h,
linux/bpf_common.h and linux/prctl.h. The program is short enough to be written here: the libraries for it either load
libseccomp, which a machine may lack, or are younger than what they would have to protect.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Mapping

from sciml_datasets.sandbox.system_calls import ARCHITECTURES, numbers

GET_SECCOMP, SET_SECCOMP, SET_NO_NEW_PRIVS, FILTER_MODE = 21, 22, 38, 2
LOAD, RETURN = 0x20, 0x06
IF_EQUAL, IF_ANY_BIT = 0x15, 0x45
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Bytes at which ``struct seccomp_data`` holds the number, the architecture and the first argument."""
CLONE_THREAD = 0x10000  # linux/sched.h
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030  # linux/fcntl.h
TCGETS, FIONCLEX, FIOCLEX = 0x5401, 0x5450, 0x5451  # asm-generic/ioctls.h

Program = tuple[bytes, ...]


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One ``struct sock_filter``; ``if_true`` and ``if_false`` are numbers of instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


ALLOW = instruction(RETURN, 0x7FFF0000)


def refuse(error: int = errno.EPERM) -> bytes:
    """The instruction that ends a call with an error."""
    return instruction(RETURN, 0x00050000 | error)


def _argument(index: int, half: int = 0) -> bytes:
    """Load the lower or the upper half of an argument."""
    return instruction(LOAD, ARGUMENTS + 8 * index + 4 * half)


def one_of(index: int, *values: int) -> Program:
    """Allow where an argument, an ``int``, has one of the values."""
    last = len(values) - 1
    compared = (instruction(IF_EQUAL, value, if_true=last - i + 1) for i, value in enumerate(values))
    return (_argument(index), *compared, refuse(), ALLOW)


def any_bit(index: int, bits: int) -> Program:
    """Allow where an argument, an ``int``, has one of the bits."""
    return (_argument(index), instruction(IF_ANY_BIT, bits, if_true=1), refuse(), ALLOW)


def no_bit(index: int, bits: int) -> Program:
    """Allow where an argument, an ``int``, has none of the bits."""
    return (_argument(index), instruction(IF_ANY_BIT, bits, if_false=1), refuse(), ALLOW)


def null(index: int) -> Program:
    """Allow where an argument, a pointer, is null."""
    lower, upper = instruction(IF_EQUAL, 0, if_false=2), instruction(IF_EQUAL, 0, if_true=1)
    return (_argument(index), lower, _argument(index, half=1), upper, refuse(), ALLOW)


def conditions(process: int) -> dict[str, Program]:
    """What calls that are allowed in part may do; ``process`` is the number of the process."""
    return {
        "open": no_bit(1, WRITING),
        "openat": no_bit(2, WRITING),
        "clone": any_bit(0, CLONE_THREAD),
        "clone3": (refuse(errno.ENOSYS),),  # its flags lie in memory; the C library then calls clone
        "kill": one_of(0, process),
        "tgkill": one_of(0, process),
        "prlimit64": null(2),
        "fcntl": one_of(1, F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC),
        "ioctl": one_of(1, TCGETS, FIONCLEX, FIOCLEX),
    }


def program(architecture: str, calls: Mapping[str, int], parts: Mapping[str, Program]) -> Program:
    """The filter that allows ``calls``, those in ``parts`` on their conditions, and refuses all others."""
    foreign = (instruction(LOAD, ARCHITECTURE), instruction(IF_EQUAL, ARCHITECTURES[architecture], if_true=1), refuse())
    steps = [*foreign, instruction(LOAD, NUMBER)]
    for name, number in calls.items():
        part = parts.get(name, (ALLOW,))
        steps += [instruction(IF_EQUAL, number, if_false=len(part)), *part]
    return (*steps, refuse())


def architecture() -> str | None:
    """The architecture that this process runs on; None where there are no numbers for it."""
    machine = os.uname().machine
    return machine if machine in ARCHITECTURES and sys.maxsize > 1 << 32 else None


def available() -> bool:
    """Whether the kernel has filters, and the numbers for them are known."""
    if sys.platform != "linux" or architecture() is None:
        return False
    return int(ctypes.CDLL(None).prctl(GET_SECCOMP, 0, 0, 0, 0)) >= 0


def prctl(option: int, value: int, pointer: object = None) -> None:
    """Change an attribute of this process, as prctl(2) does.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), pointer, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)} (prctl {option})")


def grow_no_rights() -> None:
    """Set ``no_new_privs`` for this thread: no program gives it more rights. Landlock and seccomp ask for it.

    Raises:
        OSError: the kernel refuses.
    """
    prctl(SET_NO_NEW_PRIVS, 1)


def install(steps: Program) -> None:
    """Filter the calls of this thread, and of those that it starts, from now on.

    Raises:
        OSError: the kernel refuses.
    """
    code = ctypes.create_string_buffer(b"".join(steps))
    # struct sock_fprog: number of instructions, and where they are
    prctl(SET_SECCOMP, FILTER_MODE, ctypes.byref(_Filter(len(steps), ctypes.addressof(code))))


def allow_reading() -> None:
    """Allow this process, which must have one thread, to read and compute, and nothing else.

    Raises:
        OSError: the kernel refuses.
    """
    machine = architecture()
    if machine is None:
        raise OSError(errno.ENOSYS, f"the numbers of system calls are not known for {os.uname().machine}")
    install(program(machine, numbers(machine), conditions(os.getpid())))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))
