"""The encoder gives the bytes of protobuf's deterministic serialisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_datasets.core.example_serializer import ExampleSerializer

from sciml_datasets.preparation.example_proto import encoder


def by_protobuf(features: Any, example: dict[str, Any]) -> bytes:
    to_proto = ExampleSerializer(features.get_serialized_info()).get_tf_example
    return bytes(to_proto(features.encode_example(example)).SerializeToString(deterministic=True))


FEATURES = tfds.features.FeaturesDict(
    {
        "id": tfds.features.Text(),
        "label": tfds.features.ClassLabel(num_classes=231),
        "tensor": tfds.features.Tensor(shape=(2, 3), dtype=np.float32, encoding="bytes"),
        "floats": tfds.features.Tensor(shape=(3,), dtype=np.float32),
        "integers": tfds.features.Tensor(shape=(4,), dtype=np.int64),
        "unsigned": tfds.features.Tensor(shape=(), dtype=np.uint64),
        "flag": np.bool_,
        "empty": tfds.features.Tensor(shape=(0,), dtype=np.float32),
        "free": tfds.features.Tensor(shape=(None,), dtype=np.int32),
        "äußeres": {"inner": np.int32, "text": tfds.features.Text()},
    }
)

int64 = st.integers(-(2**63), 2**63 - 1)
float32 = st.floats(width=32)


@given(
    st.text(),
    st.integers(0, 230),
    st.lists(float32, min_size=6, max_size=6),
    st.lists(float32, min_size=3, max_size=3),
    st.lists(int64, min_size=4, max_size=4),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
)
def test_every_kind_of_feature(
    text: str,
    label: int,
    tensor: list[float],
    floats: list[float],
    integers: list[int],
    unsigned: int,
    flag: bool,
    free: list[int],
) -> None:
    example = {
        "id": text,
        "label": label,
        "tensor": np.array(tensor, np.float32).reshape(2, 3),
        "floats": np.array(floats, np.float32),
        "integers": np.array(integers, np.int64),
        "unsigned": np.uint64(unsigned),
        "flag": flag,
        "empty": np.zeros(0, np.float32),
        "free": np.array(free, np.int32),
        "äußeres": {"inner": -1, "text": text},
    }
    assert b"".join(encoder(FEATURES)(example)) == by_protobuf(FEATURES, example)


def test_sequences_are_left_to_protobuf() -> None:
    features = tfds.features.FeaturesDict({"numbers": tfds.features.Sequence(np.int64), "id": tfds.features.Text()})
    example = {"numbers": [1, 2, 3], "id": "a"}
    assert b"".join(encoder(features)(example)) == by_protobuf(features, example)


def test_a_wrong_shape_is_refused() -> None:
    features = tfds.features.FeaturesDict({"floats": tfds.features.Tensor(shape=(3,), dtype=np.float32)})
    with pytest.raises(ValueError, match=r"\(2,\)"):
        encoder(features)({"floats": np.zeros(2, np.float32)})
