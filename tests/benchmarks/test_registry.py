"""The registry: it lists benchmarks of installed packages and of programs beside those of this package."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from benchmark_packages import imported, write_package, write_raw

from sciml_datasets import BENCHMARKS, InputError, Prepared, folds, prepare
from sciml_datasets.benchmarks import dataset_names, find, registered

Sciml = Callable[..., subprocess.CompletedProcess[str]]


def install(folder: Path, package: str) -> None:
    """Write the metadata that pip writes for a package with an entry point."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sciml_datasets.benchmarks]\n{package} = {package}:BENCHMARK\n")


@pytest.fixture
def pebbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a benchmark that is registered while a test runs."""
    name = write_package(tmp_path)
    with registered(imported(name, tmp_path, monkeypatch)):
        yield name


def test_a_registered_benchmark_is_listed_after_those_of_this_package(pebbles: str) -> None:
    assert list(BENCHMARKS)[-1] == dataset_names()[-1] == pebbles
    assert find(pebbles)[0] is not BENCHMARKS["stemdl"]


def test_a_registered_benchmark_goes_the_way_of_all_others(pebbles: str, tmp_path: Path) -> None:
    prepare(pebbles, write_raw(tmp_path, pebbles), tmp_path / "data")
    loaded = tfds.load(f"sciml/{pebbles}", split="train+validation+test", data_dir=tmp_path / "data")
    assert sorted(example["id"].decode() for example in tfds.as_numpy(loaded)) == sorted(
        f"pebble{i}" for i in range(60)
    )
    source = tfds.data_source(f"sciml/{pebbles}", split="train", data_dir=tmp_path / "data")
    assert source[0]["kind"] in (0, 1, 2)
    for train, held_out in folds(pebbles, k=4, by="beach", data_dir=tmp_path / "data"):
        assert len(train) + len(held_out) == 60


def test_a_registered_benchmark_travels_to_a_fresh_process(pebbles: str, tmp_path: Path) -> None:
    prepare(pebbles, write_raw(tmp_path, pebbles), tmp_path / "data")
    source = tfds.data_source(f"sciml/{pebbles}", split="train", data_dir=tmp_path / "data")
    prepared = Prepared.open(pebbles, tmp_path / "data")
    (tmp_path / "objects").write_bytes(pickle.dumps((source, prepared)))
    code = (
        "import pickle, pathlib; source, prepared = pickle.loads(pathlib.Path('objects').read_bytes()); "
        "print(len(source), source[0]['id'].decode(), prepared.examples([prepared.members['id'][0]])[0]['kind'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{len(source)} {source[0]['id'].decode()} ")


def test_a_declaration_that_is_read_again_takes_the_place_of_the_former(pebbles: str) -> None:
    again = replace(BENCHMARKS[pebbles], title="Sort of a pebble from its size")
    with registered(again):
        assert BENCHMARKS[pebbles].title == "Sort of a pebble from its size"
    assert BENCHMARKS[pebbles].title == "Kind of a pebble from its size"


def test_all_threads_see_all_benchmarks(tmp_path: Path) -> None:
    name = write_package(tmp_path)
    declaration = tmp_path / name / "__init__.py"
    declaration.write_text("import time\ntime.sleep(0.5)\n" + declaration.read_text())
    install(tmp_path, name)
    code = (
        "import threading, sciml_datasets; found = []; "
        "all_ = [threading.Thread(target=lambda: found.append(len(sciml_datasets.BENCHMARKS))) for _ in range(5)]; "
        "[one.start() for one in all_]; [one.join() for one in all_]; assert found == [5] * 5, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(tmp_path))


def test_a_package_that_prints_leaves_standard_output_to_results(tmp_path: Path) -> None:
    name = write_package(tmp_path)
    declaration = tmp_path / name / "__init__.py"
    declaration.write_text("print('hello')\n" + declaration.read_text())
    install(tmp_path, name)
    done = run(tmp_path, "list", "--json")
    assert name in [row["name"] for row in json.loads(done.stdout)]


def test_it_is_gone_when_the_context_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write_package(tmp_path)
    with registered(imported(name, tmp_path, monkeypatch)):
        assert name in BENCHMARKS
    assert name not in BENCHMARKS
    with pytest.raises(InputError, match=f"there is no data set '{name}'"):
        find(name)


def test_benchmarks_are_to_be_read_only() -> None:
    with pytest.raises(TypeError):
        BENCHMARKS["pebbles"] = BENCHMARKS["stemdl"]


def test_an_installed_benchmark_is_found_by_its_entry_point(tmp_path: Path) -> None:
    name = write_package(tmp_path)
    install(tmp_path, name)
    done = run(tmp_path, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name}" in done.stdout


def test_a_package_may_import_this_one_before_its_benchmark_is_known(tmp_path: Path) -> None:
    name = write_package(tmp_path)
    install(tmp_path, name)
    code = f"import {name}; import sciml_datasets; assert sciml_datasets.BENCHMARKS['{name}'] is {name}.BENCHMARK"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment(tmp_path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("BENCHMARK = 1 +", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("BENCHMARK = 3", "3 is no benchmark: expected an instance of sciml_datasets.Benchmark"),
        ("from sciml_datasets.benchmark import Regression; Regression(goal='x')", "unexpected keyword argument 'goal'"),
    ],
)
def test_an_installed_benchmark_that_cannot_be_used_is_left_out_with_a_warning(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/__init__.py").write_text(text + "\n")
    install(tmp_path, "broken")
    done = run(tmp_path, "list")
    assert done.returncode == 0
    assert "stemdl_demo" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "the benchmark broken of broken is left out, broken:BENCHMARK cannot be used: " in done.stderr
    assert reason in done.stderr


def test_a_name_that_is_taken_leaves_the_benchmark_out_that_comes_later(tmp_path: Path) -> None:
    name = write_package(tmp_path, {'name="pebbles': 'name="stemdl", version="pebbles'})
    install(tmp_path, name)
    done = run(tmp_path, "list")
    assert done.returncode == 0
    assert "stemdl: the name is taken by the benchmark of sciml_datasets: choose another" in done.stderr


def environment(folder: Path) -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sciml_datasets.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment(folder))
