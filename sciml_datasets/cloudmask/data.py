"""The data sets of CloudMask: features, pairs and raw format."""

from __future__ import annotations

from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.cloudmask.raw import IMAGE, SIZES, Scenes
from sciml_datasets.raw_format import RawFormat


def features(dataset: DataSet) -> dict[str, Any]:
    """The feature connectors by name: masks are 0 or 1, times ISO 8601 in UTC, frames seconds since the node or -1."""
    import numpy as np
    from tensorflow_datasets import features

    from sciml_datasets.raw_tensor import RawTensor

    def image(*channels: int, dtype: Any) -> Any:
        return features.Tensor(shape=(*SIZES[dataset.name], *channels), dtype=dtype, encoding="bytes")

    channels = (
        {IMAGE: RawTensor(rank=3)}
        if dataset.preprocessed_from
        else {
            "reflectance": image(6, dtype=np.float32),
            "brightness_temperature": image(3, dtype=np.float32),
        }
    )
    return {
        "id": features.Text(),
        **channels,
        "bayes": image(1, dtype=np.uint8),
        "cloud": image(dtype=np.uint8),
        "valid": image(dtype=np.uint8),
        "start_time": features.Text(),
        "day": np.int32,
        "relative_orbit": np.int32,
        "frame": np.int32,
    }


def supervised_keys(dataset: DataSet) -> tuple[Any, Any]:
    """Inputs and target of ``as_supervised``; `pair` joins the inputs where they are not joined already."""
    if dataset.preprocessed_from:
        return IMAGE, "cloud"
    return ("reflectance", "brightness_temperature"), "cloud"


def pair(channels: Any, cloud: Any) -> tuple[Any, Any]:
    """The pair that ``as_supervised`` yields: an image of nine channels, S1 to S9, and the mask."""
    if not isinstance(channels, tuple):
        return channels, cloud
    import tensorflow as tf

    return tf.concat(channels, axis=-1), cloud


def raw_format(dataset: DataSet, dtype: str = "") -> RawFormat:
    """One HDF5 file per scene; ``dtype`` is the type of preprocessed channels."""
    return Scenes(*SIZES[dataset.name], dtype)
