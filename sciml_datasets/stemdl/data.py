"""The data sets of STEMDL: features and raw formats."""

from __future__ import annotations

from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.raw_format import RawFormat
from sciml_datasets.stemdl.attributes import NUM_SPACE_GROUPS, VECTORS
from sciml_datasets.stemdl.preprocessed_stacks import PreprocessedStacks
from sciml_datasets.stemdl.raw import Hdf5Stacks

PIXELS = {"stemdl": 512, "stemdl_preprocessed": 128, "stemdl_demo": 128}
"""Width and height of the patterns of each data set."""


def features(dataset: DataSet) -> dict[str, Any]:
    """The feature connectors by name; absent text is empty, an absent energy 0, absent numbers NaN."""
    import numpy as np
    from tensorflow_datasets import features

    pixels = PIXELS[dataset.name]
    return {
        "id": features.Text(),
        "cbed_stack": features.Tensor(shape=(3, pixels, pixels), dtype=np.float32, encoding="bytes"),
        "space_group": features.ClassLabel(num_classes=NUM_SPACE_GROUPS + 1),
        "material": features.Text(),
        "formula": features.Text(),
        "energy_kev": np.int32,
    } | {
        name: features.Tensor(shape=shape, dtype=np.float64, encoding="bytes") for name, (shape, *_) in VECTORS.items()
    }


def supervised_keys(dataset: DataSet) -> tuple[Any, Any]:
    """Input and target of ``as_supervised``."""
    return "cbed_stack", "space_group"


def raw_format(dataset: DataSet) -> RawFormat:
    """HDF5 files with one group per sample; for preprocessed stacks also one ``.npz`` file per sample."""
    return PreprocessedStacks() if dataset.preprocessed_from else Hdf5Stacks(PIXELS[dataset.name])
