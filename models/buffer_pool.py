"""Memory that batches borrow: the system zeroes fresh memory, which takes as long as filling it with samples."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray


class LentMemory:
    """Arrays in the memory of earlier ones of their size, once nothing refers to those any more.

    Threads may share it. What lies idle is freed with it.
    """

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """As `numpy.empty`: what is in the array is not defined."""
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        idle = self._idle[size]
        try:
            memory = idle.pop()
        except IndexError:
            memory = np.empty(size, np.uint8)
        # Whatever is made of the array keeps this alive; views in NumPy alone would keep no more than the memory.
        lent = (ctypes.c_char * size).from_buffer(memory.data)
        weakref.finalize(lent, idle.append, memory).atexit = False
        return np.frombuffer(memoryview(lent), dtype).reshape(shape)
