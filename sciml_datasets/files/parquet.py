"""Columns of Parquet files from outside, one at a time; no exception of a library leaves this module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import listed, shown
from sciml_datasets.files.text_numbers import stored

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 1 << 22
"""Largest number of rows: a small file may state more of them than memory holds."""


@dataclass(frozen=True)
class ParquetTable:
    """A file whose description was read.

    Attributes:
        path: path of the file.
        names: names of its columns, each once.
        rows: number of its rows, as it states it.
    """

    path: Path
    names: tuple[str, ...]
    rows: int

    @classmethod
    def open(cls, path: Path) -> ParquetTable:
        """A table by the description at the end of its file.

        Raises:
            InputError: it is no Parquet file, has no row or more than MOST_ROWS, or two columns of one name.
            OSError: it cannot be read.
        """
        regular_file(path)
        with _reading(path) as file:
            names, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
        if not 0 < rows <= MOST_ROWS:
            raise InputError(f"{path} has {rows} rows, expected 1 to {MOST_ROWS}: fetch or make it again")
        for name, times in Counter(names).items():
            if times > 1:
                raise InputError(f"{path}: {times} columns are called {shown(name)}: rename them or keep one")
        return cls(path, names, rows)

    def texts(self, name: str) -> list[str]:
        """A column (rows,) of text.

        Raises:
            InputError: there is no such column, it holds anything else, or a row has no text in it.
            OSError: it cannot be read.
        """
        import pyarrow as pa

        found = self._column(name)
        if not _is_text(found.type):
            raise InputError(f"{self.path}: column {shown(name)} holds {found.type}, expected text: make it again")
        with _sentences(self.path):
            texts: list[str] = found.cast(pa.string()).to_pylist()
        for row, text in enumerate(texts, 1):
            if not text:
                raise InputError(f"{self.path}: row {row} has no {shown(name)}: name it or remove the row")
        return texts

    def numbers(self, name: str) -> NDArray[np.float32]:
        """A column (rows,) of numbers, NaN where missing.

        Raises:
            InputError: there is no such column, it holds what is no number, or one that no float32 can hold.
            OSError: it cannot be read.
        """
        import pyarrow as pa

        found = self._column(name)
        try:
            column = found.cast(pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"{self.path}: column {shown(name)} holds {found.type}, of which a value is no number: correct it"
            ) from error
        values = np.empty(len(column), np.float32)
        if not stored(column, values) or np.isinf(values).any():
            raise InputError(f"{self.path}: column {shown(name)} has a number that no float32 can hold: correct it")
        return values

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self.names:
            raise InputError(f"{self.path}: there is no column {shown(name)}, only {listed(self.names)}: add it")
        with _reading(self.path) as file:
            found = file.read([name], use_threads=False)
        if found.column_names != [name] or found.num_rows != self.rows:
            raise InputError(f"{self.path}: column {shown(name)} cannot be read as {self.rows} values: make it again")
        return found.column(0)


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """The open file."""
    from pyarrow import parquet

    with naming(path), _sentences(path), parquet.ParquetFile(str(path), page_checksum_verification=True) as file:
        yield file


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What pyarrow raises on a damaged file becomes a sentence."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no Parquet file that can be read ({reason}): fetch or make it again") from error


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
