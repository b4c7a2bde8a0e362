"""CRC-32C of bytes in memory, computed without Python's lock: other threads go on meanwhile."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def crc32c(values: NDArray[np.uint8], before: int = 0) -> int:
    """The CRC-32C of contiguous bytes, as `google_crc32c.extend` computes it.

    Args:
        values: the bytes.
        before: CRC-32C of what precedes them.

    Example:
        >>> import numpy as np
        >>> hex(crc32c(np.frombuffer(b"123456789", np.uint8)))
        '0xe3069283'
    """
    function = _native()
    if function is not None:
        return int(function(before, values.ctypes.data, values.nbytes))
    import google_crc32c

    return int(google_crc32c.extend(before, values.tobytes()))


@cache
def _native() -> Callable[..., Any] | None:
    """The function of the library below google_crc32c, whose own keep the lock; None where it is not found."""
    import google_crc32c

    try:
        function = ctypes.CDLL(google_crc32c._crc32c.__file__).crc32c_extend
    except (AttributeError, OSError):  # written in Python, or its symbols are not visible
        return None
    function.restype, function.argtypes = ctypes.c_uint32, (ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
    found: Callable[..., Any] = function
    return found
