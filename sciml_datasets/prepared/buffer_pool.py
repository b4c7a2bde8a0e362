"""Memory that batches use again: the system zeroes fresh memory, which takes as long as filling it with samples."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray


class BufferPool:
    """Arrays in the memory of earlier arrays of their size, once nothing refers to those any more.

    Threads may share it, and it can be pickled. Memory that is not in use is freed with it.

    Args:
        largest: number of bytes that are kept of each size while nothing uses them; None for all.
    """

    def __init__(self, largest: int | None = None) -> None:
        self._free: dict[int, deque[NDArray[np.uint8]]] = {}
        self._largest = largest

    def __reduce__(self) -> tuple[Any, ...]:
        return BufferPool, (self._largest,)  # a pickled pool carries no memory

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """As `numpy.empty`: what is in the array is not defined."""
        size = math.prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        if (free := self._free.get(size)) is None:
            kept = None if self._largest is None else self._largest // size
            free = self._free.setdefault(size, deque(maxlen=kept))
        try:
            memory = free.pop()
        except IndexError:
            memory = np.empty(size, np.uint8)
        # Whatever is made of the array keeps this alive; views in NumPy alone would keep no more than the memory.
        view = (ctypes.c_char * size).from_buffer(memory.data)
        weakref.finalize(view, free.append, memory).atexit = False
        return np.frombuffer(memoryview(view), dtype).reshape(shape)
