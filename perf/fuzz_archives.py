"""Mutations of the structure of ``.npz`` archives and of LMDB environments; see `fuzz_cases.Mutation`."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import lmdb
import numpy as np

SHAPES = (
    "(3, 128, 128)",
    "(1,)",
    "()",
    "(-1,)",
    "(9223372036854775807, 2)",
    "(0,)",
    "(1.5,)",
    "('a',)",
    "[3]",
    "(True,)",
    "None",
    "(1, " * 60 + ")" * 60,
    "(3, 128, 128, 1073741824)",
    "(1" + "0" * 400 + ",)",
)
TYPES = (
    "'<f4'",
    "'>f4'",
    "'<f8'",
    "'<f2'",
    "'|O'",
    "'<U7'",
    "'|S0'",
    "'|V9999999999'",
    "[('a', '<f4')]",
    "None",
    "'x'",
    "'<M8[s]'",
    "'<c8'",
    "'|b1'",
    "('<f4', (2,))",
    "'f4,' * 9999999",
    "1",
)
ODD_VALUES = (
    b"",
    b"\0",
    b"x" * 70,
    np.array([4, 16, 16]).tobytes(),
    np.array([-1, 16]).tobytes(),
    np.array([1 << 40] * 3).tobytes(),
    np.array([1 << 62, 4]).tobytes(),
    np.zeros(100).tobytes(),
    b"float64",
    b"float32",
    b"\xff\xfe",
    b"x" * 9000,
)


def archive_members(path: Path, rng: random.Random) -> None:
    """Another archive of the same arrays: compressed, renamed, doubled, with a comment, or with other headers."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = rng.choice(sorted(members))
    match rng.randrange(4):
        case 0:
            members[rng.choice(("x.npy", name.removesuffix(".npy"), "../x", "a" * 3000, "\u202e", ""))] = members[name]
        case 1:
            members[rng.choice(("renamed.npy", f"{name}\0", name.upper()))] = members.pop(name)
        case 2:
            members[name] = other_header(members[name], rng)
        case 3:
            members[name] = bytes(rng.choice((0, 1, 1 << 20, 1 << 26)))
    method = rng.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as new:
        for key, content in members.items():
            with new.open(zipfile.ZipInfo(key), "w", force_zip64=rng.random() < 0.2) as stream:
                stream.write(content)
        new.comment = rng.choice((b"", b"", b"PK\5\6" + bytes(18), b"x" * 60_000))
    path.write_bytes(out.getvalue())


def other_header(npy: bytes, rng: random.Random) -> bytes:
    """An array's bytes with another header in front."""
    version = rng.choice((1, 1, 2, 3, 4))
    order, shape, kind = rng.choice(("False", "True", "0", "None", "'x'")), rng.choice(SHAPES), rng.choice(TYPES)
    keys = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = rng.choice(
        (keys, keys, keys, keys, "[" * 9000, "{}", "{'descr': '<f4'}", keys.replace("'", '"'), "\0" * 90)
    ).encode()
    width = 2 if version == 1 else 4
    length = rng.choice((len(text), len(text), len(text), 0, 1, (1 << 8 * width) - 1))
    return b"\x93NUMPY" + bytes((version, 0)) + (length % (1 << 8 * width)).to_bytes(width, "little") + text + npy[128:]


def archive_bytes(path: Path, rng: random.Random) -> None:
    """Integers of the headers and directory of an archive, at the places where they are."""
    content = bytearray(path.read_bytes())
    marks = [at for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for at in _places(content, mark)]
    place = rng.choice(marks or [0]) + rng.randrange(4, 46)
    width = rng.choice((1, 2, 4))
    number = rng.choice((0, 1, 8, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, len(content), rng.randrange(1 << 32))) % (
        1 << 8 * width
    )
    content[place : place + width] = number.to_bytes(width, "little")
    path.write_bytes(content)


def _places(content: bytearray, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found


def environment_entries(path: Path, rng: random.Random) -> None:
    """Other entries of an LMDB environment: missing, of another length, or of another name."""
    with lmdb.open(str(path), subdir=False, map_size=1 << 24, lock=False, max_dbs=2) as environment:
        with environment.begin(write=True) as writing:
            keys = [bytes(key) for key in writing.cursor().iternext(values=False)]
            for _ in range(rng.choice((1, 1, 3))):
                key = rng.choice(keys)
                old = bytes(writing.get(key) or b"")
                match rng.randrange(6):
                    case 0:
                        writing.delete(key)
                    case 1:
                        writing.put(key, rng.choice(ODD_VALUES))
                    case 2:
                        writing.put(key, old[: rng.randrange(len(old) + 1)])
                    case 3:
                        writing.put(key + rng.choice((b"0", b"\0", b"\xff", b"x" * 400)), old)
                    case 4:
                        number = b"1" + b"0" * rng.choice((3, 19, 300))
                        writing.put(rng.choice((b"cbed_", b"2d_potential_")) + number, old)
                    case 5:
                        writing.put(
                            rng.choice((b"input_name", b"output_name")),
                            rng.choice((b"", b".*", b"x", b"cbed_0", b"\0")),
                        )
        if rng.random() < 0.1:
            environment.open_db(rng.choice((b"sub", b"cbed_7")), dupsort=rng.random() < 0.5)


def environment_pages(path: Path, rng: random.Random) -> None:
    """Integers in the heads of the pages of an LMDB environment, in its nodes, or in its meta pages."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        page = rng.randrange(max(1, len(content) // 4096)) * 4096
        place = page + 2 * rng.randrange(rng.choice((8, 16, 76, 2048)))
        width = rng.choice((2, 2, 4, 8))
        small = rng.randrange(20)
        number = rng.choice(
            (small, small, 4096, 4095, 0xFFFF, 0x7FFF, 1 << 31, 1 << 40, 1 << 63, rng.randrange(1 << 16))
        )
        content[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
    path.write_bytes(content)


NPZ = (archive_members, archive_members, archive_bytes)
LMDB = (environment_entries, environment_pages, environment_pages)
