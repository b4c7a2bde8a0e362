"""What a response measures: columns that are known, those that a study declares, and values that cannot be."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uno_files import FILE, frames, write_combo, write_improve, write_store

from sciml_datasets import InputError, folds, prepare
from sciml_datasets.benchmarks import find
from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve
from sciml_datasets.candle_uno.forms import improve, top21
from sciml_datasets.candle_uno.measures import (
    AUC,
    DECLARED,
    DRUGCELL_AUC,
    OF_DREVALPY,
    OF_IMPROVE,
    Measure,
    declaration,
    declared,
)
from sciml_datasets.candle_uno.responses import FORMS
from sciml_datasets.cli.main import main
from sciml_datasets.files.documents import read_yaml
from sciml_datasets.metrics.predictions import predictions_of
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.models import predict, train
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.candle_uno import RECIPES, areas, small_uno
from sciml_datasets.models.losses import responses, squared_errors
from sciml_datasets.models.recipe import NetworkSpec
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.prepared.subset import examples
from sciml_datasets.splits.partitions import parts, select
from sciml_datasets.submissions import Statement, submit

HEADER = "\t".join(("measure", "unit", "low", "high", "kills")) + "\n"


def write_study(folder: Path, columns: str, *values: str) -> Path:
    """A study as drevalpy takes it, of two cell lines and two drugs, with a line of values for each pair."""
    folder.mkdir(exist_ok=True)
    pairs = [f"CVCL_{cell},{drug}" for cell in (1, 2) for drug in (11, 12)]
    lines = [f"{pair},{value}\n" for pair, value in zip(pairs, values, strict=False)]
    (folder / "response.csv").write_text(f"cellosaurus_id,pubchem_id,{columns}\n" + "".join(lines))
    (folder / "gex.csv").write_text("cellosaurus_id,TP53,EGFR\nCVCL_1,1,2\nCVCL_2,3,4\n")
    (folder / "fingerprints.csv").write_text("pubchem_id,dim_0\n11,1\n12,0\n")
    return folder / "response.csv"


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


# Declarations


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
def test_a_declaration_tells_all_of_a_measure(tmp_path: Path, measure: Measure) -> None:
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
def test_a_declaration_tells_each_bound_to_its_last_bit(
    tmp_path_factory: pytest.TempPathFactory, low: float, width: float
) -> None:
    path = tmp_path_factory.mktemp("declared") / DECLARED
    measure = Measure("x", "x", "u", low, None if low + width == low else low + width, "")
    path.write_text(declaration(measure))
    assert declared(path) == {"x": measure}


# The column that is wanted


def test_the_wanted_column_may_be_in_any_case(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "LN_IC50,AUC", "7,0.5")
    assert convert_csv(path, tmp_path / "raw", "ln_ic50").response == "LN_IC50"


def test_of_columns_that_differ_in_capitals_the_one_as_written_is_taken(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study", "Auc,AUC", "0.25,0.5")
    assert convert_csv(path, tmp_path / "raw", "Auc").response == "Auc"
    message = "the columns Auc and AUC differ from auc in capitals only: give --response as one of them is written"
    with pytest.raises(InputError, match=message):
        convert_csv(path, tmp_path / "other", "auc")


# Bad input


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


# What follows from it


def prepared(tmp_path: Path, columns: str, *values: str) -> Path:
    """A prepared study; each response is in a list of its own."""
    convert_csv(write_study(tmp_path / "study", columns, *values), tmp_path / "raw/candle_uno")
    lists = tmp_path / "raw/candle_uno/splits"
    for name, rows in (("train", "0\n1\n"), ("val", "2\n"), ("test", "3\n")):
        (lists / f"response_split_0_{name}.txt").write_text(rows)
    return prepare("candle_uno", tmp_path / "raw", tmp_path / "data")


def test_prepared_data_tell_the_measure_and_criteria_have_its_unit(tmp_path: Path) -> None:
    facts = facts_of(prepared(tmp_path, "LN_IC50", "-3.5", "0.5", "2", "7.5"))
    assert facts["response"] == {
        "name": "LN_IC50", "title": "ln IC50", "unit": "ln(umol/l)", "low": None, "high": None, "kills": "low",
        "range": "any number",
    }  # fmt: skip
    titles = {row.name: row.title for row in find("candle_uno")[0].for_data(facts).criteria}
    assert titles["mse"] == "mean squared error, (ln(umol/l))^2"
    assert (titles["mae"], titles["r2"]) == ("mean absolute error, ln(umol/l)", "R2")


def test_no_other_measure_is_compared_with_published_areas(tmp_path: Path) -> None:
    facts = facts_of(prepared(tmp_path, "LN_IC50", "-3.5", "0.5", "2", "7.5"))
    criteria = find("candle_uno")[0].for_data(facts).criteria
    assert not any(row.target or row.reference or row.best_known for row in criteria)
    assert find("candle_uno")[0].for_data({"form": "A", "response": AUC.facts()}).criteria[0].target


def test_info_tells_what_a_study_holds_and_not_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(tmp_path, "LN_IC50", "-3.5", "0.5", "2", "7.5")
    assert main(["info", "candle_uno", "--data-dir", str(tmp_path / "data")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "4 samples of ln IC50, ln(umol/l), of other data than the benchmark's own"
    assert "criteria" in lines
    assert main(["info", "candle_uno", "--data-dir", str(tmp_path / "none")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("about 530,000 areas under dose-response curves")
    assert "criteria (published values are those of the real data)" in lines


def test_areas_are_kept_between_0_and_1_and_other_measures_are_not() -> None:
    recipe = RECIPES["candle_uno"]
    assert recipe.for_data({"response": AUC.facts()}).predictions is areas
    assert recipe.for_data({}).predictions is areas  # of an earlier version
    for measure in (*OF_DREVALPY.values(), DRUGCELL_AUC):
        if measure.title != "AUC":
            assert recipe.for_data({"response": measure.facts()}).predictions is responses


def test_a_network_begins_at_the_mean_of_another_measure_and_in_its_spread(tmp_path: Path) -> None:
    facts = {"response": OF_DREVALPY["ln_ic50"].facts()}
    recipe = RECIPES["candle_uno_demo"].for_data(facts)
    spec = NetworkSpec(((4,), (3,)), (), (1,), target_mean=-2.5, target_std=3.0)
    plain, scaled = small_uno(4, 3), recipe.build(spec)
    scaled.set_weights(plain.get_weights())
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(5, 4)), rng.normal(size=(5, 3))]
    expected = 3.0 * np.asarray(responses(plain)(inputs)) - 2.5
    np.testing.assert_allclose(responses(scaled)(inputs), expected, rtol=1e-5)
    scaled.save(tmp_path / "model.keras")
    again: Any = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(responses(again)(inputs), expected, rtol=1e-5)
    assert scaled.count_params() == plain.count_params()


# Files without a test split


def test_what_the_reference_exports_is_prepared_without_a_test_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno/mine.uno.h5", content)
    assert top21.missing(tmp_path / "raw/candle_uno") == ["test"]
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    assert "the raw files have no test split: train, and score on validation" in capsys.readouterr().err
    assert facts_of(folder)["splits"] == "official, as the raw files give them, without a test split"


def test_a_split_that_is_missing_is_told_in_a_sentence_and_other_partitions_can_be_had(tmp_path: Path) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno" / FILE, content)
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    message = "candle_uno has no test split, since its raw files had none: choose --split validation, or a part of"
    with pytest.raises(InputError, match=re.escape(message)):
        select("candle_uno", "test", tmp_path / "data")
    ids = folds("candle_uno", 2, by="cell", data_dir=tmp_path / "data")[0][1]
    assert select("candle_uno", "fold 1/2 by cell:test", tmp_path / "data").columns["id"] == ids
    some = examples("candle_uno", ids, tmp_path / "data")
    assert [some[i]["id"].decode() for i in range(len(some))] == ids


def test_a_run_is_scored_on_validation_where_there_is_no_test_split_and_is_no_submission(tmp_path: Path) -> None:
    content = {key: columns for key, columns in frames(times=4).items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno" / FILE, content)
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    build = partial(small_uno, 6, 7)
    result = train("candle_uno", tmp_path / "data", tmp_path / "run", build, "none", epochs=1, batch_size=16)
    assert (result["split"], result["num_samples"]) == ("validation", 48)
    statement = Statement("O", "Y", "X", commit="0" * 40)
    with pytest.raises(InputError, match="its result is of the validation split, expected the canonical test split"):
        submit([tmp_path / "run"], tmp_path / "submissions", statement)
    assert not (tmp_path / "submissions").exists()


def additive_study(folder: Path, unit: float = 1, cells: Sequence[int] = range(24)) -> Path:
    """A prepared study of an additive effect of cell and drug around -4, of a spread of 3, in some unit."""
    rng = np.random.default_rng(0)
    expressions, drugs = rng.normal(size=(24, 3)), rng.normal(size=(16, 3))
    study = folder / "study"
    study.mkdir(parents=True)
    lines = [
        f"c{i},d{j},{unit * round(float(-4 + 3 * (expressions[i] @ (1, -1, 0.5) + drugs[j] @ (0.5, 1, -1)) / 2), 4)}\n"
        for i in cells
        for j in range(16)
    ]
    (study / "response.csv").write_text("cell_line_name,drug_id,LN_IC50\n" + "".join(lines))
    for name, ident, values in (("gex", "cell_line_name,a,b,c", expressions), ("descriptors", "drug_id,a,b,c", drugs)):
        rows = [f"{ident[0]}{i}," + ",".join(f"{x:.4f}" for x in row) + "\n" for i, row in enumerate(values)]
        (study / f"{name}.csv").write_text(f"{ident}\n" + "".join(rows))
    convert_csv(study / "response.csv", folder / "raw/candle_uno")
    prepare("candle_uno", folder / "raw", folder / "data")
    return folder / "data"


def trained_in(unit: float, folder: Path, **settings: Any) -> tuple[list[Any], list[dict[str, str]], dict[str, Any]]:
    """The weights, the history and the configuration of a small network that was trained on that study."""
    data_dir = additive_study(folder, unit)
    recipe = RECIPES["candle_uno"].for_data({"response": OF_DREVALPY["ln_ic50"].facts()})
    mean, std = Batches(Prepared.open("candle_uno", data_dir), recipe, seed=0).moments
    build = partial(small_uno, 3, 3, centre=mean, spread=std)
    train("candle_uno", data_dir, folder / "run", build, "none", **settings)
    with (folder / "run/history.csv").open() as file:
        history = list(csv.DictReader(file))
    network: Any = keras.saving.load_model(folder / "run/model.keras")
    return network.get_weights(), history, read_yaml(folder / "run/config.yaml", "a configuration", "")


def test_training_does_not_depend_on_the_unit_of_the_response(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"epochs": 2, "batch_size": 16, "learning_rate": 0.005}
    weights, history, config = trained_in(1, tmp_path / "one", **settings)
    loss = float(history[-1]["loss"])
    assert 0 < loss < 0.9  # in variances, of which the mean leaves one
    assert (config["response"]["name"], config["loss_unit"]) == ("LN_IC50", "variances of the training split")
    told = f"loss {score_text(loss, config['loss_unit'])} variances of the training split  mse "
    assert told in capsys.readouterr().err
    for number, unit in enumerate((2.0**-20, 1e18)):
        found, losses, _ = trained_in(unit, tmp_path / str(number), **settings)
        rounding = 0 if unit == 2.0**-20 else 1e-3
        for array, expected in zip(found, weights, strict=True):
            np.testing.assert_allclose(array, expected, atol=rounding)
        for row, own in zip(losses, history, strict=True):
            assert float(row["loss"]) == pytest.approx(float(own["loss"]), rel=rounding)
            assert float(row["validation_mse"]) == pytest.approx(unit**2 * float(own["validation_mse"]), rel=1e-3)


def test_areas_are_trained_with_their_squared_errors_as_they_are() -> None:
    for facts in ({}, {"response": AUC.facts()}):
        recipe = RECIPES["candle_uno"].for_data(facts)
        assert (recipe.losses, recipe.loss_unit, recipe.standardised) == (squared_errors, "", False)
        assert recipe.with_spread(3.0) is recipe


def test_a_run_of_one_measure_does_not_predict_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(tmp_path, "pIC50", "5", "6", "7", "8")
    run = tmp_path / "run"
    run.mkdir()
    learned = OF_DREVALPY["ln_ic50"].facts()
    (run / "config.yaml").write_text(json.dumps({"dataset": "candle_uno", "settings": {}, "response": learned}))
    out = tmp_path / "p.h5"
    command = ["predict", "candle_uno", "--data-dir", tmp_path / "data", "--run", run, "--out", out]
    assert main([str(word) for word in command]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "the run was trained on ln_ic50 (ln(umol/l), any number), and candle_uno holds pIC50 (-log10(mol/l)," in line
    assert not out.exists()


def test_a_measure_is_the_same_however_its_column_is_spelt(tmp_path: Path) -> None:
    data = prepared(tmp_path, "ln_ic50", "5", "6", "7", "8").parents[2]
    learned = {**OF_DREVALPY["ln_ic50"].facts(), "name": "LN_IC50"}
    with pytest.raises(InputError, match="there is no such file"):  # of the model, which is looked for next
        predict("candle_uno", str(tmp_path / "no.keras"), tmp_path / "p.h5", data, response=learned)


def test_a_partition_without_test_samples_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    data = additive_study(tmp_path, cells=(0, 1, 2, 3, 12))  # of which the hashes put none into test
    held = parts("candle_uno", "cell_blind", data)
    assert held["train"]
    assert held["validation"]
    assert not held["test"]
    build = partial(small_uno, 3, 3)
    with pytest.raises(InputError, match=r"cell_blind:test of candle_uno holds no sample: .*choose another partition"):
        train("candle_uno", data, tmp_path / "run", build, "none", partition="cell_blind", epochs=1, batch_size=16)
    assert not (tmp_path / "run").exists()


def test_a_run_that_has_no_test_split_is_sent_to_validation(tmp_path: Path) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno" / FILE, content)
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    with pytest.raises(InputError, match="predict a split of its own, as in --split 'validation'"):
        predict("candle_uno", "no.keras", tmp_path / "p.h5", tmp_path / "data", "mixed:test", trained_on="")


def test_a_study_of_logarithms_is_learned_as_well_as_its_areas(tmp_path: Path) -> None:
    """A network for areas would be cut at 0 and 1."""
    additive_study(tmp_path)
    recipe = RECIPES["candle_uno"].for_data(facts_of(tmp_path / "data/sciml/candle_uno/2.0.0"))
    batches = Batches(Prepared.open("candle_uno", tmp_path / "data"), recipe, seed=0)
    targets = np.array(batches.selection("train").columns["response"], float)
    assert batches.moments == pytest.approx((targets.mean(), targets.std()))
    mean, std = batches.moments
    build = partial(small_uno, 3, 3, centre=mean, spread=std)
    settings = {"epochs": 12, "batch_size": 16, "learning_rate": 0.005}
    result = train("candle_uno", tmp_path / "data", tmp_path / "run", build, "none", **settings)
    r2 = next(row for row in result["criteria"] if row["name"] == "r2")
    assert r2["score"] > 0.5 > max(r2["baselines"]["training mean"], 0)
    assert next(row for row in result["criteria"] if row["name"] == "mse")["unit"] == "(ln(umol/l))^2"
    predict("candle_uno", str(tmp_path / "run/model.keras"), tmp_path / "again.h5", tmp_path / "data")
    ids = batches.selection("test").columns["id"]
    of_run, again = (predictions_of(tmp_path / name, ids) for name in ("run/predictions.h5", "again.h5"))
    np.testing.assert_allclose(again, of_run, rtol=1e-5)
    assert min(np.ravel(of_run)) < 0
