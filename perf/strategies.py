"""Whether the ways to share and to compile training give the same numbers, step by step.

Every recipe trains with its own settings on its demo's data set, in a process of its own for each way: on one device, on
two parts of the CPU (``mirrored``), by two processes (``multiworker``), compiled by XLA and not, and once more on one
device from weights that are moved to the next float up or down at random, which shows how fast rounding alone grows.
Each is compared with one device: the gradient of the first step, the losses of the first three and of all steps, and
what the network has learned after the last one, ||difference|| / ||value|| or |difference| / |value|.

    python perf/strategies.py
    python perf/strategies.py candle_uno_demo --steps 40 --set xla=off
    python perf/strategies.py cloudmask_demo --data-dir data --ways multiworker rounding
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo")
SAMPLES = {"stemdl_demo": 120, "stemdl_reconstruction_demo": 40, "cloudmask_demo": 12, "candle_uno_demo": 4000}
"""Simulated raw samples of each data set."""
WAYS: dict[str, dict[str, str]] = {
    "none": {},
    "rounding": {},
    "mirrored": {},
    "multiworker": {},
    "xla=off": {"xla": "off"},
    "xla=on": {"xla": "on"},
}
"""To the settings that a way changes."""
FIRST = 3
"""Steps before differences have grown."""


def main() -> None:
    """Print a table, or train one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"data sets (default: {' '.join(NAMES)})")
    parser.add_argument("--data-dir", type=Path, help="prepared data sets (default: simulated anew)")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS)[1:], default=list(WAYS)[1:], help="default: all")
    parser.add_argument("--steps", type=int, default=20, help="default: 20")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings of the recipe")
    parser.add_argument("--model", help="package.module:function of another network")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        np.savez(args.out, **trained(args.names[0], args.data_dir, args.way, args.steps, args.set, args.model))
        return
    names = args.names or list(NAMES)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = args.data_dir or simulated(names, Path(folder))
        print("| data set | way | gradient, step 1 | loss, first steps | loss, all steps | weights |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name in names:
            one = run(name, data_dir, "none", args, Path(folder))
            recipe = recipe_of(name, args.set)
            for way in args.ways:
                if WAYS[way] and WAYS[way]["xla"] == recipe.xla:
                    continue  # as it is
                other = run(name, data_dir, way, args, Path(folder))
                told = (
                    " | ".join(f"{value:.1e}" for value in differences(other, one)) if other else "not compiled | | |"
                )
                print(f"| `{name}` | {way} | {told} |", flush=True)


def recipe_of(name: str, settings: list[str]) -> Any:
    """The recipe of a data set with other settings."""
    recipes = importlib.import_module(f"sciml_datasets.models.{name.removesuffix('_demo')}").RECIPES
    return recipes[name].with_settings(dict(value.split("=") for value in settings))


def simulated(names: list[str], folder: Path) -> Path:
    """Prepared data sets."""
    from sciml_datasets import prepare, simulate

    for name in names:
        simulate(name, folder / "raw", SAMPLES[name], seed=7)
        prepare(name, folder / "raw", folder / "data")
    return folder / "data"


def run(name: str, data_dir: Path, way: str, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train in processes of its own; what `trained` found, or nothing where XLA cannot compile the network."""
    command = [sys.executable, __file__, name, "--way", way, "--steps", str(args.steps), "--data-dir", str(data_dir)]
    command += ["--set", *args.set] if args.set else []
    command += ["--model", args.model] if args.model else []
    found = [folder / f"{name}-{way}-{index}.npz" for index in range(2 if way == "multiworker" else 1)]
    environments = [os.environ | cluster for cluster in (clusters() if len(found) > 1 else [{}])]
    processes = [
        subprocess.Popen([*command, "--out", str(out)], env=environment, stderr=subprocess.PIPE, text=True)
        for out, environment in zip(found, environments, strict=True)
    ]
    told = [process.communicate()[1] for process in processes]
    if "InputError: xla=" in told[0]:
        return {}
    if any(process.returncode for process in processes):
        sys.exit(f"{name}, {way}: {told[0]}")
    with np.load(found[0]) as arrays:
        return dict(arrays)


def clusters() -> list[dict[str, str]]:
    """The environment of each of two workers."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second)]
    tasks = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}} for index in range(2)]
    return [{"TF_CONFIG": json.dumps(task)} for task in tasks]


