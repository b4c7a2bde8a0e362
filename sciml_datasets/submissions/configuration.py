"""config.yaml of a submission: every entry of the rules, in the form that they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import Finding, shown
from sciml_datasets.submissions.folder import Place

FORMS = (
    ("github.commit", "commit-format", rules.COMMIT, "40 hexadecimal digits"),
    ("github.version", "version-format", rules.VERSION, "a version such as 1.0"),
    ("github.repo", "repository-format", rules.REPOSITORY, "an https address"),
    ("github.branch", "repository-format", rules.REF, "the name of a branch"),
    ("github.tag", "repository-format", rules.REF, "the name of a tag"),
    ("plan_digest", "config-value", rules.SHA256, "64 hexadecimal digits"),
)
"""Entry, rule, pattern and what it is in words."""


def entry(config: dict[str, Any], *paths: str) -> Any:
    """The first entry that is there, by keys with dots between; None where none is."""
    for path in paths:
        value: Any = config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def check_config(config: dict[str, Any], place: Place) -> Iterator[Finding]:
    """Findings in config.yaml, apart from those on the results."""
    for needed in rules.ENTRIES:
        value = entry(config, *needed.paths)
        name = " or ".join(needed.paths)
        if value is None or value in ("", [], {}):
            yield Finding(rules.CONFIG, "config-incomplete", f"{name} is missing or empty")
        elif needed.kind == "text" and isinstance(value, dict | list):
            yield Finding(rules.CONFIG, "config-value", f"{name} is not text")
        elif needed.kind == "list" and not isinstance(value, list):
            rule = "data-commands" if name == "data" else "config-value"
            yield Finding(rules.CONFIG, rule, f"{name} is not a list")
        elif needed.kind == "mapping" and not isinstance(value, dict):
            yield Finding(rules.CONFIG, "config-value", f"{name} is not a mapping")
        elif needed.values and value not in needed.values:
            expected = ", ".join(needed.values)
            yield Finding(rules.CONFIG, "config-value", f"{name} is {shown(value)}, expected one of {expected}")
    for path, rule, pattern, words in FORMS:
        value = entry(config, path)
        if value is not None and not pattern.fullmatch(str(value)):
            yield Finding(rules.CONFIG, rule, f"{path} is {shown(value)}, expected {words}")
    commands = config.get("data")
    if isinstance(commands, list):
        for command in commands:
            if not isinstance(command, str) or not command.strip() or re.search(r"[\r\n]", command):
                yield Finding(rules.CONFIG, "data-commands", f"{shown(command)} is not a command on one line")
    maintainers = config.get("maintainers", [])
    if not isinstance(maintainers, list):
        yield Finding(rules.CONFIG, "config-value", "maintainers is not a list")
    elif wrong := [name for name in maintainers if not isinstance(name, str) or not rules.LOGIN.fullmatch(name)]:
        yield Finding(rules.CONFIG, "config-value", f"the maintainer {shown(wrong[0])} is no name of a user")
    organization = entry(config, "submission.organisation", "submission.organization")
    known = organization is not None and not isinstance(organization, dict | list)
    if len(place.parts) == 4 and known and folder_name(str(organization)) != place.parts[0]:
        yield Finding(
            rules.CONFIG, "config-differs", f"the organisation is {shown(organization)}, the folder {place.parts[0]}"
        )
    if place.benchmark and config.get("benchmark") not in (None, place.benchmark):
        found = shown(config.get("benchmark"))
        yield Finding(rules.CONFIG, "config-differs", f"the benchmark is {found}, the folder {place.benchmark}")
    if isinstance(config.get("runs"), list):
        yield from _check_runs(config["runs"])


def _check_runs(runs: list[Any]) -> Iterator[Finding]:
    for number, run in enumerate(runs, 1):
        predictions = entry({"run": run}, "run.predictions")
        if not isinstance(predictions, dict):
            yield Finding(rules.CONFIG, "config-incomplete", f"run {number} has no predictions with file and sha256")
            continue
        file, sha256 = predictions.get("file"), predictions.get("sha256")
        if not isinstance(file, str) or "/" in file or "\\" in file or not rules.NAME.fullmatch(file):
            yield Finding(rules.CONFIG, "path-escape", f"run {number} has the predictions file {shown(file)}")
        elif file != predictions_name(number, len(runs)):
            expected = predictions_name(number, len(runs))
            yield Finding(rules.CONFIG, "config-value", f"run {number} has {file}, expected {expected}")
        if not isinstance(sha256, str) or not rules.SHA256.fullmatch(sha256):
            yield Finding(rules.CONFIG, "config-value", f"run {number} has the sha256 {shown(sha256)}")
        where = predictions.get("place")
        if where is not None and not (isinstance(where, str) and rules.URL.fullmatch(where)):
            yield Finding(rules.CONFIG, "config-value", f"run {number} has the place {shown(where)}, expected a URL")


def predictions_name(number: int, count: int) -> str:
    """File of the predictions of a run."""
    return "predictions.h5" if count == 1 else f"predictions-{number}.h5"


def result_name(number: int, count: int) -> str:
    """File of the result of a run."""
    return rules.RESULT if count == 1 else f"result-{number}.json"


def folder_name(text: str) -> str:
    """A name as a folder's name: what is not allowed becomes a hyphen."""
    return re.sub(r"[^A-Za-z0-9._+]+", "-", text).strip("-.")
