"""Documents that the project wrote itself: later damage is reported in one sentence that names the file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError, Prepared
from sciml_datasets.files.checksums import Checksum, read_list, write_list
from sciml_datasets.files.documents import is_file_name, is_path_below, read_object, read_table, read_text, read_yaml
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.results import make_result
from sciml_datasets.models.cross_validation import PLAN, cross_validate
from sciml_datasets.models.run_config import trained_with
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.preparation.work_folder import journal, journalled, plan_of
from sciml_datasets.prepared.integrity import read_manifest
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.submissions.runs import read_run

REMEDY = "make it again"


def read_json(path: Path) -> Any:
    return read_object(path, "an object of ours", REMEDY, {"number": int})


def read_mapping(path: Path) -> Any:
    return read_yaml(path, "a mapping of ours", REMEDY, {"number": int})


def read_rows(path: Path) -> Any:
    header, rows = read_table(path, REMEDY)
    return header, list(rows)


@pytest.fixture(scope="module")
def runs_result(data_dir: Path) -> dict[str, Any]:
    """A result that follows the schema."""
    evaluator = Evaluator("stemdl_demo", "test", data_dir)
    ids = Prepared.open("stemdl_demo", data_dir).select("test").columns["id"]
    evaluator.update(ids, np.ones(len(ids), np.int64))
    return make_result(evaluator)


RIGHT: dict[Callable[[Path], Any], bytes] = {
    read_json: b'{"number": 3, "list": [1.5, "text"], "more": {"a": null}}\n',
    read_mapping: b"number: 3\nmore:\n  a: [1, 2]\n  b: text\n",
    read_rows: b'id\tlabel\na\t1\n"b ""quoted"""\t2\n',
    read_list: b"a.h5\t" + 64 * b"0" + b"\t17\tetag\n",
}


@pytest.mark.parametrize("read", RIGHT)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.floats(0, 1),
    cut=st.integers(0, 3),
    more=st.one_of(
        st.binary(max_size=4), st.sampled_from([b"\xff", b"\0", b"\t", b"\n", b'"', b"{", b"[" * 9000, b"NaN"])
    ),
)
def test_whatever_is_put_into_a_document_is_read_or_reported(
    tmp_path: Path, read: Callable[[Path], Any], place: float, cut: int, more: bytes
) -> None:
    path, content = tmp_path / "document", RIGHT[read]
    at = int(place * len(content))
    path.write_bytes(content[:at] + more + content[at + cut :])
    try:
        read(path)
    except InputError as error:
        reported = str(error)
    else:
        reported = str(path)
    assert reported.startswith(str(path))
    assert "\n" not in reported


BAD_JSON = {
    b"\xff": "is not UTF-8",
    b"": "is not JSON",
    b"[1]": "holds a list, expected an object of ours",
    b"null": "holds nothing, expected an object of ours",
    b"{}": "has no number, expected an object of ours",
    b'{"number": "3"}': "number is text, expected a whole number",
    b'{"number": true}': "number is true or false, expected a whole number",
    b'{"number": NaN}': "NaN is not a finite number",
    b'{"number": 1, "a": 1e999}': "1e999 is not a finite number",
    b'{"number": 1, "number": 2}': "'number' stands twice in one object",
    b"[" * 100_000: "its brackets are nested too deep",
    b'{"number": ' + b"1" * 5000 + b"}": "is not JSON",
}


@pytest.mark.parametrize(("content", "message"), BAD_JSON.items(), ids=range(len(BAD_JSON)))
def test_what_is_no_document_of_ours_is_reported_with_a_remedy(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_json(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith(REMEDY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, expected a header"),
        (b"id\tid\n", "two columns are called 'id'"),
        (b"id\tlabel\na\n", "line 2: 1 columns, expected 2 as in the header"),
        (b"id\tlabel\na\t1\t\n", "line 2: 3 columns, expected 2"),
        (b"id\tlabel\n\xff\t1\n", "is not UTF-8"),
        (b'id\tlabel\n"a"b\t1\n', "line 2: no row of a table"),
        (b"id\tlabel\n" + b"a" * 200_000 + b"\t1\n", "line 2: no row of a table .field larger than field limit"),
    ],
)
def test_a_table_that_was_damaged_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_rows(path)


def test_a_byte_order_mark_of_an_editor_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "checksums.tsv"
    write_list(path, {"a.h5": Checksum("0" * 64)})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_list(path) == {"a.h5": Checksum("0" * 64)}
    assert read_text(path, REMEDY).startswith("a.h5")


def test_trouble_of_the_machine_is_no_damaged_document(tmp_path: Path) -> None:
    for path in (tmp_path / ("n" * 300), tmp_path / "missing"):
        for read in (read_json, read_mapping):
            with pytest.raises(OSError, match=str(path)):
                read(path)


@pytest.mark.parametrize(("make", "kind"), [(os.mkdir, "a folder"), (os.mkfifo, "a FIFO")])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, make: Callable[[Path], None], kind: str) -> None:
    make(tmp_path / "x")
    for read in (read_json, read_mapping, read_rows):
        with pytest.raises(InputError, match=f"x is {kind}"):
            read(tmp_path / "x")


