"""Text tables from outside: read as pandas reads them, or refused in one sentence."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.files import text_columns
from sciml_datasets.files.text import read_lines
from sciml_datasets.files.text_numbers import MISSING
from sciml_datasets.files.text_tables import TextTable

TABLE = "id,a,b\nx,1,2\ny,3,4\n"

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=6)
IDS = WORDS | st.sampled_from([*MISSING, "11.0", " 11", '"', "a,b", "a;b", 'a"b'])
NUMBERS = st.builds(
    lambda value, form: format(value, form),
    st.floats(-1e38, 1e38, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-37),
    st.sampled_from(["", ".4g", "e", "+.9g"]),
)
FIELDS = NUMBERS | st.sampled_from([*MISSING, "0", "1", ".5", "5.", "1E3"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, str, str]:
    """The bytes of a table with the column ``id`` and others of numbers, its separator and its encoding."""
    separator = draw(st.sampled_from("\t,;"))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    names = draw(st.lists(WORDS.map(lambda name: f"g {name}"), min_size=1, max_size=4, unique=True))
    place = draw(st.integers(0, len(names)))
    rows = draw(st.lists(st.tuples(IDS, *[FIELDS] * len(names)), min_size=1, max_size=5))
    file = io.StringIO()
    writer = csv.writer(
        file,
        delimiter=separator,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    for first, *rest in [("id", *names), *rows]:
        writer.writerow([*rest[:place], first, *rest[place:]])
    text = file.getvalue() + draw(st.sampled_from(["", "\n", "\r\n\n"]))
    return text.encode(encoding), separator, encoding


def matrix(path: Path, separator: str = ",") -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    table = TextTable.open(path, separator)
    return table.matrix(id_place=table.place("id"))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.csv"


@given(tables())
@settings(max_examples=300, deadline=None)
def test_a_table_is_read_as_pandas_reads_it(path: Path, table: tuple[bytes, str, str]) -> None:
    content, separator, encoding = table
    path.write_bytes(content)
    ids, names, values = matrix(path, separator)
    frame = pd.read_csv(
        path,
        sep=separator,
        encoding=encoding,
        dtype={"id": str} | dict.fromkeys(names, np.float64),
        keep_default_na=False,
        na_values=dict.fromkeys(names, MISSING),
        float_precision="round_trip",
        index_col=False,
    )
    assert list(ids) == frame["id"].tolist()
    assert list(names) == [name for name in frame.columns if name != "id"]
    np.testing.assert_array_equal(values, frame[list(names)].to_numpy(np.float32))


def refusal(read: Callable[[Path], object], path: Path) -> str | None:
    """The sentence with which a file is refused; any other exception fails the test."""
    try:
        read(path)
    except InputError as error:
        return str(error)
    return None


@given(tables(), st.data())
@settings(max_examples=200, deadline=None)
def test_damage_is_read_or_refused_in_a_sentence(
    path: Path, table: tuple[bytes, str, str], data: st.DataObject
) -> None:
    content, separator, _ = table
    start, stop = (data.draw(st.integers(0, len(content))) for _ in range(2))
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=3)) + content[max(start, stop) :])
    sentence = refusal(lambda path: matrix(path, separator), path)
    assert sentence is None or str(path) in sentence
    assert sentence or not np.isinf(matrix(path, separator)[2]).any()


@given(st.binary(max_size=20) | st.text(max_size=10).map(lambda text: text.encode("utf-16")))
@settings(max_examples=200, deadline=None)
def test_a_list_is_read_or_refused_in_a_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    sentence = refusal(read_lines, path)
    assert sentence is None or str(path) in sentence
    assert sentence or not any(mark in line for line in read_lines(path) for mark in "\n\r\0")


# What is read


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_the_mark_of_an_encoding_is_no_part_of_the_first_line(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.txt").write_text("0\né\n\n", encoding)
    assert read_lines(tmp_path / "list.txt") == ["0", "é"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path: Path, end: str) -> None:
    (tmp_path / "table.csv").write_bytes(TABLE.replace("\n", end).encode() + 2 * end.encode())
    ids, names, values = matrix(tmp_path / "table.csv")
    assert (ids, names, values.tolist()) == (("x", "y"), ("a", "b"), [[1, 2], [3, 4]])


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("\n\n" + TABLE)
    assert matrix(tmp_path / "table.csv")[0] == ("x", "y")


def test_words_for_missing_numbers_are_ids_like_others(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,a\n" + "".join(f'"{word}","{word}"\n' for word in MISSING))
    ids, _, values = matrix(tmp_path / "table.csv")
    assert ids == MISSING
    assert np.isnan(values).all()


def test_a_line_break_in_quotes_parts_no_row_at_the_end_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'x{i},"first,\n1,second",{i}\n' for i in range(300))
    (tmp_path / "table.csv").write_text("id,note,a\n" + rows)
    monkeypatch.setattr(text_columns, "BLOCK_BYTES", 100)
    table = TextTable.open(tmp_path / "table.csv", ",")
    blocks = [*table.matrix_batches(id_place=0, drop=[1])]
    assert len(blocks) > 1
    for ids, values in [table.matrix(id_place=0, drop=[1])[::2], tuple(map(np.concatenate, zip(*blocks, strict=True)))]:
        assert list(ids) == [f"x{i}" for i in range(300)]
        np.testing.assert_array_equal(values[:, 0], np.arange(300))


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 0.1", "index", "level_0"])
def test_the_row_numbers_of_pandas_are_no_feature(tmp_path: Path, name: str) -> None:
    (tmp_path / "table.csv").write_text(f"{name},id,a\n0,x,1\n1,y,2\n")
    _, names, values = matrix(tmp_path / "table.csv")
    assert (names, values.tolist()) == (("a",), [[1], [2]])


def test_row_numbers_may_have_gaps(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(",id,a\n17,x,1\n4,y,2\n")
    assert matrix(tmp_path / "table.csv")[1] == ("a",)


def test_a_quote_that_opens_no_field_is_text(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text('id,note,a\nx,5" long,1\ny,"a" b,2\nz,"",3\n"v ""w""",,4')
    ids, _, values = TextTable.open(tmp_path / "table.csv", ",").matrix(id_place=0, drop=[1])
    assert (ids, values[:, 0].tolist()) == (("x", "y", "z", 'v "w"'), [1, 2, 3, 4])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_quote_left_open_in_a_column_that_is_not_read_is_named(tmp_path: Path, encoding: str) -> None:
    rows = [f"x{row},{row},{chr(34) if row == 7 else ''}note" for row in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["id,a,note", *rows]) + "\n", encoding)
    with pytest.raises(InputError, match=r"table\.csv: line 9: a quote opens a field that does not end"):
        TextTable.open(tmp_path / "table.csv", ",").matrix(id_place=0, drop=[2])


