"""A part of a benchmark with a mistake: one sentence with the benchmark, the part and the remedy, when it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark_packages import imported, write_package, write_raw

from sciml_datasets import InputError, prepare, simulate
from sciml_datasets.benchmarks import registered
from sciml_datasets.testing import check_benchmark

PEBBLES = [f"pebble{i},0.5,{i % 3},beach{i}" for i in range(60)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"def features(dataset)": "def feature(dataset)"}, "{name}.data has no features: add it"),
        ({"    return {": "    return 3, {"}, "{name}.data.features returns (3, {{'id'"),
        (
            {"    from tensorflow_datasets import features\n": ""},
            ".data.features fails: AttributeError in ",
        ),
        ({'"id": features': '"key": features'}, "{name}.data.features has no feature 'id', the name of each sample"),
        ({'return "size", "kind"': 'return "weight", "kind"'}, "supervised_keys names 'weight', which is no feature"),
        ({"return Rows(": "return str("}, "TypeError"),
        ({'facts=("kind",)': "facts=()"}, "its facts are none, without 'kind', which the task Classification scores"),
        ({'group_kind="beach"': 'group_kind="shore"'}, "without 'beach', which the grouping beach is made of"),
        (
            {'"size": float(size), ': ""},
            "of first.csv, no 'size', which {name}.data.features declares",
        ),
        ({'"kind": int(kind)': '"kind": int(kind), "colour": 3'}, "also 'colour', besides what {name}.data.features"),
        ({'"size": np.float32': '"size": features.Tensor(shape=(2,), dtype=np.float32)'}, "float 0.5 as 'size'"),
        ({'"size": np.float32': '"size": np.int32'}, "float 0.5 as 'size', {name}.data.features declares"),
        ({'"size": float(size)': '"size": size'}, "str '0.5' as 'size', {name}.data.features declares"),
        (
            {"int(kind)": "int(kind) + 3"},
            "the kind '3', expected a class from 0 to 2: correct the file, or the task",
        ),
        ({"int(kind)": "['quartz', 'mica', 'clay'][int(kind)]"}, "has the kind 'quartz', expected a class from 0 to 2"),
        ({"yield Row({": "yield dict({"}, "{name}.data.rows yields {{"),
        ({'"id": name': '"id": 3'}, "first.csv: row 0 has the id 3: give a text"),
        ({"group=beach": 'group=beach, split="tset"'}, "first.csv: row 0 is in the split 'tset': choose one of train"),
        ({'"kind": int(kind)': '"sort": int(kind)'}, "first.csv: row 0 lacks 'kind', which facts names"),
        (
            {"group=beach": 'group=beach, split="train"'},
            "the validation split is empty, expected at least one",
        ),
        ({'"id": name': '"id": "pebble"'}, "sample pebble occurs twice: ids must be unique"),
        ({"size, kind, beach = ": "size, kind = "}, "{name}.data.rows fails (ValueError: too many values to unpack"),
        (
            {"import numpy as np": "import no_such_library"},
            "its module {name}.data cannot be imported (Module",
        ),
        ({'Rows("*.csv"': 'Rows("*.h5"'}, "no file *.h5 in it: put the raw files there"),
    ],
)
def test_a_mistake_in_the_data_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], message: str
) -> None:
    name = write_package(tmp_path, data=changed)
    raw = write_raw(tmp_path, name, lines=PEBBLES)
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError) as refused:
        prepare(name, raw, tmp_path / "data")
    assert message.format(name=name) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / f"data/sciml/{name}/1.0.0").exists()


def test_rows_in_another_order_when_they_are_read_again_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {"in path.read_text().splitlines()": "in __import__('random').sample(path.read_text().splitlines(), 60)"}
    name = write_package(tmp_path, data=changed)
    raw = write_raw(tmp_path, name, lines=PEBBLES)
    (raw / name / "first.csv").write_text("\n".join(PEBBLES) + "\n")
    (raw / name / "second.csv").unlink()
    with (
        registered(imported(name, tmp_path, monkeypatch)),
        pytest.raises(InputError, match="differs when it is read again"),
    ):
        prepare(name, raw, tmp_path / "data")


def test_a_benchmark_without_a_simulator_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path)
    with (
        registered(imported(name, tmp_path, monkeypatch)),
        pytest.raises(InputError, match=rf"{name} has no simulate: there is no module {name}\.simulate"),
    ):
        simulate(name, tmp_path / "raw")


def test_a_package_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, {"package=__name__": 'package="no_such_package"'})
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError, match="no_such_package"):
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")


SIMULATOR = "def write_raw(folder, name, *, num_samples, seed, jobs): pass\n"


@pytest.mark.parametrize(
    ("declared", "parts", "message"),
    [
        ({"CC0": "CC0", '"higher"': '"higher", target=Value(-0.1, "x")'}, {}, "outside of its span"),
        ({'"higher"': '"higher", target=Value(0.9, "")'}, {}, "has no source: give one"),
        (
            {"task=Classification(": 'task=type("Kinds", (Classification,), {})('},
            {},
            "its declaration cannot be sent to another",
        ),
        ({}, {"model": "RECIPES = {'marbles': 3}"}, "{name}.model.RECIPES is no dictionary with names among {name}"),
        ({}, {"simulate": "def write(folder): pass"}, "{name}.simulate has no function write_raw: add it"),
        ({}, {"simulate": "def write_raw(folder, name): pass"}, "{name}.simulate.write_raw does not take num_samples"),
        (
            {"    title=": '    simulator=(Choice("depth", "number", None, "x"),),\n    title='},
            {"simulate": SIMULATOR},
            "{name}.simulate.write_raw does not take depth: add the argument",
        ),
        ({}, {"pictures": "COUNT = 3"}, "{name}.pictures has no FEATURES: add it"),
        ({}, {"pictures": "1 +"}, "its module {name}.pictures cannot be imported (SyntaxError"),
    ],
)
def test_the_suite_finds_what_shows_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: dict[str, str], parts: dict[str, str], message: str
) -> None:
    names = {"import Benchmark": "import Choice, Value, Benchmark"}
    name = write_package(tmp_path, names | declared, **parts)
    with pytest.raises(InputError) as refused:
        check_benchmark(imported(name, tmp_path, monkeypatch), write_raw(tmp_path, name))
    assert message.format(name=name) in str(refused.value)


def test_a_sound_benchmark_walks_from_raw_to_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path)
    check_benchmark(imported(name, tmp_path, monkeypatch), write_raw(tmp_path, name))


def test_samples_that_differ_between_processes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, data={"float(size)": "__import__('time').perf_counter()"})
    with pytest.raises(InputError, match="differs when two processes prepare it"):
        check_benchmark(imported(name, tmp_path, monkeypatch), write_raw(tmp_path, name))
