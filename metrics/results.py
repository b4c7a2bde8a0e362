"""Results: the scores of one run or several, with targets, published values and trivial baselines.

``result.json`` follows ``result.schema.json`` beside this module; unknown facts are null, never invented.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Criterion, Value
from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import read_object
from sciml_datasets.files.text import shown
from sciml_datasets.metrics.cross_validation import summarise
from sciml_datasets.metrics.evaluator import Evaluator

LONGEST_RULE = 300
"""Largest number of characters of a rule of the schema in a sentence."""
SCHEMA_VERSION = 2
CRITERIA_VERSION = "2.0"
"""Version of the criteria; it changes whenever the same predictions would score differently."""
SHOWN_BOUND = 5e-5
"""Half of the last digit that tables print: a larger bound can change a printed score."""
UNSCORED = re.compile(r"invalid_.*|.*_without_valid_.*|groups_left_out_.*|.*_undefined")
"""Names of the scores that count the samples or pixels that other scores leave out."""
PUBLISHED = ("target", "reference", "best_known")
"""Published values beside a score, on data and splits to which they refer; null otherwise."""
FACTS = ("response", "form")
"""Facts of prepared data that decide which criteria hold for them (`Benchmark.for_data`); results state them where
they exist."""
MEASURED = ("input_wait", "gpus")
"""Facts of a run that a result states only where they were measured."""
MUST_AGREE = (
    "schema_version",
    "criteria_version",
    "benchmark",
    "dataset",
    "dataset_version",
    "plan_digest",
    "split",
    "split_sha256",
    "num_samples",
    *FACTS,
)
"""Fields that results must have in common to be averaged or ranked together."""


def make_result(evaluator: Evaluator, /, **run: Any) -> dict[str, Any]:
    """The content of ``result.json``.

    Args:
        evaluator: the evaluator, with a prediction for every id.
        run: known facts of the run: model, seed, hardware, software, durations, energy, convergence; and those of
            MEASURED.

    Raises:
        InputError: an id of the split has no prediction.

    Example:
        >>> from sciml_datasets.metrics import Evaluator, make_result
        >>> evaluator = Evaluator("candle_uno_demo", data_dir="data")
        >>> evaluator.update(evaluator.ids, [0.5] * len(evaluator))
        >>> result = make_result(evaluator, model={"name": "constant", "parameters": 1}, seed=0)
        >>> primary = result["criteria"][0]
        >>> primary["name"], primary["target"]["value"], primary["met"]
        ('mse', 0.0054, False)
        >>> primary["score"] == evaluator.result()["mse"]
        True
    """
    scores, baselines = evaluator.result(), evaluator.baselines()
    known = ("model", "seed", "hardware", "software", "durations", "energy", "convergence")
    if unknown := run.keys() - {*known, *MEASURED}:
        raise TypeError(f"make_result got {sorted(unknown)}, expected {(*known, *MEASURED)}")
    return {
        "schema_version": SCHEMA_VERSION,
        "criteria_version": CRITERIA_VERSION,
        "benchmark": evaluator.benchmark.name,
        "dataset": evaluator.name,
        "dataset_version": evaluator.dataset.version,
        "plan_digest": evaluator.prepared.plan_digest,
        "split": evaluator.split,
        "split_sha256": evaluator.split_sha256,
        "num_samples": len(evaluator),
        **{name: evaluator.facts[name] for name in FACTS if name in evaluator.facts},
        "criteria": [
            criterion_row(criterion, scores[criterion.name], _of_each(baselines, criterion.name))
            for criterion in evaluator.benchmark.criteria
            if criterion.name in scores
        ],
        "scores": {name: _number(score) for name, score in sorted(scores.items())},
        "intervals": evaluator.intervals(),
        "details": evaluator.details(),
        **{key: run.get(key) for key in known},
        **{key: run[key] for key in MEASURED if run.get(key) is not None},
    }


def _of_each(baselines: dict[str, dict[str, float]], name: str) -> dict[str, float | None]:
    return {what: _number(scores[name]) for what, scores in baselines.items() if name in scores}


def _number(score: float) -> float | None:
    """A score as JSON holds it: an undefined score (NaN) is null."""
    return float(score) if math.isfinite(score) else None


def criterion_row(criterion: Criterion, score: float, baselines: dict[str, float | None]) -> dict[str, Any]:
    """A score with the published values of its criterion, and with baselines by their description."""
    target, value = criterion.target, _number(score)
    sign = 1 if criterion.direction == "higher" else -1
    distance = sign * (value - target.value) if target and value is not None else None
    return {
        "name": criterion.name,
        "title": criterion.title,
        "direction": criterion.direction,
        "score": value,
        "target": _published(target),
        "met": None if distance is None else distance >= 0,
        "distance": distance,
        "reference": _published(criterion.reference),
        "best_known": _published(criterion.best_known),
        "baselines": baselines,
        **({"unit": criterion.unit} if criterion.unit else {}),
    }


def _published(value: Value | None) -> dict[str, Any] | None:
    return {"value": value.value, "source": value.source} if value else None


def aggregate(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One result from the results of several runs, for example with other seeds.

    The score of each criterion is the mean; ``standard_deviation`` (n - 1) and ``interval`` (95 %, Student's t) are
    beside it, and ``runs`` holds seed and scores of each run. A criterion without a score in some run is null.

    Args:
        results: at least two results of different runs, with the same data and criteria.

    Raises:
        InputError: they do not belong together; the difference is named.

    Example:
        >>> from sciml_datasets.metrics import Evaluator, aggregate, make_result
        >>> results = []
        >>> for seed, prediction in ((1, 0.5), (2, 0.75)):
        ...     evaluator = Evaluator("candle_uno_demo", data_dir="data")
        ...     evaluator.update(evaluator.ids, [prediction] * len(evaluator))
        ...     results.append(make_result(evaluator, seed=seed))
        >>> mean = aggregate(results)
        >>> mean["scores"]["mae"] == sum(result["scores"]["mae"] for result in results) / 2
        True
        >>> [run["seed"] for run in mean["runs"]]
        [1, 2]
    """
    if len(results) < 2:
        raise InputError(f"{len(results)} results have no mean and spread: give the results of two runs or more")
    first = results[0]
    for number, other in enumerate(results, 1):
        if "runs" in other:
            raise InputError(f"result {number} is a mean of runs itself: give the results of the runs")
        for earlier, one in enumerate(results[: number - 1], 1):
            if one == other or (one["seed"] is not None and one["seed"] == other["seed"]):
                what = "are the same" if one == other else f"both have the seed {one['seed']}"
                raise InputError(f"results {earlier} and {number} {what}: give each run once")
    for number, other in enumerate(results[1:], 2):
        for key in MUST_AGREE:
            if other.get(key) != first.get(key):
                raise InputError(
                    f"result {number} has {key} {other.get(key)!r}, the first {first.get(key)!r}: results of other "
                    "data or criteria cannot be averaged"
                )
    rows = []
    for criterion in find(first["dataset"])[0].for_data(first, first["split"]).criteria:
        found = [row for other in results for row in other["criteria"] if row["name"] == criterion.name]
        scores = [score for row in found if (score := row["score"]) is not None]
        if not found:
            continue
        if len(scores) < len(results):  # undefined in a run, or unknown: labels have no top-5 accuracy
            rows.append(criterion_row(criterion, math.nan, found[0]["baselines"]))
            continue
        summary = summarise(scores)
        rows.append(
            criterion_row(criterion, summary["mean"], found[0]["baselines"])
            | {
                "standard_deviation": summary["standard_deviation"],
                "interval": [summary["low"], summary["high"]],
            }
        )
    shared = {key: first[key] if all(other.get(key) == first[key] for other in results) else None for key in first}
    return shared | {
        "criteria": rows,
        "intervals": None,  # these are over groups of one run; the interval of the mean is over seeds
        "scores": {row["name"]: row["score"] for row in rows},
        "details": {},
        "runs": [{"seed": other["seed"], "scores": other["scores"]} for other in results],
    }


