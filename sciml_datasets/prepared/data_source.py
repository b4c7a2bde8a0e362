"""Sequences of decoded examples, for PyTorch, JAX, grain and all else that takes a sequence. Needs no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from tensorflow_datasets.core.data_sources.base import BaseDataSource, file_instructions
from tensorflow_datasets.core.decode.base import DeserializeMethod

from sciml_datasets.prepared.large_tensors import Apart, Bytes, LargeTensors
from sciml_datasets.prepared.random_access import RECORDS, TFRecords, check_id
from sciml_datasets.prepared.record_fields import decoding, id_of
from sciml_datasets.prepared.record_ids import RecordIds


@dataclasses.dataclass(repr=False)
class DataSource(BaseDataSource):
    """A sequence of decoded examples (NumPy), as TFDS's own data sources are, but with arrays that may be written into.

    PyTorch warns of read-only arrays, since writing into a tensor that shares their memory is undefined.
    """

    def __post_init__(self) -> None:
        shards = [
            (str(part.filename), part.skip, part.take if part.take >= 0 else part.examples_in_shard - part.skip)
            for part in file_instructions(self.dataset_info, self.split)
        ]
        self.data_source = RECORDS[self.dataset_info.file_format.value](shards)
        self._ids = RecordIds(self.dataset_info, self.split)
        decoded = self.decoders is None and self.deserialize_method is DeserializeMethod.DESERIALIZE_AND_DECODE
        tensors = LargeTensors(self.dataset_info.features)
        self._tensors = tensors if decoded and tensors.types else None

    def __getitem__(self, position: SupportsIndex) -> Any:
        """The example at a position; negative ones count from the end.

        Raises:
            TypeError: the position is no whole number; several positions are for ``__getitems__``.
            IndexError: there is no such position.
            InputError: a file of the prepared folder is missing or damaged.
            DamagedRecordError: its bytes are not those that were written, or it belongs to another sample.
        """
        (found,) = self.__getitems__([index(position)])
        return found

    def __getitems__(self, positions: Sequence[int]) -> list[Any]:
        """The examples at several positions, in the order of these; they are read in the order of the files.

        Raises:
            IndexError: there is no such position.
            InputError: a file of the prepared folder is missing or damaged.
            DamagedRecordError: the bytes of a record are not those that were written, or it belongs to another sample.
        """
        places = [self.data_source.checked(index(position)) for position in positions]
        order = sorted(range(len(places)), key=places.__getitem__)
        found: list[Any] = [None] * len(places)
        for number, (record, arrays) in zip(order, self._records([places[i] for i in order]), strict=True):
            place = places[number]
            expected = self._ids[place]
            if expected is not None:
                check_id(id_of(record), expected, *self.data_source.place(place))
            found[number] = self._decoded(place, record, arrays)
        return found

    def _records(self, places: list[int]) -> Iterator[Apart]:
        """The records at ascending places: where they have large tensors, one after the other, these apart."""
        source = self.data_source
        if self._tensors is None or not isinstance(source, TFRecords):
            yield from ((record, {}) for record in source.in_order(places))
            return
        for group in source.fetched(places):
            for place in group:
                yield source.read_apart(*source.place(place), self._tensors) or (source[place], {})

    def _decoded(self, place: int, record: bytes, arrays: dict[str, Bytes]) -> Any:
        """The example of a record, from which large tensors may have been taken."""
        try:
            if self._tensors is None or not arrays:
                return _own(self._deserialize(record))
            others = _own(self._tensors.others.deserialize_example_np(record))
            return self._tensors.joined(others, self._tensors.typed(arrays))
        except Exception:
            if self.decoders is not None:  # which may have raised it
                raise
            with decoding(*self.data_source.place(place)):
                raise


def _own(example: Any) -> Any:
    """The example with copies of the arrays that share the bytes of its record; an example not decoded is unchanged."""
    if not isinstance(example, dict):
        return example
    return {
        name: value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value
        for name, value in example.items()
    }
