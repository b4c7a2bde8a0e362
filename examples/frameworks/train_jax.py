"""Train a JAX model on CANDLE-UNO's demo, from the same prepared copy that TensorFlow reads, and score it.

pip install jax optax
sciml simulate candle_uno_demo --out raw && sciml prepare candle_uno_demo --raw-dir raw --data-dir data
python train_jax.py --data-dir data --out predictions-0.h5 --seed 0
sciml evaluate candle_uno_demo --data-dir data --predictions predictions-0.h5
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tensorflow_datasets as tfds

# Any import of sciml_datasets registers its data sets with TFDS.
from sciml_datasets.metrics import Evaluator, write_predictions

Layer = tuple[jax.Array, jax.Array]


def main() -> None:
    """Train, predict the test split, score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="predictions file")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    train, test = split("train", args.data_dir), split("test", args.data_dir)
    random = np.random.default_rng(args.seed)
    layers = make_layers(random, (inputs_of(train, [0]).shape[1], 256, 64, 1))
    optimizer = optax.adam(1e-3)
    state = optimizer.init(layers)

    @jax.jit
    def step(
        layers: list[Layer], state: Any, inputs: jax.Array, response: jax.Array
    ) -> tuple[list[Layer], Any, jax.Array]:
        loss, gradients = jax.value_and_grad(lambda layers: jnp.mean((predict(layers, inputs) - response) ** 2))(layers)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(layers, updates), state, loss

    for epoch in range(1, args.epochs + 1):
        losses = []
        order = random.permutation(len(train))
        for start in range(0, len(train) - args.batch_size + 1, args.batch_size):
            examples = train.__getitems__(order[start : start + args.batch_size].tolist())
            response = np.array([example["response"] for example in examples], np.float32)
            layers, state, loss = step(layers, state, joined(examples), response)
            losses.append(float(loss))
        print(f"epoch {epoch}/{args.epochs}: loss {np.mean(losses):.5f}")

    batches = (
        ([example["id"].decode() for example in examples], np.asarray(predict(layers, joined(examples))))
        for examples in (
            test.__getitems__(list(range(start, min(start + 1024, len(test))))) for start in range(0, len(test), 1024)
        )
    )
    write_predictions(args.out, len(test), batches)
    evaluator = Evaluator("candle_uno_demo", "test", args.data_dir)
    evaluator.update_from_file(args.out)
    for name, score in evaluator.result().items():
        print(f"{name} {score}")


def split(name: str, data_dir: Path) -> Any:
    """Random access to a split; the feature tables are joined when an example is read."""
    return tfds.data_source("sciml/candle_uno_demo", split=name, data_dir=data_dir)


def inputs_of(source: Any, numbers: list[int]) -> np.ndarray:
    """(N, genes + descriptors) float32."""
    return joined(source.__getitems__(numbers))


def joined(examples: Sequence[dict[str, Any]]) -> np.ndarray:
    """(N, genes + descriptors) float32."""
    return np.stack([np.concatenate([one["gene_expression"], one["drug_descriptors"]]) for one in examples])


def make_layers(random: np.random.Generator, widths: Sequence[int]) -> list[Layer]:
    """Weights of dense layers (He et al. 2015, doi:10.1109/ICCV.2015.123) and biases of 0."""
    return [
        (jnp.asarray(random.normal(0, (2 / before) ** 0.5, (before, after)), jnp.float32), jnp.zeros(after))
        for before, after in itertools.pairwise(widths)
    ]


def predict(layers: list[Layer], inputs: Any) -> jax.Array:
    """(N,) predicted AUC."""
    for weights, biases in layers[:-1]:
        inputs = jax.nn.relu(inputs @ weights + biases)
    weights, biases = layers[-1]
    return (inputs @ weights + biases)[:, 0]


if __name__ == "__main__":
    main()
