"""Paths that users give: homes, URLs and names that no file can have."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import NOBODY, needs_namespaces

import sciml_datasets
from sciml_datasets import InputError
from sciml_datasets.cli.arguments import DataArgument, PathArgument
from sciml_datasets.cli.main import COMMANDS, main
from sciml_datasets.paths import NoHomeError, path_of

NO_PATHS = {
    *(
        "--split",
        "--only",
        "--source",
        "--limit-rate",
        "--model",
        "--fold",
        "--splits",
        "--by",
        "--set",
        "--response",
        "--omics",
        "--share",
    ),
    *("--organization", "--system", "--descriptor", "--status", "--repository", "--branch", "--tag", "--commit"),
    *(
        "--user",
        "--email",
        "--data-command",
        "--predictions-at",
        "--code-version",
        "NAME",
        "--author",
        "--base",
        "--maintainer",
    ),
}
"""Text that is no path; `sciml check --only` is one all the same."""


def flags() -> Iterator[tuple[str, str, list[str]]]:
    """Every command, with each of its flags and arguments that is a path, and what else it must be given."""
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"sciml_datasets.cli.{command}").add_arguments(parser)
        for leading, actions in own_actions(parser):
            for action in actions:
                if isinstance(action, PathArgument) and not isinstance(action, DataArgument):
                    others = [other for other in actions if other is not action and needed(other)]
                    if command == "predict" and action.dest != "run":
                        others += [other for other in actions if other.dest == "run"]
                    yield command, name_of(action), leading + [word for other in others for word in words(other)]


def own_actions(parser: argparse.ArgumentParser) -> Iterator[tuple[list[str], list[argparse.Action]]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield [name], sub._actions
            return
    yield [], parser._actions


def needed(action: argparse.Action) -> bool:
    return bool(action.required) and action.nargs != "*"


def name_of(action: argparse.Action) -> str:
    return action.option_strings[0] if action.option_strings else str(action.metavar)


def words(action: argparse.Action) -> list[str]:
    value = "stemdl_demo" if action.metavar == "NAME" else "local"
    return [*action.option_strings[:1], value]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_that_takes_text_is_known_to_be_a_path_or_none(command: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"sciml_datasets.cli.{command}").add_arguments(parser)
    for _, actions in own_actions(parser):
        for action in actions:
            plain = action.nargs == 0 or action.type is not None or action.choices is not None
            assert plain or isinstance(action, PathArgument) or name_of(action) in NO_PATHS, name_of(action)


@pytest.mark.parametrize(("command", "name", "others"), list(flags()))
def test_a_url_in_place_of_a_path_is_one_sentence_and_makes_nothing(
    command: str,
    name: str,
    others: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [name, "gs://bucket/x"] if name.startswith("-") else ["gs://bucket/x"]
    leading, rest = (others[:1], others[1:]) if command == "convert" else ([], others)
    assert main([command, *leading, *rest, *given]) == 2
    reported = capsys.readouterr().err
    assert f"{name} gs://bucket/x is a URL, expected a path" in reported
    assert reported.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@given(
    st.sampled_from(["s3", "gs", "S3", "file", "http", "https", "hdfs", "abfs", "hf", "git+ssh", "simplecache::s3"]),
    st.sampled_from([":/", "://", ":///"]),
    st.text("abc/:~", min_size=1),
)
def test_whatever_looks_like_a_url_is_refused(protocol: str, slashes: str, rest: str) -> None:
    with pytest.raises(InputError, match="is a URL"):
        path_of(protocol + slashes + rest, "--data-dir")


@pytest.mark.parametrize("given", ["s3:bucket/x", "gs:bucket", "S3:", "hdfs:a/b", "file:data"])
def test_a_url_without_its_slashes_is_refused_unless_something_is_called_so(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"--out {given} is a URL"):
        path_of(given, "--out")
    Path(given.partition("/")[0]).mkdir()
    assert path_of(given, "--out") == Path(given)


@given(st.text(st.characters(blacklist_characters="\0~/:", blacklist_categories=["Cs"]), min_size=1, max_size=60))
def test_any_other_name_is_the_path_that_it_says(name: str) -> None:
    assert path_of(f"./{name}/{name}", "--out") == Path(f"./{name}/{name}")


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("", "is empty"),
        ("a\0b", "null character"),
        ("a/" + "n" * 256, "has 256 bytes, expected at most 255"),
        ("ü" * 200, "has 400 bytes"),
        ("a/" * 3000, "has 6000 bytes, expected at most 4095"),
        ("~nosuchuser/x", "the home folder ~nosuchuser is not known"),
        ("file:///data", "leave file:// out"),
        (7, "expected the path"),
    ],
)
def test_what_can_be_no_path_is_refused(given: Any, reported: str) -> None:
    with pytest.raises(InputError, match=reported):
        path_of(given, "--out")


def test_a_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert path_of("~/data", "--out") == Path("/home/me/data")
    assert path_of(Path("~/data"), "--out") == Path("/home/me/data")


@pytest.mark.parametrize("variable", ["TFDS_DATA_DIR", "SCIML_RAW_DIR"])
def test_a_url_in_the_environment_is_named(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(variable, "ftp://host/x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"{variable} ftp://host/x is no URL that can be read"):
        sciml_datasets.prepare("stemdl_demo")
    assert list(tmp_path.iterdir()) == []


def test_the_functions_refuse_urls_too(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sciml_datasets.staging import stage

    monkeypatch.chdir(tmp_path)
    url = "gs://bucket/x"
    calls: list[Callable[[], object]] = [
        lambda: sciml_datasets.simulate("stemdl_demo", url),
        lambda: sciml_datasets.models.train("stemdl_demo", "data", url),
        lambda: sciml_datasets.models.predict("stemdl_demo", "m.keras", url, "data"),
        lambda: stage(sciml_datasets.Prepared.open("stemdl_demo", data_dir), url),
    ]
    for call in calls:
        with pytest.raises(InputError, match="is a URL"):
            call()
    assert list(tmp_path.iterdir()) == []


@needs_namespaces
def test_without_a_home_list_works_and_the_others_say_what_they_need() -> None:
    bare = {key: value for key, value in os.environ.items() if key not in ("HOME", "TFDS_DATA_DIR")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*NOBODY, sys.executable, "-m", "sciml_datasets.cli.main", *arguments]
        return subprocess.run(command, env=bare, capture_output=True, text=True, check=False, timeout=60)

    assert run("list").returncode == 0
    found = run("verify", "stemdl_demo")
    assert found.returncode == 2
    assert "the home folder ~ is not known: give the whole path" in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_home_that_is_not_known_has_an_error_of_its_own() -> None:
    with pytest.raises(NoHomeError):
        path_of("~nosuchuser", "--data-dir")
