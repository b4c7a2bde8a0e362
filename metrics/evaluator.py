"""The evaluator: it scores predictions against the canonical truth of a split, with every id exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import shown
from sciml_datasets.metrics.array_formats import Format, as_array
from sciml_datasets.metrics.intervals import MOST_SAMPLES, Members, group_numbers, intervals, resampled_scores
from sciml_datasets.metrics.predictions import named_after, read_predictions, read_predictions_here
from sciml_datasets.metrics.state import Additive, repeated
from sciml_datasets.metrics.tasks import scoring
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.paths import path_of
from sciml_datasets.prepared.prepared import Prepared, opened

Share = tuple[NDArray[np.bool_], dict[str, NDArray[Any]], dict[str, NDArray[Any]]]
"""Share of one worker: whether it has a prediction of each sample, its sums, its maxima."""


class Evaluator:
    """Scores predictions for one split of a prepared data set.

    Attributes:
        prepared: the data set.
        name: its name.
        dataset: the data set as it is declared.
        benchmark: the benchmark as it is for these data and this split.
        facts: facts of the data set.
        split: train, validation or test, or a part of another partition.
        split_sha256: digest of the content of the split.

    Args:
        prepared: the data set, or its name, for example ``stemdl``.
        split: train, validation or test, or a part of another partition, for example ``cell_blind:test``.
        data_dir: folder of prepared data sets, only with a name; default as in TFDS.
        truth: truth of the split, where it has been read before; several evaluators may share it.

    Raises:
        InputError: the data set is not prepared there, or has no such split.

    Example:
        >>> from sciml_datasets.metrics import Evaluator
        >>> evaluator = Evaluator("candle_uno_demo", data_dir="data")
        >>> ids = evaluator.prepared.select("test").columns["id"]
        >>> evaluator.update(ids, [0.5] * len(ids))
        >>> 0 < evaluator.result()["mse"] < 1
        True
    """

    def __init__(
        self,
        prepared: str | Prepared,
        split: str = "test",
        data_dir: str | Path | None = None,
        truth: Truth | None = None,
    ) -> None:
        self.prepared = opened(prepared, data_dir)
        self.name, self.dataset, self.facts = self.prepared.name, self.prepared.dataset, self.prepared.facts
        self.split = self.prepared.canonical(split)
        self.benchmark = self.prepared.benchmark.for_data(self.facts, self.split)
        truth = truth or Truth(self.prepared, self.split)
        self.split_sha256 = truth.sha256
        self._position = {key: i for i, key in enumerate(truth.ids)}
        self._seen = np.zeros(len(truth), bool)
        self._truth = truth
        self._scoring = scoring(self.benchmark.task, truth)

    def __len__(self) -> int:
        """The number of samples of the split."""
        return len(self._seen)

    @property
    def ids(self) -> list[str]:
        """The ids of the samples of the split, in the order of the records."""
        return list(self._position)

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats in which predictions (N, ...) are accepted; `expected_format` describes them in words."""
        return self._scoring.formats

    @property
    def comparable(self) -> bool:
        """Whether published values refer to these data and this split, see `Benchmark.is_original`."""
        return self.benchmark.is_original(self.facts, self.split)

    @property
    def state(self) -> Additive:
        """The sums from which the scores follow; `tf.distribute` and MPI can reduce them."""
        return self._scoring.state

    def expected_format(self) -> str:
        """The content that `update` and a predictions file must have, in words."""
        predictions = ", or ".join(shape.describe(str(len(self))) for shape in self._scoring.formats)
        return (
            f"/id: ({len(self)},) utf-8, each id of the {self.split} split exactly once, in any order; "
            f"/prediction: {predictions}"
        )

    def update(self, ids: Sequence[str | bytes] | NDArray[Any], predictions: ArrayLike) -> None:
        """Add predictions.

        Args:
            ids: (N,) ids, in any order.
            predictions: (N, ...), in a form that `expected_format` names.

        Raises:
            InputError: an id is unknown or was given before, or the predictions have the wrong shape, type or values;
                none of them is added.
        """
        keys = [key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key) for key in ids]
        values = as_array("predictions", predictions)
        if values.ndim == 0 or len(values) != len(keys):
            raise InputError(
                f"{len(keys)} ids but predictions of shape {values.shape}: expected one prediction for each id"
            )
        unknown = [key for key in keys if key not in self._position]
        if unknown:
            raise InputError(
                f"{_some(unknown)} not in the {self.split} split of {self.name}: predict its ids only, or name the "
                "split that they belong to (--split)"
            )
        positions = np.array([self._position[key] for key in keys], np.int64)
        if (twice := repeated(positions, self._seen)).size:
            again = set(twice.tolist())
            names = [key for key in dict.fromkeys(keys) if self._position[key] in again]
            raise InputError(f"{_some(names)} given more than once: predict each id exactly once")
        self._check_values(keys, positions, values)
        self._scoring.update(positions, values)
        self._seen[positions] = True

    def merge(self, other: Evaluator) -> None:
        """Add the predictions of another evaluator of the same split.

        Raises:
            InputError: an id was given to both, or they evaluate different splits.

        Example:
            >>> from sciml_datasets.metrics import Evaluator
            >>> one, other = (Evaluator("candle_uno_demo", data_dir="data") for _ in range(2))  # two workers
            >>> one.update(one.ids[::2], [0.5] * len(one.ids[::2]))
            >>> other.update(one.ids[1::2], [0.5] * len(one.ids[1::2]))
            >>> one.merge(other)
            >>> 0 < one.result()["mae"] < 1
            True
        """
        if (self.name, self.split, len(self)) != (other.name, other.split, len(other)):
            raise InputError("the evaluators score different splits: merge those of one split of one data set")
        self._check_once(self._seen & other._seen)
        self.state.merge(other.state)
        self._seen |= other._seen

    def share(self) -> Share:
        """The share that `add` takes on another worker: samples with a prediction, and sums and maxima over them."""
        return self._seen, self.state.arrays(), self.state.maxima()

    def add(self, share: Share) -> None:
        """Add another worker's `share` of the same split.

        Raises:
            InputError: an id was given to both.
        """
        seen, arrays, maxima = share
        self._check_once(self._seen & seen)
        self.state.add_arrays(arrays, maxima)
        self._seen |= seen

    def result(self) -> dict[str, float]:
        """The scores by name; `sciml_datasets.metrics.results.make_result` adds targets and baselines.

        Raises:
            InputError: an id of the split has no prediction.
        """
        self._check_complete()
        return self._scoring.result()

    def intervals(self) -> dict[str, Any] | None:
        """The 95 % intervals of the scores, see `sciml_datasets.metrics.intervals.intervals`.

        Raises:
            InputError: an id of the split has no prediction.
        """
        self._check_complete()
        if len(self) > MOST_SAMPLES:  # finding their groups would take long
            return None
        return intervals(self._scoring.resampled, self._members())

    def resampled(self) -> dict[str, NDArray[np.float64]] | None:
        """The scores of each resample, see `sciml_datasets.metrics.intervals.resampled_scores`.

        Two evaluators of one split draw the same resamples, so that differences of their scores are paired.

        Raises:
            InputError: an id of the split has no prediction.
        """
        self._check_complete()
        if len(self) > MOST_SAMPLES:
            return None
        return resampled_scores(self._scoring.resampled, self._members())

    def _members(self) -> Members:
        """The groups of each sample by grouping."""
        groupings = self.benchmark.groupings
        columns = {name: groupings.get(name, (name,)) for name in self.benchmark.task.alike}
        return {
            name: group_numbers([self._truth.column(one) for one in each], self._truth.ids)
            for name, each in columns.items()
        }

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of trivial predictors, fitted to the training split, by a description of the predictor.

        Example:
            >>> from sciml_datasets.metrics import Evaluator
            >>> baselines = Evaluator("candle_uno_demo", data_dir="data").baselines()
            >>> list(baselines)
            ['training mean', 'drug mean', 'cell mean', 'drug and cell effects']
            >>> baselines["drug and cell effects"]["mse"] < baselines["training mean"]["mse"]
            True
        """
        return self._scoring.baselines()

    def details(self) -> dict[str, Any]:
        """Further content of a result, for example a confusion matrix."""
        return self._scoring.details()

    def update_from_file(self, path: str | Path, *, here: bool = False) -> None:
        """Add the predictions of an HDF5 file, in chunks of bounded memory; see `expected_format`.

        Args:
            path: the file.
            here: whether this process reads it, which a damaged file may end or keep busy, and not a child process.

        Raises:
            InputError: the file cannot be read, or `update` refuses its content; the file is named.

        Example:
            >>> from pathlib import Path
            >>> import numpy as np
            >>> from sciml_datasets.metrics import Evaluator, write_predictions
            >>> evaluator = Evaluator("candle_uno_demo", data_dir="data")
            >>> predictions = np.full(len(evaluator), 0.5, np.float32)  # areas under dose-response curves, from 0 to 1
            >>> write_predictions(Path("predictions.h5"), len(evaluator), [(evaluator.ids, predictions)])
            >>> evaluator.update_from_file("predictions.h5")
            >>> 0 < evaluator.result()["mse"] < 1
            True
        """
        file = path_of(path, "the predictions file")
        with named_after(file):
            for ids, predictions in read_predictions_here(file) if here else read_predictions(file):
                self.update(ids, predictions)
            self._check_complete()

    def _check_values(self, keys: list[str], positions: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Make sure that the predictions are in one of the formats, and finite and in range where they are scored."""
        formats = self._scoring.formats
        fits = next((form for form in formats if form.fits(values)), None)
        if fits is None:
            expected = ", or ".join(form.describe("N") for form in formats)
            raise InputError(f"predictions have the shape {values.shape} and type {values.dtype}, expected {expected}")
        bounds = f"given a value that is not from {fits.low:g} to {fits.high:g}: predict {fits.meaning} in that range"
        for wrong, what in (
            (fits.not_finite(values), "predicted with NaN or infinity: predict finite values"),
            (fits.outside(values), bounds),
        ):
            if wrong is None:
                continue
            where = (wrong & self._scoring.scored(positions)).reshape(len(values), -1).any(axis=1)
            if where.any():
                raise InputError(f"{_some([keys[i] for i in np.flatnonzero(where)])} {what}")

    def _check_once(self, twice: NDArray[np.bool_]) -> None:
        if twice.any():
            names = [key for key, i in self._position.items() if twice[i]]
            raise InputError(f"{_some(names)} given more than once: predict each id exactly once")

    def _check_complete(self) -> None:
        if not self._seen.all():
            missing = [key for key, i in self._position.items() if not self._seen[i]]
            raise InputError(f"{_some(missing)} without a prediction: predict each id of the {self.split} split")


def _some(names: list[str]) -> str:
    """``the id a is``, ``the ids a, b and c are`` or ``1,234 ids (a, b, c, ...) are``; blanks at an end are shown."""
    first = [shown(name) for name in names[:3]]
    if len(names) == 1:
        return f"the id {first[0]} is"
    if len(names) <= 3:
        return f"the ids {', '.join(first[:-1])} and {first[-1]} are"
    return f"{len(names):,} ids ({', '.join(first)}, ...) are"
