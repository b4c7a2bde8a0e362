"""Nothing that can run code is done with bytes from outside: every place that could is found in the sources.

A place is an import of a library that makes objects from bytes by running what the bytes say (pickle and its kind), or
the use of a function that runs a text, loads a model or imports a module by a computed name. The few that there are
stand in `REASONS`, each with the origin of what it reads. Values that multiprocessing, mpi4py and Beam carry between
processes are pickled by these libraries too: both ends are this program, started by one user, so these are no data from
outside. The process that reads a submission answers in JSON, since a stranger may have taken it over.
"""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sciml_datasets"
LIBRARIES = {"pickle", "_pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle", "jsonpickle", "runpy", "torch"}
"""Libraries that are not imported. `pickletools`, which takes pickles apart and loads none, is not among them."""
FUNCTIONS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "numpy.load", "importlib.import_module"}
FUNCTIONS |= {"tensorflow.saved_model.load", *(f"yaml.{kind}load" for kind in ("", "full_", "unsafe_"))}
FUNCTIONS |= {f"yaml.{kind}load_all" for kind in ("", "full_", "unsafe_")}
FUNCTIONS |= {f"yaml.{kind}Loader" for kind in ("", "C", "Full", "CFull", "Unsafe", "CUnsafe")}
"""Functions by their full name."""
METHODS = {"read_pickle", "read_hdf", "HDFStore", "load_model", "enable_unsafe_deserialization", "from_string"}
"""Functions by the last part of their name: of pandas, Keras and Jinja."""
SAFE_WITH = {"numpy.load": "allow_pickle", "load_model": "safe_mode"}
"""Functions that do no harm when they are called with this option, at its safe value."""
SAFE_VALUES = {"allow_pickle": False, "safe_mode": True, "shell": False}
"""Options of whatever call, and the one value that they may have."""

OWN_RESULTS = "what this run wrote into its own work folder, for another of its processes"
OURS = "a name that the sources hold"
REASONS = {
    "preparation/sorting.py: import marshal": OWN_RESULTS,
    "parallel/beam.py: import pickle": OWN_RESULTS,
    "models/workers.py: import pickle": "values between the processes of one training, which are this same program",
    "testing.py: import pickle": "the declaration that is tested, copied in this process",
    "submissions/file_list.py: from_string": "a template of this package; facts are values in it and never its text",
    "__init__.py: importlib.import_module": OURS,
    "benchmarks.py: importlib.import_module": OURS,
    "stemdl/structures.py: importlib.import_module": OURS,
    "submissions/check.py: importlib.import_module": OURS,
    "cli/main.py: importlib.import_module": "a command of the list that the sources hold",
    "benchmark.py: importlib.import_module": "the module of a recipe, which a declaration in Python names",
    "models/networks.py: importlib.import_module": "--model package.module:function, the user's own code",
}
"""Each place to the reason why no code comes from outside there."""


def places(package: Path) -> set[str]:
    """``file: what`` of each place of a package where data could become code; links to folders are followed."""
    files = (Path(folder, name) for folder, _, names in os.walk(package, followlinks=True) for name in names)
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix == ".py"}
    return {f"{path.relative_to(package).as_posix()}: {what}" for path, text in texts.items() for what in dangers(text)}


@cache
def dangers(source: str) -> frozenset[str]:
    """What a source imports or uses that could make code of data."""
    nodes = [*ast.walk(ast.parse(source))]
    names = dict(bound(nodes))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    harmless = {id(call.func) for call in calls if is_harmless(call, names)}
    used = [node for node in nodes if isinstance(node, ast.Attribute | ast.Name) and id(node) not in harmless]
    modules = {name.partition(".")[0] for name in names.values()} | {
        str(call.args[0].value).partition(".")[0] for call in calls if imports_constant(call, names)
    }
    return frozenset(
        {f"import {module}" for module in modules & LIBRARIES}
        | {name for node in used if (name := dotted(node, names)) in FUNCTIONS}
        | {node.attr for node in used if isinstance(node, ast.Attribute) and node.attr in METHODS}
        | {name.rpartition(".")[2] for name in names.values() if name.rpartition(".")[2] in METHODS}
        | {option for call in calls for option, value in options(call) if value is not SAFE_VALUES.get(option, value)}
    )


