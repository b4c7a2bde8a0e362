"""Hostile and broken publishers: bounds on what they send, texts that forge lines, redirects, passwords."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from fetch_servers import BUCKET, HOST, PREFIX
from fetching import QUICK, cli, content, fetched
from hostile_server import (
    FILES,
    HTML,
    NAMES,
    Answer,
    Attack,
    Request,
    computed,
    entry,
    forever,
    head,
    honest,
    listing,
    page,
    plain,
    send,
    serving,
    unsized,
)

from sciml_datasets import InputError
from sciml_datasets.benchmark import Source
from sciml_datasets.fetch import connections, file_transfer
from sciml_datasets.fetch.checks import agree
from sciml_datasets.fetch.retries import wait_seconds
from sciml_datasets.fetch.sources import bounds
from sciml_datasets.fetch.sources.bounds import Listing, fast_enough, unsized_bytes, whole_body
from sciml_datasets.fetch.sources.folder_pages import linked
from sciml_datasets.fetch.sources.redirects import https_stays
from sciml_datasets.fetch.sources.remote import (
    ConnectionSettings,
    ExceededError,
    RefusedError,
    RemoteFile,
    SourceError,
    TransientError,
)
from sciml_datasets.fetch.sources.server_text import shown
from sciml_datasets.fetch.unusable_names import unusable_names
from sciml_datasets.files.checksums import read_list

HASTY = replace(QUICK, retries=0, timeout=0.4)
CHUNK = b"10000\r\n" + bytes(1 << 16) + b"\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://user:secret@host:80/a: no", "http://host:80/a: no"),
        ("at ssh://user@host/a, s3://key:se:c@ret@bucket", "at ssh://host/a, s3://bucket"),
        ("http://user:sec/ret@host/a and http://host:8080/a@b", "http://host/a and http://host:8080/a@b"),
        ("url='http://host/a?signature=secret'", "url='http://host/a?...'"),
        ("\x1b[2J\u202e\ud800\n", r"\x1b[2J\u202e\ud800\n"),
        ("é" * 5000, "é" * 1000 + "..."),
    ],
)
def test_messages_show_no_passwords_and_texts_of_servers_inert(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert str(SourceError(text)) == expected


@pytest.mark.parametrize(
    ("names", "refused", "why"),
    [
        (["a\u202efdh.hdf"], "a\u202efdh.hdf", "control character"),
        (["\ufeffa.hdf"], "\ufeffa.hdf", "control character"),
        (["checksums.tsv/a.hdf"], "checksums.tsv/a.hdf", "a file of the raw folder itself"),
        (["Terms.TXT/a.hdf"], "Terms.TXT/a.hdf", "a file of the raw folder itself"),
        (["cloudmask/training/a.hdf"], "cloudmask/training/a.hdf", "take cloudmask at its start for the data set"),
        (["d/" * 33 + "a.hdf"], "d/" * 33 + "a.hdf", "it lies in 33 folders"),
        (["é.hdf", "e\u0301.hdf"], "é.hdf", "in its Unicode normal form alone"),
    ],
)
def test_names_that_mean_something_else_here_are_refused(
    names: list[str], refused: str, why: str, tmp_path: Path
) -> None:
    wrong = unusable_names([*names, "training/a.hdf"], tmp_path)
    assert set(wrong) == {refused}
    assert why in wrong[refused]


@pytest.mark.parametrize("tag", ["x\tforged", "x\ntraining/a.hdf\t0", "x\x85", "\u2028", "e" * 1025])
def test_tags_that_no_list_can_hold_are_refused(tag: str) -> None:
    agree(RemoteFile("a.hdf", 1, "e" * 1024), None)
    with pytest.raises(RefusedError, match="is longer than 1024 or holds a control character"):
        agree(RemoteFile("a.hdf", 1, tag), None)


def test_a_page_lists_what_lies_below_its_folder_alone() -> None:
    root = "http://host/data/"
    links = """<a class=x href="a%20b.hdf">, <A HREF='c.hdf'>, <a href=d&amp;e.hdf>, <a href="sub/">, <a href="./c.hdf">
        <a href="?C=N;O=D">, <a href="../">, <a href="../../up.hdf">, <a href="/data/f.hdf">, <a href="/else/g.hdf">
        <a href="//other/data/h.hdf">, <a href="file:///data/i.hdf">, <a href="http://[j.hdf">, <a href="%2e%2e/k.hdf">
        <a href="https://host/data/l.hdf">, http://host/data/m.hdf"""
    expected = ["a b.hdf", "c.hdf", "d&e.hdf", "sub/", "c.hdf", "f.hdf", "../k.hdf", "m.hdf"]
    assert list(linked(links.encode(), root, root)) == expected
    assert list(linked(b'<a href="n.hdf">', root + "sub/", root)) == ["sub/n.hdf"]


