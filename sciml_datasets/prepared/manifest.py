"""``manifest.json``: the content of a prepared folder, to the byte. It is the last file written into the folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.prepared.integrity import NAME, listed_files, read_manifest, shard_files
from sciml_datasets.raw_format import RawFile

__all__ = ["NAME", "Written", "listed_files", "read_manifest", "write_manifest"]
TOOLS = ("sciml-datasets", "tensorflow-datasets", "h5py", "numpy")


@dataclass(frozen=True, slots=True)
class Written:
    """The content of a written shard.

    Attributes:
        name: file name.
        records: number of examples.
        bytes: size of the file.
        example_bytes: size of the serialised examples, without the framing of the file format.
        sha256: SHA-256 of the file.
        offsets_sha256: SHA-256 of the offsets file beside it; empty where the format has its own index.
        notes: kind of tolerated defect to the number of samples that have it and a clause about the first of them,
            which begins with the name of its raw file.
    """

    name: str
    records: int
    bytes: int
    example_bytes: int
    sha256: str
    offsets_sha256: str
    notes: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def files(self) -> list[tuple[str, int, str]]:
        """Name, size and SHA-256 of the shard's files."""
        return shard_files(self.name, self.bytes, self.sha256, self.records, self.offsets_sha256)


def write_manifest(
    folder: Path,
    *,
    identity: dict[str, Any],
    digest: str,
    shards: list[Written],
    raw: Iterable[RawFile],
    checksums: Mapping[str, str],
) -> None:
    """Write the manifest of a folder. It holds no times, so that the same data give the same manifest.

    Args:
        folder: folder to write it into; all other files of the folder are listed.
        identity: identity of the data set: name, version, format.
        digest: digest of the plan.
        shards: every shard.
        raw: the raw files that the data set was made from.
        checksums: SHA-256 of raw files by name, where they were hashed.
    """
    of_shards = {name for written in shards for name, *_ in written.files()}
    others = sorted(path for path in folder.iterdir() if path.name not in of_shards)
    content = {
        **identity,
        "plan_digest": digest,
        "shards": [asdict(written) for written in shards],
        "files": [{"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in others],
        "raw": [
            {"split": file.split, "name": file.name, "bytes": file.size, "sha256": checksums.get(file.name)}
            for file in raw
        ],
        "tools": {name: version(name) for name in TOOLS},
    }
    (folder / NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
