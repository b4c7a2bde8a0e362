"""Speed of training: each reference model in this package's loop, beside the plain way of the reference scripts.

The plain way is the reference's own loader and ``model.fit``, with the same network, optimizer, loss and batch size, on
the same samples in one run. Every way runs in a process of its own, the ways alternate, and the median of the rounds is
taken; the first steps (compilation) are not timed. After the steps the weights are hashed: reproducible runs must agree
to the last bit.

    python perf/train.py cloudmask --batch-size 8
    python perf/train.py stemdl --batch-size 32
    python perf/train.py candle_uno --batch-size 32 --steps 100

On a machine with a GPU, in batches that fill it:

    python perf/train.py cloudmask --batch-size 64 --steps 50 --ways sciml free bf16 xla bf16-xla
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

WAYS = {
    "plain": "loader of the reference and model.fit",
    "sciml": "sciml train",
    "free": "sciml train, deterministic=off",
    "no-xla": "sciml train, deterministic=off, xla=off",
    "xla": "sciml train, deterministic=off, xla=on",
    "bf16": "sciml train, deterministic=off, precision=mixed_bfloat16",
    "bf16-xla": "sciml train, deterministic=off, precision=mixed_bfloat16, xla=on",
    "device": "sciml train, transform=device",
}
SETTINGS: dict[str, dict[str, str]] = {
    "sciml": {},
    "free": {"deterministic": "off"},
    "no-xla": {"deterministic": "off", "xla": "off"},
    "xla": {"deterministic": "off", "xla": "on"},
    "bf16": {"deterministic": "off", "precision": "mixed_bfloat16"},
    "bf16-xla": {"deterministic": "off", "precision": "mixed_bfloat16", "xla": "on"},
    "device": {"transform": "device"},
}
SAMPLES = {"cloudmask": 16, "stemdl": 64, "candle_uno": 12000}
"""Number of simulated raw samples of each benchmark."""
WARM_UP = 2
"""Number of first steps that are not timed."""


def main() -> None:
    """Print a benchmark's table, or train one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=LOADERS)
    parser.add_argument("--samples", type=int, help=f"simulated raw samples (default: {SAMPLES})")
    parser.add_argument("--batch-size", type=int, default=8, help="of all ways (default: 8)")
    parser.add_argument("--steps", type=int, default=6, help="timed in each round (default: 6)")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS)[:4], help="default: the first four")
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(timed(args.name, args.way, args.dir, args.batch_size, args.steps)))
        return
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        table(args, Path(folder))


