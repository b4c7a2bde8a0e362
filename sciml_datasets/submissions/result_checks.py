"""Checks of the claims of result files: by schema, declaration of the benchmark, arithmetic, and plausibility."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.intervals import FEWEST_GROUPS, MOST_SAMPLES
from sciml_datasets.metrics.results import CRITERIA_VERSION, MUST_AGREE, aggregate, check_schema, criterion_row
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.configuration import entry, result_name
from sciml_datasets.submissions.findings import Finding, shown

PUBLISHED = ("title", "direction", "unit", "target", "reference", "best_known")
SMALLEST = 1e-12
"""Less of an error is none."""
HALF = 0.5
"""A claim is looked at if less than this part of the best known result's error is left."""


def check_result(name: str, result: Any, benchmark: Benchmark | None) -> Iterator[Finding]:
    """One result file alone; where there is a finding of ``result-schema`` nothing else can be said."""
    try:
        check_schema(result)
    except InputError as error:
        yield Finding(name, "result-schema", shown(error, 200))
        return
    if (what := _broken_confusion(result["details"].get("confusion"))) is not None:
        yield Finding(name, "result-schema", f"details/confusion {what}")
        return
    if benchmark is None:
        return
    if result["criteria_version"] != CRITERIA_VERSION:
        yield Finding(name, "result-criteria", f"criteria {result['criteria_version']}, now {CRITERIA_VERSION}")
    versions = {dataset.name: dataset.version for dataset in benchmark.datasets}
    claimed = result["dataset"], result["dataset_version"]
    if result["benchmark"] != benchmark.name or versions.get(claimed[0]) != claimed[1]:
        expected = ", ".join(f"{key} {version}" for key, version in versions.items())
        yield Finding(
            name, "result-data", f"it is of {' '.join(claimed)} of {result['benchmark']}, expected {expected}"
        )
    if result["split"] != "test":
        yield Finding(name, "result-data", f"it is of the {result['split']} split")
    benchmark = benchmark_of(benchmark, result)
    yield from _check_rows(name, result, benchmark)
    yield from _check_intervals(name, result, benchmark)


def benchmark_of(benchmark: Benchmark, result: dict[str, Any]) -> Benchmark:
    """The benchmark as it is for the data of a result: those of another form or another response have other
    criteria, or other published values."""
    found = (benchmark.of(dataset) for dataset in benchmark.datasets if dataset.name == result["dataset"])
    return next(found, benchmark).for_data(result, result["split"])


def _broken_confusion(confusion: Any) -> str | None:
    """The reason why a confusion matrix cannot be drawn; None if it can be, or there is none."""
    if confusion is None:
        return None
    if not isinstance(confusion, dict) or confusion.keys() != {"classes", "counts"}:
        return "is not classes and counts"
    classes, counts = confusion["classes"], confusion["counts"]
    if not isinstance(classes, list) or not all(isinstance(name, str | int) for name in classes):
        return "has classes that are neither text nor numbers"
    if len(classes) > rules.MAX_CLASSES or not isinstance(counts, list) or len(counts) != len(classes):
        return f"has not one row for each of up to {rules.MAX_CLASSES} classes"
    for row in counts:
        if not isinstance(row, list) or len(row) != len(classes):
            return "is not square"
        if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in row):
            return "has counts that are no counts"
    return None


def _check_rows(name: str, result: dict[str, Any], benchmark: Benchmark) -> Iterator[Finding]:
    by_name = {criterion.name: criterion for criterion in benchmark.criteria}
    names = [row["name"] for row in result["criteria"]]
    primary = benchmark.criteria[0]
    if names.count(primary.name) != 1 or result["scores"].get(primary.name) is None:
        yield Finding(name, "result-primary", f"{primary.name} has no score")
    for row in result["criteria"]:
        criterion, score = by_name.get(row["name"]), row["score"]
        if criterion is None or names.count(row["name"]) > 1:
            yield Finding(
                name, "result-published", f"{row['name']} is no criterion of {benchmark.name}, or stands twice"
            )
            continue
        yield from _check_range(name, criterion, score, result["scores"])
        if score != result["scores"].get(row["name"]):
            yield Finding(name, "result-arithmetic", f"{row['name']} has another value in scores")
        expected = criterion_row(criterion, math.nan if score is None else score, row["baselines"])
        for key in (*PUBLISHED, "met", "distance"):
            if row.get(key) != expected.get(key):
                rule = "result-published" if key in PUBLISHED else "result-arithmetic"
                what = f"{row['name']} has the {key} {shown(row.get(key))}, expected {shown(expected.get(key))}"
                yield Finding(name, rule, what)
        real = result["dataset"] in {dataset.name for dataset in benchmark.datasets if not dataset.simulated_samples}
        if (
            score is not None
            and (criterion is primary or (real and criterion.best_known))
            and _implausible(score, criterion, real=real)
        ):
            yield Finding(name, "claim-implausible", f"{row['name']} is {score}")


def _check_range(
    name: str, criterion: Criterion, score: float | None, scores: dict[str, float | None]
) -> Iterator[Finding]:
    if score is None:
        return
    low, high = criterion.span
    if low is not None and score < low - SMALLEST:
        yield Finding(name, "score-range", f"{criterion.name} is {score}, expected at least {low:g}")
    if high is not None and score > high + SMALLEST:
        yield Finding(name, "score-range", f"{criterion.name} is {score}, expected at most {high:g}")
    most = scores.get(criterion.at_most)
    if most is not None and score > most + SMALLEST:
        yield Finding(name, "score-range", f"{criterion.name} is {score}, more than {criterion.at_most} with {most}")


