"""CANDLE-UNO from each raw form to joined examples: recognised, one name for each thing, scaled without leaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from uno_files import FILE, ROWS, frames, write_combo, write_improve, write_splits, write_store

from sciml_datasets import InputError, Prepared, parts, prepare
from sciml_datasets.candle_uno.responses import Responses, canonical
from sciml_datasets.cli.main import main
from sciml_datasets.metrics import Evaluator
from sciml_datasets.raw_format import SPLITS, Sample

DEMO = "candle_uno_demo"


def indexed(raw_format: Responses, folder: Path) -> list[Sample]:
    return [sample for file in raw_format.files(folder) for sample in raw_format.index(folder, file)]


def joined(data_dir: Path, split: str) -> dict[str, Any]:
    dataset = tfds.load("sciml/candle_uno", split=split, data_dir=data_dir, batch_size=-1)
    return dict(tfds.as_numpy(dataset))


def metadata(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "metadata.json").read_text()))


def test_the_prebuilt_file_gives_its_own_splits_and_rows(tmp_path: Path) -> None:
    content = frames()
    (tmp_path / "raw" / "candle_uno").mkdir(parents=True)
    write_store(tmp_path / "raw" / "candle_uno" / FILE, content)
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    reported = metadata(folder)
    assert (reported["form"], reported["splits"]) == ("B", "official, as the raw files give them")
    for theirs, ours in zip(ROWS, SPLITS, strict=True):
        batch = joined(tmp_path / "data", ours)
        rows = [int(key.decode().partition(".")[2]) for key in batch["id"]]
        assert sorted(rows) == list(range(ROWS[theirs]))
        for number, name in enumerate(("gene_expression", "drug_descriptors")):
            expected = np.stack([*content[f"x_{theirs}_{number}"].values()], axis=1)
            np.testing.assert_array_equal(batch[name], expected[rows])
        np.testing.assert_array_equal(batch["response"], content[f"y_{theirs}"]["AUC"][rows])


def test_official_is_the_name_of_the_splits_that_the_raw_files_give(tmp_path: Path) -> None:
    (tmp_path / "candle_uno").mkdir()
    content = frames()
    write_store(tmp_path / "candle_uno" / FILE, content)
    folder = prepare("candle_uno", tmp_path, tmp_path)
    found, canonical_one = (Prepared.open("candle_uno", tmp_path).select(split) for split in ("official:test", "test"))
    assert found.columns == canonical_one.columns
    assert found.sha256 == canonical_one.sha256
    assert parts("candle_uno", "official", tmp_path)["test"] == found.columns["id"]
    evaluators = [Evaluator("candle_uno", split, tmp_path) for split in ("official:test", "test")]
    assert evaluators[0].split == evaluators[1].split == "test"
    assert evaluators[0].comparable
    reported = json.loads((folder / "splits.json").read_text())["official"]
    assert [reported["parts"][part]["samples"] for part in SPLITS] == list(ROWS.values())
    pairs = [{*zip(content[f"y_{split}"]["Sample"], content[f"y_{split}"]["Drug1"], strict=True)} for split in ROWS]
    assert reported["in_common"]["train and test"]["pair"] == len(pairs[0] & pairs[2]) > 0


def test_an_improve_folder_gives_its_own_splits(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path / "raw" / "candle_uno"), "CCLE", train=[0, 1], val=[2], test=[3])
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    assert metadata(folder)["form"] == "C"
    assert [[key.decode() for key in joined(tmp_path / "data", split)["id"]] for split in SPLITS] == [
        ["CCLE.0", "CCLE.1"],
        ["gCSI.2"],
        ["gCSI.3"],
    ]


def test_of_several_raw_forms_one_is_chosen(tmp_path: Path) -> None:
    write_improve(write_combo(tmp_path))
    with pytest.raises(InputError, match="holds the raw forms A and C: choose one with --form"):
        Responses().files(tmp_path)
    assert {file.name for file in Responses("C").files(tmp_path)} >= {"y_data/response.tsv"}
    assert {sample.key for sample in indexed(Responses("A"), tmp_path)} == {"CCLE.0", "CTRP.1", "NCI60.2"}
    with pytest.raises(InputError, match=r"no \*uno\*\.h5, by which form B is known"):
        Responses("B").files(tmp_path)
    with pytest.raises(InputError, match="none of the raw forms is here"):
        Responses().files(tmp_path / "x_data")


def test_aliases_are_one_and_fall_to_one_split(tmp_path: Path) -> None:
    samples = indexed(Responses(), write_combo(tmp_path))
    first, alias, other = (dict(zip(Responses().facts, sample.facts, strict=True)) for sample in samples)
    assert (first["cell"], first["drug"]) == (alias["cell"], alias["drug"]) == ("A", "CCLE.1")
    assert samples[0].split == samples[1].split
    assert other["cell"] == "B"
    places = [sample.place for sample in samples]
    assert places[0] != places[1]  # each has the features of its own source


def test_contradictory_replicates_and_aliases_are_counted(tmp_path: Path) -> None:
    beside = Responses().beside(write_combo(tmp_path), indexed(Responses(), tmp_path))
    reported = beside.metadata
    assert (reported["cells"], reported["cell_aliases"], reported["drugs"], reported["drug_aliases"]) == (2, 1, 2, 1)
    write_combo(tmp_path)
    path = tmp_path / "combined_single_response_agg"
    path.write_text(
        path.read_text() + "CTRP\tCTRP.A\tCTRP.7\tCTRP\t0.1\t1\t1\nNCI60\tNCI60.B\tNSC.5\tNCI60\t0.25\t1\t1\n"
    )
    reported = Responses().beside(tmp_path, indexed(Responses(), tmp_path)).metadata
    assert (reported["replicates"], reported["contradictory_replicates"]) == (4, 2)


def test_what_the_builder_shows_is_whole_but_prints_short(data_dir: Path) -> None:
    facts = tfds.builder(f"sciml/{DEMO}", data_dir=data_dir).info.metadata
    assert facts == metadata(data_dir / "sciml" / DEMO / "2.0.0")
    assert len(facts["columns"]["gene_expression"]) == 40
    assert "'gene_expression': ['GENE0', 'GENE1', 'GENE2', ...]" in repr(facts)
    assert len(repr(facts)) < 2000


def test_scaling_is_fitted_on_training_entities_unless_the_references_way_is_asked_for(
    raw_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    ours, references = data_dir / "sciml" / DEMO / "2.0.0", prepare(DEMO, raw_dir, tmp_path, scaling="all")
    assert "over training entities" in metadata(ours)["scaling"]["drug_descriptors"]
    assert "over all entities" in metadata(references)["scaling"]["drug_descriptors"]
    rows = {int(example["drug_descriptors"]) for example in rows_of(data_dir)}
    training = np.load(ours / "drug_descriptors.npy")[sorted(rows)]
    np.testing.assert_allclose(training.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(training.std(axis=0), np.where(training.std(axis=0) > 0.5, 1, 0), atol=1e-4)
    assert not np.array_equal(np.load(ours / "drug_descriptors.npy"), np.load(references / "drug_descriptors.npy"))


def rows_of(data_dir: Path) -> Any:
    skip = {"drug_descriptors": tfds.decode.SkipDecoding()}
    return tfds.as_numpy(tfds.builder(f"sciml/{DEMO}", data_dir=data_dir).as_dataset(split="train", decoders=skip))


def test_what_the_rules_leave_out_is_listed_beside_the_data(data_dir: Path) -> None:
    folder = data_dir / "sciml" / DEMO / "2.0.0"
    header, *lines = (folder / "left-out.tsv").read_text().splitlines()
    assert header == "id\tsource\tcell\tdrug\treason"
    counted = metadata(folder)["left_out"]
    assert counted["R2fit < 0.3 or EC50se > 3, or not known"] == 40
    assert len(lines) == sum(count for reason, count in counted.items() if reason.startswith("no "))


def test_preparation_says_what_the_rules_left_out(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", DEMO, "--data-dir", str(data_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == metadata(data_dir / "sciml" / DEMO / "2.0.0")["left_out"]


def test_canonical_ids_cover_every_response(raw_dir: Path) -> None:
    from sciml_datasets.candle_uno.forms import combo

    tables = combo.read(raw_dir / DEMO)
    cells, drugs = canonical(raw_dir / DEMO, tables)
    assert len(set(cells.values())) < len(cells)
    assert len(set(drugs.values())) < len(drugs)
