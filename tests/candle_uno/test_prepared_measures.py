"""Consequences of the measure of a prepared study: its criteria, and training in its unit."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deferred import keras
from measure_files import additive_study, prepared

from sciml_datasets.benchmarks import find
from sciml_datasets.candle_uno.measures import (
    AUC,
    DRUGCELL_AUC,
    OF_DREVALPY,
)
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


def test_info_shows_what_a_study_holds_and_not_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_training_does_not_depend_on_the_unit_of_the_response(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    settings = {"epochs": 2, "batch_size": 16, "learning_rate": 0.005, "xla": "off"}
    weights, history, config = trained_in(1, tmp_path / "one", **settings)
    loss = float(history[-1]["loss"])
    assert 0 < loss < 0.9  # in variances, of which the mean leaves one
    assert (config["response"]["name"], config["loss_unit"]) == ("LN_IC50", "variances of the training split")
    reported = f"loss {score_text(loss, config['loss_unit'])} variances of the training split  mse "
    assert reported in caplog.text
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
    (run / "model.keras").touch()
    learned = OF_DREVALPY["ln_ic50"].facts()
    (run / "config.yaml").write_text(json.dumps({"dataset": "candle_uno", "settings": {}, "response": learned}))
    out = tmp_path / "p.h5"
    command = ["predict", "candle_uno", "--data-dir", tmp_path / "data", "--run", run, "--out", out]
    assert main([str(word) for word in command]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "the run was trained on ln_ic50 (ln(umol/l), any number), and candle_uno holds pIC50 (-log10(mol/l)," in line
    assert not out.exists()


def test_a_study_of_logarithms_is_learned_as_well_as_its_areas(tmp_path: Path) -> None:
    """A network for areas would be cut at 0 and 1."""
    additive_study(tmp_path)
    recipe = RECIPES["candle_uno"].for_data(facts_of(tmp_path / "data/sciml/candle_uno/2.0.0"))
    batches = Batches(Prepared.open("candle_uno", tmp_path / "data"), recipe, seed=0)
    targets = np.array(batches.selection("train").columns["response"], float)
    assert batches.moments == pytest.approx((targets.mean(), targets.std()))
    mean, std = batches.moments
    build = partial(small_uno, 3, 3, centre=mean, spread=std)
    settings = {"epochs": 12, "batch_size": 16, "learning_rate": 0.005, "xla": "off"}
    result = train("candle_uno", tmp_path / "data", tmp_path / "run", build, "none", **settings)
    r2 = next(row for row in result["criteria"] if row["name"] == "r2")
    assert r2["score"] > 0.5 > max(r2["baselines"]["training mean"], 0)
    assert next(row for row in result["criteria"] if row["name"] == "mse")["unit"] == "(ln(umol/l))^2"
    predict("candle_uno", str(tmp_path / "run/model.keras"), tmp_path / "again.h5", tmp_path / "data")
    ids = batches.selection("test").columns["id"]
    of_run, again = (predictions_of(tmp_path / name, ids) for name in ("run/predictions.h5", "again.h5"))
    np.testing.assert_allclose(again, of_run, rtol=1e-5)
    assert min(np.ravel(of_run)) < 0
