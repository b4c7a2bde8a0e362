"""Check of the times in a result against the log of its run: two clocks of one run agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.submissions.findings import Finding, shown

SLACK_SECONDS, SLACK_SHARE = 2.0, 0.02
"""The clocks are not started at the same moment."""
ENDS = ("epoch_stop", "epoch_end", "eval_stop", "eval_end")


def check_times(
    name: str, lines: list[dict[str, Any]], result: dict[str, Any], benchmark: Benchmark | None
) -> Iterator[Finding]:
    """The time of training and the time to the target.

    Args:
        name: name of the result file.
        lines: lines of the run's log.
        result: result of the run, following the schema.
        benchmark: benchmark of its data set.
    """
    at = {line["key"]: line["time_ms"] / 1000 for line in lines}
    if not {"run_start", "run_stop"} <= at.keys():
        return  # found before
    resumed = "resumed" in at  # then the log counts the pause as well
    training = (result["durations"] or {}).get("training")
    if training is not None:
        least, most = 0.0 if resumed else _in_epochs(lines), at["run_stop"] - at["run_start"]
        if not least <= _late(training) or training > _late(most):
            what = f"training took {training:g} s, in the log {least:.1f} s of epochs and {most:.1f} s in all"
            yield Finding(name, "log-duration", what)
    reached = (result["convergence"] or {}).get("reached")
    if reached is None:
        return
    if (wrong := _wrong_target(lines, result["convergence"], benchmark)) is not None:
        yield Finding(name, "log-duration", wrong)
    else:
        begin, epoch, seconds = at["run_start"], reached["epochs"], reached["seconds"]
        ended = [line["time_ms"] / 1000 - begin for line in _of_epoch(lines, epoch) if line["key"] in ENDS]
        if not ended:
            yield Finding(name, "log-duration", f"the target was reached in epoch {epoch:g}, which is not in the log")
        elif seconds > _late(ended[-1]) or not (resumed or ended[-1] <= _late(seconds)):
            what = (
                f"the target was reached after {seconds:g} s, in the log epoch {epoch:g} ended after {ended[-1]:.1f} s"
            )
            yield Finding(name, "log-duration", what)


def _late(seconds: float) -> float:
    """The most that another clock may show."""
    return seconds + max(SLACK_SECONDS, SLACK_SHARE * seconds)


def _in_epochs(lines: list[dict[str, Any]]) -> float:
    """Seconds between the start and the stop of each epoch, of all together."""
    signs = {"epoch_start": -1, "epoch_stop": 1, "epoch_end": 1}
    return float(sum(signs.get(line["key"], 0) * line["time_ms"] for line in lines)) / 1000


def _of_epoch(lines: list[dict[str, Any]], epoch: float) -> list[dict[str, Any]]:
    return [line for line in lines if line["metadata"].get("epoch_num") == epoch]


def _wrong_target(lines: list[dict[str, Any]], convergence: dict[str, Any], benchmark: Benchmark | None) -> str | None:
    """Why the target cannot have been reached as it is stated; None if it can."""
    reached = convergence["reached"]
    stated = [reached.get(key) for key in ("seconds", "epochs")] if isinstance(reached, dict) else [None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 for value in stated):
        return f"the target was reached after {shown(reached)}, expected seconds and epochs"
    if benchmark is None:
        return None
    criterion = next((criterion for criterion in benchmark.criteria if criterion.target), None)
    if criterion is None or criterion.target is None:
        return "a target was reached, and the benchmark has none"
    if [convergence.get(key) for key in ("criterion", "target")] != [criterion.name, criterion.target.value]:
        return f"a target was reached, but not that of the benchmark, {criterion.name} {criterion.target.value:g}"
    for line in _of_epoch(lines, reached["epochs"]):
        score = line.get("value")
        if line["key"] == "eval_accuracy" and line["metadata"].get("criterion") == criterion.name:
            sign = 1 if criterion.direction == "higher" else -1
            if not isinstance(score, int | float) or sign * score < sign * criterion.target.value:
                return (
                    f"the target was reached in epoch {reached['epochs']:g}, whose score in the log is {shown(score)}"
                )
    return None