@pytest.mark.parametrize("part", [b"<a" + b" " * 1000, b"<a href ", b"<a href='", b"<a \thref=", b"http://"])
def test_pages_are_read_in_time_in_proportion_to_their_length(part: bytes) -> None:
    assert list(linked(part * (2_000_000 // len(part)), "http://host/", "http://host/")) == []


def test_a_listing_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MOST_PAGES", 2), ("MOST_FILES", 3), ("NAMES_BYTES", 7)):
        monkeypatch.setattr(bounds, name, most)
    long, pages = Listing(), Listing()
    pages.turn()
    pages.turn()
    with pytest.raises(ExceededError, match="more than 2 pages"):
        pages.turn()
    long.add("1234567")
    with pytest.raises(ExceededError, match="more than 7 characters"):
        long.add("8")
    for _ in range(3):
        pages.add("n")
    with pytest.raises(ExceededError, match="more than 3 files"):
        pages.add("n")


def test_bytes_must_come_at_a_least_rate_and_bodies_end() -> None:
    async def dripping(count: int, seconds: float) -> AsyncIterator[bytes]:
        for _ in range(count):
            await asyncio.sleep(seconds)
            yield b"x"

    async def slow() -> None:
        async for _ in fast_enough(dripping(10, 0.03), 0.05):
            pass

    with pytest.raises(TransientError, match=r"the source sent \d bytes in 0 s"):
        asyncio.run(slow())
    assert asyncio.run(whole_body(dripping(5, 0), 5, "it", 1)) == b"xxxxx"
    with pytest.raises(ExceededError, match="it is longer than 5 bytes"):
        asyncio.run(whole_body(dripping(6, 0), 5, "it", 1))
    assert unsized_bytes(1 << 40, 8) == 2 << 30
    assert unsized_bytes(1600, 8) == 100
    assert wait_seconds(ConnectionSettings(timeout=5.0), 1, asked=86400.0) == 10.0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (forever(b"HTTP/1.1 200 OK\r\nX: ", b"v", 0.1), "nothing came from the source within the timeout"),
        (forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.01), "nothing came from the source within the timeout"),
        (send(plain(b"", "Location: file:///etc/passwd", status=302)), "redirects to what is no address of HTTP"),
        (computed(lambda r: plain(b"", f"Location: /{r.path}x", status=302)), "redirects more than 10 times"),
    ],
)
def test_a_response_that_never_comes_ends_the_fetch(answer: Answer, why: str, tmp_path: Path) -> None:
    with serving(Attack("", "http", "any", answer), tmp_path) as port, pytest.raises(InputError, match=why):
        fetched(tmp_path, f"http://{HOST}:{port}", settings=HASTY)


def test_a_page_that_never_ends_ends_the_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = Attack("", "http", "list", forever(head(200, HTML), b"<p>" * 20_000))
    monkeypatch.setattr("sciml_datasets.fetch.sources.http.PAGE_BYTES", 1 << 20)
    with serving(attack, tmp_path) as port, pytest.raises(InputError, match="its page / is longer than 1,048,576 byt"):
        fetched(tmp_path, f"http://{HOST}:{port}", settings=HASTY)


def test_a_folder_without_an_end_is_told_and_the_rest_comes(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        if request.path in (*FILES, "checksums.tsv"):
            return honest(request)
        return plain(b'<a href="deeper/">', HTML) if request.path else page("deeper/")

    both = computed(answer)
    with serving(Attack("", "http", "any", both), tmp_path) as port:
        report = fetched(tmp_path, f"http://{HOST}:{port}", settings=HASTY)
    assert content(tmp_path / "cloudmask") == FILES
    assert [failure.rpartition(": ")[2] for failure in report.failures] == ["it is a folder that lies in 32 others"]


def test_a_file_without_a_size_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "UNSIZED_BYTES", 1 << 20)
    with serving(Attack("", "http", NAMES[0], unsized(CHUNK)), tmp_path) as port:
        report = fetched(tmp_path, f"http://{HOST}:{port}", settings=QUICK)
    assert "the source tells no size and sends more than 1,048,576 bytes" in report.failures[0]
    assert set(content(tmp_path / "cloudmask")) == {*NAMES[1:]}


