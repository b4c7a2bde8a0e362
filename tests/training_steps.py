"""Steps of training as `sciml train` makes them, in this process, with what they lead to.

    python training_steps.py DATA_DIR OUT.npz WAY STEPS NAME[:SETTING=VALUE,...] ...

Ways are ``none``; ``rounding``, the same from weights that are moved to the next float up or down at random;
``mirrored`` on two parts of the CPU; ``multiworker``, whose workers TF_CONFIG names.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Found = dict[str, np.ndarray[Any, Any]]
"""``NAME/losses`` (steps,), ``NAME/gradient`` of the first step and ``NAME/weights`` after the last, as vectors."""


def started(data_dir: Path, out: Path, way: str, steps: int, names: Sequence[str]) -> list[subprocess.Popen[str]]:
    """Processes that train a way, two of them where that is multiworker; the first one writes ``out``."""
    command = [sys.executable, __file__, str(data_dir), str(out), way, str(steps), *names]
    tasks = two_workers() if way == "multiworker" else [{}]
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env=os.environ | task, **pipes) for task in tasks]


def two_workers() -> list[dict[str, str]]:
    """The environment of each."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second)]
    tasks = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}} for index in range(2)]
    return [{"TF_CONFIG": json.dumps(task)} for task in tasks]


def apart(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """||found - expected|| / ||expected||."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def recipe_of(name: str) -> tuple[str, Any]:
    """A data set and its recipe, of ``NAME:SETTING=VALUE,...``."""
    name, _, settings = name.partition(":")
    from sciml_datasets.benchmarks import find
    from sciml_datasets.models.reference import reference_module

    recipes = reference_module(find(name)[0]).RECIPES
    recipe = recipes[name].with_settings(dict(each.split("=") for each in settings.split(",") if each))
    return name, recipe.placed(accelerated=False)


def main(data_dir: Path, out: Path, way: str, steps: int, names: list[str]) -> None:
    """Train each, one after the other."""
    import tensorflow as tf

    from sciml_datasets.models.determinism import make_deterministic
    from sciml_datasets.models.workers import join

    strategy = way if way in ("mirrored", "multiworker") else "none"
    if strategy == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # What XLA compiles comes first, since deterministic operations cannot be let go of.
    for name in names:
        make_deterministic(recipe_of(name)[1].training, alone=strategy == "none")
    workers = join(strategy)
    found: Found = {}
    for name in names:
        for key, value in trained(data_dir, way, steps, name, workers).items():
            found[f"{name}/{key}"] = value
    if workers.chief:
        np.savez(out, **found)


def trained(data_dir: Path, way: str, steps: int, name: str, workers: Any) -> Found:
    """The outcome of the steps of a recipe; see `Found`."""
    import keras

    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.learning_rate import learning_rate
    from sciml_datasets.models.networks import build_network
    from sciml_datasets.models.steps import make_optimizer, training_step
    from sciml_datasets.prepared.prepared import Prepared

    keras.utils.set_random_seed(0)
    dataset, recipe = recipe_of(name)
    batches = Batches(Prepared.open(dataset, data_dir), recipe, seed=0)
    spec = batches.spec()
    with workers.strategy.scope():
        network = build_network(
            lambda: recipe.build(spec), recipe, spec, replicas=int(workers.strategy.num_replicas_in_sync)
        )
        if way == "rounding":
            nudge(network)
        optimizer = make_optimizer(recipe.training, network)
        watched = Watched(optimizer, network)
    step = training_step(network, watched, workers.strategy, workers.local_replicas, recipe)
    losses: list[float] = []
    for number in range(steps):
        epoch, first = divmod(number, batches.steps)
        if first == 0:
            source = batches.training(epoch + 1, part=workers.part)
        optimizer.learning_rate = learning_rate(recipe.training, number, batches.steps * recipe.training.epochs, [])
        losses.append(float(step(next(source))))
        if number == 0:
            gradient = flat(watched.gradients)
    return {"losses": np.array(losses), "gradient": gradient, "weights": flat(network.weights)}


def nudge(network: Any) -> None:
    """Move each weight to the next number of its type, up or down."""
    random = np.random.default_rng(0)
    for variable in network.trainable_variables:
        value = np.asarray(variable)
        towards = np.where(random.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype)
        variable.assign(np.nextafter(value, towards))


class Watched:
    """An optimizer whose gradients, of the whole batch, can be looked at after a step."""

    def __init__(self, optimizer: Any, network: Any) -> None:
        import tensorflow as tf

        self._optimizer = optimizer
        same = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.gradients = [
            tf.Variable(tf.zeros(value.shape, value.dtype), trainable=False, aggregation=same)
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
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:])
