"""The entries of a leaderboard, taken from accepted submissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from sciml_datasets.metrics.result_table import bound_of
from sciml_datasets.metrics.results import MUST_AGREE
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.check import Checked
from sciml_datasets.submissions.configuration import entry


@dataclass(frozen=True, slots=True)
class Score:
    """One criterion of a submission.

    Attributes:
        value: mean over the runs.
        low, high: 95 % interval of the mean; the value itself where there is one run only.
        groups: 95 % interval of a single run by the bootstrap over groups of samples.
        submitted: whether that interval is the submitted one, not computed again from the predictions.
        bound: largest possible distance of the value from the exact one, where that is known (`bound_of`).
        unit: unit of all these values; empty for a pure number.
    """

    value: float
    low: float
    high: float
    groups: tuple[float, float] | None = None
    submitted: bool = False
    bound: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission on a board.

    Attributes:
        path: organization/benchmark/system/descriptor.
        likeness: facts, by name, that it must share with others to be ranked with them.
        scores: score by criterion.
        model, parameters: name and number of parameters of the network.
        runs: number of runs.
        date: time at which the last run ended, ISO 8601.
        seconds: seconds of training, mean over the runs; None where it is not stated.
        target_seconds: mean number of seconds to the target on the validation split; None unless every run reached it.
        hardware: the hardware in words.
        recomputed: whether the scores were computed again from the predictions.
        contribution: name of the PDF.
        review: sentences on points that a person has to review.
    """

    path: str
    likeness: dict[str, Any]
    scores: dict[str, Score]
    model: str
    parameters: int | None
    runs: int
    date: str
    seconds: float | None
    target_seconds: float | None
    hardware: str
    recomputed: bool
    contribution: str
    review: Sequence[str] = ()

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Entry:
        """The entry that `dataclasses.asdict` turned into plain values."""
        scores = {
            name: Score(**score | {"groups": tuple(score["groups"]) if score["groups"] else None})
            for name, score in content["scores"].items()
        }
        return cls(**content | {"scores": scores})

    @property
    def parts(self) -> tuple[str, ...]:
        """Organization, benchmark, system, descriptor."""
        return tuple(self.path.split("/"))


def entry_of(checked: Checked) -> Entry:
    """The entry of an accepted submission."""
    facts = checked.facts
    result, results, config = facts["result"], facts["results"], facts["config"]
    model = result["model"] or {"name": str(config["model"]), "parameters": None}
    ended = [times["ended_ms"] for times in facts["times"]]
    return Entry(
        path="/".join(checked.place.parts),
        likeness={key: result[key] for key in MUST_AGREE if key in result},
        scores={
            row["name"]: _score(row, result, recomputed=facts["recomputed"])
            for row in result["criteria"]
            if row["score"] is not None
        },
        model=model["name"],
        parameters=model["parameters"],
        runs=len(results),
        date=datetime.fromtimestamp(max(ended) / 1000, UTC).date().isoformat(),
        seconds=_mean([(run["durations"] or {}).get("training", times["seconds"]) for run, times in _paired(facts)]),
        target_seconds=_mean([_reached(run) for run in results]),
        hardware=_short(_hardware(result["hardware"], str(entry(config, "submission.platform")))),
        recomputed=facts["recomputed"],
        contribution=facts["contribution"],
        review=_review(checked),
    )


def _review(checked: Checked) -> list[str]:
    """The points to review in words, a few of many."""
    sentences = [*dict.fromkeys(f"{finding.what}: {finding.law.says}" for finding in checked.findings)]
    more = len(sentences) - rules.MAX_REVIEWED
    return [*sentences[: rules.MAX_REVIEWED], *([f"and {more} more, see sciml check"] if more > 0 else [])]


def _short(text: str) -> str:
    return text if len(text) <= rules.MAX_SHOWN else text[: rules.MAX_SHOWN] + "..."


def _paired(facts: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return list(zip(facts["results"], facts["times"], strict=True))


def _score(row: dict[str, Any], result: dict[str, Any], *, recomputed: bool) -> Score:
    low, high = row.get("interval", (row["score"], row["score"]))
    groups = (result.get("intervals") or {"scores": {}})["scores"].get(row["name"])
    return Score(
        row["score"],
        low,
        high,
        groups=tuple(groups) if groups else None,
        submitted=bool(groups) and not recomputed,
        bound=bound_of(result, row["name"]),
        unit=row.get("unit", ""),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of some values; None if one is not known."""
    known = [value for value in values if value is not None]
    return mean(known) if known and len(known) == len(values) else None


def _reached(run: dict[str, Any]) -> float | None:
    """Seconds to the target, as `time_to_convergence` counts them."""
    reached = (run["convergence"] or {}).get("reached")
    seconds = reached.get("seconds") if isinstance(reached, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def _hardware(hardware: dict[str, Any] | None, platform: str) -> str:
    if not hardware:
        return platform
    processor = hardware["processor"] or "unknown processor"
    cores = f"{processor}, {hardware['cores']} cores" if hardware["cores"] else processor
    accelerators = [f"{number} x {name}" for name, number in Counter(hardware["accelerators"]).items()]
    processes = [f"{hardware['processes']} processes"] if hardware["processes"] > 1 else []
    return ", ".join([*accelerators, cores, *processes])
