"""Scores as text: digits that follow the scale where there is a unit, and columns that never touch."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.metrics.score_text import aligned, folded, score_text

LN = "ln(umol/l)"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, LN, "-"),
        (0.0054, "", "0.0054"),
        (-27.72178, "", "-27.7218"),
        (0.0, "", "0.0000"),
        (3.1e-12, "", "3.100e-12"),
        (24311599266.4978, "", "2.431e+10"),
        (24311599266.4978, LN, "2.431e+10"),
        (41674.21, LN, "41674"),
        (1.5, LN, "1.500"),
        (0.054321, LN, "0.05432"),
        (9.99996, LN, "10.00"),
        (999999.9, LN, "1.000e+06"),
        (-0.0009, LN, "-9.000e-04"),
        (0.0, LN, "0"),
    ],
)
def test_a_score_is_written_to_its_digits(value: float | None, unit: str, text: str) -> None:
    assert score_text(value, unit) == text


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_a_score_with_a_unit_is_shown_to_four_digits_on_any_scale(value: float) -> None:
    assert float(score_text(value, LN)) == pytest.approx(value, rel=5.01e-4, abs=0)


@given(st.lists(st.tuples(*[st.from_regex(r"[^\s]+( to [^\s]+)?", fullmatch=True)] * 3), min_size=1))
def test_columns_are_two_blanks_apart_or_more(rows: list[tuple[str, str, str]]) -> None:
    lines = aligned(rows)
    assert [tuple(re.split(r"  +", line.strip())) for line in lines] == rows
    assert len({len(line) for line in lines}) == 1


CELLS = st.text("ab1.-", min_size=1, max_size=9)
TITLES = st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=9).map(" ".join)
COLUMNS = st.tuples(TITLES, CELLS, CELLS).map(list)


@given(st.lists(st.lists(COLUMNS, min_size=1, max_size=4), min_size=1, max_size=3), st.integers(60, 120))
def test_a_folded_table_fits_its_width_and_holds_every_cell_in_order(groups: list[list[list[str]]], width: int) -> None:
    names = ["criterion", "accuracy", "F1"]
    lines = folded(names, groups, width)
    assert max(map(len, lines)) <= width
    for row, name in enumerate(names[1:], 1):
        shown = [cell for line in lines if line.startswith(f"{name} ") for cell in line.split()[1:]]
        assert shown == [column[row] for group in groups for column in group]


def test_a_group_of_columns_stays_together_where_a_part_can_hold_it() -> None:
    scores = [["score", "0.5"], ["95 % interval", "0.400 to 0.600"]]
    baselines = [["no cloud", "0.1"], ["cloud", "0.2"]]
    assert folded(["criterion", "accuracy"], [scores, baselines], 35) == [
        "criterion  score   95 % interval",
        "accuracy     0.5  0.400 to 0.600",
        "              no       ",
        "criterion  cloud  cloud",
        "accuracy     0.1    0.2",
    ]


def test_a_table_without_a_width_has_one_line_for_each_name() -> None:
    lines = folded(["criterion", "accuracy"], [[["always the most frequent class", "0.1"]]])
    assert lines == ["criterion  always the most frequent class", "accuracy                              0.1"]
