"""The work of a preparation into an object store, with its journal; see `sciml_datasets.preparation.in_bucket`."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.failures import MissingObjectError
from sciml_datasets.object_stores.store import Store
from sciml_datasets.object_stores.stored_object import StoredObject
from sciml_datasets.object_stores.trouble import StoreTroubleError, trouble
from sciml_datasets.object_stores.writable_store import LARGEST_PUT, WritableStore
from sciml_datasets.preparation.destination import Make
from sciml_datasets.preparation.scratch import SHARD, new_scratch
from sciml_datasets.preparation.traffic import Traffic
from sciml_datasets.preparation.work_folder import PLAN
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written

INCOMPLETE = ".incomplete"
REQUESTS_OF_SHARD = 7
"""Number of requests for a shard at most: two looks at the plan, its files, its entry, which is read and removed."""
REQUESTS = 60
"""Number of requests beside those for shards at most, where listings have one page: the plan, listings, other files."""
UPLOADS, UPLOAD_BYTES = 4, 512 << 20
"""Number of shards that a process uploads at a time while it makes another one, and of their bytes; one may have more.
"""
TOGETHER = 8
"""Number of shards that a process is given at a time: the last ones are uploaded while none is made."""
OURS = re.compile(r"sciml-[\w.-]+|LICENSE|[\w.-]+\.(json|tsv|txt|npy)")
"""Names of shards and of the files beside them."""


class ReplacedError(OSError):
    """Another run has begun anew with another plan."""


@dataclass(frozen=True, slots=True)
class BucketWork:
    """A `sciml_datasets.preparation.destination.Work`.

    Attributes:
        store: the store, at ``<data_dir>/sciml/<name>``.
        version: version of the data set.
        digest: SHA-256 of the plan.
        tag: ETag of the plan.
    """

    store: WritableStore
    version: str
    digest: str
    tag: str

    def __str__(self) -> str:
        return f"{self.store.url_of(self.version)}{INCOMPLETE}"

    @property
    def together(self) -> int:
        """See `Work`."""
        return TOGETHER

    def write(self, shards: Iterable[tuple[str, Make]]) -> list[Written]:
        """See `Work`; shards are uploaded while the next one is made."""
        done: list[Written] = []
        uploads: deque[tuple[int, Future[Written]]] = deque()
        with scratch() as folder, ThreadPoolExecutor(UPLOADS, "uploads") as pool:
            try:
                for name, make in shards:
                    self._check_plan()
                    written = make(folder / name)
                    uploads.append((written.bytes, pool.submit(self._upload, folder, written)))
                    while len(uploads) > 1 and sum(size for size, _ in uploads) > UPLOAD_BYTES:
                        done.append(uploads.popleft()[1].result())
                return done + [upload.result() for _, upload in uploads]
            finally:
                pool.shutdown(cancel_futures=True)

    @trouble()
    def _upload(self, folder: Path, written: Written) -> Written:
        """Upload the files of a shard, which are removed, and its entry of the journal."""
        self._check_plan()
        tags = {}
        for file, size, _ in written.files():
            tags[file] = size, self.store.put_whole(f"{self.version}/{file}", folder / file)
            (folder / file).unlink()
        entry = {"plan": self.digest, "written": asdict(written), "files": tags}
        self.store.put_whole(self._beside(f"{written.name}.json"), json.dumps(entry, sort_keys=True).encode())
        return written

    def _beside(self, name: str) -> str:
        """Name in the store of an entry of the journal, or of the plan."""
        return f"{self.version}{INCOMPLETE}/{name}"

    @trouble()
    def _check_plan(self) -> None:
        """Make sure that no other run has finished, or begun with another plan.

        Raises:
            FileExistsError: another run has finished.
            ReplacedError: another run has begun anew.
        """
        try:
            if self.store.head(self._beside(PLAN)).etag == self.tag:
                return
        except MissingObjectError:
            if has_object(self.store, f"{self.version}/{manifest.NAME}"):
                raise FileExistsError(f"{self.store.url_of(self.version)}: a concurrent run was first") from None
        raise ReplacedError(f"{self}: another run has started over meanwhile: run it again")

    @trouble()
    def finished(self) -> dict[str, Written]:
        """The shards of the plan whose entry is in the journal and whose files are as it says, by name.

        Entries of another plan are removed.
        """
        names = [name for name in self._names() if name != self._beside(PLAN)]
        contents = self.store.each(lambda name: content_of(self.store, name), names)
        # Files are written before their entry: they are in a listing that is made after the one of the journal.
        listed = {file.name: (file.size, file.etag) for file in objects_in(self.store, self.version)}
        found, others = {}, []
        for name, content in zip(names, contents, strict=True):
            entry = json.loads(content or b'{"plan": ""}')
            if entry["plan"] != self.digest:
                others.append(name)
            elif all(listed.get(file) == (size, tag) for file, (size, tag) in entry["files"].items()):
                written = Written(**entry["written"])
                found[written.name] = written
        self.store.delete(others)
        return found

    def _names(self) -> list[str]:
        """The names of the entries of the journal, and of the plan."""
        return [self._beside(file.name) for file in objects_in(self.store, f"{self.version}{INCOMPLETE}")]

    def collect(self, names: Collection[str]) -> list[Written] | None:
        """See `Work`."""
        self._check_plan()
        found = self.finished()
        return [found[name] for name in names] if found.keys() >= set(names) else None

    def check_room(self, shards: Sequence[int]) -> None:
        """See `Work`."""
        largest = max(shards, default=0)
        if largest > LARGEST_PUT:
            raise InputError(
                f"a shard has {largest / 1e9:.1f} GB, and a store takes at most {LARGEST_PUT / 1e9:.1f} GB in one "
                "request: ask for more shards (num_shards)"
            )
        needed, free = room_of(shards), shutil.disk_usage(tempfile.gettempdir()).free
        if free < needed:
            raise InputError(
                f"{tempfile.gettempdir()}: shards need {needed / 1e9:.3f} GB there before they are uploaded, and "
                f"{free / 1e9:.3f} GB are free: make room, or name another folder in TMPDIR"
            )

    @contextmanager
    def finishing(self, shards: Sequence[Written]) -> Iterator[Path]:
        """See `Work`; the folder is one of this machine, whose files are uploaded, the manifest last."""
        with scratch() as folder:
            yield folder
            self._check_plan()
            found = self.finished()
            lost = [shard.name for shard in shards if getattr(found.get(shard.name), "sha256", "") != shard.sha256]
            if lost:
                raise StoreTroubleError(
                    f"{self.store.url_of(self.version)}/{lost[0]} is not as it was written, another run has replaced "
                    "it: run the same command again"
                )
            ours = {name for written in shards for name, *_ in written.files()}
            beside = sorted(path.name for path in folder.iterdir() if path.name != manifest.NAME)
            with trouble():
                others = {file.name for file in objects_in(self.store, self.version)} - {*ours, *beside}
                self.store.delete([f"{self.version}/{name}" for name in sorted(others) if OURS.fullmatch(name)])
                self.store.each(lambda name: self.store.put_whole(f"{self.version}/{name}", folder / name), beside)
                self.store.put_if_absent(f"{self.version}/{manifest.NAME}", (folder / manifest.NAME).read_bytes())
        self.remove_journal()

    @trouble()
    def remove_journal(self) -> None:
        """Remove the journal, last the plan."""
        plan = self._beside(PLAN)
        names = self._names()
        self.store.each(lambda name: self.store.delete([name]), [name for name in names if name != plan])
        self.store.delete([name for name in names if name == plan])

    def traffic(self) -> Traffic:
        """See `Work`."""
        return Traffic.of(self.store)

    @trouble()
    def discard(self) -> None:
        """See `Work`; where another run has begun with another plan, its work stays."""
        try:
            self._check_plan()
        except (FileExistsError, ReplacedError):
            return
        names = [file.name for file in objects_in(self.store, self.version) if OURS.fullmatch(file.name)]
        self.store.each(lambda name: self.store.delete([f"{self.version}/{name}"]), names)
        self.remove_journal()

    def was_removed(self, error: FileNotFoundError) -> bool:
        """See `Work`; `write` says so itself."""
        return False


def room_of(shards: Sequence[int]) -> int:
    """Number of bytes of the shards of these sizes that a process has on disk at a time, at most."""
    largest = max(shards, default=0)
    return min(sum(shards), max(largest, UPLOAD_BYTES) + largest)


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder of this machine for the files of a shard, or for those beside the shards."""
    folder = new_scratch(SHARD)
    try:
        yield folder
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def objects_in(store: Store, folder: str) -> list[StoredObject]:
    """The objects of a folder, with their names in it."""
    return [replace(file, name=file.name.removeprefix(f"{folder}/")) for file in store.listed(folder)]


def content_of(store: Store, name: str) -> bytes | None:
    """The content of a small object; None where there is none."""
    try:
        found = store.get(name)
    except MissingObjectError:
        return None
    return found[0] if found else None


def has_object(store: Store, name: str) -> bool:
    try:
        store.head(name)
    except MissingObjectError:
        return False
    return True
