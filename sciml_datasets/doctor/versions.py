"""Versions of Python and of packages, and the ranges that the metadata of the installed package declare."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import pip_install

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NAME = "sciml-datasets"


def observe_python(name: str = NAME) -> Iterator[Observation]:
    """Python and the package.

    Args:
        name: name of the distribution.
    """
    python, where = platform.python_version(), Path(__file__).parents[1]
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        yield Observation("Python", f"{python}, {sys.executable}")
        remedy = pip_install("--editable", str(where.parent))
        yield Observation(name, f"not installed, it runs from {where}", "wrong", remedy)
        return
    yield _python(python, installed.metadata["Requires-Python"] or "")
    yield Observation(name, f"{installed.version}, {where}")


def observe_packages(name: str = NAME) -> Iterator[Observation]:
    """A row for each package that is required, and for each of an extra that is installed.

    Args:
        name: name of the distribution whose requirements are compared; nothing is known of one that is not installed.
    """
    from packaging.requirements import Requirement

    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return
    extras = ("", *(installed.metadata.get_all("Provides-Extra") or ()))
    seen = set()
    for requirement in map(Requirement, installed.requires or ()):
        needed_by = [one for one in extras if requirement.marker is None or requirement.marker.evaluate({"extra": one})]
        key = requirement.name, str(requirement.specifier)
        if not needed_by or requirement.name == name or key in seen:
            continue
        seen.add(key)
        row = _package(requirement, optional="" not in needed_by)
        if row is not None:
            yield row


def _python(found: str, declared: str) -> Observation:
    from packaging.specifiers import SpecifierSet

    if SpecifierSet(declared).contains(found, prereleases=True):
        return Observation("Python", f"{found} (declared {declared or 'any'}), {sys.executable}")
    remedy = f"make a virtual environment with Python {declared}, and install {NAME} in it"
    return Observation("Python", f"{found}, expected {declared}", "wrong", remedy)


def _package(requirement: Requirement, *, optional: bool) -> Observation | None:
    """A row for one package; None for one of an extra that is not installed."""
    declared = str(requirement.specifier)
    remedy = pip_install(f"{requirement.name}{declared}")
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return None if optional else Observation(requirement.name, "missing", "wrong", remedy)
    if not requirement.specifier.contains(found, prereleases=True):
        return Observation(requirement.name, f"{found}, expected {declared}", "wrong", remedy)
    return Observation(requirement.name, f"{found} (declared {declared})" if declared else found)
