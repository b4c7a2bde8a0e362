"""From an example to the bytes of its ``tf.train.Example``, the same in every process.

TFDS's feature connectors encode the values. The message is then assembled here instead of by the protobuf library,
with map entries sorted by key: TFDS leaves their order to chance, and building a protobuf message copies a large tensor
three times. The result equals that of protobuf's deterministic serialisation (a test compares the two).

Wire format: https://protobuf.dev/programming-guides/encoding; messages: example.proto and feature.proto of
tensorflow/core/example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from struct import pack
from typing import Any

import numpy as np

from sciml_datasets.prepared.record_fields import varint
from sciml_datasets.prepared.tfrecord import Parts
from sciml_datasets.raw_format import Example

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
SMALL = 1 << 14
"""Number of bytes of a piece up to which it is joined with its neighbours: more pieces cost more than the copy."""

BYTES_LIST, FLOAT_LIST, INT64_LIST = b"\x0a", b"\x12", b"\x1a"
"""Tags of Feature's three alternatives: fields 1, 2 and 3, length-delimited."""
FIELD_1, FIELD_2 = b"\x0a", b"\x12"
ONE_BYTE = [bytes([number]) for number in range(0x80)]


def encoder(features: Any) -> Callable[[Example], Parts]:
    """The function that encodes examples of a TFDS FeaturesDict.

    Args:
        features: ``tfds.features.FeaturesDict``.
    """
    from tensorflow_datasets.core.example_serializer import ExampleSerializer
    from tensorflow_datasets.core.utils.py_utils import flatten_nest_dict

    specs = dict(sorted(flatten_nest_dict(features.get_serialized_info()).items(), key=lambda item: item[0].encode()))
    if any(spec.sequence_rank or spec.optional for spec in specs.values()):
        to_proto = ExampleSerializer(features.get_serialized_info()).get_tf_example
        return lambda example: [to_proto(features.encode_example(example)).SerializeToString(deterministic=True)]

    writers = {key: _tensor_writer(key, *layout, specs[key]) for key, layout in _raw_tensors(features).items()}
    for key in specs.keys() & set(features.keys()):
        if write := _scalar_writer(key, features[key], specs[key]):
            writers[key] = write
    others = [key for key in features if key not in writers]
    expected = set(features.keys())

    def encode(example: Example) -> Parts:
        if example.keys() != expected:
            raise ValueError(f"an example has the features {sorted(example)}, expected {sorted(features)}")
        values = flatten_nest_dict({key: features[key].encode_example(example[key]) for key in others})
        entries: Parts = []
        for key, spec in specs.items():
            if key in writers:
                entries += writers[key](example[key])
            else:
                entries += _entry(key, values[key], spec)
        return _joined([FIELD_1 + _varint(_size(entries)), *entries])

    return encode


def _scalar_writer(key: str, feature: Any, spec: Any) -> Callable[[Any], Parts] | None:
    """A function that makes the map entry of a text or a number in one step; None for other features.

    It returns what `_entry` returns for the connector's value, without the connector: a record of seven scalars takes a
    quarter of the time, and small records hold little else.
    """
    from tensorflow_datasets import features

    from sciml_datasets.lookup import Lookup

    if type(feature) not in (features.Text, features.Scalar, features.Tensor, Lookup) or spec.shape != ():
        return None
    if getattr(feature, "encoder", None) is not None or getattr(feature, "_encoded_to_bytes", False):
        return None
    dtype, name = np.dtype(spec.np_dtype), key.encode()
    head = FIELD_1 + _varint(len(name)) + name + FIELD_2
    to_list: Callable[[Any], bytes]
    if dtype.kind in "OSU":

        def to_list(value: Any) -> bytes:
            if not isinstance(value, str | bytes):
                raise ValueError(f"{key} is {type(value).__name__}, expected text or bytes")
            text = value.encode() if isinstance(value, str) else value
            item = FIELD_1 + _varint(len(text)) + text
            return BYTES_LIST + _varint(len(item)) + item

    elif dtype.kind == "f":

        def to_list(value: Any) -> bytes:
            return FLOAT_LIST + b"\x06\x0a\x04" + pack("<f", value)

    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)

        def to_list(value: Any) -> bytes:
            number = index(value)
            if not limits.min <= number <= limits.max:
                raise ValueError(f"{key} is {number}, which is no {dtype}")
            packed = _varint(number % (1 << 64))
            item = FIELD_1 + _varint(len(packed)) + packed
            return INT64_LIST + _varint(len(item)) + item

    else:
        return None

    def write(value: Any) -> Parts:
        found = to_list(value)
        entry = head + _varint(len(found)) + found
        return [FIELD_1 + _varint(len(entry)) + entry]

    return write


