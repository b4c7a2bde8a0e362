"""A part of a benchmark with a mistake: one sentence with the benchmark, the part and the remedy, when it is used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_packages import imported, write_package, write_raw

from sciml_datasets import InputError, prepare, simulate
from sciml_datasets.benchmarks import registered
from sciml_datasets.cli.main import main
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
        ({'facts=("kind",)': "facts=None"}, "its facts are None: give a tuple of different names"),
        ({'facts=("kind",)': 'facts="kind"'}, "its facts are 'kind': give a tuple of different names"),
        ({'facts=("kind",)': 'facts=("kind", 3)'}, "its facts are ('kind', 3): give a tuple of different names"),
        ({'facts=("kind",)': 'facts=("kind", "kind")'}, "its facts are ('kind', 'kind'): give a tuple of different"),
        ({'facts=("kind",)': 'facts=("kind", "beach")'}, "without group_kind 'beach', which are columns of their own"),
        ({'group_kind="beach"': "group_kind=None"}, "its group_kind is None: give the kind of the groups in a word"),
        ({'group_kind="beach"': 'group_kind="id"'}, "its group_kind is 'id': give the kind of the groups in a word"),
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
        ({"in path.read_text().splitlines()": "in ()"}, "{name}: {name}.data.rows yields no sample from 2 files of"),
        ({'"size": float(size)': '"size": 1e300'}, "float 1e+300 as 'size', {name}.data.features declares"),
        (
            {
                '"size": np.float32': '"size": {"a": np.int8, "b": {"c": np.int8}}',
                '"size": float': '"size": {"a": 1} or ',
            },
            "dict {{'a': 1}} as 'size', {name}.data.features declares FeaturesDict({{ 'a': int8, 'b': Fea",
        ),
        (
            {
                '"size": np.float32': '"size": {"a": {"c": np.int8}}',
                '"size": float(size)': '"size": {"a": {}}',
                'return "size"': 'return "kind"',
            },
            "dict {{'a': {{}}}} as 'size', {name}.data.features declares FeaturesDict({{",
        ),
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


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ('"size"', "supervised_keys returns 'size': return None, (input, target) or (input, target, weight)"),
        ('("size",)', "supervised_keys returns ('size',): return None"),
        ('["size", "kind"]', "supervised_keys returns ['size', 'kind']: return None"),
        ('{"a": "size"}', "supervised_keys returns {{'a': 'size'}}: return None"),
        ("3", "supervised_keys returns 3: return None"),
        ("3, 4", "supervised_keys returns (3, 4): return None"),
        ('["size"], "kind"', "supervised_keys returns (['size'], 'kind'): return None"),
        ('{"a": "sizes"}, "kind"', "supervised_keys names 'sizes', which is no feature: choose among id, size, kind"),
    ],
)
def test_supervised_keys_that_tfds_does_not_take_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returned: str, message: str
) -> None:
    name = write_package(tmp_path, data={'return "size", "kind"': f"return {returned}"})
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError) as refused:
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")
    assert f"{name}: {name}.data.{message.format()}" in str(refused.value)


@pytest.mark.parametrize(
    "returned", ["None", '{"a": "size"}, "kind"', '("size", "id"), "kind"', '"size", "kind", "size"']
)
def test_supervised_keys_are_names_in_tuples_and_dictionaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returned: str
) -> None:
    name = write_package(tmp_path, data={'return "size", "kind"': f"return {returned}"})
    with registered(imported(name, tmp_path, monkeypatch)):
        assert prepare(name, write_raw(tmp_path, name), tmp_path / "data").is_dir()


@pytest.mark.parametrize("declared", ["float", "int", "'float32'", "None", "features.Text", "(3,)"])
def test_a_feature_that_tfds_does_not_take_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: str
) -> None:
    name = write_package(tmp_path, data={'"size": np.float32': f'"size": {declared}'})
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError) as refused:
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")
    assert str(refused.value).startswith(f"{name}: {name}.data.features declares 'size' as ")
    assert "which TFDS does not take (Feature not supported: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_pair_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_datasets as tfds

    name = write_package(tmp_path, data={"def rows(": "def pair(size, kind):\n    return size.x, kind\n\n\ndef rows("})
    with registered(imported(name, tmp_path, monkeypatch)):
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")
        with pytest.raises(InputError, match=rf"^{name}: {name}\.data\.pair fails: ") as refused:
            tfds.load(f"sciml/{name}", data_dir=tmp_path / "data", as_supervised=True)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", ["1e300", '"much"', "np.zeros(3)"])
def test_nothing_is_left_of_an_example_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    name = write_package(tmp_path, data={'"size": float(size)': f'"size": {size}'})
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError, match="as 'size'"):
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() or ".incomplete" in path.name]


FORMAT = """
from contextlib import contextmanager

