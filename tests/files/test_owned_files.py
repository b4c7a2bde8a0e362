"""Files in a folder of others: they are replaced and removed only where they are as we wrote them, also after kills."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.files.owned_files import Hashes, changes

LIST = "list.json"
NAMES = st.sampled_from(["a", "b", "c", "d/a", "d/b", "d/e/f"])
SITES = st.dictionaries(NAMES, st.sampled_from(["1", "2", "3"]), max_size=6)


def write(folder: Path, contents: dict[str, str]) -> dict[str, Path]:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return {name: folder / name for name in contents}


def update(folder: Path, source: Path, contents: dict[str, str]) -> None:
    """As a command does: read the list, compare, apply."""
    known: Hashes = json.loads((folder / LIST).read_text()) if (folder / LIST).exists() else {}
    to_do = changes(folder, write(source, contents), known, "move it elsewhere")
    to_do.apply(LIST, lambda hashes: (folder / LIST).write_text(json.dumps(hashes)))


def files(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    found.pop(LIST, None)
    return found


@settings(max_examples=150)
@given(st.lists(SITES, min_size=1, max_size=4), SITES)
def test_what_is_not_ours_stays_and_ours_is_brought_up_to_date(
    tmp_path_factory: pytest.TempPathFactory, sites: list[dict[str, str]], foreign: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("owned")
    out = root / "out"
    out.mkdir()
    mine = {f"{name}.mine": text for name, text in foreign.items()}
    write(out, mine)
    for number, site in enumerate(sites):
        update(out, root / str(number), site)
        assert files(out) == site | mine


@settings(max_examples=150)
@given(SITES, SITES, SITES)
def test_a_file_of_somebody_else_ends_it_before_anything_is_written(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, str], edits: dict[str, str], second: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("owned")
    out = root / "out"
    out.mkdir()
    update(out, root / "first", first)
    write(out, dict.fromkeys(edits, "edited"))
    before = files(out)
    in_the_way = edits.keys() & (first.keys() | second.keys())
    if in_the_way:
        with pytest.raises(InputError, match="has changed since: move it elsewhere"):
            update(out, root / "second", second)
        assert files(out) == before
    else:
        update(out, root / "second", second)
        assert files(out) == second | dict.fromkeys(edits, "edited")


def test_a_file_that_has_the_content_already_stays_the_users(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"a": "1"})
    update(out, tmp_path / "1", {"a": "1", "b": "1"})
    update(out, tmp_path / "2", {"b": "1"})
    assert files(out) == {"a": "1", "b": "1"}
    with pytest.raises(InputError, match="out/a was not written by this command"):
        update(out, tmp_path / "3", {"a": "2"})


@pytest.mark.parametrize("kind", ["link", "folder link", "folder", "file for a folder"])
def test_links_and_folders_in_the_way_are_refused(tmp_path: Path, kind: str) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    write(other, {"b": "mine"})
    if kind == "link":
        (out / "a").symlink_to(other / "b")
    elif kind == "folder link":
        (out / "a").symlink_to(other)
    else:
        write(out, {"a/b/c" if kind == "folder" else "a": "mine"})
    with pytest.raises(InputError, match="was not written by this command"):
        update(out, tmp_path / "1", {"a" if kind in ("link", "folder") else "a/b": "1"})
    assert files(other) == {"b": "mine"}


@pytest.mark.parametrize("name", ["../victim", "/victim", "a/../../victim"])
def test_a_list_cannot_name_files_outside(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"victim": "1"})
    (tmp_path / "out" / "a").mkdir(parents=True)
    name = str(tmp_path / "victim") if name == "/victim" else name
    sha256 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # of "1"
    (tmp_path / "out" / LIST).write_text(json.dumps({name: [sha256]}))
    with pytest.raises(InputError, match="was not written by this command"):
        update(tmp_path / "out", tmp_path / "1", {"b": "1"})
    assert (tmp_path / "victim").read_text() == "1"


LOOP = """
import json, sys
from pathlib import Path
from sciml_datasets.files import atomic
from sciml_datasets.files.owned_files import changes
out, *sources = map(Path, sys.argv[1:])
print("ready", flush=True)
while True:
    for source in sources:
        known = json.loads((out / "list.json").read_text()) if (out / "list.json").exists() else {}
        wanted = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
        changes(out, wanted, known, "move it").apply(
            "list.json", lambda hashes: atomic.write_text(out / "list.json", json.dumps(hashes)))
"""


def test_a_kill_at_any_moment_loses_nothing_and_the_next_run_finishes(tmp_path: Path) -> None:
    one = {f"page-{number}": "one" for number in range(40)} | {"gone/a": "1"}
    two = {f"page-{number}": "two" for number in range(20, 60)} | {"new/b/c": "2"}
    write(tmp_path / "one", one)
    write(tmp_path / "two", two)
    out = tmp_path / "out"
    mine = {"CNAME": "mine", ".git/config": "mine", "gone/mine": "mine", "page-1.txt": "mine"}
    write(out, mine)
    random.seed(1)
    for _ in range(8):
        command = [sys.executable, "-c", LOOP, *map(str, (out, tmp_path / "one", tmp_path / "two"))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(random.uniform(0.005, 0.1))
            assert process.poll() is None
            process.send_signal(signal.SIGKILL)
        left = files(out)
        assert {name: left[name] for name in mine} == mine
    update(out, tmp_path / "last", two)
    assert files(out) == two | mine
