"""Files that are read from a prepared folder agree with its manifest: a damaged byte is reported, never used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from deferred import tf

from sciml_datasets import InputError, Prepared, examples, folds, parts, prepare
from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.cli.main import main
from sciml_datasets.errors import DamagedRecordError
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.models.candle_uno import TABLES
from sciml_datasets.models.example_readers import Examples, Viewed
from sciml_datasets.models.table_row_numbers import rows_of_tables
from sciml_datasets.prepared import shard_checks
from sciml_datasets.prepared.integrity import listed_files, read_manifest, undamaged
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.prepared.random_access import offsets_of
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.scaling import FITTED_ANEW

NAMES = ("candle_uno_demo", "stemdl_reconstruction_demo", "stemdl_demo")


@pytest.fixture
def copies(data_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A function from the name of a data set to the folder of a copy of it in a data folder of its own."""

    def copy(name: str) -> Path:
        folder = prepared_dir(name, tmp_path)
        shutil.copytree(prepared_dir(name, data_dir), folder)
        return folder

    return copy


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def plain(value: Any) -> Any:
    """Something that compares as a whole."""
    if isinstance(value, dict):
        return {key: plain(some) for key, some in value.items()}
    return value.tobytes() if isinstance(value, np.ndarray) else value


def scores(name: str, root: Path) -> Any:
    """The scores of `sciml evaluate`: the trivial ones represent all, since they need the truth of two splits."""
    evaluator = Evaluator(name, "test", root)
    return evaluator.split_sha256, evaluator.comparable, repr(evaluator.baselines())  # NaN equals itself as text


def partitions(name: str, root: Path) -> Any:
    split = next((split.name for split in find(name)[0].splits), None)
    return folds(name, 2, data_dir=root), parts(name, split, root) if split else None


def random_access(name: str, root: Path) -> Any:
    ids = [Prepared.open(name, root).select(split).columns["id"][0] for split in SPLITS]
    return [plain(example) for example in examples(name, ids, root)]


def as_dataset(name: str, root: Path) -> Any:
    return [plain(example) for example in tfds.as_numpy(tfds.load(f"sciml/{name}", split="test", data_dir=root))]


def views(name: str, root: Path) -> Any:
    viewed = Viewed(tfds.builder(f"sciml/{name}", data_dir=root), Prepared.open(name, root).select("test"))
    return [plain(viewed.read(number)) for number in range(len(viewed))]


def tables(name: str, root: Path) -> Any:
    """Tables by which another partition is scaled: values, and whether they replace missing ones."""
    info = tfds.builder(f"sciml/{name}", data_dir=root).info
    features = [
        info.features[feature] for feature in ("gene_expression", "drug_descriptors") if feature in info.features
    ]
    return [plain(feature.table) for feature in features], [
        plain(feature.missing) for feature in features if feature.table_name in info.metadata[FITTED_ANEW]
    ]


