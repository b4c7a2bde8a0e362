"""A prepared data set as one object: opened once, then passed to everything that reads or scores it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.benchmarks import BENCHMARKS, find, register_received
from sciml_datasets.errors import InputError
from sciml_datasets.nearest import one_of
from sciml_datasets.prepared.given import given_partitions
from sciml_datasets.prepared.integrity import AGAIN, content_sha256, listed_of, manifest_of
from sciml_datasets.prepared.members import MemberColumns, joined, member_list, member_rows, read_members
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.prepared.remote import local_root
from sciml_datasets.prepared.verify import check_prepared, differences
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.folds import FOLD, fold_ids
from sciml_datasets.splits.groups import ROW, groups
from sciml_datasets.splits.partitions import (
    OFFICIAL,
    Selection,
    chosen,
    is_official,
    no_split_given,
    no_such_part,
    part_ids,
    selected,
    split_names,
)


@dataclass(frozen=True)
class Prepared:
    """A prepared data set.

    The declaration and the manifest are read when it is opened, everything else when it is first used. A pickled one
    carries nothing that was read later: the process that receives it reads what it needs.

    Attributes:
        name: name of the data set.
        data_dir: folder of prepared data sets; for a URL, the folder in the cache that stands for it.
        benchmark: the benchmark as it is declared for this data set; `Benchmark.for_data` fits it to `facts`.
        dataset: the data set as it is declared.
        manifest: content of ``manifest.json``; it is shared and must not be changed.

    Example:
        >>> import sciml_datasets
        >>> prepared = sciml_datasets.Prepared.open("candle_uno_demo", data_dir="data")
        >>> prepared.benchmark.name
        'candle_uno'
        >>> selection = prepared.select("cell_blind:test")
        >>> set(selection.columns["cell"]) & set(prepared.select("cell_blind:train").columns["cell"])
        set()
    """

    name: str
    data_dir: Path
    benchmark: Benchmark = field(repr=False, compare=False)
    dataset: DataSet = field(repr=False, compare=False)
    manifest: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def open(cls, name: str, data_dir: str | Path | None = None) -> Self:
        """Open a data set that ``sciml prepare`` has made.

        Args:
            name: name of the data set, for example ``stemdl_demo``.
            data_dir: folder of prepared data sets, or a URL of one; default as in TFDS.

        Raises:
            InputError: no data set has this name, it is not prepared there, or its manifest is damaged; or what is at
                the URL cannot be read.
        """
        benchmark, dataset = find(name)
        root = local_root(name, dataset.version, data_dir)
        return cls(name, root, benchmark, dataset, manifest_of(root / "sciml" / name / dataset.version))

    @classmethod
    def found(cls, name: str, data_dir: str | Path | None = None) -> Self | None:
        """Open a data set as `open` does; None where its folder does not exist or is empty.

        Raises:
            InputError: no data set has this name, or its folder is not complete; or there is none at a URL.
        """
        _, dataset = find(name)
        root = local_root(name, dataset.version, data_dir)
        return None if listed_of(root / "sciml" / name / dataset.version) is None else cls.open(name, root)

    def __getstate__(self) -> dict[str, Any]:
        state = {attribute.name: getattr(self, attribute.name) for attribute in fields(self)}
        return state | {"declared": BENCHMARKS[self.benchmark.name]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        register_received(state.pop("declared"))
        self.__dict__.update(state)

    @property
    def folder(self) -> Path:
        """The folder of its files: ``<data_dir>/sciml/<name>/<version>``."""
        return self.data_dir / "sciml" / self.name / self.dataset.version

    @property
    def plan_digest(self) -> str:
        """SHA-256 of the plan that it was prepared by: the samples of each shard."""
        return str(self.manifest["plan_digest"])

    def verify(self, *, quick: bool = False, jobs: int = 1) -> list[str]:
        """Compare the folder with its manifest: one sentence for each difference, none where there is no difference.

        Args:
            quick: compare names and sizes only; otherwise every file is hashed.
            jobs: number of processes that hash.

        Example:
            >>> import sciml_datasets
            >>> sciml_datasets.Prepared.open("candle_uno_demo", data_dir="data").verify()
            []
        """
        return differences(self.folder, self.manifest, quick=quick, jobs=jobs)

    def check(self) -> Self:
        """The data set itself, returned after names and sizes of its files were compared with the manifest.

        Raises:
            InputError: a file is missing, is there without being listed, or has another size.
        """
        check_prepared(self.folder, self.manifest)
        return self

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Facts of the data set as a whole, the content of ``metadata.json``; empty where there is no such file.

        Raises:
            InputError: the file is damaged.
        """
        return facts_of(self.folder)

    @cached_property
    def members(self) -> MemberColumns:
        """The columns of the member lists of all splits, in the order of the records.

        Raises:
            InputError: a member list is missing or damaged.
        """
        return joined(self.folder, [self.members_of(split) for split in SPLITS])

    def members_of(self, split: str) -> MemberColumns:
        """The columns of the member list of train, validation or test, in the order of the records.

        Raises:
            InputError: as `members`.
        """
        return read_members(self.folder, split)

    @cached_property
    def records(self) -> str:
        """The splits that hold records, as TFDS names their union: ``train+validation+test`` where all three do."""
        return "+".join(part for part in SPLITS if next(member_rows(self.folder, part)[1], None) is not None)

    @property
    def has_official_splits(self) -> bool:
        """Whether the canonical splits were given by the raw files."""
        return is_official(self.facts)

    @property
    def split_names(self) -> list[str]:
        """The partitions by name that this data set has; an official one, where there is one, comes first."""
        official = [OFFICIAL] if self.has_official_splits else []
        return [*official, *self.given, *split_names(self.benchmark, self.members)]

    @cached_property
    def given(self) -> dict[str, list[str]]:
        """The partitions that the raw files gave beside the canonical splits: name to the part of each sample.

        Raises:
            InputError: their file is damaged.
        """
        return given_partitions(self.folder, self.members["id"])

    @cached_property
    def builder(self) -> Any:
        """The TFDS builder of the data set; its first use imports TFDS."""
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=self.data_dir)

    def canonical(self, split: str) -> str:
        """The name of a split, or of a partition, without ``official``: that partition is the canonical one.

        ``official:test`` becomes ``test``, and ``official`` becomes ``""``, the name of the canonical partition; every
        other name is returned as it is.

        Raises:
            InputError: the name is an official one, but the splits of the data set were not given by its raw files.
        """
        partition, _, part = split.partition(":")
        if partition != OFFICIAL:
            return split
        if not self.has_official_splits:
            names = self.split_names
            raise InputError(
                f"the raw files of {self.name} gave no official splits: leave the name out for the canonical ones"
                + (f", or choose one of {', '.join(names)}" if names else "")
            )
        return part

    def select(self, split: str) -> Selection:
        """The samples of a split.

        Args:
            split: train, validation or test, or a part of another partition, for example ``cell_blind:test`` or
                ``fold 2/5 by cell:test``.

        Raises:
            InputError: the data set has no such split.

        Example:
            >>> import sciml_datasets
            >>> test = sciml_datasets.Prepared.open("candle_uno_demo", data_dir="data").select("drug_blind:test")
            >>> list(test.columns)
            ['id', 'response', 'cell', 'drug', 'source', 'unit']
            >>> len(test.columns["id"]) == len(test.positions)
            True
        """
        partition, _, part = self.canonical(split).rpartition(":")
        if not partition and part in SPLITS:
            columns = self.members_of(part)
            if not columns["id"]:
                raise InputError(no_split_given(self.name, part, split_names(self.benchmark, self.members)))
            digest = content_sha256(self.folder / member_list(part))
            return Selection(columns, part, np.arange(len(columns["id"])), digest)
        if part not in SPLITS:
            raise InputError(no_such_part(split, self.split_names, self.benchmark))
        self.check_partition(partition)
        if partition in self.given:
            found = chosen(self.members, [own == part for own in self.given[partition]], self.records)
        else:
            found = selected(self.benchmark, self.members, partition, part, self.records)
        if not len(found.positions):
            raise InputError(
                f"{split} of {self.name} holds no sample: there are too few groups to divide, choose another partition"
            )
        return replace(found, columns=MemberColumns(self.folder, found.columns))

    def held_out(self, partition: str = "") -> str:
        """The part of a partition that a run is scored on: test, or validation where the raw files had no test split.

        Args:
            partition: name of the partition; empty for the canonical one.
        """
        return "test" if partition or "test" in self.records.split("+") else "validation"

    def folds(self, k: int, by: str = ROW, seed: int = 0) -> list[tuple[list[str], list[str]]]:
        """Divide all samples, those of all splits, into k folds; see `sciml_datasets.folds`.

        Raises:
            InputError: the data set has no such grouping, or there are fewer groups than folds.
        """
        return fold_ids(self.members["id"], groups(self.benchmark, self.members, by), k, by, seed)

    def parts(self, split: str) -> dict[str, list[str]]:
        """The ids of train, validation and test of a split by name, see `sciml_datasets.parts`.

        Raises:
            InputError: the data set has no such split.
        """
        if not self.canonical(split):
            return {part: self.members_of(part)["id"] for part in SPLITS}
        self.check_partition(split)
        if split in self.given:
            rows = [*zip(self.members["id"], self.given[split], strict=True)]
            return {part: [key for key, own in rows if own == part] for part in SPLITS}
        return part_ids(self.benchmark, self.members, split)

    def check_partition(self, name: str) -> None:
        """Make sure that a partition has this name; of a fold only the form of its name is looked at.

        Raises:
            InputError: none has.
        """
        if not FOLD.fullmatch(name) and name not in self.split_names:
            raise InputError(f"there is no split {name!r}: {one_of(name, self.split_names)}")

    def examples(self, ids: Iterable[str]) -> Subset:
        """The examples with these ids, see `sciml_datasets.examples`.

        Raises:
            InputError: the data set has no example of an id.

        Example:
            >>> import sciml_datasets
            >>> prepared = sciml_datasets.Prepared.open("candle_uno_demo", data_dir="data")
            >>> train, held_out = prepared.folds(5, by="drug")[0]
            >>> examples = prepared.examples(held_out)
            >>> examples[0]["id"].decode() == held_out[0]
            True
        """
        place = {key: position for position, key in enumerate(self.members["id"])}
        wanted = list(ids)
        if unknown := [key for key in wanted if key not in place]:
            raise InputError(
                f"{self.name} has no example {unknown[0]!r} ({len(unknown):,} unknown): give ids of this data set"
            )
        source = self.builder.as_data_source(split=self.records)
        if len(source) != len(self.members["id"]):
            raise InputError(
                f"{self.folder}: its member lists name {len(self.members['id']):,} samples, but its shards hold "
                f"{len(source):,}: {AGAIN}"
            )
        return Subset(source, np.array([place[key] for key in wanted], np.int64))


