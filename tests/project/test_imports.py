"""Which module may import which: the floors of the package, lowest first.

A room is a folder of the package, or a module that lies at its top. A module may import lower floors and its own room;
inside a room imports have no circle. Imports within functions and under TYPE_CHECKING count too.
"""

from __future__ import annotations

import ast
import os
import shutil
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sciml_datasets"
NAME = PACKAGE.name
BENCHMARK_FOLDERS = ("candle_uno", "cloudmask", "stemdl", "stemdl_reconstruction")
ROOT_MODULE = "__init__"
FLOORS: tuple[tuple[str, ...], ...] = (
    ("version",),
    ("printable",),
    ("messages",),
    ("nearest",),
    ("errors",),
    ("paths",),
    ("mathtext",),
    ("scaling",),
    ("raw_format",),
    ("parallel",),
    ("sandbox",),
    ("criterion",),
    ("task",),
    ("choice",),
    ("source",),
    ("benchmark",),
    ("declared_types",),
    ("declared_choices",),
    ("declaration",),
    ("benchmarks",),
    ("data_part",),
    ("conversion",),
    ("files",),
    ("object_stores",),
    ("data_card",),
    ("ontology",),
    ("splits",),
    ("prepared",),
    ("lookup", "raw_tensor"),
    ("rows",),
    BENCHMARK_FOLDERS,
    ("simulation",),
    ("raw_files",),
    ("preparation",),
    ("tfds_builder",),
    ("staging",),
    ("croissant",),
    ("metrics",),
    ("models",),
    ("fetch",),
    ("submissions",),
    ("leaderboard",),
    ("doctor",),
    (ROOT_MODULE,),  # the public surface, which imports what it offers
    ("testing",),
    ("cli",),
)
HEIGHT = {room: height for height, floor in enumerate(FLOORS) for room in floor}
SAME_PHYSICS = ("stemdl_reconstruction", "stemdl")
"""A benchmark and another one whose crystals and theory of diffraction it shares."""
NEVER_REACHED = (("submissions", "models"), ("fetch", "prepared"))
"""A room and a lower one that none of its imports may lead to: scoring needs no model, raw files no prepared ones."""
TASKS = {"Classification", "Segmentation", "Regression", "Reconstruction"}
"""Names of classes that are public twice: a task in a declaration, and the state that adds up its scores."""
LARGEST_SHARE = 0.15
"""Share of the lines of Python that one room may have."""

Modules = dict[str, Path]
Imports = dict[str, set[str]]


def modules_of(package: Path) -> Modules:
    """Dotted names of the modules of a package and their files; links to folders are followed."""
    paths = (Path(folder) / name for folder, _, names in os.walk(package, followlinks=True) for name in names)
    files = ((path, path.relative_to(package.parent).with_suffix("").parts) for path in paths if path.suffix == ".py")
    return {".".join(parts).removesuffix(f".{ROOT_MODULE}"): path for path, parts in files}


@cache
def imported(source: str) -> frozenset[tuple[str, str]]:
    """The modules that a source imports, each with the name that it takes from it, "" where it takes the module."""
    nodes = [*ast.walk(ast.parse(source))]
    whole = {(alias.name, "") for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.module)
    return frozenset(whole | {(str(node.module), alias.name) for node in parts for alias in node.names})


def imports_of(modules: Modules) -> Imports:
    """The modules of the package that each of its modules imports anywhere in its source."""

    def targets(path: Path) -> set[str]:
        named = imported(path.read_text())
        return {f"{module}.{name}" if f"{module}.{name}" in modules else module for module, name in named}

    return {module: targets(path) & {*modules} - {module} for module, path in modules.items()}


def room(module: str) -> str:
    """The room of a module: the second part of its dotted name."""
    return [*module.split("."), ROOT_MODULE][1]


def may_import(module: str, target: str) -> bool:
    """Whether the floors allow an import."""
    here, there = room(module), room(target)
    if here == there:
        return True
    if there in BENCHMARK_FOLDERS:  # its own model alone imports it
        return module == f"{NAME}.models.{there}" or (here, there) == SAME_PHYSICS
    return HEIGHT[there] < HEIGHT[here]


def reached(imports: Imports, module: str) -> set[str]:
    """All modules that an import of a module may lead to, itself among them."""
    found, new = set[str](), {module}
    while new:
        found |= new
        new = {*chain.from_iterable(imports[each] for each in new)} - found
    return found


