"""Examples in docstrings: every public name has one, and each runs as it stands there.

An example prints what stands there, and neither warns nor writes to standard error. It runs in a folder of its own, in
which ``raw`` holds raw files of the demos and ``data`` the prepared demos, where the docstring names them.
"""

from __future__ import annotations

import doctest
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sciml_datasets

PACKAGE = Path(sciml_datasets.__file__).parent
LISTS = ("sciml_datasets", "sciml_datasets.benchmark", "sciml_datasets.metrics", "sciml_datasets.models")
"""Modules whose ``__all__`` is public."""
OTHERS = (
    ("sciml_datasets.conversion", "convert"),
    ("sciml_datasets.raw_format", "RawFormat"),
    ("sciml_datasets.rows", "Row"),
    ("sciml_datasets.rows", "Rows"),
    ("sciml_datasets.testing", "check_benchmark"),
)
"""Public names in modules that list none."""


def public_names() -> Iterator[tuple[str, Any]]:
    """Qualified name and value of what needs an example: all but modules, exceptions and constant tuples."""
    listed = [(name, attribute) for name in LISTS for attribute in importlib.import_module(name).__all__]
    for name, attribute in (*listed, *OTHERS):
        value = getattr(importlib.import_module(name), attribute)
        exception = isinstance(value, type) and issubclass(value, Exception)
        if not exception and not isinstance(value, ModuleType | tuple):
            yield f"{name}.{attribute}", value


def sources_with_examples() -> Iterator[tuple[str, Path]]:
    """Name and path of each module of the package that holds an example."""
    for folder, _, files in os.walk(PACKAGE, followlinks=True):
        for path in sorted(Path(folder, file) for file in files if file.endswith(".py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
                yield ".".join(parts).removesuffix(".__init__"), path


def examples_of(name: str) -> list[doctest.DocTest]:
    """The examples of a module, those of each docstring together.

    Examples of public names see only what they import, so that a reader can copy them; others also see their module.
    """
    found = [one for one in doctest.DocTestFinder().find(importlib.import_module(name), name) if one.examples]
    for one in found:
        if any(one.name == place or one.name.startswith(f"{place}.") for place in PLACES):
            one.globs = {"__name__": "__main__"}
    return found


UNSEEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python shows to the developers of a library alone (the default filters of `warnings`)."""
PUBLIC = dict(public_names())
DOCUMENTED = [value if hasattr(value, "__qualname__") else type(value) for value in PUBLIC.values()]
PLACES = {f"{value.__module__}.{value.__qualname__}" for value in DOCUMENTED}
"""Names by which doctest finds the docstrings of public names."""
SOURCES = dict(sorted(sources_with_examples()))
EXAMPLES = [one for name in SOURCES for one in examples_of(name)]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example(name: str) -> None:
    assert doctest.DocTestParser().get_examples(PUBLIC[name].__doc__ or "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_holds(
    example: doctest.DocTest,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    for folder, fixture in (("raw", "raw_dir"), ("data", "data_dir")):
        if f'"{folder}"' in example.docstring or f'"{folder}/' in example.docstring:
            (tmp_path / folder).symlink_to(request.getfixturevalue(fixture))
    monkeypatch.chdir(tmp_path)
    importlib.import_module("tensorflow")  # which writes to standard error, whoever imports it
    capfd.readouterr()
    assert doctest.DocTestRunner().run(example).failed == 0
    shown = [str(warning.message) for warning in recwarn if not issubclass(warning.category, UNSEEN)]
    assert (capfd.readouterr().err, shown) == ("", [])


@pytest.mark.parametrize("name", SOURCES)
def test_no_example_of_a_module_is_passed_over(name: str) -> None:
    lines = SOURCES[name].read_text(encoding="utf-8").splitlines()
    written = sum(line.lstrip().startswith(">>> ") for line in lines)
    assert written == sum(len(one.examples) for one in examples_of(name))


@pytest.mark.parametrize("option", ["SKIP", "ELLIPSIS"])
def test_an_example_is_compared_exactly(option: str) -> None:
    flag = doctest.OPTIONFLAGS_BY_NAME[option]
    assert [one.name for one in EXAMPLES if any(flag in step.options for step in one.examples)] == []