def table(args: argparse.Namespace, folder: Path) -> None:
    """Simulate, prepare, train every way, print."""
    from sciml_datasets import prepare, simulate

    simulate(args.name, folder / "raw", args.samples or SAMPLES[args.name], jobs=os.cpu_count() or 1)
    prepare(args.name, folder / "raw", folder / "data")
    peak = matmul_peak()
    print(f"{args.name}, batches of {args.batch_size}, {device()}, Python {platform.python_version()}")
    print(f"measured peak of float32 matrix products {peak / 1e9:.0f} GFLOP/s\n")
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in args.ways}
    for _ in range(args.rounds):
        for way in args.ways:
            command = [sys.executable, __file__, args.name, "--way", way, "--dir", str(folder)]
            command += ["--batch-size", str(args.batch_size), "--steps", str(args.steps)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{way}: {1e3 * found[way][-1]['seconds']:.0f} ms a step", file=sys.stderr, flush=True)
    print("| way | ms a step | times the plain way | samples/s | waiting for input | of the peak | same bits |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    first = 0.0
    for way, runs in found.items():
        run = sorted(runs, key=lambda one: one["seconds"])[len(runs) // 2]
        first = first or run["seconds"]
        waiting = f"{run['waiting'] / run['seconds']:.1%}" if "waiting" in run else "-"
        same = ("yes" if len({one["weights"] for one in runs}) == 1 else "no") if len(runs) > 1 else "-"
        print(
            f"| {WAYS[way]} | {1e3 * run['seconds']:.1f} | {first / run['seconds']:.2f} | "
            f"{args.batch_size / run['seconds']:.1f} | {waiting} | {run['flops'] / run['seconds'] / peak:.0%} | "
            f"{same} |"
        )


def device() -> str:
    """The name of the device on which the steps run."""
    import tensorflow as tf

    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join(names) or f"{os.cpu_count()} cores"


def matmul_peak() -> float:
    """The floating-point operations per second of products of 2048 x 2048 float32 matrices, best of ten."""
    import tensorflow as tf

    size = 2048
    matrix = tf.random.normal((size, size))
    product = tf.function(lambda: tf.reduce_sum(matrix @ matrix))
    product().numpy()
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        product().numpy()
        taken.append(time.perf_counter() - started)
    return 2 * size**3 / min(taken)


def timed(name: str, way: str, folder: Path, batch_size: int, steps: int) -> dict[str, Any]:
    """Seconds a step, of them those that wait for input, the floating-point operations of a step, a hash of the weights
    after the last one."""
    from sciml_datasets.benchmarks import find
    from sciml_datasets.models.accelerators import gpus
    from sciml_datasets.models.reference import reference_module

    recipe = reference_module(find(name)[0]).RECIPES[name]
    recipe = recipe.with_settings({"batch_size": batch_size, **NETWORKS.get(name, {}), **SETTINGS.get(way, {})})
    if way != "plain":
        recipe = recipe.placed(accelerated=bool(gpus()))
    run = plain if way == "plain" else ours
    found, network = run(name, folder, recipe, steps)
    weights = hashlib.sha256(b"".join(np.asarray(value).tobytes() for value in network.weights)).hexdigest()
    return found | {"flops": training_flops(network, batch_size), "weights": weights}


def ours(name: str, folder: Path, recipe: Any, steps: int) -> tuple[dict[str, float], Any]:
    """Train with this package's loop."""
    import tensorflow as tf

    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.determinism import make_deterministic
    from sciml_datasets.models.networks import build_network
    from sciml_datasets.models.steps import make_optimizer, training_step
    from sciml_datasets.prepared.prepared import Prepared

    if recipe.training.deterministic == "on":
        make_deterministic(recipe.training, alone=True)
    tf.keras.utils.set_random_seed(0)
    batches = Batches(Prepared.open(name, folder / "data"), recipe, seed=0)
    spec = batches.spec()
    network = build_network(lambda: recipe.build(spec), recipe, spec)
    step = training_step(network, make_optimizer(recipe.training, network), tf.distribute.get_strategy(), 1, recipe)
    source = (batch for epoch in range(1, 10**6) for batch in batches.training(epoch))
    for _ in range(WARM_UP):
        step(next(source)).numpy()
    waiting = 0.0
    started = time.perf_counter()
    for _ in range(steps):
        before = time.perf_counter()
        batch = next(source)
        waiting += time.perf_counter() - before
        step(batch).numpy()
    return {"seconds": (time.perf_counter() - started) / steps, "waiting": waiting / steps}, network


def plain(name: str, folder: Path, recipe: Any, steps: int) -> tuple[dict[str, float], Any]:
    """Train with the reference's loader and ``model.fit``."""
    import keras

    from sciml_datasets.models.batches import Batches
    from sciml_datasets.prepared.prepared import Prepared

    keras.utils.set_random_seed(0)
    training = recipe.training
    network = recipe.build(Batches(Prepared.open(name, folder / "data"), recipe, seed=0).spec())
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "adamax": keras.optimizers.Adamax}
    network.compile(kinds[training.optimizer](training.learning_rate), LOSSES[name]())
    dataset = LOADERS[name](folder, training.batch_size)

    class Clock(keras.callbacks.Callback):
        """Records the time at which the warm-up ended."""

        started = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == WARM_UP - 1:
                self.started = time.perf_counter()

    clock = Clock()
    network.fit(dataset, steps_per_epoch=WARM_UP + steps, epochs=1, verbose=0, callbacks=[clock])
    return {"seconds": (time.perf_counter() - clock.started) / steps}, network


def training_flops(network: Any, batch_size: int) -> float:
    """The number of multiplications and additions of the convolutions and dense layers of a step: once forward, twice
    backward."""
    import keras

    total = 0.0
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Conv2D):
            total += 2 * float(np.prod(layer.kernel.shape)) * float(np.prod(layer.output.shape[1:3]))
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            total += 2 * float(np.prod(layer.kernel.shape)) * float(np.prod(layer.input.shape[1:3]))
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * float(np.prod(layer.kernel.shape))
    return 3 * total * batch_size


def stemdl_stacks(folder: Path, batch_size: int) -> Any:
    """A ``tf.data`` pipeline over HDF5 in a generator, with the reference's transform in NumPy, one stack at a time."""
    import h5py
    import tensorflow as tf

    paths = sorted((folder / "raw" / "stemdl" / "train").glob("*.h5"))

    def stacks() -> Iterator[tuple[np.ndarray, int]]:
        for path in paths:
            with h5py.File(path) as file:
                # A list is made, as h5py holds its lock between groups, and TensorFlow may continue in another thread.
                for group in list(file.values()):
                    with np.errstate(divide="ignore"):
                        logs = np.maximum(-17, np.log(group["cbed_stack"][:]))
                    scaled = np.clip((logs + 17) * 10, 0, 255)
                    blocks = scaled.reshape(3, 128, 4, 128, 4).mean(axis=(2, 4))
                    yield blocks.transpose(1, 2, 0).astype(np.float32), int(group.attrs["space_group"])

    signature = (tf.TensorSpec((128, 128, 3), tf.float32), tf.TensorSpec((), tf.int64))
    dataset = tf.data.Dataset.from_generator(stacks, output_signature=signature)
    return dataset.repeat().shuffle(64).batch(batch_size).prefetch(tf.data.AUTOTUNE)


def cloudmask_patches(folder: Path, batch_size: int) -> Any:
    """The reference's pipeline, as in ``perf/read.py``."""
    import tensorflow as tf
    from read import reference_patches

    batches = reference_patches(folder).repeat().shuffle(160).batch(batch_size, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def uno_rows(folder: Path, batch_size: int) -> Any:
    """The feeder of the AUC run of ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py: pandas joins the tables for each
    batch."""
    import keras
    import pandas as pd
    import tensorflow_datasets as tfds

    from sciml_datasets import Prepared

    columns = Prepared.open("candle_uno", folder / "data").select("train").columns
    response = pd.DataFrame({"Sample": columns["cell"], "Drug": columns["drug"]})
    response["AUC"] = np.array(columns["response"], np.float32)
    source = tfds.data_source("sciml/candle_uno", split="train", data_dir=folder / "data")

    def features(key: str, feature: str) -> pd.DataFrame:
        """The table of one row for each cell line or drug."""
        firsts = response.drop_duplicates(key).index
        table = pd.DataFrame(np.stack([source[int(first)][feature] for first in firsts])).add_prefix(feature)
        return table.assign(**{key: response[key][firsts].to_numpy()})

    tables = {"Sample": features("Sample", "gene_expression"), "Drug": features("Drug", "drug_descriptors")}

    class Rows(keras.utils.PyDataset):
        """Batches of shuffled rows."""

        order = np.random.default_rng(0).permutation(len(response))

        def __len__(self) -> int:
            return len(response) // batch_size

        def __getitem__(self, number: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
            rows = response.iloc[self.order[number * batch_size : (number + 1) * batch_size]]
            joined = [pd.merge(rows[[key]], table, on=key, how="left") for key, table in tables.items()]
            inputs = tuple(frame.drop(columns=key).to_numpy() for key, frame in zip(tables, joined, strict=True))
            return inputs, rows["AUC"].to_numpy()

    return Rows()


def _crossentropy() -> Any:
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _pixel_crossentropy() -> Any:
    import keras

    return keras.losses.BinaryCrossentropy(from_logits=True)


def _squared_error() -> Any:
    import keras

    return keras.losses.MeanSquaredError()


NETWORKS = {"stemdl": {"reference": "stack"}}
"""Settings of the network that both ways train, where the input of the recipe's own differs from that of the plain
loader."""
LOADERS = {"stemdl": stemdl_stacks, "cloudmask": cloudmask_patches, "candle_uno": uno_rows}
"""Loader of the reference, by benchmark."""
LOSSES = {"stemdl": _crossentropy, "cloudmask": _pixel_crossentropy, "candle_uno": _squared_error}


if __name__ == "__main__":
    main()
