"""A declaration with a mistake is refused when it is registered, in a sentence with the benchmark, part and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmark_packages import imported, write_package

from sciml_datasets import BENCHMARKS, Benchmark, InputError
from sciml_datasets.benchmark import Choice, Classification, Criterion, DataSet, NamedSplit, Regression, Task
from sciml_datasets.benchmarks import register
from sciml_datasets.declaration import mistakes


@pytest.fixture
def pebbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    return imported(write_package(tmp_path), tmp_path, monkeypatch)


ACCURACY = Criterion("top1_accuracy", "accuracy", "higher")
LISTED = Choice("form", ("round", "flat"), "oval", "what it looks like")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"name": "stemdl"},
            "stemdl: the name is taken by the benchmark of sciml_datasets: choose another",
        ),
        ({"name": "Big Stones"}, "the benchmark 'Big Stones' has no usable name"),
        ({"datasets": ()}, "it has no data set: give at least one DataSet"),
        (
            {"datasets": (DataSet("cloudmask", "1.0.0", "x"),)},
            "data set cloudmask is taken by cloudmask: choose",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1", "x"),)},
            "pebble_sizes has the version '1': expected three",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", preprocessed_from="rocks"),)},
            "pebble_sizes is preprocessed from 'rocks': choose its own",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", variant={"colour": 1}),)},
            "pebble_sizes varies 'colour', which no benchmark has",
        ),
        ({"criteria": ()}, "it has no criterion"),
        ({"criteria": (ACCURACY, ACCURACY)}, "the criterion top1_accuracy is declared twice: remove one"),
        (
            {"criteria": (Criterion("accuracy", "accuracy", "higher"),)},
            "its task Classification gives no score 'accuracy': choose criteria among top1_accuracy, ",
        ),
        ({"criteria": (replace(ACCURACY, direction="up"),)}, "has the direction 'up': choose higher or lower"),
        ({"criteria": (replace(ACCURACY, at_most="top5"),)}, "is at most 'top5', which is no criterion"),
        ({"task": Classification(label="kind")}, "its task Classification has num_classes 0, expected the number of"),
        ({"task": Classification(num_classes=3)}, "its task Classification needs label, the column"),
        ({"task": Regression(groups=("beach",))}, "its task Regression needs target, the column"),
        ({"task": Task()}, "its task Task has no scoring"),
        ({"task": "classification"}, "its task is 'classification': expected a task such as"),
        ({"sources": {"rocks": ()}}, "sources names 'rocks', which is none of its data sets"),
        ({"leave_out": "shore"}, "leave_out is 'shore': expected a grouping of one column, among beach"),
        ({"each": ("shore",)}, "each names 'shore', which is no grouping: choose among beach"),
        (
            {"splits": (NamedSplit("shore_blind", ("shore",)),)},
            "the split shore_blind names 'shore', which",
        ),
        ({"choices": (LISTED,)}, "the choice form has the default 'oval': choose one of its values"),
        (
            {"choices": (replace(LISTED, name="raw_dir", default=None),)},
            "the name of the choice raw_dir is taken by `sciml prepare`: choose another name",
        ),
        (
            {"choices": (Choice("form", "integer", None, "x"),)},
            "has other values than that of candle_uno: choose",
        ),
        ({"simulator": (Choice("depth", "metres", None, "x"),)}, "the choice depth has the values 'metres'"),
        ({"simulator": (replace(LISTED, name="seed", default=None),)}, "seed is taken by `sciml simulate`"),
        ({"conversions": BENCHMARKS["cloudmask"].conversions}, "its conversion slstr is taken by cloudmask"),
    ],
)
def test_a_mistake_is_one_sentence(pebbles: Benchmark, changed: dict[str, Any], message: str) -> None:
    before = list(BENCHMARKS)
    with pytest.raises(InputError) as refused:
        register(replace(pebbles, **changed))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(BENCHMARKS) == before


def test_every_mistake_is_listed(pebbles: Benchmark) -> None:
    wrong = replace(pebbles, criteria=(replace(ACCURACY, direction="up"),), leave_out="shore")
    found = list(mistakes(wrong, BENCHMARKS.values()))
    assert len(found) == 2
    assert all(mistake.startswith(f"{pebbles.name}: ") for mistake in found)


def test_what_is_no_benchmark_is_refused() -> None:
    with pytest.raises(InputError, match="'pebbles' is no benchmark: expected an instance of sciml"):
        register("pebbles")  # what a notebook may hand over


def test_choices_of_one_name_with_listed_values_are_one_flag(pebbles: Benchmark) -> None:
    listed = Choice("form", ("round", "flat"), None, "what it looks like")
    assert list(mistakes(replace(pebbles, choices=(listed,)), BENCHMARKS.values())) == []


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_the_benchmarks_of_this_package_have_no_mistake(benchmark: Benchmark) -> None:
    others = [other for other in BENCHMARKS.values() if other is not benchmark]
    assert list(mistakes(benchmark, others)) == []
