"""Speed of the full-size reference networks on a GPU, in JAX: the same Keras networks, compiled by XLA. No TensorFlow.

    python perf/gpu.py train cloudmask --batch-sizes 32 128     training steps, inputs on the GPU
    python perf/gpu.py predict cloudmask --batch-sizes 63 252   forward passes, inputs on the GPU; and whole scenes
    python perf/gpu.py read cloudmask --data-dir DATA --batch-sizes 32  training steps on prepared data

Each line compares with the matrix product of the same precision, measured first. Losses and optimizers are the
recipes'. Needs jax, keras and dm-tree beside this package.

Precisions: ``exact`` multiplies in float32, ``float32`` with TF32 products, the default of JAX and of TensorFlow on
GPUs that have them, ``mixed_bfloat16`` with bfloat16 products and activations and float32 weights.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
from train import training_flops

from sciml_datasets.models.recipe import NetworkSpec

PRECISIONS = {
    "exact": ("float32", "highest"),
    "float32": ("float32", "default"),
    "mixed_bfloat16": ("mixed_bfloat16", "default"),
}
"""Name to Keras's dtype policy and JAX's precision of products."""
SPECS = {
    "candle_uno": NetworkSpec(((942,), (5270,)), (), (1,)),
    "stemdl_reconstruction": NetworkSpec((64, 256, 256), (128, 128), (128, 128), parameters=10_000_000),
}
"""Shapes of the data, where networks follow them; of scans and images those of the original in its later exports."""
LOSSES = {
    "pixel_losses": keras.losses.BinaryCrossentropy(from_logits=True),
    "class_losses": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "squared_errors": keras.losses.MeanSquaredError(),
    "huber": keras.losses.Huber(delta=1.0),
}
"""Losses in Keras that equal those of the recipes, which are written in TensorFlow."""
UNITS = {
    "cloudmask": "patches",
    "stemdl": "stacks",
    "stemdl_preprocessed": "stacks",
    "candle_uno": "rows",
    "stemdl_reconstruction": "scans",
}
SCENE = (1200, 1500)
MATRIX = 8192

State = tuple[list[Any], ...]
"""Trainable variables, other variables, and those of the optimizer."""
Step = Callable[[State, Any, Any], tuple[State, Any]]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "predict", "read"))
    parser.add_argument("name", choices=UNITS)
    parser.add_argument("--batch-sizes", nargs="+", type=int, required=True)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS)[1:])
    parser.add_argument("--seconds", type=float, default=1.0, help="timed in each of three rounds (default: 1)")
    parser.add_argument("--data-dir", type=Path, help="prepared data (read)")
    parser.add_argument("--on-host", action="store_true", help="transform samples on the host, not in the step (read)")
    parser.add_argument("--matrix", type=int, default=MATRIX, help=f"side of the products (default: {MATRIX})")
    args = parser.parse_args()
    device = jax.devices()[0]
    versions = f"JAX {jax.__version__}, Keras {keras.__version__}"
    print(f"\n{args.what} {args.name}, {time.strftime('%d %B %Y')}, {device.device_kind}, {versions}", flush=True)
    headings = ["precision", "batch", "ms", f"{UNITS[args.name]}/s"]
    headings += {"read": ["host at input"]}.get(args.what, ["TFLOP/s", "of the product's", "compiled, s", "GiB"])
    print(f"| {' | '.join(headings)} |\n| --- |{' ---: |' * (len(headings) - 1)}")
    for precision in args.precisions:
        policy, products = PRECISIONS[precision]
        keras.config.set_dtype_policy(policy)
        with jax.default_matmul_precision(products):
            peak = 0.0
            if args.what != "read":
                peak = product(args.matrix, jnp.float32 if policy == "float32" else jnp.bfloat16, args.seconds)
                print(f"| {precision} | product of {args.matrix} x {args.matrix} | | | {peak / 1e12:.4g} |", flush=True)
            for batch in args.batch_sizes:
                try:
                    cells = WHAT[args.what](args, batch, peak)
                except jax.errors.JaxRuntimeError as error:
                    if "RESOURCE_EXHAUSTED" not in str(error):
                        raise
                    cells = ["out of memory"]
                print(f"| {precision} | {batch} | {' | '.join(cells)} |", flush=True)
            if args.what == "predict" and args.name == "cloudmask":
                print(f"| {precision} | scenes/s, from host memory and back | {scenes(args.seconds):.2f} |", flush=True)


def median_seconds(work: Callable[[], Any], seconds: float) -> float:
    """The median seconds of one call of ``work``, whose results are arrays: of three rounds of many calls, after two
    calls to warm up."""
    jax.block_until_ready(work())
    started = time.perf_counter()
    jax.block_until_ready(work())
    count = max(1, round(seconds / (time.perf_counter() - started)))
    rounds = []
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(count):
            result = work()
        jax.block_until_ready(result)
        rounds.append((time.perf_counter() - started) / count)
    return statistics.median(rounds)


def product(size: int, dtype: Any, seconds: float) -> float:
    """The floating-point operations per second of a product of square matrices of random numbers."""
    left, right = (jax.random.normal(jax.random.key(i), (size, size), dtype) for i in range(2))
    multiply = jax.jit(jnp.matmul)
    return 2 * size**3 / median_seconds(lambda: multiply(left, right), seconds)


def recipe_of(name: str) -> Any:
    """The recipe of the full-size reference network."""
    from sciml_datasets.benchmarks import find
    from sciml_datasets.models.reference import reference_module

    return reference_module(find(name)[0]).RECIPES[name]


def network_of(name: str) -> Any:
    """The full-size reference network."""
    return recipe_of(name).build(SPECS.get(name, NetworkSpec((), (), None)))


def random_target(recipe: Any, network: Any, batch: int) -> Any:
    """Classes, or numbers from 0 to 1 in the shape of the outputs, on the device."""
    key = jax.random.key(9)
    if recipe.losses.__name__ == "class_losses":
        return jax.random.randint(key, (batch,), 0, network.output_shape[-1])
    return jax.random.uniform(key, (batch, *network.output_shape[1:]))


def training_step(recipe: Any, network: Any, *, from_stored: bool = False) -> tuple[Step, State]:
    """A function from state, inputs and target to state and loss, and the first state; with ``from_stored`` the inputs
    are what the source's batches hold, and their transform is the first part of the step."""
    from sciml_datasets.models.steps import make_optimizer

    optimizer = make_optimizer(recipe.training, network)

    def loss(trainable: Any, other: Any, inputs: Any, target: Any) -> tuple[Any, Any]:
        outputs, other = network.stateless_call(trainable, other, inputs, training=True)
        if recipe.losses.__name__ != "class_losses":
            target = target.reshape(outputs.shape)
        return LOSSES[recipe.losses.__name__](target, outputs.astype(jnp.float32)), other

    def step(state: State, inputs: Any, target: Any) -> tuple[State, Any]:
        trainable, other, moments = state
        if from_stored and recipe.deferred:
            inputs, target, _ = recipe.deferred.computed(jnp, (inputs, target, None))
        (value, other), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, other, inputs, target)
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return (trainable, other, moments), value

    variables = (network.trainable_variables, network.non_trainable_variables, optimizer.variables)
    return step, tuple([jnp.array(variable.value) for variable in group] for group in variables)


