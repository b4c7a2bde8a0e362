"""Pages of the site that follow from other files: Python interface, commands, data cards, and pages at the root."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.main import COMMANDS, main
from sciml_datasets.conversion import conversions
from sciml_datasets.data_card import BEST, CATEGORIES, QUESTIONS, read_card

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
INTERFACE = {
    "sciml_datasets": "Data sets",
    "sciml_datasets.metrics": "Criteria",
    "sciml_datasets.models": "Models",
    "sciml_datasets.benchmark": "Declaring a benchmark",
    "sciml_datasets.submissions": "Submissions",
}
"""Module to the title of its section, which has what its ``__all__`` lists."""
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s:]+)(#[^)\s]*)?\)")
"""A link to a file, and the place in it."""


def interface() -> str:
    """The Python interface, for autodoc to fill in."""
    return "\n".join(line for module, title in INTERFACE.items() for line in _of_module(module, title))


def _of_module(name: str, title: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f"## {title}: `{name}`\n"
    for attribute in module.__all__:
        value = getattr(module, attribute)
        if not isinstance(value, ModuleType):
            yield f"```{{eval-rst}}\n.. auto{_directive(value)}:: {name}.{attribute}\n```\n"


def _directive(value: object) -> str:
    """The kind of thing that a value is, in the words of autodoc."""
    if isinstance(value, type):
        return "exception" if issubclass(value, Exception) else "class"
    return "function" if callable(value) else "data"


def commands() -> str:
    """Every command and what ``--help`` says of it."""
    formats = {"convert": [*conversions()]}
    return "\n".join(part for name in COMMANDS for part in _of_command(name, formats.get(name, [])))


def _of_command(name: str, parts: list[str]) -> Iterator[str]:
    yield f"## sciml {name}\n\n{_help(name)}"
    yield from (f"### sciml {name} {part}\n\n{_help(name, part)}" for part in parts)


def _help(*words: str) -> str:
    with redirect_stdout(StringIO()) as text, suppress(SystemExit):
        main([*words, "--help"])
    return f"```text\n{text.getvalue()}```\n"


def card(benchmark: str) -> str:
    """The data card of a benchmark."""
    found = read_card(BENCHMARKS[benchmark])
    answers = (f"**{question}** {getattr(found, name)}\n" for name, question in QUESTIONS.items())
    ratings = (
        f"| {title} | {found.ratings[name].rating:g} | {found.ratings[name].reason} |"
        for name, title in CATEGORIES.items()
    )
    head = f"| category | by the makers, 0 to {BEST} | reason |\n| --- | ---: | --- |\n"
    return "## Data card\n\n" + "\n".join(answers) + "\n" + head + "\n".join(ratings) + "\n"


def of_root(name: str, after: str = "", before: str = "") -> str:
    """A page at the root of the repository, or a part of it, with links as they are in ``docs``."""
    text = (DOCS.parent / name).read_text("utf-8")
    _, _, text = text.partition(after) if after else ("", "", text)
    text = text.partition(before)[0] if before else text
    return LINK.sub(lambda link: f"{link[1]}({_from_docs(link[2])}{link[3] or ''})", text)


def _from_docs(target: str) -> str:
    own = target.removeprefix("docs/") if target.startswith("docs/") else target.lower()
    return own if (DOCS / own).exists() else f"../{target}"


def without_files(text: str, page: str, address: str) -> str:
    """A page whose links to files that are no pages lead to the repository, or where it has no address, nowhere.

    Args:
        text: text of the page.
        page: its path below ``docs``.
        address: address below which the repository shows its files; empty where it has none.
    """

    def replaced(link: re.Match[str]) -> str:
        target = (DOCS / page).parent / link[2]
        if target.resolve().is_relative_to(DOCS):
            return link[0]
        place = target.resolve().relative_to(DOCS.parent).as_posix()
        return f"{link[1]}({address}/{place})" if address else link[1].strip("![]")

    return LINK.sub(replaced, text)


MORE: dict[str, Callable[[], str]] = {
    "index": lambda: (
        of_root("README.md", "# sciml-datasets\n", "## Install\n")
        + "## Benchmarks\n"
        + of_root("README.md", "## Benchmarks\n")
    ),
    "quickstart": lambda: of_root("README.md", "## Install\n", "## Benchmarks\n"),
    "changelog": lambda: of_root("CHANGELOG.md", "# Changelog\n"),
    "contributing": lambda: of_root("CONTRIBUTING.md", "# Contributing\n"),
    "reference/python": interface,
    "reference/commands": commands,
    **{f"benchmarks/{name}": partial(card, name) for name in BENCHMARKS},
}
"""Page to the text that is added at its end."""


def complete(app: Sphinx, page: str, source: list[str]) -> None:
    """Add to a page what follows from other files, and take out its links to files that are no pages."""
    text = source[0] + "\n" + MORE.get(page, str)()
    source[0] = without_files(text, page, app.config.repository_files)


def keep_bars(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Let absolute values in a docstring, as in |t - p|, be no substitutions of reStructuredText."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = line.split("``")
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[number] = "``".join(parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Declare this extension to Sphinx."""
    app.add_config_value("repository_files", "", "env")
    app.connect("source-read", complete)
    app.connect("autodoc-process-docstring", keep_bars)
    return {"parallel_read_safe": True}
