"""How hard a data set is: predictors from trivial to boosting, fitted to a training split and scored on its test split.

    sciml demo cloudmask_demo candle_uno_demo --out demo
    python perf/ladder.py cloudmask_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data --splits cell_blind drug_blind

CloudMask's predictors see one pixel at a time, CANDLE-UNO's the features of cell and drug side by side. Networks are
trained with ``sciml train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SCORES = {
    "cloudmask": ("accuracy", "iou", "kuiper_skill"),
    "candle_uno": ("mse", "r2", "pearson", "median_pearson_drug", "median_pearson_cell"),
}
"""Benchmark to the scores that are shown."""
SPLITS = {"cloudmask": ("",), "candle_uno": ("mixed", "cell_blind", "drug_blind", "disjoint")}
"""Benchmark to its splits; the canonical ones have no name."""
PIXELS = 400_000
"""Of the training split that boosting is fitted to, drawn at random."""
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
            print(f"| {predictor} | {' | '.join(f'{found[score]:.4f}' for score in scores)} |", flush=True)


def responses(name: str, data_dir: Path, partition: str) -> Iterator[tuple[str, dict[str, float]]]:
    """CANDLE-UNO: its baselines, ridge regression and boosting."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES

    batches = Batches(name, data_dir, RECIPES[name], seed=0, partition=partition)
    (train, auc), (test, _) = (joined(batches, part) for part in ("train", "test"))
    ids = batches.selection("test").columns["id"]
    yield from Evaluator(name, f"{partition}:test", data_dir).baselines().items()
    predictors = {
        "ridge": RidgeCV(np.logspace(1, 5, 9)),
        "gradient boosting": HistGradientBoostingRegressor(random_state=0),
    }
    for predictor, model in predictors.items():
        evaluator = Evaluator(name, f"{partition}:test", data_dir)
        evaluator.update(ids, np.clip(model.fit(train, auc).predict(test), 0, 1))
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


LADDERS = {"cloudmask": masks, "candle_uno": responses}
"""Benchmark to its predictors."""


if __name__ == "__main__":
    main()
