"""Delimited text whose columns are text or numbers: what cannot be read is named with file, line and column."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = ("", "NA", "na", "N/A", "NaN", "nan", "-")
"""What stands for no number."""
SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}
BLOCK_BYTES = 1 << 26
"""Bytes parsed at a time: a line of 30,000 genes has 300 kB, and every block costs an array for each column."""


def first_lines(path: Path, separator: str, count: int = 1) -> list[list[str]]:
    """The fields of the first lines, at most ``count``.

    Raises:
        InputError: there is no such file, it is empty or no text, or its first line has another separator.
    """
    lines = [fields for _, fields in islice(_lines(path, separator), count)]
    if not lines:
        raise InputError(f"{path} is empty: fetch or make it again")
    if len(lines[0]) == 1:
        for other, name in SEPARATORS.items():
            if other != separator and other in lines[0][0]:
                raise InputError(
                    f"{path}: the first line is separated by {name}, expected {SEPARATORS[separator]}: convert the file"
                )
    return lines


def place_of(path: Path, header: Sequence[str], name: str, *also: str) -> int:
    """The place of the first of these columns that the header has.

    Raises:
        InputError: it has none of them.
    """
    for candidate in (name, *also):
        if candidate in header:
            return list(header).index(candidate)
    shown = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
    raise InputError(
        f"{path}: there is no column {' or '.join((name, *also))}, only {shown}: name the column so in the first line"
    )


def read_columns(
    path: Path, separator: str, names: Sequence[str], *, text: Mapping[int, str], numbers: Mapping[int, str], skip: int
) -> pa.Table:
    """Some columns of a file.

    Args:
        path: the file.
        separator: between fields; a field may stand in double quotes.
        names: of all columns, for messages.
        text: place of a column to its name in the table; read as text, as it is.
        numbers: the same for columns of numbers; read as float32, null where the field is one of MISSING.
        skip: lines before the first row.

    Returns:
        The columns, text first; empty lines are no rows.

    Raises:
        InputError: a line has another number of fields, or a field is no number; the line and column are named.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        table = arrow_csv.read_csv(path, *_options(separator, names, text, numbers, skip))
    except pa.ArrowInvalid as error:
        raise _unreadable(path, separator, names, numbers, skip, error) from error
    return table.rename_columns([*text.values(), *numbers.values()])


def column_batches(
    path: Path, separator: str, names: Sequence[str], *, text: Mapping[int, str], numbers: Mapping[int, str], skip: int
) -> Iterator[pa.RecordBatch]:
    """As `read_columns`, some rows at a time: memory does not grow with the file."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        with arrow_csv.open_csv(path, *_options(separator, names, text, numbers, skip)) as batches:
            for batch in batches:
                yield batch.rename_columns([*text.values(), *numbers.values()])
    except pa.ArrowInvalid as error:
        raise _unreadable(path, separator, names, numbers, skip, error) from error


def matrix_batches(
    path: Path, separator: str, names: Sequence[str], *, id_place: int | None, skip: int, drop: Collection[int] = ()
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """As `read_matrix`, some rows at a time: memory does not grow with the file."""
    numbers = {place: name for place, name in enumerate(names) if place != id_place and place not in drop}
    text = {} if id_place is None else {id_place: "id"}
    before = skip
    for batch in column_batches(path, separator, names, text=text, numbers=numbers, skip=skip):
        ids = batch.column(0).to_pylist() if text else []
        yield ids, _matrix(path, batch, list(numbers.values()), len(text), before)
        before += batch.num_rows


def read_matrix(
    path: Path, separator: str, names: Sequence[str], *, id_place: int | None, skip: int, drop: Collection[int] = ()
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """A table of numbers, with an id in each line or without.

    Args:
        path: the file.
        separator: between fields.
        names: of all columns, for messages.
        id_place: place of the column of ids; None where lines have none.
        skip: lines before the first row.
        drop: places of columns that are not wanted.

    Returns:
        The ids, none without ``id_place``, and (rows, wanted columns) values, NaN where missing.

    Raises:
        InputError: as `read_columns`; also for an infinite value.
    """
    numbers = {place: name for place, name in enumerate(names) if place != id_place and place not in drop}
    text = {} if id_place is None else {id_place: "id"}
    table = read_columns(path, separator, names, text=text, numbers=numbers, skip=skip)
    ids = () if id_place is None else tuple(table.column(0).to_pylist())
    return ids, _matrix(path, table, list(numbers.values()), len(text), before=skip)


def _matrix(
    path: Path, table: pa.Table | pa.RecordBatch, names: Sequence[str], first: int, before: int
) -> NDArray[np.float32]:
    """The columns of numbers, from column ``first`` on, as an array; ``before`` lines of the file came earlier."""
    values = np.empty((table.num_rows, len(names)), np.float32)
    for column, name in enumerate(names):
        values[:, column] = table.column(column + first).to_numpy(zero_copy_only=False)
        if np.isinf(values[:, column]).any():
            line = before + int(np.flatnonzero(np.isinf(values[:, column]))[0]) + 1
            raise InputError(f"{path}: line {line}, column {name}: infinite, expected a number or NA: correct it")
    return values


def write_table(path: Path, header: Sequence[Sequence[str]], table: pa.Table) -> None:
    """Write tab-separated text; fields are quoted only where one needs it, and a null is empty."""
    from pyarrow import csv as arrow_csv

    texts = (column for column in table.columns if str(column.type) == "string")
    special = any(mark in value for column in texts for value in column.to_pylist() for mark in '"\t\r\n')
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter="\t", quoting_style="needed" if special else "none", batch_size=64
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(header)
    with path.open("ab") as file:
        arrow_csv.write_csv(table, file, options)


def _options(
    separator: str, names: Sequence[str], text: Mapping[int, str], numbers: Mapping[int, str], skip: int
) -> tuple[Any, Any, Any]:
    """How pyarrow is to read, parse and convert; columns are called by their places."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    types = {str(place): pa.string() for place in text} | {str(place): pa.float32() for place in numbers}
    places = [str(place) for place in range(len(names))]
    return (
        arrow_csv.ReadOptions(column_names=places, skip_rows=skip, block_size=BLOCK_BYTES),
        arrow_csv.ParseOptions(delimiter=separator),
        arrow_csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=list(MISSING)),
    )


def _unreadable(
    path: Path, separator: str, names: Sequence[str], numbers: Collection[int], skip: int, error: Exception
) -> InputError:
    fault = _first_fault(path, separator, names, numbers, skip)
    return InputError(fault or f"{path}: it cannot be read ({error}): fetch or make it again")


def _lines(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that has any, with its number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            yield from ((reader.line_num, fields) for fields in reader if fields)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file: put it there or correct the path") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, expected a text file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: it is no delimited text ({error}): fetch or make it again") from error


def _first_fault(path: Path, separator: str, names: Sequence[str], places: Collection[int], skip: int) -> str | None:
    """What is wrong with the first bad line, in words; ``places`` are those of numbers."""
    for number, line in _lines(path, separator):
        if number <= skip:
            continue
        if len(line) != len(names):
            return f"{path}: line {number} has {len(line)} fields, expected {len(names)}: correct the line"
        for place in places:
            if not _is_number(line[place]):
                return f"{path}: line {number}, column {names[place]}: {line[place]!r} is no number: correct it"
    return None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field in MISSING
    return True
