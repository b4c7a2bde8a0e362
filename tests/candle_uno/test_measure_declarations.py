"""Measures of response that a file beside the data declares."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_files import prepared, write_study

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv
from sciml_datasets.candle_uno.measures import (
    DECLARED,
    DRUGCELL_AUC,
    OF_DREVALPY,
    OF_IMPROVE,
    Measure,
    declaration,
    declared,
)
from sciml_datasets.models.candle_uno import RECIPES
from sciml_datasets.prepared.metadata import facts_of

HEADER = "\t".join(("measure", "unit", "low", "high", "kills")) + "\n"


def test_a_column_that_is_declared_is_taken_as_it_says(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "GRaoc", "-0.5", "1.5")
    (tmp_path / "study" / DECLARED).write_text(f"{HEADER}GRaoc\t\t-1\t2\thigh\n")
    assert convert_csv(path, tmp_path / "raw").tables.measure == Measure("GRaoc", "GRaoc", "", -1, 2, "high")


def test_a_known_name_may_be_declared_to_mean_another_range(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "AUC", "14.5", "0.5")
    (tmp_path / "study" / DECLARED).write_text(f"{HEADER}AUC\t\t0\t30\tlow\n")
    measure = convert_csv(path, tmp_path / "raw").tables.measure
    assert (measure.high, RECIPES["candle_uno"].for_data({"response": measure.facts()}).standardised) == (30, True)


@pytest.mark.parametrize("measure", [*OF_DREVALPY.values(), *OF_IMPROVE.values(), DRUGCELL_AUC])
def test_a_declaration_states_all_of_a_measure(tmp_path: Path, measure: Measure) -> None:
    (tmp_path / DECLARED).write_text(declaration(measure))
    assert declared(tmp_path / DECLARED) == {measure.name.lower(): measure}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("GRaoc\t\t2\t1\t", "line 2: the range of GRaoc is from 2 to 1: give the lower bound first"),
        ("GRaoc\t\t\t\tboth", "line 2: kills is 'both', expected low, high or nothing"),
        ("GRaoc\t\t\t\t\ngraoc\t\t\t\t", "line 3: 'graoc' is no name, or stands there twice"),
        ("GRaoc\t\ta few\t\t", "line 2, column low: 'a few' is no number"),
        ("GRaoc\t\t-inf\t\t", "line 2, column low: infinite, expected a number or NA: give a number, or nothing where"),
        ("x\t\t\t\t\nGRaoc\t\t0\tinf\t", "line 3, column high: infinite"),
        ("GRaoc\t\tNAN\t\t", "line 2, column low: 'NAN' is no number"),
        ("GRaoc\t\t0\t1e39\t", "line 2, column high: 1e39 is too large for float32"),
        ("GRaoc\t\t1.0000001\t1\t", r"line 2: the range of GRaoc is from 1\.0000001 to 1: give the lower bound first"),
        ("NA\t\t\t\t", "line 2: '' is no name"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = write_study(tmp_path / "study", "GRaoc", "0.5")
    (tmp_path / "study" / DECLARED).write_text(f"{HEADER}{line}\n")
    with pytest.raises(InputError, match=rf"measures\.tsv: {message}"):
        convert_csv(path, tmp_path / "raw")


def test_blanks_and_words_for_nothing_are_the_same_in_each_field(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "GRaoc", "0.5")
    for line in ("GRaoc\tNA\tNA\tnan\tNA", " GRaoc \t - \t \t\t null ", "GRaoc\t\t\t\t"):
        (tmp_path / "study" / DECLARED).write_text(f"{HEADER}{line}\n")
        assert declared(path.parent / DECLARED)["graoc"] == Measure("GRaoc", "GRaoc", "", None, None, "")
    (tmp_path / "study" / DECLARED).write_text(f"{HEADER} GRaoc\t um \t 0 \t 2 \t low \n")
    assert declared(path.parent / DECLARED)["graoc"] == Measure("GRaoc", "GRaoc", "um", 0, 2, "low")


def test_a_bound_goes_through_conversion_and_preparation_as_it_was_declared(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / DECLARED).write_text(f"{HEADER}IC50\tnmol/l\t0.1\t1234563\tlow\n")
    response = facts_of(prepared(tmp_path, "IC50", "0.1", "2", "1234563", "3"))["response"]
    assert (response["low"], response["high"], response["range"]) == (0.1, 1234563, "from 0.1 to 1234563")


@given(low=st.floats(-1e30, 1e30).filter(lambda low: low == 0 or abs(low) > 1e-30), width=st.floats(1e-3, 1e30))
def test_a_declaration_states_each_bound_to_its_last_bit(
    tmp_path_factory: pytest.TempPathFactory, low: float, width: float
) -> None:
    path = tmp_path_factory.mktemp("declared") / DECLARED
    measure = Measure("x", "x", "u", low, None if low + width == low else low + width, "")
    path.write_text(declaration(measure))
    assert declared(path) == {"x": measure}
