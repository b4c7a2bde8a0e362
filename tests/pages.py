"""Pages for users as sections of blocks: commands and code between fences, and the marks before them.

A mark is a comment on the line before a fence. It says why a block is not run (``not run: REASON``), which file of
tests runs it (``run by tests/...``), or which file it shows (a path).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FENCED = re.compile(r"(?:^<!-- ([^\n]+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = re.compile(rf"^#+ ([^\n]+)$|{FENCED.pattern}", re.MULTILINE | re.DOTALL)
"""A heading, or a block with its mark; a comment in a block looks like a heading, but a block is found first."""
SHELL = ("", "bash", "sh")


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    language: str
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Section:
    """The blocks below one heading of a page, or all cells of a notebook."""

    name: str
    blocks: tuple[Block, ...]

    def run(self) -> tuple[Block, ...]:
        """The blocks without a mark."""
        return tuple(block for block in self.blocks if not block.mark)


def sections(page: Path) -> Iterator[Section]:
    """The sections of a page that have blocks."""
    name, heading, blocks = page.relative_to(ROOT).as_posix(), "", list[Block]()
    for title, mark, language, text in PARTS.findall(page.read_text()):
        if not title:
            blocks.append(Block(language, text, mark))
            continue
        if blocks:
            yield Section(f"{name}: {heading}", tuple(blocks))
        heading, blocks = title, []
    if blocks:
        yield Section(f"{name}: {heading}", tuple(blocks))


def notebook(path: Path) -> Section:
    """The code of a notebook."""
    cells = json.loads(path.read_text())["cells"]
    code = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return Section(path.relative_to(ROOT).as_posix(), tuple(Block("python", text) for text in code))


def unfenced(page: Path) -> str:
    """The text of a page without its blocks."""
    return FENCED.sub("", page.read_text())
