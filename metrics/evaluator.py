"""The evaluator: predictions against the canonical truth of a split, every id exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.errors import InputError
from sciml_datasets.hdf5 import open_hdf5
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.splits import read_members

CHUNK = 4096
"""Predictions read from a file at a time."""


class Evaluator:
    """Scores predictions for one split of a prepared data set.

    Args:
        name: of the data set, for example ``stemdl``.
        split: train, validation or test.
        data_dir: where prepared data sets lie; default as in TFDS.

    Raises:
        InputError: the data set is not prepared there.
    """

    def __init__(self, name: str, split: str = "test", data_dir: str | Path | None = None) -> None:
        self.name = name
        self.split = split
        self.benchmark, self.dataset = find(name)
        self._folder = prepared_dir(name, data_dir)
        members = read_members(self._folder, split)
        self._position = {key: i for i, key in enumerate(members["id"])}
        self._truth = np.array(members[self.benchmark.label], np.int64)
        self._seen = np.zeros(len(self._truth), bool)
        self.state = Classification(self.benchmark.num_classes)

    @cached_property
    def majority_class(self) -> int:
        """The most frequent class of the training split."""
        labels = read_members(self._folder, "train")[self.benchmark.label]
        return int(np.bincount(np.array(labels, np.int64)).argmax())

    def expected_format(self) -> str:
        """What `update` and a predictions file must hold."""
        classes = self.benchmark.num_classes
        return (
            f"/id: ({len(self._truth)},) utf-8, each id of the {self.split} split exactly once, in any order; "
            f"/prediction: ({len(self._truth)}, {classes}) float class scores, "
            f"or ({len(self._truth)},) integer classes from 0 to {classes - 1}"
        )

    def update(self, ids: Sequence[str | bytes] | NDArray[Any], predictions: ArrayLike) -> None:
        """Add predictions.

        Args:
            ids: (N,) ids, in any order.
            predictions: (N, num_classes) float scores or (N,) int classes.

        Raises:
            InputError: an id is unknown or was given before, or the predictions have the wrong shape, type or values.
        """
        keys = [key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key) for key in ids]
        values = np.asarray(predictions)
        self._check_values(keys, values)
        unknown = [key for key in keys if key not in self._position]
        if unknown:
            raise InputError(f"{_some(unknown)} not in the {self.split} split of {self.name}: predict its ids only")
        positions = np.array([self._position[key] for key in keys], np.int64)
        repeated = np.bincount(positions, minlength=len(self._seen)) + self._seen > 1
        if repeated.any():
            names = [key for key in dict.fromkeys(keys) if repeated[self._position[key]]]
            raise InputError(f"{_some(names)} given more than once: predict each id exactly once")
        self._seen[positions] = True
        self.state.update(self._truth[positions], values)

    def merge(self, other: Evaluator) -> None:
        """Add the predictions of another evaluator of the same split.

        Raises:
            InputError: an id was given to both, or they evaluate different things.
        """
        if (self.name, self.split, len(self._truth)) != (other.name, other.split, len(other._truth)):
            raise InputError("the evaluators score different splits: merge those of one split of one data set")
        twice = self._seen & other._seen
        if twice.any():
            names = [key for key, i in self._position.items() if twice[i]]
            raise InputError(f"{_some(names)} given more than once: predict each id exactly once")
        self._seen |= other._seen
        self.state.merge(other.state)

    def result(self) -> dict[str, float]:
        """The scores by name.

        Raises:
            InputError: an id of the split has no prediction.
        """
        self._check_complete()
        return self.state.result()

    def baseline(self) -> dict[str, float]:
        """The scores of always predicting the most frequent class of the training split."""
        state = Classification(self.benchmark.num_classes)
        state.update(self._truth, np.full(len(self._truth), self.majority_class, np.int64))
        return state.result()

    def update_from_file(self, path: str | Path) -> None:
        """Add the predictions of an HDF5 file, in chunks of bounded memory; see `expected_format`.

        Raises:
            InputError: the file cannot be read, or its content is refused by `update`; the file is named.
        """
        try:
            for ids, predictions in _read_predictions(Path(path)):
                self.update(ids, predictions)
            self._check_complete()
        except InputError as error:
            raise InputError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error

    def _check_complete(self) -> None:
        if not self._seen.all():
            missing = [key for key, i in self._position.items() if not self._seen[i]]
            raise InputError(f"{_some(missing)} without a prediction: predict each id of the {self.split} split")

    def _check_values(self, keys: list[str], values: NDArray[Any]) -> None:
        classes = self.benchmark.num_classes
        if values.ndim == 0 or len(values) != len(keys):
            raise InputError(
                f"{len(keys)} ids but predictions of shape {values.shape}: expected one prediction for each id"
            )
        if values.ndim == 2 and values.dtype.kind == "f" and values.shape[1] == classes:
            finite = np.isfinite(values).all(axis=1)
            if not finite.all():
                names = _some([keys[i] for i in np.flatnonzero(~finite)])
                raise InputError(f"{names} scored with NaN or infinity: predict finite scores")
        elif values.ndim == 1 and values.dtype.kind in "iu":
            outside = (values < 0) | (values >= classes)
            if outside.any():
                names = _some([keys[i] for i in np.flatnonzero(outside)])
                raise InputError(f"{names} given a class that is not from 0 to {classes - 1}: predict one that is")
        else:
            raise InputError(
                f"predictions have the shape {values.shape} and type {values.dtype}, expected (N, {classes}) float "
                "class scores or (N,) integer classes"
            )


def _read_predictions(path: Path) -> Iterable[tuple[NDArray[Any], NDArray[Any]]]:
    import h5py

    with open_hdf5(path) as file:
        for name in ("id", "prediction"):
            if not isinstance(file.get(name), h5py.Dataset):
                raise InputError(f"{path}: the data set /{name} is missing: expected /id and /prediction")
        ids, predictions = file["id"], file["prediction"]
        if ids.shape[:1] != predictions.shape[:1] or ids.ndim != 1:
            raise InputError(
                f"{path}: /id has the shape {ids.shape} and /prediction {predictions.shape}: expected (N,), (N, ...)"
            )
        for start in range(0, len(ids), CHUNK):
            yield ids[start : start + CHUNK], predictions[start : start + CHUNK]


def _some(names: list[str]) -> str:
    """``the id a is``, ``the ids a, b and c are`` or ``1,234 ids (a, b, c, ...) are``."""
    if len(names) == 1:
        return f"the id {names[0]} is"
    if len(names) <= 3:
        return f"the ids {', '.join(names[:-1])} and {names[-1]} are"
    return f"{len(names):,} ids ({', '.join(names[:3])}, ...) are"
