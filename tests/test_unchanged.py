"""Prepared data and results are the same as before: figures of the four demos, stored in ``unchanged.json``.

The test writes raw files whose numbers follow from hashes and are exact floats, so prepared bytes are the same on every
machine. Simulated data may differ between processors in the last bit: their order, splits and folds are compared.
What names the machine or the versions of libraries is not compared, nor the sizes of raw HDF5 and LMDB files.

When the version of a data set is raised on purpose, ``python tests/test_unchanged.py`` writes the figures again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloudmask_files import granule, write_scene
from numpy.typing import NDArray
from scan_files import write_file as write_scans
from stemdl_files import write_file as write_stacks

from sciml_datasets import folds, prepare
from sciml_datasets.metrics import Evaluator, make_result

FIGURES = Path(__file__).with_name("unchanged.json")
WRITE = "SCIML_WRITE_FIGURES"
"""Environment variable under which the tests write the figures instead of comparing them."""
SHAPES: dict[str, tuple[int, ...]] = {
    "stemdl_demo": (231,),
    "stemdl_reconstruction_demo": (12, 12),
    "cloudmask_demo": (256, 320),
    "candle_uno_demo": (),
}
"""Name of each demo, and the shape of one prediction of it."""
GROUPINGS = {
    "stemdl_demo": ("row", "material"),
    "stemdl_reconstruction_demo": ("row",),
    "cloudmask_demo": ("row", "pass"),
    "candle_uno_demo": ("row", "cell", "drug", "pair", "study"),
}
PARTS = {
    "candle_uno_demo": ("cell_blind:test", "drug_blind:test", "leave_out_CTRP:test", "fold 1/5 by drug:test"),
    "stemdl_demo": ("fold 2/3 by material:test",),
}
SPLITS = ("train", "validation", "test")
FITTED = "drug_descriptors.npy"
"""The one file whose numbers are sums of many others: compared as numbers."""


def drawn(key: str, *shape: int) -> NDArray[np.uint8]:
    """An array of bytes that follows from the key alone."""
    count = int(np.prod(shape, dtype=int))
    return np.frombuffer(hashlib.shake_256(key.encode()).digest(count), np.uint8).reshape(shape)


def eighths(key: str, *shape: int) -> NDArray[np.float32]:
    """Numbers from 0 to 31.875 that every float type of at least 16 bits holds exactly."""
    return drawn(key, *shape).astype(np.float32) / np.float32(8)


def write_stemdl(folder: Path) -> None:
    """28 stacks of 128 x 128 pixels, two of each of 14 materials."""
    for name, numbers in (("train", range(6)), ("dev", range(6, 8)), ("test", range(8, 14))):
        samples = {
            f"sample_{number}_{repeat}": {
                "cbed_stack": eighths(f"stack {number} {repeat}", 3, 128, 128),
                "space_group": np.bytes_(str(2 + 14 * (number % 4)).encode()),
                "material": np.bytes_(f"mp-{number}".encode()),
                "energy_keV": 100 + 10 * repeat,
            }
            for number in numbers
            for repeat in range(2)
        }
        write_stacks(folder / name / f"batch_{name}_0.h5", samples)


def write_reconstruction(folder: Path) -> None:
    """12 scans of four patterns, with potential and electron density."""
    scan, image = (4, 16, 16), (1, 12, 12)
    headers = {
        "input_dtype": b"float16",
        "output_dtype": b"float16",
        "input_shape": np.array(scan, "<i8").tobytes(),
        "output_shape": np.array(image, "<i8").tobytes(),
        "input_name": b"cbed_",
        "output_name": b"2d_potential_",
    }
    for name, count in (("train", 6), ("eval", 3), ("test", 3)):
        records = {
            f"{kind}_{number}": eighths(f"{kind} {name} {number}", *shape).astype("<f2")
            for kind, shape in (("cbed", scan), ("2d_potential", image), ("electron_density", image))
            for number in range(count)
        }
        write_scans(folder / f"batch_{name}_0.db", headers | records)


def write_cloudmask(folder: Path) -> None:
    """Ten training scenes and two inference scenes, one by night, of 256 x 320 pixels."""
    names = [f"training/{granule(orbit=orbit)}" for orbit in range(1, 11)]
    day, night = granule(date="20191001", orbit=20), granule(date="20191001", orbit=21)
    names += [f"inference/{day}", f"inference/{night}"]
    for name in names:
        bayes = drawn(f"bayes {name}", 256, 320, 1) % 4
        refs = eighths(f"refs {name}", 256, 320, 6) / np.float32(32)
        if name.endswith(night):
            refs[:] = 0
        write_scene(folder / f"{name}.hdf", refs=refs, bts=220 + eighths(f"bts {name}", 256, 320, 3), bayes=bayes)


def write_uno(folder: Path) -> None:
    """400 responses of 16 cell lines in two studies to 18 drugs, as tables."""
    cells = [f"{study}.C{number}" for study in ("CCLE", "CTRP") for number in range(8)]
    drugs = [f"{study}.{number}" for study in ("CCLE", "CTRP") for number in range(9)]

    def numbers(key: str, count: int) -> list[str]:
        return [f"{value / 8 - 16:g}" for value in drawn(key, count).tolist()]

    def study_of(name: str) -> str:
        return name.split(".")[0]

    pairs = [(cell, drug) for cell in cells for drug in drugs if study_of(cell) == study_of(drug)]
    measured = [(*pair, *drawn(f"response {pair} {repeat}", 3)) for repeat in range(3) for pair in pairs][:400]
    tables: dict[str, list[Sequence[str]]] = {
        "combined_single_response_agg": [
            ["SOURCE", "CELL", "DRUG", "STUDY", "AUC", "EC50se", "R2fit"],
            *(
                [study_of(cell), cell, drug, study_of(cell), f"{auc / 256:g}", f"{error / 64:g}", f"{fit / 128:g}"]
                for cell, drug, auc, error, fit in measured
            ),
        ],
        "combined_rnaseq_data_lincs1000_source_scale": [
            ["Sample", *(f"GENE{number}" for number in range(12))],
            *([cell, *numbers(f"genes {cell}", 12)] for cell in cells),
        ],
        "drug_info": [
            ["ID", "NAME", "CLEAN_NAME", "PUBCHEM"],
            *([drug, f"compound-{n % 15}", f"COMPOUND{n % 15}", str(1000 + n % 15)] for n, drug in enumerate(drugs)),
        ],
        "Combined_PubChem_dragon7_descriptors.tsv": [
            ["NAME", *(f"D{number}" for number in range(6))],
            *([f"PubChem.CID.{cid}", *numbers(f"drug {cid}", 6)] for cid in range(1000, 1015)),
        ],
        "NCI60_dragon7_descriptors.tsv": [
            ["NAME", *(f"D{number}" for number in range(6))],
            ["NSC.1", *numbers("drug NSC.1", 6)],
        ],
    }
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        (folder / name).write_text("".join("\t".join(row) + "\n" for row in rows))


WRITERS = {
    "stemdl_demo": write_stemdl,
    "stemdl_reconstruction_demo": write_reconstruction,
    "cloudmask_demo": write_cloudmask,
    "candle_uno_demo": write_uno,
}


@pytest.fixture(scope="module")
def exact_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the four demos prepared from raw files of exact numbers."""
    root = tmp_path_factory.mktemp("exact")
    for name, write in WRITERS.items():
        write(root / "raw" / name)
        prepare(name, root / "raw", root)
    return root


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def prepared(name: str, data_dir: Path) -> Path:
    (folder,) = (data_dir / "sciml" / name).iterdir()
    return folder


