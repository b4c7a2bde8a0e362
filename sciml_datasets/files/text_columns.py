"""Columns of a file of delimited text as pyarrow reads them, in parallel and a block at a time.

What cannot be read is looked for again, line by line, and named with file, line and column; no exception of a library
leaves this module. Numbers are read as float64 and stored as float32, where they must be finite and must not vanish.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.text_faults import Wanted, first_fault
from sciml_datasets.files.text_numbers import stored
from sciml_datasets.files.text_parsing import has_control_characters, options

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 1 << 26
"""Bytes parsed at a time: a line of 30,000 genes has 300 kB, and every block costs an array for each column."""


@dataclass(frozen=True)
class TextFile:
    """A file of delimited text whose first lines were read.

    Attributes:
        path: path of the file.
        separator: between fields; a field may stand in double quotes.
        names: names of all its columns.
        skip: number of lines before its first row.
        encoding: encoding of its text.
        close_to_0: whether a number may be there that is not 0, but too close to it for float64.
    """

    path: Path
    separator: str
    names: tuple[str, ...]
    skip: int
    encoding: str
    close_to_0: bool = False

    def parsed(self, wanted: Wanted) -> pa.Table:
        """The columns of text and of numbers, in this order.

        Raises:
            InputError: there is no row, or one cannot be read.
            OSError: the file cannot be read.
        """
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        if self.close_to_0:
            self.check(wanted)
        try:
            with naming(self.path), pa.OSFile(str(self.path)) as file:
                found = arrow_csv.read_csv(file, *self._options(wanted))
        except (pa.ArrowException, UnicodeError) as error:
            raise self._fault(wanted, error) from error
        if not found.num_rows:
            raise self._fault(wanted, "no row")
        return self._checked(found, wanted)

    def blocks(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """The columns as `parsed` returns them, some rows at a time."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        rows = 0
        if self.close_to_0:
            self.check(wanted)
        try:
            with (
                naming(self.path),
                pa.OSFile(str(self.path)) as file,
                arrow_csv.open_csv(file, *self._options(wanted)) as batches,
            ):
                for batch in batches:
                    rows += batch.num_rows
                    if batch.num_rows:
                        yield self._checked(batch, wanted)
        except (pa.ArrowException, UnicodeError) as error:
            raise self._fault(wanted, error) from error
        if not rows:
            raise self._fault(wanted, "no row")

    def columns(self, found: pa.Table | pa.RecordBatch, wanted: Wanted) -> tuple[list[Any], bool]:
        """The columns of what was read, numbers as float32, and whether a number is infinite.

        Raises:
            InputError: no float32 can hold a number.
        """
        import pyarrow as pa

        columns, infinite = [found.column(i) for i in range(len(wanted.text))], False
        for i, place in enumerate(wanted.numbers, len(wanted.text)):
            if place in wanted.exact:
                columns.append(found.column(i))
                continue
            values = np.empty(found.num_rows, np.float32)
            if not stored(found.column(i).to_numpy(zero_copy_only=False), values):
                raise self._fault(wanted, "no float32 can hold a number")
            infinite = infinite or bool(np.isinf(values).any())
            columns.append(pa.array(values, from_pandas=True))
        return columns, infinite

    def values(self, found: pa.Table | pa.RecordBatch, wanted: Wanted) -> NDArray[np.float32]:
        """(rows, columns) The numbers of what was read, finite, NaN where missing.

        Raises:
            InputError: no float32 can hold a number, or one is infinite.
        """
        values = np.empty((found.num_rows, len(wanted.numbers)), np.float32)
        first = len(wanted.text)
        columns = (found.column(first + i).to_numpy(zero_copy_only=False) for i in range(len(wanted.numbers)))
        if not all(stored(column, values[:, i]) for i, column in enumerate(columns)) or np.isinf(values).any():
            raise self._fault(wanted, "no float32 can hold a number")
        return values

    def _options(self, wanted: Wanted) -> tuple[Any, Any, Any]:
        return options(self.separator, self.encoding, len(self.names), self.skip, BLOCK_BYTES, wanted)

    def _checked(self, found: Any, wanted: Wanted) -> Any:
        """The columns that were read, after a check that their text has no control characters."""
        if any(has_control_characters(found.column(i)) for i in range(len(wanted.text))):
            raise self._fault(wanted, "it has a control character")
        return found

    def check(self, wanted: Wanted) -> None:
        """Look at every line.

        Raises:
            InputError: one cannot be read as wanted.
        """
        fault = first_fault(self.path, self.separator, self.names, self.skip, wanted)
        if fault is not None:
            raise fault

    def _fault(self, wanted: Wanted, reason: object) -> InputError:
        """A sentence on the first bad line, else the reason of the parser."""
        words = " ".join(str(reason).split())[:200]
        unknown = InputError(f"{self.path}: it cannot be read ({words}): fetch or make it again")
        return first_fault(self.path, self.separator, self.names, self.skip, wanted) or unknown
