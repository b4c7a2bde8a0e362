"""The TFDS declaration of the STEMDL data sets."""

from __future__ import annotations

from typing import Any

from sciml_datasets.raw_format import RawFormat
from sciml_datasets.stemdl.attributes import NUM_SPACE_GROUPS, VECTORS
from sciml_datasets.stemdl.preprocessed import PreprocessedStacks
from sciml_datasets.stemdl.raw import Hdf5Stacks
from sciml_datasets.tfds_builder import Sciml

PIXELS = {"stemdl": 512, "stemdl_preprocessed": 128, "stemdl_demo": 128}


class Stemdl(Sciml):
    """Stacks of three convergent-beam electron diffraction patterns and the crystal's space group."""

    name = "sciml"
    supervised_keys = ("cbed_stack", "space_group")

    def features(self) -> dict[str, Any]:
        """Feature connectors; absent text is empty, an absent energy 0, absent numbers NaN."""
        import numpy as np
        from tensorflow_datasets import features

        pixels = PIXELS[self.dataset.name]
        return {
            "id": features.Text(),
            "cbed_stack": features.Tensor(shape=(3, pixels, pixels), dtype=np.float32, encoding="bytes"),
            "space_group": features.ClassLabel(num_classes=NUM_SPACE_GROUPS + 1),
            "material": features.Text(),
            "formula": features.Text(),
            "energy_kev": np.int32,
        } | {
            name: features.Tensor(shape=shape, dtype=np.float64, encoding="bytes")
            for name, (shape, *_) in VECTORS.items()
        }

    def raw_format(self, **choices: str) -> RawFormat:
        """HDF5 files with one group per sample; for preprocessed stacks also one ``.npz`` file per sample."""
        if self.dataset.preprocessed_from:
            return PreprocessedStacks()
        return Hdf5Stacks(PIXELS[self.dataset.name])
