"""A prepared data set as one object: opened once, it offers what is read, selected and scored."""

from __future__ import annotations

import gc
import json
import pickle
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sciml_datasets import InputError, Prepared, examples, folds, parts
from sciml_datasets.benchmarks import find
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.integrity import read_manifest
from sciml_datasets.raw_format import SPLITS

NAME, VERSION = "candle_uno_demo", "2.0.0"


@pytest.fixture
def copy(data_dir: Path, tmp_path: Path) -> Prepared:
    """A data set of one's own, to damage."""
    shutil.copytree(data_dir / "sciml" / NAME / VERSION, tmp_path / "sciml" / NAME / VERSION)
    return Prepared.open(NAME, tmp_path)


@pytest.fixture
def prepared(data_dir: Path) -> Prepared:
    return Prepared.open(NAME, data_dir)


def test_it_knows_what_it_is_and_where_it_lies(prepared: Prepared, data_dir: Path) -> None:
    assert (prepared.benchmark, prepared.dataset) == find(NAME)
    assert prepared.folder == data_dir / "sciml" / NAME / VERSION
    assert prepared.manifest == json.loads((prepared.folder / "manifest.json").read_text())
    assert prepared.plan_digest == prepared.manifest["plan_digest"]
    assert prepared.facts == json.loads((prepared.folder / "metadata.json").read_text())
    assert str(prepared.builder.data_dir) == str(prepared.folder)


def test_a_builder_that_nobody_has_any_more_takes_no_memory(data_dir: Path) -> None:
    builder = weakref.ref(Prepared.open(NAME, data_dir).builder)
    gc.collect()
    assert builder() is None