def test_blank_lines_that_fill_a_block_are_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table.csv").write_text("id,a\nx,1\n" + 300 * "\n" + "y,2\n")
    monkeypatch.setattr(text_columns, "BLOCK_BYTES", 100)
    table = TextTable.open(tmp_path / "table.csv", ",")
    assert [key for block in table.batches(text={0: "id"}, numbers={1: "a"}) for key in block["id"].to_pylist()] == [
        "x",
        "y",
    ]


def test_numbers_of_rows_that_are_not_used_need_no_float32(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,a\nx,1e300\ny,2\nz,inf\n")
    table = TextTable.open(tmp_path / "table.csv", ",")
    ((ids, values),) = table.matrix_batches(id_place=0, used=["y"])
    assert (ids, values.tolist()) == (["x", "y", "z"], [[2]])
    with pytest.raises(InputError, match="line 4, column a: infinite"):
        list(table.matrix_batches(id_place=0, used=["z"]))


def test_an_infinite_number_is_distinguished_from_one_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,a,b\nx,inf,1e400\n")
    table = TextTable.open(tmp_path / "table.csv", ",")
    assert table.read(text={}, numbers={1: "a"})["a"].to_pylist() == [np.inf]
    assert table.read(text={}, numbers={2: "b"}, exact=[2])["b"].to_pylist() == [np.inf]
    with pytest.raises(InputError, match="line 2, column b: 1e400 is too large for float32"):
        table.read(text={}, numbers={2: "b"})


def test_small_numbers_are_kept_as_float32_has_them(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,a\nx,1e-40\ny,1.4e-45\nz,-3.4028235e38\n")
    assert matrix(tmp_path / "table.csv")[2][:, 0].tolist() == np.float32([1e-40, 1.4e-45, -3.4028235e38]).tolist()


# What is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n", "is empty"),
        (b"id,a", "has a header and no rows"),
        (b"id,a\n\n", "has a header and no rows"),
        (b"id\nx\n", "has no column of numbers"),
        (b"id\ta\nx\t1\n", "the first line is separated by tab, expected comma"),
        (b"id;a\nx;1\n", "the first line is separated by semicolon, expected comma"),
        (b"id,a\nx,1\ny\n", "line 3 has 1 fields, expected 2"),
        (b"id,a\nx,1\ny", "line 3 has 1 fields, expected 2: the file seems cut off: get it again"),
        (b"id,a\nx,1\ny\n", "line 3 has 1 fields, expected 2: correct the line"),
        (b"id,a\nx\ny,1", "line 2 has 1 fields, expected 2.*: correct the line"),
        (b"id,a\n\nx,1,2\n", "line 3 has 3 fields, expected 2"),
        (b'id,a\n"x,1\n', "line 2: a quote opens a field that does not end"),
        (b'"id,a\nx,1\ny,2\n', "line 1: a quote opens a field that does not end"),
        (b'id,a\nx,1\n"y,2\nz,3\nv,"4\n', "line 3: a quote opens a field that does not end"),
        (b'id,a\nx,"1\n' + b"y,2\n" * 100_000, "line 2: a quote opens a field that does not end"),
        (b'id,a\n"x\ny"\n', "line 2, which goes on to line 3 in quotes, has 1 fields, expected 2"),
        (b"# genes\nid,a\nx,1\n", "there is no column id, only # genes: "),
        (b"id ,a\nx,1\n", "there is no column id, only 'id ', a: "),
        (b"id,a\nx,1e400\n", "line 2, column a: 1e400 is too large for float32"),
        (b"id,a\nx,1e-400\n", "line 2, column a: 1e-400 is too close to 0 for float32"),
        (b"id,id,a\nx,y,1\n", "columns 1 and 2 are both called id"),
        (b"id,a\nx,0.5\ny,high\n", "line 3, column a: 'high' is no number"),
        (b'id,a\nx,"0,5"\n', "line 2, column a: '0,5' is no number"),
        (b'id,a\nx,"1,234.5"\n', "line 2, column a: '1,234.5' is no number"),
        (b"id,a\nx,50%\n", "line 2, column a: '50%' is no number"),
        (b"id,a\nx,1_000\n", "line 2, column a: '1_000' is no number"),
        (b"id,a\nx,0x1F\n", "line 2, column a: '0x1F' is no number"),
        ("id,a\nx,\u0663\n".encode(), "line 2, column a: '\u0663' is no number"),
        (b"id,a\nx,1e300\n", "line 2, column a: 1e300 is too large for float32"),
        (b"id,a\nx,-1e39\n", "line 2, column a: -1e39 is too large for float32"),
        (b"id,a\nx,1e-300\n", "line 2, column a: 1e-300 is too close to 0 for float32"),
        (b"id,a\nx,-inf\n", "line 2, column a: infinite, expected a number"),
        (b"id,a,\nx,1,0.5\n", "column 3 has no name: remove it if it numbers the rows"),
        (b"id,a,\nx,1,2\ny,1,2\n", "column 3 has no name"),
        (b"id,a\nx\0,1\n", "line 2 has a NUL character"),
        (b"id,a\nx,1\0\n", r"line 2, column a: '1\\x00' is no number"),
        (b'id,a\n"x\ty",1\n', r"line 2, column id: 'x\\ty' has a tab, a line break or the like"),
        (b'id,a\n"x\ny",1\n', r"line 3, column id: 'x\\ny' has a tab, a line break or the like"),
        ("id,gène\nx,1\n".encode("latin-1"), "line 1 has bytes that are no UTF-8: .*iconv -f LATIN1 -t UTF-8"),
        ("id,a\né,1\n".encode("latin-1"), "line 2 has bytes that are no UTF-8: .*iconv -f LATIN1 -t UTF-8"),
        (TABLE.encode("utf-16-le"), "line 1 has a NUL character.*iconv -f UTF-16LE -t UTF-8"),
        (TABLE.encode("utf-16")[:-1], "starts as UTF-16 and goes on otherwise"),
        (gzip.compress(TABLE.encode(), mtime=0), "is compressed with gzip, expected plain text: .*gunzip"),
        (b"PK\x03\x04 and so on", "is a ZIP archive or an Excel workbook, expected plain text"),
        (b"id," + b"a" * 140_000 + b"\nx,1\n", "line 1: it is no delimited text .field larger than field limit"),
    ],
)
def test_what_cannot_be_read_right_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"table\.csv\b.*{message}"):
        matrix(tmp_path / "table.csv")


