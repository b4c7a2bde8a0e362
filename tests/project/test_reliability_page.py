"""Each promise of docs/reliability.md names what holds it, and each file that the page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!-|promise)(.+) \|$", PAGE.partition("## Where")[0], re.MULTILINE)
FOLDERS = ("sciml_datasets", "cli", "metrics", "models", "tests", "perf", "examples")
FILES = [path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(" |")[0])
def test_a_promise_is_held_by_a_test_or_a_script(row: str) -> None:
    promise, holders, _ = row.split(" |")
    paths = re.findall(r"`((?:tests|perf)/[\w/]+\.py)`", holders)
    assert promise
    assert paths
    assert all("def test_" in text or "__main__" in text for text in ((ROOT / path).read_text() for path in paths))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/.]+\.(?:py|yml|txt))`", PAGE))))
def test_a_file_that_the_page_names_exists(name: str) -> None:
    parts = Path(name).parts
    assert (ROOT / name).is_file() or any(file.parts[-len(parts) :] == parts for file in FILES)
