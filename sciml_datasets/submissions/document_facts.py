"""Facts in the documents of a submission, from its runs and the submitter's statement."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.mllog import VERSION_KEYS
from sciml_datasets.metrics.result_table import measured
from sciml_datasets.metrics.results import aggregate
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.configuration import predictions_name
from sciml_datasets.submissions.logs import TOKEN
from sciml_datasets.submissions.runs import LOG, PREDICTIONS, Run

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)*$")
"""Pattern of the number at the end of a benchmark's version."""
PACKAGE = "https://pypi.org/project/sciml-datasets/"
"""The address of the code where none is known: that of this package, whose reference models may have been trained."""
OWN_MODEL = re.compile(r"[^\s:]+:[^\s:]+|[^\r\n]+\.keras")
"""Pattern of what `sciml train --model` takes: a function of a module, or a file."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of the submitter, beyond the facts of the runs.

    Attributes:
        organization, system, descriptor: names of the folders.
        status: one of the rules' STATUSES.
        repository, branch, version, tag, commit: facts of the code; None for those of the runs, or of the submission
            that is brought up to date, else PACKAGE, ``main`` for the branch and ``none`` for the tag.
        data: commands that retrieve the data; none for those of the data set.
        predictions_at: address of the folder with the predictions, which are then left out.
        user, email: name and address of the submitter.
        maintainers: names of those who may change it, where pull requests are made.
    """

    organization: str
    system: str
    descriptor: str
    status: str = "research"
    repository: str | None = None
    branch: str | None = None
    version: str | None = None
    tag: str | None = None
    commit: str | None = None
    data: tuple[str, ...] = ()
    predictions_at: str | None = None
    user: str | None = None
    email: str | None = None
    maintainers: tuple[str, ...] = ()


def document_facts(runs: Sequence[Run], statement: Statement, before: Mapping[str, Any]) -> dict[str, Any]:
    """All that the documents of a submission say, by the names that their templates use.

    Args:
        runs: the runs.
        statement: statement of the submitter.
        before: facts of the code, by their names in ``github`` of config.yaml, of the submission that is brought up to
            date; empty where there is none.

    Raises:
        InputError: a commit, a version or an address is missing or no such thing, or predictions are too large for git.
    """
    if wrong := [name for name in statement.maintainers if not rules.LOGIN.fullmatch(name)]:
        raise InputError(f"--maintainer {wrong[0]!r}: expected the name of a user where pull requests are made")
    first, results = runs[0], [run.result for run in runs]
    whole = aggregate(results) if len(runs) > 1 else first.result
    benchmark, dataset = find(whole["dataset"])
    original, primary = benchmark.is_original(whole), whole["criteria"][0]
    logged = [_logged(run) for run in runs]
    commit = statement.commit or logged[0].get("submission_github_commit_version") or before.get("commit")
    if not commit:
        raise InputError(
            "the run does not know the commit of its code: give --commit, as `git rev-parse HEAD` prints it"
        )
    if not isinstance(commit, str) or not rules.COMMIT.fullmatch(commit):
        where = "--commit" if statement.commit else f"the commit in {first.folder / LOG}"
        raise InputError(
            f"{where} is {commit!r}: give --commit with 40 hexadecimal digits, as `git rev-parse HEAD` prints"
        )
    version = _version(first, statement, logged[0])
    settings = {**first.config["settings"]}
    training = [run.result["durations"]["training"] for run in runs if (run.result["durations"] or {}).get("training")]
    return {
        "organization": statement.organization,
        "system": statement.system,
        "descriptor": statement.descriptor,
        "benchmark": benchmark,
        "division": "open",
        "status": statement.status,
        "platform": logged[0].get("submission_platform") or statement.system,
        "user": statement.user,
        "email": statement.email,
        "maintainers": list(statement.maintainers),
        "github": {
            "description": benchmark.title,
            "repo": statement.repository or before.get("repo") or PACKAGE,
            "branch": statement.branch or before.get("branch") or "main",
            "version": version,
            "tag": statement.tag or before.get("tag") or "none",
            "commit": commit,
        },
        "data": list(statement.data) or _data_commands(dataset, _choices(first), original=original),
        "commands": _train_commands(dataset.name, runs),
        "dataset": dataset.name,
        "dataset_title": dataset.title if original else f"responses of another study, {measured(whole)}",
        "dataset_version": whole["dataset_version"],
        "plan_digest": whole["plan_digest"],
        "split": whole["split"],
        "num_samples": whole["num_samples"],
        "model": first.result["model"] or {"name": str(first.config.get("model", "unnamed")), "parameters": None},
        "own_model": first.config.get("own_model"),
        "choices": _choices(first),
        "hyperparameters": settings,
        "seeds": [run.result["seed"] for run in runs if run.result["seed"] is not None],
        "runs": [_run_entry(number, run, len(runs), statement) for number, run in enumerate(runs, 1)],
        "whole": whole,
        "rows": [_as_text(row) for row in whole["criteria"]],
        "original": original,
        "average_difference": _average_difference(whole),
        "baselines": {
            name: score_text(score, primary.get("unit", ""))
            for name, score in primary["baselines"].items()
            if score is not None
        },
        "seconds": round(sum(training) / len(training), 1) if training else None,
        "plots": [f"plots/{path.name}" for path in plots(first)],
        "hardware": whole["hardware"],
        "software": whole["software"],
        "at": statement.predictions_at,
        "ended": (ended := _ended(first)),
        "date": ended.date().isoformat(),
    }


