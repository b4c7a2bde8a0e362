"""Checkpoints: everything that a run needs to go on, in one file that is whole or absent, and the one before it.

A checkpoint is an archive of arrays as `numpy.savez` writes it. It is read as strictly as it was written: the network
knows the shape and type of each array, so that no size in the file decides how much memory is taken.
"""

from __future__ import annotations

import errno
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import is_count
from sciml_datasets.files.npy_headers import LONGEST_HEADER, header_of
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import is_there
from sciml_datasets.messages import warn

BEFORE = "-before"
"""Ending of the stem of the file that holds the checkpoint before the last one."""
PROGRESS = "progress.npy"
LONGEST_PROGRESS = 1 << 26
"""Largest number of bytes of the progress: some 20 for each batch of an epoch, and some 1,000 for each epoch."""
LARGEST = 1 << 63
"""Bound of whole numbers in a progress."""
LONGEST_REASON = 200
DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""Exceptions that Python's and NumPy's readers of archives raise where bytes are wrong."""


class DamagedCheckpointError(InputError):
    """A checkpoint is not what was written.

    Attributes:
        finding: clause that names the file and what is wrong.
    """

    def __init__(self, finding: str) -> None:
        super().__init__(f"{finding}: remove it to start over")
        self.finding = finding

    def __reduce__(self) -> tuple[type[DamagedCheckpointError], tuple[str]]:
        """The exception as it travels from one process to another."""
        return type(self), (self.finding,)


@dataclass
class Progress:
    """The progress of a run.

    Attributes:
        epoch: number of the epoch that is being trained, from 1.
        step: number of its batches that are done.
        losses: losses of these batches.
        history: rows of ``history.csv``, one for each whole epoch.
        seconds: time that the run has taken.
        log_bytes: size of the log when this was written, in bytes.
    """

    epoch: int = 1
    step: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    log_bytes: int = 0


def before(path: Path) -> Path:
    """The file that holds the checkpoint before the one of this path."""
    return path.with_stem(path.stem + BEFORE)


def save(path: Path, progress: Progress, variables: Sequence[Any], *, keep: bool = False) -> None:
    """Write a checkpoint in the place of the last one.

    Args:
        path: path of the checkpoint.
        progress: progress of the run.
        variables: variables of the network and the optimizer, in their order.
        keep: whether the last one is kept as `before`, for the case that the new one is damaged later.
    """
    arrays: dict[str, Any] = {_name(i): np.asarray(variable) for i, variable in enumerate(variables)}
    arrays["progress"] = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
    # NumPy's format knows no bfloat16; weights and moments are never that.
    with atomic.writing(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        if keep and path.is_file() and not path.is_symlink():
            path.replace(before(path))


def last_sound(path: Path, variables: Sequence[Any]) -> Path:
    """The file of the last checkpoint that is sound; of one that is damaged the log warns.

    Args:
        path: path of the checkpoint; `before` it there may be another.
        variables: the variables that it must hold.

    Raises:
        InputError: none is sound, or the last one is of another network.
        OSError: it cannot be read.
    """
    earlier = before(path)
    if not earlier.is_file():
        return path
    if not is_there(path):
        return earlier
    try:
        _read(path, variables)
    except DamagedCheckpointError as error:
        _read(earlier, variables)
        warn(f"{error.finding}: the run goes on from the one before it")
        return earlier
    return path


def restore(path: Path, variables: Sequence[Any]) -> Progress:
    """Set the variables to those of a checkpoint and return the progress of the run.

    Raises:
        InputError: it is damaged, or of another network.
        OSError: it cannot be read.
    """
    progress, arrays = _read(path, variables)
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return progress


def _read(path: Path, variables: Sequence[Any]) -> tuple[Progress, list[NDArray[Any]]]:
    """The progress and the arrays for the variables."""
    size = regular_file(path).st_size
    names = [f"{_name(i)}.npy" for i in range(len(variables))]
    try:
        with naming(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if any(info.compress_type != zipfile.ZIP_STORED or info.file_size > size for info in members.values()):
                raise ValueError("it holds what is compressed, or larger than the file")
            if len(members) < len(archive.infolist()) or not 0 < members[PROGRESS].file_size < LONGEST_PROGRESS:
                raise ValueError("it does not hold one progress, and each array once")
            progress = _progress(_content(archive, PROGRESS))
            if {*members} != {PROGRESS, *names}:
                raise _of_another_network(path)
            arrays = [_array(path, archive, name, np.asarray(one)) for name, one in zip(names, variables, strict=True)]
    except InputError:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(path, error) from error  # the directory of the archive names a place before its beginning
    except DAMAGE as error:
        raise _damaged(path, error) from error
    return progress, arrays


def _array(path: Path, archive: zipfile.ZipFile, name: str, variable: NDArray[Any]) -> NDArray[Any]:
    """The array of an archive for a variable; only as much is read as the variable has."""
    with archive.open(name) as stream:
        head = stream.read(LONGEST_HEADER)
        header = header_of(head)
        if (header.shape, header.dtype) != (variable.shape, variable.dtype) or header.fortran > (variable.ndim > 1):
            while stream.read(1 << 20):  # the archive's checksum is compared at the end: the header may be damaged
                pass
            raise _of_another_network(path)
        content = head[header.length :] + stream.read(variable.nbytes + 1)
        if len(content) != variable.nbytes:
            raise ValueError(f"{name} has {len(content)} bytes, expected {variable.nbytes}")
    order: Any = "F" if header.fortran else "C"
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of an array without its header."""
    content = archive.read(name)
    return content[header_of(content[:LONGEST_HEADER]).length :]


def _progress(content: bytes) -> Progress:
    """The progress of a run from its JSON, in which numbers may be NaN or infinite.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(content)
    if not isinstance(found, dict) or {*found} != {one.name for one in fields(Progress)}:
        raise ValueError("its progress has other fields")
    progress = Progress(**found)
    counts = (progress.epoch, progress.step, progress.log_bytes)
    if not (isinstance(progress.losses, list) and isinstance(progress.history, list)):
        raise ValueError("its progress has no lists of losses and epochs")
    rows = [[*row.values()] if isinstance(row, dict) and len(row) else [""] for row in progress.history]
    numbers = [progress.seconds, *progress.losses, *(value for row in rows for value in row if value is not None)]
    if not all(is_count(count) and count < LARGEST for count in counts) or not all(map(_is_number, numbers)):
        raise ValueError("its progress has what is no number")
    return progress


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < LARGEST)


def _name(number: int) -> str:
    return f"variable_{number}"


def _of_another_network(path: Path) -> InputError:
    return InputError(f"{path} is of another network: train with the model it was made with, or choose another run")


def _damaged(path: Path, error: Exception) -> DamagedCheckpointError:
    reason = " ".join(str(error).split())
    reason = reason if len(reason) < LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."
    return DamagedCheckpointError(f"{path} is damaged ({reason})")
