"""The suite that any benchmark can run: its declaration, its parts, and a walk from raw files to a score."""

from __future__ import annotations

import inspect
import pickle
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from sciml_datasets import benchmarks, data_part
from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.declaration import mistakes
from sciml_datasets.errors import EmptySplitError, InputError

NUM_SAMPLES = (30, 300)
"""Numbers of samples that are simulated where no raw files are given: more where a split has none of the first."""
FOLDS = 2


def check_benchmark(benchmark: Benchmark, raw_dir: str | Path | None = None) -> None:
    """Check a benchmark: its declaration, its parts, and one walk from raw files to a score.

    The walk simulates 30 samples, or takes the raw files of ``raw_dir``; prepares them by one process and by two and
    compares the bytes; verifies them; reads an example of each split; folds them by each grouping; scores a constant
    prediction; and trains the reference model for an epoch where there is one. It takes seconds to minutes.

    Args:
        benchmark: the declaration; it is registered while the check runs, if it is not yet.
        raw_dir: the folder that holds one folder of raw files per data set; None to simulate.

    Raises:
        InputError: something is wrong; each finding is a sentence that names the benchmark, the part and the remedy.

    Example:
        >>> from sciml_datasets.testing import check_benchmark
        >>> check_benchmark("stemdl")
        Traceback (most recent call last):
        ...
        sciml_datasets.errors.InputError: 'stemdl' is no benchmark: expected an instance of sciml_datasets.Benchmark
    """
    others = [other for other in benchmarks.BENCHMARKS.values() if other is not benchmark]
    _refuse(list(mistakes(benchmark, others)))
    with benchmarks.registered(benchmark), tempfile.TemporaryDirectory(prefix="sciml-check-") as folder:
        _refuse([f"{benchmark.name}: {clause}" for clause in (*_published(benchmark), *_parts(benchmark))])
        try:
            walk(benchmark, Path(folder), raw_dir)
        except InputError as error:
            if folder not in str(error):
                raise
            # The folder is removed now: name what lies in it alone.
            raise InputError(re.sub(f"{re.escape(folder)}/((few|many)/)?", "", str(error))) from error.__cause__


def _refuse(findings: list[str]) -> None:
    if findings:
        raise InputError("\n".join(findings))


def _published(benchmark: Benchmark) -> Iterator[str]:
    """Mistakes in published values, and in a declaration that cannot be sent to other processes."""
    for form in (benchmark.of(dataset) for dataset in benchmark.datasets):
        for criterion in form.criteria:
            low, high = criterion.span
            for value in filter(None, (criterion.target, criterion.reference, criterion.best_known)):
                if not value.source:
                    yield f"a published value of the criterion {criterion.name} has no source: give one"
                if (low is not None and value.value < low) or (high is not None and value.value > high):
                    yield (
                        f"the criterion {criterion.name} has the published value {value.value} outside of its span "
                        f"{criterion.span}: correct one of them"
                    )
    try:
        same = pickle.loads(pickle.dumps(benchmark)) == benchmark
    except Exception as error:  # whatever cannot be pickled raises
        yield f"its declaration cannot be sent to another process ({error}): keep functions out of it"
        return
    if not same:
        yield "its declaration differs after it was sent to another process: take types that compare equal"


def _parts(benchmark: Benchmark) -> Iterator[str]:
    """Mistakes in the parts that can be found without data."""
    for dataset in benchmark.datasets:
        form = benchmark.of(dataset)
        declared = data_part.features(form, dataset)
        data_part.supervised_keys(form, dataset, declared)
        data_part.raw_format(form, dataset, form.chosen({}))
    if (model := benchmark.module_if_there("model")) is not None:
        from sciml_datasets.models.recipe import Recipe

        recipes = getattr(model, "RECIPES", None)
        names = [dataset.name for dataset in benchmark.datasets]
        if not isinstance(recipes, dict) or not set(recipes) <= set(names):
            yield f"{model.__name__}.RECIPES is no dictionary with names among {', '.join(names)}: correct it"
        else:
            for name, recipe in recipes.items():
                if not isinstance(recipe, Recipe):
                    yield f"{model.__name__}.RECIPES has for {name} {recipe!r:.80}: give a Recipe"
    if (simulate := benchmark.module_if_there("simulate")) is not None:
        yield from _functions(simulate, "write_raw", ("folder", "name", "num_samples", "seed", "jobs"))
        yield from _takes(simulate, "write_raw", [choice.name for choice in benchmark.simulator])
    elif benchmark.simulator:
        yield f"it lets choose of a simulator, and there is no module {benchmark.part_name('simulate')}: add it"
    if (pictures := benchmark.module_if_there("pictures")) is not None:
        for name in ("COUNT", "FEATURES", "contact_sheet"):
            if not hasattr(pictures, name):
                yield f"{pictures.__name__} has no {name}: add it"
    if benchmark.conversions:
        yield from _functions(benchmark.module("convert"), "convert", ())


def _functions(module: ModuleType, name: str, arguments: tuple[str, ...]) -> Iterator[str]:
    if not callable(getattr(module, name, None)):
        yield f"{module.__name__} has no function {name}: add it"
    else:
        yield from _takes(module, name, list(arguments))


def _takes(module: ModuleType, function: str, arguments: list[str]) -> Iterator[str]:
    known = inspect.signature(getattr(module, function)).parameters if hasattr(module, function) else {}
    for name in arguments:
        if name not in known and not any(one.kind is one.VAR_KEYWORD for one in known.values()):
            yield f"{module.__name__}.{function} does not take {name}: add the argument"


