"""Files as read-only arrays over the page cache, which keep no descriptor open."""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SYSTEM = ctypes.CDLL(None, use_errno=True)
_SYSTEM.mmap.restype = ctypes.c_void_p
_SYSTEM.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
FAILED = ctypes.c_void_p(-1).value
"""Address that the system's ``mmap`` returns for an error."""


def mapped_file(path: Path) -> NDArray[np.uint8]:
    """A file as a read-only array, which is unmapped when nobody refers to it any more.

    Raises:
        OSError: it cannot be opened or mapped.
    """
    # Python's own mmap keeps a descriptor open for as long as the map, and a data set may have a thousand shards.
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:  # which the system does not map
            return np.empty(0, np.uint8)
        address = _SYSTEM.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if address == FAILED:
        raise OSError(error := ctypes.get_errno(), os.strerror(error), str(path))
    memory = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, _SYSTEM.munmap, ctypes.c_void_p(address), ctypes.c_size_t(size))
    array: NDArray[np.uint8] = np.frombuffer(memoryview(memory), np.uint8)
    array.flags.writeable = False
    return array


def unmap_pages(mapped: NDArray[np.uint8]) -> None:
    """Unmap the pages of a part of a file that begins with one.

    By the system's own function: for as long as it takes, `mmap.madvise` keeps other threads from running.
    """
    address, size = ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.nbytes)
    if _SYSTEM.madvise(address, size, mmap.MADV_DONTNEED) != 0:
        raise OSError(error := ctypes.get_errno(), os.strerror(error))
