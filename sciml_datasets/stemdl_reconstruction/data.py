"""The data sets of the STEMDL reconstruction: features and raw format."""

from __future__ import annotations

from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.raw_format import RawFormat
from sciml_datasets.stemdl_reconstruction.raw import DENSITY, POTENTIAL, SCAN, Scans


def features(dataset: DataSet) -> dict[str, Any]:
    """The feature connectors by name; shapes and types are those of the raw files. Simulated data have a density."""
    from tensorflow_datasets import features

    from sciml_datasets.raw_tensor import RawTensor

    images = (POTENTIAL, DENSITY) if dataset.simulated_samples else (POTENTIAL,)
    return {"id": features.Text(), SCAN: RawTensor(rank=3), **{name: RawTensor(rank=2) for name in images}}


def supervised_keys(dataset: DataSet) -> tuple[Any, Any]:
    """Input and target of ``as_supervised``."""
    return SCAN, POTENTIAL


def raw_format(dataset: DataSet) -> RawFormat:
    """LMDB environments."""
    return Scans(density=bool(dataset.simulated_samples))