@pytest.mark.parametrize("content", [b"id,a\nx,1e300\n", b"id,a\n\xe9,1\n", b"id,a\nx\n", b"id,a\n", b",id,a\n0,x,1\n"])
def test_what_cannot_be_read_right_is_named_in_a_stream(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    table = TextTable.open(tmp_path / "table.csv", ",")
    with pytest.raises(InputError, match=r"table\.csv"):
        list(table.matrix_batches(id_place=table.place("id")))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "is a folder, expected a file"),
        (os.mkfifo, "is a FIFO .named pipe., expected a file"),
        (lambda path: path.symlink_to(path), "symbolic links lead round in a circle"),
        (lambda path: path.symlink_to("gone"), "is a symbolic link to gone, which does not exist"),
    ],
    ids=["nothing", "folder", "FIFO", "loop", "dangling link"],
)
def test_what_is_no_file_is_named(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    make(tmp_path / "table.csv")
    for read in (read_lines, matrix):
        with pytest.raises(InputError, match=rf"table\.csv.*{message}"):
            read(tmp_path / "table.csv")


@contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files_are_no_fault_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    table = TextTable.open(path, ",")
    readers: list[Callable[[], object]] = [
        lambda: read_lines(path),
        lambda: table.matrix(id_place=0),
        lambda: list(table.matrix_batches(id_place=0)),
    ]
    for read in readers:
        read()
        with no_more_files(), pytest.raises(OSError, match="Too many open files") as caught:
            read()
        assert (caught.value.errno, str(caught.value.filename)) == (errno.EMFILE, str(path))


def test_a_disk_that_cannot_be_read_is_no_fault_of_the_table() -> None:
    path = Path("/proc/self/mem")  # whose first page no process has
    table = TextTable(path, ",", ("id", "a"), 0, "utf-8")
    readers: list[Callable[[], object]] = [
        lambda: read_lines(path),
        lambda: table.matrix(id_place=0),
        lambda: list(table.matrix_batches(id_place=0)),
    ]
    for read in readers:
        with pytest.raises(OSError, match="Input/output error") as caught:
            read()
        assert (caught.value.errno, str(caught.value.filename)) == (errno.EIO, str(path))


@pytest.mark.parametrize("content", ["x" * 100_000, "1" * 400 + "x", "\u202e\x1b[31m" * 300])
def test_of_long_text_a_sentence_has_the_beginning(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(f"a\tb\nx\t{content}\n", "utf-8")
    table = TextTable.open(path, "\t")
    with pytest.raises(InputError) as raised:
        table.read(text={0: "a"}, numbers={1: "b"})
    message = str(raised.value).removeprefix(str(path))
    assert message.isprintable()
    assert message.startswith(f": line 2, column b: {content[:60]!r}... is no number")
