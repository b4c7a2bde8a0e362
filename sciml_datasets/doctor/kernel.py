"""The kernel's protection of the process that reads submissions of strangers."""

from __future__ import annotations

from collections.abc import Iterator

from sciml_datasets.doctor.observation import Observation
from sciml_datasets.sandbox import Protection, protection

REMEDY = "check strangers' submissions in a container without credentials, or on Linux 5.13 or newer with Landlock"


def observe_kernel(found: Protection | None = None) -> Iterator[Observation]:
    """What the kernel forbids that process, and what it leaves open.

    Args:
        found: the protections; None to ask the kernel.
    """
    found = protection() if found is None else found
    landlock = f"Landlock {found.landlock}" if found.landlock else "no Landlock"
    shown = f"{landlock}, {'seccomp filters' if found.seccomp else 'no seccomp filters'}"
    if found.left_open:
        left = f"{shown}: whoever takes that process over could {', '.join(found.left_open)}"
        yield Observation("sandbox", left, "note", REMEDY)
    else:
        yield Observation("sandbox", f"{shown}: nothing is left open")
