"""Rows of one function as a raw format: what it takes, what it keeps, and what it refuses in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.raw_format import Sample
from sciml_datasets.rows import Row, Rows

Yielding = Callable[[Path], Iterable[Row]]


def numbers(path: Path) -> Iterable[Row]:
    for text in path.read_text().split():
        yield Row({"id": f"sample{text}", "size": float(text), "kind": int(text) % 3}, group=f"group{text}")


def folder_of(tmp_path: Path) -> Path:
    (tmp_path / "first.csv").write_text("0 1 2 3 4 5 6 7 8 9")
    return tmp_path


def indexed(raw_format: Rows, folder: Path) -> list[Sample]:
    return [sample for file in raw_format.files(folder) for sample in raw_format.index(folder, file)]


def read(raw_format: Rows, folder: Path, samples: list[Sample]) -> list[dict[str, Any]]:
    with raw_format.reader(folder) as example_of:
        return [example_of(sample) for sample in samples]


def one(example: dict[str, Any], **attributes: Any) -> Yielding:
    """A function that yields one row."""

    def rows(path: Path) -> Iterable[Row]:
        yield Row(example, **attributes)

    return rows


def test_an_array_may_be_filled_again_for_the_next_row(tmp_path: Path) -> None:
    def rows(path: Path) -> Iterable[Row]:
        scalar, nested = np.zeros((), np.float32), np.zeros(2, np.float32)
        for number in range(5):
            scalar[...] = nested[...] = number
            yield Row({"id": str(number), "size": scalar, "parts": {"of": [nested]}})

    folder, raw_format = folder_of(tmp_path), Rows("*.csv", rows)
    found = read(raw_format, folder, indexed(raw_format, folder))
    assert [float(example["size"]) for example in found] == [0, 1, 2, 3, 4]
    assert [float(example["parts"]["of"][0][1]) for example in found] == [0, 1, 2, 3, 4]


def test_a_dictionary_may_be_filled_again_for_the_next_row(tmp_path: Path) -> None:
    def rows(path: Path) -> Iterable[Row]:
        example: dict[str, Any] = {}
        for number in range(5):
            example.update(id=f"sample{number}", size=float(number))
            yield Row(example)

    folder, raw_format = folder_of(tmp_path), Rows("*.csv", rows)
    assert [example["size"] for example in read(raw_format, folder, indexed(raw_format, folder))] == [0, 1, 2, 3, 4]


def test_rows_of_a_list_that_share_a_dictionary_are_refused(tmp_path: Path) -> None:
    def rows(path: Path) -> Iterable[Row]:
        example: dict[str, Any] = {}
        found = []
        for number in range(5):
            example.update(id=f"sample{number}")
            found.append(Row(example))
        return found

    with pytest.raises(InputError, match="returns rows with one dictionary for several: make one for each"):
        indexed(Rows("*.csv", rows), folder_of(tmp_path))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (("a", 1, "g", "train"), ("b", 1, "g", "train"), "row 0 was a and differs when it is read again"),
        (("a", 1, "g", "train"), ("a", 2, "g", "train"), "row 0 had the kind '1', has now '2', and differs"),
        (("a", 1, "g", "train"), ("a", 1, "h", "train"), "row 0 had the specimen 'g', has now 'h', and differs"),
        (("a", 1, "g", "train"), ("a", 1, "g", "test"), "row 0 had the split 'train', has now 'test', and differs"),
        (("a", 1, "g", "train"), None, "row 0 was a and differs when it is read again"),
    ],
)
def test_a_row_that_differs_when_it_is_read_again_is_refused(
    tmp_path: Path, before: tuple[Any, ...], after: tuple[Any, ...] | None, message: str
) -> None:
    readings = iter([before, after])

    def rows(path: Path) -> Iterable[Row]:
        if (reading := next(readings)) is not None:
            key, kind, group, split = reading
            yield Row({"id": key, "kind": kind}, group, split)

    folder, raw_format = folder_of(tmp_path), Rows("*.csv", rows, ("kind",), "specimen")
    samples = indexed(raw_format, folder)
    with pytest.raises(InputError, match="the same rows in the same order") as refused:
        read(raw_format, folder, samples)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (one({"id": "a", "size": np.ma.masked}), "row 0 has masked values in 'size': give a value for each, or NaN"),
        (one({"id": "a", "size": np.ma.masked_less([1.0, 3.0], 2)}), "row 0 has masked values in 'size'"),
        (one({"id": "a", "size": {"of": [np.ma.masked]}}), "row 0 has masked values in 'size'"),
        (one({"id": "x" * 1001}), "1,001 characters: give 1,000 at most"),
        (one({"id": "\udc80"}), "row 0 has the id '\\udc80': give a text without tabs and line breaks, in UTF-8"),
        (one({"id": "a"}, group="\udc80"), "row 0 has the group '\\udc80': give a text"),
        (one({"id": "a"}, group=0), "row 0 has the group 0: give a text"),
        (one({"id": "a"}, group=12), "row 0 has the group 12: give a text"),
        (one({"id": "a"}, group=np.array(["a", "b"])), "row 0 has the group array(["),
        (one({"id": "a"}, split=np.array(["train", "test"])), "row 0 is in the split array(["),
        (one({"id": "a"}, split="Train"), "row 0 is in the split 'Train': choose one of train"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(tmp_path: Path, rows: Yielding, message: str) -> None:
    with pytest.raises(InputError) as refused:
        indexed(Rows("*.csv", rows), folder_of(tmp_path))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        ("\udc80", "row 0 has the kind '\\udc80': give a text"),
        (None, "row 0 has None as 'kind', which facts names: expected a number or a text"),
        (b"quartz", "row 0 has b'quartz' as 'kind', which facts names"),
        ([1], "row 0 has [1] as 'kind', which facts names"),
    ],
)
def test_a_fact_that_is_no_number_and_no_text_is_refused(tmp_path: Path, fact: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        indexed(Rows("*.csv", one({"id": "a", "kind": fact}), ("kind",)), folder_of(tmp_path))
    assert message in str(refused.value)


@pytest.mark.parametrize("fact", [1, 1.5, "1", np.int8(1), np.float32(1), np.array(1), True, np.str_("one")])
def test_a_fact_is_a_number_or_a_text_of_python_or_numpy(tmp_path: Path, fact: Any) -> None:
    raw_format = Rows("*.csv", one({"id": "a", "kind": fact}), ("kind",))
    assert [type(sample.facts[0]) for sample in indexed(raw_format, folder_of(tmp_path))] == [str]


def test_a_masked_array_without_a_masked_value_is_an_array(tmp_path: Path) -> None:
    rows = Rows("*.csv", one({"id": "a", "size": np.ma.masked_less([1.0, 3.0], 0)}))
    assert len(indexed(rows, folder_of(tmp_path))) == 1


def test_no_split_is_none_or_an_empty_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    none, empty = (indexed(Rows("*.csv", one({"id": "a"}, group=no, split=no)), folder) for no in (None, ""))
    assert none == empty


def test_hidden_files_and_folders_are_no_raw_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    for name in (".x.csv", "._first.csv", "~$first.csv", ".git/annex/x.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x00\x05")
    (folder / "deeper").mkdir()
    (folder / "deeper/second.csv").write_text("10")
    assert [file.name for file in Rows("*.csv", numbers).files(folder)] == ["deeper/second.csv", "first.csv"]


@pytest.mark.parametrize("raised", [SystemExit(4), ValueError("a\nb"), KeyError("c")])
def test_whatever_the_function_raises_is_one_sentence(tmp_path: Path, raised: BaseException) -> None:
    def rows(path: Path) -> Iterable[Row]:
        raise raised

    with pytest.raises(InputError, match=rf"rows fails \({type(raised).__name__}: ") as refused:
        indexed(Rows("*.csv", rows), folder_of(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_pattern_and_a_function_are_needed() -> None:
    nothing: Any = None
    many: Any = ["*.csv"]
    for pattern in ("", nothing, many):
        with pytest.raises(InputError, match=r"give one of file names, as '\*\.csv'"):
            Rows(pattern, numbers)
    with pytest.raises(InputError, match="give a function that yields the rows of a file"):
        Rows("*.csv", nothing)
