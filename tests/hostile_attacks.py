"""Attacks of hostile and broken publishers on `sciml fetch`, see ``perf/hostile_servers.py``."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from fetch_servers import HOST, PREFIX
from hostile_server import (
    FILES,
    HTML,
    NAMES,
    XML,
    Attack,
    Request,
    computed,
    counted,
    entry,
    forever,
    head,
    honest,
    is_listing,
    listing,
    page,
    plain,
    send,
    unsized,
)

SECRET = "s3cr3t"
"""Password in the URL of a source."""


def endless_pages(request: Request) -> bytes:
    number = int(request.query.get("continuation-token", "0")) + 1
    return listing(entry(f"training/n{number}.hdf"), own=number == 1, token=str(number))


def deeper(request: Request) -> bytes:
    return page("deeper/") if request.path == "" else plain(b'<a href="deeper/">deeper</a>', HTML)


def wider(request: Request) -> bytes:
    links = "".join(f'<a href="{letter}/">x</a>' for letter in "abcdefghij")
    return plain((links + "".join(f'<a href="{n}">x</a>' for n in NAMES)).encode(), HTML)


def redirect(where: str, status: int = 302) -> bytes:
    return plain(b"", f"Location: {where}", status=status)


def around(request: Request) -> bytes:
    return redirect(f"/again/{request.path}{len(request.path)}")


SPACES, LINES = "%20", "%0a"
FORGED = f"training/z.hdf\n{'0' * 64}\t1\ntraining/S3A_a.hdf\t{'1' * 64}\t5120\t.hdf"
LONG = "n" * 300
MANY = "".join(f"X-Field-{number}: {'v' * 8000}\r\n" for number in range(2000)).encode()
BOMB = '<!DOCTYPE x [<!ENTITY a "' + "a" * 60_000 + '">]>'
TREE = b"<a>" * 1_000_000
CHUNKED = head(200, "Transfer-Encoding: chunked", 'ETag: "x"')
MEBIBYTE = b"%x\r\n" % (1 << 20) + bytes(1 << 20) + b"\r\n"
PASSWORD = f"http://user:{SECRET}@{HOST}:PORT"
STRANGE = (
    ("tab", "training/a%09b.hdf"),
    ("newline", quote(FORGED)),
    ("NUL", "training/a%00b.hdf"),
    ("escape sequence", "training/%1b[2J%1b]0;x%07.hdf"),
    ("right-to-left override", quote("training/\u202efdh.hdf")),
    ("byte-order mark", quote("\ufeffa.hdf")),
    ("next line (U+0085)", quote("training/a\x85b.hdf")),
    ("broken UTF-8", "training/%ff%fe.hdf"),
    ("backslash", "training/..%5c..%5cx.hdf"),
    ("dots, quoted", "%2e%2e/%2e%2e/%2e%2e/etc/x.hdf"),
    ("slash, quoted", "..%2f..%2f..%2fx.hdf"),
    ("300 bytes", f"training/{LONG}.hdf"),
    ("2,000 folders", "d/" * 2000 + "x.hdf"),
    ("the list of checksums as a folder", "checksums.tsv/x.hdf"),
    ("the terms as a folder", "TERMS.txt/x.hdf"),
    ("the folder of arriving files", ".fetch/x.hdf"),
    ("name of a data set first", "cloudmask/training/S3A_a.hdf"),
    ("equal but for normal form", f"training/{quote('é')}.hdf\0training/{quote('e' + chr(0x301))}.hdf"),
    ("a file that is a folder too", "training/S3A_a.hdf/x.hdf"),
)
"""Names of a file as a link of a page of HTTP and a key of S3."""
TAGS = (
    ("tab", f"&quot;x\t{'0' * 64}&quot;", 'ETag: "x\tforged"'),
    ("newline", f"x&#10;training/S3A_b.hdf&#9;{'0' * 64}", f'ETag: "x\r\n training/S3A_b.hdf\t{"0" * 64}"'),
    ("control characters", "&quot;&#x85;&#x2028;&quot;", "ETag: \x1b[2Jx"),
    ("8,000 characters", "e" * 8000, f'ETag: "{"e" * 8000}"'),
    ("1 MB", "e" * 1_000_000, f'ETag: "{"e" * 1_000_000}"'),
)
NUMBERS = "9" * 5000


def of_names() -> Iterator[Attack]:
    """Names that cannot be files, or that are something else to the raw folder."""
    for what, link in STRANGE:
        links = link.split("\0")
        for kind in ("http", "s3"):
            keys = [entry(f"{PREFIX}/{each}", 7, raw=True, tag="") for each in links]
            text = page(*links) if kind == "http" else listing(*keys)

            async def answer(request: Request, kind: str = kind, text: bytes = text) -> AsyncIterator[bytes]:
                if is_listing(kind, request):
                    yield text
                elif request.path in (*FILES, "checksums.tsv"):
                    yield honest(request)
                else:
                    yield plain(b"strange") if request.method == "GET" else head(size=7)

            yield Attack(f"name: {what}", kind, "any", answer)


def of_tags() -> Iterator[Attack]:
    """ETags that forge lines."""
    for what, tag, field in TAGS:
        yield Attack(f"ETag: {what}", "s3", "list", send(listing(*(entry(n, tag=tag) for n in NAMES), own=False)))
        yield Attack(f"ETag: {what}", "http", "data", computed(lambda request, field=field: honest(request, field)))


def of_http() -> Iterator[Attack]:
    """HTTP: headers, listings, bodies, redirects."""
    http, many = "http", 200_000
    yield Attack("16 MB of headers", http, "any", send(head()[:-2] + MANY))
    yield Attack("headers without end", http, "any", forever(head()[:-2], b"X-More: " + b"v" * 1000 + b"\r\n"))
    yield Attack("headers, a byte every 0.3 s", http, "any", forever(b"HTTP/1.1 200 OK\r\nX: ", b"v", 0.3))
    yield Attack("interim responses without end", http, "any", forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.01))
    yield Attack("nothing", http, "any", forever(b"", b"", 0.3))
    yield Attack("no HTTP at all", http, "any", send(b"SSH-2.0-OpenSSH_9.6\r\n" * 100))
    yield Attack("503, come back in a day", http, "any", send(plain(b"", "Retry-After: 86400", status=503)))
    yield Attack(
        "Retry-After of the year 1",
        http,
        "any",
        send(plain(b"", "Retry-After: Mon, 01 Jan 0001 00:00:00 GMT", status=503)),
    )
    yield Attack("listing: a byte every 0.3 s", http, "list", forever(head(200, HTML), b"<", 0.3))
    yield Attack("listing: bytes without end", http, "list", forever(head(200, HTML), b"<p>" * 20_000))
    yield Attack(
        "listing: links without end",
        http,
        "list",
        counted(head(200, HTML), lambda n: b"".join(b'<a href="%d_%d.hdf">' % (n, k) for k in range(1000))),
    )
    yield Attack("listing: 2 million spaces in a tag", http, "list", send(plain(b"<a" + b" " * 2_000_000, HTML)))
    yield Attack("listing: 200,000 open tags", http, "list", send(plain(b"<a href " * many, HTML)))
    yield Attack(
        "listing: folders without end, deeper",
        http,
        "*",
        computed(lambda r: deeper(r) if r.path == "" or r.path.endswith("/") else honest(r)),
    )
    yield Attack(
        "listing: ten folders in each",
        http,
        "*",
        computed(lambda r: wider(r) if r.path == "" or r.path.endswith("/") else honest(r)),
    )
    yield Attack(
        "listing: other hosts, absolute, up",
        http,
        "list",
        send(
            page(
                "http://127.0.0.2/x.hdf",
                "//127.0.0.2/y.hdf",
                "/etc/z.hdf",
                "../../w.hdf",
                "file:///etc/passwd.hdf",
                "javascript:x.hdf",
            )
        ),
    )
    yield Attack("listing: names twice", http, "list", send(page(*NAMES, "./" + NAMES[0], "training/../" + NAMES[1])))
    yield Attack("checksums.tsv without end", http, "checksums.tsv", forever(CHUNKED, MEBIBYTE))
    yield Attack(
        "checksums.tsv with wrong lines",
        http,
        "checksums.tsv",
        send(plain(f"../x.hdf\t{'0' * 64}\n{NAMES[0]}\t{'0' * 64}\n".encode())),
    )
    yield Attack(
        "size of 5,000 digits", http, "data", computed(lambda r: honest(r, f"Content-Range: bytes 0-9/{NUMBERS}"))
    )
    yield Attack(
        "range of 5,000 digits",
        http,
        "body",
        send(head(206, f"Content-Range: bytes {NUMBERS}-{NUMBERS}/5120", size=5120)),
    )
    yield Attack("size of 100 petabytes", http, "data", computed(lambda r: honest(r, size=10**17)))
    yield Attack("negative size", http, "data", computed(lambda r: honest(r, size=-5)))
    yield Attack("body without a size and end", http, "data", unsized(MEBIBYTE))
    yield Attack("body longer than its size, not ended", http, "body", unsized(b"400\r\n" + bytes(1024) + b"\r\n"))
    yield Attack("body: a byte every 0.3 s", http, "body", forever(head(200, size=5120), b"x", 0.3))
    yield Attack("chunks of one byte with long extensions", http, "data", unsized(b"1;" + b"e" * 4000 + b"\r\nx\r\n"))
    yield Attack(
        "another file each time", http, "data", computed(lambda r: honest(r, f'ETag: "{time.monotonic_ns()}"'))
    )
    yield Attack("packed body", http, "data", computed(lambda r: honest(r, "Content-Encoding: gzip")))
    yield Attack("redirects in a circle", http, "any", computed(around))
    yield Attack("redirect to a file", http, "any", send(redirect("file:///etc/passwd")))
    yield Attack("redirect to no address", http, "any", send(redirect("http://[::1")))
    yield Attack(
        "redirect from https to http",
        http,
        "data",
        computed(lambda r: redirect(f"http://{HOST}:1/{r.path}")),
        secure=True,
    )
    yield Attack(
        "title that writes to the terminal",
        http,
        "any",
        send(plain("<html><title>\x1b]0;x\x07\x1b[2J\u202e</title>".encode(), HTML)),
    )


def of_s3() -> Iterator[Attack]:
    """S3: pages, sizes, documents."""
    s3 = "s3"
    yield Attack("pages without end", s3, "list", computed(endless_pages))
    yield Attack("the same page again", s3, "list", computed(lambda r: listing(token="1")))
    yield Attack(
        "page: bytes without end", s3, "list", forever(head(200, XML) + b"<ListBucketResult>", b"<Contents>" * 6000)
    )
    yield Attack("page: a byte every 0.3 s", s3, "list", forever(head(200, XML), b"<", 0.3))
    yield Attack(
        "page: entities",
        s3,
        "list",
        send(listing(*(entry(f"training/{n}&a;.hdf", raw=True) for n in range(3000)), more=BOMB)),
    )
    yield Attack("page: a million open tags", s3, "list", send(plain(TREE, XML)))
    yield Attack("page: no XML", s3, "list", send(plain(b"\0" * 1000, XML)))
    yield Attack(
        "page: entries without size and ETag",
        s3,
        "list",
        send(listing(f"<Contents><Key>{PREFIX}/training/x.hdf</Key></Contents>")),
    )
    yield Attack("page: size of 5,000 digits", s3, "list", send(listing(entry("training/x.hdf", NUMBERS))))
    yield Attack("page: negative size", s3, "list", send(listing(entry("training/x.hdf", -5))))
    yield Attack("page: size of 100 petabytes", s3, "list", send(listing(entry("training/x.hdf", 10**17))))
    yield Attack(
        "error document without end", s3, "any", forever(head(500, XML) + b"<Error>", b"<Code>x</Code>" * 6000)
    )
    yield Attack("body: a byte every 0.3 s", s3, "body", forever(head(200, size=5120), b"x", 0.3))
    yield Attack("body without a size and end", s3, "body", unsized(MEBIBYTE))
    yield Attack("headers, a byte every 0.3 s", s3, "any", forever(b"HTTP/1.1 200 OK\r\nX: ", b"v", 0.3))
    yield Attack(
        "redirect from https to http",
        s3,
        "any",
        computed(lambda r: redirect(f"http://{HOST}:1/{r.path}", 307)),
        secure=True,
    )
    yield Attack("another region", s3, "any", send(plain(b"", "x-amz-bucket-region: evil.example/x#", status=301)))


def of_secrets() -> Iterator[Attack]:
    """A password in the URL of the source."""
    for what, answer in (
        ("404", send(plain(b"", status=404))),
        ("cut", send(b"")),
        ("no HTTP", send(b"x\r\n\r\n")),
        ("redirect to no address", send(redirect(f"http://user:{SECRET}@[::1"))),
        ("a web page", send(plain(b"<html><title>Sign in</title>", HTML))),
    ):
        yield Attack(f"password: {what}", "http", "any", answer, PASSWORD)
    yield Attack("password: files without tags", "http", "data", computed(lambda r: honest(r, "ETag: ")), PASSWORD)
    yield Attack("password: half of each file", "http", "body", computed(lambda r: honest(r)[:-2000]), PASSWORD)
    yield Attack("password: an address that is none", "http", "any", send(b""), f"http://user:{SECRET}@{HOST}:PORTX/")
    yield Attack("password: unknown protocol", "http", "any", send(b""), f"nothing://user:{SECRET}@{HOST}:PORT/")
    yield Attack("password: with a slash", "http", "any", send(b""), f"http://user:{SECRET}/{SECRET}@{HOST}:PORT/")


ATTACKS = (*of_http(), *of_s3(), *of_names(), *of_tags(), *of_secrets())