def bound(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Each name that a source imports, and what it stands for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or whole, whole
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """Full name of what an expression names, "" where it is none."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value, names)
        return f"{before}.{node.attr}" if before else ""
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def options(call: ast.Call) -> Iterator[tuple[str, object]]:
    """Named arguments of a call: the value of a constant, and the expression of what is computed."""
    for keyword in call.keywords:
        yield str(keyword.arg), keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword.value


def is_harmless(call: ast.Call, names: dict[str, str]) -> bool:
    """Whether a call is held to data by its options, or imports what the source itself names."""
    name = dotted(call.func, names)
    option = SAFE_WITH.get(name) or SAFE_WITH.get(name.rpartition(".")[2])
    return imports_constant(call, names) or bool(option and dict(options(call)).get(option) is SAFE_VALUES[option])


def imports_constant(call: ast.Call, names: dict[str, str]) -> bool:
    return dotted(call.func, names) == "importlib.import_module" and isinstance(call.args[0], ast.Constant)


def test_every_place_where_data_could_become_code_has_a_reason() -> None:
    without = sorted(places(PACKAGE) - REASONS.keys())
    assert not without, "read the data as data, or say in REASONS where they come from"


def test_no_reason_is_left_of_a_place_that_is_gone() -> None:
    assert sorted(REASONS.keys() - places(PACKAGE)) == []


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("import pickle", "import pickle"),
        ("def read(file):\n    from pickle import load as take\n    return take(file)", "import pickle"),
        ("import marshal as m", "import marshal"),
        ("import shelve", "import shelve"),
        ("import joblib", "import joblib"),
        ("import dill", "import dill"),
        ("import torch\ntorch.load(path)", "import torch"),
        ("import importlib\nimportlib.import_module('pickle').loads(b'')", "import pickle"),
        ("from importlib import import_module\nimport_module(name)", "importlib.import_module"),
        ("import numpy as np\nnp.load(path)", "numpy.load"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "allow_pickle"),
        ("from numpy.lib import format\nformat.read_array(file, allow_pickle=trusted)", "allow_pickle"),
        ("import pandas as pd\npd.read_pickle(path)", "read_pickle"),
        ("from pandas import read_hdf", "read_hdf"),
        ("import yaml\nyaml.load(text, Loader=yaml.Loader)", "yaml.load"),
        ("from yaml import unsafe_load as safe_load\nsafe_load(text)", "yaml.unsafe_load"),
        ("import yaml\nfor one in yaml.parse(text, Loader=yaml.FullLoader): pass", "yaml.FullLoader"),
        ("import keras\nkeras.saving.load_model(path)", "load_model"),
        ("import keras\nkeras.models.load_model(path, safe_mode=False)", "safe_mode"),
        ("import tensorflow as tf\ntf.saved_model.load(path)", "tensorflow.saved_model.load"),
        ("eval(text)", "eval"),
        ("run = exec", "exec"),
        ("import subprocess\nsubprocess.run(text, shell=True)", "shell"),
        ("import os\nos.system(text)", "os.system"),
    ],
)
def test_damage_is_found(tmp_path: Path, damage: str, what: str) -> None:
    module = tmp_path / "files" / "text.py"
    module.parent.mkdir()
    shutil.copyfile(PACKAGE / "files" / "text.py", module)
    assert places(tmp_path) == set()
    with module.open("a") as file:
        file.write(f"\n{damage}\n")
    assert f"files/text.py: {what}" in places(tmp_path)


@pytest.mark.parametrize(
    "harmless",
    [
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import yaml\nyaml.safe_load(text)",
        "import keras\nkeras.saving.load_model(path, compile=False, safe_mode=True)",
        "import re\nre.compile(text)",
        "import pickletools\npickletools.genops(content)",
        "import importlib\nimportlib.import_module('keras')",
    ],
)
def test_reading_data_as_data_is_no_place(harmless: str) -> None:
    assert dangers(harmless) == set()
