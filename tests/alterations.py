"""Ways to alter a sound submission: each gives a function of its folder."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from submission_files import change_json, change_yaml

Change = Callable[[Path], object]
PDF = "scientific_contribution.pdf"


def put(name: str, content: bytes = b"x\n") -> Change:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return change


def replaced(name: str, old: str, new: str, count: int = -1) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, count))

    return change


def config(*keys: str | int, value: Any = None) -> Change:
    """Set an entry of config.yaml, or delete it where there is no value."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        if value is None:
            del content[keys[-1]]
        else:
            content[keys[-1]] = value

    return lambda folder: change_yaml(folder / "config.yaml", change)


def result(change: Callable[[dict[str, Any]], object]) -> Change:
    return lambda folder: change_json(folder / "result.json", change)


def hardware(**facts: Any) -> Change:
    known = {"processor": "x", "cores": 1, "memory_bytes": 1, "accelerators": [], "processes": 1}
    return result(lambda content: content.update(hardware=known | facts))


def log(change: Callable[[list[str]], list[str]]) -> Change:
    def alter(folder: Path) -> None:
        path = folder / "result-1.txt"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return alter


def without(key: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [line for line in lines if f'"{key}"' not in line]


def without_first(key: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        first = next(i for i, line in enumerate(lines) if f'"{key}"' in line)
        return lines[:first] + lines[first + 1 :]

    return change


def twice(key: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [copy for line in lines for copy in [line] * (1 + (f'"{key}"' in line))]


def exchanged(one: str, other: str) -> Callable[[list[str]], list[str]]:
    """Two events take each other's places; the times stay in order."""

    def change(lines: list[str]) -> list[str]:
        at = [next(i for i, line in enumerate(lines) if f'"{key}"' in line) for key in (one, other)]
        times = [json.loads(lines[i].partition(":::MLLOG ")[2])["time_ms"] for i in at]
        changed = list(lines)
        for here, there, own, new in zip(at, at[::-1], times[::-1], times, strict=True):
            changed[here] = lines[there].replace(str(own), str(new))
        return changed

    return change


def logged(key: str, value: Any) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        return [_with_value(line, value) if f'"{key}"' in line else line for line in lines]

    return change


def _with_value(line: str, value: Any) -> str:
    token, _, content = line.partition("{")
    return token + json.dumps(json.loads("{" + content) | {"value": value}) + "\n"


def swapped(lines: list[str]) -> list[str]:
    """The first two epochs open before one closes; the times stay in order."""
    at = [i for i, line in enumerate(lines) if "epoch_st" in line]
    stop, start = lines[at[1]], lines[at[2]]
    times = [json.loads(line.partition(":::MLLOG ")[2])["time_ms"] for line in (stop, start)]
    lines[at[1]] = start.replace(str(times[1]), str(times[0]))
    lines[at[2]] = stop.replace(str(times[0]), str(times[1]))
    return lines


def state_hash(folder: Path) -> None:
    """Let config.yaml state the predictions as they are now."""
    content = (folder / "predictions.h5").read_bytes()
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    change_yaml(folder / "config.yaml", lambda config: config["runs"][0]["predictions"].update(facts))


def predicted(change: Callable[[h5py.File, list[bytes], np.ndarray], object]) -> Change:
    """Write another predictions file; ``change`` fills it from the ids and predictions of the sound one."""

    def alter(folder: Path) -> None:
        path = folder / "predictions.h5"
        with h5py.File(path) as file:
            ids, values = list(file["id"][:]), file["prediction"][:]
        path.unlink()
        with h5py.File(path, "w") as file:
            change(file, ids, values)
        state_hash(folder)

    return alter


def fill(file: h5py.File, ids: Any, values: Any, **options: Any) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file.create_dataset("prediction", data=values, **options)


def external_link(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    fill(file, ids, values)
    del file["id"]
    file["id"] = h5py.ExternalLink("/etc/passwd", "/id")


def soft_link(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file["prediction"] = h5py.SoftLink("/id")


def external_storage(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file.create_dataset("prediction", values.shape, "f4", external=[("/etc/hostname", 0, values.nbytes)])


def virtual(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    layout = h5py.VirtualLayout(values.shape, "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", values.shape)
    file.create_virtual_dataset("prediction", layout)


def bomb(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file.create_dataset("prediction", (len(ids), 1 << 30), "f4", chunks=(1, 1 << 20), compression="gzip")


def unwritten(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file.create_dataset("prediction", (len(ids), 1 << 20), "f4", chunks=(1, 1 << 20), compression="gzip")


def huge_chunk(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    shape = (len(ids), 9 << 20)
    file.create_dataset("prediction", shape, "f4", chunks=(len(ids), 9 << 20), compression="gzip")


def many_references_to_a_long_id(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    fill(file, [b"x" * 2000, *ids[1:]], values)


def plugin_filter(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    import hdf5plugin

    fill(file, ids, values, **hdf5plugin.Blosc())


def with_archive(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    fill(file, ids, values)
    file["prediction"].attrs["x"] = np.void(archive() + bytes(100))


def extra_dataset(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    fill(file, ids, values)
    file["more"] = [1]


def group(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file.create_group("prediction")


def references(file: h5py.File, ids: list[bytes], values: np.ndarray) -> None:
    file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
    file["prediction"] = np.array([file.ref] * len(ids), h5py.ref_dtype)


def damaged(folder: Path) -> None:
    path = folder / "predictions.h5"
    path.write_bytes(path.read_bytes()[:-200])
    state_hash(folder)


def claimed(name: str, score: float) -> Change:
    """Another score, consistently in every file."""

    def change(content: dict[str, Any]) -> None:
        content["scores"][name] = score
        for row in content["criteria"]:
            if row["name"] == name:
                row["score"] = score
                if row["target"]:
                    row["distance"] = score - row["target"]["value"]
                    row["met"] = row["distance"] >= 0

    def alter(folder: Path) -> None:
        change_json(folder / "result.json", change)
        lines = (folder / "result-1.txt").read_text().splitlines(keepends=True)
        for i, line in enumerate(lines):
            token, _, content = line.partition("{")
            fields = json.loads("{" + content)
            if fields["key"] == "result":
                fields["value"][name]["value"] = score
                lines[i] = token + json.dumps(fields) + "\n"
        (folder / "result-1.txt").write_text("".join(lines))

    return alter


def moved(*parts: str) -> Change:
    def change(folder: Path) -> None:
        target = folder.parents[3].joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)

    return change


def taken(change: Callable[[h5py.File, list[bytes], np.ndarray], object]) -> Change:
    """The submission as one of someone else, with predictions in another form."""

    def alter(folder: Path) -> None:
        other = folder.parents[3] / "Other" / "stemdl" / "big" / "theirs"
        shutil.copytree(folder, other)
        change_yaml(other / "config.yaml", lambda content: content["submission"].update(organisation="Other"))
        log(logged("submission_org", "Other"))(other)
        predicted(change)(other)

    return alter


def with_bytes(name: str, change: Callable[[bytes], bytes]) -> Change:
    def alter(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        if name == "predictions.h5":
            state_hash(folder)

    return alter


def timed(change: Callable[[int, dict[str, Any]], object]) -> Change:
    """Alter the fields of each line of the log."""

    def lines(lines: list[str]) -> list[str]:
        altered = []
        for number, line in enumerate(lines):
            token, _, content = line.partition("{")
            fields = json.loads("{" + content)
            change(number, fields)
            altered.append(token + json.dumps(fields) + "\n")
        return altered

    return log(lines)


def stopped(**metadata: str) -> Change:
    """Another metadata of the end of the run."""
    return timed(lambda _, fields: fields.update(metadata=metadata) if fields["key"] == "run_stop" else None)


def reached(epochs: float, seconds: float, **other: Any) -> Change:
    """A target that was reached, which no prediction can contradict."""
    reported = {"criterion": "macro_f1", "target": 0.9, "split": "validation"} | other
    return result(lambda r: r.update(convergence=reported | {"reached": {"epochs": epochs, "seconds": seconds}}))


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("x.py", "x")
    return file.getvalue()


def pdf(objects: bytes, page: bytes = b"<</Type /Page>>") -> bytes:
    """A small PDF with a table of objects."""
    content = b"%PDF-1.7\n1 0 obj" + objects + b"endobj\n2 0 obj" + page + b"endobj\n"
    return content + b"xref\n0 0\ntrailer<<>>\nstartxref\n" + str(len(content)).encode() + b"\n%%EOF\n"


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b"")


def special(make: Callable[[str], object]) -> Change:
    return lambda folder: make(str(folder / "special.txt"))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def several(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]
