"""The examples of a split as a ``tf.data.Dataset`` whose large tensors are read from the files into their arrays.

Order, elements and errors are those of TFDS's own reader. There a record is read as a string, parsed into strings and
decoded into tensors: three copies, for which one core takes longer than to read the file. Here a Python function reads
the large tensors of a record in one call, without Python's lock, and TensorFlow takes the arrays as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.prepared.large_tensors import LargeTensors
from sciml_datasets.prepared.random_access import TFRecords

LEAST_BYTES = 1 << 20
"""Number of bytes of the large tensors of a record from which they are read apart: of smaller records the call of
Python takes longer than the copies."""
CYCLE = 16
"""Number of shards that TFDS reads by turns."""


def reads_apart(info: Any, decoders: Any, config: Any) -> bool:
    """Whether `example_dataset` reads a data set as its reader's options demand; else TFDS's reader does.

    Args:
        info: dataset info of the builder.
        decoders: decoders that the user gives, or None.
        config: ``tfds.ReadConfig``.
    """
    fits = decoders is None and info.file_format.value == "tfrecord" and not info.disable_shuffling
    of_files = config.input_context or config.add_tfds_id or config.override_buffer_size or config.file_format
    return fits and not of_files and LargeTensors(info.features).nbytes >= LEAST_BYTES


def example_dataset(info: Any, parts: Sequence[Any], config: Any, shuffle_files: bool) -> Any:
    """The examples of the parts of shards.

    Args:
        info: dataset info of the builder.
        parts: TFDS's file instructions, at least one.
        config: ``tfds.ReadConfig``, one with which `reads_apart`.
        shuffle_files: whether the shards are read in random order.

    Returns:
        a ``tf.data.Dataset``. A record that is not what was written raises what it raises in TensorFlow's own reader,
        which is asked for such a record.
    """
    import tensorflow as tf

    if config.experimental_interleave_sort_fn is not None:
        parts = config.experimental_interleave_sort_fn(parts)
    takes = [part.take if part.take >= 0 else part.examples_in_shard - part.skip for part in parts]
    skips = np.array([part.skip for part in parts], np.int64)
    shards = tf.data.Dataset.from_tensor_slices(
        ([str(part.filename) for part in parts], skips, np.array(takes, np.int64))
    )
    if shuffle_files:
        again = config.shuffle_reshuffle_each_iteration
        shards = shards.shuffle(len(parts), seed=config.shuffle_seed, reshuffle_each_iteration=again)
    if config.repeat_filenames:
        shards = shards.repeat()

    def numbers(path: Any, skip: Any, take: Any) -> Any:
        return tf.data.Dataset.range(skip, skip + take).map(lambda number: (path, number))

    given = isinstance(config.interleave_cycle_length, int) or config.interleave_cycle_length is None
    cycle = config.interleave_cycle_length if given else CYCLE
    records = shards.interleave(numbers, cycle_length=cycle, block_length=config.interleave_block_length)
    if config.assert_cardinality:
        records = records.apply(tf.data.experimental.assert_cardinality(sum(takes)))
    # The reader that is asked for a damaged record counts as one with a state, with which no iterator could be saved.
    options = tf.data.Options()
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.WARN
    records = records.with_options(options).with_options(config.options)
    return records.map(_reading(info), num_parallel_calls=config.num_parallel_calls_for_decode)


def _reading(info: Any) -> Any:
    """The function of TensorFlow from path and number of a record to its example."""
    import tensorflow as tf
    from tensorflow_datasets.core.example_parser import ExampleParser

    tensors, records = LargeTensors(info.features), TFRecords([])
    types = {name: (shape, tf.as_dtype(dtype)) for name, (shape, dtype) in tensors.types.items()}
    nothing = [np.empty(0, dtype) for _, dtype in tensors.types.values()]

    def read(path: bytes, number: np.int64) -> list[Any]:
        try:
            apart = records.read_apart(path.decode(), int(number), tensors)
        except (InputError, DamagedRecordError, OSError):
            apart = None  # TensorFlow's reader says what is wrong
        if apart is None:
            return [np.bool_(False), b"", *nothing]
        arrays = tensors.typed(apart[1])
        return [np.bool_(True), apart[0], *(arrays[name] for name in types)]

    def parsed(features: Any, record: Any) -> Any:
        example = ExampleParser(features.get_serialized_info()).parse_example(record)
        return features.decode_example(example)

    def example(path: Any, number: Any) -> Any:
        outputs = [tf.bool, tf.string, *(dtype for _, dtype in types.values())]
        # It keeps no state: iterators over the data set can be saved, and calls run at the same time.
        apart, others, *arrays = tf.numpy_function(read, (path, number), outputs, stateful=False)

        def joined() -> Any:
            found = {name: tf.reshape(array, types[name][0]) for name, array in zip(types, arrays, strict=True)}
            return tensors.joined(parsed(tensors.others, others), found)

        def whole() -> Any:
            record = tf.data.TFRecordDataset(path).skip(number).take(1).get_single_element()
            return parsed(info.features, record)

        return tf.cond(apart, joined, whole)

    return tf.autograph.experimental.do_not_convert(example)