def _check_intervals(name: str, result: dict[str, Any], benchmark: Benchmark) -> Iterator[Finding]:
    """Whether intervals are of the task's groupings with enough groups, of scores that are there, and in order.

    The interval of the first criterion, a mean over samples, holds its score: what the samples exceed it by adds up to
    0, so that resamples lie on both sides. Of others, such as macro means, that is not so.
    """
    found = result.get("intervals")
    if not found:
        return
    if "runs" in result or result["num_samples"] > MOST_SAMPLES:
        yield Finding(name, "score-range", "it has intervals, and is of several runs or of too many samples for them")
        return
    groups = found["groups"]
    if sorted(groups) != sorted(benchmark.task.alike):
        what = f"intervals are over groups by {shown(sorted(groups))}, expected {shown(sorted(benchmark.task.alike))}"
        yield Finding(name, "score-range", what)
        return
    for by in benchmark.task.alike:
        if groups[by] > len(benchmark.groupings.get(by, (by,))) * result["num_samples"]:
            yield Finding(name, "score-range", f"{groups[by]} groups by {by} are more than the samples have")
        if groups[by] < FEWEST_GROUPS and found["scores"]:
            yield Finding(name, "score-range", f"{groups[by]} groups by {by} are too few for intervals")
    spans = {criterion.name: criterion.span for criterion in benchmark.criteria}
    for key, (low, high) in found["scores"].items():
        score = result["scores"].get(key)
        least, most = (
            end if end is not None else sign * math.inf
            for end, sign in zip(spans.get(key, (None, None)), (-1, 1), strict=True)
        )
        outside = score is None or not least - SMALLEST <= low <= high <= most + SMALLEST
        if key == benchmark.criteria[0].name and score is not None:
            rounding = 1e-9 * abs(score) + SMALLEST
            outside = outside or not low - rounding <= score <= high + rounding
        if outside:
            yield Finding(name, "score-range", f"{shown(key)}, {score}, has an interval from {low} to {high}")


def _same_intervals(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two results have the same intervals, to the rounding of another machine."""
    if not one or not other:
        return one == other
    if one | {"scores": None} != other | {"scores": None} or one["scores"].keys() != other["scores"].keys():
        return False
    pairs = (pair for key in one["scores"] for pair in zip(one["scores"][key], other["scores"][key], strict=True))
    return all(math.isclose(*pair, rel_tol=1e-9, abs_tol=SMALLEST) for pair in pairs)


def _implausible(score: float, criterion: Criterion, *, real: bool) -> bool:
    """Best known values are of the real data: scores of demo data are looked at only if nothing is wrong in them."""
    best = criterion.best_known if real else None
    if criterion.direction == "higher":
        return score > (1 - HALF * (1 - best.value) if best else 1 - SMALLEST)
    return score < (HALF * best.value if best else SMALLEST)


def check_results(
    results: Sequence[dict[str, Any]], whole: dict[str, Any], config: dict[str, Any]
) -> Iterator[Finding]:
    """The results of all runs beside each other, the one that stands for them, and the configuration.

    Args:
        results: result of each run, following the schema.
        whole: content of result.json; of one run, that run's.
        config: content of config.yaml.
    """
    for key in ("benchmark", "dataset", "dataset_version", "plan_digest"):
        if config.get(key) not in (None, whole[key]):
            what = f"{key} is {shown(config[key])}, in result.json {whole[key]}"
            yield Finding(rules.CONFIG, "config-differs", what)
    model = whole["model"]
    if model and config.get("model") not in (None, model["name"]):
        yield Finding(
            rules.CONFIG, "config-differs", f"the model is {shown(config['model'])}, not {shown(model['name'])}"
        )
    if model and config.get("parameters") not in (None, model["parameters"]):
        what = f"the model has {shown(config['parameters'])} parameters, in result.json {model['parameters']}"
        yield Finding(rules.CONFIG, "config-differs", what)
    runs = config.get("runs")
    for number, result in enumerate(results, 1):
        seed = entry(runs[number - 1], "seed") if isinstance(runs, list) and number <= len(runs) else result["seed"]
        if seed != result["seed"]:
            what = f"the seed is {result['seed']}, in config.yaml {shown(seed)}"
            yield Finding(result_name(number, len(results)), "result-runs", what)
    if len(results) == 1:
        return
    try:
        expected = aggregate(results)
    except InputError as error:
        yield Finding(rules.RESULT, "result-runs", shown(error, 200))
        return
    for key in expected:
        if whole.get(key) != expected[key]:
            what = f"{key} does not follow from the results of the runs"
            yield Finding(rules.RESULT, "result-arithmetic", what)
            return


def check_scores(name: str, claimed: dict[str, Any], recomputed: dict[str, Any]) -> Iterator[Finding]:
    """A run's result beside the one that follows from its predictions and the data at hand."""
    for key in MUST_AGREE:
        if claimed.get(key) != recomputed.get(key):
            what = f"{key} is {shown(claimed.get(key))}, of the data at hand {shown(recomputed.get(key))}"
            yield Finding(name, "data-differs", what)
            return
    for key in sorted(claimed["scores"].keys() | recomputed["scores"].keys()):
        one, other = claimed["scores"].get(key), recomputed["scores"].get(key)
        if one != other:
            yield Finding(name, "score-differs", f"{key} is {one}, from the predictions {other}")
            return
    if not _same_intervals(claimed.get("intervals"), recomputed["intervals"]):
        yield Finding(name, "score-differs", "intervals do not follow from the predictions")
        return
    for key in ("criteria", "details"):
        if claimed[key] != recomputed[key]:
            yield Finding(name, "score-differs", f"{key} do not follow from the predictions")
            return


def mark_of(result: dict[str, Any]) -> str:
    """The same for results with the same scores of the same samples, which those of other predictions hardly are."""
    marks = [result[key] for key in ("split_sha256", "scores", "details")]
    return hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()
