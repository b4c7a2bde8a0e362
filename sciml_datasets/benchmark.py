"""The terms in which a benchmark is declared: data sets, task, criteria, sources, choices."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from sciml_datasets.choice import Choice, Conversion
from sciml_datasets.criterion import CORRELATION, ERROR, FIT, Criterion, Value
from sciml_datasets.errors import InputError, MissingPartError, at_its_place
from sciml_datasets.nearest import meant, one_of
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.source import GlobusSource, Source
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
class DataSet:
    """One prepared form of a benchmark's data: the configuration ``sciml/<name>`` of the TFDS builder.

    Attributes:
        name: configuration name; raw files lie in the folder of this name below the raw folder.
        version: semantic version of the prepared records.
        title: title of one line.
        simulated_samples: number of samples of demo data that are simulated where no raw files are given; 0 for real
            data.
        preprocessed_from: name of the data set whose raw files can also be used, transformed while they are read.
        variant: values for this data set that differ from the benchmark's, by attribute of `Benchmark`.
        licence: licence of these data, where it differs from the benchmark's.

    Example:
        >>> from sciml_datasets.benchmark import DataSet
        >>> demo = DataSet("spectra_demo", "1.0.0", "300 simulated Raman spectra", simulated_samples=300)
        >>> demo.name, demo.version
        ('spectra_demo', '1.0.0')
    """

    name: str
    version: str
    title: str
    simulated_samples: int = 0
    preprocessed_from: str = ""
    variant: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""


@dataclass(frozen=True, slots=True)
class NamedSplit:
    """A division of all samples by hashes of columns of the member lists, see `sciml_datasets.splits.partitions`.

    Attributes:
        name: name of the split, for example ``cell_blind``.
        blind: groupings of which no group occurs in two parts. Each is divided independently; a sample whose groups are
            in different parts is left out.
        shares: shares of the groups in train and in validation; the rest is in test.

    Example:
        >>> from sciml_datasets.benchmark import NamedSplit
        >>> NamedSplit("specimen_blind", ("specimen",)).shares  # of train and validation
        (0.8, 0.1)
    """

    name: str
    blind: tuple[str, ...]
    shares: tuple[float, float] = (0.8, 0.1)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set in its forms, a task, and the criteria by which results are judged.

    ``docs/adding_a_benchmark.md`` walks through a small one.

    Attributes:
        name: name of the benchmark, in lower case with digits and underscores.
        title: title of one line.
        task: the task: what is to be predicted.
        datasets: the forms, the canonical one first.
        criteria: the scores, the primary one first.
        homepage, licence: homepage and licence of the original data.
        obtain: one sentence on how to get the original raw files.
        choices: choices of the preparation.
        groupings: groupings that folds may keep together: name to the columns of the member lists that make a group.
        each: names of those groupings whose columns each name a group, as the first and the second drug of a pair: a
            sample belongs to several groups.
        splits: splits by name, beside the canonical ones.
        leave_out: grouping of one column whose values may each be left out of training: ``leave_out_<value>``.
        sources: data set to the places of its raw files, to be tried in order.
        terms: terms that a user accepts by fetching the raw files.
        original: fact of prepared data (`sciml_datasets.prepared.metadata`) to its values in the data to which
            published values refer; other data may come from another study. Empty where all data are the original's.
        dataset: name of the data set for which this benchmark is meant, see `of`.
        version: version of the benchmark, as its ``VERSION.txt`` in mlcommons/science has it; this project's own where
            the working group has none.
        package: package whose modules are the parts of the benchmark, see `module`; default ``sciml_datasets.<name>``.
        modules: part to the module that holds it, where that is no module of the package.
        simulator: choices of the simulator of raw files.
        conversions: other formats that can be converted to raw files.
        rules_names: names that the working group gives it: the application of its submission rules (submit.adoc,
            Directory Structure), which is logged, and other names that its reference implementations log, in lower
            case. Empty where the rules do not name it.

    Example:
        >>> from sciml_datasets.benchmark import Benchmark, Classification, Criterion, DataSet
        >>> spectra = Benchmark(
        ...     name="spectra", package="my_spectra", title="Mineral from its Raman spectrum",
        ...     task=Classification(label="mineral", num_classes=3),
        ...     datasets=(DataSet("spectra", "1.0.0", "Raman spectra of quartz, calcite and gypsum"),),
        ...     criteria=(Criterion("top1_accuracy", "accuracy", "higher"),),
        ...     homepage="https://example.org/spectra", licence="CC0", obtain="ask the makers for the spectra",
        ... )
        >>> spectra.part_name("model")
        'my_spectra.model'
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

        Parts are modules of its package: ``data``, which is required, and ``model``, ``simulate``, ``pictures`` and
        ``convert``, which are optional.

        Raises:
            MissingPartError: there is no such module.
            InputError: it cannot be imported; the sentence names it.
        """
        name = self.part_name(part)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
                raise MissingPartError(f"{self.name} has no {part}: there is no module {name}") from error
            raise InputError(_not_imported(self.name, name, error)) from error
        except (Exception, SystemExit) as error:  # whatever a module of others raises while it is imported
            raise InputError(_not_imported(self.name, name, error)) from error

    def module_if_there(self, part: str) -> ModuleType | None:
        """A part of the benchmark; None where there is no such module.

        Raises:
            InputError: the module is there and cannot be imported.
        """
        try:
            return self.module(part)
        except MissingPartError:
            return None

    @contextmanager
    def asking(self, part: str, function: str) -> Iterator[None]:
        """Report what goes wrong in a function of a part as a mistake of its author, in a sentence with the place.

        Exceptions of the parts of this package pass: they are faults of it.

        Raises:
            InputError: the function raises another exception than InputError or OSError.
        """
        try:
            yield
        except (InputError, OSError, MemoryError):
            raise
        except (Exception, SystemExit) as error:  # whatever a function of others raises
            if not self.package:
                raise
            name = f"{self.part_name(part)}.{function}"
            raise InputError(f"{self.name}: {name} fails: {at_its_place(error)}: correct it") from error

    def attribute(self, part: str, name: str) -> Any:
        """A function or a constant of a part.

        Raises:
            InputError: there is no such part, or it has no such attribute.
        """
        module = self.module(part)
        if not hasattr(module, name):
            raise InputError(f"{self.name}: {module.__name__} has no {name}: add it")
        return getattr(module, name)

    def part_name(self, part: str) -> str:
        """The name of the module that holds a part."""
        return self.modules.get(part, f"{self.package or f'sciml_datasets.{self.name}'}.{part}")

    @property
    def folder(self) -> Path:
        """The folder of its package, with README.md, CITATIONS.bib and checksums.tsv where they exist.

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
        """The name under which runs of it are logged."""
        return self.rules_names[0] if self.rules_names else self.name

    def of(self, dataset: DataSet) -> Benchmark:
        """The benchmark as it is for one of its data sets."""
        return replace(self, dataset=dataset.name, **dataset.variant)

    def is_original(self, facts: Mapping[str, Any], split: str = "test") -> bool:
        """Whether published values refer to prepared data with these facts, or to those that a demo imitates.

        They do not refer to the data of another study, nor to other splits than the canonical ones.
        """
        return split in SPLITS and all(facts.get(name) in values for name, values in self.original.items())

    def for_data(self, facts: Mapping[str, Any], split: str = "test") -> Benchmark:
        """The benchmark as it is for prepared data: criteria have the unit that the fact ``response`` states, and
        published values are kept only where they refer to these data.

        Args:
            facts: facts of the data; or a result or a board, which hold the facts that matter under the same names.
            split: split to which scores refer.
        """
        unit = (facts.get("response") or {}).get("unit", "")
        published = self.is_original(facts, split)
        kept = (criterion if published else criterion.unpublished() for criterion in self.criteria)
        return replace(self, criteria=tuple(criterion.in_unit(unit) for criterion in kept))

    def chosen(self, given: Mapping[str, str | None]) -> dict[str, str]:
        """The value of each choice: the given one, else the default; choices that the raw files decide are left out.

        Raises:
            InputError: an unknown choice is given, or a value that cannot be chosen.
        """
        self.check_chosen(self.choices, given)
        found = {choice.name: given.get(choice.name) or choice.default for choice in self.choices}
        return {name: value for name, value in found.items() if value is not None}

    def of_features(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """Those of chosen values that features depend on, see `Choice.of_features`."""
        names = [choice.name for choice in self.choices if choice.of_features]
        return {name: chosen[name] for name in names if chosen.get(name)}

    def check_chosen(self, choices: Iterable[Choice], given: Mapping[str, Any]) -> None:
        """Make sure that only declared choices and values are given.

        Args:
            choices: the choices.
            given: values by name; None where nothing is chosen.

        Raises:
            InputError: an unknown choice is given, or a value that cannot be chosen.
        """
        known = {choice.name: choice.values for choice in choices}
        for name, value in given.items():
            if value is None:
                continue
            if name not in known:
                remedy = f"choose from {', '.join(sorted(known))}" if known else "leave it out"
                raise InputError(f"{self.dataset or self.name} has no option {name}: {remedy}{meant(name, known)}")
            if isinstance(known[name], tuple) and value not in known[name]:
                raise InputError(f"there is no {name} {value!r}: {one_of(str(value), known[name])}")


def _not_imported(benchmark: str, module: str, error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"{benchmark}: its module {module} cannot be imported ({reason}): install what it needs, or correct it"