def test_names_that_lead_elsewhere_are_none() -> None:
    assert [name for name in ("a", "a b.npy", "ü") if not is_file_name(name)] == []
    assert [name for name in ("", ".", "..", "a/b", "/a", "a\0", "a\n", 3, "\ud800") if is_file_name(name)] == []
    assert [name for name in ("a", "train/a.h5") if not is_path_below(name)] == []
    assert [name for name in ("", "/a", "../a", "a/../../b", "a\0", None) if is_path_below(name)] == []


@pytest.mark.parametrize("line", ["../a.h5\t{}", "/etc/passwd\t{}", "\t{}", "a.h5\t{}\t-1", "a.h5\t{}0", "a.h5\tG{}"])
def test_a_line_of_checksums_that_leads_elsewhere_is_reported(tmp_path: Path, line: str) -> None:
    path = tmp_path / "checksums.tsv"
    path.write_text(line.format("0" * 64) + "\n")
    with pytest.raises(InputError, match=r"checksums\.tsv, line 1: expected a file name, a tab and a SHA-256"):
        read_list(path)


def test_a_damaged_line_of_a_journal_is_no_finished_shard(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        journal(tmp_path, Written(name, 1, 5, 4, "0" * 64, ""))
    (path,) = tmp_path.glob("journal-*")
    content = path.read_bytes()
    assert [written.name for written in journalled(tmp_path)] == ["a", "b", "c"]
    for place in range(0, content.index(b"\n"), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert [written.name for written in journalled(tmp_path)] == ["b", "c"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"raw": 3}', b"\xff", b"[" * 100_000])
def test_a_damaged_plan_is_no_plan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    assert plan_of(tmp_path) is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"settings": 3}', b"a: [", b"!!python/x 1"]
)
@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("manifest.json", read_manifest),
        (PLAN, lambda folder: cross_validate("stemdl_demo", 2, data_dir=folder.parent / "data", out_dir=folder)),
        ("config.yaml", lambda folder: trained_with(folder, "stemdl_demo")),
        ("config.yaml", lambda folder: RunFolder(folder).goes_on({"seed": 1})),
        ("config.yaml", read_run),
        ("result.json", read_run),
    ],
)
def test_every_reader_of_such_a_document_names_it(
    data_dir: Path, tmp_path: Path, file: str, read: Callable[[Path], Any], content: bytes
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "data").symlink_to(data_dir)
    (folder / "config.yaml").write_text("settings: {}\n")
    for name in ("result.json", "result-1.txt", "predictions.h5"):
        (folder / name).write_text(json.dumps({}))
    (folder / file).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(folder)
    reported = str(caught.value)
    assert "\n" not in reported
    assert str(folder / file) in reported or "unfinished run with another seed" in reported


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        '{"key": "seed", "time_ms": 1}',
        '{"key": 3, "value": 1, "time_ms": 1}',
        '{"key": "a", "value": 1, "time_ms": 1e300}',
        '{"key": "a", "value": NaN, "time_ms": 1}',
    ],
)
def test_a_damaged_line_of_a_log_is_reported_by_its_number(
    runs_result: dict[str, Any], tmp_path: Path, line: str
) -> None:
    (tmp_path / "config.yaml").write_text("settings: {}\n")
    (tmp_path / "result.json").write_text(json.dumps(runs_result))
    (tmp_path / "predictions.h5").write_bytes(b"")
    (tmp_path / "result-1.txt").write_text(f"starting\n:::MLLOG {line}\n")
    with pytest.raises(InputError, match=r"result-1\.txt, line 2"):
        read_run(tmp_path)


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"a\.json is a symbolic link to .*gone, which does not exist"):
        read_object(tmp_path / "a.json", "a result", "make it again")
