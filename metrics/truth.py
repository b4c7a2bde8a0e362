"""The truth of a split: the columns of its member list, and features of its records where the truth is an array."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.prepared.members import MemberColumns
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.prepared.record_fields import decoding


class Truth:
    """Truth of one split of a prepared data set; samples are identified by their position in the split.

    Attributes:
        ids: ids of its samples, in the order of the records.
        sha256: digest of the content of the split, see `sciml_datasets.splits.partitions.Selection`.

    Args:
        prepared: the data set.
        split: train, validation or test, or a part of another partition, see `Prepared.select`.

    Raises:
        InputError: the data set has no such split.
    """

    def __init__(self, prepared: Prepared, split: str) -> None:
        self._prepared, self._split = prepared, split
        self._selection = self._prepared.select(split)
        self._members = MemberColumns(prepared.folder, self._selection.columns)
        self.sha256 = self._selection.sha256
        self.ids = self._members["id"]

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> list[str]:
        """A column of the member list, in the order of the records."""
        return self._members[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(N,) column of the member list as numbers.

        Raises:
            InputError: a value is no number.
        """
        return self._members.numbers(name)

    def classes(self, name: str, count: int) -> NDArray[np.int64]:
        """(N,) column of the member list as numbers of ``count`` classes.

        Raises:
            InputError: a value is no number of a class.
        """
        return self._members.numbers(name, below=count)

    @cached_property
    def training(self) -> Truth:
        """The truth of the training split, to which baselines are fitted."""
        partition, colon, _ = self._split.rpartition(":")
        return Truth(self._prepared, f"{partition}{colon}train")

    def shape(self, feature: str) -> tuple[int, ...]:
        """The shape of a feature of the records."""
        return tuple(self._prepared.builder.info.features[feature].shape)

    def features(self, positions: NDArray[np.int64], names: tuple[str, ...]) -> list[NDArray[Any]]:
        """Features of some records, each stacked along a new first axis; nothing else of the records is decoded.

        Raises:
            DamagedRecordError: a record is not what was written, or belongs to another sample.
        """
        import tensorflow_datasets as tfds

        # Not `tfds.decode.PartialDecoding`, which loads TensorFlow.
        features = self._prepared.builder.info.features
        wanted = tfds.features.FeaturesDict({name: features[name] for name in names})
        places = self._selection.positions[positions].tolist()
        examples = []
        for place in places:
            record = self._records[place]
            with decoding(self._prepared.folder, place):
                examples.append(wanted.deserialize_example_np(record))
        return [np.stack([example[name] for example in examples]) for name in names]

    @cached_property
    def _records(self) -> Any:
        import tensorflow_datasets as tfds

        method = tfds.decode.DeserializeMethod.RAW_BYTES
        return self._prepared.builder.as_data_source(split=self._selection.records, deserialize_method=method)
