"""Raw form A of CANDLE-UNO: the five tables, the reference's chain, and what is wrong with them in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from uno_files import write_combo

from sciml_datasets.candle_uno.forms import combo
from sciml_datasets.errors import InputError


def test_curves_that_fit_are_joined_with_both_features(tmp_path: Path) -> None:
    tables = combo.read(write_combo(tmp_path))
    assert [tuple(row.values()) for row in tables.responses.to_pylist()] == [
        ("CCLE.0", "CCLE", "CCLE.A", "CCLE.1", 0.5, ""),
        ("CTRP.1", "CTRP", "CTRP.A", "CTRP.7", 0.75, ""),
        ("NCI60.2", "NCI60", "NCI60.B", "NSC.5", 0.25, ""),
    ]
    assert dict(tables.left_out) == {combo.BAD_FIT: 3}


def test_only_cells_with_a_response_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    cells = combo.read(write_combo(tmp_path)).cells
    assert cells.columns == ("TP53", "EGFR")
    assert cells.ids == ("CCLE.A", "CTRP.A", "NCI60.B")
    np.testing.assert_array_equal(cells.values, [[1, 2], [1.5, np.nan], [4, 6]])
    assert cells.of_everything().rows == 4
    assert not cells.scaled


def test_descriptors_come_through_pubchem_or_by_the_id(tmp_path: Path) -> None:
    drugs = combo.read(write_combo(tmp_path)).drugs
    assert drugs.columns == ("MW", "ALOGP")
    assert drugs.ids == ("CCLE.1", "CTRP.7", "NSC.5")
    np.testing.assert_array_equal(drugs.values, [[529.5, 5], [529.5, 5], [300, 1]])
    everything = drugs.of_everything()
    # As in the reference, a compound counts once for each id in drug_info: 3, and 2 of the other file.
    assert everything.rows == 5
    assert everything.mean[0] == pytest.approx((529.5 + 529.5 + 100 + 300 + 310) / 5)


def test_expression_scaled_within_sources_is_taken_first(tmp_path: Path) -> None:
    write_combo(tmp_path)
    (tmp_path / "combined_rnaseq_data_lincs1000_source_scale").write_text(
        "Sample\tTP53\nCCLE.A\t1\nCTRP.A\t-1\nNCI60.B\t0\n"
    )
    tables = combo.read(tmp_path)
    assert tables.cells.columns == ("TP53",)
    assert tables.cells.scaled
    assert not tables.drugs.scaled
    assert "combined_rnaseq_data_lincs1000" not in {path.name for path in combo.files(tmp_path)}


def test_responses_without_features_are_listed_with_the_reason(tmp_path: Path) -> None:
    write_combo(tmp_path)
    path = tmp_path / combo.RESPONSES
    path.write_text(
        path.read_text() + "CCLE\tCCLE.Z\tCCLE.1\tCCLE\t0.5\t1\t1\nCCLE\tCCLE.A\tCCLE.2\tCCLE\t0.5\t1\t1\n"
        "CCLE\tCCLE.A\tCCLE.1\tCCLE\tnan\t1\t1\n"
    )
    tables = combo.read(tmp_path)
    assert tables.omitted is not None
    assert [(row["id"], row["reason"]) for row in tables.omitted.to_pylist()] == [
        ("CCLE.6", "no features of the cell"),
        ("CCLE.7", "no features of the drug"),
        ("CCLE.8", "no AUC"),
    ]


def test_a_drug_with_two_pubchem_numbers_is_counted(tmp_path: Path) -> None:
    write_combo(tmp_path)
    path = tmp_path / combo.DRUG_INFO
    path.write_text(path.read_text() + "CCLE.1\tNilotinib\tNILOTINIB\t12\n")
    tables = combo.read(tmp_path)
    assert tables.left_out[combo.CONFLICTING_CID] == 1
    assert tables.drugs.values[0, 0] == 529.5  # the first number counts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drug_info": ""}, r"lacks drug_info: form A needs its five tables"),
        ({"combined_rnaseq_data_lincs1000": ""}, r"lacks combined_rnaseq_data_lincs1000_source_scale or .*_combat or"),
        ({"combined_single_response_agg": "SOURCE,CELL,DRUG\n"}, r"agg: the first line is separated by comma"),
        ({"combined_single_response_agg": "SOURCE\tCELL\tDRUG\n"}, r"agg: there is no column AUC, only SOURCE, CELL"),
        (
            {"combined_rnaseq_data_lincs1000": "Sample\tTP53\nCCLE.A\t1\nCTRP.A\tmuch\n"},
            r"lincs1000: line 3, column TP53: 'much' is no number",
        ),
        (
            {"combined_rnaseq_data_lincs1000": "Sample\tTP53\nX\t0\nCCLE.A\t1\nX\t1\nCCLE.A\t2\n"},
            r"lines 3 and 5 are both CCLE\.A and differ",
        ),
        (
            {"NCI60_dragon7_descriptors": "NAME\tMW\tXLOGP\nNSC.5\t1\t2\n"},
            r"NCI60_dragon7_descriptors\.tsv has no column ALOGP, which Combined_PubChem_dragon7_descriptors\.tsv has",
        ),
        (
            {"NCI60_dragon7_descriptors": "NAME\tMW\tALOGP\tXLOGP\nNSC.5\t1\t2\t3\n"},
            r"Combined_PubChem_dragon7_descriptors\.tsv has no column XLOGP, which NCI60_dragon7",
        ),
        (
            {"drug_info": "ID\tNAME\tPUBCHEM\nCCLE.1\tNilotinib\n"},
            r"drug_info: line 2 has 2 fields, expected 3",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        combo.read(write_combo(tmp_path, **changes))


def test_numbers_of_pubchem_that_pandas_wrote_as_floats_join(tmp_path: Path) -> None:
    info = write_combo(tmp_path) / combo.DRUG_INFO
    info.write_text(info.read_text().replace("644241", "644241.0"))
    assert combo.read(tmp_path).responses["drug"].to_pylist() == ["CCLE.1", "CTRP.7", "NSC.5"]


@pytest.mark.parametrize(("here", "there"), [("NSC.5", "NSC.5.0"), ("NSC.5", " NSC.5"), ("NCI60.B", "NCI60.B ")])
def test_ids_that_differ_only_in_their_spelling_are_refused(tmp_path: Path, here: str, there: str) -> None:
    write_combo(tmp_path)
    for name in (combo.NCI60_DESCRIPTORS, combo.EXPRESSION):
        path = tmp_path / name
        path.write_text(path.read_text().replace(here, there))
    with pytest.raises(InputError, match=f"the id '{here}' of responses is '{there}' where the features are"):
        combo.read(tmp_path)


def test_a_drug_called_na_is_a_drug(tmp_path: Path) -> None:
    write_combo(tmp_path)
    for name in (combo.RESPONSES, combo.NCI60_DESCRIPTORS):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("NSC.5", "NA"))
    assert combo.read(tmp_path).responses["drug"].to_pylist() == ["CCLE.1", "CTRP.7", "NA"]


def test_row_numbers_of_pandas_are_no_feature(tmp_path: Path) -> None:
    path = write_combo(tmp_path) / combo.EXPRESSION
    before = combo.read(tmp_path).cells
    path.write_text("".join(f"{'' if i == 0 else i}\t{line}\n" for i, line in enumerate(path.read_text().splitlines())))
    cells = combo.read(tmp_path).cells
    assert (cells.ids, cells.columns) == (before.ids, before.columns)
    np.testing.assert_array_equal(cells.values, before.values)


def test_a_fit_that_no_float32_can_hold_is_compared(tmp_path: Path) -> None:
    write_combo(tmp_path)
    path = tmp_path / combo.RESPONSES
    path.write_text(path.read_text().replace("0.1\t0.9", "1e-50\t0.9").replace("3.1\t0.9", "1e300\t0.9"))
    assert combo.read(tmp_path).responses.num_rows == 3


def test_rows_that_no_response_uses_may_hold_anything_and_row_numbers_are_no_gene(tmp_path: Path) -> None:
    expression = "\tSample\tTP53\tEGFR\n0\tCCLE.A\t1\t2\n1\tCTRP.A\t\tNA\n2\tNCI60.B\t4\t6\n3\tX\tinf\t1e300\n"
    tables = combo.read(write_combo(tmp_path, combined_rnaseq_data_lincs1000=expression))
    assert tables.cells.columns == ("TP53", "EGFR")
    assert set(tables.cells.ids) == {"CCLE.A", "NCI60.B"}
    assert tables.left_out["no features of the cell"] == 1
