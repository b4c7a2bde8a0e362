"""Canonical ids: aliases of one cell line or compound become one id, whichever table states them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.candle_uno.forms import aliases

INFO = "ID\tNAME\tCLEAN_NAME\tPUBCHEM\n"


def test_compounds_are_joined_by_name_and_by_pubchem_number(tmp_path: Path) -> None:
    (tmp_path / "drug_info").write_text(
        INFO + "CTRP.1\tTaxol\tTAXOL\t36314\nGDSC.2\tpaclitaxel\tPACLITAXEL\t36314\nNSC.3\tTAXOL\tna\tna\n"
        "CCLE.4\tother\tOTHER\t99\n"
    )
    found = aliases.drugs(tmp_path, ["CTRP.1", "GDSC.2", "NSC.3", "CCLE.4", "CCLE.1"])
    assert found == {"CTRP.1": "CTRP.1", "GDSC.2": "CTRP.1", "NSC.3": "CTRP.1", "CCLE.4": "CCLE.4", "CCLE.1": "CCLE.1"}
    assert aliases.drugs(tmp_path, ["NSC.3"]) == {"NSC.3": "CTRP.1"}


def test_what_stands_for_no_value_joins_nothing(tmp_path: Path) -> None:
    (tmp_path / "drug_info").write_text(INFO + "A.1\tna\t\tseveral\nA.2\tna\t\tseveral\nA.3\t-\tNA\tnone\n")
    assert len(set(aliases.drugs(tmp_path, ["A.1", "A.2", "A.3"]).values())) == 3


def test_cells_are_joined_by_mapping_by_the_nci60_table_and_by_the_name_after_the_source(tmp_path: Path) -> None:
    (tmp_path / "cl_mapping").write_text("CCLE.HCC1143\tGDSC.HCC-1143\n")
    (tmp_path / "NCI60_CELLNAME_to_Combo.txt").write_text("NCI60.ID\tCELLNAME\tName\nNCI60.MCF7\tMCF7/ATCC\tMCF-7\n")
    ids = ["CTRP.HCC1143", "CCLE.HCC1143", "GDSC.HCC-1143", "NCI60.MCF7", "CCLE.MCF-7", "gCSI.T-47D", "ACH-000001"]
    found = aliases.cells(tmp_path, ids)
    assert found["CTRP.HCC1143"] == found["GDSC.HCC-1143"] == found["CCLE.HCC1143"] == "HCC-1143"
    assert found["NCI60.MCF7"] == found["CCLE.MCF-7"] == "MCF-7"
    assert found["gCSI.T-47D"] == "T-47D"
    assert found["ACH-000001"] == "ACH-000001"
    for key, name in found.items():  # whichever others have responses
        assert aliases.cells(tmp_path, [key]) == {key: name}


def test_without_tables_an_id_is_its_own_canonical_one(tmp_path: Path) -> None:
    assert aliases.drugs(tmp_path, ["b", "a"]) == {"a": "a", "b": "b"}


IDS = st.text("abcdef", min_size=1, max_size=2)
LINKS = st.lists(st.lists(IDS, min_size=1, max_size=3))


def canonical(ids: Iterable[str], links: list[list[str]]) -> dict[str, str]:
    return aliases.canonical_ids(
        {key: ("id", key) for key in ids}, [[("name", link[0]), *(("id", key) for key in link)] for link in links]
    )


@given(st.sets(IDS, min_size=1), LINKS)
def test_groups_are_those_of_the_links_whatever_their_order(ids: set[str], links: list[list[str]]) -> None:
    found = canonical(ids, links)
    assert found == canonical(sorted(ids, reverse=True), links[::-1])
    assert found.keys() == ids
    for key, name in found.items():
        assert name <= key
    for link in links:
        assert len({found[key] for key in link if key in ids}) <= 1


@given(st.sets(IDS, min_size=2), LINKS)
def test_which_ids_occur_decides_no_name(ids: set[str], links: list[list[str]]) -> None:
    found = canonical(ids, links)
    for key in ids:
        assert canonical([key], links) == {key: found[key]}
