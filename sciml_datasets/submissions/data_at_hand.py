"""The data at hand, against which scores are computed again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.results import make_result
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.raw_format import SPLITS


@dataclass(frozen=True, slots=True)
class Known:
    """The test split of a prepared data set.

    Attributes:
        prepared: the data set.
        truth: truth of the test split.
        split_of: id to split, for all splits.
    """

    prepared: Prepared
    truth: Truth
    split_of: dict[str, str]

    @classmethod
    def of(cls, prepared: Prepared) -> Known:
        """The prepared data set with its truth, completely read.

        Raises:
            InputError: its files differ from the manifest, or it has no test split.
        """
        truth = Truth(prepared, "test")
        split_of = {key: split for split in SPLITS for key in prepared.members_of(split)["id"]}
        # What is read and imported here is not read again in each process that scores.
        _ = truth.training
        Evaluator(prepared, "test", truth=truth)
        return cls(prepared.check(), truth, split_of)

    def result(self, predictions: Path, run: dict[str, Any]) -> dict[str, Any]:
        """The result of `make_result` for a predictions file, with the run's own facts.

        Raises:
            InputError: the predictions cannot be scored.
        """
        evaluator = Evaluator(self.prepared, "test", truth=self.truth)
        evaluator.update_from_file(predictions, here=True)  # a sandbox around it starts no process
        own = ("model", "seed", "hardware", "software", "durations", "energy", "convergence")
        return make_result(evaluator, **{key: run[key] for key in own})


class DataAtHand:
    """Prepared data sets, each read when a submission needs it.

    Args:
        data_dir: folder of prepared data sets; default as in TFDS.
    """

    def __init__(self, data_dir: str | Path | None) -> None:
        self._data_dir = data_dir
        self._known: dict[str, Known] = {}

    def of_benchmark(self, name: str) -> dict[str, Known]:
        """Data set to what is known of it, for those that are prepared."""
        names = [dataset.name for dataset in BENCHMARKS[name].datasets]
        for missing in (one for one in names if one not in self._known):
            prepared = Prepared.found(missing, self._data_dir)
            if prepared is not None:
                self._known[missing] = Known.of(prepared)
        return {one: self._known[one] for one in names if one in self._known}
