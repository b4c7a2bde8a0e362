"""Text from outside comes out of every command printable, and honest text of every script comes out unchanged."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from processes import COMMAND

from sciml_datasets.cli.main import main
from sciml_datasets.mathtext import literal
from sciml_datasets.printable import notice, printable, printable_json

HOSTILE = "a\x1b[2J\rsciml: done\n\u202egnp.\u200b\x9b31m\x7f\u2028\ufe0f\udcff"
"""Escapes, ends of lines, a turn of the direction of writing, characters without width, a byte that is no UTF-8."""
HONEST = ["Ångström, 12 µm", "A\u030angstro\u0308m", "雲のマスク", "облако", "سحاب", "बादल", "ΔT ≤ 0.5 K·m⁻²", "🙂"]


def invisible(text: str) -> list[str]:
    """Characters of these categories of UAX #44: controls, formats, surrogates, unassigned, ends of lines."""
    return [one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")]


def names() -> st.SearchStrategy[str]:
    """Names that a file can have on Linux: any bytes but 0 and the slash."""
    text = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=12)
    unseen = st.text("\x1b\r\n\t\x7f\x9b\u202e\u2066\u200b\ufeff\u2028\ufe0f\U000e0041é雲", min_size=1, max_size=12)
    raw = st.binary(min_size=1, max_size=12).map(lambda found: os.fsdecode(found.translate(None, b"\0/")) or "a")
    return st.one_of(text, unseen, raw).filter(lambda name: name not in (".", "..") and len(os.fsencode(name)) < 200)


@given(st.text())
@example(HOSTILE)
def test_any_text_is_printable_on_one_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert invisible(shown) == []
    assert printable(shown) == shown


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("unseen", ["\u00ad", "\u034f", "\u061c", "\u115f", "\u200b", "\u2060", "\u3164", "\ufe0f"])
def test_a_character_that_shows_nothing_is_shown_by_its_number(unseen: str) -> None:
    assert re.fullmatch(r"a\\(x|u00|u)[0-9a-f]{2,4}b", printable(f"a{unseen}b"))


@given(st.text())
def test_json_of_any_text_is_plain_and_means_the_same(text: str) -> None:
    shown = printable_json({text: [text]})
    assert all(" " <= one <= "~" or one == "\n" for one in shown)
    assert json.loads(shown) == {text: [text]}


@given(st.lists(st.text(), min_size=1))
def test_a_line_stays_one_line(lines: list[str]) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        notice(*lines)
    assert len(shown.getvalue().split("\n")) == len(lines) + 1


ROOT = Path(__file__).parents[2]
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "no command": lambda path: [path],
    "no flag": lambda path: ["list", f"--{path}"],
    "no data set": lambda path: ["info", path],
    "no choice": lambda path: ["prepare", "stemdl_demo", "--file-format", path],
    "list": lambda path: ["list", "--data-dir", path],
    "fetch": lambda path: ["fetch", "cloudmask", "--source", path, "--raw-dir", path, "--dry-run"],
    "simulate": lambda path: ["simulate", "stemdl_demo", "--out", path, "--samples", "-1"],
    "convert": lambda path: ["convert", "csv", f"{path}/none.csv", "--out", f"{path}/out"],
    "prepare": lambda path: ["prepare", "stemdl", "--raw-dir", path, "--data-dir", path],
    "verify": lambda path: ["verify", "stemdl_demo", "--data-dir", path],
    "verify raw": lambda path: ["verify", "stemdl_demo", "--raw-dir", path],
    "stage": lambda path: ["stage", "stemdl_demo", "--data-dir", path, "--to", path],
    "show": lambda path: ["show", "stemdl_demo", "--data-dir", path, "--out", f"{path}/a.png"],
    "evaluate": lambda path: ["evaluate", "stemdl_demo", "--data-dir", path, "--predictions", f"{path}/a.h5"],
    "submit": lambda path: ["submit", "stemdl_demo", path, "--to", path],
    "check": lambda path: ["check", path],
    "leaderboard": lambda path: ["leaderboard", path, "--out", f"{path}/site"],
}
"""Command lines with a path of an existing folder, or a word, of any characters."""


@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=5)
@given(name=names(), as_json=st.booleans())
@example(name=HOSTILE, as_json=False)
@example(name=HOSTILE, as_json=True)
def test_every_command_shows_any_name_printable(command: str, name: str, as_json: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    with TemporaryDirectory() as above:
        folder = Path(above, name)
        folder.mkdir()
        flags = ["--json"] * (as_json and command not in ("no command", "no flag"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
            main([*COMMANDS[command](str(folder)), *flags])
    said = out.getvalue() + err.getvalue()
    assert said
    assert invisible(said.replace("\n", "")) == []
    for line in err.getvalue().splitlines():
        assert line.isprintable()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_names_in_a_file_are_shown_printable(
    as_json: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "response.csv"
    table.write_text("cell\x1b[2J,drug\u202e,\u200bauc\x7f\n1,2,3\n", encoding="utf-8")
    assert main(["convert", "csv", str(table), "--out", str(tmp_path / "out"), *as_json]) == 2
    said = capsys.readouterr()
    assert invisible((said.out + said.err).replace("\n", "")) == []
    assert r"\x1b[2J" in said.err


def test_text_leaves_the_program_through_these_functions_alone() -> None:
    call = re.compile(r"^(?! *(?:>>>|\.\.\.)).*(?:\bprint\(|\bsys\.std(?:out|err)(?:\.buffer)?\.write\()", re.MULTILINE)
    paths = (path for room in ("cli", "metrics", "models", "sciml_datasets") for path in (ROOT / room).rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix() for path in paths if call.search(path.read_text())}
    assert found == {"cli/streams.py", "sciml_datasets/printable.py"}


def test_a_name_forges_no_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(tmp_path / "a\nsciml check: accepted")])
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("warn", ["warnings.warn", "logging.getLogger('fpdf').warning"])
def test_a_warning_of_another_library_is_printable(warn: str) -> None:
    program = (
        "import logging, sys, warnings; import sciml_datasets.cli.list as command\n"
        "from sciml_datasets.cli.main import main\n"
        f"command.run = lambda args: {warn}('a\\x1b[2Jb') or 0\nsys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program, "list"], capture_output=True, text=True, check=False)
    assert (done.returncode, invisible(done.stderr.replace("\n", ""))) == (0, [])
    assert "a\\x1b[2Jb" in done.stderr


def test_standard_output_of_a_narrow_encoding_shows_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "雲"
    small = ["--samples", "100", "--genes", "10", "--descriptors", "10"]
    done = subprocess.run(
        [*COMMAND, "simulate", "candle_uno_demo", *small, "--out", str(folder)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u96f2/candle_uno_demo: 7 raw files" in done.stdout


def test_text_in_pictures_is_printable() -> None:
    assert literal("$5 \x1b雲") == r"\$5 \x1b雲"
