"""Ways to read the stacks of STEMDL for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from read_records import STEMDL_BATCH, Ways, whole_records


def write_npz(folder: Path) -> None:
    """Write the training samples of STEMDL preprocessed, as the reference reads them, and prepare them for ours."""
    import tensorflow_datasets as tfds

    from sciml_datasets import prepare
    from sciml_datasets.stemdl.log_scaling import log_scaled

    prepare("stemdl", folder / "raw", folder / "data", preprocess=True)
    (folder / "npz").mkdir()
    for number, example in enumerate(tfds.data_source("sciml/stemdl", split="train", data_dir=folder / "data")):
        arrays = {"data": log_scaled(example["cbed_stack"]), "label": np.array([example["space_group"]])}
        np.savez(folder / "npz" / f"{number}.npz", **arrays)


def npz_dataloader(folder: Path) -> Callable[[], Iterator[Any]]:
    """The loader of mlcommons/science's benchmarks/stemdl: a file per sample, PyTorch's DataLoader with two workers."""
    import torch

    class Stacks(torch.utils.data.Dataset):
        """Preprocessed stacks and labels."""

        def __init__(self) -> None:
            self._paths = sorted((folder / "npz").glob("*.npz"))

        def __len__(self) -> int:
            return len(self._paths)

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            with np.load(self._paths[number]) as file:
                return torch.from_numpy(file["data"]), torch.from_numpy(file["label"])

    loader = torch.utils.data.DataLoader(Stacks(), STEMDL_BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    return lambda: iter(loader)


def stemdl_training(folder: Path, name: str, transform: str = "host") -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package; it transforms each full-size stack when it reads it, or with ``device``
    only copies what is stored."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.stemdl import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    recipe = RECIPES[name].with_settings({"batch_size": STEMDL_BATCH, "transform": transform}).placed(accelerated=False)
    batches = Batches(Prepared.open(name, folder / "data"), recipe, seed=0)
    return lambda: iter(batches.training(1))


def stemdl_tfds(folder: Path) -> Callable[[], Iterator[Any]]:
    """The pipeline of `tfds.load` with preprocessed stacks, shuffled in a buffer."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    stacks = tfds.load("sciml/stemdl_preprocessed", split="train", as_supervised=True, data_dir=folder / "data")
    return stacks.shuffle(256).batch(STEMDL_BATCH).prefetch(tf.data.AUTOTUNE).as_numpy_iterator


WAYS: Ways = {
    "PyTorch DataLoader of .npz files": npz_dataloader,
    "sciml training of stemdl_preprocessed": partial(stemdl_training, name="stemdl_preprocessed"),
    "sciml tfds.load of stemdl_preprocessed": stemdl_tfds,
    "sciml training of stemdl": partial(stemdl_training, name="stemdl"),
    "sciml training of stemdl by copies alone": partial(stemdl_training, name="stemdl", transform="device"),
    **whole_records("stemdl", "stacks"),
    **whole_records("stemdl_preprocessed", "preprocessed stacks"),
}
