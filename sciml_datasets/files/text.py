"""Text files from outside: their encoding, their lines, and rows of delimited fields.

What is no text is named, with what turns it into text.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text_scan import scan

LONGEST = 200
"""Number of characters of a name of a group, an attribute or a product that a sentence shows."""

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""First bytes of a file to its encoding, longer ones first; a file without them is UTF-8."""
OTHERS = {
    b"\x1f\x8b": ("compressed with gzip", "decompress it, for example with gunzip"),
    b"BZh91AY&": ("compressed with bzip2", "decompress it, for example with bunzip2"),
    b"\xfd7zXZ\0": ("compressed with xz", "decompress it, for example with unxz"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "decompress it, for example with unzstd"),
    b"PK\x03\x04": ("a ZIP archive or an Excel workbook", "unpack it, or export its sheet as text"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "export its sheet as text"),
    b"PAR1\x15": ("a Parquet file", "write it as text"),
    b"\x89HDF": ("an HDF5 file", "write it as text"),
}
"""First bytes of files that are often named like a table, what they are, and what to do."""
SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "vertical bar"}
CONVERT = "convert the file, for example with iconv -f LATIN1 -t UTF-8"
CONVERT_WIDE = "if it is UTF-16 without a mark, convert it, for example with iconv -f UTF-16LE -t UTF-8"


def is_there(path: Path) -> bool:
    """Whether a folder has this name, be it a link to nothing or no file: who reads it then says what is wrong."""
    return path.is_symlink() or path.exists()


def encoding_of(path: Path) -> str:
    """The encoding of a text file, by its first bytes.

    Returns:
        A name that Python and pyarrow know; a mark at the start of the file does not become part of its text.

    Raises:
        InputError: as `regular_file`; also for a file that is compressed or of another known kind.
        OSError: it cannot be read.
    """
    regular_file(path)
    with naming(path), path.open("rb") as file:
        start = file.read(8)
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    for signature, (kind, remedy) in OTHERS.items():
        if start.startswith(signature):
            raise InputError(f"{path} is {kind}, expected plain text: {remedy}")
    return "utf-8"


def read_lines(path: Path) -> list[str]:
    """The lines of a list, without their ends; blank lines at its end are none.

    Raises:
        InputError: as `encoding_of`; also for a byte that its encoding does not have, and for a NUL character.
        OSError: it cannot be read.
    """
    encoding = encoding_of(path)
    with naming(path):
        content = path.read_bytes()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line} has bytes that are no {error.encoding.upper()}: {CONVERT}") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    check_characters(path, lines)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def check_characters(path: Path, lines: Sequence[str], first: int = 1) -> None:
    """Refuse lines with a NUL character, or with bytes that were escaped since they are no UTF-8.

    Raises:
        InputError: there is such a line; it is named.
    """
    for number, line in enumerate(lines, first):
        if "\0" in line:
            raise InputError(f"{path}: line {number} has a NUL character, so it is no plain text: {CONVERT_WIDE}")
        if any("\udc80" <= character <= "\udcff" for character in line):
            raise InputError(f"{path}: line {number} has bytes that are no UTF-8: {CONVERT}")


def quoted(text: str, most: int = 60) -> str:
    """Text from outside for a sentence: in quotes, with what does not show escaped; of a long one its beginning."""
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."


def shown(text: str, most: int = 60) -> str:
    """Text from outside for a sentence; one that is long, or does not show as it is, as `quoted` gives it."""
    plain = text and text.isprintable() and text == text.strip() and len(text) <= most
    return text if plain else quoted(text, most)


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names of columns for a sentence, as `shown` gives each."""
    return ", ".join(shown(name) for name in names[:most]) + ", ..." * (len(names) > most)


def first_rows(path: Path, separator: str, count: int = 1) -> list[tuple[int, list[str]]]:
    """The first rows, at most ``count``, as `delimited_rows` has them.

    Raises:
        InputError: as `delimited_rows`; also for an empty file, and where the first line has another separator.
        OSError: it cannot be read.
    """
    rows = list(islice(delimited_rows(path, separator), count))
    if not rows:
        raise InputError(f"{path} is empty: fetch or make it again")
    number, first = rows[0]
    check_characters(path, ["".join(first)], number)
    if len(first) == 1:
        for other, name in SEPARATORS.items():
            if other != separator and other in first[0]:
                raise InputError(
                    f"{path}: the first line is separated by {name}, expected {SEPARATORS[separator]}: convert the file"
                )
    return rows


def delimited_rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of fields, of which each may stand in double quotes; lines without any field are no rows.

    Args:
        path: the file.
        separator: between fields.

    Yields:
        The number of the last line of the row, and its fields; bytes that are no UTF-8 are escaped in them.

    Raises:
        InputError: as `encoding_of`; also for text that changes its encoding, and for a field that is too long.
        OSError: it cannot be read.
    """
    encoding = encoding_of(path)
    try:
        with naming(path), path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            yield from ((reader.line_num, fields) for fields in reader if fields)
    except UnicodeError as error:
        raise InputError(f"{path} starts as {encoding.upper()} and goes on otherwise ({error}): {CONVERT}") from error
    except csv.Error as error:
        scan(path, separator, encoding)
        raise InputError(
            f"{path}: line {reader.line_num}: it is no delimited text ({error}): correct the line"
        ) from error
