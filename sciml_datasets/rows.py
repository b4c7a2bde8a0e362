"""A raw format given by one function, for data that fit in memory: each raw file is a sequence of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import regular_file, walked
from sciml_datasets.raw_format import SPLITS, Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.splits.hashing import part_of

SHARES = (0.8, 0.1)
"""Shares of the groups in train and in validation where the source gives no splits; the rest is test."""


@dataclass(frozen=True, slots=True)
class Row:
    """One sample of a raw file.

    Attributes:
        example: feature name to value, ``id`` among them, as `sciml_datasets.data_part.features` declares them.
        group: group that must not occur in two splits, for example a specimen; empty where there is none.
        split: train, validation or test where the source states it; empty where a hash decides.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.rows import Row
        >>> spectrum = np.zeros(100, np.float32)
        >>> row = Row({"id": "quartz1-a", "spectrum": spectrum, "mineral": 0}, group="quartz1")
        >>> row.group, row.split
        ('quartz1', '')
    """

    example: Example
    group: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Rows(RawFormat):
    """Raw files whose samples one function yields.

    Where no split is given, 80 % of the groups, or of the samples without a group, are in train, 10 % in validation and
    10 % in test, by `sciml_datasets.splits.hashing.part_of`, so that the splits are the same on every machine.

    Attributes:
        pattern: glob pattern of the names of raw files, at any depth below the raw folder.
        rows: function that takes the path of a raw file and yields its samples, always in the same order; errors in the
            file are to be raised as InputError.
        facts: names of features, numbers or texts, that are also columns of the member lists: the label or the target,
            and the columns of groupings.
        group_kind: kind of the groups in a word; the name of their column in the member lists.

    Example:
        >>> from sciml_datasets.rows import Row, Rows
        >>> def rows(path):
        ...     for line in path.read_text().splitlines():
        ...         name, value = line.split(",")
        ...         yield Row({"id": name, "value": float(value)})
        >>> Rows("*.csv", rows, facts=("value",)).group_kind
        'sample'
    """

    pattern: str
    rows: Callable[[Path], Iterable[Row]]
    facts: tuple[str, ...] = ()
    group_kind: str = "sample"

    def files(self, folder: Path) -> list[RawFile]:
        """All files whose names fit the pattern.

        Raises:
            InputError: there is no such file, or one is no regular file.
        """
        found = [
            RawFile.of(folder, parent / name, status=regular_file(parent / name))
            for parent, _, names in walked(folder)
            for name in names
            if Path(name).match(self.pattern)
        ]
        if not found:
            raise InputError(f"{folder}: no file {self.pattern} in it: put the raw files there")
        return sorted(found)

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of a file; the place of each is its number in the file.

        Raises:
            InputError: the function yields something else than rows, or a row has no usable id, split or group, or
                lacks a fact.
        """
        for number, row in enumerate(self._rows(folder / file.name)):
            example, where = row.example, f"{folder / file.name}: row {number}"
            key = _text(where, "id", example.get("id"))
            if row.split not in ("", *SPLITS):
                raise InputError(f"{where} is in the split {row.split!r}: choose one of {', '.join(SPLITS)}, or none")
            group = _text(where, "group", row.group) if row.group else ""
            yield Sample(
                row.split or part_of("rows", (group or key,), SHARES),
                key,
                file.name,
                str(number),
                sum(_size(value) for value in example.values()),
                group,
                tuple(_fact(where, name, example) for name in self.facts),
            )

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads samples; the rows of all files that were read are kept in memory."""
        known: dict[str, list[Row]] = {}
        yield partial(self._example, folder, known)

    def _example(self, folder: Path, known: dict[str, list[Row]], sample: Sample) -> Example:
        if sample.file not in known:
            known[sample.file] = list(self._rows(folder / sample.file))
        rows = known[sample.file]
        number = int(sample.place)
        if number >= len(rows) or rows[number].example.get("id") != sample.key:
            raise InputError(
                f"{folder / sample.file}: row {number} was {sample.key} and differs when it is read again: yield the "
                "rows of a file always in the same order"
            )
        return rows[number].example

    def _rows(self, path: Path) -> Iterator[Row]:
        try:
            for row in self.rows(path):
                if not isinstance(row, Row) or not isinstance(row.example, Mapping):
                    raise InputError(f"{path}: {_name(self.rows)} yields {row!r:.80}: yield Row({{'id': ..., ...}})")
                yield row
        except (InputError, OSError):
            raise
        except Exception as error:  # whatever the function raises on a file that it does not expect
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise InputError(
                f"{path}: {_name(self.rows)} fails ({reason}): correct the file, or the function"
            ) from error


def _text(where: str, what: str, value: Any) -> str:
    """A text, after a check that a member list can hold it."""
    if not isinstance(value, str) or not value or any(mark in value for mark in "\t\n\r"):
        raise InputError(f"{where} has the {what} {value!r:.80}: give a text without tabs and line breaks")
    return value


def _fact(where: str, name: str, example: Example) -> str:
    """The text of a fact; for a number, the shortest text that is read as the same number."""
    if name not in example:
        raise InputError(f"{where} lacks {name!r}, which facts names: give it in every row")
    value = example[name]
    if getattr(value, "ndim", 0):
        raise InputError(f"{where} has an array as {name!r}, which facts names: expected a number or a text")
    value = value.item() if hasattr(value, "item") else value
    return _text(where, name, str(value))


def _size(value: Any) -> int:
    """Approximate number of bytes of a value."""
    return int(getattr(value, "nbytes", 0)) or (len(value) if isinstance(value, str | bytes) else 8)


def _name(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', 'rows')}".lstrip(".")
