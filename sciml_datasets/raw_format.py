"""What preparation knows of raw data: files, the samples in them, and how to read one.

A benchmark's ``data.raw_format`` returns a `RawFormat`; everything in ``preparation`` works on this interface alone.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
        split: the split that its samples belong to; empty where they belong to several.
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

    @classmethod
    def of(cls, folder: Path, path: Path, split: str = "", status: os.stat_result | None = None) -> RawFile:
        """The raw file of a path below a folder.

        Args:
            folder: the data set's raw folder.
            path: the file in it.
            split: the split that its samples belong to; empty where they belong to several.
            status: what is known of the file; None to ask.
        """
        status = status or path.stat()
        return cls(split, path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns)

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


class ArrayLayout(NamedTuple):
    """Shape of an array, None for unknown lengths, and its type by NumPy's name."""

    shape: tuple[Any, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies once beside the records of a prepared data set.

    Attributes:
        tables: name of a `sciml_datasets.lookup.Lookup` feature to its (rows, width) table.
        missing: name of such a feature to where its table (rows, width) has values that stand for missing ones.
        metadata: facts of the data set as a whole, as JSON; ``builder.info.metadata`` has them.
        documents: name of a file to its text.
        layouts: name of a `sciml_datasets.raw_tensor.RawTensor` feature to what it is.
    """

    tables: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, ArrayLayout] = field(default_factory=dict)


Note = Callable[[str, str], None]
"""To be called with what is wrong with a sample, a key of `RawFormat.tolerated`, and a clause that names it."""


def ignored(what: str, clause: str) -> None:
    """A `Note` that is not kept."""


class RawFormat(ABC):
    """How one data set's raw files are listed, indexed and read. Errors in the files are raised as InputError.

    Example:
        >>> from contextlib import contextmanager
        >>> from pathlib import Path
        >>> from sciml_datasets.raw_format import RawFile, RawFormat, Sample
        >>> class Texts(RawFormat):  # each raw file is a sample
        ...     def files(self, folder):
        ...         return sorted(RawFile.of(folder, path, split="train") for path in folder.glob("*.txt"))
        ...     def index(self, folder, file):
        ...         return [Sample(file.split, file.name, file.name, "", file.size, "", ())]
        ...     @contextmanager
        ...     def reader(self, folder, note=None):
        ...         yield lambda sample: {"id": sample.key, "text": (folder / sample.file).read_text()}
        >>> folder, texts = Path.cwd(), Texts()
        >>> characters = (folder / "specimen1.txt").write_text("quartz")
        >>> with texts.reader(folder) as read:
        ...     print([read(sample) for file in texts.files(folder) for sample in texts.index(folder, file)])
        [{'id': 'specimen1.txt', 'text': 'quartz'}]
    """

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of `Sample.facts`: ``("space_group",)``."""
        return ()

    @property
    def group_kind(self) -> str:
        """What `Sample.group` is, in a word: ``material``."""
        return "sample"

    @property
    def tolerated(self) -> Mapping[str, float]:
        """What may be wrong with a sample, in words, to the share of all samples beyond which files are refused."""
        return {}

    @abstractmethod
    def files(self, folder: Path) -> list[RawFile]:
        """All raw files below ``folder``, sorted."""

    @abstractmethod
    def index(self, folder: Path, file: RawFile) -> Iterable[Sample]:
        """The samples of one file, from headers only, checked.

        Groups are compared as far as the samples fit in memory (`sciml_datasets.preparation.sorting.IN_MEMORY`); of
        more, the split must follow from the group by a rule, so that no group can stand in two.
        """

    @abstractmethod
    def reader(self, folder: Path, note: Note = ignored) -> AbstractContextManager[Callable[[Sample], Example]]:
        """A function that reads samples, and keeps a bounded number of files open while the context lasts.

        Large arrays of an example may be overwritten when the next is read: filling memory that is in use is several
        times faster than filling memory that the system has just handed out.

        Args:
            folder: folder of the raw files.
            note: called once for each sample and thing that is wrong with it, where it is read all the same.
        """

    def missing(self, folder: Path) -> Collection[str]:
        """The splits that the files below ``folder`` were made without."""
        return ()

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """Where most of a sample begins in its file, and about how many bytes it has: what is asked for before it is
        read. None where that is not known."""
        return None

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """What lies beside the records of all samples, which are consumed once at most."""
        return Beside()
