"""What preparation knows of raw data: files, the samples in them, and how to read one.

A benchmark's ``raw.py`` implements `RawFormat`; everything in ``preparation`` works on this interface alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
"""The splits of every data set, in the order in which they are written."""

Example = dict[str, Any]
"""Feature name to value, as TFDS's ``encode_example`` takes it."""


@dataclass(frozen=True, slots=True, order=True)
class RawFile:
    """One raw file.

    Attributes:
        split: the split that its samples belong to.
        name: path below the data set's raw folder, with forward slashes.
        size: bytes.
        mtime_ns: time of last change, nanoseconds.

    Raises:
        InputError: the name is not UTF-8 or holds a tab or line break, so that no list of files can hold it.
    """

    split: str
    name: str
    size: int
    mtime_ns: int

    def __post_init__(self) -> None:
        """See the docstring of the class."""
        if not self.name.isprintable() and re.search("[\t\n\r\udc80-\udcff]", self.name):
            shown = os.fsencode(self.name).decode("utf-8", "backslashreplace")
            raise InputError(f"{shown!r}: the name of a raw file is not UTF-8, or holds a tab or line break: rename it")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of the index: everything that preparation needs to know before it reads the payload.

    Attributes:
        split: train, validation or test.
        key: unique id, also the example's ``id``.
        file: name of the raw file.
        place: where in the file.
        size: bytes of the payload; shard sizes follow from it.
        group: the unit that must not straddle splits, for example a material; empty where the raw files do not tell.
        facts: what the member list says of it, in the order of `RawFormat.facts`: the truth where it is a number, and
            what scores are broken down by.
    """

    split: str
    key: str
    file: str
    place: str
    size: int
    group: str
    facts: tuple[str, ...]

    def __reduce__(self) -> tuple[type[Sample], tuple[Any, ...]]:
        """Half a million of them travel between processes in half the time of a dataclass's own way."""
        return Sample, (self.split, self.key, self.file, self.place, self.size, self.group, self.facts)


class RawFormat(Protocol):
    """How one data set's raw files are listed, indexed and read. Errors in the files are raised as InputError."""

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of `Sample.facts`: ``("space_group",)``."""

    @property
    def group_kind(self) -> str:
        """What `Sample.group` is, in words: ``material``."""

    def files(self, folder: Path) -> list[RawFile]:
        """All raw files below ``folder``, sorted."""

    def index(self, folder: Path, file: RawFile) -> Iterable[Sample]:
        """The samples of one file, from headers only, checked.

        Of more samples than memory takes (`sciml_datasets.preparation.sorting.IN_MEMORY`) nobody compares the groups:
        there the split must follow from the group by a rule, so that none can stand in two.
        """

    def reader(self, folder: Path) -> AbstractContextManager[Callable[[Sample], Example]]:
        """A function that reads samples, and keeps a bounded number of files open while the context lasts.

        Large arrays of an example may be overwritten when the next is read: filling memory that is in use is several
        times faster than filling memory that the system has just handed out.
        """


Note = Callable[[str, str], None]
"""To be called with what is wrong with a sample, a key of `NotingFormat.tolerated`, and a clause that names it."""


def unheard(what: str, clause: str) -> None:
    """A `Note` that nobody hears."""


@runtime_checkable
class NotingFormat(RawFormat, Protocol):
    """A raw format whose reader goes on where it can, and notes what was wrong."""

    @property
    def tolerated(self) -> Mapping[str, float]:
        """What may be wrong with a sample, in words, to the share of all samples beyond which raw files are refused."""

    def reader(self, folder: Path, note: Note = ...) -> AbstractContextManager[Callable[[Sample], Example]]:
        """As `RawFormat.reader`; ``note`` hears once of each sample and thing that is wrong with it."""


@runtime_checkable
class PartialFormat(RawFormat, Protocol):
    """A raw format whose files may have been made without one of the splits."""

    def missing(self, folder: Path) -> Collection[str]:
        """The splits that the files below ``folder`` are without."""


@runtime_checkable
class PlacedFormat(RawFormat, Protocol):
    """A raw format that knows where in its file a sample lies, so that it can be asked for before it is read."""

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """Where most of a sample begins in its file, and about how many bytes it has; None where nobody knows."""


class ArrayLayout(NamedTuple):
    """Shape of an array, None for unknown lengths, and its type by NumPy's name."""

    shape: tuple[Any, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies once beside the records of a prepared data set.

    Attributes:
        tables: name of a `sciml_datasets.prepared.lookup.Lookup` feature to its (rows, width) table.
        missing: name of such a feature to where its table (rows, width) has values that stand for missing ones.
        metadata: facts of the data set as a whole, as JSON; ``builder.info.metadata`` has them.
        documents: name of a file to its text.
        layouts: name of a `sciml_datasets.prepared.raw_tensor.RawTensor` feature to what it is.
    """

    tables: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, ArrayLayout] = field(default_factory=dict)


@runtime_checkable
class TabledFormat(RawFormat, Protocol):
    """A raw format whose records need what lies beside them: tables that they refer to, shapes and types."""

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """What lies beside the records of all samples, which are consumed once."""
