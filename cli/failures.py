"""Errors that end a command, as one sentence and an exit code."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Mapping

from sciml_datasets.errors import InputError

OURS = 70
"""Exit code of a fault of this project (EX_SOFTWARE of sysexits.h)."""
PACKAGE = "sciml_datasets"
LONGEST = 300
"""Largest number of characters of the message of an unexpected error that are shown."""

_ROOM = "make room, or choose a folder on another disk"
_PERMIT = "change its permissions, or choose another folder"
_LATER = "run the same command again when that has ended"
_UNABLE = "this file system cannot do that: choose a folder on another one"
_UNANSWERED = "the file server or the other machine does not answer: run the same command again when it does"
_DISK = "the disk or the file server fails: check it and the system's log, then run the same command again"
REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another file system",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: _PERMIT,
    errno.EPERM: _PERMIT,
    errno.ENOTDIR: "choose a folder",
    errno.EISDIR: "choose a file",
    errno.EEXIST: "choose another name",
    errno.ENOTEMPTY: "choose another name",
    errno.ENOENT: "correct the path or make its folder first",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "symbolic links lead round in a circle: correct or remove them",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "the whole machine has too many files open: run the same command again when others have ended",
    errno.ENOMEM: "use a machine with more memory, or do less at a time (fewer --jobs, a smaller --batch-size)",
    errno.EAGAIN: f"another process has it open, or the machine is at a limit (ulimit -u): {_LATER}",
    errno.EBUSY: f"something else uses it: {_LATER}",
    errno.ETXTBSY: f"something else uses it: {_LATER}",
    errno.EINTR: "run the same command again",
    errno.EIO: _DISK,
    errno.EUCLEAN: _DISK,
    errno.ESTALE: "the file was replaced, or its file server restarted: run the same command again",
    errno.ENODEV: "check that its disk is there and mounted",
    errno.ENXIO: "check that its disk is there and mounted",
    errno.ENOSYS: _UNABLE,
    errno.EOPNOTSUPP: _UNABLE,
    errno.EXDEV: "choose folders on one file system",
    errno.EMLINK: "choose a folder on another file system",
    errno.ENOLCK: "the file server gives no locks: choose a folder on another file system",
    errno.EPIPE: "the program that reads it has ended: run the same command again",
    errno.ETIMEDOUT: _UNANSWERED,
    errno.EHOSTDOWN: _UNANSWERED,
    errno.EHOSTUNREACH: _UNANSWERED,
    errno.ENOTCONN: _UNANSWERED,
    errno.ECONNRESET: _UNANSWERED,
    errno.ECONNREFUSED: _UNANSWERED,
    errno.EREMOTEIO: _UNANSWERED,
}
"""Error number of the system to the remedy for a user."""
OTHER = "check the disk and the folder, or choose others, and run the same command again"
"""Remedy for any other error of the system."""
_IN_WORDS = re.compile(r"errno = (\d+)")
"""Number of an error of the system in a message of HDF5."""
_TFDS = re.compile(r"(\w+: )?Failed to construct dataset .*?\": ", re.DOTALL)
"""Text that TFDS writes before the message of any error while it makes a builder."""
_OF_TENSORFLOW = re.compile(r"(?:^|\}\}\s)(/[^;]*);\s([^\[\n;]+?)\s*(?:\[|\n|$)")
"""File and reason of an error of the system in a message of TensorFlow, which may name operations around them."""
_NAME_IN_WORDS = re.compile(r"name = '([^']+)'")


def sentence_of(error: Exception) -> str | None:
    """One sentence on an error that a user can understand and correct; None for a fault of this project."""
    # TFDS raises a new exception: number and file are in its cause.
    if isinstance(error.__cause__, Exception) and _TFDS.match(str(error)):
        error = error.__cause__
    if isinstance(error, InputError):
        return _TFDS.sub("", str(error), 1)
    if isinstance(error, OSError):
        return _of_system(error)
    if in_tensorflow := _of_tensorflow(error):
        return _of_system(in_tensorflow)
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # the latter is TensorFlow's
        detail = f" ({first_line(error)})" if str(error) else ""
        return f"there is not enough memory{detail}: {REMEDIES[errno.ENOMEM]}"
    if isinstance(error, ImportError) and error.name and not error.name.startswith(PACKAGE):
        return f"{error.name} cannot be imported ({first_line(error)}): install it again for {sys.executable}"
    return None


def _of_tensorflow(error: Exception) -> OSError | None:
    """The error of the system that one of TensorFlow's has in its text alone; None for others."""
    found = _OF_TENSORFLOW.search(str(error)) if type(error).__module__.startswith("tensorflow.") else None
    numbers = [number for number in REMEDIES if found and os.strerror(number) == found[2]]
    return OSError(numbers[0], os.strerror(numbers[0]), found[1]) if found and numbers else None


def _of_system(error: OSError) -> str | None:
    # Of a rename, the new name is the one that the user knows: the old one is often a temporary file's.
    number, name = error.errno, error.filename2 or error.filename
    if number is None:
        in_words = _IN_WORDS.search(str(error))
        if in_words is None:  # one of our own sentences, a sentence around an error of the system, or a bug
            ours = isinstance(error, ChildProcessError) or type(error).__module__.startswith(f"{PACKAGE}.")
            within = error.__cause__ or error.__context__
            return str(error) if ours else _of_system(within) if isinstance(within, OSError) else None
        number, named = int(in_words[1]), _NAME_IN_WORDS.search(str(error))
        name = name or (named[1] if named else None)
    place = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes | os.PathLike) else ""
    return f"{place}{os.strerror(number)}: {REMEDIES.get(number, OTHER)}"


def fault_of(error: Exception) -> str:
    """The sentence on a fault of this project; its traceback is written to a file that the sentence names."""
    sentence = f"an error of sciml-datasets itself: {type(error).__name__}: {first_line(error)}".removesuffix(": ")
    try:
        with tempfile.NamedTemporaryFile("w", prefix="sciml-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode())
    except OSError as unwritten:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename}, line {last.lineno}"
        return f"{sentence}; please report it, it is from {place} (no traceback could be written: {unwritten})"
    return f"{sentence}; please report it with the traceback in {file.name}"


def first_line(error: Exception) -> str:
    """The first line of an error's message, shortened."""
    lines = str(error).strip().splitlines()
    return lines[0][:LONGEST] if lines else ""
