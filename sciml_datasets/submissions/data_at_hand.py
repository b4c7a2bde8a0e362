"""The data at hand, against which scores are computed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS, prepared_dir
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.results import make_result
from sciml_datasets.metrics.truth import Truth


@dataclass(frozen=True, slots=True)
class Known:
    """The test split of a prepared data set.

    Attributes:
        name: of the data set.
        truth: of the test split.
        split_of: id to split, of all splits.
        plan_digest: of the prepared data.
        data_dir: where they lie.
    """

    name: str
    truth: Truth
    split_of: dict[str, str]
    plan_digest: str
    data_dir: str | Path | None

    def result(self, predictions: Path, run: dict[str, Any]) -> dict[str, Any]:
        """What `make_result` makes of a predictions file, with the run's own facts.

        Raises:
            InputError: the predictions cannot be scored.
        """
        evaluator = Evaluator(self.name, "test", self.data_dir, self.truth)
        evaluator.update_from_file(predictions)
        own = ("model", "seed", "hardware", "software", "durations", "energy", "convergence")
        return make_result(evaluator, self.plan_digest, **{key: run[key] for key in own})


class DataAtHand:
    """Prepared data sets, each read when a submission needs it.

    Args:
        data_dir: where they lie; default as in TFDS.
        plan_digest: of the prepared data in a folder, which it makes sure to be whole.
    """

    def __init__(self, data_dir: str | Path | None, plan_digest: Callable[[Path], str]) -> None:
        self._data_dir, self._plan_digest = data_dir, plan_digest
        self._known: dict[str, Known] = {}

    def of_benchmark(self, name: str) -> dict[str, Known]:
        """Data set to what is known of it, of those that are prepared."""
        found = {}
        for dataset in BENCHMARKS[name].datasets:
            folder = prepared_dir(dataset.name, self._data_dir)
            if dataset.name not in self._known and folder.is_dir():
                self._known[dataset.name] = self._read(dataset.name, folder)
            if dataset.name in self._known:
                found[dataset.name] = self._known[dataset.name]
        return found

    def _read(self, name: str, folder: Path) -> Known:
        truth = Truth(name, "test", self._data_dir)
        of_split = {split: Truth(name, split, self._data_dir).ids for split in ("train", "validation")}
        split_of = {key: split for split, ids in (*of_split.items(), ("test", truth.ids)) for key in ids}
        # What is read and imported here is not read again in each process that scores.
        _ = truth.training
        Evaluator(name, "test", self._data_dir, truth)
        return Known(name, truth, split_of, self._plan_digest(folder), self._data_dir)
