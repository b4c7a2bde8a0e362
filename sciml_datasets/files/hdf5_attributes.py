"""Attributes of HDF5 files from outside, and one sentence for what the HDF5 library raises.

See `sciml_datasets.files.hdf5`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.arriving import failure_of
from sciml_datasets.files.hdf5_heaps import Heaps
from sciml_datasets.files.text import LONGEST, quoted

AGAIN = "fetch or make the file again"
DAMAGE = frozenset({0, errno.EINVAL, errno.EFAULT, errno.EOVERFLOW})
"""Error numbers that follow from addresses or sizes that a damaged file holds; others are trouble of the machine."""

LIBRARY_ERRORS = (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, OverflowError, SystemError)
"""Types of the exceptions by which h5py says what is wrong with a file."""


class UnusableAttributeError(InputError):
    """An attribute holds something other than was expected; a file whose attribute may be absent can do without."""


class Node:
    """A group or data set of an open file, with its attributes.

    Attributes:
        path: path of the file.
        where: the file and the place in it, for messages.
        heaps: the heaps of the file.
    """

    def __init__(self, path: Path, where: str, identifier: Any, heaps: Heaps) -> None:
        self.path = path
        self.where = where
        self.id = identifier
        self.heaps = heaps

    def text(self, name: str) -> str | None:
        """The text of an attribute; a number as text. None where there is none, or one without a value.

        Raises:
            InputError: the attribute has several values, or is neither text in UTF-8 nor a number.
        """
        value = self._single(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bytes):
            try:
                return as_text(value, f"{self.where}: the attribute {name}")
            except InputError as error:
                raise UnusableAttributeError(str(error)) from error
        if isinstance(value, np.number):
            return str(value)
        raise self._unusable(name, "text or a number")

    def number(self, name: str) -> float | None:
        """The number that an attribute holds. None where there is none, or one without a value.

        Raises:
            InputError: the attribute has several values, or is no number.
        """
        value = self._single(name)
        if value is None:
            return None
        if not isinstance(value, np.number) or value.dtype.kind not in "fiu":
            raise self._unusable(name, "a number")
        return float(value)

    def numbers(self, name: str) -> NDArray[Any] | None:
        """The numbers that an attribute holds. None where there is none, or one without a value.

        Raises:
            InputError: it holds anything else.
        """
        value = self._attribute(name)
        if value is not None and value.dtype.kind not in "fiu":
            raise self._unusable(name, "numbers")
        return value

    def has(self, name: str) -> bool:
        """Whether there is an attribute of this name, even one without a value.

        Raises:
            InputError: the object is damaged.
        """
        import h5py

        with reading(self.path, f"{self.where}: the attribute {name}"):
            return bool(h5py.h5a.exists(self.id, name.encode()))

    def _single(self, name: str) -> Any:
        value = self._attribute(name)
        if value is None:
            return None
        if value.size != 1:
            raise self._unusable(name, "one value")
        return value.reshape(-1)[0]

    def _attribute(self, name: str) -> NDArray[Any] | None:
        """The values of an attribute, text as bytes; None where there is none, or no value.

        h5py's low-level interface takes a third of the time of ``attrs``, and double precision, which most attributes
        have, less again: its type needs no translation.
        """
        import h5py

        key = name.encode()
        with reading(self.path, f"{self.where}: the attribute {name}"):
            try:
                stored = h5py.h5a.open(self.id, key)
            except KeyError:
                if h5py.h5a.exists(self.id, key):
                    raise
                return None
            space = stored.get_space()
            if space.get_simple_extent_type() == h5py.h5s.NULL or not space.get_simple_extent_npoints():
                return None
            if stored.get_type() == h5py.h5t.IEEE_F64LE:
                doubles = np.empty(stored.shape)
                stored.read(doubles, h5py.h5t.NATIVE_DOUBLE)
                return doubles
            dtype, inner = stored.dtype.base, stored.dtype.shape  # HDF5's array types have a shape of their own
            if dtype.kind not in "fiuS" and not h5py.check_string_dtype(dtype):
                raise self._unusable(name, "text or numbers")
            if dtype.kind == "O":
                self.heaps.check_attribute(h5py.h5o.get_info(self.id).addr, key)
            values: NDArray[Any] = np.empty(stored.shape + inner, dtype)
            stored.read(values, h5py.h5t.py_create(stored.dtype))
            return values

    def _unusable(self, name: str, expected: str) -> UnusableAttributeError:
        return UnusableAttributeError(
            f"{self.where}: the attribute {name} does not hold {expected}: correct the file or remove it"
        )


@contextmanager
def reading(path: Path, where: str) -> Iterator[None]:
    """Turn what the HDF5 library raises on a place of a file into an InputError, or an OSError that names the file.

    Raises:
        InputError: what was read is damaged, or of a kind that cannot be read.
        OSError: the machine failed.
    """
    try:
        yield
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        if failure := failure_of(path):
            raise failure from error
        if number := machine_error(error):
            raise OSError(number, os.strerror(number), str(path)) from error
        raise InputError(f"{where} cannot be read ({reason(error)}): {AGAIN}") from error


def machine_error(error: Exception) -> int | None:
    """The number of the system's error that one of the library's follows from; None where the file is to blame.

    Many exceptions of h5py have the number in their text alone, whatever their type.
    """
    in_words = re.search(r"errno = (\d+)", str(error))
    number = getattr(error, "errno", None) or (int(in_words[1]) if in_words else 0)
    return None if number in DAMAGE else number


def as_text(stored: bytes, where: str, encoding: str = "UTF-8") -> str:
    """Text of a file.

    Args:
        stored: its bytes.
        where: the file and the place in it, for messages.
        encoding: encoding that the file states.

    Raises:
        InputError: it is no text in the encoding, or Python knows no such encoding of text.
    """
    try:
        return stored.decode(encoding)
    except (UnicodeError, LookupError, ValueError) as error:
        found = quoted(stored.decode("utf-8", "backslashreplace"), LONGEST)
        raise InputError(f"{where} is {found}, expected text in {encoding}: correct the file or remove it") from error


def reason(error: BaseException) -> str:
    """The reason that the HDF5 library gives, which stands in parentheses, for example: truncated file: eof = 100."""
    text = " ".join(str(error).split())
    text = text[text.find("(") + 1 : text.rfind(")")] if "(" in text and ")" in text else text
    return "".join(character for character in text if character.isprintable())[:LONGEST]
