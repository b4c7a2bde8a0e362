"""Each format has its own choices: those of one benchmark leave the formats of the others as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_packages import imported, write_package

from sciml_datasets.benchmark import Benchmark, Choice, Conversion
from sciml_datasets.benchmarks import registered
from sciml_datasets.cli.main import main

CONVERT = """
import json

from sciml_datasets.conversion import Converted


def convert(name, source, out, **choices):
    return Converted(choices, f"{name}: {json.dumps(choices)}")
"""
RESPONSE = Choice("response", ("size", "kind"), None, "column of 50% of the tables")
LAYERS = Choice("layers", "integers", None, "numbers of layers, as in %(prog)s")


@pytest.fixture
def pebbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Benchmark]:
    formats = (
        Conversion("beaches", "50% of a table to pebbles", "a table with 50% %(prog)s", choices=(RESPONSE,)),
        Conversion("cores", "%(prog)s cores to pebbles", "a core", choices=(LAYERS,)),
    )
    found = imported(write_package(tmp_path, convert=CONVERT), tmp_path, monkeypatch)
    with registered(replace(found, conversions=formats)):
        yield found


def test_a_choice_of_one_name_has_the_values_of_its_format(
    pebbles: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "beaches", str(tmp_path), "--out", str(tmp_path / "raw"), "--response", "kind"]) == 0
    assert capsys.readouterr().out == 'beaches: {"response": "kind"}\n'
    table = tmp_path / "table.csv"
    table.write_text("no responses\n")
    assert main(["convert", "csv", str(table), "--out", str(tmp_path / "raw"), "--response", "AUC"]) == 2
    assert "invalid choice" not in capsys.readouterr().err  # any text is a response of csv


def test_a_choice_has_the_kind_of_its_format(
    pebbles: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "cores", str(tmp_path), "--out", str(tmp_path / "raw"), "--layers", "1", "2"]) == 0
    assert capsys.readouterr().out == 'cores: {"layers": [1, 2]}\n'


def test_a_flag_of_another_format_is_refused(
    pebbles: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "slstr", str(tmp_path), "--out", str(tmp_path / "a.h5"), "--layers", "deep"]) == 2
    assert capsys.readouterr().err == "sciml convert: --layers is for cores: leave it out\n"


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("beaches", ("Convert 50% of a table to", "a table with 50% %(prog)s", "column of 50% of the tables")),
        ("cores", ("Convert %(prog)s cores to pebbles", "numbers of layers, as in %(prog)s")),
    ],
)
def test_help_prints_texts_as_they_are_declared(
    pebbles: Benchmark, name: str, texts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["convert", name, "--help"])
    found = " ".join(capsys.readouterr().out.split())
    assert all(text in found for text in texts)
