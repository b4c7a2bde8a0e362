"""MLLOG files of strangers: the parser of mlperf-logging, every key of the rules once, intervals and times in order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.metrics.mllog import VERSION_KEYS
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.configuration import entry
from sciml_datasets.submissions.findings import BrokenRuleError, Finding, shown
from sciml_datasets.submissions.untrusted_documents import parse_json

TOKEN = ":::MLLOG "
YEAR_2015_MS = 1_420_070_400_000
"""Times are milliseconds since 1970."""
DAY_MS = 86_400_000
"""Clocks may be wrong by as much."""
SAMPLES = ("train_samples", "eval_samples")
EVENTS = {"start": "INTERVAL_START", "stop": "INTERVAL_END", "end": "INTERVAL_END"}


def parse_log(text: str) -> list[dict[str, Any]]:
    """The MLLOG lines of a log: key, value, metadata, time_ms and event_type of each; other lines are passed over.

    Raises:
        BrokenRuleError: a line is not MLLOG.
    """
    from mlperf_logging.compliance_checker.mlp_parser.ruleset_100 import string_to_logline

    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        start = line.find(TOKEN)
        if start < 0:
            continue
        where = f"line {number}"
        if len(line) > rules.MAX_LINE:
            raise BrokenRuleError("log-syntax", f"{where} has {len(line):,} characters, at most {rules.MAX_LINE:,}")
        try:
            # Before the library's own parser sees it: bounded depth, finite numbers, no key twice.
            fields = parse_json(line[start + len(TOKEN) :])
            if not isinstance(fields, dict) or not isinstance(fields.get("key"), str):
                raise BrokenRuleError("log-syntax", "no mapping with a key")
            if not isinstance(fields.get("metadata"), dict) or not _is_number(fields.get("time_ms")):
                raise BrokenRuleError("log-syntax", "no metadata or no time")
            string_to_logline(number, line[start:].strip())
            time_ms = float(fields["time_ms"])
        except BrokenRuleError as error:
            raise BrokenRuleError("log-syntax", f"{where}: {error.what}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenRuleError("log-syntax", f"{where}: {shown(error)}") from error
        lines.append({"number": number, **fields, "time_ms": time_ms})
    return lines


def check_log(
    name: str, lines: list[dict[str, Any]], config: dict[str, Any], benchmark: str | None
) -> Iterator[Finding]:
    """Keys, values, intervals and times of one log."""
    values: dict[str, list[Any]] = {}
    for line in lines:
        values.setdefault(line["key"], []).append(line.get("value"))
    for spellings in rules.LOG_KEYS:
        found = [key for key in spellings if key in values]
        if not found:
            yield Finding(name, "log-key-missing", f"{' or '.join(spellings)} is not logged")
        for key in found:
            if len(values[key]) > 1:
                yield Finding(name, "log-key-repeated", f"{key} is logged {len(values[key])} times")
    yield from _check_values(name, {key: found[0] for key, found in values.items()}, config, benchmark)
    yield from _check_order(name, lines)
    yield from _check_intervals(name, lines)
    yield from _check_evaluations(name, lines)
    for line in lines:
        if line["key"] == "run_stop" and line["metadata"].get("status") != "success":
            yield Finding(name, "log-status", f"run_stop has the status {shown(line['metadata'].get('status'))}")


def _check_values(
    name: str, values: dict[str, Any], config: dict[str, Any], benchmark: str | None
) -> Iterator[Finding]:
    known = BENCHMARKS.get(str(benchmark or config.get("benchmark")))
    expected: dict[str, Any] = {
        "submission_benchmark": known and known.rules_name,
        "submission_org": entry(config, "submission.organisation", "submission.organization"),
        "submission_division": entry(config, "submission.division"),
        "submission_status": entry(config, "submission.status"),
        "submission_platform": entry(config, "submission.platform"),
        "submission_github_commit_version": entry(config, "github.commit"),
        **dict.fromkeys(VERSION_KEYS, known and known.version),
    }
    for key, wanted in expected.items():
        if key not in values:
            continue
        found = values[key]
        if key == "submission_benchmark" and known and str(found).lower() in known.rules_names:
            found = wanted  # the reference implementations write it in capitals
        if key == "submission_github_commit_version" and not rules.COMMIT.fullmatch(str(found)):
            yield Finding(name, "commit-format", f"{key} is {shown(found)}, expected 40 hexadecimal digits")
        elif found in (None, ""):
            yield Finding(name, "log-value", f"{key} is empty")
        elif wanted is not None and str(found) != str(wanted):
            yield Finding(name, "log-value", f"{key} is {shown(found)}, expected {shown(wanted)}")
    for key in SAMPLES:
        if key in values and not (isinstance(values[key], int) and _is_number(values[key]) and values[key] > 0):
            yield Finding(name, "log-value", f"{key} is {shown(values[key])}, expected how many there are")
    if "cache_clear" in values and not isinstance(values["cache_clear"], bool):
        yield Finding(name, "log-value", f"cache_clear is {shown(values['cache_clear'])}, expected true or false")
    if "result" in values and not isinstance(values["result"], dict):
        yield Finding(name, "log-value", "result is not a mapping that describes the result")


def _check_order(name: str, lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """Is what comes before the run logged before it, and what belongs to an interval within?"""
    at: dict[str, int] = {}
    for place, line in enumerate(lines):
        at.setdefault(line["key"], place)
    expected = [key for key in rules.LOG_ORDER if key in at]
    if (found := sorted(expected, key=at.__getitem__)) != expected:
        yield Finding(name, "log-order", f"the order is {', '.join(found)}, expected {', '.join(expected)}")
    for key, interval in rules.LOG_WITHIN.items():
        start, stop = f"{interval}_start", f"{interval}_stop"
        if {key, start, stop} <= at.keys() and not at[start] < at[key] < at[stop]:
            yield Finding(name, "log-order", f"{key} is not logged between {start} and {stop}")


def _check_evaluations(name: str, lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """Is the network scored after each epoch, once at least? An undefined score is null."""
    scored = [line for line in lines if line["key"] == "eval_accuracy"]
    if not scored:
        yield Finding(name, "log-evaluation", "eval_accuracy is not logged")
        return
    for line in scored:
        if line.get("value") is not None and not _is_number(line["value"]):
            what = f"line {line['number']}: eval_accuracy is {shown(line['value'])}"
            yield Finding(name, "log-evaluation", what)
    evaluated = [line["metadata"].get("epoch_num") for line in scored]
    for line in lines:
        if line["key"] in ("epoch_stop", "epoch_end") and (epoch := line["metadata"].get("epoch_num")) not in evaluated:
            yield Finding(name, "log-evaluation", f"epoch {shown(epoch)} has no eval_accuracy")
            return


def _check_intervals(name: str, lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """Starts and stops as brackets; times never fall."""
    opened: list[tuple[str, Any]] = []
    before = float("-inf")
    for line in lines:
        key, where = line["key"], f"line {line['number']}"
        if not YEAR_2015_MS <= line["time_ms"] <= time.time() * 1000 + DAY_MS:
            expected = "milliseconds since 1970, not in the future"
            yield Finding(name, "log-time", f"{where} has the time {line['time_ms']}, expected {expected}")
            return
        if line["time_ms"] < before:
            yield Finding(name, "log-time", f"{where} was logged before the line above it")
            return
        before = line["time_ms"]
        interval, _, end = key.rpartition("_")
        if end not in EVENTS:
            if opened and line.get("event_type") in ("INTERVAL_START", "INTERVAL_END"):
                yield Finding(name, "log-intervals", f"{where}: {shown(key)} is an interval without _start or _stop")
            continue
        epoch = line["metadata"].get("epoch_num")
        if line.get("event_type") != EVENTS[end]:
            yield Finding(name, "log-intervals", f"{where}: {shown(key)} is logged as {shown(line.get('event_type'))}")
        elif end == "start":
            opened.append((interval, epoch))
        elif not opened or opened.pop() != (interval, epoch):
            yield Finding(name, "log-intervals", f"{where}: {shown(key)} does not close what was opened last")
            return
    if opened:
        yield Finding(name, "log-intervals", f"{shown(opened[-1][0])} is never closed")


def check_logged_result(name: str, lines: list[dict[str, Any]], result: dict[str, Any]) -> Iterator[Finding]:
    """Are the logged result and seed those of the result file?"""
    seed = next((line.get("value") for line in lines if line["key"] == "seed"), result["seed"])
    if seed != result["seed"]:
        yield Finding(name, "log-result", f"the seed is {shown(seed)}, in the result file {result['seed']}")
    logged = next((line.get("value") for line in lines if line["key"] == "result"), None)
    if not isinstance(logged, dict):
        return  # found before
    for criterion, score in ((row["name"], row["score"]) for row in result["criteria"]):
        value = logged.get(criterion)
        value = value.get("value") if isinstance(value, dict) else value
        if value != score or isinstance(value, bool):
            yield Finding(name, "log-result", f"{criterion} is {shown(value)}, in the result file {score}")


def check_logged_samples(
    name: str, lines: list[dict[str, Any]], samples: Mapping[str, int], *, patches: bool
) -> Iterator[Finding]:
    """Are the logged numbers of samples those of the data at hand?

    Args:
        name: name of the log.
        lines: lines of the log.
        samples: number of each split.
        patches: whether samples may be cut into several, the same number each.
    """
    expected = {"train_samples": ("train",), "eval_samples": ("validation", "test")}
    for line in lines:
        key, value = line["key"], line.get("value")
        if key not in SAMPLES or not isinstance(value, int) or value < 1:
            continue  # found before
        numbers = [samples[split] for split in expected[key]]
        if not any(value == number or (patches and number and value % number == 0) for number in numbers):
            right = " or ".join(f"{number:,} of {split}" for number, split in zip(numbers, expected[key], strict=True))
            yield Finding(name, "log-value", f"{key} is {value}, of the data at hand {right}")


def check_different(logs: dict[str, list[dict[str, Any]]]) -> Iterator[Finding]:
    """Is none the log of another run as well?

    Args:
        logs: file name to lines.
    """
    seen: dict[tuple[Any, ...], str] = {}
    for name, lines in logs.items():
        first = seen.setdefault(tuple((line["key"], line["time_ms"]) for line in lines), name)
        if first != name:
            yield Finding(name, "log-repeated", f"it is the log of {first}")


def times(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """When a run ended (milliseconds since 1970), how many seconds it took, and the score after each epoch, of at most
    MAX_CURVE epochs."""
    at = {line["key"]: line["time_ms"] for line in lines}
    curve = [
        [line["metadata"].get("epoch_num"), line.get("value")]
        for line in lines
        if line["key"] == "eval_accuracy"
        and _is_number(line.get("value"))
        and _is_number(line["metadata"].get("epoch_num"))
    ]
    if len(curve) > rules.MAX_CURVE:
        curve = [curve[i * len(curve) // rules.MAX_CURVE] for i in range(rules.MAX_CURVE)]
    seconds = (at["run_stop"] - at["run_start"]) / 1000 if {"run_start", "run_stop"} <= at.keys() else None
    return {"ended_ms": at.get("run_stop"), "seconds": seconds, "curve": curve}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
