"""Failures of stores that say nothing of the data: what has been done is kept, and a later run goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.failures import ChangedObjectError, MissingObjectError


class StoreTroubleError(OSError):
    """A store could not be used; the message is one sentence."""


@contextmanager
def trouble() -> Iterator[None]:
    """Context in which a failure of a store is no mistake in its objects.

    Raises:
        StoreTroubleError: the store failed.
        MissingObjectError, ChangedObjectError: as in the block.
    """
    try:
        yield
    except (MissingObjectError, ChangedObjectError):
        raise
    except InputError as error:
        raise StoreTroubleError(str(error)) from error
