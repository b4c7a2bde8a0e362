"""Headers of NumPy's ``.npy`` format in files that may be anything. Nothing is unpickled. Source: numpy.lib.format."""

from __future__ import annotations

import io
import tokenize
from typing import Any, NamedTuple

import numpy as np

LONGEST_HEADER = 1 << 14
"""Bytes: NumPy takes headers of 10,000, and writes longer ones for types of hundreds of fields alone."""


class Header(NamedTuple):
    """The content of a header: its own length, and shape, order and type of the array after it."""

    length: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def header_of(content: bytes) -> Header:
    """The header at the beginning of an array's bytes, in version 1, 2 or 3 of the format.

    Raises:
        ValueError: there is none; the message says why.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
        # Version 3 is version 2 in UTF-8, which matters to the names of fields alone.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, SyntaxError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"no header of an array: {' '.join(str(error).split())[:200]}") from error
    except (tokenize.TokenError, RecursionError, MemoryError) as error:  # of Python's parser
        raise ValueError("no header of an array: it is no Python literal") from error
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"no header of an array: its shape is {shape}")
    return Header(stream.tell(), tuple(shape), bool(fortran), dtype)
