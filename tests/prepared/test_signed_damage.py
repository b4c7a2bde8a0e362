"""Prepared folders whose manifest lists files that are wrong: no number and no name in them is believed."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sciml_datasets import DamagedRecordError, InputError, Prepared
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.record_fields import id_of
from sciml_datasets.prepared.tensor_views import TensorViews
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, tfrecord

UNO, SCANS = "candle_uno_demo", "stemdl_reconstruction_demo"


@pytest.fixture
def copied(data_dir: Path, tmp_path: Path) -> Callable[[str], Prepared]:
    """A function that copies a prepared data set and opens the copy."""

    def copy(name: str) -> Prepared:
        shutil.copytree(data_dir / "sciml" / name, tmp_path / "sciml" / name)
        return Prepared.open(name, tmp_path)

    return copy


def sign(folder: Path) -> None:
    """List the files of a folder in its manifest as they are now."""
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text())
    for entry in (*content["files"], *content["shards"]):
        found = (folder / entry["name"]).read_bytes()
        entry["bytes"], entry["sha256"] = len(found), hashlib.sha256(found).hexdigest()
        if entry.get("offsets_sha256"):
            offsets = (folder / f"{entry['name']}.offsets").read_bytes()
            entry["offsets_sha256"] = hashlib.sha256(offsets).hexdigest()
    manifest.write_text(json.dumps(content))


def signed_json(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "dataset_info.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    sign(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda info: info["splits"][0].update(shardLengths=["4000000000"]), "describes other shards than manifest"),
        (lambda info: info["splits"][0].update(shardLengths=["1", "1"]), "describes other shards than manifest"),
        (lambda info: info["splits"][0].update(name="/etc"), r"its splits are \['/etc'"),
        (lambda info: info["splits"][0].update(filepathTemplate="../../{SHARD_INDEX}"), "its shards are not called"),
        (lambda info: info.update(version="9.9.9"), "is of version '9.9.9'"),
        (lambda info: info.update(fileFormat="parquet"), "in the format 'parquet'"),
        (lambda info: info.update(splits={"train": 3}), "is no description that TFDS can read"),
        (lambda info: info.update(supervisedKeys=[[[]]]), "is no description that TFDS can read"),
    ],
)
def test_no_description_of_other_shards_is_followed(
    copied: Callable[[str], Prepared], change: Callable[[dict[str, Any]], object], told: str
) -> None:
    prepared = copied(UNO)
    signed_json(prepared.folder, change)
    with pytest.raises(InputError, match=rf"dataset_info\.json.*{told}") as raised:
        _ = Prepared.open(UNO, prepared.data_dir).builder
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("id\t", "ids\t", "begins with the column"),
        ("\tcell\t", "\tcells\t", "its member lists have different columns"),
    ],
)
def test_a_column_that_is_missing_is_told(copied: Callable[[str], Prepared], old: str, new: str, told: str) -> None:
    prepared = copied(UNO)
    path = prepared.folder / "members-test.tsv"
    path.write_text(path.read_text().replace(old, new, 1))
    sign(prepared.folder)
    with pytest.raises(InputError, match=told):
        _ = Prepared.open(UNO, prepared.data_dir).members


def test_a_truth_that_is_no_number_is_told(copied: Callable[[str], Prepared]) -> None:
    prepared = copied(UNO)
    path = prepared.folder / "members-test.tsv"
    header, first, *rest = path.read_text().splitlines(keepends=True)
    fields = first.split("\t")
    fields[header.rstrip("\n").split("\t").index("response")] = "0.5x"
    path.write_text("".join([header, "\t".join(fields), *rest]))
    sign(prepared.folder)
    truth = Truth(Prepared.open(UNO, prepared.data_dir), "test")
    with pytest.raises(InputError, match="the column 'response' holds what is no number"):
        truth.numbers("response")
    with pytest.raises(InputError, match="has no column 'group'"):
        truth.column("group")


def test_a_class_that_there_is_not_is_told(data_dir: Path) -> None:
    truth = Truth(Prepared.open("stemdl_demo", data_dir), "test")
    largest = truth.numbers("space_group").max()
    assert truth.classes("space_group", 231).max() == largest
    with pytest.raises(InputError, match=f"holds what is not from 0 to {largest - 1:g}"):
        truth.classes("space_group", int(largest))


def test_a_list_of_fewer_samples_than_records_is_told(copied: Callable[[str], Prepared]) -> None:
    prepared = copied(SCANS)
    path = prepared.folder / "members-train.tsv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    sign(prepared.folder)
    prepared = Prepared.open(SCANS, prepared.data_dir)
    views = TensorViews(prepared.builder, "train")
    with pytest.raises(InputError, match=f"lists {len(lines) - 2} samples, but the shards hold {len(lines) - 1}"):
        views[0]
    with pytest.raises(InputError, match=r"its member lists name .* samples, but its shards hold"):
        prepared.examples(prepared.members["id"])


def nothing_behind_the_id(payload: bytes, key: bytes) -> bytes:
    return payload[: payload.index(key) + len(key)]


def id_of_an_unknown_kind(payload: bytes, key: bytes) -> bytes:
    kind = payload.index(key) - 4  # before it: field and length of the feature, of the list, of the one content
    assert payload[kind : kind + 1] == b"\x0a"  # field 1, a list of bytes
    return payload[:kind] + b"\x22" + payload[kind + 1 :]


@pytest.mark.parametrize("damage", [nothing_behind_the_id, id_of_an_unknown_kind])
@pytest.mark.parametrize("name", [UNO, SCANS])
def test_a_record_with_right_checksums_that_is_no_example_is_damaged(
    copied: Callable[[str], Prepared], name: str, damage: Callable[[bytes, bytes], bytes]
) -> None:
    prepared = copied(name)
    path = next(prepared.folder.glob("sciml-train.tfrecord-*-of-?????"))
    beside = path.with_name(f"{path.name}.offsets")
    content, ends = path.read_bytes(), np.fromfile(beside, "<u8").tolist()
    payloads = [content[a + HEADER_BYTES : b - FOOTER_BYTES] for a, b in itertools.pairwise(ends)]
    key = id_of(payloads[0])
    payloads[0] = damage(payloads[0], key)
    frames = [b"".join(tfrecord([payload])) for payload in payloads]
    path.write_bytes(b"".join(frames))
    np.cumsum([0, *map(len, frames)], dtype="<u8").tofile(beside)
    sign(prepared.folder)
    prepared = Prepared.open(name, prepared.data_dir)
    with pytest.raises(DamagedRecordError, match="record 0: it is no example of this data set"):
        prepared.examples([key.decode()])[0]


def test_a_number_without_end_is_no_id() -> None:
    assert id_of(b"\n" + b"\xff" * (1 << 20)) == b""


@pytest.mark.parametrize("response", [["AUC"], "AUC", {"name": "AUC"}, {"name": "AUC", "title": "AUC", "unit": 1}])
def test_facts_on_the_response_that_are_none_are_refused(copied: Callable[[str], Prepared], response: object) -> None:
    prepared = copied(UNO)
    path = prepared.folder / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"response": response}))
    sign(prepared.folder)
    with pytest.raises(InputError, match=r"metadata\.json: response"):
        _ = Prepared.open(UNO, prepared.data_dir).facts


@pytest.mark.parametrize("change", [{"dtype": "x" * 9000}, {"shape": [1, 2, "x" * 9000]}, {"dtype": "a\nb"}])
def test_a_layout_that_is_none_is_shown_by_its_beginning(copied: Callable[[str], Prepared], change: object) -> None:
    prepared = copied(SCANS)
    ids = prepared.select("test").columns["id"]
    path = prepared.folder / "cbed.layout.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    sign(prepared.folder)
    with pytest.raises(InputError, match=r"cbed\.layout\.json: (dtype|shape) is") as refused:
        _ = Prepared.open(SCANS, prepared.data_dir).examples(ids)[0]
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000