def test_the_default_folder_is_the_one_of_tfds(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    assert Prepared.open(NAME) == Prepared.open(NAME, data_dir)


def test_its_members_are_those_of_the_splits_one_after_the_other(prepared: Prepared) -> None:
    of_splits = [prepared.members_of(split) for split in SPLITS]
    assert prepared.records == "train+validation+test"
    assert prepared.members["id"] == [key for columns in of_splits for key in columns["id"]]
    assert prepared.members.keys() == of_splits[0].keys() >= {"id", "cell", "drug", "source", "response"}


def test_what_is_not_prepared_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set 'stemdl_demmo': choose one of stemdl"):
        Prepared.open("stemdl_demmo", tmp_path)
    with pytest.raises(InputError, match=r"manifest\.json is missing: prepare the data set with `sciml prepare`, or"):
        Prepared.open(NAME, tmp_path)
    assert Prepared.found(NAME, tmp_path) is None


def test_what_else_may_be_in_a_folder_is_said_only_of_one_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name the --data-dir that it is in$"):
        read_manifest(tmp_path / "1.0.0")
    (tmp_path / "1.0.0").mkdir()
    with pytest.raises(InputError, match="if something else is in that folder, move it elsewhere"):
        read_manifest(tmp_path / "1.0.0")


def test_a_data_set_of_another_version_is_named(copy: Prepared, tmp_path: Path) -> None:
    copy.folder.rename(copy.folder.with_name("1.0.0"))
    with pytest.raises(InputError, match=f"holds version 1.0.0, whose data differ; this release reads {VERSION}"):
        Prepared.open(NAME, tmp_path)
    assert Prepared.found(NAME, tmp_path) is None


def test_a_folder_without_its_manifest_is_refused(copy: Prepared, tmp_path: Path) -> None:
    (copy.folder / "manifest.json").unlink()
    for open_one in (Prepared.open, Prepared.found):
        with pytest.raises(InputError, match=r"manifest\.json is missing"):
            open_one(NAME, tmp_path)


def test_one_evaluation_reads_the_manifest_once(data_dir: Path, tmp_path: Path) -> None:
    truth = Truth(Prepared.open(NAME, data_dir), "test")
    write_predictions(tmp_path / "p.h5", len(truth), [(truth.ids, truth.numbers("response"))])
    command = ["evaluate", NAME, "--data-dir", str(data_dir), "--predictions", str(tmp_path / "p.h5")]
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from sciml_datasets.cli.main import main
assert main({command!r}) == 0
print(sum(name.endswith("manifest.json") for name in opened))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


def test_a_change_is_noticed_when_it_is_opened_again(copy: Prepared, tmp_path: Path) -> None:
    path = copy.folder / "manifest.json"
    path.write_text(path.read_text().replace(copy.plan_digest, "0" * 64))
    assert Prepared.open(NAME, tmp_path).plan_digest == "0" * 64


def test_it_says_what_differs_from_the_manifest(copy: Prepared) -> None:
    assert copy.verify() == []
    assert copy.check() is copy
    path = copy.folder / "members-test.tsv"
    path.write_text(path.read_text().swapcase())
    assert copy.verify(quick=True) == []
    assert [finding.split()[0] for finding in copy.verify()] == ["members-test.tsv"]
    path.unlink()
    with pytest.raises(InputError, match=r"members-test\.tsv is missing: remove the folder and prepare the data set"):
        copy.check()


def test_it_cannot_be_changed(prepared: Prepared) -> None:
    with pytest.raises(AttributeError):
        prepared.name = "stemdl_demo"


def test_it_travels_to_another_process_without_what_was_read(prepared: Prepared) -> None:
    before = pickle.dumps(prepared)
    ids = prepared.select("cell_blind:test").columns["id"]
    assert prepared.builder.name == "sciml"
    assert pickle.dumps(prepared) == before
    code = "import pickle, sys; print(*pickle.load(sys.stdin.buffer).select('cell_blind:test').columns['id'])"
    done = subprocess.run([sys.executable, "-c", code], input=before, capture_output=True, check=True)
    assert done.stdout.decode().split() == ids
    assert pickle.loads(before) == prepared


def test_names_serve_as_well_as_the_open_data_set(prepared: Prepared, data_dir: Path) -> None:
    assert folds(NAME, 3, by="drug", seed=1, data_dir=data_dir) == prepared.folds(3, "drug", 1)
    assert parts(NAME, "disjoint", data_dir) == prepared.parts("disjoint")
    ids = prepared.members["id"][:2]
    assert examples(NAME, ids, data_dir)[1]["id"] == prepared.examples(ids)[1]["id"]
    one, other = Evaluator(NAME, "validation", data_dir), Evaluator(prepared, "validation")
    assert (one.split_sha256, one.facts, one.benchmark) == (other.split_sha256, other.facts, other.benchmark)


def test_a_data_dir_beside_an_open_data_set_is_refused(prepared: Prepared, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"data_dir .* is given with {NAME}, which is open: leave data_dir out"):
        Evaluator(prepared, data_dir=tmp_path)


def test_a_canonical_split_is_selected_whole(prepared: Prepared) -> None:
    found = prepared.select("test")
    assert found.columns == prepared.members_of("test")
    assert (found.records, found.positions.tolist()) == ("test", list(range(len(found.columns["id"]))))
    listed = {file["name"]: file["sha256"] for file in prepared.manifest["files"]}
    assert found.sha256 == listed["members-test.tsv"]


def test_positions_of_a_part_lead_to_its_records(prepared: Prepared) -> None:
    found = prepared.select("drug_blind:test")
    source = prepared.builder.as_data_source(found.records)
    assert [source[int(place)]["id"].decode() for place in found.positions] == found.columns["id"]


def test_a_run_is_scored_on_the_test_part(prepared: Prepared) -> None:
    assert prepared.held_out() == prepared.held_out("cell_blind") == "test"


def test_the_prepared_folder_proves_that_blind_splits_share_nothing(data_dir: Path) -> None:
    reported = json.loads((data_dir / "sciml" / NAME / "2.0.0" / "splits.json").read_text())
    assert {"mixed", "cell_blind", "drug_blind", "disjoint", "leave_out_CCLE"} <= reported.keys()
    for split, blind in (("cell_blind", ["cell"]), ("drug_blind", ["drug"]), ("disjoint", ["cell", "drug"])):
        for common in reported[split]["in_common"].values():
            assert [common[name] for name in blind] == [0] * len(blind)
        assert [reported[split]["parts"][part]["samples"] for part in SPLITS] == [
            len(ids) for ids in parts(NAME, split, data_dir).values()
        ]


def test_folds_of_a_prepared_data_set_read_no_features(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("features were read")

    monkeypatch.setattr(np, "load", refuse)
    monkeypatch.setattr("sciml_datasets.prepared.random_access.TFRecords._read", refuse)
    (train, held_out), *others = folds(NAME, k=5, by="cell", data_dir=data_dir)
    assert len(others) == 4
    assert len(train) + len(held_out) == 400


@pytest.mark.parametrize(
    ("k", "message"), [("a", "'a' folds: expected a whole number"), (2.5, "2.5 folds: expected a"), (1, "at least 2")]
)
def test_a_number_of_folds_of_no_use_is_told(data_dir: Path, k: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        folds(NAME, k=k, data_dir=data_dir)


def test_ids_lead_to_their_examples(data_dir: Path) -> None:
    train, held_out = folds(NAME, k=5, by="cell", data_dir=data_dir)[0]
    for ids in (train[::-1][:5], held_out):
        found = examples(NAME, ids, data_dir)
        assert [found[number]["id"].decode() for number in range(len(found))] == ids
    assert [example["id"].decode() for example in found.__getitems__([2, 0])] == [held_out[2], held_out[0]]
    assert found[0]["gene_expression"].ndim == 1
    with pytest.raises(IndexError):
        found[len(found)]
    with pytest.raises(InputError, match=r"has no example 'other' \(1 unknown\)"):
        examples(NAME, [*ids, "other"], data_dir)


def test_a_part_is_selected_by_its_name(data_dir: Path) -> None:
    wanted = set(parts(NAME, "drug_blind", data_dir)["test"])
    found = Prepared.open(NAME, data_dir).select("drug_blind:test")
    assert set(found.columns["id"]) == wanted
    assert len(found.positions) == len(wanted)
    with pytest.raises(InputError, match=r"choose one of mixed, cell_blind, drug_blind, disjoint, leave_out_CCLE"):
        Prepared.open(NAME, data_dir).select("leave_out_XXL:test")
    with pytest.raises(InputError, match="folds are counted from 1 to 5"):
        Prepared.open(NAME, data_dir).select("fold 6/5 by cell:test")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("cell_blind", "'cell_blind' has parts: choose one of cell_blind:train, cell_blind:validation, cell_blind:te"),
        ("fold 2/3 by cell", "'fold 2/3 by cell' has parts: choose one of fold 2/3 by cell:train"),
        (
            "tset",
            r"PARTITION:test, where PARTITION is mixed, .*, leave_out_gCSI, or a fold as in 'fold 1/5 by cell' \(by",
        ),
        ("official:test", "the raw files of candle_uno_demo gave no official splits: leave the name out for the"),
        ("fold 1/2 by colour:test", "candle_uno_demo cannot be grouped by 'colour': choose one of row, cell, drug"),
    ],
)
def test_a_split_that_is_none_is_told_with_those_there_are(split: str, message: str, data_dir: Path) -> None:
    with pytest.raises(InputError, match=message):
        Prepared.open(NAME, data_dir).select(split)
