"""Measures of responses: known columns, columns that a study declares, and impossible values."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_files import prepared, write_study
from uno_files import FILE, frames, write_combo, write_improve, write_store

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve
from sciml_datasets.candle_uno.forms import improve
from sciml_datasets.candle_uno.measures import (
    AUC,
    DECLARED,
    OF_DREVALPY,
    Measure,
)
from sciml_datasets.candle_uno.responses import FORMS
from sciml_datasets.models import predict


@pytest.mark.parametrize(
    ("columns", "unit", "bounds"),
    [
        ("AUC", "", (0, 1)),
        ("AUC_curvecurator", "", (0, None)),
        ("LN_IC50", "ln(umol/l)", (None, None)),
        ("LN_IC50_curvecurator", "ln(umol/l)", (None, None)),
        ("IC50", "umol/l", (0, None)),
        ("pEC50_curvecurator", "-log10(mol/l)", (None, None)),
    ],
)
def test_the_one_measure_that_is_there_is_found_with_its_unit(
    tmp_path: Path, columns: str, unit: str, bounds: tuple[float | None, float | None]
) -> None:
    measure = convert_csv(write_study(tmp_path / "study", columns, "0.5", "1"), tmp_path / "raw").tables.measure
    assert (measure.name, measure.unit, (measure.low, measure.high)) == (columns, unit, bounds)
    assert improve.read(tmp_path / "raw").measure == measure


def test_auc_is_the_response_wherever_it_is_a_column(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "LN_IC50,AUC_curvecurator,AUC", "7,1.5,0.5")
    assert convert_csv(path, tmp_path / "raw").response == "AUC"


def test_of_several_measures_without_auc_none_is_taken(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "LN_IC50,pEC50,EC50", "7,6,1")
    message = r"response\.csv: the columns LN_IC50, pEC50 and EC50 are known responses: choose one with --response"
    with pytest.raises(InputError, match=message):
        convert_csv(path, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_an_ic50_of_improve_is_a_negative_logarithm_and_one_of_drevalpy_a_concentration(tmp_path: Path) -> None:
    convert_improve(write_improve(tmp_path / "theirs"), tmp_path / "improve", "ic50")
    convert_csv(write_study(tmp_path / "study", "IC50", "20"), tmp_path / "drevalpy")
    units = [improve.read(tmp_path / name).measure.unit for name in ("improve", "drevalpy")]
    assert units == ["-log10(mol/l)", "umol/l"]


def test_a_folder_of_an_earlier_version_whose_unit_nobody_knows_is_refused(tmp_path: Path) -> None:
    convert_csv(write_study(tmp_path / "study", "IC50", "20"), tmp_path / "raw")
    (tmp_path / "raw/y_data" / DECLARED).unlink()
    with pytest.raises(
        InputError, match=r"converted by an earlier version, .* the unit of IC50: convert the study again"
    ):
        improve.read(tmp_path / "raw")


def test_a_folder_of_an_earlier_version_that_can_mean_one_thing_is_read(tmp_path: Path) -> None:
    convert_csv(write_study(tmp_path / "study", "AUC_curvecurator", "1.5"), tmp_path / "raw")
    (tmp_path / "raw/y_data" / DECLARED).unlink()
    assert improve.read(tmp_path / "raw").measure == Measure("AUC_curvecurator", "AUC (CurveCurator)", "", 0, None)


def test_the_wanted_column_may_be_in_any_case(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "LN_IC50,AUC", "7,0.5")
    assert convert_csv(path, tmp_path / "raw", "ln_ic50").response == "LN_IC50"


def test_of_columns_that_differ_in_capitals_the_one_as_written_is_taken(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "Auc,AUC", "0.25,0.5")
    assert convert_csv(path, tmp_path / "raw", "Auc").response == "Auc"
    message = "the columns Auc and AUC differ from auc in capitals only: give --response as one of them is written"
    with pytest.raises(InputError, match=message):
        convert_csv(path, tmp_path / "other", "auc")


def test_a_response_without_a_known_unit_is_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "GRaoc,AUC", "0.5,0.5")
    with pytest.raises(
        InputError, match=r"response\.csv: the unit and the range of the column GRaoc are not known: .*mea"
    ):
        convert_csv(path, tmp_path / "raw", "GRaoc")


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("AUC", "1.0000001", "from 0 to 1"),
        ("IC50", "-1234563", "0 or more"),
        ("AUC", "1.3", "from 0 to 1"),
        ("AUC", "-0.25", "from 0 to 1"),
        ("AUC_curvecurator", "-0.5", "0 or more"),
    ],
)
def test_a_response_out_of_the_range_is_named(tmp_path: Path, column: str, value: str, expected: str) -> None:
    path = write_study(tmp_path / "study", column, "0.5", value)
    message = rf"response\.csv: the response response\.1 has the {column} {value}, expected {expected}: "
    with pytest.raises(InputError, match=message):
        convert_csv(path, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


@given(st.floats(0, 1, width=32))
def test_each_area_from_0_to_1_is_in_the_range(value: float) -> None:
    AUC.check(Path("x"), pa.chunked_array([["a"]]), pa.chunked_array([pa.array([value], pa.float32())]))


@pytest.mark.parametrize("form", ["A", "B"])
def test_areas_of_the_raw_tables_and_of_the_prebuilt_file_are_from_0_to_1(tmp_path: Path, form: str) -> None:
    content = frames()
    content["y_val"]["AUC"][3] = 1.25
    if form == "A":
        path = write_combo(tmp_path) / "combined_single_response_agg"
        path.write_text(path.read_text().replace("\t0.5\t", "\t1.25\t", 1))
    else:
        write_store(tmp_path / FILE, content)
    with pytest.raises(InputError, match=r"has the AUC 1\.25, expected from 0 to 1: correct it, or remove it$"):
        FORMS[form].read(tmp_path)


def test_a_measure_is_the_same_however_its_column_is_spelt(tmp_path: Path) -> None:
    data = prepared(tmp_path, "ln_ic50", "5", "6", "7", "8").parents[2]
    learned = {**OF_DREVALPY["ln_ic50"].facts(), "name": "LN_IC50"}
    (tmp_path / "no.keras").touch()
    with pytest.raises(InputError, match=r"is no \.keras file"):  # of the model, which is loaded next
        predict("candle_uno", str(tmp_path / "no.keras"), tmp_path / "p.h5", data, response=learned)
