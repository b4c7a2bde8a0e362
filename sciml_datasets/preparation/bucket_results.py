"""Results of the workers of Beam, returned through an object store."""

from __future__ import annotations

from dataclasses import dataclass

from sciml_datasets.object_stores.trouble import trouble
from sciml_datasets.object_stores.writable_store import WritableStore


@dataclass(frozen=True, slots=True)
class BucketResults:
    """See `sciml_datasets.parallel.beam.Results`.

    Attributes:
        store: the store.
        folder: name of a new folder in it.
    """

    store: WritableStore
    folder: str

    @trouble()
    def put(self, number: int, content: bytes) -> None:
        """See `Results`."""
        self.store.put(f"{self.folder}/{number}", content)

    @trouble()
    def get(self, number: int) -> bytes:
        """See `Results`.

        Raises:
            StoreTroubleError: it cannot be read.
        """
        found = self.store.get(f"{self.folder}/{number}", most=MOST)
        return found[0] if found else b""

    @trouble()
    def remove(self) -> None:
        """See `Results`."""
        names = [stored.name for stored in self.store.listed(self.folder)]
        self.store.each(lambda name: self.store.delete([name]), names)


MOST = 4 << 30
"""Largest number of bytes of a result: the index of a raw file has some 0.7 kB for each sample."""
