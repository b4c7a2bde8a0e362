"""Fetches that soon give up a source, by the function and by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fetch_servers import LARGE, SIZES

from sciml_datasets.benchmark import Source
from sciml_datasets.cli.main import main
from sciml_datasets.fetch.partial_file import FOLDER
from sciml_datasets.fetch.plan import FetchOptions
from sciml_datasets.fetch.run import Report, fetch
from sciml_datasets.fetch.sources.remote import ConnectionSettings
from sciml_datasets.files.checksums import read_list

QUICK = ConnectionSettings(retries=4, wait=0.01, timeout=5.0)


def options(*sources: str | Source, **chosen: Any) -> FetchOptions:
    given = tuple(source if isinstance(source, Source) else Source(source, 0) for source in sources)
    return FetchOptions(**{"sources": given, "accept_terms": True, "settings": QUICK, **chosen})


def fetched(raw: Path, *sources: str | Source, name: str = "cloudmask", **chosen: Any) -> Report:
    report = fetch(name, raw, options(*sources, **chosen))
    assert report is not None
    return report


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in ("checksums.tsv", "TERMS.txt"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def cli(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["fetch", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def assert_whole(raw: Path, mirror: Path) -> None:
    for name in SIZES:
        assert (raw / "cloudmask" / name).read_bytes() == (mirror / name).read_bytes()
    assert not (raw / "cloudmask" / FOLDER).exists()


def assert_nothing_looks_whole(raw: Path, name: str = LARGE) -> None:
    assert not (raw / "cloudmask" / name).exists()
    assert name not in read_list(raw / "cloudmask/checksums.tsv")
