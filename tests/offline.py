"""Run a command where the kernel forbids the network: ``python tests/offline.py MODULE ARGUMENT...``

A seccomp filter (Linux, no privileges needed) ends the process by SIGSYS when it, or a process or thread that it
starts, connects or sends to an internet address, whatever library does so. Sockets of other kinds stay, and so does a
socket that is never connected: importing urllib3 makes one to see whether the machine knows IPv6.
"""

from __future__ import annotations

import ctypes
import platform
import runpy
import struct
import sys

SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS = 0x7FFF0000, 0x80000000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
LOAD_WORD, JUMP, JUMP_IF_EQUAL, RETURN = 0x20, 0x05, 0x15, 0x06
NUMBER_OF_CALL, LENGTH_IN_CONNECT, LENGTH_IN_SENDTO = 0, 32, 56
"""Places in struct seccomp_data, see seccomp(2): of the third and the sixth argument, how long an address is."""
CALLS = {"x86_64": (42, 44), "aarch64": (203, 206)}
"""Machine to the numbers of connect and sendto."""
IPV4_LENGTH, IPV6_LENGTH = 16, 28
"""Bytes of struct sockaddr_in and sockaddr_in6; those of other kinds of sockets have others."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def supported() -> bool:
    """Whether the filter is known for this machine."""
    return sys.platform == "linux" and platform.machine() in CALLS


def forbid_network() -> None:
    """End this process as soon as it connects or sends to an internet address."""
    connect, sendto = CALLS[platform.machine()]
    instructions = [
        (LOAD_WORD, 0, 0, NUMBER_OF_CALL),
        (JUMP_IF_EQUAL, 1, 0, connect),
        (JUMP_IF_EQUAL, 2, 6, sendto),
        (LOAD_WORD, 0, 0, LENGTH_IN_CONNECT),
        (JUMP, 0, 0, 1),
        (LOAD_WORD, 0, 0, LENGTH_IN_SENDTO),
        (JUMP_IF_EQUAL, 1, 0, IPV4_LENGTH),
        (JUMP_IF_EQUAL, 0, 1, IPV6_LENGTH),
        (RETURN, 0, 0, SECCOMP_RET_KILL_PROCESS),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
    program = _Program(len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl refused")


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    forbid_network()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