def comparable(folder: Path) -> dict[str, Any]:
    """The manifest without versions of libraries and sizes of their files, and the splits as TFDS has them."""
    content = manifest(folder)
    info = json.loads((folder / "dataset_info.json").read_text())
    files = {file["name"]: file["sha256"] for file in content["files"]}
    exact = {name: None if name in ("dataset_info.json", FITTED) else digest for name, digest in files.items()}
    raw = [[file["split"], file["name"], file["sha256"]] for file in content["raw"]]
    kept = {key: value for key, value in content.items() if key != "tools"}
    splits = {split["name"]: [split["numBytes"], split["shardLengths"]] for split in info["splits"]}
    return kept | {"files": exact, "raw": raw, "splits": splits}


def predictions(name: str, ids: list[str]) -> NDArray[np.float32]:
    """Predictions that follow from the ids alone, from 0 to 1."""
    return np.stack([drawn(f"prediction {key}", *SHAPES[name]) for key in ids]).astype(np.float32) / np.float32(256)


def result(name: str, data_dir: Path) -> dict[str, Any]:
    """The result on the test split; two of three stacks of STEMDL get their own class."""
    rows = (prepared(name, data_dir) / "members-test.tsv").read_text().splitlines()[1:]
    ids = [row.split("\t")[0] for row in rows]
    values = predictions(name, ids)
    if name == "stemdl_demo":
        for number, row in enumerate(rows):
            values[number, int(row.split("\t")[1])] += number % 3
    return scored(name, data_dir, "test", ids, values)


