"""The data at hand, against which scores are computed again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.results import MEASURED, make_result
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.submissions.prediction_errors import Places, draw_places
from sciml_datasets.task import Segmentation


@dataclass(frozen=True)
class Known:
    """The test split of a prepared data set.

    Attributes:
        prepared: the data set.
        truth: truth of the test split.
        split_of: id to split, for all splits.
        places: places at which the errors of submissions are compared, others in each process, so that nobody can
            change predictions there alone.
    """

    prepared: Prepared
    truth: Truth
    split_of: dict[str, str]
    places: Places | None

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
        evaluator = Evaluator(prepared, "test", truth=truth)
        places = draw_places(evaluator.benchmark.task, truth, np.random.default_rng())
        return cls(prepared.check(), truth, split_of, places)

    @cached_property
    def baselines(self) -> dict[str, dict[str, float | None]]:
        """Scores of the trivial predictors by name, from the data alone."""
        evaluator = Evaluator(self.prepared, "test", truth=self.truth)
        task = evaluator.benchmark.task
        if isinstance(task, Segmentation):  # whose trivial predictors are scored where there is a prediction
            for key in evaluator.ids:
                evaluator.update([key], np.zeros((1, *self.truth.shape(task.mask)), np.float32))
        return {
            name: {key: score if math.isfinite(score) else None for key, score in scores.items()}
            for name, scores in evaluator.baselines().items()
        }

    def result(self, predictions: Path, run: dict[str, Any]) -> dict[str, Any]:
        """The result of `make_result` for a predictions file, with the run's own facts.

        Raises:
            InputError: the predictions cannot be scored.
        """
        evaluator = Evaluator(self.prepared, "test", truth=self.truth)
        evaluator.update_from_file(predictions, here=True)  # a sandbox around it starts no process
        own = ("model", "seed", "hardware", "software", "durations", "energy", "convergence")
        return make_result(evaluator, **{key: run[key] for key in (*own, *MEASURED) if key in run})


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

    def baselines(self, benchmark: str, facts: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
        """Scores of the trivial predictors by name for the data of a result; none where other data are at hand."""
        known = self.of_benchmark(benchmark).get(facts["dataset"])
        return known.baselines if known and known.prepared.plan_digest == facts["plan_digest"] else {}
