"""The interface of raw data: the files, the samples in them, and a function that reads a sample.

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

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character, which UTF-8 cannot hold: so are bytes decoded with ``surrogateescape``."""

Example = dict[str, Any]
"""Feature name to value, as TFDS's ``encode_example`` takes it."""


@dataclass(frozen=True, slots=True, order=True)
class RawFile:
    """One raw file.

    Attributes:
        split: the split that its samples belong to; empty where they belong to several.
        name: path below the data set's raw folder, with forward slashes.
        size: size in bytes.
        mtime_ns: time of last change in nanoseconds.

    Raises:
        InputError: the name is not UTF-8, or holds a tab or line break, which a list of files cannot hold.
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
            status: status of the file, where it is known; None to request it.
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
    """One sample of the index: everything that the preparation needs before it reads the payload.

    Attributes:
        split: train, validation or test.
        key: unique id, also the example's ``id``.
        file: name of the raw file.
        place: place of the sample in the file, a text that its raw format defines.
        size: number of bytes of the payload, from which shard sizes follow.
        group: group that must not occur in two splits, for example a material; empty where the raw files do not state
            it.
        facts: values in the member list, in the order of `RawFormat.facts`: the truth where it is a number, and the
            groups for which scores are also reported.
    """

    split: str
    key: str
    file: str
    place: str
    size: int
    group: str
    facts: tuple[str, ...]

    def __reduce__(self) -> tuple[type[Sample], tuple[Any, ...]]:
        """The constructor and its arguments: pickling half a million takes half the time of a dataclass's own way."""
        return Sample, (self.split, self.key, self.file, self.place, self.size, self.group, self.facts)


class ArrayLayout(NamedTuple):
    """Shape of an array, with None for unknown lengths, and its type by its name, see `numpy_type`."""

    shape: tuple[Any, ...]
    dtype: str


def numpy_type(name: str) -> np.dtype[Any]:
    """The type of numbers of a name: one of NumPy's, or ``bfloat16``."""
    import numpy as np

    if name == "bfloat16":
        import ml_dtypes

        name = ml_dtypes.bfloat16
    found: np.dtype[Any] = np.dtype(name)
    return found


@dataclass(frozen=True, slots=True)
class Beside:
    """Data that are stored once, beside the records of a prepared data set.

    Attributes:
        tables: name of a `sciml_datasets.lookup.Lookup` feature to its (rows, width) table.
        missing: name of such a feature to (rows, width), whether a value of its table replaces a missing one.
        metadata: facts of the data set as a whole, as JSON; ``builder.info.metadata`` has them.
        documents: name of a file to its text.
        layouts: name of a `sciml_datasets.raw_tensor.RawTensor` feature to its shape and type.
    """

    tables: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, ArrayLayout] = field(default_factory=dict)


def is_listable(value: object) -> bool:
    """Whether a value is a text that a line of a member list can hold: UTF-8 without tabs and line breaks."""
    return isinstance(value, str) and not any(mark in value for mark in "\t\n\r") and not SURROGATE.search(value)


Note = Callable[[str, str], None]
"""Function to be called for a sample with a defect: with a key of `RawFormat.tolerated` and a clause that names it."""


def ignored(what: str, clause: str) -> None:
    """A `Note` that does nothing."""


class RawFormat(ABC):
    """A format of raw files: it lists, indexes and reads them. Errors in the files are raised as InputError.

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
        """Kind of `Sample.group` in a word: ``material``."""
        return "sample"

    @property
    def tolerated(self) -> Mapping[str, float]:
        """Defects that a sample may have, in words, each to the share of all samples above which files are refused."""
        return {}

    @property
    def accompanying(self) -> Collection[str]:
        """Glob patterns of names of files that belong to the raw files and are none, as locks: ``("*.db-lock",)``."""
        return ()

    @abstractmethod
    def files(self, folder: Path) -> list[RawFile]:
        """All raw files below ``folder``, sorted."""

    @abstractmethod
    def index(self, folder: Path, file: RawFile) -> Iterable[Sample]:
        """The samples of one file, read from its headers only and checked.

        Groups are compared where the samples fit in memory (`sciml_datasets.preparation.sorting.IN_MEMORY`); where
        there are more, the split must follow from the group by a rule, so that no group can occur in two splits.
        """

    @abstractmethod
    def reader(self, folder: Path, note: Note = ignored) -> AbstractContextManager[Callable[[Sample], Example]]:
        """A context with a function that reads samples and keeps a bounded number of files open.

        Large arrays of an example may be overwritten when the next is read: filling memory that is in use is several
        times faster than filling memory that the system has just allocated.

        Args:
            folder: folder of the raw files.
            note: function called once for each defect of each sample that is read in spite of it.
        """

    def missing(self, folder: Path) -> Collection[str]:
        """The splits that the files below ``folder`` do not have."""
        return ()

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """Position in its file at which most of a sample begins, and approximate number of its bytes, which are
        requested before it is read. None where that is not known."""
        return None

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """The data to store beside the records of all samples, which are consumed once at most."""
        return Beside()
