"""Writing a submission from run folders: whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import read_yaml
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.metrics.results import write_result
from sciml_datasets.submissions import file_list, rules
from sciml_datasets.submissions.configuration import folder_name, predictions_name, result_name
from sciml_datasets.submissions.document_facts import Statement, config_text, document_facts, plots
from sciml_datasets.submissions.logs import TOKEN
from sciml_datasets.submissions.runs import PREDICTIONS, Run, check_alike, read_run


def submit(run_folders: Sequence[Path], root: Path, statement: Statement, *, update: bool = False) -> Path:
    """Write ``{organization}/{benchmark}/{system}/{descriptor}/`` below a folder.

    Args:
        run_folders: one, or several of different seeds.
        root: folder of all submissions.
        statement: statement of the submitter.
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
    folder = _place(runs[0], root, statement)
    exists = is_there(folder)
    if exists and not update:
        raise file_list.in_the_way(folder)
    if exists and not folder.is_dir():
        raise InputError(f"{folder} is no folder: choose another --descriptor, or remove it")
    known = file_list.known_files(folder)
    facts = document_facts(runs, statement, _code(folder / rules.CONFIG))
    with TemporaryDirectory(prefix="sciml-") as name:
        scratch = Path(name)
        with naming(scratch):
            made = _write_runs(runs, facts, statement, scratch) | file_list.write_documents(
                facts, folder, known, scratch
            )
        if exists:
            file_list.write_again(folder, made, config_text(facts), known)
        else:
            file_list.write_new(folder, made, config_text(facts))
    return folder


def _place(run: Run, root: Path, statement: Statement) -> Path:
    """The folder of the submission.

    Raises:
        InputError: a name is not allowed.
    """
    benchmark, _ = find(run.result["dataset"])
    parts = [folder_name(statement.organization), benchmark.name, statement.system, statement.descriptor]
    for part in parts:
        if not rules.NAME.fullmatch(part):
            raise InputError(
                f"{part!r} cannot be a folder: use letters, digits and . _ + -, no dot at the end, and no name that "
                "Windows reserves"
            )
    return root.joinpath(*parts)


def _code(path: Path) -> dict[str, Any]:
    """The facts of the code in config.yaml of a submission, as it was written; none where there is no such file."""
    if not path.is_file():
        return {}
    return dict(read_yaml(path, "the configuration of a submission", "restore it", {"github": dict})["github"])


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
    for path in plots(runs[0]):
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
