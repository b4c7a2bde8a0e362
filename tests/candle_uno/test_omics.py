"""Tables of omics of an IMPROVE folder as features beside gene expression, from raw files to examples."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from pyarrow import parquet
from uno_files import OMICS, write_combo, write_improve, write_mutations, write_omics, write_splits

from sciml_datasets import InputError, Prepared, prepare
from sciml_datasets.candle_uno.convert.studies import convert_improve
from sciml_datasets.candle_uno.forms import improve
from sciml_datasets.candle_uno.forms.cell_tables import OMICS as OMICS_OF_IMPROVE
from sciml_datasets.candle_uno.forms.cell_tables import omics_of
from sciml_datasets.candle_uno.forms.tables import FeatureTable
from sciml_datasets.candle_uno.simulation.omics import WIDTH
from sciml_datasets.cli.main import main
from sciml_datasets.models.inference import predict
from sciml_datasets.models.run_config import CONFIG, trained_with
from sciml_datasets.simulation import simulate

ALL = ("copy_number", "mirna_expression", "mutation_count")


def write_study(folder: Path) -> Path:
    """Raw files with every table of omics and official splits."""
    write_splits(write_mutations(write_omics(write_improve(folder))), "CCLE", train=[0, 1], val=[2], test=[3])
    return folder


def table(folder: Path, name: str) -> FeatureTable:
    return improve.read(folder, omics=[name]).omics[name]


# Reading


@pytest.mark.parametrize(
    ("name", "columns", "values"),
    [
        ("copy_number", ("TP53", "EGFR"), [[0.5, 1], [1.5, np.nan]]),
        ("dna_methylation", ("TP53_1", "TP53_2"), [[0.25, 0], [1, 0.5]]),
        ("mirna_expression", ("hsa-let-7a", "hsa-mir-1"), [[7, 8], [9, 10]]),
        ("mutation", ("g.chr17:1A>T", "g.chr7:2C>G", "g.chr7:2C>G (row 3)"), [[0, 1, 0], [1, 0, 1]]),
        ("mutation_count", ("TP53", "EGFR"), [[2, 0], [0, 1]]),
        ("rppa", ("AKT", "MTOR_pS2448"), [[-1, 2]]),
    ],
)
def test_a_table_is_read_with_the_names_of_its_features(
    tmp_path: Path, name: str, columns: tuple[str, ...], values: list[list[float]]
) -> None:
    found = table(write_study(tmp_path), name)
    assert found.columns == columns
    np.testing.assert_array_equal(found.values, values)
    assert {*found.ids} <= {"ACH-1", "ACH-2"}


def test_responses_of_cells_that_a_table_lacks_are_left_out_and_counted(tmp_path: Path) -> None:
    tables = improve.read(write_study(tmp_path), omics=["rppa"])
    assert set(tables.responses["cell"].to_pylist()) == {"ACH-1"}
    assert dict(tables.left_out) == {"no rppa of the cell": 2}
    assert tables.listed().splitlines()[1].split("\t") == ["CCLE.1", "CCLE", "ACH-2", "Drug_1", "no rppa of the cell"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("copy_number", "\t11\n\tTP53\nACH-1\t1\n", r"copy_number\.tsv: the header has lines \['', ''\], expected one"),
        ("rppa", "cell\tAKT\nACH-1\t1\n", r"RPPA\.tsv: the header has lines \[\], expected one line of Antibody"),
        ("copy_number", "\tTP53\nACH-1\t1\nACH-1\t2\n", r"copy_number\.tsv: lines 2 and 3 are both ACH-1 and differ"),
        ("copy_number", "\tTP53\nACH-1\thigh\n", r"copy_number\.tsv: line 2, column TP53: 'high' is no number"),
        ("copy_number", "\tTP53\nACH-1 \t1\n", r"'ACH-1' of responses is 'ACH-1 ' where the features are: write"),
        ("copy_number", "\tTP53\tTP53\nACH-1\t1\t2\n", r"copy_number\.tsv: two columns are called 'TP53'"),
    ],
)
def test_bad_text_tables_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        table(write_omics(write_improve(tmp_path), **{name: text}), name)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ACH_1": ["1", "x", "0"]}, "column ACH-1 holds string, of which a value is no number"),
        ({"ACH_1": [1e39, 0, 0]}, "column ACH-1 has a number that no float32 can hold"),
        ({"Genome_Change": [1, 2, 3]}, "column Genome_Change holds int64, expected text"),
        ({"Genome_Change": ["a", None, "b"]}, "row 2 has no Genome_Change"),
    ],
)
def test_bad_columns_of_mutations_are_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"cancer_mutation\.parquet: {message}"):
        table(write_mutations(write_improve(tmp_path), **columns), "mutation")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\tTP53\nACH-1\t1\n"])
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (write_improve(tmp_path) / "x_data/cancer_mutation.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"cancer_mutation\.parquet is no Parquet file that can be read"):
        table(tmp_path, "mutation")


def test_checksums_of_pages_are_compared(tmp_path: Path) -> None:
    path = write_mutations(write_improve(tmp_path)) / "x_data/cancer_mutation.parquet"
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    parquet.write_table(parquet.read_table(path), path, write_page_checksum=True, **plain)
    content = bytearray(path.read_bytes())
    content[content.index(b"g.chr17")] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="CRC checksum verification failed"):
        table(tmp_path, "mutation")


def test_mutations_of_no_cell_line_of_the_responses_are_refused(tmp_path: Path) -> None:
    folder = write_mutations(write_improve(tmp_path))
    path = folder / improve.RESPONSE
    path.write_text(path.read_text().replace("ACH-", "ACH-00"))
    with pytest.raises(InputError, match="no column that is called as a cell line of the responses, as ACH-001"):
        table(folder, "mutation")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rpa", r"no table 'rpa': choose one of .*rppa\?"),
        ("rppa,rppa", "rppa twice"),
        ("rppa,", "no table ''"),
        ("rppa, rppa", "no table ' rppa'"),
    ],
)
def test_a_choice_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        omics_of(text)


# Preparing


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("omics")
    write_study(folder / "raw/candle_uno")
    prepare("candle_uno", folder / "raw", folder / "data", jobs=2, omics=",".join(ALL))
    return folder / "data"


@pytest.fixture
def prepared(data_dir: Path) -> Prepared:
    return Prepared.open("candle_uno", data_dir)


def test_examples_have_the_tables_that_were_chosen(prepared: Prepared) -> None:
    (example,) = prepared.builder.as_data_source("validation")
    assert example["id"] == b"gCSI.2"  # of ACH-1
    assert {name: example[name].dtype for name in ALL} == dict.fromkeys(ALL, np.float32)
    np.testing.assert_allclose(example["mirna_expression"], [-1, -1])
    np.testing.assert_allclose(example["mutation_count"], [-1, 1])
    np.testing.assert_allclose(example["copy_number"], [-1, 0])  # EGFR of one cell line only: constant
    facts = json.loads((prepared.folder / "metadata.json").read_text())
    assert facts["columns"]["mutation_count"] == ["TP53", "EGFR"]
    assert set(facts["fitted_anew"]) == {"gene_expression", "drug_descriptors", *ALL}


def test_a_builder_that_is_sent_to_another_process_has_them(tmp_path: Path) -> None:
    builder = tfds.builder("sciml/candle_uno", data_dir=tmp_path, choices={"omics": "rppa"})
    assert "rppa" in pickle.loads(pickle.dumps(builder)).info.features
    assert "rppa" not in tfds.builder("sciml/candle_uno", data_dir=tmp_path).info.features


def test_a_builder_prepares_what_it_was_given(tmp_path: Path) -> None:
    write_study(tmp_path / "raw/candle_uno")
    builder = tfds.builder("sciml/candle_uno", data_dir=tmp_path / "data", choices={"omics": "copy_number"})
    config = tfds.download.DownloadConfig(manual_dir=tmp_path / "raw")
    builder.download_and_prepare(download_config=config)
    assert builder.as_data_source("train")[0]["copy_number"].shape == (2,)


def test_prepared_data_keep_their_choice(data_dir: Path) -> None:
    assert prepare("candle_uno", data_dir.parent / "raw", data_dir).is_dir()  # nothing else is asked for
    with pytest.raises(InputError, match=r"is prepared with the omics copy_number,.*, not rppa: remove it or choose"):
        prepare("candle_uno", data_dir.parent / "raw", data_dir, omics="rppa")


def test_data_prepared_without_them_are_not_taken_for_data_with_them(tmp_path: Path) -> None:
    write_study(tmp_path / "raw/candle_uno")
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data")
    assert "omics" not in json.loads((folder / "manifest.json").read_text())["choices"]
    assert not [name for name in OMICS if (folder / f"{name}.npy").exists()]
    with pytest.raises(InputError, match="is prepared with the omics none, not rppa"):
        prepare("candle_uno", tmp_path / "raw", tmp_path / "data", omics="rppa")


def test_a_run_predicts_no_data_with_other_tables(data_dir: Path, tmp_path: Path) -> None:
    run = {"dataset": "candle_uno", "settings": {}, "choices": {"omics": "rppa"}}
    (tmp_path / CONFIG).write_text(json.dumps(run))
    _, _, of_data = trained_with(tmp_path, "candle_uno")
    message = (
        "was trained on data with the omics rppa, and candle_uno is prepared with copy_number,.*: predict data that"
    )
    with pytest.raises(InputError, match=message):
        predict("candle_uno", None, tmp_path / "p.h5", data_dir, **of_data)


@pytest.mark.parametrize("choices", [5, {"omics": 5}, {"omics": "rpa"}])
def test_a_manifest_whose_choices_are_none_is_refused(tmp_path: Path, data_dir: Path, choices: object) -> None:
    copytree(data_dir, tmp_path / "data")
    path = tmp_path / "data/sciml/candle_uno/2.0.0/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"choices": choices}))
    with pytest.raises(InputError, match=r"manifest\.json: its choices are|there is no table 'rpa'"):
        tfds.builder_cls("sciml")(config="candle_uno", data_dir=tmp_path / "data")


def test_a_table_may_be_stored_as_it_is(tmp_path: Path) -> None:
    write_study(tmp_path / "raw/candle_uno")
    (tmp_path / "raw/candle_uno" / improve.SCALED).write_text("cancer_mutation_count.tsv\n")
    folder = prepare("candle_uno", tmp_path / "raw", tmp_path / "data", omics="mutation_count")
    np.testing.assert_array_equal(np.load(folder / "mutation_count.npy"), [[2, 0], [0, 1]])


@pytest.mark.parametrize(
    ("name", "write", "given", "message"),
    [
        ("candle_uno", write_improve, "rppa", "cancer_RPPA.tsv is not there, the table rppa of --omics: put it there"),
        ("candle_uno", write_study, "rna", "--omics: there is no table 'rna': choose one of copy_number"),
        ("candle_uno", write_combo, "rppa", "holds raw form A, and tables of omics belong to an IMPROVE folder (C)"),
        ("candle_uno_growth", write_combo, "rppa", "candle_uno_growth has no tables of omics: leave --omics rppa out"),
    ],
)
def test_a_choice_that_cannot_be_read_ends_in_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    write: Callable[[Path], Path],
    given: str,
    message: str,
) -> None:
    write(tmp_path / "raw" / name)
    asked = ["--raw-dir", str(tmp_path / "raw"), "--data-dir", str(tmp_path / "data"), "--omics", given]
    assert main(["prepare", name, *asked]) == 2
    assert message in (reported := capsys.readouterr().err)
    assert reported.strip().count("\n") == 0
    assert not (tmp_path / "data" / "sciml" / name).exists()


# Converting


def test_a_conversion_keeps_the_tables_and_what_is_noted_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, copy = write_study(tmp_path / "source"), tmp_path / "copy"
    (source / improve.SCALED).write_text("cancer_RPPA.tsv\n")
    assert main(["convert", "improve", str(source), "--out", str(copy)]) == 0
    assert "tables of omics, as they are: cancer_copy_number.tsv, " in capsys.readouterr().out
    for path in improve.omics_files(source):
        assert (copy / "x_data" / path.name).read_bytes() == path.read_bytes()
    assert table(copy, "rppa").scaled
    assert not table(copy, "copy_number").scaled


# Simulating


SMALL = {"cells": 12, "drugs": 12, "genes": 3, "descriptors": 3}
NAMES = ",".join(OMICS_OF_IMPROVE)


def test_simulated_tables_go_through_a_conversion_into_prepared_data(tmp_path: Path) -> None:
    raw = simulate("candle_uno_demo", tmp_path / "simulated", num_samples=100, omics=NAMES, **SMALL)
    convert_improve(raw, tmp_path / "raw/candle_uno_demo")
    read = improve.read(tmp_path / "raw/candle_uno_demo", omics=[*OMICS_OF_IMPROVE])
    assert not [reason for reason in read.left_out if reason.startswith("no ")]
    folder = prepare("candle_uno_demo", tmp_path / "raw", tmp_path / "data", omics=NAMES)
    assert all(np.load(folder / f"{name}.npy").shape[1] == WIDTH for name in OMICS_OF_IMPROVE)


def test_verify_compares_tables_that_only_a_choice_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate("candle_uno_demo", tmp_path, num_samples=100, omics="rppa", **SMALL)
    path = tmp_path / "candle_uno_demo/x_data/cancer_RPPA.tsv"
    path.write_text(path.read_text().replace("1", "2", 1))
    assert main(["verify", "candle_uno_demo", "--raw-dir", str(tmp_path)]) == 1
    assert "cancer_RPPA.tsv" in capsys.readouterr().out


def test_simulated_tables_change_no_other_file(tmp_path: Path) -> None:
    with_them = simulate("candle_uno_demo", tmp_path / "a", num_samples=100, omics=NAMES, **SMALL)
    without = simulate("candle_uno_demo", tmp_path / "b", num_samples=100, **SMALL)
    for path in {*without.iterdir()} - {without / "checksums.tsv"}:
        assert path.read_bytes() == (with_them / path.name).read_bytes()