import numpy as np

from sciml_datasets.raw_format import SPLITS, RawFile, RawFormat, Sample


def features(dataset):
    from tensorflow_datasets import features

    return {"id": features.Text(), "size": np.float32, "kind": features.ClassLabel(num_classes=3)}


def supervised_keys(dataset):
    return "size", "kind"


class Lines(RawFormat):
    facts = ("kind",)
    group_kind = "beach"

    def files(self, folder):
        return [RawFile.of(folder, path) for path in sorted(folder.iterdir())]

    def index(self, folder, file):
        for number, line in enumerate((folder / file.name).read_text().splitlines()):
            key, size, kind, beach = line.split(",")
            yield Sample(SPLITS[number % 3], key, file.name, str(number), 8, "", (kind,))

    @contextmanager
    def reader(self, folder, note=None):
        def read(sample):
            return {"id": sample.key, "size": 1.0, "kind": int(sample.facts[0])}

        yield read


def raw_format(dataset):
    return Lines()
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return [RawFile.of", "return folder.x, [RawFile.of", "{name}.data.Lines.files fails: AttributeError in "),
        ("return [RawFile", "return 2 or [RawFile", "Lines.files returns 2: return a list of RawFile"),
        (
            "for number, line",
            "raise KeyError(3)\n        for number, line",
            "{name}.data.Lines.index fails: KeyError in ",
        ),
        ("(self, folder, file)", "(self, folder)", "{name}.data.Lines.index fails: TypeError in "),
        ("def read(sample):", "def read(sample):\n            raise KeyError(3)", "Lines.reader fails: KeyError in "),
        ("    @contextmanager\n", "", "{name}.data.Lines.reader fails: "),
        ("yield Sample", "yield (lambda *a: a)", "Lines.index yields ('train', 'pebble0'"),
        ("SPLITS[number % 3]", "'valid'", "Lines.index yields 'pebble0' of the split 'valid': choose one of train"),
        (
            "(kind,)",
            "()",
            "Lines.index yields 'pebble0' with the facts (): give a tuple of texts, one for each of facts (kind)",
        ),
        ("(kind,)", "(int(kind),)", "Lines.index yields 'pebble0' with the kind 0: give a text"),
        ("(kind,)", "kind", "Lines.index yields 'pebble0' with the facts '0': give a tuple"),
        ("str(number)", "number", "Lines.index yields 'pebble0' with the place 0: give a text"),
        (', "", (kind,)', ", None, (kind,)", "Lines.index yields 'pebble0' with the group None: give a text"),
        (", 8,", ", 8.5,", "Lines.index yields 'pebble0' with the size 8.5: give a number of bytes"),
    ],
)
def test_a_mistake_in_a_raw_format_of_others_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    assert old in FORMAT
    name = write_package(tmp_path, data=FORMAT.replace(old, new))
    with registered(imported(name, tmp_path, monkeypatch)), pytest.raises(InputError) as refused:
        prepare(name, write_raw(tmp_path, name), tmp_path / "data")
    assert message.format(name=name) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() or ".incomplete" in path.name]


def test_a_raw_format_of_others_is_prepared_by_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, data=FORMAT)
    with registered(imported(name, tmp_path, monkeypatch)):
        assert prepare(name, write_raw(tmp_path, name), tmp_path / "data", jobs=2).is_dir()


def test_features_that_changed_without_the_version_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path)
    raw = write_raw(tmp_path, name)
    with registered(imported(name, tmp_path, monkeypatch)):
        folder = prepare(name, raw, tmp_path / "data")
        assert prepare(name, raw, tmp_path / "data") == folder
        part = sys.modules[f"{name}.data"]
        before = part.features

        def features(dataset: object) -> dict[str, Any]:
            import tensorflow_datasets as tfds

            declared = before(dataset)
            return {"id": declared["id"], "kind": tfds.features.Text(), "mass": np.float32}

        monkeypatch.setattr(part, "features", features)
        monkeypatch.setattr(part, "supervised_keys", lambda dataset: None)
        with pytest.raises(InputError) as refused:
            prepare(name, raw, tmp_path / "data")
    assert str(refused.value) == (
        f"{folder} was prepared with other features (added: mass; missing: size; of another class: kind): raise the "
        "version of the data set, or remove the folder"
    )


