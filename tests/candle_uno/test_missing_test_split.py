"""Raw files without a test split: preparation, training and scoring."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from measure_files import additive_study
from uno_files import FILE, frames, write_store

from sciml_datasets import InputError, Prepared, examples, folds, parts, prepare
from sciml_datasets.candle_uno.forms import top21
from sciml_datasets.models import predict, train
from sciml_datasets.models.candle_uno import small_uno
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.submissions import Statement, submit


def test_what_the_reference_exports_is_prepared_without_a_test_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno/mine.uno.h5", content)
    assert top21.missing(tmp_path / "raw/candle_uno") == ["test"]
    caplog.set_level("INFO")
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    assert "the raw files have no test split: train, and score on validation" in caplog.text
    assert facts_of(folder)["splits"] == "official, as the raw files give them, without a test split"


def test_a_split_that_is_missing_is_reported_in_a_sentence_and_other_partitions_can_be_had(tmp_path: Path) -> None:
    content = {key: columns for key, columns in frames().items() if "test" not in key}
    (tmp_path / "raw/candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw/candle_uno" / FILE, content)
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    message = "candle_uno has no test split, since its raw files had none: choose --split validation, or a part of"
    with pytest.raises(InputError, match=re.escape(message)):
        Prepared.open("candle_uno", tmp_path / "data").select("test")
    ids = folds("candle_uno", 2, by="cell", data_dir=tmp_path / "data")[0][1]
    assert Prepared.open("candle_uno", tmp_path / "data").select("fold 1/2 by cell:test").columns["id"] == ids
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
    (tmp_path / "no.keras").touch()
    with pytest.raises(InputError, match="predict a split of its own, as in --split 'validation'"):
        predict("candle_uno", tmp_path / "no.keras", tmp_path / "p.h5", tmp_path / "data", "mixed:test", trained_on="")
