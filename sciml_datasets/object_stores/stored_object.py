"""What stores say of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of an object.

    Attributes:
        name: its name below the URL of the store.
        size: number of bytes.
        etag: tag of the content that the store gives, "" where it gives none.
    """

    name: str
    size: int
    etag: str

    @classmethod
    def described(cls, name: str, meta: Any) -> StoredObject:
        """The object of this name, as obstore describes it."""
        return cls(name, int(meta["size"]), meta["e_tag"] or "")
