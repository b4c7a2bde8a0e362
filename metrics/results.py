"""Results: the scores of a run beside the target, the published values and the trivial baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import Criterion
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator

SCHEMA_VERSION = 1


def make_result(evaluator: Evaluator, plan_digest: str) -> dict[str, Any]:
    """The content of ``result.json``.

    Raises:
        InputError: an id of the split has no prediction.
    """
    scores, baseline = evaluator.result(), evaluator.baseline()
    classes = evaluator.state.scored_classes()
    return {
        "schema_version": SCHEMA_VERSION,
        "benchmark": evaluator.benchmark.name,
        "dataset": evaluator.name,
        "dataset_version": evaluator.dataset.version,
        "plan_digest": plan_digest,
        "split": evaluator.split,
        "num_samples": int(evaluator.state.confusion.sum()),
        "criteria": [
            _row(criterion, scores[criterion.name], baseline.get(criterion.name))
            for criterion in evaluator.benchmark.criteria
            if criterion.name in scores
        ],
        "baseline": f"always class {evaluator.majority_class}, the most frequent of the training split",
        "confusion": {"classes": classes.tolist(), "counts": evaluator.state.confusion[classes][:, classes].tolist()},
    }


def _row(criterion: Criterion, score: float, baseline: float | None) -> dict[str, Any]:
    target = criterion.target
    sign = 1 if criterion.direction == "higher" else -1
    return {
        "name": criterion.name,
        "title": criterion.title,
        "direction": criterion.direction,
        "score": score,
        "baseline": baseline,
        "target": target and target.value,
        "met": sign * score >= sign * target.value if target else None,
        "reference": criterion.reference and criterion.reference.value,
        "best_known": criterion.best_known and criterion.best_known.value,
    }


def write_result(result: dict[str, Any], path: Path) -> None:
    """Write ``result.json``, whole or not at all.

    Raises:
        InputError: the path is a folder.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".incomplete")
    try:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def table(result: dict[str, Any]) -> str:
    """The scores as text, a line per criterion; published values are those of the real data set."""
    columns = ("score", "baseline", "target", "reference", "best_known")
    lines = [
        f"{result['dataset']} {result['dataset_version']}, {result['split']} split, {result['num_samples']} samples"
    ]
    lines.append(f"{'criterion':<16}" + "".join(f"{name.replace('_', ' '):>12}" for name in columns) + "  target met")
    for row in result["criteria"]:
        cells = ("-" if row[name] is None else f"{row[name]:.4f}" for name in columns)
        met = {None: "-", True: "yes", False: "no"}[row["met"]]
        lines.append(f"{row['title']:<16}" + "".join(f"{cell:>12}" for cell in cells) + f"{met:>12}")
    lines.append(f"baseline: {result['baseline']}; target, reference and best known are those of the real data")
    return "\n".join(lines)
