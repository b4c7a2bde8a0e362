"""Two processes with one seed train the full-size networks to the same bits; ``perf/train.py`` shows it for ResNet-50,
which takes too long to trace for a test."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow_processes import Forked

from sciml_datasets.benchmarks import find
from sciml_datasets.models.candle_uno import uno
from sciml_datasets.models.cloudmask import unet
from sciml_datasets.models.reference import reference_module

BATCH, STEPS = 2, 2
NETWORKS = {"cloudmask": unet, "candle_uno": uno}


CASES = (("candle_uno", "on"), ("cloudmask", "auto"), ("cloudmask", "off"))
"""Name of a benchmark and setting of XLA; what XLA compiles comes first, since operations stay deterministic."""


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What each of two processes writes, a line for each case."""
    outs = [tmp_path_factory.mktemp("trained") / "hashes.txt" for _ in range(2)]
    pair = [Forked.start(train_cases, (out,), out.with_name("errors.txt"), {}) for out in outs]
    reported = [training.reported(600) for training in pair]
    assert [training.process.exitcode for training in pair] == [0, 0], reported
    return [out.read_text().splitlines() for out in outs]


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_two_processes_end_with_the_same_weights(two_processes: list[list[str]], case: tuple[str, str]) -> None:
    first, second = (lines[CASES.index(case)] for lines in two_processes)
    start, end = first.split()
    assert start != end
    assert first == second


def train_cases(out: Path) -> None:
    """Write for each case the hashes of the weights before and after some steps."""
    out.write_text("".join(f"{' '.join(trained(*case))}\n" for case in CASES))


def trained(name: str, xla: str) -> tuple[str, str]:
    """Hash of a reference model's weights before and after some steps as `sciml train` makes them."""
    from sciml_datasets.models.determinism import make_deterministic

    recipe = reference_module(find(name)[0]).RECIPES[name].with_settings({"xla": xla})
    make_deterministic(recipe.training, alone=True)
    import keras
    import tensorflow as tf
    import tree

    from sciml_datasets.models.networks import build_network
    from sciml_datasets.models.steps import make_optimizer, training_step

    keras.utils.set_random_seed(0)
    network = build_network(NETWORKS[name], recipe)
    step = training_step(network, make_optimizer(recipe.training, network), tf.distribute.get_strategy(), 1, recipe)
    random = np.random.default_rng(0)

    def drawn(tensor: keras.KerasTensor) -> np.ndarray:
        return random.random((BATCH, *tensor.shape[1:]), np.float32)

    target = drawn(network.output)[..., 0].round()
    inputs = tree.map_structure(drawn, tuple(network.inputs) if len(network.inputs) > 1 else network.input)
    before = digest(network)
    for _ in range(STEPS):
        step((inputs, target, np.ones_like(target)))
    return before, digest(network)


def digest(network: Any) -> str:
    """SHA-256 of all weights."""
    return hashlib.sha256(b"".join(np.asarray(value).tobytes() for value in network.weights)).hexdigest()
