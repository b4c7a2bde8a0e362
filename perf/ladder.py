"""Difficulty of a data set: trivial, classical and reference predictors, fitted to a split and scored on its test part.

    sciml demo --out demo
    python perf/ladder.py stemdl_demo --data-dir demo/data
    python perf/ladder.py cloudmask_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data --splits cell_blind drug_blind

The inputs of classical predictors are the logarithms of the intensity for STEMDL, or the polar harmonics of them that
the demo's network gets; one pixel at a time for CloudMask; and the features of cell and drug side by side for
CANDLE-UNO. The reference is the model of ``sciml train``. Random predictors are fitted with several seeds: the mean is
shown, with the lowest and the highest score in parentheses. A line below each table says whether trivial < classical <
reference holds beyond chance in the first criterion of the benchmark: whether the worst seed of a rung beats the best
one of the rung below, and whether the mean over seeds does so in 97.5 % of the resamples of the test split's groups
(crystals, passes, cell lines and drugs), which are the same for both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

SCORES = {
    "stemdl": ("top1_accuracy", "macro_f1", "top5_accuracy", "crystal_system_accuracy"),
    "cloudmask": ("accuracy", "iou", "kuiper_skill"),
    "candle_uno": ("mse", "r2", "pearson", "median_pearson_drug", "median_pearson_cell"),
}
"""Names of the scores that are shown, by benchmark."""
SPLITS = {"stemdl": ("",), "cloudmask": ("",), "candle_uno": ("mixed", "cell_blind", "drug_blind", "disjoint")}
"""Names of the splits of each benchmark; the canonical ones have an empty name."""
PIXELS = 400_000
"""Number of pixels of the training split, drawn at random, to which boosting is fitted."""
COARSE = 4
"""Number of pixels along a side that are averaged for the nearest neighbour."""
HOLDS_OUT_FROM = 10_000
"""Number of samples above which scikit-learn's boosting stops early, by a part of them that it draws."""
LEVELS = 99
"""Number of thresholds that are tried on each channel: the percentiles of the training split."""


RUNGS = ("trivial", "classical", "reference")
LEAST = 2.5
"""Percentile of the paired differences over resamples that has to be better than no difference."""


@dataclass(frozen=True)
class Fitted:
    """The scores of one fitted predictor.

    Attributes:
        scores: scores by name.
        resampled: name to (resamples,) scores of each resample of the test split's groups; empty where a score counts
            as certain, as that of a trivial predictor.
    """

    scores: dict[str, float]
    resampled: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, evaluator: Any) -> Fitted:
        """The scores of an evaluator with all predictions."""
        return cls(evaluator.result(), evaluator.resampled() or {})


Rung = tuple[str, str, list[Fitted]]
"""One of RUNGS, the predictor, and its scores with each seed, once where nothing is random."""


def main() -> None:
    """Print a table for each split."""
    from sciml_datasets.benchmarks import find

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", help=f"default: {SPLITS}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--no-reference", action="store_true", help="leave out what takes longest")
    args = parser.parse_args()
    benchmark = find(args.name)[0]
    if benchmark.name not in LADDERS:
        parser.error(f"{args.name}: expected a data set of {', '.join(LADDERS)}")
    for partition in args.splits or SPLITS[benchmark.name]:
        scores = SCORES[benchmark.name]
        print(f"\n{args.name}, {partition or 'canonical splits'}, seeds {' '.join(map(str, args.seeds))}\n")
        print(f"| rung | predictor | {' | '.join(scores)} |\n| --- | --- |{' ---: |' * len(scores)}")
        ladder = []
        for rung, predictor, found in rungs(args, benchmark.name, partition):
            cells = (shown([row.scores[score] for row in found if score in row.scores]) for score in scores)
            print(f"| {rung} | {predictor} | {' | '.join(cells)} |", flush=True)
            ladder.append((rung, predictor, found))
        first = benchmark.criteria[0]
        print(f"\n{verdict(ladder, first.name, first.direction)}", flush=True)


def rungs(args: argparse.Namespace, benchmark: str, partition: str) -> Iterator[Rung]:
    """Yield the ladder of one split, from the bottom."""
    yield from LADDERS[benchmark](args.name, args.data_dir, partition, args.seeds)
    if not args.no_reference:
        yield "reference", "reference network", [reference(args, partition, seed) for seed in args.seeds]


def reference(args: argparse.Namespace, partition: str, seed: int) -> Fitted:
    """The scores of the reference model, which is trained here; its times are printed on standard error."""
    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models import train

    wall, processor = time.perf_counter(), time.process_time()
    with TemporaryDirectory() as out:
        run = Path(out) / "run"
        train(args.name, args.data_dir, run, seed=seed, partition=partition)
        evaluator = Evaluator(args.name, f"{partition}:test" if partition else "test", args.data_dir)
        evaluator.update_from_file(run / "predictions.h5")
    took = f"{time.perf_counter() - wall:.0f} s, {time.process_time() - processor:.0f} s of a core"
    print(f"{partition or 'canonical splits'}, seed {seed}: trained and scored in {took}", file=sys.stderr, flush=True)
    return Fitted.of(evaluator)