def scored(name: str, data_dir: Path, split: str, ids: list[str], values: NDArray[np.float32]) -> dict[str, Any]:
    """The content of ``result.json``."""
    evaluator = Evaluator(name, split, data_dir)
    evaluator.update(ids, values)
    return make_result(evaluator, seed=3)


def digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def stored(section: str, name: str, found: Any) -> Any:
    """The figures of a section and a data set; where they are to be written, those that were found."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    if os.environ.get(WRITE):
        figures.setdefault(section, {})[name] = found
        FIGURES.write_text(json.dumps(figures, indent=0, sort_keys=True, allow_nan=False) + "\n")
    return figures[section][name]


def close(expected: Any, found: Any, relative: float = 1e-9) -> Any:
    """The expected value, in which each float close to that of ``found`` is replaced by it."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: close(value, found.get(key), relative) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [close(*pair, relative) for pair in zip(expected, found, strict=True)]
    if isinstance(expected, float) and isinstance(found, float):
        return found if found == pytest.approx(expected, rel=relative, abs=1e-12) else expected
    return expected


@pytest.mark.parametrize("name", SHAPES)
def test_prepared_bytes_are_those_of_before(name: str, exact_dir: Path) -> None:
    found = comparable(prepared(name, exact_dir))
    assert found == stored("manifests", name, found)


def test_fitted_descriptors_are_those_of_before(exact_dir: Path) -> None:
    found = np.load(prepared("candle_uno_demo", exact_dir) / FITTED).astype(float).tolist()
    # A float32 follows from sums whose last bits differ between processors.
    assert found == close(stored("fitted", FITTED, found), found, relative=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_results_are_those_of_before(name: str, exact_dir: Path) -> None:
    found = result(name, exact_dir)
    assert found == close(stored("results", name, found), found)


def test_the_result_on_a_fold_is_that_of_before(exact_dir: Path) -> None:
    name, split = "candle_uno_demo", "fold 1/5 by drug:test"
    held_out = folds(name, k=5, by="drug", data_dir=exact_dir)[0][1]
    found = scored(name, exact_dir, split, held_out, predictions(name, held_out))
    assert found == close(stored("results", split, found), found)


@pytest.mark.parametrize("name", SHAPES)
def test_simulated_data_have_the_order_and_splits_of_before(name: str, data_dir: Path) -> None:
    content = comparable(prepared(name, data_dir))
    shards = [[shard["name"], shard["records"], shard["bytes"], shard["offsets_sha256"]] for shard in content["shards"]]
    members = {file: content["files"][file] for file in content["files"] if file.startswith("members-")}
    found = {"plan_digest": content["plan_digest"], "shards": shards, "members": members}
    assert found == stored("simulated", name, found)


@pytest.mark.parametrize("name", SHAPES)
def test_folds_and_splits_by_name_are_those_of_before(name: str, data_dir: Path) -> None:
    made = {by: digest(folds(name, k=4, by=by, seed=1, data_dir=data_dir)) for by in GROUPINGS[name]}
    evaluators = {split: Evaluator(name, split, data_dir) for split in PARTS.get(name, ())}
    found = {"folds": made, "parts": {split: [len(one), one.split_sha256] for split, one in evaluators.items()}}
    assert found == stored("folds", name, found)


if __name__ == "__main__":
    os.environ[WRITE] = "yes"
    FIGURES.unlink(missing_ok=True)
    sys.exit(pytest.main([__file__]))
