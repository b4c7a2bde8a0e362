"""Targets of `fuzz.py`: tables of CANDLE-UNO, crystal structures, and all files that this project writes."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import submission_files
import uno_files
import yaml
from checkpoint_variables import Variable
from fuzz_archives import NPZ
from fuzz_cases import Mutation, Target
from fuzz_hdf5 import HDF5
from fuzz_mutations import BYTES, FILE, JSON, LINES, fields, json_value, lines

from sciml_datasets import prepare, simulate
from sciml_datasets.candle_uno.dose_tables import GROWTH, PAIRS
from sciml_datasets.candle_uno.forms import aliases, combo, improve, top21
from sciml_datasets.candle_uno.forms.tables import Tables
from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.fetch.partial_file import FOLDER
from sciml_datasets.fetch.run import _merge
from sciml_datasets.files.checksums import Checksum, known_checksums, read_list, write_list
from sciml_datasets.metrics import Evaluator, write_predictions
from sciml_datasets.metrics.predictions import predictions_of
from sciml_datasets.models import checkpoints
from sciml_datasets.models.reference import reference_recipe
from sciml_datasets.models.run_config import CONFIG, check_same_run, trained_with
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.prepared.random_access import offsets_of
from sciml_datasets.prepared.shard_checks import check_shards
from sciml_datasets.prepared.tensor_views import TensorViews
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, tfrecord
from sciml_datasets.stemdl.structures import read_structures
from sciml_datasets.submissions.runs import read_run

READ: dict[tuple[str, int, int, int], object] = {}
"""Content of predictions files that were read: name, mode, size and time of a file to what it holds."""
UNO, SCANS = "candle_uno_demo", "stemdl_reconstruction_demo"
TABLES = (*BYTES, *LINES, *LINES, *LINES, *LINES, *FILE)
DOCUMENTS = (*BYTES, *LINES, *JSON, *JSON, *JSON, *JSON, *FILE)
CELL = "_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n" + "".join(
    f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma")
)
SITES = "loop_\n" + "".join(f"_atom_site_{tag}\n" for tag in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))
CRYSTALS = {
    "named.cif": f"data_salt\n{CELL}_symmetry_space_group_name_H-M 'F m -3 m'\n_space_group_IT_number 225\n{SITES}"
    "Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n",
    "listed.cif": f"data_caesium_chloride\n{CELL}loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n{SITES}"
    "_atom_site_occupancy\nCs1 Cs 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1.0\n",
    "POSCAR": "caesium chloride\n1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n",
    "old.vasp": "Na Cl\n-180.\n1 0 0\n0 1 0\n0 0 1\n4 4\nSelective\nCartesian\n0 0 0 T T F\n0 .5 .5 T T F\n"
    ".5 0 .5 T T F\n.5 .5 0 T T F\n.5 0 0 T T F\n0 .5 0 T T F\n0 0 .5 T T F\n.5 .5 .5 T T F\n",
}


def write_crystals(folder: Path) -> None:
    """A CIF file, and POSCAR files of a new and an old version of VASP."""
    for name, text in CRYSTALS.items():
        (folder / name).write_text(text)


def crystals(folder: Path) -> Iterator[object]:
    """All structures of a folder, as ``--structures`` reads them."""
    yield {name: repr(crystal) for name, crystal in read_structures(folder).items()}


def every(*parts: Callable[[], Any]) -> list[Any]:
    """The results of functions, all of which are called before the first refusal of one is raised."""
    found, refused = [], None
    for part in parts:
        try:
            found.append(part())
        except (InputError, DamagedRecordError) as error:
            refused = refused or error
    if refused:
        raise refused
    return found


def content_of(tables: Tables) -> list[object]:
    """All content of the tables of a raw form."""
    features = [[table.ids, table.columns, table.values] for table in (tables.cells, tables.drugs)]
    return [tables.responses.to_pylist(), features, dict(tables.left_out)]


def write_form_a(folder: Path) -> None:
    """Form A with all tables of aliases."""
    uno_files.write_combo(folder)
    (folder / aliases.CELL_MAPPING).write_text("CCLE.A\tGDC.T\nCTRP.A\tCCLE.A\n")
    (folder / aliases.CELL_METADATA).write_text("ANL_ID\tCELLNAME\nCCLE.A\tA\n")


def form_a(folder: Path) -> Iterator[object]:
    """Form A: its tables and its canonical ids."""
    tables = combo.read(folder)
    yield content_of(tables)
    yield [aliases.cells(folder, tables.cells.ids), aliases.drugs(folder, tables.drugs.ids)]


def doses(folder: Path) -> Iterator[object]:
    """The two tables of responses to single doses."""
    for table in (GROWTH, PAIRS):
        yield [(batch.to_pylist(), dict(odd)) for batch, odd in table.rows(folder)]


def write_form_c(folder: Path) -> None:
    """An IMPROVE folder with the lists of split 0 of two studies."""
    uno_files.write_improve(folder)
    uno_files.write_splits(folder, "CCLE", train=[1], val=[0], test=[])
    uno_files.write_splits(folder, "gCSI", train=[2], val=[], test=[3])


def write_prebuilt(folder: Path, write: Callable[..., None] = uno_files.write_reference, **filters: Any) -> None:
    """The prebuilt file in one layout."""
    uno_files.write_store(folder / uno_files.FILE, uno_files.frames(), write, filters)


def prebuilt(folder: Path) -> Iterator[object]:
    """The prebuilt file."""
    yield top21.missing(folder)
    yield content_of(top21.read(folder))


def data_root() -> Path:
    """A data folder with two small data sets, prepared once for a process and its children."""
    return Path(_prepared().name, "data")


@cache
def _prepared() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="fuzz-data-")
    root = Path(folder.name)
    simulate(UNO, root / "raw", num_samples=100, seed=7, genes=6, descriptors=5)
    simulate(SCANS, root / "raw", num_samples=3, seed=7)
    for name in (UNO, SCANS):
        prepare(name, root / "raw", root / "data")
    return folder


def write_prepared(folder: Path, name: str = UNO) -> None:
    """A prepared data set."""
    shutil.copytree(data_root() / "sciml" / name, folder / "sciml" / name)


def facts(folder: Path) -> Iterator[object]:
    """What is beside the records of a prepared data set, as it is checked, divided and scored."""
    prepared = Prepared.open(UNO, folder)
    splits = ("train", "test", "cell_blind:test")
    yield every(
        lambda: prepared.verify(quick=True),
        lambda: prepared.verify(),
        lambda: prepared.check().facts,
        lambda: prepared.split_names,
        lambda: prepared.members,
        *(partial(selected, prepared, split) for split in splits),
        lambda: prepared.folds(2, "cell"),
        lambda: scores(prepared),
    )


def selected(prepared: Prepared, split: str) -> list[object]:
    """A split: its digest and its columns."""
    found = prepared.select(split)
    return [found.sha256, found.columns]


def scores(prepared: Prepared) -> list[tuple[str, object]]:
    """The scores of a constant prediction."""
    evaluator = Evaluator(prepared, "test")
    evaluator.update(evaluator.ids, np.full(len(evaluator), 0.5, np.float32))
    return [*evaluator.result().items()]


def records(folder: Path, name: str = UNO) -> Iterator[object]:
    """All records of a prepared data set, by every way to read them."""
    prepared = Prepared.open(name, folder)
    builder = prepared.builder
    yield every(
        lambda: examples(prepared),
        lambda: [check_shards(builder.info, split) for split in builder.info.splits],
        lambda: [offsets_of(path) for path in sorted(prepared.folder.glob("*.tfrecord-*-of-?????"))],
        lambda: views(builder),
    )


def examples(prepared: Prepared) -> list[object]:
    """The examples of all splits, by position."""
    found = prepared.examples(prepared.members["id"])
    return [found[i] for i in range(len(found))]


def views(builder: Any) -> list[object]:
    """The tensors of all records as views of their files."""
    found = TensorViews(builder, "train")
    return [found[i] for i in range(len(found))]


def signed(mutation: Mutation) -> Mutation:
    """A mutation of a file of a prepared folder that is listed in the manifest: as of whoever published the folder."""

    def change(path: Path, rng: random.Random) -> None:
        mutation(path, rng)
        manifest = path.parent / "manifest.json"
        content = json.loads(manifest.read_text("utf-8"))
        for entry in (*content["files"], *content["shards"]):
            file, offsets = path.with_name(entry["name"]), path.with_name(f"{entry['name']}.offsets")
            if file.is_file():
                entry["bytes"], entry["sha256"] = file.stat().st_size, _sha256(file)
            if "offsets_sha256" in entry and offsets.is_file():
                entry["offsets_sha256"] = _sha256(offsets)
                entry["records"] = offsets.stat().st_size // 8 - 1 if rng.random() < 0.5 else entry["records"]
        manifest.write_text(json.dumps(content), "utf-8")

    change.__name__ = f"signed {mutation.__name__}"
    return change


def record(path: Path, rng: random.Random) -> None:
    """Other bytes in one record of a shard, with checksums and offsets that belong to them."""
    path = path.with_name(path.name.removesuffix(".offsets"))
    beside, work = path.with_name(f"{path.name}.offsets"), path.with_name("record")
    content, ends = path.read_bytes(), np.fromfile(beside, "<u8").tolist()
    payloads = [content[a + HEADER_BYTES : b - FOOTER_BYTES] for a, b in itertools.pairwise(ends)]
    number = rng.randrange(len(payloads))
    work.write_bytes(payloads[number])
    rng.choice(BYTES)(work, rng)
    payloads[number] = work.read_bytes()
    work.unlink()
    frames = [b"".join(tfrecord([payload])) for payload in payloads]
    path.write_bytes(b"".join(frames))
    np.cumsum([0, *map(len, frames)], dtype="<u8").tofile(beside)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def yaml_value(path: Path, rng: random.Random) -> None:
    """A value somewhere in a YAML document removed, doubled, or of another kind."""
    path.write_text(json.dumps(yaml.safe_load(path.read_text("utf-8"))), "utf-8")
    json_value(path, rng)
    path.write_text(yaml.safe_dump(json.loads(path.read_text("utf-8"))), "utf-8")


def document(path: Path, rng: random.Random) -> None:
    """A value of a document, or a line or field of a table."""
    kinds: dict[str, Mutation] = {".json": json_value, ".yaml": yaml_value, ".txt": log_line}
    kinds.get(path.suffix, rng.choice((fields, lines)))(path, rng)


def log_line(path: Path, rng: random.Random) -> None:
    """A value of an event of a log."""
    found = path.read_text("utf-8").splitlines(keepends=True)
    number = rng.randrange(len(found))
    mark, token, event = found[number].partition(":::MLLOG ")
    path.write_text(event, "utf-8")
    json_value(path, rng)
    found[number] = mark + token + path.read_text("utf-8")
    path.write_text("".join(found), "utf-8")


def write_run(folder: Path) -> None:
    """A run folder of the tests, with the configuration that training writes."""
    submission_files.make_run(folder / "run", data_root(), name=UNO)
    recipe = reference_recipe(Prepared.open(UNO, data_root()), None)
    config = yaml.safe_load((folder / "run" / "config.yaml").read_text("utf-8"))
    settings = {"dataset": UNO, "settings": recipe.settings(), "partition": ""}
    (folder / "run" / "config.yaml").write_text(yaml.safe_dump(config | settings), "utf-8")


def run(folder: Path) -> Iterator[object]:
    """A run folder, as `sciml train`, `predict` and `submit` read it."""
    place, prepared = folder / "run", Prepared.open(UNO, data_root())
    recipe = reference_recipe(prepared, None)
    config = {"dataset": UNO, "settings": recipe.settings()}

    def settings() -> object:
        given, partition, response = trained_with(place, UNO)
        return [recipe.with_settings(given).settings(), prepared.canonical(partition), response]

    yield every(
        lambda: [repr(getattr(read_run(place), name)) for name in ("config", "result", "log", "sha256")],
        settings,
        lambda: check_same_run(place, config) if (place / CONFIG).is_file() else None,
    )


def variables(factor: int) -> list[Variable]:
    """Variables of a network."""
    return [Variable(np.full(shape, factor, kind)) for shape, kind in (((9,), "f4"), ((2, 3), "f8"), ((), "i8"))]


def write_checkpoint(folder: Path) -> None:
    """A checkpoint, and the one before it."""
    row = {"epoch": 1.0, "loss": 0.5, "validation_r2": 0.25, "samples": 32.0, "seconds": 1.5}
    for step in (3, 4):
        progress = checkpoints.Progress(2, step, [0.5, 0.25], [row], 12.5, 100)
        checkpoints.save(folder / "checkpoint.npz", progress, variables(step), keep=True)


def checkpoint(folder: Path) -> Iterator[object]:
    """A checkpoint, or the one before it."""
    found = variables(0)
    sound = checkpoints.last_sound(folder / "checkpoint.npz", found)
    yield asdict(checkpoints.restore(sound, found))
    yield [variable.value for variable in found]


def progress_value(path: Path, rng: random.Random) -> None:
    """Another progress in a sound archive."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    start = members["progress.npy"].index(b"{", 80)
    beside = path.with_name("progress")
    beside.write_bytes(members["progress.npy"][start:])
    json_value(beside, rng)
    npy = io.BytesIO()
    np.save(npy, np.frombuffer(beside.read_bytes(), np.uint8))
    beside.unlink()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in (members | {"progress.npy": npy.getvalue()}).items():
            new.writestr(name, content)


def write_some_predictions(folder: Path) -> None:
    """Predictions of the test split with ids of varying length, as this project writes them, and of fixed length."""
    ids = Prepared.open(UNO, data_root()).parts("")["test"]
    values = np.linspace(0, 1, len(ids)).astype(np.float32)
    write_predictions(folder / "own.h5", len(ids), [(ids, values)])
    with h5py.File(folder / "other.h5", "w") as file:
        file["id"] = np.array([key.encode() for key in ids])
        file.create_dataset("prediction", data=values, chunks=(5,), compression="gzip")
    with h5py.File(folder / "chunked.h5", "w", libver="latest") as file:
        file.create_dataset("id", data=np.array(ids, object), dtype=h5py.string_dtype(), chunks=(5,), maxshape=(None,))
        file.create_dataset("prediction", data=values, chunks=(4,), shuffle=True)


def evaluated(folder: Path) -> Iterator[object]:
    """The scores of predictions files, and the predictions by id.

    Each reading forks a process. What a file holds that no mutation has changed since it was copied is known.
    """
    prepared = Prepared.open(UNO, data_root())
    ids = prepared.parts("")["test"]

    def scored(path: Path) -> object:
        evaluator = Evaluator(prepared, "test")
        evaluator.update_from_file(path)
        return [*evaluator.result().items()]

    for path in sorted(folder.glob("*.h5")):
        status = path.lstat()
        copy = path.name, status.st_mode, status.st_size, status.st_mtime_ns
        if copy not in READ:
            READ[copy] = every(partial(scored, path), partial(predictions_of, path, ids))
        yield READ[copy]


def write_checksums(folder: Path) -> None:
    """A list of checksums, and the records of a fetch that was killed."""
    known = {"a/b.h5": Checksum("0" * 64, 12, "e-3"), "x.h5": Checksum("1" * 64), f"{UNO}/y": Checksum("2" * 64, 5)}
    write_list(folder / "checksums.tsv", known)
    (folder / FOLDER).mkdir()
    lines = f"q.h5\t{'3' * 64}\t7\tetag\nr.h5\t{'4' * 64}\t8\t\n"
    (folder / FOLDER / "checksums-host-12-0123abcd.tsv").write_text(lines)


def checksums(folder: Path) -> Iterator[object]:
    """The list of checksums of a raw folder, before and after records of a fetch are merged into it."""
    yield {name: repr(known) for name, known in read_list(folder / "checksums.tsv").items()}
    merged = folder.with_name("merged")
    shutil.rmtree(merged, ignore_errors=True)
    shutil.copytree(folder, merged, symlinks=True)
    _merge(merged)
    yield {name: repr(known) for name, known in read_list(merged / "checksums.tsv").items()}
    yield known_checksums(UNO, folder)


BESIDE = ("sciml/*/*/*.json", "sciml/*/*/*.tsv", "sciml/*/*/*.npy")
RECORDS = ("sciml/*/*/*.tfrecord-*", "sciml/*/*/members-train.tsv", "sciml/*/*/*.layout.json")
SHARDS = ("sciml/*/*/*.tfrecord-*-of-?????",)
PREPARED = (*BYTES, document, document, document, *FILE)
SIGNED = tuple(map(signed, (*BYTES, document, document, document)))
STORE = (*BYTES, *HDF5, *HDF5, *FILE)

TARGETS = (
    Target("uno_tables", write_form_a, form_a, ("*",), TABLES),
    Target("uno_doses", uno_files.write_doses, doses, ("*",), TABLES),
    Target("uno_improve", write_form_c, lambda f: [content_of(improve.read(f))], ("*/*",), TABLES),
    Target("uno_prebuilt", write_prebuilt, prebuilt, ("*.h5",), STORE),
    Target("uno_prebuilt_blocks", partial(write_prebuilt, write=uno_files.write_blocks), prebuilt, ("*.h5",), STORE),
    Target(
        "uno_prebuilt_columns",
        partial(write_prebuilt, write=uno_files.write_query_columns, compression="gzip"),
        prebuilt,
        ("*.h5",),
        STORE,
    ),
    Target("crystals", write_crystals, crystals, ("*",), TABLES),
    Target("prepared_facts", write_prepared, facts, BESIDE, (*PREPARED, *SIGNED)),
    Target("prepared_records", write_prepared, records, (*BESIDE, *RECORDS), (*PREPARED, *SIGNED)),
    Target("prepared_examples", write_prepared, records, SHARDS, (signed(record),)),
    Target(
        "prepared_arrays",
        partial(write_prepared, name=SCANS),
        partial(records, name=SCANS),
        SHARDS,
        (signed(record),),
    ),
    Target(
        "prepared_tensors",
        partial(write_prepared, name=SCANS),
        partial(records, name=SCANS),
        (*BESIDE, *RECORDS),
        (*PREPARED, *SIGNED),
    ),
    Target("predictions", write_some_predictions, evaluated, ("*.h5",), STORE),
    Target("run_folder", write_run, run, ("run/*.yaml", "run/*.json", "run/*.txt"), (*PREPARED, document, document)),
    Target("checkpoint", write_checkpoint, checkpoint, ("*.npz",), (*BYTES, *NPZ, *NPZ, progress_value, *FILE)),
    Target("checksums", write_checksums, checksums, ("*.tsv", "*/*.tsv"), TABLES),
)