@dataclass(frozen=True, slots=True)
class Subset:
    """Some examples of a prepared data set by number, as `tfds.data_source` reads them: a sequence for data loaders.

    Attributes:
        source: sequence of all examples of all splits.
        positions: (N,) int64 positions of these examples in the source.
    """

    source: Any
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.positions)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The example of this number: feature name to array.

        Raises:
            IndexError: there is no example of this number.
            DamagedRecordError: a record is not what was written, or belongs to another sample.
        """
        found: dict[str, Any] = self.source[int(self.positions[number])]
        return found

    def __getitems__(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """The examples of several numbers at once, as PyTorch's data loaders request them."""
        return [self[number] for number in numbers]


def opened(prepared: str | Prepared, data_dir: str | Path | None = None) -> Prepared:
    """The data set, opened where its name is given.

    Args:
        prepared: name of the data set, or the data set itself.
        data_dir: folder of prepared data sets, only with a name; default as in TFDS.

    Raises:
        InputError: as `Prepared.open`, or ``data_dir`` is given with a data set that is open.
    """
    if isinstance(prepared, str):
        return Prepared.open(prepared, data_dir)
    if data_dir is not None:
        raise InputError(f"data_dir {data_dir} is given with {prepared.name}, which is open: leave data_dir out")
    return prepared
