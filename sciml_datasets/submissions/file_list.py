"""Files of a submission that `sciml submit` wrote: their list in config.yaml, and their writing into the folder.

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

from sciml_datasets.errors import InputError, naming, rename
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import left_beside, work_folder
from sciml_datasets.files.owned_files import Hashes, changes, find_own, remove_empty, sha256
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.parallel.processes import abandoned, signature
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.contribution import MADE_OF
from sciml_datasets.submissions.pdf import markdown_to_pdf

FILES = "files"
"""Last entry of config.yaml: name to SHA-256 of each file that was written; its own is that of all other lines."""
TEXTS = (rules.README, rules.CONTRIBUTION_SOURCE)
REMEDY = "move it elsewhere or remove it, and run it again"
NO_LIST = f"{rules.CONFIG}, which lists the files that this command wrote, is missing"
OURS = re.compile(
    rf"{rules.LOG.pattern}|{rules.RUN_RESULT.pattern}|{rules.PREDICTIONS.pattern}|plots|"
    + "|".join(map(re.escape, (rules.CONFIG, rules.RESULT, *TEXTS, rules.CONTRIBUTION[0])))
)
"""Names at the top of a submission that is written for the first time."""


def known_files(folder: Path) -> Hashes:
    """The files of a submission that are as `sciml submit` wrote them, by the list in its config.yaml.

    Raises:
        InputError: config.yaml is not as it was written, to the last byte.
    """
    path = folder / rules.CONFIG
    with naming(path):
        content = path.read_bytes() if path.is_file() else b""
    head, mark, tail = content.partition(f"\n{FILES}:\n".encode())
    known = _listed(mark + tail)
    known.pop(rules.CONFIG, None)
    itself = content == _with_list(head + b"\n", known)
    find_own(folder, rules.CONFIG, [hashlib.sha256(content).hexdigest()] if itself else [], _restore(folder))
    return known


def _listed(tail: bytes) -> Hashes:
    """The list that config.yaml ends with, as far as it can be read."""
    import yaml

    try:
        value: Any = yaml.safe_load(tail)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):  # it is compared with the list as it was written
        return {}
    found: Any = value.get(FILES) if isinstance(value, dict) else None
    return {
        name: [text for text in (hashes if isinstance(hashes, list) else [hashes]) if isinstance(text, str)]
        for name, hashes in (found.items() if isinstance(found, dict) else ())
        if name and isinstance(name, str)
    }


def _restore(folder: Path) -> str:
    """The remedy where the list was changed: without it, no file is known as ours."""
    return f"restore {rules.CONFIG}, for example from git, or move {folder} elsewhere and submit again"


def own_contribution(folder: Path, known: Hashes) -> str | None:
    """Name of a PDF of the submitter's own, which stays; None where there is none.

    A PDF is ours if the list says so, or, where it is not listed, if its metadata do; it is put on the list then.

    Args:
        folder: folder of the submission.
        known: the files that `sciml submit` wrote.
    """
    ours, other = rules.CONTRIBUTION
    if is_there(folder / other):
        return other
    path = folder / ours
    if not is_there(path):
        return None
    if path.is_symlink() or not path.is_file():
        return ours
    with naming(path):
        made_by_us = ours not in known and MADE_OF.search(path.read_bytes())
    if made_by_us:
        known[ours] = [sha256(path)]
    return None if sha256(path) in known.get(ours, []) else ours


def write_documents(facts: dict[str, Any], folder: Path, known: Hashes, scratch: Path) -> dict[str, Path]:
    """Write what the submitter does not have yet of README.md and the contribution.

    Args:
        facts: facts in the documents.
        folder: folder of the submission.
        known: the files that `sciml submit` wrote; a PDF of the submitter's own is taken off.
        scratch: folder for the documents.

    Returns:
        Name of each document to where it is.

    Raises:
        InputError: the Markdown of the contribution is no file, or cannot be set.
    """
    made = {}
    own = own_contribution(folder, known)
    if own:
        known.pop(own, None)
    templates = {rules.README: "README.md.jinja", rules.CONTRIBUTION_SOURCE: "scientific_contribution.md.jinja"}
    for name, template in templates.items():
        if not is_there(folder / name) and not (own and name == rules.CONTRIBUTION_SOURCE):
            made[name] = scratch / name
            made[name].write_bytes(_render(template, facts))
    if not own:
        source = made.get(rules.CONTRIBUTION_SOURCE, folder / rules.CONTRIBUTION_SOURCE)
        regular_file(source)
        with naming(source):
            markdown = source.read_bytes()
        made[rules.CONTRIBUTION[0]] = pdf = scratch / rules.CONTRIBUTION[0]
        pdf.write_bytes(markdown_to_pdf(markdown, scratch, facts["ended"], folder))
    return made


def write_new(folder: Path, made: Mapping[str, Path], config: str) -> None:
    """Write a submission that is not there yet: it appears by one rename, whole.

    Args:
        folder: folder of the submission.
        made: name of each file but config.yaml to where its content is.
        config: text of config.yaml, without the list of files.

    Raises:
        InputError: meanwhile it is there.
        OSError: the folder cannot be written.
    """
    hidden = folder.with_name(f".{folder.name}")
    for left in left_beside(hidden, OURS):
        if abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    work = work_folder(hidden, signature())
    there = next(parent for parent in folder.parents if parent.exists())
    try:
        work.mkdir(parents=True)
        for name, source in made.items():
            path = work / name
            path.parent.mkdir(exist_ok=True)
            atomic.copy(source, path)
        _write_config(work, config, {name: [sha256(source)] for name, source in made.items()})
        work.rename(folder)
    except OSError as error:
        place = Path(os.fsdecode(error.filename or work))
        if place == work and is_there(folder):
            raise in_the_way(folder) from error
        if place.is_relative_to(work):  # the user knows nothing of the work folder
            rename(error, folder / place.relative_to(work))
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
        remove_empty(folder.parent, there)


def in_the_way(folder: Path) -> InputError:
    """The sentence for a submission that is to be written for the first time and whose name is taken."""
    return InputError(f"{folder} exists: choose another --descriptor, or give --update to bring it up to date")


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
    if is_there(folder / rules.CONFIG):
        to_do = changes(folder, made, known, REMEDY)
    else:
        to_do = changes(folder, made, known, _restore(folder), f"would be replaced, and {NO_LIST}")
    to_do.apply(rules.CONFIG, lambda hashes: _write_config(folder, config, hashes))


def _write_config(folder: Path, text: str, hashes: Hashes) -> None:
    with atomic.writing(folder / rules.CONFIG) as temporary:
        temporary.write_bytes(_with_list(text.encode(), hashes))


def _with_list(text: bytes, hashes: Hashes) -> bytes:
    """config.yaml from what stands above the list, and the list."""
    listed = {name: found[0] if len(found) == 1 else found for name, found in sorted(hashes.items())}
    listed = {name: found for name, found in listed.items() if name not in TEXTS}
    itself = hashlib.sha256(text + _dumped(listed)).hexdigest()
    return text + _dumped({rules.CONFIG: itself} | listed)


def _dumped(listed: Mapping[str, str | list[str]]) -> bytes:
    import yaml

    text: str = yaml.safe_dump({FILES: dict(listed)}, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _render(template: str, facts: dict[str, Any]) -> bytes:
    from jinja2 import Environment, StrictUndefined

    text = files("sciml_datasets.submissions").joinpath("templates", template).read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(text).render(facts).encode()