def test_another_choice_than_that_of_the_prepared_data_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = 'choices=(Choice("units", ("si", "us"), "si", "units of the size"),),\n    groupings='
    name = write_package(
        tmp_path,
        {"import Benchmark": "import Choice, Benchmark", "groupings=": units},
        data={"def raw_format(dataset)": "def raw_format(dataset, units)"},
    )
    raw = write_raw(tmp_path, name)
    with registered(imported(name, tmp_path, monkeypatch)):
        prepare(name, raw, tmp_path / "data", units="us")
        with pytest.raises(InputError, match="is prepared with the units us, not si: remove it"):
            prepare(name, raw, tmp_path / "data", units="si")


@pytest.mark.parametrize(
    ("declared", "lines"),
    [
        ('{"a": np.float32, "b": {"c": features.Text()}}', ["size/a   float32 ()", "size/b/c string ()"]),
        ('features.Sequence({"a": np.float32})', ["size/a  float32 (None,)"]),
        ("features.Sequence(np.float32)", ["size  float32 (None,)"]),
        ('features.Dataset({"a": np.float32})', ["size/a  float32 ()"]),
        ('features.Translation(["en", "de"])', ["size/en  string ()", "size/de  string ()"]),
    ],
)
def test_info_shows_the_parts_of_nested_features(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    declared: str,
    lines: list[str],
) -> None:
    name = write_package(tmp_path, data={"np.float32": declared, 'return "size", "kind"': "return None"})
    with registered(imported(name, tmp_path, monkeypatch)):
        assert main(["info", name, "--data-dir", str(tmp_path)]) == 0
        printed = capsys.readouterr().out
        assert main(["info", name, "--data-dir", str(tmp_path), "--json"]) == 0
    assert [" ".join(line.split()) for line in lines] == [
        " ".join(line.split()) for line in printed.splitlines() if line.startswith("  size")
    ]
    assert json.loads(capsys.readouterr().out)["features"]["kind"] == {"shape": [], "dtype": "int64"}


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
        (
            {},
            {"model": "RECIPES = {__name__.split('.')[0]: 3}"},
            "{name}.model.RECIPES has for {name} 3: give a Recipe",
        ),
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


BEACHES = """
def write_raw(folder, name, *, num_samples, seed, jobs):
    folder.mkdir(exist_ok=True)
    lines = [f"pebble{i},0.5,{i % 3},beach{i % NUMBER}" for i in range(num_samples)]
    (folder / "first.csv").write_text("\\n".join(lines) + "\\n")
"""
BLIND = {
    "import Benchmark": "import NamedSplit, Benchmark",
    "groupings=": 'splits=(NamedSplit("beach_blind", ("beach",)),),\n    groupings=',
}


def test_a_split_by_name_with_an_empty_part_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = BEACHES.replace("NUMBER", "4")
    # The groups are facts here, so that the canonical splits may cut through them and none of these is empty.
    data = {
        ", group=beach": "",
        '"kind": int(kind)': '"kind": int(kind), "beach": beach',
        '"size": np.float32': '"size": np.float32, "beach": features.Text()',
        'facts=("kind",), group_kind="beach"': 'facts=("kind", "beach")',
    }
    name = write_package(tmp_path, BLIND, data=data, simulate=few)
    with pytest.raises(InputError, match=f"{name}: the split beach_blind of {name} leaves its part ") as refused:
        check_benchmark(imported(name, tmp_path, monkeypatch))
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_split_by_name_may_have_an_empty_part_of_few_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, BLIND, simulate=BEACHES.replace("NUMBER", "100"))
    check_benchmark(imported(name, tmp_path, monkeypatch))


def test_a_simulator_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, simulate=BEACHES.replace("NUMBER", "size"))
    with pytest.raises(InputError, match=rf"^{name}: {name}\.simulate\.write_raw fails: NameError in "):
        check_benchmark(imported(name, tmp_path, monkeypatch))


def test_a_finding_does_not_name_the_folder_that_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path, data={'"id": name': '"id": 3'}, simulate=BEACHES.replace("NUMBER", "100"))
    with pytest.raises(InputError, match=rf"^raw/{name}/first\.csv: row 0 has the id 3: give a text"):
        check_benchmark(imported(name, tmp_path, monkeypatch))
