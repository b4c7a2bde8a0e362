"""Writing a submission from run folders: whole, or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.regular import regular_file
from sciml_datasets.metrics.mllog import VERSION_KEYS
from sciml_datasets.metrics.results import aggregate, measured, write_result
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.submissions import rules, written
from sciml_datasets.submissions.configuration import folder_name, predictions_name, result_name
from sciml_datasets.submissions.logs import TOKEN
from sciml_datasets.submissions.runs import LOG, PREDICTIONS, Run, check_alike, read_run

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)*$")
"""At the end of a benchmark's version."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What the submitter says beyond the runs.

    Attributes:
        organization, system, descriptor: the folders.
        status: one of the rules' STATUSES.
        repository, branch, version, tag, commit: of the code; None for what the runs and the package say.
        data: commands that retrieve the data; none for those of the data set.
        predictions_at: address of the folder with the predictions, which are then left out.
        user, email: of the submitter.
    """

    organization: str
    system: str
    descriptor: str
    status: str = "research"
    repository: str = "https://pypi.org/project/sciml-datasets/"
    branch: str = "main"
    version: str | None = None
    tag: str | None = None
    commit: str | None = None
    data: tuple[str, ...] = ()
    predictions_at: str | None = None
    user: str | None = None
    email: str | None = None


def submit(run_folders: Sequence[Path], root: Path, statement: Statement, *, update: bool = False) -> Path:
    """Write ``{organization}/{benchmark}/{system}/{descriptor}/`` below a folder.

    Args:
        run_folders: one, or several of different seeds.
        root: of all submissions.
        statement: what the submitter says.
        update: bring a submission that is there up to date. Only files that are as this function wrote them are
            replaced or removed: README.md, its Markdown, a PDF of the submitter's own and all other files stay.

    Returns:
        The folder.

    Raises:
        InputError: the runs cannot be read or do not belong together, a name is not allowed, the commit is not known,
            predictions are too large for git, or the folder is in use or holds a file of ours that was changed.
    """
    runs = [read_run(folder) for folder in run_folders]
    check_alike(runs)
    if (split := runs[0].result["split"]) != "test":
        raise InputError(
            f"{runs[0].folder}: its result is of the {split} split, expected the canonical test split, by which "
            "submissions are ranked: submit a run that was scored on it"
        )
    facts = _facts(runs, statement)
    parts = [folder_name(statement.organization), facts["benchmark"].name, statement.system, statement.descriptor]
    for part in parts:
        if not rules.NAME.fullmatch(part):
            raise InputError(f"{part!r} cannot be a folder: use letters, digits and . _ + -")
    folder = root.joinpath(*parts)
    exists = os.path.lexists(folder)
    if exists and not update:
        raise written.in_the_way(folder)
    if exists and not folder.is_dir():
        raise InputError(f"{folder} is no folder: choose another --descriptor, or remove it")
    known = written.known_files(folder)
    with TemporaryDirectory(prefix="sciml-") as name:
        scratch = Path(name)
        with naming(scratch):
            made = _write_runs(runs, facts, statement, scratch) | written.write_documents(facts, folder, known, scratch)
        if exists:
            written.write_again(folder, made, _config(facts), known)
        else:
            written.write_new(folder, made, _config(facts))
    return folder


def _facts(runs: Sequence[Run], statement: Statement) -> dict[str, Any]:
    """All that the documents tell."""
    first, results = runs[0], [run.result for run in runs]
    whole = aggregate(results) if len(runs) > 1 else first.result
    benchmark, dataset = find(whole["dataset"])
    original, primary = benchmark.is_original(whole), whole["criteria"][0]
    logged = [_logged(run) for run in runs]
    commit = statement.commit or logged[0].get("submission_github_commit_version")
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
        "github": {
            "description": benchmark.title,
            "repo": statement.repository,
            "branch": statement.branch,
            "version": version,
            "tag": statement.tag or f"v{version.removeprefix('v')}",
            "commit": commit,
        },
        "data": list(statement.data) or _data_commands(dataset, original=original),
        "commands": _train_commands(dataset.name, runs),
        "dataset": dataset.name,
        "dataset_title": dataset.title if original else f"responses of another study, {measured(whole)}",
        "dataset_version": whole["dataset_version"],
        "plan_digest": whole["plan_digest"],
        "split": whole["split"],
        "num_samples": whole["num_samples"],
        "model": first.result["model"] or {"name": str(first.config.get("model", "unnamed")), "parameters": None},
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
        "plots": [f"plots/{path.name}" for path in _plots(first)],
        "hardware": whole["hardware"],
        "software": whole["software"],
        "at": statement.predictions_at,
        "ended": (ended := _ended(first)),
        "date": ended.date().isoformat(),
    }


def _version(run: Run, statement: Statement, logged: dict[str, Any]) -> str:
    """Of the code: as the submitter says, of this package if it trained, or the number of the benchmark's version."""
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
    """Key to value of a run's log."""
    fields = [json.loads(line.partition(TOKEN)[2]) for line in run.log if TOKEN in line]
    return {line["key"]: line["value"] for line in fields}


