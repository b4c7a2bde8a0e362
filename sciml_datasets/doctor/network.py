"""What `sciml fetch` takes from the environment: proxies, credentials and certificates. Values are never shown."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from sciml_datasets.doctor.observation import Observation

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Variables that name proxies; each counts in capitals too."""
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
ID, SECRET, PROFILE = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"
S3 = (ID, SECRET, PROFILE, "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
FILES = ("GOOGLE_APPLICATION_CREDENTIALS", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "NETRC")
"""Variables that name files of credentials."""
OTHERS = ("HF_TOKEN", "SSH_AUTH_SOCK", "AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING")
OFFLINE = "SCIML_OFFLINE"


def observe_network(environ: Mapping[str, str], home: Path | None) -> Iterator[Observation]:
    """What is set, by name.

    Args:
        environ: environment variables.
        home: home folder of the user; None where it is not known.
    """
    if environ.get(OFFLINE, "0") not in ("", "0"):
        yield Observation(OFFLINE, "set: `sciml fetch` refuses the network", "note", f"unset {OFFLINE}")
    yield from _proxies(environ)
    yield from _s3(environ, home)
    yield _named("credentials of others", [*(name for name in (*FILES, *OTHERS) if environ.get(name))])
    for name in (*FILES, *CERTIFICATES):
        if environ.get(name) and not Path(environ[name]).exists():
            yield Observation(name, "set, and the file that it names is missing", "wrong", f"correct or unset {name}")
    yield from _netrc(home)


def _named(subject: str, names: list[str]) -> Observation:
    return Observation(subject, f"set: {', '.join(names)}" if names else "none")


def _proxies(environ: Mapping[str, str]) -> Iterator[Observation]:
    spellings = [(name, name.upper()) for name in PROXIES]
    yield _named("proxies", [name for pair in spellings for name in pair if environ.get(name)])
    for small, large in spellings:
        if environ.get(small) and environ.get(large) and environ[small] != environ[large]:
            yield Observation(
                small, f"it differs from {large}: programs take one or the other", "note", f"unset {large}"
            )


def _s3(environ: Mapping[str, str], home: Path | None) -> Iterator[Observation]:
    yield _named("credentials of S3", [name for name in S3 if environ.get(name)])
    if bool(environ.get(ID)) != bool(environ.get(SECRET)):
        present, absent = (ID, SECRET) if environ.get(ID) else (SECRET, ID)
        yield Observation(present, f"set without {absent}", "wrong", f"export {absent}, or unset {present}")
    there = [name for name in ("credentials", "config") if home is not None and (home / ".aws" / name).exists()]
    named = [name for name in FILES if name.startswith("AWS_") and environ.get(name)]
    if environ.get(PROFILE) and not there and not named:
        yield Observation(PROFILE, "set, and ~/.aws has no file", "wrong", f"unset {PROFILE}, or run: aws configure")
    if there and not environ.get(PROFILE) and not environ.get(ID):
        what = f"~/.aws/{there[0]} is there and not used: S3 is asked without credentials"
        yield Observation("profile of S3", what, "note", f"export {PROFILE}=default, where a source needs credentials")


def _netrc(home: Path | None) -> Iterator[Observation]:
    path = home / ".netrc" if home is not None else None
    if path is None or not path.exists():
        yield Observation(".netrc", "none")
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Observation(".netrc", "there, and others may read it", "note", "chmod 600 ~/.netrc")
    else:
        yield Observation(".netrc", "there")