def walk(benchmark: Benchmark, folder: Path, raw_dir: str | Path | None = None) -> dict[str, dict[str, float]]:
    """Walk from raw files to scores; see `check_benchmark`.

    Args:
        benchmark: a registered benchmark.
        folder: an existing folder for all output.
        raw_dir: folder of raw files; None to simulate.

    Returns:
        The scores of each data set that was walked through, by name of the data set.
    """
    if raw_dir is not None:
        return _walk(benchmark, folder, Path(raw_dir))
    few, many = NUM_SAMPLES
    try:
        return _walk(benchmark, folder / "few", _simulated(benchmark, folder / "few/raw", few))
    except EmptySplitError:
        pass  # the walk begins again below, outside of this clause: the first exception is no cause of the next
    return _walk(benchmark, folder / "many", _simulated(benchmark, folder / "many/raw", many))


def _walk(benchmark: Benchmark, folder: Path, raw: Path) -> dict[str, dict[str, float]]:
    walked = [dataset for dataset in benchmark.datasets if (raw / dataset.name).is_dir()]
    if not walked:
        names = " or ".join(dataset.name for dataset in benchmark.datasets)
        raise InputError(f"{benchmark.name}: {raw} holds no folder {names} with raw files: put them there")
    return {dataset.name: _walk_one(benchmark.of(dataset), dataset, raw, folder) for dataset in walked}


def _simulated(benchmark: Benchmark, raw: Path, num_samples: int) -> Path:
    """Raw files of the first demo, or of the first data set where there is none."""
    from sciml_datasets.simulation import simulate

    plain = [dataset for dataset in benchmark.datasets if not dataset.preprocessed_from]
    demo = next((dataset for dataset in plain if dataset.simulated_samples), plain[0])
    if benchmark.module_if_there("simulate") is None:
        raise InputError(f"{benchmark.name}: there is no module simulate: give the folder of raw files, raw_dir")
    simulate(demo.name, raw, num_samples=num_samples)
    return raw


def _walk_one(benchmark: Benchmark, dataset: DataSet, raw: Path, folder: Path) -> dict[str, float]:
    from sciml_datasets.preparation.prepare import prepare
    from sciml_datasets.prepared.verify import verify_prepared

    name = dataset.name
    prepared = Path(prepare(name, raw, folder / "data"))
    by_two = Path(prepare(name, raw, folder / "again", jobs=2))
    for path in sorted(prepared.iterdir()):
        if path.read_bytes() != (by_two / path.name).read_bytes():
            raise InputError(
                f"{benchmark.name}: {path.name} of {name} differs when two processes prepare it: let the raw format "
                "give the same samples whenever it is asked"
            )
    _refuse([f"{benchmark.name}: {finding}" for finding in verify_prepared(prepared)])
    _read(benchmark, name, folder / "data")
    _fold(benchmark, name, folder / "data")
    _divide(benchmark, name, folder / "data")
    if (model := benchmark.module_if_there("model")) is not None and name in model.RECIPES:
        from sciml_datasets.models import train
        from sciml_datasets.prepared.prepared import Prepared

        samples = len(Prepared.open(name, folder / "data").members_of("train")["id"])
        size = min(samples, model.RECIPES[name].training.batch_size)
        train(name, data_dir=folder / "data", out_dir=folder / f"run-{name}", epochs=1, batch_size=size)
    return _score(benchmark, name, folder / "data")


def _read(benchmark: Benchmark, name: str, data_dir: Path) -> None:
    """Read the first example of each split, as TFDS does."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(f"sciml/{name}", data_dir=data_dir)
    for split in builder.info.splits:
        example = builder.as_data_source(split=split)[0]
        if set(example) != set(builder.info.features):
            raise InputError(
                f"{benchmark.name}: an example of {name} has the features {sorted(example)}: correct features"
            )


def _fold(benchmark: Benchmark, name: str, data_dir: Path) -> None:
    from sciml_datasets.prepared.by_name import folds

    for by in ("row", *benchmark.groupings):
        for train, held_out in folds(name, FOLDS, by, data_dir=data_dir):
            if set(train) & set(held_out):
                raise InputError(f"{benchmark.name}: the folds of {name} by {by} overlap: correct groupings")


def _divide(benchmark: Benchmark, name: str, data_dir: Path) -> None:
    """Divide the samples by each split by name."""
    from sciml_datasets.prepared.prepared import Prepared

    prepared = Prepared.open(name, data_dir)
    for split in benchmark.splits:
        for part, ids in prepared.parts(split.name).items():
            if not ids:
                raise EmptySplitError(
                    f"{benchmark.name}: the split {split.name} of {name} leaves its part {part} empty: give it fewer "
                    "groupings or other shares, or give more raw files"
                )


def _score(benchmark: Benchmark, name: str, data_dir: Path) -> dict[str, float]:
    """Score a constant prediction on the test split."""
    import numpy as np

    from sciml_datasets.metrics import Evaluator

    evaluator = Evaluator(name, "test", data_dir)
    form = evaluator.formats[0]
    low, high = (bound if np.isfinite(bound) and abs(bound) < 1e6 else 0.0 for bound in (form.low, form.high))
    dtype = np.float32 if "f" in form.kinds else np.int64
    evaluator.update(evaluator.ids, np.full((len(evaluator), *form.shape), (low + high) / 2, dtype))
    scores = evaluator.result()
    evaluator.intervals()
    evaluator.baselines()
    for criterion in benchmark.criteria:
        if criterion.name not in scores:
            raise InputError(
                f"{benchmark.name}: its task {type(benchmark.task).__name__} gives no score {criterion.name!r}: choose "
                f"criteria among {', '.join(scores)}"
            )
    return scores
