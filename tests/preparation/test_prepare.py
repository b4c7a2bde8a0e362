"""Preparation: the same records as plain TFDS, bit-identical arrays, all or nothing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds
from stemdl_files import write_raw
from tensorflow_datasets.core import file_adapters
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2

import sciml_datasets
from sciml_datasets import InputError, data_part, prepare
from sciml_datasets.prepared.manifest import listed_files

Sciml = Callable[..., subprocess.CompletedProcess[str]]


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.tfrecord-?????-of-?????"))}


def records(folder: Path) -> dict[str, list[bytes]]:
    import tensorflow as tf

    paths = sorted(folder.glob("*.tfrecord-?????-of-?????"))
    return {path.name: [record.numpy() for record in tf.data.TFRecordDataset(str(path))] for path in paths}


class SortedExampleWriter(ExampleWriter):
    """TFDS's own writer, over examples whose map entries are sorted."""

    def write(self, path: Any, examples: Any) -> Any:
        def rewritten() -> Iterator[tuple[Any, bytes]]:
            for key, example in examples:
                proto = tf_example_pb2.Example.FromString(example)
                yield key, proto.SerializeToString(deterministic=True)

        return super().write(path, rewritten())


def plain_builder(raw_dir: Path, writer: ExampleWriter, data_dir: Path) -> Path:
    """A plain TFDS GeneratorBasedBuilder with the features, keys and name of ``sciml/stemdl_demo``."""
    ours = tfds.builder("sciml/stemdl_demo", data_dir=data_dir / "elsewhere")
    raw_format, folder = data_part.raw_format(ours.benchmark, ours.dataset, {}), raw_dir / "stemdl_demo"

    class Plain(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = "sciml"
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> tfds.core.DatasetInfo:
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(data_part.features(ours.benchmark, ours.dataset))
            )

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {split: self._generate_examples(split) for split in ("train", "validation", "test")}

        def _generate_examples(self, split: str) -> Iterator[tuple[str, Any]]:
            with raw_format.reader(folder) as read:
                for file in raw_format.files(folder):
                    for sample in raw_format.index(folder, file):
                        if sample.split == split:
                            yield sample.key, read(sample)

        def _example_writer(self) -> ExampleWriter:
            return writer

    builder = Plain(data_dir=data_dir)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    return Path(builder.data_dir)


