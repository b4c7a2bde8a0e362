"""Completion by shells: the script of bash is run by bash, those of the others are looked at."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sciml_datasets.cli.completion import SHELLS
from sciml_datasets.cli.main import main

CALL = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_shtab_sciml sciml "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Completes the last of its words, as bash does when a user presses the tabulator."""
CASES = {
    "sciml pre": ["prepare", "predict"],
    "sciml help tr": ["train"],
    "sciml info cloud": ["cloudmask", "cloudmask_preprocessed", "cloudmask_demo"],
    "sciml demo candle": ["candle_uno_demo"],
    "sciml train stemdl_demo --st": ["--strategy"],
    "sciml train stemdl_demo --strategy m": ["mirrored", "multiworker"],
    "sciml train candle_uno --splits d": ["drug_blind", "disjoint"],
    "sciml train candle_uno --by d": ["drug"],
    "sciml show candle_uno --split t": ["train", "test"],
    "sciml show candle_uno --split cell": [f"cell_blind:{part}" for part in ("train", "validation", "test")],
    "sciml convert i": ["improve"],
    "sciml verify stemdl_demo --raw-dir ra": ["raw"],
}
"""Words to what the last one may become."""


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize("words", CASES)
def test_bash_completes_a_word(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "sciml"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "raw").mkdir()
    command = ["bash", "-c", CALL, "bash", str(script), *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout.split(), done.stderr) == (CASES[words], "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_has_commands_flags_and_names(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in ("prepare", "data-dir", "stemdl_demo", "cell_blind:test", "mirrored"))


def test_the_script_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert main(["completion", "bash", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["script"].rstrip("\n") == script.rstrip("\n")