def _version(run: Run, statement: Statement, logged: dict[str, Any]) -> str:
    """Version of the code: as the submitter states, of this package if it trained, or that of the benchmark."""
    software = run.config.get("software")
    trained = software.get("sciml-datasets") if isinstance(software, dict) else None
    of_benchmark = NUMBER.search(next((str(logged[key]) for key in VERSION_KEYS if logged.get(key)), ""))
    version = str(statement.version or trained or (of_benchmark and of_benchmark[0]) or "")
    if not rules.VERSION.fullmatch(version):
        where = (
            f"the version of the code is {version!r}" if version else "the run does not know the version of its code"
        )
        raise InputError(f"{where}: give --code-version, such as 1.0")
    return version


def _logged(run: Run) -> dict[str, Any]:
    """Values of a run's log by key."""
    fields = [json.loads(line.partition(TOKEN)[2]) for line in run.log if TOKEN in line]
    return {line["key"]: line["value"] for line in fields}


def _ended(run: Run) -> datetime:
    """Time of the last line of a run's log."""
    stamps = [json.loads(line.partition(TOKEN)[2])["time_ms"] for line in run.log if TOKEN in line]
    if not stamps:
        raise InputError(f"{run.folder / LOG} has no MLLOG lines: log the run with sciml_datasets.metrics.mllog.RunLog")
    return datetime.fromtimestamp(max(stamps) // 1000, UTC)


def _choices(run: Run) -> dict[str, str]:
    """The choices of the data on which the features of a run depend, as its config.yaml states them."""
    found = run.config.get("choices")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _data_commands(dataset: DataSet, choices: Mapping[str, str], *, original: bool) -> list[str]:
    """Commands that retrieve the data; of another study, which only the submitter knows, from its files on."""
    name = dataset.name
    get = f"sciml simulate {name} --out raw" if dataset.simulated_samples else f"sciml fetch {name} --raw-dir raw"
    if not original:
        get = f"sciml convert csv STUDY --out raw/{name}"
    flags = "".join(f" --{choice} {shlex.quote(value)}" for choice, value in choices.items())
    return [get, f"sciml prepare {name} --raw-dir raw --data-dir data{flags}"]


def _train_commands(name: str, runs: Sequence[Run]) -> list[str]:
    """Commands of `sciml train` that repeat the runs; none if something else has trained them, or the model was given
    in Python."""
    config = runs[0].config
    settings, own_model = dict(config["settings"]), config.get("own_model")
    if "sciml-datasets" not in (config.get("software") or {}) or not {"epochs", "batch_size"} <= settings.keys():
        return []
    if own_model is not None and not (isinstance(own_model, str) and OWN_MODEL.fullmatch(own_model)):
        return []
    flags = f"--model {shlex.quote(own_model)} " if own_model else ""
    flags += f"--epochs {settings.pop('epochs')} --batch-size {settings.pop('batch_size')}"
    flags += " --until-target" if config.get("until_target") is True else ""
    flags += " --set " + " ".join(f"{key}={value}" for key, value in settings.items() if value is not None)
    return [
        f"sciml train {name} --data-dir data --out run-{number} --seed {run.result['seed']} {flags}"
        for number, run in enumerate(runs, 1)
    ]


def _run_entry(number: int, run: Run, count: int, statement: Statement) -> dict[str, Any]:
    """Entry of a run in config.yaml."""
    name = predictions_name(number, count)
    if run.size > rules.HOSTED_BYTES and not statement.predictions_at:
        raise InputError(
            f"{run.folder / PREDICTIONS} has {run.size:,} bytes, too much for a git repository: publish it as {name} "
            "and give --predictions-at with the address of its folder"
        )
    at = statement.predictions_at
    place = f"{at.rstrip('/')}/{name}" if at else None
    if place is not None and not rules.URL.fullmatch(place):
        raise InputError(f"--predictions-at {at}: expected an address such as https://... or s3://...")
    predictions = {"file": name, "bytes": run.size, "sha256": run.sha256, "place": place}
    return {"seed": run.result["seed"], "predictions": predictions}


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    """Title, score, reference and target of a criterion as text."""

    def number(published: dict[str, Any] | None) -> str:
        return f"{published['value']:g}" if published else "-"

    unit = row.get("unit", "")
    score = score_text(row["score"], unit)
    if "interval" in row:
        score += f" ± {score_text((row['interval'][1] - row['interval'][0]) / 2, unit)}"
    return {
        "title": row["title"],
        "score": score,
        "reference": number(row["reference"]),
        "target": number(row["target"]),
    }


def _average_difference(whole: dict[str, Any]) -> str | None:
    """Mean over the criteria with a reference value of the difference from it (policy.adoc, Overview), in per cent of
    it, since criteria have different units, and positive where the score is better; None without any."""
    found = [
        (1 if row["direction"] == "higher" else -1) * (row["score"] / row["reference"]["value"] - 1)
        for row in whole["criteria"]
        if row["reference"] and row["reference"]["value"] and row["score"] is not None
    ]
    if not found:
        return None
    return f"{100 * sum(found) / len(found):+.1f} % of the reference value, positive where the submission is better"


def plots(run: Run) -> list[Path]:
    """Pictures of a run."""
    return sorted((run.folder / "plots").glob("*.png"))


def config_text(facts: dict[str, Any]) -> str:
    """Text of config.yaml, without the list of files."""
    import yaml

    config = {
        "submission": {
            "name": facts["benchmark"].name,
            "user": facts["user"],
            "e-mail": facts["email"],
            "organisation": facts["organization"],
            "division": facts["division"],
            "status": facts["status"],
            "platform": facts["platform"],
        },
        **({"maintainers": facts["maintainers"]} if facts["maintainers"] else {}),
        "benchmark": facts["benchmark"].name,
        **{key: facts[key] for key in ("github", "data", "dataset", "dataset_version", "plan_digest")},
        "model": facts["model"]["name"],
        "parameters": facts["model"]["parameters"],
        **{key: facts[key] for key in ("own_model", "choices") if facts[key]},
        **{key: facts[key] for key in ("hyperparameters", "runs", "hardware", "software")},
    }
    text: str = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)
    return text
