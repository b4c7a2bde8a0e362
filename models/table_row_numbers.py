"""The rows that samples have in feature tables: read for all at once, each with the id of its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import DamagedRecordError
from sciml_datasets.prepared.random_access import check_id
from sciml_datasets.prepared.shard_checks import check_shards
from sciml_datasets.splits.partitions import Selection

ROWS_AT_ONCE = 8192


def rows_of_tables(builder: Any, selection: Selection, tables: Sequence[str]) -> list[NDArray[np.int64]]:
    """The rows (N,) that the samples have in each table; no features are read.

    Args:
        builder: builder of a prepared data set.
        selection: samples of it.
        tables: names of lookup features.

    Raises:
        DamagedRecordError: a record is not what was written, or belongs to another sample.
    """
    import tensorflow as tf

    wanted = {"id": tf.io.FixedLenFeature((), tf.string)}
    wanted |= {name: tf.io.FixedLenFeature((), tf.int64) for name in tables}
    found: list[dict[str, NDArray[Any]]] = []
    start = 0
    try:
        for records in _serialised(builder, selection.records):
            batch = {name: values.numpy() for name, values in tf.io.parse_example(records, wanted).items()}
            ids = batch.pop("id")
            _check_ids(ids, start, selection, builder.data_dir)
            found.append(batch)
            start += len(ids)
    except tf.errors.DataLossError as error:
        raise DamagedRecordError(builder.data_dir, None, "its checksum does not agree") from error
    except tf.errors.InvalidArgumentError as error:
        raise DamagedRecordError(builder.data_dir, None, "it is no example of this data set") from error
    return [np.concatenate([batch[name] for batch in found])[selection.positions] for name in tables]


def _serialised(builder: Any, split: str) -> Iterator[Any]:
    """The serialised examples (N,) of whole splits, in the order of the records, `ROWS_AT_ONCE`."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    check_shards(builder.info, split)
    if builder.info.file_format.value == "tfrecord":
        paths = [
            str(part.filename) for name in split.split("+") for part in builder.info.splits[name].file_instructions
        ]
        yield from tf.data.TFRecordDataset(paths).batch(ROWS_AT_ONCE)
        return
    source = builder.as_data_source(split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
    for start in range(0, len(source), ROWS_AT_ONCE):
        yield source.__getitems__(range(start, min(start + ROWS_AT_ONCE, len(source))))


def _check_ids(found: NDArray[Any], start: int, selection: Selection, folder: str) -> None:
    """Compare the ids (N,) of consecutive records with those of the samples that are selected of them.

    Args:
        found: the ids in the records, as bytes.
        start: position of the first record.
        selection: selection of the samples.
        folder: the prepared one.

    Raises:
        DamagedRecordError: a record belongs to another sample.
    """
    first, last = np.searchsorted(selection.positions, (start, start + len(found)))
    places = selection.positions[first:last] - start
    expected = np.array([key.encode() for key in selection.columns["id"][first:last]], object)
    for wrong in np.flatnonzero(found[places] != expected)[:1]:
        check_id(found[places[wrong]], expected[wrong], folder, int(start + places[wrong]))
