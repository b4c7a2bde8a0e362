"""Folds and splits by name: no group in two parts, the same parts everywhere, and the report that shows it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uno_files import member

from sciml_datasets import InputError
from sciml_datasets.benchmarks import find
from sciml_datasets.prepared.members import member_rows, write_members
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.folds import fold_ids, fold_parts
from sciml_datasets.splits.groups import groups
from sciml_datasets.splits.overlap_report import overlap_report
from sciml_datasets.splits.partitions import part_ids, split_names

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


@given(SHOWN, st.integers(2, 4), st.sampled_from(["row", "cell", "drug"]))
def test_a_fold_has_three_parts_that_share_no_group(rows: list[tuple[str, int, str]], k: int, by: str) -> None:
    columns = uno_columns(rows)
    groups_of = groups(UNO, columns, by)
    if len(set(groups_of)) < k + 2:
        return
    group_of = dict(zip(columns["id"], groups_of, strict=True))
    _, held_out = fold_ids(columns["id"], groups_of, k, by)[0]
    found = fold_parts(columns["id"], groups_of, 1, k, by)
    assert found["test"] == held_out
    assert are_disjoint([{str(group_of[key]) for key in found[part]} for part in SPLITS])
    assert sorted(key for ids in found.values() for key in ids) == sorted(columns["id"])


@settings(max_examples=20)
@given(SHOWN)
def test_the_report_tells_what_the_parts_hold(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("members")
    columns = uno_columns(rows)
    names = ("cell", "drug", "source")
    facts = list(zip(*(columns[name] for name in names), strict=True))
    for i, split in enumerate(SPLITS):
        some = [member(key, fact) for key, fact in zip(columns["id"], facts, strict=True) if int(key) % 3 == i]
        write_members(folder, split, some, (*names, "unit"))
    reported = overlap_report(UNO, {split: member_rows(folder, split) for split in SPLITS}, official=False)
    assert list(reported) == split_names(UNO, columns)
    for split, found in reported.items():
        ids = part_ids(UNO, columns, split)
        assert [found["parts"][part]["samples"] for part in SPLITS] == [len(ids[part]) for part in SPLITS]
        assert found["left_out"] == len(rows) - sum(map(len, ids.values()))
        cells = of_parts(columns, ids, "cell")
        assert [found["parts"][part]["cell"] for part in SPLITS] == list(map(len, cells))
        assert found["in_common"]["train and test"]["cell"] == len(cells[0] & cells[2])
