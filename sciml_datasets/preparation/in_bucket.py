"""Preparation into an object store, such as a bucket of S3, where nothing can be renamed and nothing is locked.

Below ``<data_dir>/sciml/<name>`` there are:

    1.0.0/                          shards under their final names, then the files beside them, last manifest.json
    1.0.0.incomplete/plan.json      the plan of the preparation, written if there is none
    1.0.0.incomplete/<shard>.json   the journal: an object for each shard that is written, with the tags of its files

No reader sees a data set before its manifest is there. Each process writes a shard into a folder of its own machine
and uploads every file of it by one request, so that a process that is killed leaves no parts of an upload; after that
it writes the shard's entry of the journal. Meanwhile it makes the next shard. A later run of the same plan takes over
the shards whose files are still those of their entries. Runs of one plan write the same bytes under the same names,
so that they do not disturb each other. A new plan (``--restart``) takes the place of the old one: each run looks for
it before an upload, and compares all tags before the manifest is written.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.trouble import trouble
from sciml_datasets.object_stores.writable_store import WritableStore
from sciml_datasets.preparation.bucket_work import INCOMPLETE, BucketWork, content_of, has_object, objects_in
from sciml_datasets.preparation.feature_checks import check_features
from sciml_datasets.preparation.work_folder import PLAN, what_changed
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written, listed_files, read_manifest
from sciml_datasets.prepared.metadata import NAME as FACTS


@dataclass(frozen=True, slots=True)
class InBucket:
    """A `sciml_datasets.preparation.destination.Destination`.

    Attributes:
        store: the store, at ``<data_dir>/sciml/<name>``.
        version: version of the data set.
    """

    store: WritableStore
    version: str

    def __str__(self) -> str:
        return self.store.url_of(self.version)

    @property
    def beside(self) -> None:
        """See `Destination`."""
        return None

    def prepared(self) -> dict[str, Any] | None:
        """See `Destination`."""
        sizes = {file.name: file.size for file in objects_in(self.store, self.version)}
        if manifest.NAME not in sizes:
            if sizes and not has_object(self.store, f"{self.version}{INCOMPLETE}/{PLAN}"):
                if self.is_finished():  # since it was listed
                    return self.prepared()
                raise InputError(
                    f"{self} is no prepared data set, it holds {min(sizes)}: move it elsewhere, or choose another "
                    "--data-dir"
                )
            return None
        with self.described() as folder:
            found = read_manifest(folder)
        for name, (size, _) in listed_files(found).items():
            if sizes.get(name) != size:
                what = f"has {sizes[name]} bytes, expected {size}" if name in sizes else "is missing"
                raise InputError(f"{self}: {name} {what}: remove the folder and prepare the data set again")
        return found

    def check_features(self, features: Any) -> None:
        """See `Destination`."""
        with self.described() as folder:
            check_features(folder, features)

    @contextmanager
    def described(self) -> Iterator[Path]:
        """A folder with copies of the manifest and of the files that describe the data set, those that there are.

        Raises:
            InputError: of the block, with the URL in the place of the folder; or they cannot be read.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "sciml", self.store.url.rpartition("/")[2], self.version)
            folder.mkdir(parents=True)
            for name in (manifest.NAME, "features.json", FACTS):
                content = content_of(self.store, f"{self.version}/{name}")
                if content is not None:
                    (folder / name).write_bytes(content)
            try:
                yield folder
            except InputError as error:
                raise InputError(str(error).replace(str(folder), str(self))) from error

    def is_finished(self) -> bool:
        """See `Destination`."""
        return has_object(self.store, f"{self.version}/{manifest.NAME}")

    def open(self, plan: dict[str, Any], names: Collection[str], *, restart: bool) -> tuple[BucketWork, list[Written]]:
        """See `Destination`."""
        content = json.dumps(plan, sort_keys=True).encode()
        name = f"{self.version}{INCOMPLETE}/{PLAN}"
        with trouble():
            if restart:
                self.store.put_whole(name, content)
            else:
                self.store.put_if_absent(name, content)
            before, stored = self.store.get(name) or (b"", None)
        if before != content or stored is None:
            raise InputError(
                f"{self}{INCOMPLETE} holds an interrupted preparation, but {_difference(before, plan)}: undo that to "
                "continue it, or start over with --restart"
            )
        work = BucketWork(self.store, self.version, sha256(content).hexdigest(), stored.etag)
        if self.is_finished():  # since it was looked for: its plan was removed, and this one is new
            work.remove_journal()
            raise FileExistsError(f"{self}: a concurrent run was first")
        found = work.finished()
        return work, [found[name] for name in names if name in found]

    def remove_interrupted(self) -> None:
        """See `Destination`."""
        BucketWork(self.store, self.version, "", "").remove_journal()


def _difference(before: bytes, plan: dict[str, Any]) -> str:
    """One clause on how an earlier plan, as it is stored, differs from a plan."""
    try:
        return what_changed(json.loads(before), plan)
    except (ValueError, AttributeError, TypeError):
        return "its plan is damaged"
