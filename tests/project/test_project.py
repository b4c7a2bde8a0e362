"""The project itself: links, light imports, public names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import order
import pytest

import sciml_datasets

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sciml_datasets"


@pytest.mark.parametrize("name", ["models", "metrics", "cli"])
def test_the_folders_at_the_root_are_parts_of_the_package(name: str) -> None:
    assert (PACKAGE / name).is_symlink()
    assert (PACKAGE / name).resolve() == ROOT / name


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import sciml_datasets; sciml_datasets.BENCHMARKS", ["tensorflow", "tensorflow_datasets", "numpy", "mpi4py"]),
        ("import sciml_datasets.metrics", ["tensorflow", "tensorflow_datasets", "sklearn", "h5py"]),
        (
            "from sciml_datasets.cli.main import main; main(['--help'])",
            ["tensorflow", "tensorflow_datasets", "numpy", "obstore"],
        ),
        ("from sciml_datasets.cli.main import main; main(['list'])", ["tensorflow", "tensorflow_datasets", "numpy"]),
        (
            "from sciml_datasets.cli.main import main; main(['completion', 'zsh'])",
            ["tensorflow", "tensorflow_datasets"],
        ),
        ("import sciml_datasets.fetch.run, sciml_datasets.fetch.sources.http", ["tensorflow_datasets", "numpy"]),
        ("import sciml_datasets; sciml_datasets.prepare", ["tensorflow", "mpi4py", "matplotlib", "obstore"]),
        (
            "import sciml_datasets.prepared.prepared, sciml_datasets.prepared.random_access",
            ["obstore", "botocore"],
        ),
    ],
)
def test_heavy_libraries_are_imported_only_when_needed(code: str, absent: list[str]) -> None:
    check = f"{code}; import sys; print('LOADED', [name for name in {absent!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("LOADED []\n")


def test_preparing_needs_no_tensorflow(raw_dir: Path, tmp_path: Path) -> None:
    code = f"import sciml_datasets, sys; sciml_datasets.prepare('stemdl_demo', {str(raw_dir)!r}, {str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'tensorflow' not in sys.modules"], check=True)


@pytest.mark.parametrize(
    "order",
    ["import sciml_datasets, tensorflow_datasets as tfds", "import tensorflow_datasets as tfds, sciml_datasets"],
)
def test_the_builder_is_registered_in_either_order_of_import(order: str) -> None:
    code = (
        f"{order}; assert tfds.builder_cls('sciml').name == 'sciml'; import importlib; importlib.reload(sciml_datasets)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_citation_file_is_valid() -> None:
    subprocess.run(
        [str(Path(sys.executable).with_name("cffconvert")), "--validate", "-i", str(ROOT / "CITATION.cff")], check=True
    )


def test_the_public_names_are_those_that_users_were_promised() -> None:
    assert set(sciml_datasets.__all__) == {
        *("BENCHMARKS", "Benchmark", "DamagedRecordError", "InputError", "Prepared", "register"),
        *("examples", "folds", "metrics", "models", "parts", "prepare", "simulate"),
    }
    assert set(sciml_datasets.models.__all__) == {"cross_validate", "predict", "train"}
    assert all(hasattr(sciml_datasets, name) for name in sciml_datasets.__all__)


@pytest.mark.parametrize("name", sorted({*order.WITH_TENSORFLOW, *order.LONGEST}))
def test_a_file_in_the_order_of_the_tests_exists(name: str) -> None:
    assert (order.TESTS / name).is_file()