def faults(package: Path) -> set[str]:
    """One sentence for each unlisted room, forbidden import and circle of a package."""
    modules = modules_of(package)
    unlisted = {room(module) for module in modules} - {*HEIGHT}
    if unlisted:
        return {f"the room {name} stands on no floor" for name in unlisted}
    imports = imports_of(modules)
    found = {
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if not may_import(module, target)
    }
    for here, there in NEVER_REACHED:
        found |= {
            f"{module} leads to {target}"
            for module in modules
            if room(module) == here
            for target in reached(imports, module)
            if room(target) == there
        }
    for name in {room(module) for module in modules}:
        inside = {module: {t for t in imports[module] if room(t) == name} for module in modules if room(module) == name}
        try:
            TopologicalSorter(inside).prepare()
        except CycleError as error:
            found.add(f"a circle: {' <- '.join(error.args[1])}")
    return found


def lines_of_rooms(package: Path) -> Counter[str]:
    """Number of lines of Python of each room."""
    lines: Counter[str] = Counter()
    for module, path in modules_of(package).items():
        lines[room(module)] += len(path.read_text().splitlines())
    return lines


def test_every_import_leads_to_a_lower_floor_or_stays_in_its_room() -> None:
    assert not faults(PACKAGE)


def test_no_room_holds_more_than_its_share_of_the_lines() -> None:
    lines = lines_of_rooms(PACKAGE)
    shares = {name: count / lines.total() for name, count in lines.items()}
    assert not {name: share for name, share in shares.items() if share >= LARGEST_SHARE}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the sources of the package."""
    for module, path in modules_of(PACKAGE).items():
        copy = tmp_path.joinpath(*module.split("."))
        copy = copy / path.name if path.stem == ROOT_MODULE else copy.with_suffix(".py")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return tmp_path / NAME


def test_a_copy_of_the_package_has_the_same_faults(house: Path) -> None:
    assert faults(house) == faults(PACKAGE)


def add_line(house: Path, module: str, line: str) -> None:
    with (house / f"{module}.py").open("a") as file:
        file.write(f"\n{line}\n")


@pytest.mark.parametrize(
    ("module", "line", "fault"),
    [
        (
            "fetch/plan",
            "from sciml_datasets.submissions import check",
            "sciml_datasets.fetch.plan imports sciml_datasets.submissions.check",
        ),
        (
            "files/text",
            "def read():\n    from sciml_datasets.prepared.manifest import read_manifest",
            "sciml_datasets.files.text imports sciml_datasets.prepared.manifest",
        ),
        (
            "metrics/roc",
            "if TYPE_CHECKING:\n    import sciml_datasets.cli.main",
            "sciml_datasets.metrics.roc imports sciml_datasets.cli.main",
        ),
        (
            "staging",
            "from sciml_datasets import BENCHMARKS",
            "sciml_datasets.staging imports sciml_datasets",
        ),
        (
            "models/cloudmask",
            "from sciml_datasets.stemdl import crystals",
            "sciml_datasets.models.cloudmask imports sciml_datasets.stemdl.crystals",
        ),
        (
            "stemdl/crystals",
            "from sciml_datasets.stemdl_reconstruction import scans",
            "sciml_datasets.stemdl.crystals imports sciml_datasets.stemdl_reconstruction.scans",
        ),
        (
            "submissions/check",
            "from sciml_datasets.models import recipe",
            "sciml_datasets.submissions.check leads to sciml_datasets.models.recipe",
        ),
        (
            "fetch/plan",
            "from sciml_datasets import staging",
            "sciml_datasets.fetch.plan leads to sciml_datasets.prepared.manifest",
        ),
    ],
)
def test_a_forbidden_import_is_found(house: Path, module: str, line: str, fault: str) -> None:
    add_line(house, module, line)
    assert fault in faults(house) - faults(PACKAGE)


def test_a_room_on_no_floor_is_found(house: Path) -> None:
    (house / "novelty").mkdir()
    (house / "novelty" / "__init__.py").write_text("")
    assert faults(house) == {"the room novelty stands on no floor"}


def test_a_circle_inside_a_room_is_found(house: Path) -> None:
    add_line(house, "leaderboard/ranking", "from sciml_datasets.leaderboard import site")
    (fault,) = faults(house) - faults(PACKAGE)
    assert fault.startswith("a circle: ")
    assert "sciml_datasets.leaderboard.site" in fault


@pytest.mark.parametrize("name", ["samples", "ranking"])
def test_one_module_alone_has_a_name_that_could_mean_several_things(name: str) -> None:
    assert len([module for module in modules_of(PACKAGE) if module.endswith(f".{name}")]) <= 1


def test_no_two_public_classes_have_one_name() -> None:
    trees = (ast.parse(path.read_text()) for path in modules_of(PACKAGE).values())
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert not {name for name, count in names.items() if count > 1 and not name.startswith("_")} - TASKS
