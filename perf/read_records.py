"""Ways to read whole records: TensorFlow's, PyTorch's and grain's, compared with the bare stream of their bytes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Ways = Mapping[str, Callable[[Path], Callable[[], Iterator[Any]]]]
"""Ways by their names, each from the folder of the data to a function that begins to read."""


STEMDL_BATCH = 32


PAIRS = {
    "cloudmask": (2, ("reflectance", "brightness_temperature", "cloud")),
    "stemdl": (STEMDL_BATCH, ("cbed_stack", "space_group")),
    "stemdl_preprocessed": (STEMDL_BATCH, ("cbed_stack", "space_group")),
}
"""Name of a data set to the number of whole records in a batch, and the features that are taken from each."""


def one_stream(folder: Path, name: str) -> Callable[[], Iterator[Any]]:
    """The records of the training split as TensorFlow reads them, one shard after the other, as bytes and no more."""
    import tensorflow as tf

    paths = sorted((folder / "data" / "sciml" / name).glob("*/sciml-train.tfrecord-*[0-9]"))
    records = tf.data.TFRecordDataset([*map(str, paths)])
    return lambda: (([record],) for record in records)


def loaded(folder: Path, name: str) -> Callable[[], Iterator[Any]]:
    """The pipeline of `tfds.load`: supervised pairs, shuffled in a buffer, in batches."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    importlib.import_module("sciml_datasets")  # which registers the builder

    size, _ = PAIRS[name]
    config = tfds.ReadConfig(try_autocache=False)
    where = {"split": "train", "data_dir": folder / "data"}
    pairs = tfds.load(f"sciml/{name}", as_supervised=True, shuffle_files=True, read_config=config, **where)
    return lambda: iter(pairs.shuffle(2 * size).batch(size).prefetch(tf.data.AUTOTUNE))


def data_source(folder: Path, name: str) -> Any:
    """The examples of the training split."""
    import tensorflow_datasets as tfds

    importlib.import_module("sciml_datasets")  # which registers the builder

    return tfds.data_source(f"sciml/{name}", split="train", data_dir=folder / "data")


def collated(examples: Any, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """(N, ...) arrays of the features of several examples."""
    return tuple(np.stack([example[name] for example in examples]) for name in names)


def several_at_once(folder: Path, name: str) -> Callable[[], Iterator[Any]]:
    """Batches in random order by `__getitems__`, in this thread."""
    source, (size, names) = data_source(folder, name), PAIRS[name]

    def batches() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(len(source))
        for start in range(0, len(order) - size + 1, size):
            yield collated(source.__getitems__(order[start : start + size].tolist()), names)

    return batches


def pytorch_loader(folder: Path, name: str) -> Callable[[], Iterator[Any]]:
    """PyTorch's DataLoader over `tfds.data_source`, with two workers."""
    import torch

    source, (size, names) = data_source(folder, name), PAIRS[name]

    def collate(examples: Any) -> Any:
        return tuple(torch.from_numpy(array) for array in collated(examples, names))

    options = {"shuffle": True, "num_workers": 2, "persistent_workers": True, "collate_fn": collate}
    loader = torch.utils.data.DataLoader(source, size, **options)
    return lambda: iter(loader)


def grain_loader(folder: Path, name: str, workers: int) -> Callable[[], Iterator[Any]]:
    """grain over `tfds.data_source`: by worker processes, or by threads of this one where there are none."""
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()
    source, (size, names) = data_source(folder, name), PAIRS[name]
    samples = grain.MapDataset.source(source).shuffle(seed=0).map(partial(taken, names=names))
    made = samples.batch(size, drop_remainder=True).to_iter_dataset(grain.ReadOptions(num_threads=4))
    if workers:
        made = made.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return lambda: iter(made)


def taken(example: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    """Features of an example."""
    return tuple(example[name] for name in names)


def whole_records(name: str, noun: str) -> dict[str, Callable[[Path], Callable[[], Iterator[Any]]]]:
    """Ways to read the whole records of a data set, compared with the bare stream of their bytes."""
    ways = {
        "TFRecordDataset in one stream": one_stream,
        "tfds.load": loaded,
        "tfds.data_source": several_at_once,
        "PyTorch DataLoader": pytorch_loader,
        "grain, 4 threads": partial(grain_loader, workers=0),
        "grain, 2 processes": partial(grain_loader, workers=2),
    }
    return {f"{way.replace(', ', ' with ')}, {noun}": partial(read, name=name) for way, read in ways.items()}
