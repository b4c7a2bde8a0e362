"""Beam runs the same plan and gives the same bytes."""

from __future__ import annotations

import hmac
import pickle
from pathlib import Path

import numpy as np
import pytest
from buckets import environment, new_bucket
from fetch_servers import s3_server
from stemdl_files import sample, write_raw

from sciml_datasets import InputError, prepare
from sciml_datasets.parallel.beam import DIGEST, opened

pytest.importorskip("apache_beam", reason="apache-beam is not installed: pip install sciml-datasets[beam]")


def options() -> object:
    from apache_beam.options.pipeline_options import PipelineOptions

    # What runs here for DirectRunner too, which first looks for another runner to download.
    return PipelineOptions(["--runner=FnApiRunner"])


@pytest.mark.filterwarnings("default")
def test_the_local_runner_gives_the_same_bytes(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    folder = prepare("stemdl_demo", raw_dir, tmp_path, beam=options())
    here = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert here == {path.name: path.read_bytes() for path in (data_dir / "sciml/stemdl_demo/3.0.0").iterdir()}
    assert [path.name for path in folder.parent.parent.iterdir()] == ["stemdl_demo"]


@pytest.mark.filterwarnings("default")
def test_buckets_are_read_and_written(raw_dir: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as endpoint, new_bucket(endpoint, "beam") as bucket:
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        bucket.upload(raw_dir / "stemdl_demo", "raw/stemdl_demo")
        prepare("stemdl_demo", "s3://beam/raw", "s3://beam/data", beam=options())
        here = bucket.content("data")
    folder = data_dir / "sciml/stemdl_demo/3.0.0"
    assert here == {f"sciml/stemdl_demo/3.0.0/{path.name}": path.read_bytes() for path in folder.iterdir()}


@pytest.mark.filterwarnings("default")
def test_results_of_others_are_not_loaded() -> None:
    sealed = hmac.digest(b"a key of others", pickle.dumps(1), DIGEST) + pickle.dumps(1)
    with pytest.raises(InputError, match="was not written by a worker of this run"):
        opened(sealed, b"the key of this run")


@pytest.mark.filterwarnings("default")
def test_tfds_own_beam_options_choose_beam(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir=raw_dir, beam_options=options())
    builder = tfds.builder("sciml/stemdl_demo", data_dir=tmp_path)
    builder.download_and_prepare(download_config=config)
    manifest = (data_dir / "sciml/stemdl_demo/3.0.0/manifest.json").read_bytes()
    assert (builder.data_path / "manifest.json").read_bytes() == manifest


@pytest.mark.filterwarnings("default")
def test_a_bad_file_is_named_as_everywhere(tmp_path: Path) -> None:
    stack = np.full((3, 128, 128), np.nan, np.float32)
    write_raw(tmp_path, train={"sample_0_0": sample("mp-1", cbed_stack=stack)})
    with pytest.raises(InputError, match="sample_0_0: cbed_stack is NaN"):
        prepare("stemdl_demo", tmp_path, tmp_path / "data", beam=options())
