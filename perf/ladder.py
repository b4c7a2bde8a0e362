"""How hard CANDLE-UNO's splits are: predictors from trivial to boosting, on the prepared demo or any other data.

    python perf/ladder.py candle_uno_demo --data-dir demo/data
    python perf/ladder.py candle_uno_demo --data-dir demo/data --splits cell_blind drug_blind

Ridge and boosting see the features of cell and drug side by side; networks are trained with `sciml train`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SCORES = ("mse", "r2", "pearson", "median_pearson_drug", "median_pearson_cell")


def main() -> None:
    """Print a table for each split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["mixed", "cell_blind", "drug_blind", "disjoint"])
    args = parser.parse_args()
    for split in args.splits:
        table(args.name, args.data_dir, split)


def table(name: str, data_dir: Path, partition: str) -> None:
    """The scores of all predictors on the test part of a split."""
    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES

    batches = Batches(name, data_dir, RECIPES[name], seed=0, partition=partition)
    parts = {part: joined(batches, part) for part in ("train", "test")}
    print(f"\n{name}, {partition}: {len(parts['train'][1]):,} to train, {len(parts['test'][1]):,} to test\n")
    print(f"| predictor | {' | '.join(SCORES)} |\n| --- |{' ---: |' * len(SCORES)}")
    evaluator = Evaluator(name, f"{partition}:test", data_dir)
    rows = dict(evaluator.baselines())
    ids = batches.selection("test").columns["id"]
    for predictor, predicted in fitted(*parts["train"], parts["test"][0]):
        one = Evaluator(name, f"{partition}:test", data_dir)
        one.update(ids, np.clip(predicted, 0, 1))
        rows[predictor] = one.result()
    for predictor, found in rows.items():
        print(f"| {predictor} | {' | '.join(f'{found[score]:.4f}' for score in SCORES)} |", flush=True)


def joined(batches: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, features) of cell and drug, and (N,) responses."""
    inputs = [np.concatenate(arrays, axis=1) for _, arrays in batches.evaluation(part)]
    return np.concatenate(inputs), np.array(batches.selection(part).columns[batches.recipe.target], np.float32)


def fitted(train: np.ndarray, auc: np.ndarray, test: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Name and predictions of each predictor."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    ridge = RidgeCV(np.logspace(1, 5, 9)).fit(train, auc)
    yield "ridge", ridge.predict(test)
    yield "gradient boosting", HistGradientBoostingRegressor(random_state=0).fit(train, auc).predict(test)


if __name__ == "__main__":
    main()