def shown(values: Sequence[float]) -> str:
    """The mean, with the range where there are several values."""
    if not values:
        return "-"
    spread = f" ({min(values):.4f} to {max(values):.4f})" if len(values) > 1 else ""
    return f"{sum(values) / len(values):.4f}{spread}"


def verdict(ladder: Sequence[Rung], criterion: str, direction: str) -> str:
    """A sentence on whether each rung beats the one below beyond chance: with all seeds, and in nearly all resamples.

    Args:
        ladder: ladder of one split; a rung is as high as the best of its predictors, by their mean.
        criterion: name of the criterion that decides.
        direction: direction of the criterion, ``higher`` or ``lower``.
    """
    sign = 1 if direction == "higher" else -1
    best: dict[str, tuple[str, list[Fitted]]] = {}

    def mean(found: list[Fitted]) -> float:
        return sign * sum(row.scores[criterion] for row in found) / len(found)

    for rung, predictor, found in ladder:
        if all(criterion in row.scores for row in found) and (rung not in best or mean(found) > mean(best[rung][1])):
            best[rung] = predictor, found
    there = [rung for rung in RUNGS if rung in best]
    steps, holds = [], True
    for below, above in pairwise(there):
        (low, under), (high, over) = best[below], best[above]
        seeds = min(sign * row.scores[criterion] for row in over) > max(sign * row.scores[criterion] for row in under)
        gains = sign * (resampled(over, criterion) - resampled(under, criterion))
        ends = np.nanpercentile(gains, (LEAST, 100 - LEAST))
        beats = seeds and ends[0] > 0
        holds = holds and beats
        certainty = (
            f"95 % interval over groups {ends[0]:.4f} to {ends[1]:.4f}"
            if len(gains) > 1
            else "groups too few for an interval"
        )
        by = f"by {mean(over) - mean(under):.4f}, {certainty}"
        steps.append(f"{above} ({high}) {'beats' if beats else 'does not beat'} {below} ({low}) {by}")
    word = "holds" if holds else "does not hold"
    return f"{' < '.join(there)} {word} beyond chance in {criterion}: {'; '.join(steps)}."


def resampled(found: Sequence[Fitted], criterion: str) -> np.ndarray:
    """(resamples,) mean over seeds of the score of each resample; (1,) where it counts as certain."""
    return np.mean([row.resampled.get(criterion, np.array([row.scores[criterion]])) for row in found], axis=0)


def stacks(name: str, data_dir: Path, partition: str, seeds: Sequence[int]) -> Iterator[Rung]:
    """Yield the rungs of STEMDL: the most frequent class, the nearest neighbour, extra trees."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.neighbors import KNeighborsClassifier

    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.stemdl import NUM_CLASSES, RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    batches = Batches(Prepared.open(name, data_dir), RECIPES[name], seed=0, partition=partition)
    ids = batches.selection("test").columns["id"]
    yield from trivial(Evaluator(name, batches.split("test"), data_dir))
    trees = [ExtraTreesClassifier(500, n_jobs=2, random_state=seed) for seed in seeds]
    truth = np.array(batches.selection("train").columns["space_group"], np.int64)
    for predictor, features, models in (
        ("nearest neighbour", coarse, [KNeighborsClassifier(1)]),
        ("extra trees on polar harmonics", harmonics, trees),
    ):
        train, test = (
            np.concatenate([features(inputs) for _, inputs in batches.evaluation(part)]) for part in ("train", "test")
        )
        results = []
        for model in models:
            found = model.fit(train, truth).predict_proba(test)
            scores = np.zeros((len(found), NUM_CLASSES))
            scores[:, model.classes_] = found
            evaluator = Evaluator(name, batches.split("test"), data_dir)
            # One neighbour gives one class, so there is no second one.
            evaluator.update(ids, scores.argmax(axis=1) if predictor == "nearest neighbour" else scores)
            results.append(Fitted.of(evaluator))
        yield "classical", predictor, results


def trivial(evaluator: Any) -> Iterator[Rung]:
    """Yield the baselines of a split."""
    for predictor, scores in evaluator.baselines().items():
        yield "trivial", predictor, [Fitted(scores)]


def coarse(inputs: np.ndarray) -> np.ndarray:
    """(N, features) means over blocks of COARSE x COARSE pixels, of inputs (N, R, C, 3)."""
    count, rows, columns, views = inputs.shape
    blocks = inputs.reshape(count, rows // COARSE, COARSE, columns // COARSE, COARSE, views)
    return blocks.mean((2, 4)).reshape(count, -1)


def harmonics(inputs: np.ndarray) -> np.ndarray:
    """(N, features) polar harmonics of each projection of inputs (N, R, C, 3), as the demo's network gets them."""
    from sciml_datasets.models.polar_harmonics import PolarHarmonics

    views = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)).reshape(-1, *inputs.shape[1:3])
    return np.asarray(PolarHarmonics()(views / np.float32(255))).reshape(len(inputs), -1)


