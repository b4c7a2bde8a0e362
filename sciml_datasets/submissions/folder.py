"""The files of a submission: what is there, without following a link or opening what is not allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.errors import MACHINE_TROUBLE, naming
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import BrokenRuleError, Finding, shown
from sciml_datasets.submissions.text import check_characters


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a submission.

    Attributes:
        folder: with its files.
        parts: organization, benchmark, system and descriptor; fewer where the folder lies elsewhere.
    """

    folder: Path
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The parts, as shown."""
        return "/".join(shown(part, 100) for part in self.parts)

    @property
    def benchmark(self) -> str | None:
        """The benchmark that the second folder names, also by the rules' own name; None where there is none."""
        if len(self.parts) != 4:
            return None
        given = self.parts[1]
        name = next((known.name for known in BENCHMARKS.values() if given in known.rules_names), given)
        return name if name in BENCHMARKS else None


@dataclass(frozen=True, slots=True)
class Folder:
    """The regular files of a submission: relative name to size in bytes, and what is wrong with the rest."""

    sizes: dict[str, int]
    findings: tuple[Finding, ...]


def check_place(place: Place) -> Iterator[Finding]:
    """Is it where the rules put it?"""
    if len(place.parts) != 4:
        yield Finding(".", "path-shape", f"it lies in {place.name or 'no such folder'}")
        return
    for part in place.parts:
        if not rules.NAME.fullmatch(part):
            yield Finding(".", "file-name", f"the folder is called {shown(part)}")
    if place.benchmark is None:
        known = f"choose from {', '.join(BENCHMARKS)}, or install the package that brings it"
        yield Finding(".", "benchmark-unknown", f"{shown(place.parts[1])} is none here: {known}")


def list_folder(root: Path) -> Folder:
    """Walk a submission, without following links, up to the limits of number, depth and size."""
    sizes: dict[str, int] = {}
    findings: list[Finding] = []
    lower: dict[str, str] = {}
    waiting, seen, total = [(root, "", 0)], 0, 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                if seen > rules.MAX_FILES:
                    findings.append(Finding(".", "too-many-files", f"there are more than {rules.MAX_FILES}"))
                    return Folder(sizes, tuple(findings))
                name = prefix + os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                mode = entry.stat(follow_symlinks=False)
                if not rules.NAME.fullmatch(entry.name):
                    findings.append(Finding(shown(name, 200), "file-name", f"it is called {shown(entry.name)}"))
                elif (other := lower.setdefault(name.lower(), name)) != name:
                    findings.append(Finding(name, "name-collision", f"{other} is there as well"))
                elif stat.S_ISLNK(mode.st_mode):
                    findings.append(Finding(name, "symlink", "it is a link"))
                elif stat.S_ISDIR(mode.st_mode):
                    if depth == rules.MAX_DEPTH:
                        findings.append(Finding(name, "too-deep", f"it lies {depth + 1} folders deep"))
                    else:
                        waiting.append((Path(entry.path), name + "/", depth + 1))
                elif not stat.S_ISREG(mode.st_mode):
                    findings.append(Finding(name, "special-file", "it is neither a file nor a folder"))
                else:
                    sizes[name] = mode.st_size
                    total += mode.st_size
    if total > rules.MAX_TOTAL:
        findings.append(
            Finding(".", "too-large", f"all files together have {total:,} bytes, at most {rules.MAX_TOTAL:,}")
        )
    return Folder(dict(sorted(sizes.items())), tuple(findings))


def kind_of(name: str) -> str:
    """Which size limit a file has."""
    if rules.PREDICTIONS.fullmatch(name):
        return "predictions"
    if name == rules.CONFIG:
        return "config"
    if name == rules.README:
        return "readme"
    if name == rules.RESULT or rules.RUN_RESULT.fullmatch(name):
        return "json"
    if rules.LOG.fullmatch(name):
        return "log"
    return "text" if Path(name).suffix.lower() in rules.TEXT_SUFFIXES else "other"


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file, never through a link in its last place, never more than a limit.

    Raises:
        BrokenRuleError: it is a link or no file, or is larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in MACHINE_TROUBLE:
            raise
        raise BrokenRuleError("symlink", f"it cannot be opened as a file ({error.strerror})") from error
    with naming(path), os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BrokenRuleError("special-file", "it is not a file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BrokenRuleError("too-large", f"it has more than {limit:,} bytes")
    return content


def as_text(content: bytes) -> str:
    """Text of a file.

    Raises:
        BrokenRuleError: it is not UTF-8, or has characters that nobody sees, see `check_characters`.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenRuleError("text-encoding", f"byte {error.start} is not UTF-8") from error
    check_characters(text)
    return text
