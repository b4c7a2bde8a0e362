"""Limits of a process: open files, sizes of files, cores and memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from sciml_datasets.doctor.observation import Observation

FEW_FILES = 256
"""Number of open files below which a preparation with several processes, or a training, may fail."""
LITTLE_MEMORY = 2e9
"""Bytes below which `sciml train` may not get far, as TensorFlow and a batch of samples have to fit."""


def observe_limits() -> Iterator[Observation]:
    """The limits of this process, and of those that it starts."""
    yield open_files(*resource.getrlimit(resource.RLIMIT_NOFILE))
    size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if size != resource.RLIM_INFINITY:
        what = f"{size / 1e9:.1f} GB at most (ulimit -f)"
        yield Observation("size of a file", what, "note", "ulimit -f unlimited")
    yield cores(len(os.sched_getaffinity(0)), os.cpu_count() or 1)
    yield memory(
        available_bytes(Path("/proc/meminfo")), allowed_bytes(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    )


def open_files(soft: int, hard: int) -> Observation:
    """The row for the limits on open files (ulimit -n), a soft one and the hard one up to which it can be raised."""
    shown = "without limit" if soft == resource.RLIM_INFINITY else f"{soft:,} (ulimit -n)"
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
        return Observation("open files", shown, "wrong", f"ulimit -n {most}")
    return Observation("open files", shown)


def cores(usable: int, present: int) -> Observation:
    """The row for the cores that this process may use, of those of the machine, which --jobs takes by default."""
    if usable < present:
        return Observation("cores", f"{usable} of {present} may be used", "note", f"give --jobs {usable}")
    return Observation("cores", f"{present}")


def memory(available: int | None, allowed: int | None) -> Observation:
    """The row for bytes of memory: those that the machine has free, and those that a container or a job may use."""
    known = [size for size in (available, allowed) if size is not None]
    if not known:
        return Observation("memory", "not told by this system")
    shown = [f"{available / 1e9:.1f} GB available"] if available is not None else []
    shown += [f"{allowed / 1e9:.1f} GB allowed to this container or job"] if allowed is not None else []
    if min(known) < LITTLE_MEMORY:
        return Observation("memory", ", ".join(shown), "note", "give fewer --jobs, or a smaller --batch-size")
    return Observation("memory", ", ".join(shown))


def available_bytes(meminfo: Path) -> int | None:
    """Bytes of memory that the machine can give (proc(5), MemAvailable); None where it does not say."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    fields = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return int(fields[1]) * 1024 if fields else None


def allowed_bytes(membership: Path, groups: Path) -> int | None:
    """The least limit of memory of the control groups (cgroup v2) that a process is in; None where there is none.

    Args:
        membership: the file ``/proc/<pid>/cgroup``.
        groups: the folder of the control groups, ``/sys/fs/cgroup``.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    place = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if place is None:
        return None
    folder, limits = groups / place, []
    for above in (folder, *folder.parents):
        if not above.is_relative_to(groups):
            break
        try:
            text = (above / "memory.max").read_text().strip()
        except OSError:  # the root has none
            continue
        if text.isdecimal():
            limits.append(int(text))
    return min(limits, default=None)
