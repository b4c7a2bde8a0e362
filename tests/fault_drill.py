"""Seeded faults of system calls in commands; see ``perf/faults.py`` for what is required of them."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import fault_shim
from fault_commands import COMMANDS, SHARE, Command, inputs_of_all
from fault_shim import ERRORS, KILL, Fault
from warm_processes import Ended, Warm, warm

Tree = dict[str, bytes]
"""Path below a folder to the SHA-256 of the file; of texts that differ from run to run, without their digits."""
OF_THE_FILE = (errno.EINVAL, errno.EACCES)
"""Errors that damaged files and other kinds of file cause as well, so that the sentence may be on the file."""
FINAL = re.compile(r"(?<=/)\.(?=[^/]+\.incomplete-)|\.incomplete-[^/]+(/folder)?|\.[0-9a-f]{16}\.incomplete")
"""What the path of a work folder or a temporary file has more than the path to be."""
REFUSED = (errno.EINVAL, errno.EACCES, errno.ENOSYS, KILL)
"""Errors by which one submission that cannot be opened is left out, and the others stand."""
ENDS = ("harmless", "told", "killed", "wrong")


@dataclass
class Result:
    """The outcome of a drill.

    Attributes:
        counts: number of cases by command, call and end.
        seconds: time that these cases took.
        wrong: sentences on what should never happen.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: dict[tuple[str, str, str], float] = field(default_factory=lambda: defaultdict(float))
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Markdown: a line for each command, and one for each kind of call of all of them."""
        lines: list[str] = []
        for number, title in enumerate(("command", "call")):
            lines += [f"| {title} | cases | {' | '.join(ENDS)} | seconds |", f"| --- {'| ---: ' * (len(ENDS) + 2)}|"]
            for name in sorted({row[number] for row in self.counts}):
                lines.append(self._line(name, [row for row in self.counts if row[number] == name]))
            lines += [self._line("all", list(self.counts)), ""]
        return "\n".join(lines)

    def _line(self, name: str, rows: list[tuple[str, str, str]]) -> str:
        counts = [sum(self.counts[row] for row in rows if row[2] == end) for end in ENDS]
        seconds = f"{sum(self.seconds[row] for row in rows):.0f}"
        return f"| {' | '.join((name, *map(str, (sum(counts), *counts)), seconds))} |"


@dataclass
class Drill:
    """Faults in one command.

    Args:
        command: the command.
        root: folder of the inputs and of all cases: calls on paths below it may fail.
        notes: folder elsewhere.
        mirror: URL to fetch from.
        sciml: runs commands.
    """

    command: Command
    root: Path
    notes: Path
    mirror: str
    sciml: Warm

    def __post_init__(self) -> None:
        self._inputs = last_changes(self.root / "inputs")
        self._texts: frozenset[str] = frozenset()
        first = self._undisturbed()
        self.reference = self._undisturbed()
        assert first.keys() == self.reference.keys()
        self._texts = frozenset(name for name, content in first.items() if content != self.reference[name])
        if self._texts:
            self.reference = self._undisturbed()
            assert self._undisturbed() == self.reference, f"{self.command.name}: {self._texts} differ"

    def _undisturbed(self) -> Tree:
        out = self._begin()
        ended = self._run(out, None)
        assert ended.code == 0, f"{self.command.name}: {ended}"
        self.calls = fault_shim.noted(self.notes)
        found = self._tree(out)
        shutil.rmtree(out)
        return found

    def _begin(self) -> Path:
        out = self.root / "case"
        out.mkdir()
        self.command.begin(self.root / "inputs", out)
        self._before = self._tree(out)
        return out

    def _run(self, out: Path, fault: Fault | None) -> Ended:
        places = {"out": out, "inputs": self.root / "inputs", "mirror": self.mirror}
        environment = fault_shim.settings(self.root, self.notes, fault)
        return self.sciml.run([word.format(**places) for word in self.command.arguments], environment)

    def _tree(self, folder: Path) -> Tree:
        found = hashes(folder, self._texts)
        varying = [name for name in found if any(fnmatch(name, pattern) for pattern in self.command.varies)]
        return found | dict.fromkeys(varying, b"")

    def case(self, fault: Fault, result: Result) -> None:
        """Run the command with a fault, look at what is there, run it again, and look again."""
        started = time.perf_counter()
        out = self._begin()
        ended = self._run(out, fault)
        hit = fault_shim.noted(self.notes)
        wrong = list(self._faults_of(out, ended, fault, hit))
        end = "harmless" if ended.code == 0 else "told" if ended.code > 0 else "killed"
        if self.command.refuses and self.reference.keys() <= (found := self._tree(out)).keys():
            told = [name for name in found.keys() - self.reference if Path(name).name in ended.err]
            _remove(out, {*self.reference, *told})  # it is done, and would refuse to do it again
        again = self._run(out, None)
        if again.code:
            wrong.append(f"the rerun ends with {again.code}: {again.err.strip()[-300:]}")
        else:
            wrong += [f"after the rerun {difference}" for difference in differences(self.reference, self._tree(out))]
        if last_changes(self.root / "inputs") != self._inputs:
            wrong.append("an input changed")
        shutil.rmtree(out)
        row = self.command.name, fault.call, "wrong" if wrong else end
        result.counts[row] += 1
        result.seconds[row] += time.perf_counter() - started
        place = hit[0][1].replace(str(self.root), "") if hit else "?"
        last = ended.err.strip()[-400:].replace(str(self.root), "")
        result.wrong += [f"{self.command.name}, {fault} at {place}: {what} | {last}" for what in wrong]

    def _faults_of(self, out: Path, ended: Ended, fault: Fault, hit: list[tuple[str, str]]) -> Iterator[str]:
        """A clause for each thing that should not be so after a command with a fault."""
        found, text = self._tree(out), f"{ended.err}\n{ended.out}"
        missing = [name for name in self.reference if name not in found]
        if "Traceback" in text or "Exception ignored" in text:
            yield "a traceback"
        if ended.code == 0 and "left out" in text and fault.error in REFUSED:
            return  # what follows from that is not the reference
        for name in (found.keys() & self.reference.keys()) - {*self.command.lists}:
            if found[name] not in (self.reference[name], self._before.get(name)):
                yield f"{name} is half-made"
        if lost := [name for name in self._before if name not in found]:
            yield f"lost: {lost}"
        if ended.code == 0:
            if missing:
                yield f"exit 0 without {missing}"
            return
        if fault.error == KILL and (ended.code == -signal.SIGKILL or ended.code > 0):
            return  # in the second case a worker was killed, and its process tells
        if ended.code not in self.command.codes:
            yield f"exit code {ended.code}: {ended.out[-300:]}"
        if self.command.whole and (out / self.command.whole).exists() and missing:
            yield f"{self.command.whole} is there without {missing}"
        if hit and os.strerror(fault.error) not in text and fault.error not in OF_THE_FILE:
            yield "the reason is not named"
        if hit and not _names(text, FINAL.sub("", hit[0][1]), self.root):
            yield "the file is not named"


def _names(text: str, path: str, root: Path) -> bool:
    """Whether a text names a path below the root that the path lies in, or whose folder it does."""
    if Path(path).name in text:
        return True
    for named in re.findall(rf"{re.escape(str(root))}/[^\s:,;'\"]*", text):
        shown = Path(FINAL.sub("", named))
        if Path(path).is_relative_to(shown) or (shown.parent != root and Path(path).is_relative_to(shown.parent)):
            return True
    return False


def _remove(out: Path, names: set[str]) -> None:
    """Remove files, and then the folders that are empty."""
    for name in sorted(names, reverse=True):
        path = out / name
        if not path.is_dir():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()


def differences(expected: Tree, found: Tree) -> list[str]:
    """Clauses on what is missing, left over or other."""
    clauses = {"is missing": expected.keys() - found, "is left": found.keys() - expected}
    clauses["differs"] = {name for name in expected.keys() & found if expected[name] != found[name]}
    return [f"{name} {what}" for what, names in clauses.items() for name in sorted(names)]


def hashes(folder: Path, texts: frozenset[str] = frozenset()) -> Tree:
    """The files and the folders below a folder."""
    found: Tree = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[name] = b""
            continue
        content = path.read_bytes()
        if name in texts:
            content = re.sub(rb"[-+]?[0-9][-+0-9.e]*", b"#", content)
        found[name] = hashlib.sha256(content).digest()
    return found


def last_changes(folder: Path) -> dict[Path, int]:
    """Time of the last change of everything in a folder, in ns since 1970."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def drill(
    folder: Path, faults: int, seed: int, names: list[str], tell: Callable[[str], object], *, kill: bool = False
) -> Result:
    """Fail so many calls in all commands, or in those of these names, and tell at once what should not be so; ``kill``
    the process that makes the call instead."""
    result, root, notes = Result(), folder / "watched", folder / "notes"
    root.mkdir()
    notes.mkdir()
    chosen = [command for command in COMMANDS if not names or command.name in names]
    turns = [command.name for turn in range(SHARE) for command in chosen if turn < command.share]
    with inputs_of_all(root / "inputs") as mirror, warm(notes, fault_shim.build(notes)) as sciml:
        drills = {command.name: Drill(command, root, notes, mirror, sciml) for command in chosen}
        for number in range(faults):
            one, before = drills[turns[number % len(turns)]], len(result.wrong)
            draw, errors = random.Random(f"{seed} {number}"), (KILL,) if kill else ERRORS
            one.case(fault_shim.drawn(one.calls, draw, errors), result)
            for sentence in result.wrong[before:]:
                tell(f"case {number}: {sentence}")
    return result
