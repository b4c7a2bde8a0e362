"""Train a PyTorch model on STEMDL's demo, from the same prepared copy that TensorFlow reads, and score it.

pip install torch
sciml simulate stemdl_demo --out raw && sciml prepare stemdl_demo --raw-dir raw --data-dir data
python train_pytorch.py --data-dir data --out predictions-0.h5 --seed 0
sciml evaluate stemdl_demo --data-dir data --predictions predictions-0.h5
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
import torch
from torch import nn
from torch.utils.data import DataLoader

# Any import of sciml_datasets registers its data sets with TFDS.
from sciml_datasets.metrics import Evaluator, write_predictions

NUM_CLASSES = 231


def main() -> None:
    """Train, predict the test split, score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="predictions file")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    network = make_network()
    train = DataLoader(
        split("train", args.data_dir), args.batch_size, shuffle=True, collate_fn=collate, num_workers=2, drop_last=True
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for epoch in range(1, args.epochs + 1):
        losses = []
        for _, patterns, space_groups in train:
            loss = nn.functional.cross_entropy(network(patterns), space_groups)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}/{args.epochs}: loss {np.mean(losses):.4f}")

    network.eval()
    test = split("test", args.data_dir)
    with torch.no_grad():
        batches = (
            (ids, network(patterns).softmax(1).numpy())
            for ids, patterns, _ in DataLoader(test, args.batch_size, collate_fn=collate)
        )
        write_predictions(args.out, len(test), batches)
    evaluator = Evaluator("stemdl_demo", "test", args.data_dir)
    evaluator.update_from_file(args.out)
    for name, score in evaluator.result().items():
        print(f"{name} {score}")


def split(name: str, data_dir: Path) -> Any:
    """Random access to a split; threads and worker processes share the one copy on disk."""
    return tfds.data_source("sciml/stemdl_demo", split=name, data_dir=data_dir)


def collate(examples: list[dict[str, Any]]) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    """Ids, square roots of the intensities (N, 3, 128, 128) float32 and space groups (N,) int64."""
    ids = [example["id"].decode() for example in examples]
    patterns = np.sqrt(np.stack([example["cbed_stack"] for example in examples]))
    return ids, torch.from_numpy(patterns), torch.tensor([int(example["space_group"]) for example in examples])


def make_network() -> nn.Module:
    """Four convolutions with batch norm, mean over the pattern, logits."""
    layers: list[nn.Module] = [nn.BatchNorm2d(3)]
    widths = (3, 16, 32, 64, 128)
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], NUM_CLASSES))


if __name__ == "__main__":
    main()
