"""Which protections the kernel of this machine gives to the sandbox, and what it leaves open without them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sciml_datasets.sandbox import landlock, seccomp


@dataclass(frozen=True, slots=True)
class Protection:
    """What holds a stranger who has taken over the process that reads a file.

    Attributes:
        landlock: version of Landlock, which limits the files that can be opened; 0 where the kernel has none.
        seccomp: whether system calls are filtered.
    """

    landlock: int
    seccomp: bool

    @property
    def left_open(self) -> tuple[str, ...]:
        """What the process could do beyond reading its files and answering; nothing with both protections."""
        found: tuple[str, ...] = () if self.landlock else ("read the files of its user",)
        if not self.seccomp:
            found += ("use the network", "start programs", "signal other processes")
            found += () if self.landlock else ("remove and rename files of its user",)
        return found

    @property
    def note(self) -> str:
        """One sentence on what is left open; empty where nothing is."""
        if not self.left_open:
            return ""
        absent = [name for name, there in (("Landlock", self.landlock), ("seccomp filters", self.seccomp)) if not there]
        return (
            f"this system has no {' and no '.join(absent)}: a submission that takes over the process which reads it "
            f"could {', '.join(self.left_open)}; check strangers' submissions in a container without credentials"
        )

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"landlock": self.landlock, "seccomp": self.seccomp, "left_open": list(self.left_open)}


@cache
def protection() -> Protection:
    """The protections that `sciml_datasets.sandbox.process.in_sandbox` has on this machine."""
    return Protection(landlock.version(), seccomp.available())
