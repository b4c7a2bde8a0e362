"""Files in a folder of somebody else: replaced or removed only where they are still as we wrote them.

What we wrote is a list of names with the SHA-256 of each file. While files change, the list names what was and what
will be; so whatever a kill leaves is known as ours by the next run, which finishes the work.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic

Hashes = dict[str, list[str]]
"""Name of a file in the folder to the SHA-256 of each content of ours that it may have."""
CHANGED = "was not written by this command, or has changed since"


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes to make in a folder.

    Attributes:
        folder: the folder.
        write: name to the file whose content it gets.
        remove: names.
        gone: names of ours that are not wanted any more, whether there is still a file or not.
        during: the list while files change.
        after: the list of the files that are ours then.
    """

    folder: Path
    write: dict[str, Path]
    remove: tuple[str, ...]
    gone: tuple[str, ...]
    during: Hashes
    after: Hashes

    def apply(self, list_name: str, keep: Callable[[Hashes], object]) -> None:
        """Write and remove.

        Args:
            list_name: the file with the list of our files.
            keep: writes it.

        Raises:
            OSError: a file cannot be written; the list names what was written before it.
        """
        by_folder: dict[Path, list[str]] = {}
        for name in {list_name, *self.write, *self.after, *self.gone}:
            path = self.folder / name
            by_folder.setdefault(path.parent, []).append(path.name)
        for folder, names in by_folder.items():
            atomic.remove_leftovers(folder, names)  # while the list still has all names that a kill may have left
        keep(self.during)
        for name, source in self.write.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.copy(source, path)
        for name in self.remove:
            path = self.folder / name
            path.unlink(missing_ok=True)
        for name in self.gone:
            remove_empty((self.folder / name).parent, self.folder)
        if self.during != self.after:
            keep(self.after)


def changes(
    folder: Path,
    wanted: Mapping[str, Path],
    known: Mapping[str, list[str]],
    remedy: str,
    reason: str = CHANGED,
) -> Changes:
    """Compare what is in a folder with what is to be there. Nothing is written yet.

    Args:
        folder: which may hold anything; need not exist.
        wanted: name to the file whose content it is to get. A file that has that content already is left alone.
        known: the list of the files that are ours; those that are not wanted any more are to be removed.
        remedy: action of the user about a file that is not ours, an imperative.
        reason: why it is not replaced, a predicate.

    Raises:
        InputError: a file that would be replaced or removed is not as we wrote it; it is named.
    """
    write: dict[str, Path] = {}
    during: Hashes = {}
    after: Hashes = {}
    for name, source in wanted.items():
        new, ours = sha256(source), known.get(name, [])
        found = find_own(folder, name, [*ours, new], remedy, reason)
        if found != new:
            write[name] = source
        if found is None or found in ours:
            after[name] = [new]
            during[name] = [new] if found is None or found == new else [found, new]
    remove = []
    for name, ours in known.items():
        if name not in wanted and (found := find_own(folder, name, ours, remedy, reason)):
            remove.append(name)
            during[name] = [found]
    gone = tuple(name for name in known if name not in wanted)
    return Changes(folder, write, tuple(remove), gone, during, after)


def find_own(folder: Path, name: str, ours: list[str], remedy: str, reason: str = CHANGED) -> str | None:
    """The SHA-256 of a file that is as we wrote it; None where there is none.

    Raises:
        InputError: something else is there, or on the way; it is named.
    """
    parts = PurePosixPath(name).parts
    for count, part in enumerate(parts, 1):
        path = folder.joinpath(*parts[:count])
        last = count == len(parts)
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return None
        if part == ".." or part == "/" or not (stat.S_ISREG if last else stat.S_ISDIR)(mode):
            break
        if last and (found := sha256(path)) in ours:
            return found
    raise InputError(f"{path} {reason}: {remedy}")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_empty(folder: Path, top: Path) -> None:
    """Remove the folders from this one up to the top, without it, that hold nothing any more."""
    while folder != top:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # something is in it: it stays
            return
        folder = folder.parent