@pytest.fixture(scope="module")
def in_two_shards(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare("stemdl_demo", raw_dir, tmp_path_factory.mktemp("two"), num_shards=2)


def test_shards_hold_the_records_of_a_plain_tfds_builder_in_the_same_order(
    raw_dir: Path, in_two_shards: Path, tmp_path: Path
) -> None:
    plain = records(plain_builder(raw_dir, ExampleWriter(file_adapters.FileFormat.TFRECORD), tmp_path))
    ours = records(in_two_shards)
    parse = tf_example_pb2.Example.FromString
    assert list(plain) == list(ours)
    assert sum(len(shard) for shard in ours.values()) == 60
    for name in plain:
        assert [parse(record) for record in plain[name]] == [parse(record) for record in ours[name]]


def test_shards_are_byte_identical_once_tfds_serialises_deterministically(
    raw_dir: Path, in_two_shards: Path, tmp_path: Path
) -> None:
    plain = plain_builder(raw_dir, SortedExampleWriter(file_adapters.FileFormat.TFRECORD), tmp_path)
    assert shards(plain) == shards(in_two_shards)


def test_another_process_writes_the_same_folder_to_the_byte(
    raw_dir: Path, data_dir: Path, tmp_path: Path, sciml: Sciml
) -> None:
    run = sciml("prepare", "stemdl_demo", "--raw-dir", raw_dir, "--data-dir", tmp_path)
    assert run.returncode == 0, run.stderr
    here, there = data_dir / "sciml/stemdl_demo/3.0.0", tmp_path / "sciml/stemdl_demo/3.0.0"
    assert sorted(path.name for path in here.iterdir()) == sorted(path.name for path in there.iterdir())
    for path in here.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes(), path.name


def test_arrays_and_attributes_come_back_bit_identical(raw_dir: Path, data_dir: Path) -> None:
    dataset = tfds.load("sciml/stemdl_demo", split="train+validation+test", data_dir=data_dir)
    count = 0
    for example in tfds.as_numpy(dataset):
        split, file, group = example["id"].decode().split("/")
        folder = {"validation": "dev"}.get(split, split)
        with h5py.File(raw_dir / "stemdl_demo" / folder / file) as h5:
            raw = h5[group]
            np.testing.assert_array_equal(raw["cbed_stack"][:].view(np.uint32), example["cbed_stack"].view(np.uint32))
            assert int(raw.attrs["space_group"]) == example["space_group"]
            assert raw.attrs["material"] == example["material"]
            assert raw.attrs["formula"] == example["formula"].decode()
            assert raw.attrs["energy_keV"] == example["energy_kev"]
            for name in ("z_dirs", "y_dirs", "semi_angles_rad", "d_hkls_angstrom", "abc_angstrom", "angles_degree"):
                np.testing.assert_array_equal(raw.attrs[name], example[name])
        count += 1
    assert count == 60


def test_the_real_configuration_holds_512_pixel_patterns(tmp_path: Path) -> None:
    sciml_datasets.simulate("stemdl", tmp_path / "raw", num_samples=4)
    prepare("stemdl", tmp_path / "raw", tmp_path)
    stacks, groups = next(
        iter(tfds.load("sciml/stemdl", split="train", as_supervised=True, data_dir=tmp_path).batch(2))
    )
    assert stacks.shape == (2, 3, 512, 512)
    # Less than 1 by what is scattered beyond the pattern's edge.
    assert ((stacks.numpy().sum(axis=(2, 3)) > 0.9) & (stacks.numpy().sum(axis=(2, 3)) <= 1 + 1e-5)).all()
    assert set(groups.numpy()) <= set(range(1, 231))


def test_every_way_of_loading(data_dir: Path) -> None:
    builder = tfds.builder("sciml/stemdl_demo", data_dir=data_dir)
    again = tfds.builder_from_directory(builder.data_dir)
    versioned = tfds.builder("sciml/stemdl_demo:3.0.0", data_dir=data_dir)
    for made in (builder, again, versioned):
        assert {name: split.num_examples for name, split in made.info.splits.items()} == {
            "train": 40,
            "validation": 10,
            "test": 10,
        }
        assert len(list(tfds.as_numpy(made.as_dataset(split="test")))) == 10
    assert builder.info.features["space_group"].num_classes == 231
    frame = tfds.as_dataframe(tfds.load("sciml/stemdl_demo", split="test", data_dir=data_dir))
    assert len(frame["material"]) == 10


def test_the_builder_survives_pickling(data_dir: Path) -> None:
    import pickle

    builder = pickle.loads(pickle.dumps(tfds.builder("sciml/stemdl_demo", data_dir=data_dir)))
    assert type(builder).__name__ == "Sciml"
    assert builder.info.splits["test"].num_examples == 10


def test_stemdl_is_the_default_configuration(tmp_path: Path) -> None:
    assert tfds.builder("sciml", data_dir=tmp_path).builder_config.name == "stemdl"


def test_the_tfds_command_builds_it(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    # The console script `tfds` also imports apache-beam and mlcroissant; its `build` module alone does not.
    code = (
        "import sys, simple_parsing; from tensorflow_datasets.scripts.cli import build; "
        "parser = simple_parsing.ArgumentParser(); parser.add_arguments(build.Args, dest='args'); "
        "parser.parse_args(sys.argv[1:]).args.execute()"
    )
    arguments = ["sciml/stemdl_demo", "--imports", "sciml_datasets", "--data_dir", tmp_path, "--manual_dir", raw_dir]
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert shards(tmp_path / "sciml/stemdl_demo/3.0.0") == shards(data_dir / "sciml/stemdl_demo/3.0.0")


def test_load_without_raw_files_says_where_it_looked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCIML_RAW_DIR", raising=False)
    with pytest.raises(InputError) as caught:
        tfds.load("sciml/stemdl", data_dir=tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "downloads" / "manual" / "stemdl") in message
    assert "10.13139/OLCF/1510313" in message
    assert "sciml/stemdl_demo needs no raw files" in message


def test_the_raw_folder_can_come_from_the_environment(
    raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIML_RAW_DIR", str(raw_dir))
    assert len(tfds.load("sciml/stemdl_demo", split="test", data_dir=tmp_path)) == 10


def test_prepared_data_are_used_again(data_dir: Path, tmp_path: Path) -> None:
    folder = prepare("stemdl_demo", tmp_path / "no raw files", data_dir)
    assert folder == data_dir / "sciml/stemdl_demo/3.0.0"


def test_a_folder_that_was_not_prepared_here_is_not_taken_for_prepared(tmp_path: Path, raw_dir: Path) -> None:
    (tmp_path / "sciml/stemdl_demo/3.0.0").mkdir(parents=True)
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        prepare("stemdl_demo", raw_dir, tmp_path)


def test_the_manifest_describes_every_file(data_dir: Path) -> None:
    import hashlib

    folder = data_dir / "sciml/stemdl_demo/3.0.0"
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = listed_files(manifest)
    assert sorted([*listed, "manifest.json"]) == sorted(path.name for path in folder.iterdir())
    for name, (size, sha256) in listed.items():
        content = (folder / name).read_bytes()
        assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert sum(entry["records"] for entry in manifest["shards"]) == 60
    assert [entry["name"] for entry in manifest["raw"]] == [
        "test/batch_test_0.h5",
        "train/batch_train_0.h5",
        "train/batch_train_1.h5",
        "train/batch_train_2.h5",
        "dev/batch_dev_0.h5",
    ]


def test_too_many_shards_are_refused(raw_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="validation split has 10 samples, too few for 11 shards"):
        prepare("stemdl_demo", raw_dir, tmp_path, num_shards=11)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set 'stemdll': choose one of stemdl, stemdl_preprocessed"):
        prepare("stemdll", tmp_path, tmp_path)
    with pytest.raises(InputError, match="there is no data set 'stemdll'"):
        tfds.load("sciml/stemdll", data_dir=tmp_path)


def test_an_unsupported_format_is_refused(raw_dir: Path, tmp_path: Path) -> None:
    builder = tfds.builder("sciml/stemdl_demo", data_dir=tmp_path)
    with pytest.raises(InputError, match="parquet is not supported"):
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=raw_dir), file_format="parquet"
        )


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"comm": "x"}, "comm is 'x': expected a communicator of mpi4py"),
        ({"jobs": "2"}, "'2' jobs: expected a whole number"),
        ({"jobs": 0}, "0 jobs: expected at least 1"),
        ({"num_shards": 0}, "0 shards: expected at least 1"),
        ({"file_format": "x"}, "the file format x is not supported for writing: choose tfrecord or array_record"),
        ({"beam": object()}, "expected Apache Beam's PipelineOptions|Apache Beam cannot be used"),
    ],
)
def test_an_argument_of_no_use_is_told_in_one_sentence(
    raw_dir: Path, tmp_path: Path, argument: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepare("stemdl_demo", raw_dir, tmp_path, **argument)
    assert list(tmp_path.iterdir()) == []


def without_override(command: list[str]) -> list[str]:
    """The command without root's right to pass over permissions."""
    if os.getuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        pytest.skip("root passes over permissions and setpriv is not installed")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]


