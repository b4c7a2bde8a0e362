"""The TFDS declaration of the CloudMask data sets."""

from __future__ import annotations

from typing import Any

from sciml_datasets.cloudmask.raw import SIZES, Scenes
from sciml_datasets.raw_format import RawFormat
from sciml_datasets.tfds_builder import Sciml


class Cloudmask(Sciml):
    """Scenes of Sentinel-3's radiometer SLSTR, and where the operational mask sees cloud."""

    name = "sciml"
    supervised_keys = (("reflectance", "brightness_temperature"), "cloud")

    def features(self) -> dict[str, Any]:
        """Feature connectors; masks are 0 or 1, times ISO 8601 text in UTC, the frame seconds since the node, or -1."""
        import numpy as np
        from tensorflow_datasets import features

        def image(*channels: int, dtype: Any) -> Any:
            shape = (*SIZES[self.dataset.name], *channels)
            return features.Tensor(shape=shape, dtype=dtype, encoding="bytes")

        return {
            "id": features.Text(),
            "reflectance": image(6, dtype=np.float32),
            "brightness_temperature": image(3, dtype=np.float32),
            "bayes": image(1, dtype=np.uint8),
            "cloud": image(dtype=np.uint8),
            "valid": image(dtype=np.uint8),
            "start_time": features.Text(),
            "day": np.int32,
            "relative_orbit": np.int32,
            "frame": np.int32,
        }

    def as_dataset(self, split: Any = None, *, as_supervised: bool = False, **options: Any) -> Any:
        """As in TFDS; supervised pairs are an image of nine channels, S1 to S9, and the mask."""
        import tensorflow as tf
        import tree

        def pair(channels: tuple[Any, Any], cloud: Any) -> tuple[Any, Any]:
            return tf.concat(channels, axis=-1), cloud

        found = super().as_dataset(split, as_supervised=as_supervised, **options)
        if not as_supervised:
            return found
        return tree.map_structure(lambda dataset: dataset.map(pair, num_parallel_calls=tf.data.AUTOTUNE), found)

    def raw_format(self, **choices: str) -> RawFormat:
        """One HDF5 file per scene."""
        return Scenes(*SIZES[self.dataset.name])
