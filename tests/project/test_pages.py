"""Pages for users: links lead somewhere, commands are such as the command line takes, and names in code exist."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT, SHELL, sections, unfenced
from tensorflow_processes import Forked

from sciml_datasets.cli.main import COMMANDS

LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path, *languages: str) -> list[str]:
    return [block.text for one in sections(page) for block in one.blocks if block.language in languages]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command of this project in the blocks of a page."""
    for line in "\n".join(blocks(page, *SHELL)).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "sciml" in words and words[0] != "python":
            yield words[words.index("sciml") + 1 :]


def mentions(page: Path) -> Iterator[list[str]]:
    """The words of each command that stands in a sentence, where arguments may be left out."""
    for words in re.findall(r"`sciml ([a-z][^`]*)`", unfenced(page)):
        yield words.split()


def parser_of(command: str) -> argparse.ArgumentParser:
    assert command in COMMANDS
    parser = argparse.ArgumentParser(prog=f"sciml {command}", allow_abbrev=False, exit_on_error=False)
    importlib.import_module(f"sciml_datasets.cli.{command}").add_arguments(parser)
    return parser


def anchor(heading: str) -> str:
    """The name by which a heading is linked, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall(unfenced(page)):
        if "://" in link:
            continue
        place, _, name = link.partition("#")
        target = page.parent / place if place else page
        assert target.exists(), link
        if name:
            assert name in map(anchor, re.findall(r"^#+ (.+)$", unfenced(target), re.MULTILINE)), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_other_pages_by_links(page: Path) -> None:
    assert re.findall(r"`docs/[\w/]+\.md`", page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_on_a_page_are_such_as_the_command_line_takes(page: Path) -> None:
    for name, *arguments in commands(page):
        _, unknown = parser_of(name).parse_known_args(arguments)
        assert unknown == [], f"sciml {name} {arguments}"
    for name, *arguments in mentions(page):
        flags = parser_of(name).format_help().replace(",", " ").split()
        for flag in re.findall(r"--[a-z-]+", " ".join(arguments)):
            assert flag in {known.strip("[]") for known in flags}, f"sciml {name} {flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_on_a_page_is_valid_and_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sciml_datasets"):
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == [], node.module


def test_the_landing_page_is_short_and_narrow() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 100


def run_block(block: str, answer: Path) -> None:
    """Run the code of a page, its standard output in a file."""
    import contextlib

    with answer.open("w") as file, contextlib.redirect_stdout(file):
        exec(compile(block, "README.md", "exec"), {})


def test_the_code_of_the_landing_page_runs_as_it_stands(data_dir: Path, tmp_path: Path) -> None:
    (block,) = blocks(ROOT / "README.md", "python")
    arguments = (block, tmp_path / "answer")
    run = Forked.start(run_block, arguments, tmp_path / "errors", {"TFDS_DATA_DIR": str(data_dir)})
    errors = run.reported()
    assert run.process.exitcode == 0, errors
    shapes, score = (tmp_path / "answer").read_text().splitlines()
    assert re.fullmatch(r"\(32, \d+\) \(32, \d+\) \(32,\)", shapes)
    assert 0 < float(score) < 1