def random_inputs(network: Any, batch: int) -> Any:
    """Uniform random numbers, on the device."""
    made = [jax.random.uniform(jax.random.key(i), (batch, *one.shape[1:])) for i, one in enumerate(network.inputs)]
    return made if len(made) > 1 else made[0]


def compiled(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, list[str]]:
    """The compiled function, and cells with the seconds of compiling and the memory needed, arguments included."""
    started = time.perf_counter()
    made = jax.jit(function, **options).lower(*args).compile()
    taken = time.perf_counter() - started
    memory = made.memory_analysis()
    bytes_needed = memory.argument_size_in_bytes + memory.temp_size_in_bytes + memory.output_size_in_bytes
    return made, [f"{taken:.0f}", f"{(bytes_needed - memory.alias_size_in_bytes) / 2**30:.1f}"]


def train(args: argparse.Namespace, batch: int, peak: float) -> list[str]:
    """The cells of the table for training steps on one batch."""
    recipe = recipe_of(args.name)
    network = network_of(args.name)
    step, state = training_step(recipe, network)
    inputs, target = random_inputs(network, batch), random_target(recipe, network, batch)
    run, costs = compiled(step, state, inputs, target, donate_argnums=0)

    def once() -> Any:
        nonlocal state
        state, value = run(state, inputs, target)
        return value

    seconds = median_seconds(once, args.seconds)
    if not np.isfinite(once()):
        raise FloatingPointError(f"the loss of {args.name} is not finite")
    speed = training_flops(network, batch) / seconds
    return [f"{1e3 * seconds:.2f}", f"{batch / seconds:.0f}", f"{speed / 1e12:.4g}", f"{speed / peak:.0%}", *costs]


