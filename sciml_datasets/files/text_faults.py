"""The first line of a table that cannot be read, and the reason, which a fast parser does not report."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.text import check_characters, delimited_rows, listed, quoted, shown
from sciml_datasets.files.text_numbers import fault_of

CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True)
class Wanted:
    """The part of a table that is read.

    Attributes:
        text: place of a column to its name in the result; read as text.
        numbers: the same for columns of numbers.
        exact: places of those of them that are kept as float64, which has no number that is too large or small.
        infinite: whether an infinite number is one.
        used: texts of the first column of text by which rows are used; of the others numbers are not kept; None for
            all rows.
    """

    text: Mapping[int, str]
    numbers: Mapping[int, str]
    exact: Collection[int] = ()
    infinite: bool = True
    used: Collection[str] | None = None


def first_fault(path: Path, separator: str, names: Sequence[str], skip: int, wanted: Wanted) -> InputError | None:
    """A sentence on the first bad line; None where every line is good.

    Args:
        path: the file.
        separator: between fields.
        names: names of its columns.
        skip: number of lines before its first row.
        wanted: the columns that matter.
    """
    rows = 0
    lines = delimited_rows(path, separator)
    for number, fields in lines:
        if number <= skip:
            continue
        rows += 1
        if len(fields) != len(names):
            cut = len(fields) < len(names) and _is_last(lines) and not _ends_a_line(path)
            remedy = "the file seems cut off: get it again" if cut else "correct the line"
            return InputError(f"{path}: {_unlike(number, fields, names, rows == 1 and skip > 0)}: {remedy}")
        for place in wanted.text:
            check_characters(path, [fields[place]], number)
            if CONTROL.search(fields[place]):
                return _bad_field(
                    path, number, names, place, f"{quoted(fields[place])} has a tab, a line break or the like"
                )
        kept = wanted.used is None or fields[next(iter(wanted.text))] in wanted.used
        for place in wanted.numbers:
            exact = place in wanted.exact or not kept
            fault = fault_of(fields[place], wanted.infinite or not kept, exact)
            if fault:
                return _bad_field(path, number, names, place, fault)
    return None if rows else InputError(f"{path} has a header and no rows: fetch or make it again")


def _is_last(lines: Iterator[tuple[int, list[str]]]) -> bool:
    """Whether no line follows; a line with a fault of its own is one too."""
    try:
        return next(lines, None) is None
    except InputError:
        return False


def _ends_a_line(path: Path) -> bool:
    with naming(path), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() in (b"\n", b"\r", b"\0")  # of UTF-16 the last byte, 0A 00


def _unlike(number: int, fields: Sequence[str], names: Sequence[str], first: bool) -> str:
    """In words, that a row has another number of fields than the names."""
    over = "\n".join(fields).count("\n") - (len(fields) - 1)
    where = f"line {number}" if not over else f"line {number - over}, which goes on to line {number} in quotes,"
    like = f" as in the first line, {listed(names)}" if first else ""
    return f"{where} has {len(fields)} fields, expected {len(names)}{like}"


def _bad_field(path: Path, line: int, names: Sequence[str], place: int, fault: str) -> InputError:
    return InputError(
        f"{path}: line {line}, column {shown(names[place]) if names[place] else place + 1}: {fault}: correct it"
    )
