"""What of a submission `sciml submit` wrote: the list of its files in config.yaml, and how they get into the folder.

README.md and the Markdown of the contribution belong to the submitter from the beginning: they are written where they
are missing and never again. A PDF of the contribution that is not as it was written is the submitter's as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from sciml_datasets.files import atomic
from sciml_datasets.files.incomplete import left_beside, work_folder
from sciml_datasets.files.owned import Hashes, changes, find_own, sha256
from sciml_datasets.metrics.submission import rules
from sciml_datasets.metrics.submission.contribution import MADE_OF
from sciml_datasets.metrics.submission.pdf import markdown_to_pdf

FILES = "files"
"""Last entry of config.yaml: name to SHA-256 of each file that was written, its own up to this entry."""
TEXTS = (rules.README, rules.CONTRIBUTION_SOURCE)
REMEDY = "move it elsewhere or remove it, and run it again"
OURS = re.compile(
    rf"{rules.LOG.pattern}|{rules.RUN_RESULT.pattern}|{rules.PREDICTIONS.pattern}|plots|"
    + "|".join(map(re.escape, (rules.CONFIG, rules.RESULT, *TEXTS, rules.CONTRIBUTION[0])))
)
"""Names at the top of a submission that is written for the first time."""


def known_files(folder: Path) -> Hashes:
    """The files of a submission that are as `sciml submit` wrote them, by the list in its config.yaml.

    Raises:
        InputError: config.yaml is not as it was written.
    """
    import yaml

    path = folder / rules.CONFIG
    content = path.read_bytes() if path.is_file() else b""
    head, _, _ = content.rpartition(f"\n{FILES}:\n".encode())
    try:
        listed: Any = yaml.safe_load(content[len(head) :]) if head else {}
    except yaml.YAMLError:
        listed = {}
    found: Any = listed.get(FILES) if isinstance(listed, dict) else None
    known: Hashes = {}
    for name, hashes in found.items() if isinstance(found, dict) else ():
        if name and isinstance(name, str):
            known[name] = [text for text in (hashes if isinstance(hashes, list) else [hashes]) if isinstance(text, str)]
    itself = hashlib.sha256(head + b"\n").hexdigest() in known.pop(rules.CONFIG, [])
    find_own(folder, rules.CONFIG, [sha256(path)] if itself else [], REMEDY)
    return known


def own_contribution(folder: Path, known: Hashes) -> str | None:
    """Name of a PDF of the submitter's own, which stays; None where there is none.

    A PDF is ours if the list says so, or, where it is not listed, if its metadata do; it is put on the list then.

    Args:
        folder: of the submission.
        known: the files that `sciml submit` wrote.
    """
    ours, other = rules.CONTRIBUTION
    if os.path.lexists(folder / other):
        return other
    path = folder / ours
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        return ours
    if ours not in known and MADE_OF.search(path.read_bytes()):
        known[ours] = [sha256(path)]
    return None if sha256(path) in known.get(ours, []) else ours


def write_documents(facts: dict[str, Any], folder: Path, known: Hashes, scratch: Path) -> dict[str, Path]:
    """Write what the submitter does not have yet of README.md and the contribution.

    Args:
        facts: what the documents tell.
        folder: of the submission.
        known: the files that `sciml submit` wrote; a PDF of the submitter's own is taken off.
        scratch: where the documents go.

    Returns:
        Name of each document to where it is.

    Raises:
        InputError: the Markdown of the contribution cannot be set.
    """
    made = {}
    own = own_contribution(folder, known)
    if own:
        known.pop(own, None)
    templates = {rules.README: "README.md.jinja", rules.CONTRIBUTION_SOURCE: "scientific_contribution.md.jinja"}
    for name, template in templates.items():
        if not os.path.lexists(folder / name) and not (own and name == rules.CONTRIBUTION_SOURCE):
            made[name] = scratch / name
            made[name].write_bytes(_render(template, facts))
    if not own:
        markdown = made.get(rules.CONTRIBUTION_SOURCE, folder / rules.CONTRIBUTION_SOURCE).read_bytes()
        made[rules.CONTRIBUTION[0]] = pdf = scratch / rules.CONTRIBUTION[0]
        pdf.write_bytes(markdown_to_pdf(markdown, scratch, facts["ended"], folder))
    return made


def write_new(folder: Path, made: Mapping[str, Path], config: str) -> None:
    """Write a submission that is not there yet: it appears by one rename, whole.

    Args:
        folder: of the submission.
        made: name of each file but config.yaml to where its content is.
        config: text of config.yaml, without the list of files.

    Raises:
        OSError: the folder cannot be written.
    """
    hidden = folder.with_name(f".{folder.name}")
    for left in left_beside(hidden, OURS):
        shutil.rmtree(left, ignore_errors=True)
    work = work_folder(hidden)
    work.mkdir(parents=True)
    try:
        for name, source in made.items():
            path = work / name
            path.parent.mkdir(exist_ok=True)
            atomic.copy(source, path)
        _write_config(work, config, {name: [sha256(source)] for name, source in made.items()})
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_again(folder: Path, made: Mapping[str, Path], config: str, known: Hashes) -> None:
    """Bring a submission up to date, file by file; what is the submitter's stays.

    Whenever this is killed, the next call finishes it.

    Args:
        folder, made, config: as for `write_new`.
        known: the files that `sciml submit` wrote.

    Raises:
        InputError: a file that would be replaced or removed is not as it was written; nothing has been changed.
        OSError: a file cannot be written.
    """
    known = {name: hashes for name, hashes in known.items() if name not in TEXTS}
    to_do = changes(folder, made, known, REMEDY)
    to_do.apply(rules.CONFIG, lambda hashes: _write_config(folder, config, hashes))


def _write_config(folder: Path, text: str, hashes: Hashes) -> None:
    import yaml

    listed: dict[str, str | list[str]] = {rules.CONFIG: hashlib.sha256(text.encode()).hexdigest()}
    for name, found in sorted(hashes.items()):
        if name not in TEXTS:
            listed[name] = found[0] if len(found) == 1 else found
    tail = yaml.safe_dump({FILES: listed}, sort_keys=False, allow_unicode=True, width=120)
    atomic.write_text(folder / rules.CONFIG, text + tail)


def _render(template: str, facts: dict[str, Any]) -> bytes:
    from jinja2 import Environment, StrictUndefined

    text = files("sciml_datasets.metrics.submission").joinpath("templates", template).read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(text).render(facts).encode()
