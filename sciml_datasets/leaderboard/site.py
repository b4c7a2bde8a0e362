"""Writing of the static site, file by file; files of others are never touched."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.owned_files import Hashes, changes
from sciml_datasets.files.regular_files import is_there
from sciml_datasets.leaderboard.drawing import NotDrawnError, draw
from sciml_datasets.leaderboard.entries import Entry
from sciml_datasets.leaderboard.pages import RANK, pages, rank_text
from sciml_datasets.leaderboard.ranking import Board, boards
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.check import Checked
from sciml_datasets.submissions.data_at_hand import DataAtHand
from sciml_datasets.submissions.findings import BrokenRuleError
from sciml_datasets.submissions.folder import read_file

LIST = "leaderboard.sha256"
"""Name of the list of the files of a site, as `sha256sum --check` reads it; only they are ever replaced or removed."""
PAGE = "index.html"
LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
HOSTED = re.compile(rf"\..+|CNAME|leaderboard\.sha256{atomic.ENDING}")
"""Names that git and hosts of pages use, and the rest of a list after a kill; a folder with nothing else counts as
empty."""
REMEDY = "move it elsewhere, or choose another --out"


@dataclass(frozen=True, slots=True)
class Site:
    """What was written.

    Attributes:
        boards: the boards.
        left_out: name of each accepted submission that cannot be drawn, and why.
    """

    boards: list[Board]
    left_out: dict[str, str]


def write_site(checked: Sequence[Checked], out: Path, data: DataAtHand | None = None) -> Site:
    """Write the site of the accepted submissions, file by file; an earlier site is updated.

    Only files that are in the site's own list and still have the hash in that list are replaced or removed; all other
    files in the folder are kept. A site that was interrupted is completed by the next call.

    Args:
        checked: submissions; those with findings that must be fixed are left out.
        out: a new folder, an empty one, or an earlier site.
        data: prepared data, from which the scores of trivial predictors follow.

    Raises:
        InputError: the folder is used for something else, a file of the site has been changed or was made by others, or
            the site would be among the submissions; nothing is written.
        OSError: a file cannot be written.
    """
    _check_apart(checked, out)
    known = _listed(out)
    with TemporaryDirectory(prefix="sciml-") as folder:
        made, entries, left_out = _drawn([one for one in checked if one.accepted and one.facts], Path(folder))
        found = boards(entries, data.baselines if data else None)
        made |= _pages(found, Path(folder))
        to_do = changes(out, made, known, REMEDY)
        out.mkdir(parents=True, exist_ok=True)
        to_do.apply(LIST, lambda hashes: atomic.write_text(out / LIST, _list(hashes)))
    return Site(found, left_out)


def _check_apart(checked: Sequence[Checked], out: Path) -> None:
    """Make sure that the site is not among the submissions themselves."""
    for one in checked:
        root = os.path.realpath(one.place.folder.parents[max(len(one.place.parts) - 1, 0)])
        if root in (os.path.realpath(out), os.path.realpath(out / "submissions")):
            raise InputError(f"{out}: the site would be among the submissions in {root}: choose another --out")


def _listed(out: Path) -> Hashes:
    """The hashes of the files of an earlier site; empty where the folder is new or empty.

    Raises:
        InputError: it is in use for something else, or the list cannot be read.
    """
    place = out / LIST
    if out.is_symlink() and not out.exists():
        raise InputError(f"{out} is a symbolic link that leads nowhere: choose another --out")
    if not is_there(place):
        if out.exists() and (not out.is_dir() or not all(HOSTED.fullmatch(path.name) for path in out.iterdir())):
            raise InputError(f"{out} is in use and no earlier site, which has a {LIST}: choose another --out")
        return {}
    listed: Hashes = {}
    lines = place.read_bytes().decode("utf-8", "replace").splitlines() if _is_plain(place) else [""]
    for number, line in enumerate(lines, 1):
        parsed = LINE.fullmatch(line)
        if parsed is None:
            raise InputError(f"{place}, line {number}: expected a SHA-256 and the name of a file: choose another --out")
        listed.setdefault(parsed[2], []).append(parsed[1])
    return listed


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _list(hashes: Hashes) -> str:
    return "".join(f"{sha256}  {name}\n" for name, known in sorted(hashes.items()) for sha256 in known)


def _drawn(accepted: Sequence[Checked], folder: Path) -> tuple[dict[str, Path], list[Entry], dict[str, str]]:
    """Draw each submission into a folder.

    Returns:
        Name of each file of the site to where it is; the entries; name of each submission that is left out, and why.
    """
    made: dict[str, Path] = {}
    entries, left_out = [], {}
    for one in accepted:
        try:
            entry, page = draw(one)
            content = read_file(one.place.folder / entry.contribution, rules.MAX_BYTES["other"])
        except (NotDrawnError, BrokenRuleError) as error:
            left_out[one.place.name] = str(error)
            continue
        entries.append(entry)
        for name, text in ((entry.contribution, content), (PAGE, page.encode())):
            made[f"submissions/{entry.path}/{name}"] = path = folder / "submissions" / entry.path / name
            _write(path, text)
    return made, entries, left_out


def _pages(found: Sequence[Board], folder: Path) -> dict[str, Path]:
    """Write the ranks into the pages of submissions, and the pages of boards; pages with links to others come last."""
    made: dict[str, Path] = {}
    for board in found:
        for one in board.ranked:
            path = folder / "submissions" / one.entry.path / PAGE
            _write(path, path.read_bytes().replace(RANK.encode(), rank_text(board, one).encode()))
    for name, text in pages(found):
        made[name] = path = folder / name
        _write(path, text.encode())
    return made


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        path.write_bytes(content)