def prepare_process(raw_dir: Path, data_dir: Path) -> list[str]:
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "prepare", "stemdl_demo"]
    return [*command, "--raw-dir", str(raw_dir), "--data-dir", str(data_dir)]


def assert_one_sentence(run: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1, run.stderr
    for part in parts:
        assert part in run.stderr


def test_a_raw_folder_without_permission_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    (folder / "train").chmod(0)
    run = subprocess.run(
        without_override(prepare_process(tmp_path, tmp_path / "data")), capture_output=True, text=True, check=False
    )
    (folder / "train").chmod(0o755)
    assert_one_sentence(run, str(folder / "train"), "Permission denied")
    assert not (tmp_path / "data").exists()


def test_a_raw_file_without_permission_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    path = folder / "train" / "batch_train_0.h5"
    path.chmod(0)
    run = subprocess.run(
        without_override(prepare_process(tmp_path, tmp_path / "data")), capture_output=True, text=True, check=False
    )
    assert_one_sentence(run, str(path), "Permission denied")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_raw(tmp_path)
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(0o555)
    run = subprocess.run(
        without_override(prepare_process(tmp_path, data_dir)), capture_output=True, text=True, check=False
    )
    data_dir.chmod(0o755)
    assert_one_sentence(run, str(data_dir), "Permission denied")
    assert list(data_dir.iterdir()) == []


def in_small_disk(folder: Path, size: str, options: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command with a small file system of its own mounted at ``folder``, in a private mount namespace."""
    script = f'mount -t tmpfs -o size={size} none "$1" && {options} shift && "$@"; code=$?; ls -A "$0" >&3; exit $code'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(folder), str(folder), *command]
    with (folder.parent / "listing").open("w+") as listing:
        probe = subprocess.run(["unshare", "--mount", "--map-root-user", "true"], capture_output=True, check=False)
        if probe.returncode:
            pytest.skip("this machine does not let the test mount a small file system")
        redirected = ["sh", "-c", f'exec 3>"{listing.name}"; exec "$@"', "sh", *command]
        return subprocess.run(redirected, capture_output=True, text=True, check=False)


def test_a_disk_that_is_too_small_is_refused_before_writing(raw_dir: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    command = f"{shlex.join(prepare_process(raw_dir, data_dir))}; code=$?; find {data_dir} -type f; exit $code"
    run = in_small_disk(data_dir, "1m", "", ["sh", "-c", command])
    assert_one_sentence(run, str(data_dir), "GB are free")
    assert run.stdout == ""


def test_a_disk_that_fills_up_meanwhile_keeps_only_finished_shards(raw_dir: Path, tmp_path: Path) -> None:
    # The payload of the 60 samples is 11.8 MB (11,520 KiB): it fits, with framing and attributes it no longer does.
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    look = f"find {data_dir} -type f | grep -v /journal- | sed 's,.*incomplete-[0-9a-f]*/,,'"
    command = f"{shlex.join(prepare_process(raw_dir, data_dir))}; code=$?; {look}; exit $code"
    run = in_small_disk(data_dir, "11540k", "", ["sh", "-c", command])
    assert_one_sentence(run, "No space left on device", "make room")
    left = run.stdout.split()
    assert "plan.json" in left
    assert all(name == "plan.json" or name.startswith("folder/sciml-") for name in left)
    assert not any(name.endswith(".incomplete") for name in left)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_limit_on_the_size_of_files_is_told_once_and_leaves_nothing_prepared(
    raw_dir: Path, tmp_path: Path, jobs: str
) -> None:
    # 4,000 blocks are 2 MB or 4 MB, as the shell counts; the training shard has 9 MB, the others 1 MB each.
    command = [*prepare_process(raw_dir, tmp_path / "data"), "--jobs", jobs]
    limited = ["sh", "-c", 'ulimit -f 4000; exec "$@"', "sh", *command]
    run = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert_one_sentence(run, "sciml-train.tfrecord-00000-of-00001", "File too large: raise the limit")
    assert not (tmp_path / "data/sciml/stemdl_demo/3.0.0").exists()


def test_a_read_only_disk_is_named(raw_dir: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    run = in_small_disk(data_dir, "20m", 'mount -o remount,ro "$1" &&', prepare_process(raw_dir, data_dir))
    assert_one_sentence(run, str(data_dir), "Read-only file system")


def test_tfds_load_prepares_without_a_word(
    raw_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "manual").symlink_to(raw_dir)
    tfds.load("sciml/stemdl_demo", split="train", data_dir=tmp_path)
    assert (caplog.messages, capfd.readouterr()) == ([], ("", ""))


def test_a_builder_makes_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    tfds.builder("sciml/stemdl_demo", data_dir=tmp_path / "data")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_data_prepared_by_an_earlier_release_are_told_by_their_version(tmp_path: Path) -> None:
    from sciml_datasets.metrics import Evaluator
    from sciml_datasets.prepared.verify import check_prepared

    old = tmp_path / "sciml/stemdl_demo/2.0.0"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}")
    reported = (
        r"stemdl_demo holds version 2\.0\.0, whose data differ; this release reads 3\.0\.0: prepare the data set again"
    )
    with pytest.raises(InputError, match=reported):
        check_prepared(tmp_path / "sciml/stemdl_demo/3.0.0")
    with pytest.raises(InputError, match=reported):
        Evaluator("stemdl_demo", "test", tmp_path)
