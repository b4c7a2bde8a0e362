"""Command lines that a person mistypes: one sentence with the nearest word that is known."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sciml_datasets.benchmark import Criterion
from sciml_datasets.benchmarks import BENCHMARKS, find
from sciml_datasets.cli.main import main
from sciml_datasets.declaration import mistakes
from sciml_datasets.errors import InputError
from sciml_datasets.models.recipe import TrainingSettings
from sciml_datasets.nearest import LONGEST, nearest
from sciml_datasets.splits.partitions import no_such_part

WRONG = {
    "tran stemdl_demo --out run": ("there is no command 'tran': choose one of list, info", "(did you mean train?)"),
    "help prepair": ("there is no command 'prepair': choose one of list, info", "(did you mean prepare?)"),
    "stemdl_demo": ("stemdl_demo is a data set: write the command before it, as in `sciml info stemdl_demo`",),
    "--data-dir data list": ("there is no flag --data-dir: flags stand behind a command, as in `sciml list --json`",),
    "--verison": ("there is no flag --verison", "(did you mean --version?)"),
    "info Cloud-Mask": ("there is no data set 'Cloud-Mask': choose one of stemdl", "(did you mean cloudmask?)"),
    "prepare stemdl_dmo --data-dir none": ("there is no data set 'stemdl_dmo'", "(did you mean stemdl_demo?)"),
    "prepare stemdl_demo --raw-directory r": ("unrecognized arguments: --raw-directory (did you mean --raw-dir?)",),
    "simulate stemdl_demo --ot raw": ("unrecognized arguments: --ot (did you mean --out?)",),
    "train stemdl --out r --strategy mirorred": ("invalid choice: 'mirorred', choose one of auto", "mean mirrored?)"),
    "train stemdl --out r --set seed=3": ("--set seed=3: this is no setting: `sciml train --help` shows the flag",),
    "train stemdl --out r --set patience=3 patience=4": ("--set patience: it is given twice: give it once",),
    "simulate stemdl --out raw --samples 1e5": ("argument --samples: '1e5' is no whole number: write 100000",),
    "simulate stemdl --out raw --engine zol": (
        "invalid choice: 'zol', choose one of zolz, box",
        "(did you mean zolz?)",
    ),
    "convert cvs a.csv --out raw": ("invalid choice: 'cvs', choose one of slstr, improve, csv (did you mean csv?)",),
    "demo candle_uno_dmo": ("there is no data set 'candle_uno_dmo': choose one of", "(did you mean candle_uno_demo?)"),
    "demo candle_uno": ("candle_uno is not simulated: choose one of stemdl_demo", "(did you mean candle_uno_demo?)"),
    "submit r --organization O --system Y --descriptor X --to s --status reserch": ("(did you mean research?)",),
}
"""Command line to parts of the sentence that answers it."""


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_word_is_answered_by_the_nearest_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    said = capsys.readouterr()
    assert all(part in said.err for part in WRONG[line])
    assert (said.err.count("\n"), said.out) == (1, "")


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_word_is_answered_in_json_too(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(), "--json"]) == 2
    sentence = json.loads(capsys.readouterr().out)["error"]
    assert all(part in sentence for part in WRONG[line])


WRONG_RUNS = {
    "train --out r --set learning_rte=1": "there is no setting 'learning_rte'",
    "train --out r --epochs 0": "epochs=0: expected a whole number from 1 on",
    "train --out r --seed -1": "seed -1: expected a number from 0",
    "train --out r --splits cell_blnd": "there is no split",
    "train --out r --fold 3/2": "--fold 3/2: expected I/K",
    "train --out r --fold 1/2 --by cel": "cannot be grouped by 'cel'",
    "train --out r --model nets.py:small": "write nets:small, in the folder where nets.py lies",
    "train --out r --model no_such_nets:small": "there is no module no_such_nets in this folder or installed",
    "train --out r --model none.keras": "none.keras: there is no such file",
    "train --out full": "full is not empty: choose another run folder",
    "predict --out p.h5 --run r": "model.keras: there is no such file",
    "predict --out p.h5 --model pytest:main --split tset": "(did you mean test?)",
    "predict --out p.h5 --model pytest:main --batch-size 0": "batch_size=0: expected a whole number from 1 on",
}
"""Command line, of which the data set and its folder are left out, to a part of the sentence that answers it."""


@pytest.mark.parametrize("line", WRONG_RUNS)
def test_a_wrong_word_is_answered_before_tensorflow_is_imported(
    line: str,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "keras", None)  # whose import fails from here on
    command, *flags = line.split()
    assert main([command, "stemdl_demo", "--data-dir", str(data_dir), *flags]) == 2
    said = capsys.readouterr().err
    assert WRONG_RUNS[line] in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("split", "meant"),
    [
        ("tset", "test"),
        ("val", "validation"),
        ("cell_blnd", "cell_blind:test"),
        ("cell_blind:trian", "cell_blind:train"),
        ("fold 1/5 by cell:tst", "fold 1/5 by cell:test"),
    ],
)
def test_a_wrong_split_is_answered_by_the_nearest_one(split: str, meant: str) -> None:
    sentence = no_such_part(split, ["mixed", "cell_blind"], BENCHMARKS["candle_uno"])
    assert f"there is no split {split!r}: choose one of train" in sentence
    assert sentence.endswith(f" (did you mean {meant}?)")


def test_a_wrong_setting_is_answered_by_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"precision=float33: expected .* \(did you mean float32\?\)"):
        TrainingSettings(1, 1, 0.1).with_values({"precision": "float33"})


def test_a_wrong_criterion_is_answered_by_the_nearest_one() -> None:
    benchmark, _ = find("stemdl")
    wrong = replace(benchmark, criteria=(Criterion("top1_acuracy", "accuracy", "higher"),))
    (sentence,) = mistakes(wrong, ())
    assert "gives no score 'top1_acuracy': choose criteria among" in sentence
    assert sentence.endswith(" (did you mean top1_accuracy?)")


def test_of_names_that_are_equally_near_the_first_is_taken() -> None:
    assert nearest("accuracy", ["top1_accuracy", "top5_accuracy"]) == "top1_accuracy"


@pytest.mark.parametrize("text", ["", "x", "12", "mnist", "s" * (LONGEST + 1)])
def test_a_text_that_is_near_to_nothing_has_no_answer(text: str) -> None:
    assert nearest(text, ["stemdl", "cloudmask", "candle_uno"]) is None


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_is_one_line(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out.startswith("sciml 0.")


@pytest.mark.parametrize("words", [[], ["train"], ["convert", "csv"]])
def test_help_is_a_command_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for line in (["help", *words], [*words, "--help"]):
        with suppress(SystemExit):
            main(line)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[0].startswith("usage: sciml")
