"""Commands and code on pages for users run, on demo data, in the order in which they stand below a heading.

A block that cannot run has a mark that says why (see ``pages``). What is said of real data runs on the demo of the same
form. Training is short and not compiled, by the words that MORE and UNCOMPILED add.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import NOTEBOOKS, PAGES, ROOT, SHELL, Block, Section, notebook, sections
from tensorflow_processes import Forked

from sciml_datasets.benchmarks import BENCHMARKS

REASON = re.compile(r"not run: \w.{9,}")
RUN_BY = re.compile(r"run by (tests/[\w/]+\.py)")
DEMOS = {data.name: f"{name}_demo" for name, row in BENCHMARKS.items() for data in row.datasets}
"""Name of each data set to that of its benchmark's demo."""
MORE = {
    "train": ["--epochs", "1", "--set", "xla=off"],
    "simulate": ["--samples", "400"],
    "submit": ["--commit", "0123456789" * 4],
}
"""Words that a command gets at its end: the last value of a flag counts."""
FEWER = {"all/5": "all/2"}
"""Words in place of others: as many folds as show that all are trained."""
UNCOMPILED = (re.compile(r'(out_dir="[\w-]+")'), r'\1, xla="off"')
"""What is replaced in calls of `train` and `cross_validate`, and by what."""
MIRROR = "mirror"
"""A folder to fetch from: the raw files of the demos."""
OPTIONAL = {
    "torch": "PyTorch",
    "grain": "grain, of the extra grain",
    "mlcroissant": "mlcroissant, of the extra croissant",
}
"""Modules without which a section is skipped."""
Step = list[str] | str
"""The words of a command, or code."""

SECTIONS = [section for page in PAGES for section in sections(page)]
PROGRAMS = [one for one in (*SECTIONS, *map(notebook, NOTEBOOKS)) if one.run()]


def steps(section: Section) -> Iterator[Step]:
    """What is run of a section."""
    for block in section.run():
        if block.language in SHELL:
            yield from commands(block)
        else:
            assert block.language == "python", f"{section.name}: mark the block of {block.language}"
            yield on_demos(block.text)


def on_demos(code: str) -> str:
    """Code with the names of demos in place of those of real data, and with short training."""
    pattern, replacement = UNCOMPILED
    names = re.sub(r'"(sciml/)?(\w+)"', lambda found: f'"{found[1] or ""}{DEMOS.get(found[2], found[2])}"', code)
    return pattern.sub(replacement, names)


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of a block."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            assert words[0] == "sciml", f"{line}: mark the block, or write a command of this project"
            command, *others = (FEWER.get(word, DEMOS.get(word, word)) for word in words[1:])
            source = ["--source", f"{MIRROR}/{others[0]}"] if command == "fetch" else []
            yield [command, *others, *source, *MORE.get(command, [])]


def imports(code: str) -> set[str]:
    """The packages that a program imports."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [*(name.name for node in found if isinstance(node, ast.Import) for name in node.names)]
    names += [str(node.module) for node in found if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def places(section: Section) -> dict[str, str]:
    """The folders of shared data that a section reads and does not make: name to fixture."""
    program = [*steps(section)]
    whole = "\n".join(" ".join(step) if isinstance(step, list) else step for step in program)
    done = {step[0] for step in program if isinstance(step, list)}
    made = {"raw_dir": done & {"simulate", "fetch"}, "data_dir": done & {"prepare"}}
    named = {"raw": "raw_dir", "RAW": "raw_dir", "data": "data_dir", "DATA": "data_dir"}
    asked = {name: fixture for name, fixture in named.items() if re.search(rf"""(-dir |["']){name}\b""", whole)}
    found = {name: fixture for name, fixture in asked.items() if not made[fixture]}
    return found | ({MIRROR: "raw_dir"} if "fetch" in done else {})


def follow(steps: list[Step], folder: Path) -> None:
    """Run commands and code in a folder, in one process and one namespace."""
    from sciml_datasets.cli.main import main

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for step in steps:
        if isinstance(step, str):
            exec(compile(step, "block", "exec"), namespace)
        elif code := main(step):
            raise SystemExit(f"sciml {shlex.join(step)} ended with {code}")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_block_that_does_not_run_says_why(section: Section) -> None:
    for block in section.blocks:
        if tests := RUN_BY.fullmatch(block.mark):
            page = Path(section.name.partition(":")[0]).name
            assert page in (ROOT / tests[1]).read_text(), f"{tests[1]} reads no {page}"
        elif block.mark and not REASON.fullmatch(block.mark):
            assert block.text == (ROOT / block.mark).read_text(), f"{block.mark} differs from {section.name}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []


@pytest.mark.parametrize("section", PROGRAMS, ids=lambda section: section.name)
def test_commands_and_code_run(section: Section, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    program = list(steps(section))
    for package in {name for step in program if isinstance(step, str) for name in imports(step)} & {*OPTIONAL}:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {OPTIONAL[package]}")
    for name, fixture in places(section).items():
        (tmp_path / name).symlink_to(request.getfixturevalue(fixture))
    data_dir = str(request.getfixturevalue("data_dir"))
    run = Forked.start(
        follow, (program, tmp_path), tmp_path / "errors", {"TFDS_DATA_DIR": data_dir, "MPLBACKEND": "agg"}
    )
    errors = run.reported()
    assert run.process.exitcode == 0, errors