def _ended(run: Run) -> datetime:
    stamps = [json.loads(line.partition(TOKEN)[2])["time_ms"] for line in run.log if TOKEN in line]
    if not stamps:
        raise InputError(f"{run.folder / LOG} has no MLLOG lines: log the run with sciml_datasets.metrics.mllog.RunLog")
    return datetime.fromtimestamp(max(stamps) // 1000, UTC)


def _data_commands(dataset: DataSet, *, original: bool) -> list[str]:
    """How the data are got; of another study, which only the submitter knows, from its files on."""
    name = dataset.name
    get = f"sciml simulate {name} --out raw" if dataset.simulated_samples else f"sciml fetch {name} --raw-dir raw"
    if not original:
        get = f"sciml convert csv STUDY --out raw/{name}"
    return [get, f"sciml prepare {name} --raw-dir raw --data-dir data"]


def _train_commands(name: str, runs: Sequence[Run]) -> list[str]:
    """How `sciml train` repeats the runs; none if something else has trained them."""
    settings = dict(runs[0].config["settings"])
    if (
        "sciml-datasets" not in (runs[0].config.get("software") or {})
        or not {"epochs", "batch_size"} <= settings.keys()
    ):
        return []
    flags = f"--epochs {settings.pop('epochs')} --batch-size {settings.pop('batch_size')}"
    flags += " --set " + " ".join(f"{key}={value}" for key, value in settings.items() if value is not None)
    return [
        f"sciml train {name} --data-dir data --out run-{number} --seed {run.result['seed']} {flags}"
        for number, run in enumerate(runs, 1)
    ]


def _run_entry(number: int, run: Run, count: int, statement: Statement) -> dict[str, Any]:
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
    """Submitted less reference value, mean over the criteria that have one (policy.adoc, Overview)."""
    found = [row["score"] - row["reference"]["value"] for row in whole["criteria"] if row["reference"] and row["score"]]
    return f"{sum(found) / len(found):+.4f}" if found else None


def _plots(run: Run) -> list[Path]:
    return sorted((run.folder / "plots").glob("*.png"))


def _config(facts: dict[str, Any]) -> str:
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
        "benchmark": facts["benchmark"].name,
        **{key: facts[key] for key in ("github", "data", "dataset", "dataset_version", "plan_digest")},
        "model": facts["model"]["name"],
        "parameters": facts["model"]["parameters"],
        **{key: facts[key] for key in ("hyperparameters", "runs", "hardware", "software")},
    }
    text: str = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)
    return text


def _write_runs(runs: Sequence[Run], facts: dict[str, Any], statement: Statement, scratch: Path) -> dict[str, Path]:
    """Logs, results, predictions and pictures: name to where it is, large ones in the run folders."""
    made = {}
    for number, run in enumerate(runs, 1):
        made[f"result-{number}.txt"] = log = scratch / f"result-{number}.txt"
        log.write_text("".join(_completed(run.log, facts)), encoding="utf-8")
        made[result_name(number, len(runs))] = result = scratch / result_name(number, len(runs))
        write_result(run.result, result)
        if not statement.predictions_at:
            made[predictions_name(number, len(runs))] = run.folder / PREDICTIONS
    if len(runs) > 1:
        made[rules.RESULT] = scratch / rules.RESULT
        write_result(facts["whole"], made[rules.RESULT])
    (scratch / "plots").mkdir()
    for path in _plots(runs[0]):
        regular_file(path)
        made[f"plots/{path.name}"] = scratch / "plots" / path.name
        atomic.copy_bytes(path, made[f"plots/{path.name}"])
    return made


def _completed(log: Sequence[str], facts: dict[str, Any]) -> list[str]:
    """The lines of a log with what the run did not know: organisation, status, commit."""
    known = {
        "submission_org": facts["organization"],
        "submission_status": facts["status"],
        "submission_github_commit_version": facts["github"]["commit"],
        "submission_platform": facts["platform"],
    }
    lines = []
    for line in log:
        before, token, content = line.partition(TOKEN)
        if token:
            fields = json.loads(content)
            fields["value"] = known.get(fields["key"], fields["value"])
            line = before + token + json.dumps(fields)
        lines.append(line + "\n")
    return lines
