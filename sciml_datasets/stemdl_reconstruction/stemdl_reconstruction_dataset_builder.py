"""The TFDS declaration of the STEMDL reconstruction data sets."""

from __future__ import annotations

from typing import Any

from sciml_datasets.raw_format import RawFormat
from sciml_datasets.stemdl_reconstruction.raw import DENSITY, POTENTIAL, SCAN, Scans
from sciml_datasets.tfds_builder import Sciml


class StemdlReconstruction(Sciml):
    """Registered scans of diffraction patterns, and the potential that scattered the electrons."""

    name = "sciml"
    supervised_keys = (SCAN, POTENTIAL)

    def features(self) -> dict[str, Any]:
        """Feature connectors; shapes and types are those of the raw files. Simulated data have the electron density."""
        from tensorflow_datasets import features

        from sciml_datasets.prepared.raw_tensor import RawTensor

        images = (POTENTIAL, DENSITY) if self.dataset.simulated_samples else (POTENTIAL,)
        return {"id": features.Text(), SCAN: RawTensor(rank=3), **{name: RawTensor(rank=2) for name in images}}

    def raw_format(self, **choices: str) -> RawFormat:
        """LMDB environments."""
        return Scans(density=bool(self.dataset.simulated_samples))