def responses(name: str, data_dir: Path, partition: str, seeds: Sequence[int]) -> Iterator[Rung]:
    """Yield the rungs of CANDLE-UNO: its baselines, ridge regression and boosting."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    from sciml_datasets.benchmarks import prepared_dir
    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES
    from sciml_datasets.prepared.metadata import facts_of
    from sciml_datasets.prepared.prepared import Prepared

    batches = Batches(Prepared.open(name, data_dir), RECIPES[name], seed=0, partition=partition)
    (train, response), (test, _) = (joined(batches, part) for part in ("train", "test"))
    bounds = facts_of(prepared_dir(name, data_dir))["response"]
    low, high = (beyond if bounds[key] is None else bounds[key] for key, beyond in (("low", -np.inf), ("high", np.inf)))
    ids = batches.selection("test").columns["id"]
    yield from trivial(Evaluator(name, batches.split("test"), data_dir))
    # Below that size scikit-learn holds out no samples for early stopping, so that boosting is not random.
    boosted = seeds if len(response) > HOLDS_OUT_FROM else seeds[:1]
    for predictor, models in (
        ("ridge", [RidgeCV(np.logspace(1, 5, 9))]),
        ("gradient boosting", [HistGradientBoostingRegressor(random_state=seed) for seed in boosted]),
    ):
        results = []
        for model in models:
            evaluator = Evaluator(name, batches.split("test"), data_dir)
            evaluator.update(ids, np.clip(model.fit(train, response).predict(test), low, high))
            results.append(Fitted.of(evaluator))
        yield "classical", predictor, results


def joined(batches: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, features) features of cell and drug, and (N,) responses."""
    inputs = [np.concatenate(arrays, axis=1) for _, arrays in batches.evaluation(part)]
    return np.concatenate(inputs), np.array(batches.selection(part).columns[batches.recipe.source.target], np.float32)


def masks(name: str, data_dir: Path, partition: str, seeds: Sequence[int]) -> Iterator[Rung]:
    """Yield the rungs of CloudMask: one class throughout, the best threshold on one channel, boosting."""
    import tensorflow_datasets as tfds

    import sciml_datasets

    if partition:
        raise SystemExit(f"--splits {partition}: {name} is measured on its canonical splits")
    train, test = (tfds.data_source(f"sciml/{name}", split=part, data_dir=data_dir) for part in ("train", "test"))
    pixels = [(channels(scene)[scene["valid"] != 0], scene["cloud"][scene["valid"] != 0] != 0) for scene in train]
    inputs, cloud = (np.concatenate(arrays) for arrays in zip(*pixels, strict=True))

    def scored(predict: Callable[[np.ndarray], np.ndarray]) -> Any:
        evaluator = sciml_datasets.metrics.Evaluator(name, "test", data_dir)
        for scene in test:
            evaluator.update([scene["id"]], predict(channels(scene))[None])
        return evaluator

    with_threshold = scored(threshold(inputs, cloud))
    yield from trivial(with_threshold)  # these baselines are those of the scenes that were given
    yield "classical", "best threshold on one channel", [Fitted.of(with_threshold)]
    boosted = [Fitted.of(scored(boosting(inputs, cloud, seed))) for seed in seeds]
    yield "classical", "gradient boosting, pixel by pixel", boosted


def channels(scene: dict[str, Any]) -> np.ndarray:
    """(R, C, 9) values of S1 to S9; by night those of S1 to S6 are NaN."""
    light = scene["reflectance"] if scene["day"] else np.full_like(scene["reflectance"], np.nan)
    return np.concatenate([light, scene["brightness_temperature"]], axis=-1)


def threshold(inputs: np.ndarray, cloud: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The best predictor of cloud on these pixels by one side of a level of one channel; NaN is on the lower side."""
    best, choice = 0.0, (0, 0.0, True)
    for channel in range(inputs.shape[1]):
        for level in np.nanquantile(inputs[:, channel], np.linspace(0, 1, LEVELS + 2)[1:-1]):
            share = float(np.mean((inputs[:, channel] > level) == cloud))
            best, choice = max((best, choice), (share, (channel, level, True)), (1 - share, (channel, level, False)))
    channel, level, above = choice
    return lambda scene: (scene[..., channel] > level) == above


def boosting(inputs: np.ndarray, cloud: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """A predictor of probabilities by gradient-boosted trees (scikit-learn) from each pixel alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    drawn = np.random.default_rng(seed).choice(len(cloud), min(PIXELS, len(cloud)), replace=False)
    model = HistGradientBoostingClassifier(max_iter=200, random_state=seed).fit(inputs[drawn], cloud[drawn])
    return lambda scene: model.predict_proba(scene.reshape(-1, scene.shape[-1]))[:, 1].reshape(scene.shape[:-1])


LADDERS = {"stemdl": stacks, "cloudmask": masks, "candle_uno": responses}
"""Function that yields the trivial and classical predictors of each benchmark, by name."""


if __name__ == "__main__":
    main()
