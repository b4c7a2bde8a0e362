"""Scores of several folds, or of several runs with other seeds, in one summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.score_text import aligned, score_text

SHARED = ("benchmark", "dataset", "dataset_version", "plan_digest", "criteria_version")
"""Fields that the results of folds have in common."""


def summarise(scores: Sequence[float], confidence: float = 0.95, test_share: float | None = None) -> dict[str, float]:
    """Mean, spread and confidence interval.

    The interval is Student's t: mean +- t * standard error with n - 1 degrees of freedom. Folds share training samples,
    so their scores are not independent and the plain interval is too narrow; with ``test_share`` the standard error is
    the corrected one of Nadeau & Bengio 2003 (doi:10.1023/A:1024068626366), sqrt((1 / n + r) s^2), where r is the
    number of test samples over that of training samples.

    Args:
        scores: (n,) score of each fold or run, n at least 2.
        confidence: confidence of the interval, between 0 and 1.
        test_share: share of the samples that a fold tests, for example 0.1 for ten folds; None for independent runs.

    Returns:
        ``count``, ``mean``, ``standard_deviation`` (n - 1), ``standard_error``, ``low``, ``high``, ``min``, ``max``.

    Raises:
        ValueError: there are fewer than two scores, one is not finite, or a share is not between 0 and 1.
    """
    from scipy.special import stdtrit

    values = np.asarray(scores, np.float64)
    count = len(values)
    if count < 2:
        raise ValueError(f"{count} scores: a spread needs at least two")
    if not np.isfinite(values).all():
        raise ValueError(f"a score is not finite: {values.tolist()}")
    if not 0 < confidence < 1 or not (test_share is None or 0 < test_share < 1):
        raise ValueError(f"confidence {confidence} and test share {test_share}: expected numbers between 0 and 1")
    deviation = float(values.std(ddof=1))
    ratio = 0.0 if test_share is None else test_share / (1 - test_share)
    error = math.sqrt(1 / count + ratio) * deviation
    margin = float(stdtrit(count - 1, (1 + confidence) / 2)) * error
    mean = float(values.mean())
    return {
        "count": count,
        "mean": mean,
        "standard_deviation": deviation,
        "standard_error": error,
        "low": mean - margin,
        "high": mean + margin,
        "min": float(values.min()),
        "max": float(values.max()),
    }


def fold_summary(results: Sequence[dict[str, Any]], by: str) -> dict[str, Any]:
    """The scores of all folds and their summaries.

    Args:
        results: result of each fold, as `sciml_datasets.metrics.make_result` makes it.
        by: grouping that the folds keep together.

    Returns:
        SHARED, ``by``, ``folds`` (``split``, ``num_samples``, ``scores`` and ``baselines`` of each) and ``criteria``,
        for those that every fold has: ``name``, ``title``, ``direction``, ``unit`` where there is one, ``summary``
        (`summarise`, corrected after Nadeau and Bengio) and ``baselines``, the mean score of each trivial predictor.

    Raises:
        InputError: the results belong to different data.
    """
    first = results[0]
    for other in results[1:]:
        for key in SHARED:
            if other[key] != first[key]:
                raise InputError(
                    f"{other['split']} has {key} {other[key]!r}, {first['split']} {first[key]!r}: these are not folds "
                    "of the same data, start over in another folder"
                )
    by_name = [{row["name"]: row for row in result["criteria"]} for result in results]
    criteria = []
    for row in first["criteria"]:
        found = [rows.get(row["name"]) for rows in by_name]
        rows_of_all = [one for one in found if one is not None and one["score"] is not None]
        if len(rows_of_all) == len(results):
            scores = [one["score"] for one in rows_of_all]
            criteria.append(
                {key: row[key] for key in ("name", "title", "direction", "unit") if key in row}
                | {"summary": summarise(scores, test_share=1 / len(results)), "baselines": _mean_baselines(rows_of_all)}
            )
    return {key: first[key] for key in SHARED} | {
        "by": by,
        "folds": [
            {key: result[key] for key in ("split", "num_samples", "scores")}
            | {"baselines": {row["name"]: row["baselines"] for row in result["criteria"]}}
            for result in results
        ],
        "criteria": criteria,
    }


def _mean_baselines(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The mean over the folds of each baseline that all of them have."""
    values = {name: [row["baselines"].get(name) for row in rows] for name in rows[0]["baselines"]}
    return {name: float(np.mean(found)) for name, found in values.items() if None not in found}


def fold_table(summary: dict[str, Any]) -> str:
    """A `fold_summary` as text: a line per criterion, a column per fold, mean and 95 % interval, baselines."""
    folds, criteria = summary["folds"], summary["criteria"]
    names = list(dict.fromkeys(name for row in criteria for name in row["baselines"]))
    columns = [*(f"fold {i}" for i, _ in enumerate(folds, 1)), "mean", "low", "high"]
    columns += [f"baseline {i}" for i, _ in enumerate(names, 1)]
    blank = [""] * (len(columns) - len(folds))
    rows = [["criterion", *columns], ["samples", *(str(fold["num_samples"]) for fold in folds), *blank]]
    for row in criteria:
        values = [fold["scores"][row["name"]] for fold in folds]
        values += [row["summary"][key] for key in ("mean", "low", "high")]
        values += [row["baselines"].get(name) for name in names]
        rows.append([row["title"], *(score_text(value, row.get("unit", "")) for value in values)])
    title = f"{summary['dataset']} {summary['dataset_version']}, {len(folds)} folds by {summary['by']}"
    lines = [title, *(line.rstrip() for line in aligned(rows))]
    lines += [f"baseline {i}: {name}, mean of the folds" for i, name in enumerate(names, 1)]
    given = {row["name"] for row in criteria}
    if undefined := [name for name in folds[0]["baselines"] if name not in given]:
        lines.append(f"not defined in every fold: {', '.join(undefined)}")
    return "\n".join([*lines, "low and high: 95 % interval, corrected for the overlap of folds (Nadeau & Bengio 2003)"])
