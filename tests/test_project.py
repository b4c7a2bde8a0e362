"""The project itself: links, light imports, arrows that point one way, packaging."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sciml_datasets import BENCHMARKS

ROOT = Path(__file__).parent.parent
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
        ("from sciml_datasets.cli.main import main; main(['--help'])", ["tensorflow", "tensorflow_datasets", "numpy"]),
        ("from sciml_datasets.cli.main import main; main(['list'])", ["tensorflow", "tensorflow_datasets", "numpy"]),
        ("import sciml_datasets; sciml_datasets.prepare", ["tensorflow", "mpi4py", "matplotlib"]),
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


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def room(module: str) -> str:
    """The part of the package that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


PURE = {
    "errors",
    "files",
    "benchmark",
    "benchmarks",
    "samples",
    "splits",
    "progress",
    "checksums",
    "processes",
    "partitions",
    "scaling",
    "facts",
    "paths",
    "integrity",
}
ALLOWED = {
    "metrics": PURE | {"metrics", "random_access"},
    "files": {"errors", "files", "processes"},
    "preparation": PURE | {"preparation", "sciml_dataset_builder", "simulation", "lookup"},
    "record_fields": set(),
    "record_ids": PURE,
    "shard_checks": PURE | {"preparation", "random_access", "record_fields", "record_ids"},
    "tensor_views": PURE | {"preparation", "random_access", "record_fields", "record_ids"},
    "models": PURE | {"models", "metrics", "preparation", "random_access", "tensor_views", "shard_checks", "mathtext"},
    "lookup": PURE,
    "raw_tensor": PURE,
    "mathtext": set(),
    **{name: PURE | {name, "sciml_dataset_builder", "lookup", "raw_tensor", "mathtext"} for name in BENCHMARKS},
}
ALLOWED["stemdl_reconstruction"] |= {"stemdl"}  # the same crystals and the same theory
"""Room to the rooms that it may import from; nothing imports cli, and no benchmark another one."""


def test_arrows_point_one_way() -> None:
    for path in sorted(PACKAGE.rglob("*.py")) + [
        p for name in ("models", "metrics", "cli") for p in (ROOT / name).rglob("*.py")
    ]:
        parts = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).parts
        here = parts[0].removesuffix(".py")
        targets = {room(name) for name in imports(path) if name.startswith("sciml_datasets.")}
        assert here == "cli" or "cli" not in targets, path
        allowed = ALLOWED.get(here, PURE if here in PURE else None)
        if here == "models" and path.stem in BENCHMARKS:
            allowed = ALLOWED["models"] | {path.stem}  # a benchmark is the same name in each room
        if allowed is not None:
            assert targets <= allowed, (path, targets - allowed)


def test_the_wheel_holds_every_part(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "sciml_datasets/py.typed",
        "sciml_datasets/models/stemdl.py",
        "sciml_datasets/metrics/evaluator.py",
        "sciml_datasets/submissions/templates/README.md.jinja",
        "sciml_datasets/leaderboard/templates/board.css",
        "sciml_datasets/cli/main.py",
        "sciml_datasets/stemdl/README.md",
        "sciml_datasets/stemdl/CITATIONS.bib",
        "sciml_datasets/stemdl/checksums.tsv",
    ):
        assert name in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sciml_datasets"}


def test_the_citation_file_is_valid() -> None:
    subprocess.run(
        [str(Path(sys.executable).with_name("cffconvert")), "--validate", "-i", str(ROOT / "CITATION.cff")], check=True
    )
