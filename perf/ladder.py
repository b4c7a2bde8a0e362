"""How hard a data set is: predictors from trivial to boosting, fitted to a training split and scored on its test split.

    sciml demo --out demo
    python perf/ladder.py stemdl_demo --data-dir demo/data
    python perf/ladder.py cloudmask_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data --splits cell_blind drug_blind

STEMDL's predictors see the logarithms of the intensity, as they are or by radius and harmonic of the angle, CloudMask's
one pixel at a time, CANDLE-UNO's the features of cell and drug side by side. Networks are trained with ``sciml train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SCORES = {
    "stemdl": ("top1_accuracy", "macro_f1", "top5_accuracy", "crystal_system_accuracy"),
    "cloudmask": ("accuracy", "iou", "kuiper_skill"),
    "candle_uno": ("mse", "r2", "pearson", "median_pearson_drug", "median_pearson_cell"),
}
"""Benchmark to the scores that are shown."""
SPLITS = {"stemdl": ("",), "cloudmask": ("",), "candle_uno": ("mixed", "cell_blind", "drug_blind", "disjoint")}
"""Benchmark to its splits; the canonical ones have no name."""
PIXELS = 400_000
"""Of the training split that boosting is fitted to, drawn at random."""
COARSE = 4
"""Pixels along a side that are averaged for the nearest neighbour."""
RADII, ANGLES, HARMONICS = 32, 72, 13
"""Of the polar grid that extra trees see: harmonics of 0 to 12 periods in a turn, as axes of all orders make."""
LEVELS = 99
"""Thresholds that are tried on each channel: the percentiles of the training split."""


def main() -> None:
    """Print a table for each split."""
    from sciml_datasets.benchmarks import find

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", help=f"default: {SPLITS}")
    args = parser.parse_args()
    benchmark = find(args.name)[0].name
    if benchmark not in LADDERS:
        parser.error(f"{args.name}: expected a data set of {', '.join(LADDERS)}")
    for partition in args.splits or SPLITS[benchmark]:
        scores = SCORES[benchmark]
        print(f"\n{args.name}, {partition or 'canonical splits'}\n")
        print(f"| predictor | {' | '.join(scores)} |\n| --- |{' ---: |' * len(scores)}")
        for predictor, found in LADDERS[benchmark](args.name, args.data_dir, partition):
            values = (f"{found[score]:.4f}" if score in found else "-" for score in scores)
            print(f"| {predictor} | {' | '.join(values)} |", flush=True)


def stacks(name: str, data_dir: Path, partition: str) -> Iterator[tuple[str, dict[str, float]]]:
    """STEMDL: the most frequent class, the nearest neighbour, extra trees."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.neighbors import KNeighborsClassifier

    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.stemdl import NUM_CLASSES, RECIPES

    batches = Batches(name, data_dir, RECIPES[name], seed=0, partition=partition)
    ids = batches.selection("test").columns["id"]
    yield from Evaluator(name, batches.split("test"), data_dir).baselines().items()
    predictors = {
        "nearest neighbour": (coarse, KNeighborsClassifier(1)),
        "extra trees on polar harmonics": (harmonics, ExtraTreesClassifier(500, n_jobs=2, random_state=0)),
    }
    truth = np.array(batches.selection("train").columns["space_group"], np.int64)
    for predictor, (features, model) in predictors.items():
        train, test = (
            np.concatenate([features(inputs) for _, inputs in batches.evaluation(part)]) for part in ("train", "test")
        )
        found = model.fit(train, truth).predict_proba(test)
        scores = np.zeros((len(found), NUM_CLASSES))
        scores[:, model.classes_] = found
        evaluator = Evaluator(name, batches.split("test"), data_dir)
        # One neighbour names one class: it has no second one.
        evaluator.update(ids, scores.argmax(axis=1) if predictor == "nearest neighbour" else scores)
        yield predictor, evaluator.result()


