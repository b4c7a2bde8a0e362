"""Tables of delimited text from outside, whose columns are text or numbers.

A table is read as pyarrow reads it, in parallel and a block at a time. What cannot be read is looked for again, line by
line, and named with file, line and column; no exception of a library leaves this module.

Text is taken as it is: words for missing values hold for numbers only. Numbers are read as float64 and stored as
float32, where they must be finite and must not vanish.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.text import check_characters, delimited_rows, encoding_of, first_rows
from sciml_datasets.files.text_numbers import MISSING, fault_of, stored

if TYPE_CHECKING:
    import pyarrow as pa

UNNAMED = re.compile(r"|Unnamed: \d+(\.\d+)?")
"""Names of a column without a name, as it is and as pandas calls it."""
CONTROL = re.compile(r"[\x00-\x1f]")
BLOCK_BYTES = 1 << 26
"""Bytes parsed at a time: a line of 30,000 genes has 300 kB, and every block costs an array for each column."""


@dataclass(frozen=True)
class TextTable:
    """A table whose first line was read.

    Attributes:
        path: its file.
        separator: between fields; a field may stand in double quotes.
        names: of all its columns.
        skip: number of lines before its first row.
        encoding: of its text.
    """

    path: Path
    separator: str
    names: tuple[str, ...]
    skip: int
    encoding: str

    @classmethod
    def open(cls, path: Path, separator: str, *, header: int = 1, names: Sequence[str] | None = None) -> TextTable:
        """A table by its first lines.

        Args:
            path: the file.
            separator: between fields.
            header: number of rows before those of the table.
            names: names of its columns; default those of its first row.

        Raises:
            InputError: as `first_rows`.
            OSError: it cannot be read.
        """
        rows = first_rows(path, separator, max(header, 1))
        skip = rows[header - 1][0] if header else 0
        return cls(path, separator, tuple(rows[0][1] if names is None else names), skip, encoding_of(path))

    def place(self, name: str, *also: str) -> int:
        """The place of the column of the first of these names that there is.

        Raises:
            InputError: there is none of them, or two columns have it.
        """
        for candidate in (name, *also):
            found = [place for place, known in enumerate(self.names) if known == candidate]
            if len(found) > 1:
                raise InputError(
                    f"{self.path}: columns {found[0] + 1} and {found[1] + 1} are both called {candidate}: keep one of "
                    "them, or rename the other"
                )
            if found:
                return found[0]
        shown = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
        raise InputError(
            f"{self.path}: there is no column {' or '.join((name, *also))}, only {shown}: name the column so in the "
            "first line"
        )

    def read(self, *, text: Mapping[int, str], numbers: Mapping[int, str]) -> pa.Table:
        """Some columns.

        Args:
            text: place of a column to its name in the result; read as text, as it is, without control characters.
            numbers: the same for columns of numbers; read as float32, null where the field is one of MISSING, and
                infinite where the field says so.

        Returns:
            The columns, text first; empty lines are no rows.

        Raises:
            InputError: there is no row, a line has another number of fields, a field is no number or no float32 can
                hold it, or text is not in the encoding of the file; the line and column are named.
            OSError: the file cannot be read.
        """
        import pyarrow as pa

        found = self._read(text, numbers)
        return pa.table(self._columns(found, text, numbers), names=[*text.values(), *numbers.values()])

    def batches(self, *, text: Mapping[int, str], numbers: Mapping[int, str]) -> Iterator[pa.RecordBatch]:
        """As `read`, some rows at a time: memory does not grow with the file."""
        import pyarrow as pa

        for block in self._blocks(text, numbers):
            columns = self._columns(block, text, numbers)
            yield pa.RecordBatch.from_arrays(columns, names=[*text.values(), *numbers.values()])

    def matrix(
        self, *, id_place: int | None, drop: Collection[int] = ()
    ) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float32]]:
        """All columns of numbers, with an id in each row or without.

        A column without a name that holds distinct whole numbers is the row number that pandas and R write, and left
        out.

        Args:
            id_place: place of the column of ids; None where rows have none.
            drop: places of columns that are not wanted.

        Returns:
            The ids, none without ``id_place``; the names of the other columns; (rows, columns) their values, NaN where
            missing.

        Raises:
            InputError: as `read`; also for an infinite value and for another column without a name.
            OSError: the file cannot be read.
        """
        text, numbers = self._matrix_columns(id_place, drop)
        found = self._read(text, numbers)
        values = self._values(found, numbers, len(text))
        counted = [i for i, name in enumerate(numbers.values()) if _counts_rows(name, values[:, i])]
        for i, (place, name) in enumerate(numbers.items()):
            if UNNAMED.fullmatch(name) and i not in counted:
                raise self._unnamed(place)
        names = [name for i, name in enumerate(numbers.values()) if i not in counted]
        ids = () if id_place is None else tuple(found.column(0).to_pylist())
        return ids, tuple(names), np.delete(values, counted, axis=1) if counted else values

    def matrix_batches(
        self, *, id_place: int, drop: Collection[int] = ()
    ) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """The ids and values of `matrix`, some rows at a time; every column must have a name."""
        text, numbers = self._matrix_columns(id_place, drop)
        for place, name in numbers.items():
            if UNNAMED.fullmatch(name):
                raise self._unnamed(place)
        for block in self._blocks(text, numbers):
            yield block.column(0).to_pylist(), self._values(block, numbers, len(text))

    def _matrix_columns(self, id_place: int | None, drop: Collection[int]) -> tuple[dict[int, str], dict[int, str]]:
        numbers = {place: name for place, name in enumerate(self.names) if place != id_place and place not in drop}
        if not numbers:
            raise InputError(f"{self.path} has no column of numbers beside the ids: fetch or make it again")
        return {} if id_place is None else {id_place: "id"}, numbers

    def _columns(
        self, found: pa.Table | pa.RecordBatch, text: Mapping[int, str], numbers: Mapping[int, str]
    ) -> list[Any]:
        """The columns, numbers as float32."""
        import pyarrow as pa

        columns = [found.column(i) for i in range(len(text))]
        for i in range(len(numbers)):
            values = np.empty(found.num_rows, np.float32)
            if not stored(found.column(len(text) + i).to_numpy(zero_copy_only=False), values):
                raise self._fault(text, numbers, "no float32 can hold a number")
            columns.append(pa.array(values, from_pandas=True))
        return columns

    def _values(self, found: pa.Table | pa.RecordBatch, numbers: Mapping[int, str], first: int) -> NDArray[np.float32]:
        """The columns from ``first`` on as an array."""
        values = np.empty((found.num_rows, len(numbers)), np.float32)
        columns = (found.column(first + i).to_numpy(zero_copy_only=False) for i in range(len(numbers)))
        if not all(stored(column, values[:, i]) for i, column in enumerate(columns)) or np.isinf(values).any():
            raise self._fault({}, numbers, "no float32 can hold a number", infinite=False)
        return values

    def _read(self, text: Mapping[int, str], numbers: Mapping[int, str]) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        try:
            with naming(self.path), pa.OSFile(str(self.path)) as file:
                found = arrow_csv.read_csv(file, *self._options(text, numbers))
        except (pa.ArrowException, UnicodeError) as error:
            raise self._fault(text, numbers, error) from error
        return self._checked(found, text, numbers)

    def _blocks(self, text: Mapping[int, str], numbers: Mapping[int, str]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        rows = 0
        try:
            with (
                naming(self.path),
                pa.OSFile(str(self.path)) as file,
                arrow_csv.open_csv(file, *self._options(text, numbers)) as batches,
            ):
                for batch in batches:
                    rows += batch.num_rows
                    yield self._checked(batch, text, numbers)
        except (pa.ArrowException, UnicodeError) as error:
            raise self._fault(text, numbers, error) from error
        if not rows:
            raise self._fault(text, numbers, "no row")

    def _options(self, text: Mapping[int, str], numbers: Mapping[int, str]) -> tuple[Any, Any, Any]:
        """How pyarrow is to read, parse and convert; columns are called by their places."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        types = {str(place): pa.string() for place in text} | {str(place): pa.float64() for place in numbers}
        encoding = "utf8" if self.encoding.startswith("utf-8") else self.encoding  # pyarrow skips the mark of UTF-8
        return (
            arrow_csv.ReadOptions(
                column_names=[str(place) for place in range(len(self.names))],
                skip_rows=self.skip,
                block_size=BLOCK_BYTES,
                encoding=encoding,
            ),
            # Else a line break in quotes at the end of a block would part one row into two.
            arrow_csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=list(MISSING)),
        )

    def _checked(self, found: Any, text: Mapping[int, str], numbers: Mapping[int, str]) -> Any:
        """What was found, which must have rows, and no control characters in text."""
        if not found.num_rows or any(_has_control_characters(found.column(i)) for i in range(len(text))):
            raise self._fault(text, numbers, "it has a control character")
        return found

    def _fault(
        self, text: Mapping[int, str], numbers: Mapping[int, str], reason: object, infinite: bool = True
    ) -> InputError:
        """What is wrong with the first bad line, else the reason."""
        rows = 0
        for number, fields in delimited_rows(self.path, self.separator):
            if number <= self.skip:
                continue
            rows += 1
            if len(fields) != len(self.names):
                return InputError(
                    f"{self.path}: line {number} has {len(fields)} fields, expected {len(self.names)}: correct the line"
                )
            for place in text:
                check_characters(self.path, [fields[place]], number)
                if CONTROL.search(fields[place]):
                    return self._bad_field(number, place, f"{fields[place]!r} has a tab, a line break or the like")
            for place in numbers:
                fault = fault_of(fields[place], infinite)
                if fault:
                    return self._bad_field(number, place, fault)
        if not rows:
            return InputError(f"{self.path} has a header and no rows: fetch or make it again")
        words = " ".join(str(reason).split())
        return InputError(f"{self.path}: it cannot be read ({words[:200]}): fetch or make it again")

    def _bad_field(self, line: int, place: int, fault: str) -> InputError:
        return InputError(f"{self.path}: line {line}, column {self.names[place] or place + 1}: {fault}: correct it")

    def _unnamed(self, place: int) -> InputError:
        return InputError(
            f"{self.path}: column {place + 1} has no name: remove it if it numbers the rows, else name it in the first "
            "line"
        )


def _has_control_characters(column: pa.Array | pa.ChunkedArray) -> bool:
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    buffers = (chunk.buffers()[2] for chunk in chunks)
    return any(buffer and np.frombuffer(buffer, np.uint8).min(initial=255) < ord(" ") for buffer in buffers)


def _counts_rows(name: str, values: NDArray[np.float32]) -> bool:
    """Whether a column is the index of a data frame: without a name, or named by pandas, and numbers of rows."""
    if UNNAMED.fullmatch(name):
        return bool((values == np.floor(values)).all() and len(np.unique(values)) == len(values))
    return name in ("index", "level_0") and np.array_equal(values, np.arange(len(values)))