def differences(other: dict[str, Any], one: dict[str, Any]) -> tuple[float, ...]:
    """Of the first gradient, the losses of the first steps and of all, the weights after the last one; relative."""

    def apart(key: str) -> float:
        return float(np.linalg.norm(other[key] - one[key]) / np.linalg.norm(one[key]))

    losses = np.abs(other["losses"] / one["losses"] - 1)
    return apart("gradient"), float(losses[:FIRST].max()), float(losses.max()), apart("weights")


def trained(name: str, data_dir: Path, way: str, steps: int, settings: list[str], model: str | None) -> dict[str, Any]:
    """``losses`` (steps,), ``gradient`` of the first step and ``weights`` after the last one, as vectors."""
    import keras
    import tensorflow as tf

    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.networks import build_network, network_builder
    from sciml_datasets.models.rates import learning_rate
    from sciml_datasets.models.steps import make_optimizer, training_step
    from sciml_datasets.models.training import make_deterministic
    from sciml_datasets.models.workers import join

    strategy = way if way in ("mirrored", "multiworker") else "none"
    if strategy == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    recipe = recipe_of(name, settings).with_settings(WAYS[way])
    if recipe.deterministic == "on":
        make_deterministic(recipe, alone=strategy == "none")
    keras.utils.set_random_seed(0)
    workers = join(strategy)
    batches = Batches(name, data_dir, recipe, seed=0)
    recipe = recipe.with_widths(batches.widths).with_shapes(batches.shapes)
    with workers.strategy.scope():
        network = build_network(network_builder(model, recipe), recipe, int(workers.strategy.num_replicas_in_sync))
        if way == "rounding":
            random = np.random.default_rng(0)
            for variable in network.trainable_variables:
                value = np.asarray(variable)
                variable.assign(
                    np.nextafter(value, np.where(random.random(value.shape) < 0.5, -np.inf, np.inf), dtype=np.float32)
                )
        optimizer = make_optimizer(recipe, network)
        watched = Watched(optimizer, network)
    step = training_step(network, watched, workers.strategy, workers.local_replicas, recipe)
    losses: list[float] = []
    for number in range(steps):
        epoch, first = divmod(number, batches.steps)
        if first == 0:
            source = batches.training(epoch + 1, part=workers.part)
        optimizer.learning_rate = learning_rate(recipe, number, batches.steps * recipe.epochs, [])
        losses.append(float(step(next(source))))
        if number == 0:
            gradient = flat(watched.gradients)
    return {"losses": np.array(losses), "gradient": gradient, "weights": flat(network.weights)}


class Watched:
    """An optimizer whose gradients, of the whole batch, can be looked at after a step."""

    def __init__(self, optimizer: Any, network: Any) -> None:
        import tensorflow as tf

        self._optimizer = optimizer
        same = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.gradients = [
            tf.Variable(tf.zeros(value.shape), trainable=False, aggregation=same)
            for value in network.trainable_variables
        ]

    def apply_gradients(self, pairs: Any) -> None:
        """See Keras's optimizers."""
        import tensorflow as tf

        pairs = list(pairs)
        context = tf.distribute.get_replica_context()
        for variable, (gradient, _) in zip(self.gradients, pairs, strict=True):
            variable.assign(context.all_reduce(tf.distribute.ReduceOp.SUM, gradient))
        self._optimizer.apply_gradients(pairs)


def flat(variables: Any) -> np.ndarray[Any, Any]:
    """All values as one vector."""
    return np.concatenate([np.asarray(variable, np.float64).ravel() for variable in variables])


if __name__ == "__main__":
    main()
