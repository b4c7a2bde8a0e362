"""A feature whose shape and type are read from the headers of the raw files: all records of a data set share them.

It is stored as the plain bytes of the array. Its shape and type are beside the records, in ``<feature>.layout.json``.

Prepared data name this module in ``features.json``: it must keep its name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets import features

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import is_count, read_object
from sciml_datasets.files.text import quoted, shown
from sciml_datasets.prepared.integrity import AGAIN, undamaged
from sciml_datasets.raw_format import ArrayLayout, numpy_type

TYPES = ("float16", "bfloat16", "float32", "float64")
"""Types that arrays may have, by their names, see `sciml_datasets.raw_format.numpy_type`."""


class RawTensor(features.FeatureConnector):
    """An array whose shape and type are unknown before the data set is prepared.

    Attributes:
        plain: whether a record holds the plain bytes of the array.

    Args:
        rank: number of its axes.
        doc: as in TFDS.
    """

    plain = True

    def __init__(self, *, rank: int, doc: Any = None) -> None:
        super().__init__(doc=doc)
        self._rank = rank
        self._layout: ArrayLayout | None = None
        self._path: Path | None = None

    @property
    def layout(self) -> ArrayLayout:
        """Shape and type; before they are known, the lengths are None and the type is float32.

        Raises:
            InputError: the file that states them is missing or damaged.
        """
        if self._layout is None and self._path is not None:
            self._layout = self._read(self._path)
        return self._layout or ArrayLayout((None,) * self._rank, "float32")

    @layout.setter
    def layout(self, layout: ArrayLayout) -> None:
        self._layout = layout
        self._forget()

    def _forget(self) -> None:
        """Drop the base class's caches."""
        for cached in ("shape", "np_dtype", "tf_dtype", "dtype"):
            self.__dict__.pop(cached, None)

    def get_tensor_info(self) -> Any:
        """See `FeatureConnector.get_tensor_info`."""
        return features.TensorInfo(shape=self.layout.shape, dtype=numpy_type(self.layout.dtype).type)

    def get_serialized_info(self) -> Any:
        """See `FeatureConnector.get_serialized_info`: the bytes."""
        return features.TensorInfo(shape=(), dtype=np.object_)

    def encode_example(self, example_data: NDArray[Any]) -> NDArray[np.uint8]:
        """The bytes of an array in C order, without a copy where that is its layout in memory."""
        little = example_data.dtype.newbyteorder("<")
        return np.ascontiguousarray(example_data, little).reshape(-1).view(np.uint8)

    def decode_example(self, tfexample_data: Any) -> Any:
        """The array of an example, or the arrays (N, ...) of several, as a tensor."""
        import tensorflow as tf

        values = tf.io.decode_raw(tfexample_data, self.layout.dtype)
        return tf.reshape(values, (*([-1] if tfexample_data.shape.rank else []), *self.layout.shape))

    def decode_example_np(self, example_data: Any) -> NDArray[Any]:
        """The array of an example, or the arrays (N, ...) of several, read-only."""
        dtype = numpy_type(self.layout.dtype).newbyteorder("<")
        if isinstance(example_data, np.ndarray) and example_data.ndim:
            return np.stack([self.decode_example_np(one) for one in example_data])
        return np.frombuffer(example_data, dtype).reshape(self.layout.shape)

    decode_batch_example = decode_example
    decode_batch_example_np = decode_example_np

    def to_json_content(self) -> dict[str, Any]:
        """See `FeatureConnector.to_json_content`."""
        return {"rank": self._rank}

    def save_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Write shape and type into the prepared folder.

        Raises:
            OSError: the file cannot be written.
        """
        if self._layout is not None:
            _place(data_dir, feature_name).write_text(json.dumps(self._layout._asdict()) + "\n", encoding="utf-8")

    def load_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Record the place of shape and type; they are read later, since TFDS would hide an error here."""
        self._layout, self._path = None, _place(data_dir, feature_name)
        self._forget()

    def _read(self, path: Path) -> ArrayLayout:
        try:
            undamaged(path)
            found = read_object(path, "shape and type of an array", AGAIN, {"shape": list, "dtype": str})
        except FileNotFoundError as error:
            raise InputError(f"{path} is missing: {AGAIN}") from error
        if len(found["shape"]) != self._rank or not all(is_count(length) for length in found["shape"]):
            lengths = shown(str(found["shape"]))
            raise InputError(f"{path}: shape is {lengths}, expected {self._rank} lengths: {AGAIN}")
        if found["dtype"] not in TYPES:
            raise InputError(f"{path}: dtype is {quoted(found['dtype'])}, expected one of {', '.join(TYPES)}: {AGAIN}")
        return ArrayLayout(tuple(found["shape"]), found["dtype"])


def _place(data_dir: Any, feature_name: str | None) -> Path:
    return Path(data_dir) / f"{feature_name}.layout.json"