def coarse(inputs: np.ndarray) -> np.ndarray:
    """(N, features) means over blocks of COARSE x COARSE pixels, of inputs (N, R, C, 3)."""
    count, rows, columns, views = inputs.shape
    blocks = inputs.reshape(count, rows // COARSE, COARSE, columns // COARSE, COARSE, views)
    return blocks.mean((2, 4)).reshape(count, -1)


def harmonics(inputs: np.ndarray) -> np.ndarray:
    """(N, features) sizes of the harmonics of the angle at each radius, of inputs (N, R, C, 3), centre at R // 2."""
    from scipy.ndimage import map_coordinates

    centre = inputs.shape[1] // 2
    radius = np.arange(1, RADII + 1)[:, None] / RADII * (2 / 3 * centre)
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    places = np.stack([centre + radius * np.sin(angle), centre + radius * np.cos(angle)])
    views = inputs.transpose(0, 3, 1, 2).reshape(-1, *inputs.shape[1:3])
    polar = np.stack([map_coordinates(view, places, order=1) for view in views])
    return np.abs(np.fft.rfft(polar, axis=2)[:, :, :HARMONICS]).astype(np.float32).reshape(len(inputs), -1)


def responses(name: str, data_dir: Path, partition: str) -> Iterator[tuple[str, dict[str, float]]]:
    """CANDLE-UNO: its baselines, ridge regression and boosting."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    from sciml_datasets.benchmarks import prepared_dir
    from sciml_datasets.facts import facts_of
    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES

    batches = Batches(name, data_dir, RECIPES[name], seed=0, partition=partition)
    (train, response), (test, _) = (joined(batches, part) for part in ("train", "test"))
    bounds = facts_of(prepared_dir(name, data_dir))["response"]
    low, high = (beyond if bounds[key] is None else bounds[key] for key, beyond in (("low", -np.inf), ("high", np.inf)))
    ids = batches.selection("test").columns["id"]
    yield from Evaluator(name, f"{partition}:test", data_dir).baselines().items()
    predictors = {
        "ridge": RidgeCV(np.logspace(1, 5, 9)),
        "gradient boosting": HistGradientBoostingRegressor(random_state=0),
    }
    for predictor, model in predictors.items():
        evaluator = Evaluator(name, f"{partition}:test", data_dir)
        evaluator.update(ids, np.clip(model.fit(train, response).predict(test), low, high))
        yield predictor, evaluator.result()


def joined(batches: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, features) of cell and drug, and (N,) responses."""
    inputs = [np.concatenate(arrays, axis=1) for _, arrays in batches.evaluation(part)]
    return np.concatenate(inputs), np.array(batches.selection(part).columns[batches.recipe.target], np.float32)


def masks(name: str, data_dir: Path, partition: str) -> Iterator[tuple[str, dict[str, float]]]:
    """CloudMask: one class throughout, the best threshold on one channel, boosting."""
    import tensorflow_datasets as tfds

    import sciml_datasets

    if partition:
        raise SystemExit(f"--splits {partition}: {name} is measured on its canonical splits")
    train, test = (tfds.data_source(f"sciml/{name}", split=part, data_dir=data_dir) for part in ("train", "test"))
    pixels = [(channels(scene)[scene["valid"] != 0], scene["cloud"][scene["valid"] != 0] != 0) for scene in train]
    inputs, cloud = (np.concatenate(arrays) for arrays in zip(*pixels, strict=True))
    predictors = {
        "best threshold on one channel": threshold(inputs, cloud),
        "gradient boosting, pixel by pixel": boosting(inputs, cloud),
    }
    for number, (predictor, predict) in enumerate(predictors.items()):
        evaluator = sciml_datasets.metrics.Evaluator(name, "test", data_dir)
        for scene in test:
            evaluator.update([scene["id"]], predict(channels(scene))[None])
        if number == 0:
            yield from evaluator.baselines().items()
        yield predictor, evaluator.result()


def channels(scene: dict[str, Any]) -> np.ndarray:
    """(R, C, 9) values of S1 to S9; by night those of S1 to S6 are NaN."""
    light = scene["reflectance"] if scene["day"] else np.full_like(scene["reflectance"], np.nan)
    return np.concatenate([light, scene["brightness_temperature"]], axis=-1)


def threshold(inputs: np.ndarray, cloud: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What calls cloud on one side of a level of one channel, the best on these pixels; NaN is on the lower side."""
    best, choice = 0.0, (0, 0.0, True)
    for channel in range(inputs.shape[1]):
        for level in np.nanquantile(inputs[:, channel], np.linspace(0, 1, LEVELS + 2)[1:-1]):
            share = float(np.mean((inputs[:, channel] > level) == cloud))
            best, choice = max((best, choice), (share, (channel, level, True)), (1 - share, (channel, level, False)))
    channel, level, above = choice
    return lambda scene: (scene[..., channel] > level) == above


def boosting(inputs: np.ndarray, cloud: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What gradient-boosted trees (scikit-learn) make of each pixel by itself: probabilities."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    drawn = np.random.default_rng(0).choice(len(cloud), min(PIXELS, len(cloud)), replace=False)
    model = HistGradientBoostingClassifier(max_iter=200, random_state=0).fit(inputs[drawn], cloud[drawn])
    return lambda scene: model.predict_proba(scene.reshape(-1, scene.shape[-1]))[:, 1].reshape(scene.shape[:-1])


LADDERS = {"stemdl": stacks, "cloudmask": masks, "candle_uno": responses}
"""Benchmark to its predictors."""


if __name__ == "__main__":
    main()
