"""A raw format given by one function, for data that fit in memory: each raw file is a sequence of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from numbers import Number
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import is_companion, regular_file, walked
from sciml_datasets.raw_format import SPLITS, Example, Note, RawFile, RawFormat, Sample, ignored, is_listable
from sciml_datasets.splits.hashing import part_of

SHARES = (0.8, 0.1)
"""Shares of the groups in train and in validation where the source gives no splits; the rest is test."""
LONGEST = 1000
"""Largest number of characters of an id, a group or a fact: lists of them are read by line."""


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
        pattern: glob pattern of the names of raw files, at any depth below the raw folder; hidden files and folders are
            left out.
        rows: function that takes the path of a raw file and yields its samples, always the same in the same order;
            arrays may be overwritten once the next sample is requested. Errors in the file are to be raised as
            InputError.
        facts: names of features, numbers or texts, that are also columns of the member lists: the label or the target,
            and the columns of groupings.
        group_kind: kind of the groups in a word; the name of their column in the member lists.

    Raises:
        InputError: the pattern is no text, or ``rows`` is no function.

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

    def __post_init__(self) -> None:
        """See the docstring of the class."""
        if not isinstance(self.pattern, str) or not self.pattern.strip("./"):
            raise InputError(f"Rows has the pattern {self.pattern!r:.80}: give one of file names, as '*.csv'")
        if not callable(self.rows):
            raise InputError(f"Rows has {self.rows!r:.80} as rows: give a function that yields the rows of a file")

    def files(self, folder: Path) -> list[RawFile]:
        """All files whose names fit the pattern, but for hidden ones.

        Raises:
            InputError: there is no such file, or one is no regular file.
        """
        found = [
            RawFile.of(folder, parent / name, status=regular_file(parent / name))
            for parent, _, names in walked(folder)
            if not any(map(is_companion, parent.relative_to(folder).parts))
            for name in names
            if Path(name).match(self.pattern) and not is_companion(name)
        ]
        if not found:
            raise InputError(f"{folder}: no file {self.pattern} in it: put the raw files there")
        return sorted(found)

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of a file; the place of each is its number in the file.

        Raises:
            InputError: the function yields something else than rows, or a row has no usable id, split or group, lacks a
                fact, or has masked values.
        """
        for number, row in enumerate(self._rows(folder / file.name)):
            yield self._sample(folder, file.name, number, row)

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads samples; the rows of all files that were read are kept in memory."""
        known: dict[str, list[Row]] = {}
        yield partial(self._example, folder, known)

    def _example(self, folder: Path, known: dict[str, list[Row]], sample: Sample) -> Example:
        if sample.file not in known:
            known[sample.file] = [_copied(row) for row in self._rows(folder / sample.file)]
        rows = known[sample.file]
        number = int(sample.place)
        again = self._sample(folder, sample.file, number, rows[number]) if number < len(rows) else None
        if difference := self._difference(sample, again):
            raise InputError(
                f"{folder / sample.file}: row {number} {difference} and differs when it is read again: let "
                f"{_name(self.rows)} yield the same rows in the same order whenever it is called"
            )
        return rows[number].example

    def _difference(self, sample: Sample, again: Sample | None) -> str:
        """A clause on what a row was, where it is something else when it is read again."""
        if again is None or again.key != sample.key:
            return f"was {sample.key}"
        names = ("split", self.group_kind, *self.facts)
        before = (sample.split, sample.group, *sample.facts)
        after = (again.split, again.group, *again.facts)
        for name, old, new in zip(names, before, after, strict=True):
            if old != new:
                return f"had the {name} {old!r:.80}, has now {new!r:.80},"
        return ""

    def _sample(self, folder: Path, file: str, number: int, row: Row) -> Sample:
        example, where = row.example, f"{folder / file}: row {number}"
        key = _text(where, "id", example.get("id"))
        split = "" if row.split is None else row.split
        if not isinstance(split, str) or split not in ("", *SPLITS):
            raise InputError(f"{where} is in the split {split!r:.80}: choose one of {', '.join(SPLITS)}, or none")
        absent = row.group is None or (isinstance(row.group, str) and not row.group)
        group = "" if absent else _text(where, "group", row.group)
        for name, value in example.items():
            _check_unmasked(where, name, value)
        return Sample(
            str(split) or part_of("rows", (group or key,), SHARES),
            key,
            file,
            str(number),
            sum(_size(value) for value in example.values()),
            group,
            tuple(_fact(where, name, example) for name in self.facts),
        )

    def _rows(self, path: Path) -> Iterator[Row]:
        try:
            found = self.rows(path)
            if isinstance(found, list | tuple) and _share_examples(found):
                raise InputError(
                    f"{path}: {_name(self.rows)} returns rows with one dictionary for several: make one for each, or "
                    "yield the rows one by one"
                )
            for row in found:
                if not isinstance(row, Row) or not isinstance(row.example, Mapping):
                    raise InputError(f"{path}: {_name(self.rows)} yields {row!r:.80}: yield Row({{'id': ..., ...}})")
                yield row
        except (InputError, OSError, MemoryError):
            raise
        except (Exception, SystemExit) as error:  # whatever the function raises on a file that it does not expect
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"{path}: {_name(self.rows)} fails ({reason}): correct the file, or the function"
            ) from error


def _share_examples(rows: Iterable[Row]) -> bool:
    """Whether several rows have the same dictionary, which holds the values of the last one."""
    examples = [id(row.example) for row in rows if isinstance(row, Row)]
    return len(set(examples)) < len(examples)


def _copied(row: Row) -> Row:
    """A row that stays as it is when the function fills the same dictionary or array with its next row."""
    return Row({name: _copy(value) for name, value in row.example.items()}, row.group, row.split)


def _copy(value: Any) -> Any:
    """A copy of arrays, and of the containers that hold them."""
    import numpy as np

    if isinstance(value, np.ndarray | bytearray):
        return value.copy()
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_copy, value))
    return value


def _check_unmasked(where: str, name: str, value: Any) -> None:
    """Make sure that no value is masked: a record holds the number below the mask, which means nothing."""
    import numpy as np

    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(f"{where} has masked values in {name!r}: give a value for each, or NaN")
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            _check_unmasked(where, name, part)


def _text(where: str, what: str, value: Any) -> str:
    """A text, after a check that a member list can hold it."""
    if not isinstance(value, str) or not value or not is_listable(value):
        raise InputError(f"{where} has the {what} {value!r:.80}: give a text without tabs and line breaks, in UTF-8")
    if len(value) > LONGEST:
        raise InputError(f"{where} has the {what} {value!r:.40}, {len(value):,} characters: give {LONGEST:,} at most")
    return str(value)


def _fact(where: str, name: str, example: Example) -> str:
    """The text of a fact; for a number, the shortest text that is read as the same number."""
    if name not in example:
        raise InputError(f"{where} lacks {name!r}, which facts names: give it in every row")
    value = example[name]
    if getattr(value, "ndim", 0):
        raise InputError(f"{where} has an array as {name!r}, which facts names: expected a number or a text")
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, str | Number):
        raise InputError(f"{where} has {value!r:.80} as {name!r}, which facts names: expected a number or a text")
    return _text(where, name, str(value))


def _size(value: Any) -> int:
    """Approximate number of bytes of a value."""
    return int(getattr(value, "nbytes", 0)) or (len(value) if isinstance(value, str | bytes) else 8)


def _name(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', 'rows')}".lstrip(".")
