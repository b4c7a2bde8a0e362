"""The terms in which a benchmark is declared: data sets, task, criteria, sources, choices."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.task import Classification, Reconstruction, Regression, Segmentation, Task

__all__ = [
    "CORRELATION",
    "ERROR",
    "FIT",
    "Benchmark",
    "Choice",
    "Classification",
    "Conversion",
    "Criterion",
    "DataSet",
    "GlobusSource",
    "NamedSplit",
    "Reconstruction",
    "Regression",
    "Segmentation",
    "Source",
    "Task",
    "Value",
]


@dataclass(frozen=True, slots=True)
class Value:
    """A published number and where it stands."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One score of a benchmark.

    Attributes:
        name: key of the score in results.
        title: for tables.
        direction: whether a higher or a lower score is better.
        target: what a respondent should reach, where one is declared.
        reference: what the published reference implementation reached.
        best_known: the best published result.
        span: the lowest and the highest score that there can be; None where there is no bound.
        at_most: name of the criterion of the same benchmark, if any, whose score is never less than this one.
        power: in which power the unit of what is predicted enters; 0 for a pure number.
        unit: unit of the score, where the prepared data tell that of what is predicted; see `Benchmark.for_data`.
    """

    name: str
    title: str
    direction: Literal["higher", "lower"]
    target: Value | None = None
    reference: Value | None = None
    best_known: Value | None = None
    span: tuple[float | None, float | None] = (0.0, 1.0)
    at_most: str = ""
    power: int = 0
    unit: str = ""

    def in_unit(self, unit: str) -> Criterion:
        """The same where what is predicted has this unit."""
        if not unit or not self.power:
            return self
        own = unit if self.power == 1 else f"({unit})^{self.power}"
        return replace(self, unit=own, title=f"{self.title}, {own}")

    def unpublished(self) -> Criterion:
        """The same without published values."""
        return replace(self, target=None, reference=None, best_known=None)


ERROR, FIT, CORRELATION = (0.0, None), (None, 1.0), (-1.0, 1.0)
"""Spans of criteria that are not shares."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One prepared form of a benchmark's data: the configuration ``sciml/<name>`` of the TFDS builder.

    Attributes:
        name: configuration name; raw files lie in the folder of this name below the raw folder.
        version: semantic version of the prepared records.
        title: one line.
        simulated_samples: for demo data, how many samples are simulated where no raw files are given; 0 for real data.
        preprocessed_from: the data set whose raw files serve as well, transformed while they are read.
        variant: what differs from the benchmark for this data set, by attribute of `Benchmark`.
        licence: licence of these data, where it differs from the benchmark's.
    """

    name: str
    version: str
    title: str
    simulated_samples: int = 0
    preprocessed_from: str = ""
    variant: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A place from which `sciml_datasets.fetch` gets the raw files of a data set.

    Attributes:
        url: URL of the folder that holds them in the layout of the raw folder, as fsspec takes it.
        num_files: how many there are.
        num_bytes: all together, about; 0 where the publisher does not tell.
        files: names, or glob patterns in which ``*`` spans folders, of what belongs to the data set.
        endpoint: of S3, where it is not Amazon's.
    """

    url: str
    num_files: int
    num_bytes: int = 0
    files: tuple[str, ...] = ("*",)
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class GlobusSource:
    """A place that only Globus reaches: the steps are told, see `sciml_datasets.fetch.globus`.

    Attributes:
        page: page of the data set, from which its folder in the collection opens.
        collection: name of the Globus collection.
        folder: how the name of the folder in it ends.
        num_files: how many there are.
        num_bytes: all together, about.
    """

    page: str
    collection: str
    folder: str
    num_files: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user may choose of a benchmark: a flag of ``sciml prepare``, ``simulate`` or ``convert``.

    Attributes:
        name: name of the flag, with underscores: ``space_groups`` is ``--space-groups``.
        values: the values that can be chosen; or the kind of any value: ``integer``, ``integers`` (one or several),
            ``number``, ``text`` or ``path``.
        default: one of the values; None where the raw files or the simulator decide.
        meaning: one line of help.
    """

    name: str
    values: tuple[str, ...] | Literal["integer", "integers", "number", "text", "path"]
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """A format of others that the benchmark's module ``convert`` takes: ``sciml convert <name> SOURCE --out OUT``.

    Attributes:
        name: name of the format.
        meaning: what is converted to what, for the help.
        source: what SOURCE is, for the help.
        file: whether OUT is one file; else it is a folder.
        choices: what a user may choose.
    """

    name: str
    meaning: str
    source: str
    file: bool = False
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedSplit:
    """A way to part all samples anew by hashes of columns of the member lists, see `sciml_datasets.splits.partitions`.

    Attributes:
        name: for example ``cell_blind``.
        blind: groupings of which no group stands in two parts. Each is parted by itself; a sample whose groups fall
            into different parts is in none.
        shares: of the values that fall to train and to validation; the rest is for test.
    """

    name: str
    blind: tuple[str, ...]
    shares: tuple[float, float] = (0.8, 0.1)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set in its forms, a task, and the criteria that results are held against.

    ``docs/adding_a_benchmark.md`` walks through a small one.

    Attributes:
        name: name of the benchmark, in lower case with digits and underscores.
        title: one line.
        task: what is to be predicted.
        datasets: the forms, the canonical one first.
        criteria: the scores, the primary one first.
        homepage, licence: homepage and licence of the original data.
        obtain: how to get the original raw files, in one sentence.
        choices: what a user may choose when it is prepared.
        groupings: what folds may keep together: name to the columns of the member lists that make a group.
        each: of these, groupings whose columns each name a group, as the first and the second drug of a pair: a sample
            belongs to several.
        splits: by name, beside the canonical ones.
        leave_out: grouping of one column whose values may each be left out of training: ``leave_out_<value>``.
        sources: data set to the places of its raw files, to be tried in order.
        terms: what who fetches the raw files accepts.
        original: fact of prepared data (`sciml_datasets.prepared.metadata`) to its values in data that published
            values are of; other data may be of another study. Empty where all data are of the original.
        dataset: name of the data set that it is for, see `of`.
        version: version of the benchmark, as its ``VERSION.txt`` in mlcommons/science has it; this project's own where the
            working group has none.
        package: package whose modules are the parts of the benchmark, see `module`; default ``sciml_datasets.<name>``.
        modules: part to the module that holds it, where that is no module of the package.
        simulator: what a user may choose when raw files are simulated.
        conversions: formats of others that can be converted to raw files.
        rules_names: what the working group calls it: the application of its submission rules (submit.adoc, Directory
            Structure), which is logged, and other names that its reference implementations log, in lower case. Empty
            where the rules do not know it.
    """

    name: str
    title: str
    task: Task
    datasets: tuple[DataSet, ...]
    criteria: tuple[Criterion, ...]
    homepage: str
    licence: str
    obtain: str
    choices: tuple[Choice, ...] = ()
    groupings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    each: tuple[str, ...] = ()
    splits: tuple[NamedSplit, ...] = ()
    leave_out: str = ""
    sources: Mapping[str, tuple[Source | GlobusSource, ...]] = field(default_factory=dict)
    terms: str = ""
    original: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dataset: str = ""
    version: str = "1.0"
    rules_names: tuple[str, ...] = ()
    package: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    simulator: tuple[Choice, ...] = ()
    conversions: tuple[Conversion, ...] = ()

    def module(self, part: str) -> ModuleType:
        """A part of the benchmark, imported when it is first needed.

        Parts are modules of its package: ``data``, which must be there, and ``model``, ``simulate``, ``pictures`` and
        ``convert`` where there are such.

        Raises:
            InputError: there is no such module, or it cannot be imported; the sentence names it.
        """
        name = self.part_name(part)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
                raise InputError(f"{self.name} has no {part}: there is no module {name}") from error
            raise InputError(_not_imported(self.name, name, error)) from error
        except Exception as error:  # whatever a module of others raises while it is imported
            raise InputError(_not_imported(self.name, name, error)) from error

    def part_name(self, part: str) -> str:
        """The name of the module that holds a part."""
        return self.modules.get(part, f"{self.package or f'sciml_datasets.{self.name}'}.{part}")

    @property
    def folder(self) -> Path:
        """The folder of its package, with README.md, CITATIONS.bib and checksums.tsv where there are such.

        Raises:
            InputError: there is no such package, or it has no folder.
        """
        name = self.part_name("").rstrip(".")
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError) as error:
            raise InputError(_not_imported(self.name, name, error)) from error
        if spec is None or not spec.submodule_search_locations:
            raise InputError(f"{self.name}: there is no package {name}: correct package in its declaration")
        return Path(spec.submodule_search_locations[0])

    @property
    def rules_name(self) -> str:
        """The name under which it is logged."""
        return self.rules_names[0] if self.rules_names else self.name

    def of(self, dataset: DataSet) -> Benchmark:
        """The benchmark as it is for one of its data sets."""
        return replace(self, dataset=dataset.name, **dataset.variant)

    def is_original(self, facts: Mapping[str, Any], split: str = "test") -> bool:
        """Whether published values are of prepared data with these facts, or of those that a demo is made like: not of
        the data of another study, nor of other splits than the canonical ones."""
        return split in SPLITS and all(facts.get(name) in values for name, values in self.original.items())

    def for_data(self, facts: Mapping[str, Any], split: str = "test") -> Benchmark:
        """The benchmark as it is for prepared data: criteria in the unit that the fact ``response`` tells, and
        published values only where they are of such data.

        Args:
            facts: of the data, or a result or a board, which tell those that count under the same names.
            split: of which scores are.
        """
        unit = (facts.get("response") or {}).get("unit", "")
        published = self.is_original(facts, split)
        kept = (criterion if published else criterion.unpublished() for criterion in self.criteria)
        return replace(self, criteria=tuple(criterion.in_unit(unit) for criterion in kept))

    def chosen(self, given: Mapping[str, str | None]) -> dict[str, str]:
        """The value of each choice: the given one, else the default; without those that the raw files decide.

        Raises:
            InputError: something else is given, or a value that cannot be chosen.
        """
        self.check_chosen(self.choices, given)
        found = {choice.name: given.get(choice.name) or choice.default for choice in self.choices}
        return {name: value for name, value in found.items() if value is not None}

    def check_chosen(self, choices: Iterable[Choice], given: Mapping[str, Any]) -> None:
        """Make sure that only what can be chosen is given.

        Args:
            choices: what can be chosen.
            given: values by name; None where nothing is chosen.

        Raises:
            InputError: something else is given, or a value that cannot be chosen.
        """
        known = {choice.name: choice.values for choice in choices}
        for name, value in given.items():
            if value is None:
                continue
            if name not in known:
                remedy = f"choose from {', '.join(sorted(known))}" if known else "leave it out"
                raise InputError(f"{self.name} has no option {name}: {remedy}")
            if isinstance(known[name], tuple) and value not in known[name]:
                raise InputError(f"{name} {value!r}: choose one of {', '.join(known[name])}")


def _not_imported(benchmark: str, module: str, error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"{benchmark}: its module {module} cannot be imported ({reason}): install what it needs, or correct it"
