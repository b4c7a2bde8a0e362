"""From an example to the bytes of its ``tf.train.Example``, the same in every process.

TFDS's feature connectors encode the values. The message is then put together here instead of by the protobuf library,
with map entries sorted by key: TFDS leaves their order to chance, and building a message copies a large tensor three
times. The result is what protobuf's deterministic serialisation gives (a test compares the two).

Wire format: https://protobuf.dev/programming-guides/encoding; messages: example.proto and feature.proto of
tensorflow/core/example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sciml_datasets.samples import Example

Parts = list[bytes]
"""A message as consecutive pieces, so that a large tensor is never copied into one string."""

BYTES_LIST, FLOAT_LIST, INT64_LIST = b"\x0a", b"\x12", b"\x1a"
"""Tags of Feature's three alternatives: fields 1, 2 and 3, length-delimited."""
FIELD_1, FIELD_2 = b"\x0a", b"\x12"


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

    def encode(example: Example) -> Parts:
        values = flatten_nest_dict(features.encode_example(example))
        entries = [part for key, spec in specs.items() for part in _entry(key, values[key], spec)]
        return [FIELD_1 + _varint(_size(entries)), *entries]

    return encode


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
        texts = [_text(item) for item in np.asarray(value, dtype=object).flat]
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


def _text(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes):
        return item
    raise ValueError(f"a value is {type(item).__name__}, expected text or bytes")


def _packed(content: bytes) -> Parts:
    """A list message with one packed field; an empty list has none."""
    if not content:
        return [b"\x00"]
    head = FIELD_1 + _varint(len(content))
    return [_varint(len(head) + len(content)) + head, content]


def _size(parts: Sequence[bytes]) -> int:
    return sum(map(len, parts))


def _varint(number: int) -> bytes:
    """Base-128, least significant group first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