READINGS = (scores, partitions, random_access, as_dataset, views, tables)


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_rotted_byte_of_any_file_is_told_or_changes_nothing(copies: Callable[[str], Path], name: str) -> None:
    folder = copies(name)
    root = folder.parents[2]
    right = [read(name, root) for read in READINGS]
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        flip(path, len(good) // 2)
        reported = []
        for read, expected in zip(READINGS, right, strict=True):
            try:
                found = read(name, root)
            except tf.errors.DataLossError:  # of TensorFlow's own reader
                reported.append(path.name)
            except (InputError, DamagedRecordError) as error:
                reported.append(str(error))
            else:
                assert found == expected, (path.name, read.__name__)
        path.write_bytes(good)
        assert all(path.name in sentence and "\n" not in sentence for sentence in reported)
        decides = path.name.startswith(("members-", "dataset_info", "metadata")) or path.suffix in (".npy", ".offsets")
        assert reported or not decides, path.name
    assert [read(name, root) for read in READINGS] == right


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("members-test.tsv", "evaluate"),
        ("members-train.tsv", "evaluate"),
        ("members-test.tsv", "show"),
        ("sciml-test.tfrecord-00000-of-00001.offsets", "show"),
        ("dataset_info.json", "info"),
        ("manifest.json", "show"),
    ],
)
def test_the_command_line_names_the_damaged_file_in_one_sentence(
    copies: Callable[[str], Path], file: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copies("stemdl_demo")
    ids = Prepared.open("stemdl_demo", tmp_path).select("test").columns["id"]
    write_predictions(tmp_path / "p.h5", len(ids), [(ids, np.ones(len(ids), np.int64))])
    flip(folder / file, (folder / file).stat().st_size // 2)
    flags = {
        "evaluate": ["--predictions", str(tmp_path / "p.h5")],
        "show": ["--out", str(tmp_path / "a.png")],
        "info": [],
    }
    assert main([command, "stemdl_demo", "--data-dir", str(tmp_path), *flags[command]]) == 2
    out, reported = capsys.readouterr()
    assert (out, reported.count("\n")) == ("", 1)
    assert str(folder / file) in reported
    assert "prepare the data set again" in reported
    assert not (tmp_path / "a.png").exists()


def test_a_truth_that_was_changed_in_place_is_noticed_in_a_process_that_has_read_it(
    copies: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copies("stemdl_demo")
    Evaluator("stemdl_demo", "test", tmp_path)
    path = folder / "members-test.tsv"
    before = path.read_text()
    path.write_text(before.translate(str.maketrans("123", "231")))
    assert len(before) == path.stat().st_size
    with pytest.raises(InputError, match=r"members-test\.tsv is damaged \(its SHA-256 differs"):
        Evaluator("stemdl_demo", "test", tmp_path)


def test_a_file_that_the_manifest_lists_must_be_there_and_others_must_not(copies: Callable[[str], Path]) -> None:
    folder = copies("candle_uno_demo")
    (folder / "metadata.json").rename(folder / "mine.json")
    with pytest.raises(InputError, match=r"metadata\.json is missing, manifest\.json lists it"):
        facts_of(folder)
    with pytest.raises(InputError, match=r"mine\.json is not in manifest\.json"):
        undamaged(folder / "mine.json")


def test_exchanged_records_are_not_taken_for_each_other(copies: Callable[[str], Path], tmp_path: Path) -> None:
    """They have one size and right checksums, as where a shard has the name of another: only the id shows it."""
    folder = copies("stemdl_demo")
    path = folder / "sciml-train.tfrecord-00000-of-00001"
    content, ends = path.read_bytes(), offsets_of(path).tolist()
    first = int(np.flatnonzero(np.diff(ends, n=2) == 0)[0])  # a record and the next have one size
    start, middle, end = ends[first : first + 3]
    path.write_bytes(content[:start] + content[middle:end] + content[start:middle] + content[end:])
    selection = Prepared.open("stemdl_demo", tmp_path).select("train")
    builder = tfds.builder("sciml/stemdl_demo", data_dir=tmp_path)
    for source in (Viewed(builder, selection), Examples(builder, selection)):
        with pytest.raises(DamagedRecordError, match=f"record {first}: it is the record of"):
            source.read(first)


def test_a_record_that_tensorflow_finds_damaged_is_told_in_a_sentence(
    copies: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copies("candle_uno_demo")
    flip(folder / "sciml-train.tfrecord-00000-of-00001", 1000)
    builder = tfds.builder("sciml/candle_uno_demo", data_dir=tmp_path)
    with pytest.raises(DamagedRecordError, match=r"a record: .*: run `sciml verify`"):
        rows_of_tables(builder, Prepared.open("candle_uno_demo", tmp_path).select("train"), TABLES)


def exchange(folder: Path) -> None:
    """Two train records of one size change places."""
    path = min(folder.glob("sciml-train.tfrecord-00000-of-*[0-9]"))
    content, ends = path.read_bytes(), offsets_of(path).tolist()
    first = int(np.flatnonzero(np.diff(ends, n=2) == 0)[0])
    start, middle, end = ends[first : first + 3]
    path.write_bytes(content[:start] + content[middle:end] + content[start:middle] + content[end:])


def leak(folder: Path) -> None:
    """A record of train takes the place of one of test."""
    train, test = (folder / f"sciml-{split}.tfrecord-00000-of-00002" for split in ("train", "test"))
    froms, tos = offsets_of(train).tolist(), offsets_of(test).tolist()
    number, other = next(
        (number, other)
        for number in range(len(froms) - 1)
        for other in range(len(tos) - 1)
        if froms[number + 1] - froms[number] == tos[other + 1] - tos[other]
    )
    content = bytearray(test.read_bytes())
    content[tos[other] : tos[other + 1]] = train.read_bytes()[froms[number] : froms[number + 1]]
    test.write_bytes(content)


@pytest.fixture(scope="module")
def two_shards(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``candle_uno_demo`` in two shards per split."""
    return prepare("candle_uno_demo", raw_dir, tmp_path_factory.mktemp("two"), num_shards=2)


def read_source(root: Path, split: str) -> None:
    for example in tfds.data_source("sciml/candle_uno_demo", split=split, data_dir=root):
        assert example["id"]


def read_rows(root: Path, split: str) -> None:
    builder = tfds.builder("sciml/candle_uno_demo", data_dir=root)
    rows_of_tables(builder, Prepared.open("candle_uno_demo", root).select(split), TABLES)


def read_subset(root: Path, split: str) -> None:
    name, _, part = split.rpartition(":")
    ids = (
        parts("candle_uno_demo", name, root)[part]
        if name
        else Prepared.open("candle_uno_demo", root).select(split).columns["id"]
    )
    subset = examples("candle_uno_demo", ids, root)
    subset.__getitems__(np.random.default_rng(1).permutation(len(subset)).tolist())


def read_dataset(root: Path, split: str) -> None:
    for _ in tfds.load("sciml/candle_uno_demo", split=split.rpartition(":")[2], data_dir=root):
        pass


@pytest.mark.parametrize("hashed", [0, shard_checks.HASHED_BYTES])
@pytest.mark.parametrize(
    ("damage", "read", "splits"),
    [
        (exchange, read_source, ("train", "train[:90%]+test", "test+train")),
        (exchange, read_rows, ("train", "cell_blind:train")),
        (exchange, read_subset, ("train", "mixed:train")),
        (leak, read_source, ("test", "train[:5]+test")),
        (leak, read_rows, ("test",)),
        (leak, read_subset, ("test",)),
    ],
)
def test_features_of_one_sample_are_never_joined_with_the_label_of_another(
    two_shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hashed: int,
    damage: Callable[[Path], None],
    read: Callable[[Path, str], None],
    splits: tuple[str, ...],
) -> None:
    monkeypatch.setattr(shard_checks, "HASHED_BYTES", hashed)
    folder = prepared_dir("candle_uno_demo", tmp_path)
    shutil.copytree(two_shards, folder)
    for split in splits:
        read(tmp_path, split)
    damage(folder)
    for split in splits:
        with pytest.raises(DamagedRecordError, match=r"it is the record of .*, expected|SHA-256 of the shard differs"):
            read(tmp_path, split)


@pytest.mark.parametrize("hashed", [0, shard_checks.HASHED_BYTES])
@pytest.mark.parametrize("read", [read_source, read_rows, read_subset, read_dataset])
def test_a_shard_never_passes_for_another(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hashed: int,
    read: Callable[[Path, str], None],
) -> None:
    """Give a shard the first record of another, as where two shards of one size exchanged their names."""
    monkeypatch.setattr(shard_checks, "HASHED_BYTES", hashed)
    folder = prepared_dir("candle_uno_demo", tmp_path)
    shutil.copytree(prepared_dir("candle_uno_demo", data_dir), folder)
    shard = folder / "sciml-train.tfrecord-00000-of-00001"
    ends = offsets_of(shard).tolist()
    number = next(number for number in range(1, len(ends) - 1) if ends[number + 1] - ends[number] == ends[1])
    content = bytearray(shard.read_bytes())
    first, other = content[: ends[1]], content[ends[number] : ends[number + 1]]
    content[: ends[1]], content[ends[number] : ends[number + 1]] = other, first
    shard.write_bytes(content)
    with pytest.raises(DamagedRecordError, match=r"it is the record of .*, expected|SHA-256 of the shard differs"):
        read(tmp_path, "train")


def test_a_record_that_is_exchanged_in_a_small_split_is_not_given_to_tensorflow(
    two_shards: Path, tmp_path: Path
) -> None:
    folder = prepared_dir("candle_uno_demo", tmp_path)
    shutil.copytree(two_shards, folder)
    exchange(folder)
    with pytest.raises(DamagedRecordError, match="the SHA-256 of the shard differs"):
        read_dataset(tmp_path, "train")
    read_dataset(tmp_path, "test")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: (path.unlink(), path.symlink_to(path))])
def test_a_finished_folder_must_have_its_manifest(
    copies: Callable[[str], Path], tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    folder = copies("candle_uno_demo")
    damage(folder / "manifest.json")
    flip(folder / "gene_expression.npy", -1)
    for read in READINGS:
        with pytest.raises(InputError, match=r"manifest\.json"):
            read("candle_uno_demo", tmp_path)


def test_a_folder_that_others_keep_elsewhere_needs_no_manifest(copies: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copies("stemdl_demo").rename(tmp_path / "mine")
    (folder / "manifest.json").unlink()
    assert len(list(tfds.builder_from_directory(folder).as_dataset(split="test"))) == 10


@pytest.mark.parametrize("kind", ["FIFO", "folder", "symbolic link"])
@pytest.mark.parametrize(
    "file",
    [
        "gene_expression.npy",
        "members-test.tsv",
        "metadata.json",
        "manifest.json",
        "dataset_info.json",
        "sciml-test.tfrecord-00000-of-00001",
        "sciml-test.tfrecord-00000-of-00001.offsets",
    ],
)
def test_what_is_no_file_is_named_and_never_waited_for(
    copies: Callable[[str], Path], tmp_path: Path, file: str, kind: str
) -> None:
    path = copies("candle_uno_demo") / file
    path.unlink()
    make = {"FIFO": os.mkfifo, "folder": Path.mkdir, "symbolic link": lambda link: link.symlink_to(link)}
    make[kind](path)
    reported = []
    for read in (random_access, as_dataset, partitions):
        try:
            read("candle_uno_demo", tmp_path)
        except InputError as error:
            reported.append(str(error))
    assert reported
    right = f"{path}: symbolic links lead round" if kind == "symbolic link" else f"{path} is a {kind}"
    assert all(right in sentence for sentence in reported)


BAD_ENTRIES = {
    "bytes": -1,
    "sha256": "no digits",
    "name": "../members-test.tsv",
}


@pytest.mark.parametrize(("key", "value"), BAD_ENTRIES.items())
def test_an_entry_of_a_manifest_that_makes_no_sense_is_told(
    copies: Callable[[str], Path], key: str, value: Any
) -> None:
    folder = copies("stemdl_demo")
    manifest = json.loads((folder / "manifest.json").read_text())
    for kind in ("files", "shards"):
        changed = manifest | {kind: [manifest[kind][0] | {key: value}, *manifest[kind][1:]]}
        (folder / "manifest.json").write_text(json.dumps(changed))
        with pytest.raises(
            InputError, match=r"manifest\.json lists .*, expected a file name, a size and 64 hexadecimal"
        ):
            read_manifest(folder)


def test_every_file_that_is_listed_is_undamaged(data_dir: Path) -> None:
    for name in NAMES:
        folder = prepared_dir(name, data_dir)
        listed = listed_files(read_manifest(folder))
        assert {path.name for path in folder.iterdir()} == {*listed, "manifest.json"}
        assert all(undamaged(folder / file) == folder / file for file in listed)
