"""Memory that batches use again: the system zeroes fresh memory, which takes as long as filling it with samples."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray


class BufferPool:
    """Arrays in the memory of earlier arrays of their size, once nothing refers to those any more.

    Threads may share it. Memory that is not in use is freed with it.
    """

    def __init__(self) -> None:
        self._free: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """As `numpy.empty`: what is in the array is not defined."""
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        free = self._free[size]
        try:
            memory = free.pop()
        except IndexError:
            memory = np.empty(size, np.uint8)
        # Whatever is made of the array keeps this alive; views in NumPy alone would keep no more than the memory.
        view = (ctypes.c_char * size).from_buffer(memory.data)
        weakref.finalize(view, free.append, memory).atexit = False
        return np.frombuffer(memoryview(view), dtype).reshape(shape)
