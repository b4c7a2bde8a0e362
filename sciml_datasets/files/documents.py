"""JSON, YAML and tab-separated tables that this project wrote, read as strictly as they were written.

What has been damaged or edited meanwhile is an InputError of one sentence: the file, what was expected, what was found,
and what to do. Trouble of the machine stays an OSError that names the file.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import is_there, quoted

Kinds = Mapping[str, type | tuple[type, ...]]
"""Keys that an object must have, and the types of their values."""
SHA256_DIGITS = 64
LONGEST_REASON = 300
"""Largest number of characters of a library's reason in a sentence."""
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def read_text(path: Path, remedy: str) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark.

    Args:
        path: path of the file.
        remedy: action of the user with a file that cannot be used.

    Raises:
        InputError: it is not UTF-8, or no regular file.
        OSError: it cannot be read.
    """
    _check_kind(path)
    with naming(path):
        content = path.read_bytes()
    return _decoded(content, str(path), remedy)


def read_object(path: Path, expected: str, remedy: str, kinds: Kinds | None = None) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        path: path of the file.
        expected: description of the file, for example ``a manifest of prepared data``.
        remedy: action of the user with a file that cannot be used.
        kinds: keys that must be there, and their types.

    Raises:
        InputError: the file is not UTF-8 or not JSON, it is no object, or a key is missing or of another type.
        OSError: it cannot be read.
    """
    return object_of(parse_json(read_text(path, remedy), str(path), remedy), str(path), expected, remedy, kinds)


def parse_json(text: str | bytes, where: str, remedy: str) -> Any:
    """The value of a JSON text without NaN, infinity and repeated keys.

    Args:
        text: the text in UTF-8.
        where: place of the text, for the message.
        remedy: action of the user with it.

    Raises:
        InputError: it is not such a text, or its brackets are nested deeper than Python goes.
    """
    if isinstance(text, bytes):
        text = _decoded(text, where, remedy)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({_reason(error)}): {remedy}") from error


def object_of(value: Any, where: str, expected: str, remedy: str, kinds: Kinds | None = None) -> dict[str, Any]:
    """The value as an object that has these keys.

    Args:
        value: the parsed value.
        where, expected, remedy, kinds: as in `read_object`.

    Raises:
        InputError: it is no object, or a key is missing or of another type.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where} holds {_kind_of(value)}, expected {expected}: {remedy}")
    for key, kind in (kinds or {}).items():
        if key not in value:
            raise InputError(f"{where} has no {key}, expected {expected}: {remedy}")
        allowed = kind if isinstance(kind, tuple) else (kind,)
        if type(value[key]) not in allowed:  # not isinstance: True is no number of bytes
            wanted = " or ".join(_WORDS.get(one, "nothing") for one in allowed)
            raise InputError(f"{where}: {key} is {_kind_of(value[key])}, expected {wanted} as in {expected}: {remedy}")
    return value


def read_yaml(path: Path, expected: str, remedy: str, kinds: Kinds | None = None) -> dict[str, Any]:
    """The YAML mapping that a file holds; arguments and errors as in `read_object`."""
    import yaml

    text = read_text(path, remedy)
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as YAML ({_reason(error)}): {remedy}") from error
    return object_of(value, str(path), expected, remedy, kinds)


def read_table(path: Path, remedy: str) -> tuple[list[str], Iterator[list[str]]]:
    """The header of a tab-separated table with CSV's quotes, and its rows one by one, as long as the header.

    Args:
        path: path of the table.
        remedy: action of the user with a table that cannot be used.

    Raises:
        InputError: the table is empty, not UTF-8, two columns have one name; and, while rows are taken, a row has
            another number of columns or its quotes are wrong.
        OSError: it cannot be read.
    """
    rows = _rows(path, remedy)
    header = next(rows, None)
    if header is None:
        raise InputError(f"{path} is empty, expected a header and a line for each sample: {remedy}")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"{path}: two columns are called {quoted(twice)}, expected one: {remedy}")
    return header, rows


def _check_kind(path: Path) -> None:
    """Make sure that what is there is a file; where nothing is, opening it says so."""
    if is_there(path):
        regular_file(path)


def _rows(path: Path, remedy: str) -> Iterator[list[str]]:
    width = 0
    _check_kind(path)
    with naming(path), path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", strict=True)
        try:
            for row in reader:
                width = width or len(row)
                if len(row) != width:
                    where = f"{path}, line {reader.line_num}"
                    raise InputError(f"{where}: {len(row)} columns, expected {width} as in the header: {remedy}")
                yield row
        except csv.Error as error:
            raise InputError(f"{path}, line {reader.line_num}: no row of a table ({error}): {remedy}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 after line {reader.line_num}: {remedy}") from error


def is_file_name(name: Any) -> bool:
    """Whether this is the name of a file within a folder: printable text without a path."""
    return isinstance(name, str) and name not in ("", ".", "..") and name.isprintable() and "/" not in name


def is_path_below(name: Any) -> bool:
    """Whether this is a relative path, with forward slashes, that does not leave the folder which it begins in."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def is_sha256(text: Any) -> bool:
    """Whether this is a SHA-256 in lower-case hexadecimal digits."""
    return isinstance(text, str) and len(text) == SHA256_DIGITS and not set(text) - set("0123456789abcdef")


def is_count(number: Any) -> bool:
    """Whether this is a whole number, and not negative."""
    return type(number) is int and number >= 0


def _decoded(content: bytes, where: str, remedy: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8 (at byte {error.start}): {remedy}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{quoted(next(name for name in names if names.count(name) > 1))} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def _kind_of(value: Any) -> str:
    return "nothing" if value is None else _WORDS.get(type(value), type(value).__name__)


def _reason(error: Exception) -> str:
    """The library's reason in one line."""
    if isinstance(error, RecursionError):
        return "its brackets are nested too deep"
    reason = " ".join(str(error).split())
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."
