"""``manifest.json``: what a prepared folder holds, to the byte. The last file written into it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.preparation.shards import Written
from sciml_datasets.samples import RawFile

NAME = "manifest.json"


def write_manifest(
    folder: Path,
    *,
    identity: dict[str, Any],
    digest: str,
    shards: Iterable[Written],
    files: Iterable[Path],
    raw: Iterable[RawFile],
) -> None:
    """Write the manifest of a folder.

    Args:
        folder: where it goes.
        identity: what data set this is: name, version, format and so on.
        digest: of the plan.
        shards: every shard.
        files: every other file of the folder that readers rely on.
        raw: the raw files that it was made from.
    """
    content = {
        **identity,
        "plan_digest": digest,
        "shards": [asdict(shard) for shard in shards],
        "files": [{"name": file.name, "bytes": len(data), "sha256": _sha256(data)} for file, data in _read(files)],
        "raw": [{"split": file.split, "name": file.name, "bytes": file.size} for file in raw],
        "tools": _tool_versions(),
    }
    (folder / NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises:
        InputError: there is none, or it is no manifest.
    """
    path = folder / NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: prepare the data set with `sciml prepare`") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}): remove the folder and prepare the data set again") from error
    if not isinstance(manifest, dict) or "shards" not in manifest:
        raise InputError(f"{path} is no manifest of prepared data: remove the folder and prepare the data set again")
    return manifest


def _read(files: Iterable[Path]) -> Iterable[tuple[Path, bytes]]:
    return ((file, file.read_bytes()) for file in files)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _tool_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("sciml-datasets", "tensorflow-datasets", "h5py", "numpy")}