def _tensor_writer(key: str, shape: tuple[int, ...], dtype: np.dtype[Any], spec: Any) -> Callable[[Any], Parts]:
    """A function that makes the map entry of a tensor stored as plain bytes: all that precedes them is constant."""
    *before, _ = _entry(key, np.zeros(dtype.itemsize * math.prod(shape), np.uint8), spec)
    head = b"".join(before)

    def write(value: Any) -> Parts:
        return [head, _view(value, shape, dtype)]

    return write


def _raw_tensors(features: Any) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type, by name, of the features that are stored as the plain bytes of an array."""
    declared = features.to_json()["content"]["features"]
    return {
        key: (tuple(features[key].shape), np.dtype(features[key].np_dtype))
        for key, feature in declared.items()
        if feature.get("tensor", {}).get("encoding") == "bytes" and None not in features[key].shape
    }


def _view(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Bytes:
    """The bytes of an array, little-endian and in C order, without a copy where that is its layout in memory."""
    array = np.asarray(value)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"a tensor has the shape {array.shape} and type {array.dtype}, expected {shape} and {dtype}")
    array = np.ascontiguousarray(array, dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8)


def _entry(key: str, value: Any, spec: Any) -> Parts:
    """One entry of the map from name to Feature."""
    name = key.encode()
    feature = _feature(value, spec)
    head = FIELD_1 + _varint(len(name)) + name + FIELD_2 + _varint(_size(feature))
    return [FIELD_1 + _varint(len(head) + _size(feature)) + head, *feature]


def _feature(value: Any, spec: Any) -> Parts:
    """A Feature message, with the value types that TFDS's ``_item_to_tf_feature`` chooses."""
    dtype = np.dtype(spec.np_dtype)
    if dtype.kind in "OSU":
        items = (
            [value]
            if isinstance(value, np.ndarray) and value.dtype == np.uint8
            else np.asarray(value, dtype=object).flat
        )
        texts = [_text(item) for item in items]
        content = [part for text in texts for part in (FIELD_1 + _varint(len(text)), text)]
        return [BYTES_LIST + _varint(_size(content)), *content]
    array = np.asarray(value, dtype)
    if array.shape != tuple(spec.shape):
        expected_any = len(array.shape) == len(spec.shape) and all(
            want in (None, got) for want, got in zip(spec.shape, array.shape, strict=True)
        )
        if not expected_any:
            raise ValueError(f"a value has the shape {array.shape}, the feature {spec.shape}")
    if dtype.kind == "f":
        return [FLOAT_LIST, *_packed(array.astype("<f4").tobytes())]
    if dtype.kind not in "biu":
        raise ValueError(f"a value has the type {dtype}, which tf.train.Example does not know")
    integers = array.astype(np.uint64) if dtype.kind == "u" else array.astype(np.int64).view(np.uint64)
    return [INT64_LIST, *_packed(b"".join(_varint(int(number)) for number in integers.flat))]


def _text(item: Any) -> bytes | Bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes | np.ndarray):
        return item
    raise ValueError(f"a value is {type(item).__name__}, expected text or bytes")


def _packed(content: bytes) -> Parts:
    """A list message with one packed field; an empty list has none."""
    if not content:
        return [b"\x00"]
    head = FIELD_1 + _varint(len(content))
    return [_varint(len(head) + len(content)) + head, content]


def _joined(parts: Parts) -> Parts:
    """The same bytes in fewer pieces."""
    joined: Parts = []
    small: Parts = []
    for part in parts:
        if len(part) <= SMALL:
            small.append(part)
        else:
            joined += b"".join(small), part
            small = []
    return [*joined, b"".join(small)]


def _size(parts: Parts) -> int:
    return sum(map(len, parts))


def _varint(number: int) -> bytes:
    """A number in base 128, least significant group first."""
    if number < 0x80:
        return ONE_BYTE[number]
    return varint(number)
