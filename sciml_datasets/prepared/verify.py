"""Comparison of a prepared folder with its manifest, to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.hashing import hashes_of
from sciml_datasets.files.text import shown
from sciml_datasets.prepared.integrity import check_described
from sciml_datasets.prepared.manifest import NAME, listed_files, read_manifest
from sciml_datasets.prepared.remote import mirror_of, place_of

STRANGE = "is not in the manifest"


def check_prepared(folder: Path, manifest: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make sure by names and sizes that a prepared folder is complete, and return its manifest.

    Contents are compared when they are read, see `sciml_datasets.prepared.integrity`; TFDS's description of the folder
    is compared here. Of a copy of data at a URL, names and sizes there are compared.

    Args:
        folder: ``<data_dir>/sciml/<name>/<version>``.
        manifest: its manifest, where it has been read before.

    Raises:
        InputError: it is not; the message gives the first finding.
    """
    manifest = read_manifest(folder) if manifest is None else manifest
    findings = differences(folder, manifest, quick=True, jobs=1)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise InputError(f"{place_of(folder)}: {findings[0]}{more}: {remedy_for(findings, 'prepare the data set')}")
    check_described(folder)
    return manifest


def remedy_for(findings: Sequence[str], command: str) -> str:
    """What a user can do about findings of `verify_prepared`, as an imperative.

    Args:
        findings: the findings.
        command: imperative for what makes the folder, for example ``prepare the data set``.
    """
    if all(finding.endswith(STRANGE) for finding in findings):
        return "move it elsewhere"
    return f"remove the folder and {command} again"


def verify_prepared(folder: Path, *, quick: bool = False, jobs: int = 1) -> list[str]:
    """Compare a prepared folder with its manifest.

    Args:
        folder: ``<data_dir>/sciml/<name>/<version>``.
        quick: compare names and sizes only; otherwise every file is hashed.
        jobs: number of processes that hash.

    Returns:
        One sentence per finding; none if the folder agrees with the manifest.

    Raises:
        InputError: there is no manifest.
    """
    return differences(folder, read_manifest(folder), quick=quick, jobs=jobs)


def differences(folder: Path, manifest: dict[str, Any], *, quick: bool = False, jobs: int = 1) -> list[str]:
    """`verify_prepared` with a manifest that has been read before."""
    name, version = folder.parent.name, folder.name
    expected_name = f"sciml/{name}"
    findings = []
    stated = manifest.get("dataset"), manifest.get("version")
    if stated != (expected_name, version):
        belongs = " ".join(shown(str(value)) for value in stated)
        findings.append(f"{NAME} belongs to {belongs}, not to {expected_name} {version}")
    listed = listed_files(manifest)
    mirror = mirror_of(folder)
    present, strange = _present(folder) if mirror is None else (mirror.sizes(), {})
    present.pop(NAME, None)
    findings += [f"{file} is {what}, expected a file" for file, what in strange.items()]
    missing = [file for file in listed if file not in present and file not in strange]
    extra = [file for file in present if file not in listed]
    hashes = {} if quick else hashes_of(folder, sorted(present), jobs) if mirror is None else mirror.hashes(present)
    for file in missing:
        twin = next((other for other in extra if hashes.get(other) == listed[file][1]), None)
        if twin:
            extra.remove(twin)
            findings.append(f"{file} was renamed to {twin}")
        else:
            findings.append(f"{file} is missing")
    findings += [f"{file} {STRANGE}" for file in extra]
    for file in listed.keys() & present.keys():
        size, sha256 = listed[file]
        if present[file] != size:
            findings.append(f"{file} has {present[file]} bytes, expected {size}")
        elif not quick and hashes[file] != sha256:
            findings.append(f"{file} has the SHA-256 {hashes[file]}, expected {sha256}")
    return sorted(findings)


def _present(folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Size of each file of a folder by name, and what each other entry is."""
    entries = [path for path in folder.iterdir() if path.name != NAME]
    strange = {
        path.name: "no regular file" if path.exists() and not path.is_dir() else "a folder or leads nowhere"
        for path in entries
        if not path.is_file()
    }
    return {path.name: path.stat().st_size for path in entries if path.is_file()}, strange
