"""Preprocessed stacks from either raw form: B as it is, or A, transformed while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.stemdl.log_scaling import FULL_PIXELS
from sciml_datasets.stemdl.npz import FOLDERS, NpzStacks
from sciml_datasets.stemdl.raw import TOLERATED, Hdf5Stacks


@dataclass(frozen=True, slots=True)
class PreprocessedStacks(RawFormat):
    """Raw files of form A or B, recognised by the suffix of the first; see `sciml_datasets.raw_format.RawFormat`."""

    group_kind: str = "material"
    facts: tuple[str, ...] = ("space_group",)
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """The files of the form that the folder holds.

        Raises:
            InputError: the folder holds both forms, or neither.
        """
        form_b = any((folder / name).is_dir() for names in FOLDERS.values() for name in names if name != "validation")
        form_a = any((folder / name).is_dir() for name in ("train", "dev"))
        if form_a and form_b:
            raise InputError(f"{folder} holds the raw forms A (train/) and B (training/): leave one of them there")
        if not form_a and not form_b:
            raise InputError(
                f"{folder}: expected the folders training/, validation/, testing/ and inference/ with *.npz files, or "
                "train/, dev/ and test/ with *.h5 files: put the raw files there"
            )
        return (Hdf5Stacks(FULL_PIXELS, preprocess=True) if form_a else NpzStacks()).files(folder)

    def index(self, folder: Path, file: RawFile) -> Iterable[Sample]:
        """See `Hdf5Stacks.index` and `NpzStacks.index`."""
        return _form(file.name).index(folder, file)

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """See `Hdf5Stacks.extent` and `NpzStacks.extent`."""
        return _form(sample.file).extent(sample)

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """See `Hdf5Stacks.reader` and `NpzStacks.reader`."""
        with ExitStack() as opened:
            readers: dict[str, Callable[[Sample], Example]] = {}

            def read(sample: Sample) -> Example:
                suffix = Path(sample.file).suffix
                if suffix not in readers:
                    readers[suffix] = opened.enter_context(_form(sample.file).reader(folder, note))
                return readers[suffix](sample)

            yield read


def _form(name: str) -> Hdf5Stacks | NpzStacks:
    return NpzStacks() if name.endswith(".npz") else Hdf5Stacks(FULL_PIXELS, preprocess=True)
