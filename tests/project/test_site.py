"""The site: it builds without a warning and without a network, and its pages take nothing from other machines."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import offline
import pytest
from pages import NOTEBOOKS, ROOT

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.main import COMMANDS
from sciml_datasets.data_card import QUESTIONS

MISSING = [name for name in ("sphinx", "myst_nb", "furo") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}, of the extra docs: make site")
ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//[^>]*>""")
"""An element that a browser fetches from another machine."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, *([offline.__file__] if offline.supported() else ["-m"]), "sphinx"]
    options = ["-W", "--keep-going", "-q", "-d", folder / "doctrees", ROOT / "docs", folder / "html"]
    done = subprocess.run([*command, *map(str, options)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    sources = [*(ROOT / "docs").rglob("*.md"), *NOTEBOOKS]
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in sources}
    assert pages - {path.relative_to(site) for path in site.rglob("*.html")} == set()
    assert all(path.stem in (site / "searchindex.js").read_text() for path in pages)


def test_a_browser_fetches_nothing_from_other_machines(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert ELSEWHERE.findall(page.read_text()) == [], page


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_page_of_a_benchmark_has_its_data_card(site: Path, name: str) -> None:
    page = (site / "benchmarks" / f"{name}.html").read_text()
    assert all(question in page for question in QUESTIONS.values())


def test_the_reference_has_every_command_and_every_public_name(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text()
    assert all(f"usage: sciml {name}" in page for name in COMMANDS)
    page = (site / "reference" / "python.html").read_text()
    for name in ("sciml_datasets.prepare", "sciml_datasets.metrics.Evaluator.update", "sciml_datasets.models.train"):
        assert f'id="{name}"' in page
