"""Samples that are rows of feature tables, gathered for a whole batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models.sample_source import Randomness, Samples
from sciml_datasets.models.table_row_numbers import rows_of_tables
from sciml_datasets.scaling import FITTED_ANEW, refitted
from sciml_datasets.splits.partitions import Selection


def stored_tables(builder: Any, names: Sequence[str]) -> list[NDArray[np.float32]]:
    """The tables (entities, width) of lookup features, as they are stored, scaled by the canonical training split."""
    shared = {feature.table_name: feature.table for feature in map(builder.info.features.__getitem__, names)}
    return [shared[builder.info.features[name].table_name] for name in names]


def fitted_tables(builder: Any, names: Sequence[str], training: Selection) -> list[NDArray[np.float32]]:
    """The tables (entities, width) of lookup features, scaled by the entities of some training samples.

    Args:
        builder: builder of a prepared data set.
        names: names of the features.
        training: the samples.
    """
    of_feature = [builder.info.features[name].table_name for name in names]
    shared = {feature.table_name: feature for feature in map(builder.info.features.__getitem__, names)}
    tables = {name: feature.table for name, feature in shared.items()}
    if scaled := (builder.info.metadata or {}).get(FITTED_ANEW, {}):
        rows = rows_of_tables(builder, training, names)
        for name in shared.keys() & scaled.keys():
            seen = np.concatenate([some for own, some in zip(of_feature, rows, strict=True) if own == name])
            tables[name] = refitted(shared[name].table, shared[name].missing, np.unique(seen), scaled[name])
    return [tables[name] for name in of_feature]


class JoinedRows:
    """Samples of joined rows; see `sciml_datasets.models.sample_source.SampleSource`.

    The numbers of the rows are read once, the features of a row when it is in a batch.

    Args:
        rows: for each table, the rows (N,) of the samples.
        tables: (entities, width) float32 each.
        numbers: (N,) float32 each, inputs before the rows of tables.
        targets: (N,) float32.
    """

    def __init__(
        self,
        rows: Sequence[NDArray[np.int64]],
        tables: Sequence[NDArray[np.float32]],
        numbers: Sequence[NDArray[np.float32]],
        targets: NDArray[np.float32],
    ) -> None:
        self._rows, self._tables, self._targets = rows, tables, targets
        self._numbers = [column[:, None] for column in numbers]

    def __len__(self) -> int:
        return len(self._targets)

    def like(self) -> Samples:
        """See `SampleSource.like`."""
        return tuple(array[:0] for array in (*self._numbers, *self._tables)), self._targets[:0], self._targets[:0]

    def gains_from_threads(self) -> bool:
        """See `SampleSource.gains_from_threads`."""
        return True

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """See `SampleSource.fill`."""
        inputs, targets, weights = batch
        self._join(numbers, inputs)
        targets[:] = self._targets[numbers]
        weights[:] = 1

    def inputs(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float32], ...]:
        """The features (N, width) of some samples, numbers before the rows of tables."""
        inputs, _, _ = self.like()
        arrays = tuple(np.empty((len(numbers), like.shape[1]), like.dtype) for like in inputs)
        self._join(numbers, arrays)
        return arrays

    def _join(self, numbers: NDArray[np.int64], inputs: tuple[NDArray[np.float32], ...]) -> None:
        count = len(self._numbers)
        for column, array in zip(self._numbers, inputs[:count], strict=True):
            array[:] = column[numbers]
        for table, rows, array in zip(self._tables, self._rows, inputs[count:], strict=True):
            np.take(table, rows[numbers], axis=0, out=array, mode="clip")  # else NumPy fills a copy of the output
