"""Tables of delimited text from outside, whose columns are text or numbers.

Text is taken as it is: words for missing values hold for numbers only. `sciml_datasets.files.text_columns` reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import delimited_rows, encoding_of, first_rows, listed, shown
from sciml_datasets.files.text_columns import TextFile
from sciml_datasets.files.text_faults import Wanted
from sciml_datasets.files.text_parsing import INDEX, UNNAMED, counts_rows
from sciml_datasets.files.text_scan import scan

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TextTable(TextFile):
    """A table whose columns are asked for by their places or names; see `TextFile` for its attributes."""

    @classmethod
    def open(cls, path: Path, separator: str, *, header: int = 1, names: Sequence[str] | None = None) -> TextTable:
        """A table by its first lines.

        Args:
            path: the file.
            separator: between fields.
            header: number of rows before those of the table.
            names: names of its columns; default those of its first row.

        Raises:
            InputError: as `first_rows` and `text_scan.scan`.
            OSError: it cannot be read.
        """
        encoding = encoding_of(path)
        close_to_0 = scan(path, separator, encoding)
        rows = first_rows(path, separator, max(header, 1))
        skip = rows[header - 1][0] if header else 0
        return cls(path, separator, tuple(rows[0][1] if names is None else names), skip, encoding, close_to_0)

    def place(self, name: str, *also: str) -> int:
        """The place of the column of the first of these names that there is.

        Raises:
            InputError: there is none of them, or two columns have it.
        """
        for candidate in (name, *also):
            found = [place for place, known in enumerate(self.names) if known == candidate]
            if len(found) > 1:
                raise InputError(
                    f"{self.path}: columns {found[0] + 1} and {found[1] + 1} are both called {shown(candidate)}: keep "
                    "one of them, or rename the other"
                )
            if found:
                return found[0]
        raise InputError(
            f"{self.path}: there is no column {' or '.join((name, *also))}, only {listed(self.names)}: name the column "
            "so in the first line"
        )

    def line_of(self, row: int) -> int:
        """The number of the line that a row ends with; rows count from 0."""
        lines = (number for number, _ in delimited_rows(self.path, self.separator) if number > self.skip)
        return next(islice(lines, row, None))

    def read(self, *, text: Mapping[int, str], numbers: Mapping[int, str], exact: Collection[int] = ()) -> pa.Table:
        """Some columns.

        Args:
            text: place of a column to its name in the result; read as text, as it is, without control characters.
            numbers: the same for columns of numbers; read as float32, null where the field is one of MISSING, and
                infinite where the field says so.
            exact: places of those of them that are read as float64, which no number is too large or too small for.

        Returns:
            The columns, text first; empty lines are no rows.

        Raises:
            InputError: there is no row, a line has another number of fields, a field is no number or no float32 can
                hold it, or text is not in the encoding of the file; the line and column are named.
            OSError: the file cannot be read.
        """
        import pyarrow as pa

        wanted = Wanted(text, numbers, exact)
        columns, infinite = self.columns(self.parsed(wanted), wanted)
        if infinite:  # as the field says, or too large
            self.check(wanted)
        return pa.table(columns, names=[*text.values(), *numbers.values()])

    def batches(self, *, text: Mapping[int, str], numbers: Mapping[int, str]) -> Iterator[pa.RecordBatch]:
        """Read as `read` does, some rows at a time: memory does not grow with the file."""
        import pyarrow as pa

        wanted, checked = Wanted(text, numbers), False
        for block in self.blocks(wanted):
            columns, infinite = self.columns(block, wanted)
            if infinite and not checked:
                self.check(wanted)
                checked = True
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
        wanted = self._matrix_columns(id_place, drop)
        found, numbers = self.parsed(wanted), wanted.numbers
        values = self.values(found, wanted)
        counted = [i for i, name in enumerate(numbers.values()) if counts_rows(name, values[:, i])]
        for i, (place, name) in enumerate(numbers.items()):
            if UNNAMED.fullmatch(name) and i not in counted:
                raise self._unnamed(place)
        names = [name for i, name in enumerate(numbers.values()) if i not in counted]
        ids = () if id_place is None else tuple(found.column(0).to_pylist())
        return ids, tuple(names), np.delete(values, counted, axis=1) if counted else values

    def matrix_batches(
        self, *, id_place: int, drop: Collection[int] = (), used: Collection[str] | None = None
    ) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """The ids and values of `matrix`, some rows at a time; every column must have a name.

        Args:
            id_place: as of `matrix`.
            drop: as of `matrix`; see also `row_numbers`.
            used: ids whose values are wanted; None for all.

        Yields:
            The ids of all rows, and the values of those that are used.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = self._matrix_columns(id_place, drop, used)
        for place, name in wanted.numbers.items():
            if UNNAMED.fullmatch(name):
                raise self._unnamed(place)
        kept = None if used is None else pa.array(list(used), pa.string())
        for block in self.blocks(wanted):
            rows = block if kept is None else block.filter(pc.is_in(block.column(0), kept))
            yield block.column(0).to_pylist(), self.values(rows, wanted)

    def row_numbers(self) -> list[int]:
        """The places of the columns that `matrix` leaves out since they number the rows.

        Raises:
            InputError: as `read`.
        """
        places = [place for place, name in enumerate(self.names) if UNNAMED.fullmatch(name) or name in INDEX]
        found = []
        for place in places:
            column = self.read(text={place: "text"}, numbers={})["text"]
            numbers = all(field.isdecimal() and field.isascii() and len(field) < 16 for field in column.to_pylist())
            if numbers and counts_rows(self.names[place], column.cast("float64").to_numpy()):
                found.append(place)
        return found

    def _matrix_columns(
        self, id_place: int | None, drop: Collection[int], used: Collection[str] | None = None
    ) -> Wanted:
        numbers = {place: name for place, name in enumerate(self.names) if place != id_place and place not in drop}
        if not numbers:
            raise InputError(f"{self.path} has no column of numbers beside the ids: fetch or make it again")
        return Wanted({} if id_place is None else {id_place: "id"}, numbers, infinite=False, used=used)

    def _unnamed(self, place: int) -> InputError:
        return InputError(
            f"{self.path}: column {place + 1} has no name: remove it if it numbers the rows, else name it in the first "
            "line"
        )
