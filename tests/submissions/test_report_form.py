"""The form of reports from the sandbox: those of real submissions have it, those that are made up do not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets.submissions.check import place_of
from sciml_datasets.submissions.inspection import Inspection
from sciml_datasets.submissions.report_form import is_report

EXAMPLES = Path(__file__).parents[2] / "examples" / "submissions"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.sampled_from(["findings", "facts", "files", "x"]), parts),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The report on a sound submission, as it comes from the sandbox."""
    place = place_of(next(EXAMPLES.glob("*/cloudmask/*/*")))
    return dict(json.loads(json.dumps(Inspection(place, {}).report())))


def test_the_report_on_a_submission_has_the_form(report: dict[str, Any], tmp_path: Path) -> None:
    assert is_report(report)
    nothing = Inspection(place_of(tmp_path), {}).report()
    assert nothing["findings"]
    assert is_report(nothing)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("findings", None, {}),
        ("findings", None, [["file", "unknown rule", "what"]]),
        ("findings", None, [["file", "copy", 3]]),
        ("findings", None, [["file", "copy"]]),
        ("findings", None, ["copy"]),
        ("facts", None, []),
        ("facts", "config", "text"),
        ("facts", "result", {"dataset": []}),
        ("facts", "results", [None]),
        ("facts", "times", [7]),
        ("facts", "files", [["a"]]),
        ("facts", "runs", [["a"]]),
        ("facts", "runs", [{"sha256": "0", "scores": "0", "fingerprint": 7}]),
        ("facts", "runs", [{"sha256": "0", "scores": "0", "unexplained": ["0"]}]),
        ("facts", "at_hand", None),
        ("facts", "recomputed", "yes"),
        ("facts", "contribution", {}),
    ],
)
def test_a_report_that_differs_in_one_part_has_another_form(
    report: dict[str, Any], part: str, name: str | None, value: Any
) -> None:
    forged = copy.deepcopy(report)
    if name is None:
        forged[part] = value
    else:
        forged[part][name] = value
    assert not is_report(forged)


@pytest.mark.parametrize("name", ["config", "at_hand", "recomputed"])
def test_a_report_that_lacks_a_fact_has_another_form(report: dict[str, Any], name: str) -> None:
    forged = copy.deepcopy(report)
    del forged["facts"][name]
    assert not is_report(forged)


@settings(max_examples=40)
@given(VALUES)
def test_any_value_has_the_form_or_not(value: Any) -> None:
    assert not is_report(value) or not value["findings"]