def forward_of(network: Any, by_views: bool = False) -> Callable[[Any, Any], Any]:
    """A function from weights and inputs to predictions; with ``by_views``, the predictions of a stack are the mean
    over its projections, as in `sciml predict`."""

    def forward(weights: Any, inputs: Any) -> Any:
        outputs: Any = network.stateless_call(*weights, inputs, training=False)[0]
        outputs = outputs.astype(jnp.float32)
        return jax.nn.softmax(outputs.reshape(-1, 3, outputs.shape[-1]).mean(1)) if by_views else outputs

    return forward


def weights_of(network: Any) -> Any:
    """The weights of a network, for `stateless_call`."""
    return tuple([v.value for v in group] for group in (network.trainable_variables, network.non_trainable_variables))


def predict(args: argparse.Namespace, batch: int, peak: float) -> list[str]:
    """Cells of the table: forward passes of one batch; a stack of STEMDL is three patterns."""
    network = network_of(args.name)
    by_views = network.input_shape[-1] == 1
    patterns = 3 * batch if by_views else batch
    weights, inputs = weights_of(network), random_inputs(network, patterns)
    run, costs = compiled(forward_of(network, by_views), weights, inputs)
    seconds = median_seconds(lambda: run(weights, inputs), args.seconds)
    speed = training_flops(network, patterns) / 3 / seconds
    return [f"{1e3 * seconds:.2f}", f"{batch / seconds:.0f}", f"{speed / 1e12:.4g}", f"{speed / peak:.0%}", *costs]


def scenes(seconds: float) -> float:
    """The number of whole scenes of CloudMask per second, from normalised images to probabilities, one row of patches
    at a time."""
    from sciml_datasets.models.cloudmask import predict_scene

    network = network_of("cloudmask")
    weights, forward = weights_of(network), jax.jit(forward_of(network))
    image = np.random.default_rng(0).random((*SCENE, network.input_shape[-1]), np.float32)
    return 1 / median_seconds(lambda: predict_scene(lambda patches: forward(weights, patches), image), seconds)


def read(args: argparse.Namespace, batch: int, peak: float) -> list[str]:
    """The cells of the table for training on prepared data."""
    recipe = recipe_of(args.name).with_settings({"batch_size": batch}).placed(accelerated=not args.on_host)
    network = network_of(args.name)
    step, state = training_step(recipe, network, from_stored=True)
    run = jax.jit(step, donate_argnums=0)
    source = prepared_batches(args.name, args.data_dir, recipe)
    for _ in range(3):
        state, value = run(state, *next(source))
    value.block_until_ready()
    waiting, steps, started = 0.0, 0, time.perf_counter()
    while (now := time.perf_counter()) - started < 5 * args.seconds:
        inputs, target = next(source)
        waiting += time.perf_counter() - now
        state, value = run(state, inputs, target)
        steps += 1
    value.block_until_ready()
    seconds = time.perf_counter() - started
    return [f"{1e3 * seconds / steps:.2f}", f"{batch * steps / seconds:.0f}", f"{waiting / seconds:.0%}"]


def prepared_batches(name: str, data_dir: Path, recipe: Any) -> Iterator[tuple[Any, Any]]:
    """Yield shuffled inputs and targets, epoch after epoch, filled on the host as in `sciml train`; see also
    `joined_rows`."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.prepared.prepared import Prepared

    if name == "candle_uno":
        yield from joined_rows(data_dir, recipe.training.batch_size)
    batches = Batches(Prepared.open(name, data_dir), recipe, seed=0)
    for epoch in range(1, 10**6):
        for inputs, target, _ in batches.training(epoch):
            yield inputs, target


def joined_rows(data_dir: Path, batch: int) -> Iterator[tuple[Any, Any]]:
    """Yield batches of CANDLE-UNO: the host draws rows, and the GPU, which holds the tables of features, joins them."""
    import tensorflow_datasets as tfds

    from sciml_datasets import Prepared

    columns = Prepared.open("candle_uno", data_dir).select("train").columns
    source = tfds.data_source("sciml/candle_uno", split="train", data_dir=data_dir)
    tables, rows = [], []
    for column, feature in (("cell", "gene_expression"), ("drug", "drug_descriptors")):
        _, firsts, places = np.unique(columns[column], return_index=True, return_inverse=True)
        tables.append(jnp.asarray(np.stack([source[int(first)][feature] for first in firsts])))
        rows.append(places.astype(np.int32))
    target = np.array(columns["response"], np.float32)
    join = jax.jit(lambda tables, rows: [table[row] for table, row in zip(tables, rows, strict=True)])
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(len(target))
        for chosen in order[: len(target) // batch * batch].reshape(-1, batch):
            yield join(tables, [row[chosen] for row in rows]), target[chosen]


WHAT = {"train": train, "predict": predict, "read": read}

if __name__ == "__main__":
    main()
