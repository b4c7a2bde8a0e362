"""The registry of benchmarks: those of this package, those of installed packages, and those that a program registers.

An installed package declares its benchmark as an entry point of the group GROUP::

    [project.entry-points."sciml_datasets.benchmarks"]
    spectra = "my_spectra:BENCHMARK"
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import RLock
from typing import Any

from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.declaration import check_declaration
from sciml_datasets.errors import BenchmarkWarning, InputError
from sciml_datasets.nearest import one_of
from sciml_datasets.paths import path_of

GROUP = "sciml_datasets.benchmarks"
"""Group of the entry points of installed benchmarks."""
OWN = ("stemdl", "stemdl_reconstruction", "cloudmask", "candle_uno")
"""Names of the benchmarks of this package, in the order in which they are listed."""


class Registry(Mapping[str, Benchmark]):
    """Benchmarks by name, those of this package first, then installed ones by name, then registered ones.

    They are looked up when the first is asked for: a package that declares a benchmark may import this one.

    Example:
        >>> from sciml_datasets import BENCHMARKS
        >>> BENCHMARKS["candle_uno"].title
        'Response of tumour cell lines to drugs'
        >>> [dataset.name for dataset in BENCHMARKS["cloudmask"].datasets]
        ['cloudmask', 'cloudmask_preprocessed', 'cloudmask_demo']
    """

    def __init__(self) -> None:
        self._found: dict[str, Benchmark] = {}
        self._complete = self._filling = False
        self._lock = RLock()

    def __getitem__(self, name: str) -> Benchmark:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<benchmarks {', '.join(self)}>"

    def add(self, benchmark: Benchmark) -> None:
        """See `register`."""
        with self._lock:
            others = (other for other in self._all().values() if not _declared_again(benchmark, other))
            check_declaration(benchmark, others)
            self._found[benchmark.name] = benchmark

    @contextmanager
    def having(self, benchmark: Benchmark) -> Iterator[None]:
        """See `registered`."""
        name = getattr(benchmark, "name", None)
        before = self._all().get(name) if isinstance(name, str) else None
        if before is benchmark:
            yield
            return
        self.add(benchmark)
        try:
            yield
        finally:
            if before is None:
                del self._found[benchmark.name]
            else:
                self._found[benchmark.name] = before

    def _all(self) -> dict[str, Benchmark]:
        if self._complete:
            return self._found
        with self._lock:
            if self._complete or self._filling:  # a package that is imported here may ask for what there is so far
                return self._found
            self._filling = True
            try:
                for name in OWN:
                    self._found[name] = importlib.import_module(f"sciml_datasets.{name}").BENCHMARK
                for entry in sorted(entry_points(group=GROUP), key=_order):
                    self._install(entry)
                self._complete = True
            finally:
                self._filling = False
        return self._found

    def _install(self, entry: EntryPoint) -> None:
        """Add the benchmark of an installed package; one that cannot be used is left out with a warning."""
        before = set(self._found)
        try:
            with redirect_stdout(sys.stderr):  # standard output is for results
                benchmark = entry.load()
            if self._found.get(getattr(benchmark, "name", "")) is not benchmark:  # registered while it was imported
                self.add(benchmark)
        except (Exception, SystemExit, GeneratorExit) as error:  # whatever a package of others raises
            for name in set(self._found) - before:
                del self._found[name]
            warnings.warn(
                f"the benchmark {entry.name} of {_distribution(entry)} is left out, {entry.value} cannot be used: "
                f"{_reason(error)}: correct or uninstall it",
                BenchmarkWarning,
                stacklevel=2,
            )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"


def _order(entry: EntryPoint) -> tuple[str, str, str]:
    """The order of entry points, the same on every machine."""
    return entry.name, entry.value, _distribution(entry)


def _reason(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # also the text of an exception of others may fail
        text = ""
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}".splitlines()[0]


def _declared_again(benchmark: Any, other: Benchmark) -> bool:
    """Whether a declaration takes the place of another: that of the same package, as when a notebook reloads it."""
    if not isinstance(benchmark, Benchmark) or other.name in OWN:
        return False
    return (benchmark.name, benchmark.package) == (other.name, other.package)


_registry = Registry()
BENCHMARKS: Mapping[str, Benchmark] = _registry
"""Name to benchmark, to be read only; see `register`."""


def register(benchmark: Benchmark) -> None:
    """Make a benchmark known in this process, as in a notebook; an installed package declares it as an entry point.

    A declaration of the same name and package, as of a module that was reloaded, takes the place of the former one.

    Args:
        benchmark: the declaration.

    Raises:
        InputError: its name or that of a data set is taken, or the declaration has a mistake; nothing is registered.

    Example:
        >>> from sciml_datasets import BENCHMARKS, register
        >>> register(BENCHMARKS["stemdl"])
        Traceback (most recent call last):
        ...
        sciml_datasets.errors.InputError: stemdl: the name is taken by the benchmark of sciml_datasets: choose another
    """
    _registry.add(benchmark)


def register_received(benchmark: Benchmark) -> None:
    """Register a benchmark that came with an object from another process, where this process has none of its name."""
    if benchmark.name not in BENCHMARKS:
        register(benchmark)


@contextmanager
def registered(benchmark: Benchmark) -> Iterator[None]:
    """Register a benchmark while the context lasts, if it is not yet.

    Raises:
        InputError: as `register`.
    """
    with _registry.having(benchmark):
        yield


def dataset_names() -> list[str]:
    """The names of all data sets, in the order of the registry."""
    return [dataset.name for benchmark in BENCHMARKS.values() for dataset in benchmark.datasets]


def find(name: str) -> tuple[Benchmark, DataSet]:
    """The benchmark and the data set of a data set name such as ``stemdl_demo``.

    Raises:
        InputError: no data set has this name.
    """
    for benchmark in BENCHMARKS.values():
        for dataset in benchmark.datasets:
            if dataset.name == name:
                return benchmark.of(dataset), dataset
    raise InputError(f"there is no data set {name!r}: {one_of(name, dataset_names())}")


def preprocessed(name: str) -> str:
    """The name of the preprocessed form of a data set.

    Raises:
        InputError: the data set has no preprocessed form.
    """
    for dataset in find(name)[0].datasets:
        if dataset.preprocessed_from == name:
            return dataset.name
    known = (dataset.preprocessed_from for row in BENCHMARKS.values() for dataset in row.datasets)
    raise InputError(f"{name} has no preprocessed form: there is one of {', '.join(filter(None, known))}")


def data_root(data_dir: str | Path | None = None) -> Path:
    """The folder of prepared data sets: ``data_dir``, else TFDS_DATA_DIR, else ~/tensorflow_datasets, as in TFDS.

    Raises:
        InputError: it cannot be a path on this machine; see `sciml_datasets.paths.path_of`.
    """
    if data_dir is not None:
        return path_of(data_dir, "data_dir")
    if os.environ.get("TFDS_DATA_DIR"):
        return path_of(os.environ["TFDS_DATA_DIR"], "TFDS_DATA_DIR")
    return path_of("~/tensorflow_datasets", "no data_dir is given, and of its default")


def prepared_dir(name: str, data_dir: str | Path | None = None) -> Path:
    """The folder of the prepared files of a data set: ``<data_dir>/sciml/<name>/<version>``."""
    return data_root(data_dir) / "sciml" / name / find(name)[1].version


def raw_root(raw_dir: str | Path | None = None, data_dir: str | Path | None = None) -> Path:
    """The folder of raw files: ``raw_dir``, else SCIML_RAW_DIR, else TFDS's manual folder.

    Raises:
        InputError: as `data_root`.
    """
    if raw_dir is not None:
        return path_of(raw_dir, "raw_dir")
    if os.environ.get("SCIML_RAW_DIR"):
        return path_of(os.environ["SCIML_RAW_DIR"], "SCIML_RAW_DIR")
    return data_root(data_dir) / "downloads" / "manual"