def test_a_file_without_a_size_comes_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LISTING_TIMEOUTS", 0.5)
    tiny = b"1;" + b"e" * 1000 + b"\r\nx\r\n"
    with serving(Attack("", "http", NAMES[0], unsized(tiny)), tmp_path) as port:
        report = fetched(tmp_path, f"http://{HOST}:{port}", settings=HASTY)
    assert "the source tells no size and sends for more than 0 s" in report.failures[0]
    assert set(content(tmp_path / "cloudmask")) == {*NAMES[1:]}


def test_a_source_that_responds_for_no_file_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_transfer, "LOST_FILES", 2)
    with serving(Attack("", "http", "body", send(b"")), tmp_path) as port:
        one = replace(HASTY, connections=1)
        report = fetched(tmp_path, f"http://{HOST}:{port}", settings=one)
    assert len(report.failures) == 3
    assert sum("cut the connection" in failure for failure in report.failures) >= 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_from_https_to_http_is_not_followed(status: int, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    attack = Attack("", "http", "any", send(plain(b"", f"Location: HTTP://{HOST}:1/x", status=status)), secure=True)

    async def ask(port: int) -> None:
        trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
        try:
            async with aiohttp.ClientSession(trace_configs=[https_stays()], connector=trusting) as session:
                await session.get(f"https://{HOST}:{port}")
        finally:
            await asyncio.sleep(0.05)  # TLS takes leave

    why = f"redirects from https to HTTP://{HOST}:1/x, which is not encrypted"
    with serving(attack, certificate) as port, pytest.raises(RefusedError, match=why):
        asyncio.run(ask(port))


def test_entries_of_s3_forge_no_lines_and_stop_no_other_file(tmp_path: Path) -> None:
    forged = f"x&#10;{NAMES[1]}&#9;{'0' * 64}"
    sent = listing(
        entry(NAMES[0], tag=forged),
        entry(NAMES[1]),
        entry("checksums.tsv/x.hdf"),
        entry("training/x.hdf", -5),
        own=False,
    )
    with serving(Attack("", "s3", "list", send(sent)), tmp_path) as port:
        source = Source(f"s3://{BUCKET}/{PREFIX}", 0, endpoint=f"http://{HOST}:{port}")
        report = fetched(tmp_path, source, settings=QUICK)
    assert set(read_list(tmp_path / "cloudmask/checksums.tsv")) == {NAMES[1]} == set(content(tmp_path / "cloudmask"))
    reasons = ("the name of a file of the raw folder", "holds a control character", "no size that a file can have")
    assert all(reason in failure for reason, failure in zip(reasons, report.failures, strict=True))


def test_pages_of_s3_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_PAGES", 3)
    pages = computed(lambda r: listing(token=f"{r.query.get('continuation-token', '')}1"))
    with serving(Attack("", "s3", "list", pages), tmp_path) as port:
        source = Source(f"s3://{BUCKET}/{PREFIX}", 0, endpoint=f"http://{HOST}:{port}")
        with pytest.raises(InputError, match="its listing has more than 3 pages"):
            fetched(tmp_path, source, settings=HASTY)


def test_a_password_is_shown_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = computed(lambda r: honest(r)[: -2000 if r.path == NAMES[0] and r.method == "GET" else None])
    with serving(Attack("", "http", "data", half), tmp_path) as port:
        source = f"http://user:s3cr3t@{HOST}:{port}"
        flags = ("cloudmask", "--raw-dir", tmp_path, "--source", source, "--accept-terms", "--retries", 0, "--json")
        code, out, err = cli(capsys, *flags)
        assert (code, len(json.loads(out)["failures"])) == (1, 1)
        assert f"http://{HOST}:{port}: the source cut the connection" in out
        code, planned, _ = cli(capsys, *flags, "--dry-run")
        assert json.loads(planned)["sources"] == [f"http://{HOST}:{port}"]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cr3t" not in written + (out + err + planned).encode()


@pytest.mark.parametrize("url", ["http://user:s3cr3t@host:portx/a", "http://user:s3/cr3t@host/a", "http://:80/a"])
def test_an_address_that_is_none_is_refused_without_its_password(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", url, "--accept-terms")
    assert code == 2
    assert "is no address: expected http://HOST/FOLDER" in err
    assert "cr3t" not in err
