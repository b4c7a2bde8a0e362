"""How hard CloudMask's demo is: a threshold, boosting pixel by pixel, and the small U-Net, on the same scenes.

The U-Net's line is that of ``sciml demo cloudmask_demo``, the whole road from nothing to scores; the others are fitted
to the same training split and scored on the same test split, every valid pixel once.

    python perf/ladder.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NAME = "cloudmask_demo"
PIXELS = 400_000
"""Of the training split that boosting is fitted to, drawn at random."""
LEVELS = 99
"""Thresholds that are tried on each channel: the percentiles of the training split."""


def main() -> None:
    """Walk the road, fit the other rungs, print the ladder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        ladder(Path(folder))


def ladder(folder: Path) -> None:
    """Print the table."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "demo", NAME, "--out", str(folder), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    (road,) = json.loads(done.stdout)
    inputs, truth = pixels(folder / "data", "train")
    test_inputs, test_truth = pixels(folder / "data", "test")
    print(f"{NAME}, {os.cpu_count()} cores, Python {platform.python_version()}: the road took {seconds:.0f} s\n")
    print("| model | accuracy |\n| --- | ---: |")
    print(f"| no cloud anywhere | {1 - test_truth.mean():.3f} |")
    print(f"| best threshold on one channel | {threshold(inputs, truth, test_inputs, test_truth):.3f} |")
    print(f"| gradient boosting, pixel by pixel | {boosting(inputs, truth, test_inputs, test_truth):.3f} |")
    print(f"| small U-Net with batch norm | {road['result']['scores']['accuracy']:.3f} |")


def pixels(data_dir: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The valid pixels of a split: nine channels (N, 9), of which S1 to S6 are NaN by night, and cloud (N,)."""
    import tensorflow_datasets as tfds

    import sciml_datasets  # noqa: F401  registers the data sets

    inputs, truths = [], []
    for scene in tfds.data_source(f"sciml/{NAME}", split=split, data_dir=data_dir):
        valid = scene["valid"] != 0
        light = scene["reflectance"][valid] if scene["day"] else np.full((valid.sum(), 6), np.nan, np.float32)
        inputs.append(np.concatenate([light, scene["brightness_temperature"][valid]], axis=-1))
        truths.append(scene["cloud"][valid] != 0)
    return np.concatenate(inputs), np.concatenate(truths)


def threshold(inputs: np.ndarray, truth: np.ndarray, test_inputs: np.ndarray, test_truth: np.ndarray) -> float:
    """Accuracy of the channel, level and direction that are best on the training split; NaN is on the lower side."""
    best, choice = 0.0, (0, 0.0, True)
    for channel in range(inputs.shape[1]):
        for level in np.nanquantile(inputs[:, channel], np.linspace(0, 1, LEVELS + 2)[1:-1]):
            above = np.mean((inputs[:, channel] > level) == truth)
            best, choice = max((best, choice), (float(above), (channel, float(level), True)))
            best, choice = max((best, choice), (float(1 - above), (channel, float(level), False)))
    channel, level, above = choice
    return float(np.mean((test_inputs[:, channel] > level) == (test_truth == above)))


def boosting(inputs: np.ndarray, truth: np.ndarray, test_inputs: np.ndarray, test_truth: np.ndarray) -> float:
    """Accuracy of gradient-boosted trees (scikit-learn) that see one pixel at a time."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    drawn = np.random.default_rng(0).choice(len(truth), min(PIXELS, len(truth)), replace=False)
    model = HistGradientBoostingClassifier(max_iter=200, random_state=0).fit(inputs[drawn], truth[drawn])
    return float(model.score(test_inputs, test_truth))


if __name__ == "__main__":
    main()
