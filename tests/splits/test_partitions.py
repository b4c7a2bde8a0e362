"""Folds and splits by name: no group in two parts, the same parts everywhere, and the proof of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uno_files import member

from sciml_datasets import InputError, Prepared, examples, folds, parts
from sciml_datasets.benchmarks import find
from sciml_datasets.prepared.members import member_rows, write_members
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.folds import fold_ids
from sciml_datasets.splits.groups import groups
from sciml_datasets.splits.overlap_report import overlap_report
from sciml_datasets.splits.partitions import part_ids, split_names

NAME = "candle_uno_demo"
UNO, PAIRS = (find(name)[0] for name in ("candle_uno", "candle_uno_pairs"))
SHOWN = st.lists(
    st.tuples(st.sampled_from("ABCDEFGHIJ"), st.integers(0, 12), st.sampled_from(["CCLE", "GDSC"])), min_size=30
)


def uno_columns(rows: list[tuple[str, int, str]]) -> dict[str, list[str]]:
    return {
        "id": [str(number) for number in range(len(rows))],
        "cell": [cell for cell, _, _ in rows],
        "drug": [f"NSC.{drug}" for _, drug, _ in rows],
        "source": [source for _, _, source in rows],
    }


def of_parts(columns: dict[str, list[str]], ids: dict[str, list[str]], *names: str) -> list[set[str]]:
    """For each part the values in these columns."""
    place = {key: row for row, key in enumerate(columns["id"])}
    return [{columns[name][place[key]] for name in names for key in ids[part]} for part in SPLITS]


def are_disjoint(sets: list[set[str]]) -> bool:
    return sum(map(len, sets)) == len(set().union(*sets))


@given(SHOWN)
def test_blind_splits_share_no_cell_and_no_drug(rows: list[tuple[str, int, str]]) -> None:
    columns = uno_columns(rows)
    for split, blind in (("cell_blind", ["cell"]), ("drug_blind", ["drug"]), ("disjoint", ["cell", "drug"])):
        ids = part_ids(UNO, columns, split)
        for name in blind:
            assert are_disjoint(of_parts(columns, ids, name)), (split, name)
        assert are_disjoint(of_parts(columns, ids, "id"))
        if split != "disjoint":
            assert sum(map(len, ids.values())) == len(rows)


@given(SHOWN)
def test_replicates_of_a_pair_are_never_parted(rows: list[tuple[str, int, str]]) -> None:
    columns = uno_columns(rows)
    columns["pair"] = [f"{cell} {drug}" for cell, drug in zip(columns["cell"], columns["drug"], strict=True)]
    assert are_disjoint(of_parts(columns, part_ids(UNO, columns, "mixed"), "pair"))
    sources = set(columns["source"])
    if len(sources) == 1:  # nothing would be left to train on
        assert not [split for split in split_names(UNO, columns) if split.startswith("leave_out_")]
        return
    for source in sources:
        ids = part_ids(UNO, columns, f"leave_out_{source}")
        train, validation, test = of_parts(columns, ids, "source")
        assert test == {source}
        assert source not in train | validation
        place = {key: row for row, key in enumerate(columns["id"])}
        learnt = [{columns["pair"][place[key]] for key in ids[part]} for part in ("train", "validation")]
        assert are_disjoint(learnt)


PAIRED = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), min_size=30)


def pair_columns(rows: list[tuple[int, int, int]]) -> dict[str, list[str]]:
    return {
        "id": [str(number) for number in range(len(rows))],
        "cell": [f"c{cell}" for *_, cell in rows],
        "drug_1": [f"NSC.{one}" for one, *_ in rows],
        "drug_2": [f"NSC.{other}" for _, other, _ in rows],
        "drugs": [" + ".join(sorted((f"NSC.{one}", f"NSC.{other}"))) for one, other, _ in rows],
        "source": ["ALMANAC.FF"] * len(rows),
    }


@given(PAIRED)
def test_a_drug_of_a_pair_is_in_one_part_whether_first_or_second(rows: list[tuple[int, int, int]]) -> None:
    columns = pair_columns(rows)
    assert are_disjoint(of_parts(columns, part_ids(PAIRS, columns, "drug_blind"), "drug_1", "drug_2"))
    assert are_disjoint(of_parts(columns, part_ids(PAIRS, columns, "pair_blind"), "drugs"))


@given(PAIRED, st.integers(2, 5))
def test_a_fold_of_drugs_trains_on_no_pair_with_a_drug_that_it_holds_out(
    rows: list[tuple[int, int, int]], k: int
) -> None:
    columns = pair_columns(rows)
    drugs = [{f"NSC.{one}", f"NSC.{other}"} for one, other, _ in rows]
    if len(set().union(*drugs)) < k:
        return
    drugs_of = dict(zip(columns["id"], drugs, strict=True))
    tested: list[str] = []
    for train, test in fold_ids(columns["id"], groups(PAIRS, columns, "drug"), k, "drug"):
        seen, unseen = ({drug for key in some for drug in drugs_of[key]} for some in (train, test))
        assert seen.isdisjoint(unseen)
        assert all(drugs_of[key] - seen for key in drugs_of.keys() - {*train, *test})
        tested += test
    assert len(tested) == len(set(tested))


@given(SHOWN, st.integers(2, 5), st.sampled_from(["row", "cell", "drug", "pair", "study"]), st.integers(0, 3))
def test_folds_part_every_sample_once_and_keep_groups_together(
    rows: list[tuple[str, int, str]], k: int, by: str, seed: int
) -> None:
    columns = uno_columns(rows)
    group_of = dict(zip(columns["id"], groups(UNO, columns, by), strict=True))
    if len(set(group_of.values())) < k:
        with pytest.raises(InputError, match="choose fewer folds"):
            fold_ids(columns["id"], list(group_of.values()), k, by, seed)
        return
    found = fold_ids(columns["id"], list(group_of.values()), k, by, seed)
    assert sorted(key for _, held_out in found for key in held_out) == sorted(columns["id"])
    for train, held_out in found:
        assert {group_of[key] for key in train}.isdisjoint(group_of[key] for key in held_out)
        assert len(train) + len(held_out) == len(rows)
    sizes = [len({group_of[key] for key in held_out}) for _, held_out in found]
    assert max(sizes) - min(sizes) <= 1


@settings(max_examples=20)
@given(SHOWN)
def test_the_proof_tells_what_the_parts_hold(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("members")
    columns = uno_columns(rows)
    names = ("cell", "drug", "source")
    facts = list(zip(*(columns[name] for name in names), strict=True))
    for i, split in enumerate(SPLITS):
        some = [member(key, fact) for key, fact in zip(columns["id"], facts, strict=True) if int(key) % 3 == i]
        write_members(folder, split, some, (*names, "unit"))
    told = overlap_report(UNO, {split: member_rows(folder, split) for split in SPLITS}, official=False)
    assert list(told) == split_names(UNO, columns)
    for split, found in told.items():
        ids = part_ids(UNO, columns, split)
        assert [found["parts"][part]["samples"] for part in SPLITS] == [len(ids[part]) for part in SPLITS]
        assert found["left_out"] == len(rows) - sum(map(len, ids.values()))
        cells = of_parts(columns, ids, "cell")
        assert [found["parts"][part]["cell"] for part in SPLITS] == list(map(len, cells))
        assert found["in_common"]["train and test"]["cell"] == len(cells[0] & cells[2])


def test_the_prepared_folder_proves_that_blind_splits_share_nothing(data_dir: Path) -> None:
    told = json.loads((data_dir / "sciml" / NAME / "2.0.0" / "splits.json").read_text())
    assert {"mixed", "cell_blind", "drug_blind", "disjoint", "leave_out_CCLE"} <= told.keys()
    for split, blind in (("cell_blind", ["cell"]), ("drug_blind", ["drug"]), ("disjoint", ["cell", "drug"])):
        for common in told[split]["in_common"].values():
            assert [common[name] for name in blind] == [0] * len(blind)
        assert [told[split]["parts"][part]["samples"] for part in SPLITS] == [
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
    with pytest.raises(InputError, match=r"has no example 'other' \(1 such\)"):
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
