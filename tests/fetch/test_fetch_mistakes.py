"""Mistakes of the user and refusals of a source, each in one sentence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fetch_servers import BUCKET, Fault, http_server, proxy
from fetching import cli

Sciml = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["mnist"], "there is no data set 'mnist'"),
        (["cloudmask", "--limit-rate", "fast"], "--limit-rate fast: expected bytes a second"),
        (["cloudmask", "--jobs", "0"], "--jobs 0: expected at least 1"),
        (["cloudmask", "--source", "gs://bucket/folder"], "gs://bucket/folder: Please install gcsfs"),
        (["cloudmask", "--source", "nothing://there"], "nothing://there: Protocol not known"),
        (["cloudmask", "--source", "/no/such/folder"], "/no/such/folder: there is no such folder: correct its name"),
        (["cloudmask", "--source", ""], "--source '': expected a URL or a folder"),
        (["cloudmask", "--source", "s3://"], "--source s3:// names no bucket: expected s3://BUCKET/FOLDER"),
        (["cloudmask", "--source", "http://"], "--source http:// names no host: expected http://HOST/FOLDER"),
        (["cloudmask", "--source", "ftp://127.0.0.1:9/x"], "nobody answers at the source, the connection was refused"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = cli(capsys, *arguments, "--raw-dir", tmp_path, "--accept-terms", "--retries", 0)
    assert code == 2
    assert reported in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "fault", "reported"),
    [
        (
            "s3://no-such-bucket/x",
            "pass",
            "there is no such bucket: correct its name, or its endpoint in AWS_ENDPOINT_URL",
        ),
        (
            f"s3://{BUCKET}/nothing",
            "pass",
            "the source lists no files *.hdf: name the folder that is laid out like RAW/",
        ),
        (
            f"s3://{BUCKET}/x",
            "status",
            "the source answers 403 Forbidden: correct the address, or name your credentials",
        ),
        (f"s3://{BUCKET}/x", "page", "the source sends a web page in place of the file: open the address in a browser"),
    ],
)
def test_a_bucket_that_gives_nothing_is_one_sentence(
    source: str,
    fault: str,
    reported: str,
    s3: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: Any,
) -> None:
    with proxy(s3, lambda request: Fault(fault, status=403)) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        code, _, err = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", source, "--accept-terms")
    assert code == 2
    assert err.startswith(f"sciml fetch: {source}: {reported}")
    assert err.count("\n") == 1


def test_a_certificate_that_is_not_accepted_is_reported_with_what_to_do(
    mirror: Path, tmp_path: Path, sciml: Sciml, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    with http_server(mirror, certificate) as url:
        command = ("fetch", "cloudmask", "--raw-dir", tmp_path / "raw", "--source", url, "--accept-terms")
        refused = sciml(*command)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sciml(*command).returncode == 0
    assert refused.returncode == 2
    assert "the certificate of 127.0.0.1 is not accepted (self-signed certificate): correct the addr" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_login_page_in_place_of_the_data_is_named_with_the_file(
    http: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy(http, lambda request: Fault("page")) as front:
        flags = ("--raw-dir", tmp_path, "--source", front.url, "--accept-terms")
        code, _, err = cli(capsys, "candle_uno", *flags)
        assert code == 2
        assert f"{front.url}: Combined_PubChem_dragon7_descriptors.tsv: the source sends a web page titled" in err
        assert '"Please sign in" in place of the file: open the address in a browser' in err
        code, _, err = cli(capsys, "cloudmask", *flags)
        assert code == 2
        assert 'lists no files *.hdf: it shows a web page titled "Please sign in", and has no checksums.tsv' in err


@pytest.mark.parametrize(
    "arguments",
    [["cloudmask", "--source", "/no/such/folder"], ["mnist"], ["cloudmask", "--limit-rate", "fast", "--dry-run"]],
)
def test_programs_can_read_what_failed(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = cli(capsys, *arguments, "--raw-dir", tmp_path, "--accept-terms", "--json")
    assert code == 2
    assert err == f"sciml fetch: {json.loads(out)['error']}\n"
