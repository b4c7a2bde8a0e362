"""Fetching over links that break: files are complete, or the error is clear and nothing looks complete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fetch_servers import BUCKET, LARGE, PREFIX, SIZES, SMALL, Fault, Proxy, Request, http_server, proxy, write_mirror
from fetching import assert_nothing_looks_whole, assert_whole

from sciml_datasets import InputError
from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.plan import FetchOptions
from sciml_datasets.fetch.run import Report, fetch
from sciml_datasets.fetch.sources.remote import (
    ConnectionSettings,
)
from sciml_datasets.files.checksums import read_list


def source_of(kind: str, front: Proxy) -> Source:
    return Source(front.url, 0) if kind == "http" else Source(f"s3://{BUCKET}/{PREFIX}", 0, endpoint=front.url)


def fetched(raw: Path, *sources: Source, retries: int = 3, timeout: float = 0.5) -> Report:
    settings = ConnectionSettings(retries=retries, wait=0.01, timeout=timeout)
    report = fetch("cloudmask", raw, FetchOptions(sources=sources, accept_terms=True, settings=settings))
    assert report is not None
    return report


def on(fault: Fault, times: int = 1, name: str = LARGE) -> Callable[[Request], Fault]:
    """A fault of the first answers to GET requests for a file or a folder."""
    seen: Counter[str] = Counter()

    def decide(request: Request) -> Fault:
        if request.method != "GET" or not request.path.rstrip("/").endswith(name):
            return Fault()
        seen[name] += 1
        return fault if seen[name] <= times else Fault()

    return decide


@pytest.mark.parametrize(
    ("kind", "fault", "times"),
    [
        ("http", Fault("cut", 9_000_000), 1),
        ("http", Fault("cut", 3_000_000), 99),  # each attempt gets a little further
        ("http", Fault("cut", 0), 3),
        ("http", Fault("stall", 5_000_000), 1),
        ("http", Fault("trickle", 5_000_000), 1),
        ("http", Fault("status", status=503), 3),
        ("http", Fault("status", status=429), 2),
        ("http", Fault("whole"), 99),
        ("http", Fault("unsized"), 99),
        ("s3", Fault("cut", 9_000_000), 1),
        ("s3", Fault("stall", 5_000_000), 1),
        ("s3", Fault("status", status=503), 3),
    ],
    ids=lambda value: f"{value.kind}-{value.at}" if isinstance(value, Fault) else str(value),
)
def test_what_breaks_for_a_while_comes_whole(
    kind: str, fault: Fault, times: int, mirror: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # A busy machine may take longer than half a second to answer, which would count as one more failure.
    timeout = 0.5 if fault.kind in ("stall", "trickle") else 5.0
    with proxy(request.getfixturevalue(kind), on(fault, times)) as front:
        report = fetched(tmp_path, source_of(kind, front), timeout=timeout)
    assert report.failures == ()
    assert_whole(tmp_path, mirror)


@pytest.mark.parametrize(
    "fault", [Fault("cut"), Fault("stall"), Fault("status", status=503)], ids=lambda fault: fault.kind
)
def test_the_page_of_a_folder_that_breaks_for_a_while_hides_no_file(
    fault: Fault, http: str, mirror: Path, tmp_path: Path
) -> None:
    with proxy(http, on(fault, name="inference")) as front:
        fetched(tmp_path, Source(front.url, 0))
    assert_whole(tmp_path, mirror)


def test_a_broken_connection_is_gone_on_with_where_it_broke(http: str, mirror: Path, tmp_path: Path) -> None:
    with proxy(http, on(Fault("cut", 9_000_000))) as front:
        fetched(tmp_path, Source(front.url, 0))
        ranges = [request.headers.get("range") for request in front.requests if LARGE in request.path]
    assert ranges[-1] is not None
    assert 8_000_000 < int(ranges[-1].removeprefix("bytes=").partition("-")[0]) <= 9_000_000


@pytest.mark.parametrize(
    ("kind", "fault", "reported"),
    [
        ("http", Fault("cut", 10), "the source cut the connection"),
        ("http", Fault("stall", 10), "nothing came from the source within the timeout"),
        ("http", Fault("status", status=503), "the source answers 503 Service Unavailable"),
        ("http", Fault("status", status=404), "the source answers 404 Not Found"),
        ("http", Fault("status", status=416), "the source answers 416"),
        ("http", Fault("page"), 'the source sends a web page titled "Please sign in" in place of the file'),
        ("s3", Fault("cut", 10), "the source cut the connection"),
        ("s3", Fault("stall", 10), "nothing came from the source within the timeout"),
        ("s3", Fault("status", status=403), "the source answers 403 Forbidden"),
        ("s3", Fault("page"), 'the source sends a web page titled "Please sign in" in place of the file'),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
def test_what_stays_broken_is_a_clear_error_and_no_file(
    kind: str, fault: Fault, reported: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with proxy(request.getfixturevalue(kind), on(fault, 99)) as front:
        report = fetched(tmp_path, source_of(kind, front), retries=1)
    (failure,) = report.failures
    assert str(tmp_path / "cloudmask" / LARGE) in failure
    assert reported in failure
    assert_nothing_looks_whole(tmp_path)
    assert (tmp_path / "cloudmask" / SMALL).exists()


def test_corruption_is_found_by_the_etag_of_s3_and_fetched_again(s3: str, mirror: Path, tmp_path: Path) -> None:
    with proxy(s3, on(Fault("corrupt", 5_000_000))) as front:
        report = fetched(tmp_path, Source(f"s3://{BUCKET}/{PREFIX}", 0, endpoint=front.url))
    assert_whole(tmp_path, mirror)
    assert re.search(r"came damaged \(its MD5 is .*\); fetched again, it is as it should be$", report.notes[0])
    damaged = (tmp_path / "cloudmask" / (LARGE + ".mismatch")).read_bytes()
    assert sum(a != b for a, b in zip(damaged, (mirror / LARGE).read_bytes(), strict=True)) == 1


def test_what_came_damaged_and_then_not_at_all_is_not_said_to_have_come(s3: str, tmp_path: Path) -> None:
    faults = iter([Fault("corrupt", 5_000_000)])

    def decide(request: Request) -> Fault:
        wanted = request.method == "GET" and request.path.endswith(LARGE)
        return next(faults, Fault("cut", 10)) if wanted else Fault()

    with proxy(s3, decide) as front:
        report = fetched(tmp_path, source_of("s3", front), retries=1)
    assert "the source cut the connection" in report.failures[0]
    assert re.fullmatch(
        rf"{LARGE} came damaged \(its MD5 is .*\); fetched again, it did not come whole", report.notes[0]
    )
    assert_nothing_looks_whole(tmp_path)


def test_corruption_is_found_by_a_known_checksum(http: str, mirror: Path, tmp_path: Path) -> None:
    fetched(tmp_path, Source(http, 0))
    (tmp_path / "cloudmask" / LARGE).unlink()
    with proxy(http, on(Fault("corrupt", 5_000_000), 99)) as front:
        report = fetched(tmp_path, Source(front.url, 0))
    expected = read_list(tmp_path / "cloudmask/checksums.tsv")[LARGE].sha256
    assert f"expected {expected}; what came is kept as S3A_a.hdf.mismatch" in report.failures[0]
    assert not (tmp_path / "cloudmask" / LARGE).exists()


def test_a_list_of_checksums_that_a_mirror_has_is_insisted_on(http: str, mirror: Path, tmp_path: Path) -> None:
    fetched(tmp_path, Source(http, 0))
    listed = tmp_path / "cloudmask"
    (listed / "TERMS.txt").unlink()
    with http_server(listed) as url:
        with proxy(url, on(Fault("page"), 2, "checksums.tsv")) as front:
            fetched(tmp_path / "raw", Source(front.url, 0))
        assert_whole(tmp_path / "raw", mirror)
        with (
            proxy(url, on(Fault("page"), 99, "checksums.tsv")) as front,
            pytest.raises(InputError, match=r"has a checksums\.tsv and does not give it: .* web page"),
        ):
            fetched(tmp_path / "another", Source(front.url, 0), retries=1)


def test_a_file_that_changes_at_the_source_is_never_a_mixture(tmp_path: Path) -> None:
    mirror = write_mirror(tmp_path / "mirror", SIZES)
    newer = write_mirror(tmp_path / "newer", SIZES, seed=1) / LARGE
    expected = newer.read_bytes()

    def decide(request: Request) -> Fault:
        if request.method == "GET" and request.path.endswith(LARGE):
            if "range" not in request.headers and newer.exists():
                return Fault("cut", 6_000_000)
            if newer.exists():  # the rest is asked for
                newer.replace(mirror / LARGE)
        return Fault()

    with http_server(mirror) as url, proxy(url, decide) as front:
        report = fetched(tmp_path, Source(front.url, 0))
    assert report.failures == ()
    assert not newer.exists()
    assert (tmp_path / "cloudmask" / LARGE).read_bytes() == expected


def test_sources_are_tried_in_order(http: str, mirror: Path, tmp_path: Path) -> None:
    with proxy(http, on(Fault("status", status=500), 99)) as broken, proxy(http, lambda request: Fault()) as good:
        report = fetched(tmp_path, Source(broken.url, 0), Source(good.url, 0), retries=1)
        asked = [request.path for request in good.requests]
    assert report.failures == ()
    assert_whole(tmp_path, mirror)
    assert asked
    assert all(path.endswith(LARGE) for path in asked)


def test_a_source_that_does_not_answer_is_passed_over(http: str, mirror: Path, tmp_path: Path) -> None:
    nobody = Source("http://127.0.0.1:9", 0)  # the port of the discard service, which nobody runs
    assert fetched(tmp_path, nobody, Source(http, 0), retries=1).failures == ()
    assert_whole(tmp_path, mirror)
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9: nobody answers at 127\.0\.0\.1"):
        fetched(tmp_path, nobody, retries=0)
