"""The machine of a run: processor, memory, versions, and the energy of the run where the machine measures it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
"""Folder in which Linux shows the energy counters of the processor packages
(https://docs.kernel.org/power/powercap/powercap.html)."""


def hardware(accelerators: Iterable[str] = (), processes: int = 1) -> dict[str, Any]:
    """The processor, cores that this process may use, memory in bytes and accelerators; unknown facts are None.

    Args:
        accelerators: names of the devices that the run uses beside the processor.
        processes: number of processes of the run.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "accelerators": list(accelerators),
        "processes": processes,
    }


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or platform.machine() or None


def software(packages: Iterable[str]) -> dict[str, str]:
    """The versions of Python, of the operating system and of those packages that are installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def distribution_of(package: str) -> list[str]:
    """The name of the installed distribution that an importable package belongs to, in a list; empty where none is."""
    return packages_distributions().get(package.partition(".")[0], [])[:1] if package else []


class EnergyMeter:
    """Energy of the processor packages since the meter was made, from Linux's power capping counters.

    Accelerators, memory outside the package and other machines are not included. A counter restarts from zero at its
    stated range; one restart between two readings is recognised, so read at least every few minutes.

    Args:
        folder: folder with one folder ``<type>:<number>`` for each package.
    """

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._packages = [path for path in sorted(folder.glob("*")) if path.name.count(":") == 1]
        self._last = self._read()
        self._microjoules = 0

    def read(self) -> dict[str, Any] | None:
        """The ``joules`` so far and what they cover (``covers``); None where there are no readable counters."""
        now = self._read()
        if not now or now.keys() != self._last.keys():
            return None
        for path, (energy, turn) in now.items():
            spent = energy - self._last[path][0]
            self._microjoules += spent if spent >= 0 else spent + turn
        self._last = now
        return {"joules": self._microjoules / 1e6, "covers": f"{len(now)} processor package(s), not accelerators"}

    def _read(self) -> dict[Path, tuple[int, int]]:
        """The counter and its range, in microjoules, by package."""
        found = {}
        for path in self._packages:
            try:
                energy = int((path / "energy_uj").read_text())
                found[path] = energy, int((path / "max_energy_range_uj").read_text())
            except (OSError, ValueError):  # readable by root alone on many machines
                return {}
        return found