def check_schema(result: dict[str, Any]) -> None:
    """Make sure that a result follows the schema.

    Raises:
        InputError: it does not; the place and the rule are named.
    """
    import jsonschema

    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"not a result that JSON can hold ({error}): an undefined score is None") from error
    schema = json.loads(files("sciml_datasets.metrics").joinpath("result.schema.json").read_text(encoding="utf-8"))
    try:
        jsonschema.Draft7Validator(schema).validate(result)
    except jsonschema.ValidationError as error:
        place = "/".join(map(str, error.absolute_path)) or "the whole"
        rule = error.message if len(error.message) <= LONGEST_RULE else f"{error.message[:LONGEST_RULE]}..."
        raise InputError(f"not a result of this version: at {shown(place, 200)}: {rule}") from error


def read_result(path: Path, remedy: str) -> dict[str, Any]:
    """The content of a ``result.json``.

    Args:
        path: path of the file.
        remedy: action of the user with a file that cannot be used.

    Raises:
        InputError: it is not JSON, or does not follow the schema.
    """
    result = read_object(path, "a result", remedy)
    try:
        check_schema(result)
    except InputError as error:
        raise InputError(f"{path}: {error}: {remedy}") from error
    return result


def write_result(result: dict[str, Any], path: Path) -> None:
    """Write ``result.json``, whole or not at all.

    Raises:
        InputError: the path is a folder, or the result does not follow the schema.

    Example:
        >>> import json
        >>> from pathlib import Path
        >>> from sciml_datasets.metrics import Evaluator, make_result, write_result
        >>> evaluator = Evaluator("candle_uno_demo", data_dir="data")
        >>> evaluator.update(evaluator.ids, [0.5] * len(evaluator))
        >>> write_result(make_result(evaluator), Path("result.json"))
        >>> json.loads(Path("result.json").read_text())["dataset"]
        'candle_uno_demo'
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file to write")
    check_schema(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(result, indent=1, allow_nan=False) + "\n")
