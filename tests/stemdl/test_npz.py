"""Preprocessed stacks in ``.npz`` files of any origin: NumPy loads the same data, or the file is refused."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.raw_format import RawFile
from sciml_datasets.stemdl.npz import NpzStacks

STACK = (255 * np.random.default_rng(0).random((3, 128, 128))).astype(np.float32)


def prepared(path: Path) -> tuple[np.ndarray, int]:
    """Stack and label as preparation reads them."""
    (sample,) = NpzStacks().index(path.parent, RawFile("train", path.name, path.stat().st_size, 0))
    with NpzStacks().reader(path.parent) as read:
        example = read(sample)
    return example["cbed_stack"], example["space_group"]


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of versions that old NumPy cannot read
        np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


def archive(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of two members with one name
        with zipfile.ZipFile(path, "w", method) as file:
            for name, content in members:
                file.writestr(name, content)
    return path


stacks = st.builds(
    lambda dtype, order: np.asarray(STACK, dtype, order=order),
    st.sampled_from([*["<f4"] * 6, *[">f4"] * 3, "<f8", "<f2", "<i4"]),
    st.sampled_from("CF"),
)
labels = st.builds(
    lambda value, dtype, shape: np.full(shape, value).astype(dtype),
    st.sampled_from([1, 2, 100, 230, 231, 0]),
    st.sampled_from([*["<i8", ">i8", "u1", "<f4", ">f8"] * 2, "<U3", "?"]),
    st.sampled_from([*[(), (1,), (1, 1)] * 2, (2,)]),
)
extra = st.sampled_from([*[b""] * 12, b"\0", b"1234", bytes(128)])


@st.composite
def files(draw: st.DrawFn) -> Callable[[Path], object]:
    """Something that writes a file."""
    data, label = draw(stacks), draw(labels)
    more: dict[str, Any] = draw(st.sampled_from([{}, {"more": np.arange(3)}]))
    save = draw(st.sampled_from([np.savez, np.savez_compressed, None, None]))
    if save is not None:
        return lambda path: save(path, data=data, label=label, **more)
    version = draw(st.sampled_from([None, (1, 0), (2, 0), (3, 0)]))
    members = [("data.npy", npy(data, version) + draw(extra)), ("label.npy", npy(label, version) + draw(extra))]
    others = [("readme", b"text"), ("data", b"other"), ("data.npy", npy(STACK / 2)), ("label.npy", npy(np.array([7])))]
    members += draw(st.sampled_from([*[[]] * 4, *([other] for other in others)]))
    method = draw(
        st.sampled_from([*[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED] * 4, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    )
    order = draw(st.permutations(members))
    return lambda path: archive(path, order, method)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=files())
def test_what_is_prepared_is_what_numpy_loads_or_the_file_is_refused(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.npz"
    write(path)
    try:
        stack, label = prepared(path)
    except InputError as error:
        event("refused")
        reported = str(error)
    else:
        event("prepared")
        reported = str(path)
        with np.load(path) as loaded:
            np.testing.assert_array_equal(stack, loaded["data"])
            assert label == loaded["label"].item()
    assert reported.startswith(str(path))
    assert "\n" not in reported


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), from_end=st.booleans(), bit=st.integers(0, 7), packed=st.booleans())
def test_a_bit_that_rotted_is_reported_or_changes_nothing(
    tmp_path: Path, place: float, from_end: bool, bit: int, packed: bool
) -> None:
    """Half of the bits are near the end, where directory and label are."""
    path = tmp_path / "a.npz"
    (np.savez_compressed if packed else np.savez)(path, data=STACK, label=np.array([9]))
    content = bytearray(path.read_bytes())
    content[-1 - int(600 * place) if from_end else int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        stack, label = prepared(path)
    except InputError as error:
        reported = str(error)
    else:
        reported = str(path)
        np.testing.assert_array_equal(stack, STACK)
        assert label == 9
    assert reported.startswith(str(path))
    assert "\n" not in reported


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_order_and_byte_order_do_not_mix_up_the_axes(tmp_path: Path, save: Any, order: Any, dtype: str) -> None:
    save(tmp_path / "a.npz", data=np.asarray(STACK, dtype, order=order), label=np.array([2]))
    stack, label = prepared(tmp_path / "a.npz")
    np.testing.assert_array_equal(stack, STACK)
    assert (stack.dtype, label) == (np.dtype("<f4"), 2)


def huge(shape: str) -> bytes:
    """A header that states an array of this shape, and no array."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


LABEL = ("label.npy", npy(np.array([2])))
BAD_MEMBERS = {
    "bytes behind": ([("data.npy", npy(STACK) + b"1234"), LABEL], "data.npy has more bytes behind its header"),
    "bytes missing": ([("data.npy", npy(STACK)[:-4]), LABEL], "data.npy has 196604 bytes behind its header"),
    "two of one name": ([("data.npy", npy(STACK)), ("data.npy", npy(STACK)), LABEL], "it holds several data.npy"),
    "without ending": ([("data.npy", npy(STACK)), ("data", b"x"), LABEL], "it holds several data.npy"),
    "terabytes": ([("data.npy", huge("(3, 10**12)")), LABEL], "data.npy has no header of an array"),
    "other terabytes": ([("data.npy", huge("(3, 1000000000000)")), LABEL], "data is .3, 1000000000000. float32"),
    "labels of terabytes": ([("data.npy", npy(STACK)), ("label.npy", huge("(1000000000000,)"))], "label is .1000000"),
    "a negative length": ([("data.npy", huge("(-3, 128, 128)")), LABEL], "data.npy has no header of an array"),
    "no header": ([("data.npy", b"no array"), LABEL], "data.npy has no header of an array"),
    "nested brackets": ([("data.npy", huge("(" * 5000)), LABEL], "data.npy has no header of an array"),
    "records": ([("data.npy", npy(np.zeros(3, [("a", "<f4")]))), LABEL], "data is .3,. .*, expected"),
}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(("members", "message"), BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_a_member_that_is_no_stack_is_reported(
    tmp_path: Path, members: list[tuple[str, bytes]], message: str, method: int
) -> None:
    with pytest.raises(InputError, match=message):
        prepared(archive(tmp_path / "a.npz", members, method))


@pytest.mark.parametrize("flag", [1, 1 << 6])
def test_an_encrypted_member_is_reported(tmp_path: Path, flag: int) -> None:
    path = archive(tmp_path / "a.npz", [("data.npy", npy(STACK)), LABEL])
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + place] |= flag
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"encrypted or compressed in a way|not a complete \.npz file"):
        prepared(path)


def test_a_fifo_that_is_called_like_a_file_is_reported(tmp_path: Path) -> None:
    for name in ("training", "validation", "testing"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "training" / "0.npz")
    with pytest.raises(InputError, match=r"0\.npz is a FIFO"):
        NpzStacks().files(tmp_path)


def test_a_reason_that_quotes_the_file_is_cut_off(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", data=STACK, label=np.array([2]))
    content = bytearray((tmp_path / "0.npz").read_bytes())
    content[26:28] = (60_000).to_bytes(2, "little")  # the length of the name in the first local header
    (tmp_path / "0.npz").write_bytes(content)
    with pytest.raises(
        InputError, match=r"0\.npz: not a complete \.npz file \(.* directory 'data\.npy'.*\): fetch"
    ) as caught:
        prepared(tmp_path / "0.npz")
    assert len(str(caught.value)) < len(str(tmp_path)) + 300
