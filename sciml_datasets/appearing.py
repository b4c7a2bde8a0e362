"""Files that appear under their names when they are whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sciml_datasets.errors import naming


@contextmanager
def appearing(path: Path, *, unique: bool = False) -> Iterator[Path]:
    """The path of a temporary file that takes the place of this one when the block ends, and vanishes when it fails.

    Args:
        path: of the file to be.
        unique: whether others may write the same file meanwhile; else the next attempt overwrites what a kill left.

    Raises:
        OSError: of the block or the renaming, naming ``path`` where it names no other file.
    """
    name = f"{path.name}.{secrets.token_hex(4)}" if unique else path.name
    temporary = path.with_name(f"{name}.incomplete")
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
