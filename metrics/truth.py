"""The truth of a split: the columns of its member list, and features of its records where the truth is an array."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmarks import data_root, prepared_dir
from sciml_datasets.splits import read_members


class Truth:
    """Truth of one split of a prepared data set; samples are known by their position in the split.

    Args:
        name: of the data set.
        split: train, validation or test.
        data_dir: where prepared data sets lie; default as in TFDS.

    Raises:
        InputError: the data set is not prepared there.
    """

    def __init__(self, name: str, split: str, data_dir: str | Path | None = None) -> None:
        self._name, self._split, self._data_dir = name, split, data_dir
        self._members = read_members(prepared_dir(name, data_dir), split)
        self.ids = self._members["id"]

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> list[str]:
        """A column of the member list, in the order of the records."""
        return self._members[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(N,) a column of the member list as numbers."""
        return np.array(self._members[name], np.float64)

    @cached_property
    def training(self) -> Truth:
        """The truth of the training split, which baselines are fitted to."""
        return Truth(self._name, "train", self._data_dir)

    def shape(self, feature: str) -> tuple[int, ...]:
        """The shape of a feature of the records."""
        return tuple(self._builder.info.features[feature].shape)

    def features(self, positions: NDArray[np.int64], names: tuple[str, ...]) -> list[NDArray[Any]]:
        """Features of some records, each stacked along a new first axis; nothing else of the records is decoded."""
        import tensorflow_datasets as tfds

        # Not `tfds.decode.PartialDecoding`, which loads TensorFlow.
        features = self._builder.info.features
        wanted = tfds.features.FeaturesDict({name: features[name] for name in names})
        examples = [wanted.deserialize_example_np(self._records[int(position)]) for position in positions]
        return [np.stack([example[name] for example in examples]) for name in names]

    @cached_property
    def _records(self) -> Any:
        import tensorflow_datasets as tfds

        method = tfds.decode.DeserializeMethod.RAW_BYTES
        return self._builder.as_data_source(split=self._split, deserialize_method=method)

    @cached_property
    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self._name}", data_dir=data_root(self._data_dir))
