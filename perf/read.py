"""Speed and memory of reading for training, beside each reference's own way on the same samples in one run.

Every way runs in a process of its own and reads the training split for a while; the first batch is not timed.

    python perf/read.py cloudmask                                   (needs the extra perf, and PyTorch for one way)
    python perf/read.py candle_uno --samples 20000 --seconds 6      (needs the extra perf)
    python perf/read.py stemdl --samples 256 --torch-python PYTHON  (an interpreter that has PyTorch)
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

STEMDL_BATCH = 32
SECONDS = 20.0
"""Seconds for which each way reads, again and again."""


def main() -> None:
    """Print a benchmark's table, or read one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=WAYS)
    parser.add_argument("--samples", type=int, default=16, help="simulated raw samples (default: 16)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each way (default: {SECONDS:g})")
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument(
        "--torch-python", metavar="PYTHON", default=sys.executable, help="for ways of PyTorch (default: this one)"
    )
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way == "copies":
        COPIES[args.name](args.dir)
        return
    if args.way:
        print(json.dumps(measured(WAYS[args.name][args.way](args.dir), args.seconds)))
        return
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        table(args.name, Path(folder), args.samples, args.seconds, args.torch_python)


def table(name: str, folder: Path, samples: int, seconds: float, torch_python: str) -> None:
    """Simulate, prepare, read every way, print."""
    from sciml_datasets import prepare, simulate

    simulate(name, folder / "raw", samples, jobs=os.cpu_count() or 1, **OPTIONS.get(name, {}))
    prepare(name, folder / "raw", folder / "data")
    if name in COPIES:
        subprocess.run([sys.executable, __file__, name, "--way", "copies", "--dir", str(folder)], check=True)
    machine = f"{os.cpu_count()} cores, warm page cache, Python {platform.python_version()}"
    print(f"{samples} raw samples of {name}, {machine}\n")
    print("| way | training samples/s | times the reference | ms of processor a sample | peak memory, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    first: dict[str, float] = {}
    for way in WAYS[name]:
        for path in folder.rglob("*"):  # reading brings the files into the page cache
            if path.is_file():
                path.read_bytes()
        python = torch_python if "PyTorch" in way else sys.executable
        command = [python, __file__, name, "--way", way, "--dir", str(folder), "--seconds", str(seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        reference = first.setdefault(way.partition(", ")[2], found["speed"])
        speeds = f"{found['speed']:.1f} | {found['speed'] / reference:.1f}"
        print(f"| {way} | {speeds} | {1e3 * found['cpu']:.2f} | {found['memory'] / 1e6:.0f} |", flush=True)


def measured(batches: Callable[[], Iterator[Any]], wanted: float) -> dict[str, float]:
    """The number of training samples per second, seconds of the processor for each, and the peak memory. The last two
    are of this process alone: what worker processes take is left out."""
    source = batches()
    next(source)
    count, started, worked = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < wanted:
        for batch in source:
            inputs = batch[0]
            while isinstance(inputs, tuple):
                inputs = inputs[0]
            count += len(inputs)
            if time.perf_counter() - started > wanted:
                break
        source = batches()
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    # ru_maxrss is not used, since a process inherits it from the one that started it.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak, "Linux reports the peak memory of a process in /proc/self/status"
    return {"speed": count / seconds, "cpu": worked / count, "memory": int(peak[1]) * 1024}


def cloudmask_reference(folder: Path) -> Callable[[], Iterator[Any]]:
    """The reference's training pipeline."""
    import tensorflow as tf

    patches = reference_patches(folder).shuffle(160).batch(32, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: iter(patches)


def reference_patches(folder: Path) -> Any:
    """The pipeline of mlcommons/science's benchmarks/cloudmask: HDF5 in a generator, extract_patches in tf.data."""
    import h5py
    import tensorflow as tf

    paths = sorted((folder / "raw" / "cloudmask" / "training").rglob("*.hdf"))

    def scenes() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for path in paths:
            with h5py.File(path) as file:
                refs, bts, bayes = file["refs"][:], file["bts"][:], file["bayes"][:]
            image = np.concatenate([refs - 0.5, (bts - 270.0) / 22.0], axis=-1)
            yield np.nan_to_num(image), (bayes > 0).astype(np.float32)

    def patches(image: Any, mask: Any) -> tuple[Any, Any]:
        def cut(stack: Any) -> Any:
            cropped = stack[None, 88:-88, 110:-110]
            size = [1, 256, 256, 1]
            found = tf.image.extract_patches(cropped, size, size, [1, 1, 1, 1], "VALID")
            return tf.reshape(found, (-1, 256, 256, stack.shape[-1]))

        return cut(image), cut(mask)

    signature = (tf.TensorSpec((1200, 1500, 9), tf.float32), tf.TensorSpec((1200, 1500, 1), tf.float32))
    return (
        tf.data.Dataset.from_generator(scenes, output_signature=signature)
        .map(patches, num_parallel_calls=tf.data.AUTOTUNE)
        .unbatch()
    )


def cloudmask_sciml(folder: Path, transform: str = "host") -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package; with ``device`` the host only copies what is stored."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.cloudmask import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    recipe = RECIPES["cloudmask"].with_settings({"transform": transform}).placed(accelerated=False)
    batches = Batches(Prepared.open("cloudmask", folder / "data"), recipe, seed=0)
    return lambda: iter(batches.training(1))


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


def joined(folder: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The training samples of CANDLE-UNO: features of each row of both tables, and the responses, joined in memory."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    batches = Batches(Prepared.open("candle_uno", folder / "data"), RECIPES["candle_uno"], seed=0)
    rows = batches.selection("train").columns
    inputs = [np.concatenate(parts) for parts in zip(*(x for _, x in batches.evaluation("train")), strict=True)]
    return inputs, np.array(rows["response"], np.float32)


def write_copies(folder: Path) -> None:
    """Write the joined rows in other formats: TFRecords, Parquet, and the reference's HDFStore."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import tensorflow as tf

    (cells, drugs), auc = joined(folder)
    with tf.io.TFRecordWriter(str(folder / "joined.tfrecord")) as writer:
        for x, y, z in zip(cells, drugs, auc, strict=True):
            values = {"x": x.tobytes(), "y": y.tobytes(), "z": z.tobytes()}
            features = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v])) for k, v in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    columns = [pa.FixedSizeListArray.from_arrays(part.ravel(), part.shape[1]) for part in (cells, drugs)]
    table = pa.table([*columns, pa.array(auc)], ["x", "y", "z"])
    pq.write_table(table, folder / "joined.parquet", row_group_size=1024, compression="none", use_dictionary=False)
    with pd.HDFStore(folder / "joined.h5", mode="w", complib="blosc:lz4", complevel=9) as store:
        for number, part in enumerate((cells, drugs)):
            for start in range(0, len(part), 4096):  # as the reference appends batches
                store.append(f"x_train_{number}", pd.DataFrame(part[start : start + 4096]), format="table", index=False)
        store.append("y_train", pd.DataFrame({"AUC": auc}), format="table", index=False)


def hdfstore_feeder(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The way of Pilot1/Uno/uno_data.py's DataFeeder: consecutive rows of the store, the batches in random order."""
    import pandas as pd

    store = pd.HDFStore(folder / "joined.h5", mode="r")
    count = store.get_storer("y_train").nrows

    def batches() -> Iterator[Any]:
        for start in np.random.default_rng(0).permutation(count // size) * size:
            inputs = tuple(store.select(f"x_train_{i}", start=start, stop=start + size).to_numpy() for i in (0, 1))
            yield inputs, store.select("y_train", start=start, stop=start + size)["AUC"].to_numpy()

    return batches


def joined_tfrecord(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """A tf.data pipeline over joined rows, shuffled in a buffer, decoded batch by batch."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in "xyz"}

    def decoded(records: Any) -> Any:
        parsed = tf.io.parse_example(records, spec)
        x, y, z = (tf.io.decode_raw(parsed[name], tf.float32) for name in "xyz")
        return (x, y), z

    records = tf.data.TFRecordDataset(str(folder / "joined.tfrecord"), buffer_size=8 << 20)
    rows = records.shuffle(2048).batch(size, drop_remainder=True).map(decoded, num_parallel_calls=tf.data.AUTOTUNE)
    return rows.prefetch(tf.data.AUTOTUNE).as_numpy_iterator


def joined_parquet(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """A reader of row groups of joined rows in random order, the rows of a group in their order."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(folder / "joined.parquet")

    def batches() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(file.num_row_groups)
        for batch in file.iter_batches(size, row_groups=order.tolist()):
            x, y = (batch.column(i).flatten().to_numpy().reshape(batch.num_rows, -1) for i in (0, 1))
            yield (x, y), batch.column(2).to_numpy()

    return batches


def looked_up_tfds(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The pipeline of `tfds.load`, shuffled in a buffer, with rows joined batch by batch."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from sciml_datasets.models.candle_uno import TABLES

    builder = tfds.builder("sciml/candle_uno", data_dir=folder / "data")
    features = builder.info.features
    skipped = dict.fromkeys(TABLES, tfds.decode.SkipDecoding())
    decoders = tfds.decode.PartialDecoding({**dict.fromkeys(TABLES, True), "response": True}, skipped)
    rows = builder.as_dataset(split="train", decoders=decoders, shuffle_files=True).shuffle(2048)

    def join(batch: Any) -> Any:
        return tuple(features[key].decode_batch_example(batch[key]) for key in TABLES), batch["response"]

    found = rows.batch(size, drop_remainder=True).map(join, num_parallel_calls=tf.data.AUTOTUNE)
    return found.prefetch(tf.data.AUTOTUNE).as_numpy_iterator


def looked_up_sciml(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package, with all rows shuffled."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    recipe = RECIPES["candle_uno"].with_settings({"batch_size": size})
    batches = Batches(Prepared.open("candle_uno", folder / "data"), recipe, seed=0)
    return lambda: iter(batches.training(1))


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


JOINED = {
    "HDFStore feeder": hdfstore_feeder,
    "joined TFRecords": joined_tfrecord,
    "joined Parquet": joined_parquet,
    "sciml, tfds.load": looked_up_tfds,
    "sciml, training": looked_up_sciml,
}
WAYS: dict[str, dict[str, Callable[[Path], Callable[[], Iterator[Any]]]]] = {
    "stemdl": {
        "PyTorch DataLoader of .npz files": npz_dataloader,
        "sciml training of stemdl_preprocessed": partial(stemdl_training, name="stemdl_preprocessed"),
        "sciml tfds.load of stemdl_preprocessed": stemdl_tfds,
        "sciml training of stemdl": partial(stemdl_training, name="stemdl"),
        "sciml training of stemdl by copies alone": partial(stemdl_training, name="stemdl", transform="device"),
        **whole_records("stemdl", "stacks"),
        **whole_records("stemdl_preprocessed", "preprocessed stacks"),
    },
    "cloudmask": {
        "reference": cloudmask_reference,
        "sciml": cloudmask_sciml,
        "sciml by copies alone": partial(cloudmask_sciml, transform="device"),
        **whole_records("cloudmask", "scenes"),
    },
    "candle_uno": {
        f"{way.replace(', ', ' ')}, {size} rows": partial(read, size=size)
        for size in (32, 512)
        for way, read in JOINED.items()
    },
}
"""Ways of each benchmark, by its name, the reference first; those with the same text after a comma are compared."""
OPTIONS: dict[str, dict[str, Any]] = {
    "candle_uno": {"cells": 1600, "drugs": 1800},
    "stemdl": {"engine": "kinematic"},
}
"""Options of the simulation of each benchmark, by name."""
COPIES = {"candle_uno": write_copies, "stemdl": write_npz}
"""Function that writes the data of a benchmark in the formats of other ways, by name."""


if __name__ == "__main__":
    main()
