"""A declared value of another type than its annotation is named with its place, what was expected, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sciml_datasets import BENCHMARKS, Benchmark, InputError
from sciml_datasets.benchmark import (
    Choice,
    Classification,
    Conversion,
    Criterion,
    DataSet,
    NamedSplit,
    Reconstruction,
    Source,
    Value,
)
from sciml_datasets.benchmarks import register
from sciml_datasets.declaration import mistakes
from sciml_datasets.declared_types import wrong_types

ACCURACY = Criterion("top1_accuracy", "accuracy", "higher")
TASK = Classification(label="kind", num_classes=3)
DATASET = DataSet("pebble_sizes", "1.0.0", "sizes of pebbles")
SPLIT = NamedSplit("beach_blind", ("beach",))
CHOICE = Choice("depth", "number", None, "depth of the water")
SOURCE = Source("https://example.org/pebbles", 3)
VALUE = Value(0.9, "ours")


def altered(declared: Any, **values: Any) -> Any:
    """The same with values of any type, as a program that is not checked for types gives them."""
    return replace(declared, **values)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"criteria": ACCURACY}, "criteria is a Criterion, expected a tuple of Criterion: write (Criterion(...),)"),
    ({"criteria": [ACCURACY]}, "criteria is a list, expected a tuple of Criterion: write it with round brackets"),
    ({"criteria": ("accuracy",)}, "criteria[0] is 'accuracy', expected a Criterion: write Criterion(...)"),
    ({"criteria": None}, "criteria is None, expected a tuple of Criterion: give one"),
    ({"datasets": DATASET}, "datasets is a DataSet, expected a tuple of DataSet: write (DataSet(...),)"),
    ({"choices": CHOICE}, "choices is a Choice, expected a tuple of Choice: write (Choice(...),)"),
    ({"choices": ("depth",)}, "choices[0] is 'depth', expected a Choice"),
    ({"simulator": (None,)}, "simulator[0] is None, expected a Choice: give one"),
    ({"splits": SPLIT}, "splits is a NamedSplit, expected a tuple of NamedSplit: write (NamedSplit(...),)"),
    ({"conversions": ("jcamp",)}, "conversions[0] is 'jcamp', expected a Conversion: write Conversion(...)"),
    ({"groupings": None}, "groupings is None, expected a dictionary from texts to a tuple of texts: leave it out"),
    ({"groupings": ["beach"]}, "groupings is ['beach'], expected a dictionary from texts to a tuple of texts: write {"),
    ({"groupings": {"beach": "beach"}}, "groupings['beach'] is 'beach', expected a tuple of texts: write ('beach',)"),
    ({"groupings": {3: ("beach",)}}, "a key of groupings is 3, expected a text: write '3'"),
    ({"each": None}, "each is None, expected a tuple of texts: leave it out, or give one"),
    ({"leave_out": ["beach"]}, "leave_out is ['beach'], expected a text: correct it"),
    ({"sources": None}, "sources is None, expected a dictionary from texts to a tuple of Source or GlobusSource"),
    (
        {"sources": {"a": SOURCE}},
        "sources['a'] is a Source, expected a tuple of Source or GlobusSource: write (",
    ),
    ({"modules": ["data"]}, "modules is ['data'], expected a dictionary from texts to a text: write {key: value}"),
    ({"original": ["a"]}, "original is ['a'], expected a dictionary from texts to a tuple of texts"),
    ({"original": None}, "original is None, expected a dictionary"),
    ({"title": None}, "title is None, expected a text: give one"),
    ({"task": altered(TASK, num_classes="3")}, "task.num_classes is '3', expected an integer: write 3"),
    ({"task": altered(TASK, num_classes=3.0)}, "task.num_classes is 3.0, expected an integer: write 3"),
    ({"task": altered(TASK, num_classes=None)}, "task.num_classes is None, expected an integer"),
    ({"task": altered(TASK, num_classes=True)}, "task.num_classes is True, expected an integer: correct it"),
    ({"task": altered(TASK, alike="beach")}, "task.alike is 'beach', expected a tuple of texts: write ('beach',)"),
    ({"task": altered(TASK, alike=None)}, "task.alike is None, expected a tuple of texts: leave it out"),
    ({"task": altered(TASK, coarser={"a": "b"})}, "task.coarser['a'] is 'b', expected a dictionary"),
    ({"task": altered(TASK, merged="b")}, "task.merged is 'b', expected a dictionary"),
    ({"task": altered(Reconstruction("image"), data_range="1")}, "task.data_range is '1', expected a number: write 1"),
    ({"task": Classification}, "its task is the class Classification: expected a task such as"),
    (
        {"criteria": (altered(ACCURACY, target=0.9),)},
        "criteria[0].target is 0.9, expected a Value or None: write",
    ),
    (
        {"criteria": (altered(ACCURACY, target=altered(VALUE, value=None)),)},
        "criteria[0].target.value is None, expected a number: give one",
    ),
    (
        {"criteria": (altered(ACCURACY, span=(0, "1")),)},
        "criteria[0].span[1] is '1', expected a number or None: write",
    ),
    ({"splits": (altered(SPLIT, shares=0.8),)}, "splits[0].shares is 0.8, expected a tuple of 2 values, each a number"),
    ({"splits": (altered(SPLIT, shares=("0.8", 0.1)),)}, "splits[0].shares[0] is '0.8', expected a number: write"),
    (
        {"splits": (altered(SPLIT, shares=(0.8, 0.1, 0.1)),)},
        "splits[0].shares is (0.8, 0.1, 0.1), expected a tuple of 2",
    ),
    ({"datasets": (altered(DATASET, title=None),)}, "datasets[0].title is None, expected a text: give one"),
    (
        {"datasets": (altered(DATASET, simulated_samples="480"),)},
        "datasets[0].simulated_samples is '480', expected an integer: write 480",
    ),
    (
        {"datasets": (altered(DATASET, variant=None),)},
        "datasets[0].variant is None, expected a dictionary: leave",
    ),
    (
        {"datasets": (altered(DATASET, variant={"criteria": ACCURACY}),)},
        "datasets[0].variant['criteria'] is a Criterion, expected a tuple of Criterion",
    ),
    ({"choices": (altered(CHOICE, values=(1, 2)),)}, "choices[0].values[0] is 1, expected a text: write '1'"),
    ({"choices": (altered(CHOICE, default=3),)}, "choices[0].default is 3, expected a text or None: write '3'"),
    (
        {"conversions": (altered(Conversion("jcamp", "m", "s"), file="a"),)},
        "conversions[0].file is 'a', expected True or False",
    ),
]


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=[message.split(",")[0] for _, message in WRONG])
def test_a_value_of_a_wrong_type_is_one_sentence(pebbles: Benchmark, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        register(replace(pebbles, **changed))
    assert str(refused.value).startswith(f"{pebbles.name}: {message}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [None, 3, "a", (), (None,), ["a"], {"a": 1}, object, object(), float("nan"), b"a"])
@pytest.mark.parametrize("attribute", sorted(Benchmark.__dataclass_fields__))
def test_whatever_is_given_there_is_no_other_exception(pebbles: Benchmark, attribute: str, value: Any) -> None:
    assert all(isinstance(each, str) for each in mistakes(replace(pebbles, **{attribute: value}), BENCHMARKS.values()))


def test_a_task_that_fails_is_named_with_its_place(pebbles: Benchmark) -> None:
    class Sizes(Classification):
        @property
        def scores(self) -> tuple[str, ...]:
            raise RuntimeError("no sizes")

    (found,) = mistakes(replace(pebbles, task=Sizes(label="kind", num_classes=3)), ())
    assert found.startswith(f"{pebbles.name}: its declaration cannot be checked: RuntimeError in {__file__}, line ")


@pytest.mark.parametrize(
    ("value", "annotation"),
    [(3, float), (None, float | None), ((), tuple[str, ...]), ({}, Mapping[str, Any]), ({"a": 3}, Mapping[str, Any])],
)
def test_values_of_the_type_are_right(value: Any, annotation: Any) -> None:
    assert list(wrong_types(value, annotation, "value")) == []
