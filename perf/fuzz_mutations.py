"""Mutations of bytes, of lines and fields of text, of JSON, and of whole files; see `fuzz_cases.Mutation`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

INTERESTING = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    1 << 20,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
ODD_TEXT = (
    "",
    " ",
    "0",
    "-1",
    "1e308",
    "-inf",
    "nan",
    "1" * 400,
    "1e999999",
    "0x10",
    "\0",
    "\r",
    "\u202e",
    "é",
    "x" * 5000,
    "NA",
    "true",
    "[]",
    "../..",
    '"',
    "'",
    "\ud800",
    "\uff11",
    "1_0",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    10**40,
    "",
    "x",
    "\u202e",
    "a\nb",
    "x" * 5000,
    [],
    {},
    [None],
    {"": 0},
    [[[]]],
    float("nan"),
    float("inf"),
)


def flip(path: Path, rng: random.Random) -> None:
    """Other bits of one to eight bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if content:
            content[_place(rng, content)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def set_bytes(path: Path, rng: random.Random) -> None:
    """Random bytes in place of others."""
    content = bytearray(path.read_bytes())
    place, count = _place(rng, content), rng.choice((1, 2, 4, 8, 64))
    content[place : place + count] = rng.randbytes(len(content[place : place + count]))
    path.write_bytes(content)


def set_integer(path: Path, rng: random.Random) -> None:
    """An integer at the limit of a type, in one to eight bytes, in place of what was there."""
    content = bytearray(path.read_bytes())
    width = rng.choice((1, 2, 4, 8))
    number = rng.choice((*INTERESTING, len(content), len(content) - 1, len(content) + 1)) & ((1 << 8 * width) - 1)
    place = _place(rng, content)
    place -= place % rng.choice((1, width))
    content[place : place + width] = number.to_bytes(width, rng.choice(("little", "little", "big")))
    path.write_bytes(content)


def insert(path: Path, rng: random.Random) -> None:
    """Bytes between others, so that the rest moves."""
    content = bytearray(path.read_bytes())
    place = _place(rng, content)
    content[place:place] = rng.randbytes(rng.choice((1, 2, 8, 100)))
    path.write_bytes(content)


def delete(path: Path, rng: random.Random) -> None:
    """Fewer bytes, so that the rest moves."""
    content = bytearray(path.read_bytes())
    place = _place(rng, content)
    del content[place : place + rng.choice((1, 2, 8, 100, 4096))]
    path.write_bytes(content)


def cut_short(path: Path, rng: random.Random) -> None:
    """No end."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.choice((0, 1, rng.randrange(len(content) + 1), max(0, len(content) - 1)))])


def copy_block(path: Path, rng: random.Random) -> None:
    """A block of the file in place of another."""
    content = bytearray(path.read_bytes())
    place, source, count = _place(rng, content), _place(rng, content), rng.choice((1, 8, 16, 64, 512, 4096))
    block = content[source : source + count]
    content[place : place + len(block)] = block
    path.write_bytes(content)


def zero_block(path: Path, rng: random.Random) -> None:
    """Zeros, as a lost page of a disk."""
    content = bytearray(path.read_bytes())
    place, count = _place(rng, content), rng.choice((8, 64, 512, 4096))
    content[place : place + count] = bytes(len(content[place : place + count]))
    path.write_bytes(content)


def _place(rng: random.Random, content: bytes | bytearray) -> int:
    """A place in content: anywhere, or more often near its ends, where most formats have their headers."""
    size = len(content)
    if not size:
        return 0
    near = min(size, rng.choice((64, 512, 4096)))
    return rng.choice((rng.randrange(size), rng.randrange(near), size - 1 - rng.randrange(near)))


def lines(path: Path, rng: random.Random) -> None:
    """A line less, twice, empty, at another place, very long, or with another end."""
    found = path.read_bytes().split(b"\n")
    at, to = rng.randrange(len(found)), rng.randrange(len(found))
    match rng.randrange(7):
        case 0:
            del found[at]
        case 1:
            found.insert(to, found[at])
        case 2:
            found[at] = b""
        case 3:
            found.insert(to, found.pop(at))
        case 4:
            found[at] *= rng.choice((2, 300))
        case 5:
            found[at] += b"\r"
        case 6:
            found[at] = found[at][: rng.randrange(len(found[at]) + 1)]
    path.write_bytes(b"\n".join(found))


def fields(path: Path, rng: random.Random) -> None:
    """A field of a line less, twice, or of another value; fields lie between tabs, commas or spaces."""
    found = path.read_bytes().split(b"\n")
    at = rng.randrange(len(found))
    mark = rng.choice([mark for mark in (b"\t", b",", b" ") if mark in found[at]] or [b"\t"])
    parts = found[at].split(mark)
    place = rng.randrange(len(parts))
    match rng.randrange(5):
        case 0:
            del parts[place]
        case 1:
            parts.insert(place, parts[place])
        case _:
            parts[place] = rng.choice(ODD_TEXT).encode("utf-8", "surrogatepass")
    found[at] = mark.join(parts)
    path.write_bytes(b"\n".join(found))


def json_value(path: Path, rng: random.Random) -> None:
    """A value somewhere in a JSON document (or in a line of JSON) removed, doubled, or of another kind."""
    text = path.read_text("utf-8")
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = [json.loads(line) if line.startswith(("{", "[")) else line for line in text.splitlines()]
    number = rng.randrange(len(documents))
    documents[number] = _other(documents[number], rng)
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents) + "\n", "utf-8")


def _other(value: Any, rng: random.Random) -> Any:
    """A document with one value changed."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        chance = rng.random()
        if chance < 0.1:
            del value[key]
        elif chance < 0.2 and isinstance(value, dict):
            value[rng.choice(ODD_TEXT[:20]) or "x"] = value.pop(key)
        elif chance < 0.3 and isinstance(value, list):
            value.insert(key, value[key])
        else:
            value[key] = _other(value[key], rng)
        return value
    return rng.choice(ODD_VALUES)


def file_itself(path: Path, rng: random.Random) -> None:
    """The file is missing, empty, a folder, a link that leads nowhere, or another file of the folder."""
    content = path.read_bytes()
    others = sorted(other for other in path.parent.iterdir() if other.is_file() and other != path)
    path.unlink()
    match rng.randrange(5):
        case 0:
            path.write_bytes(b"")
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(path.with_name("nowhere"))
        case 3:
            path.write_bytes(rng.choice(others).read_bytes() if others else content[::-1])


BYTES = (flip, set_bytes, set_integer, set_integer, insert, delete, cut_short, copy_block, zero_block)
LINES = (lines, fields, fields)
JSON = (json_value,)
FILE = (file_itself,)
