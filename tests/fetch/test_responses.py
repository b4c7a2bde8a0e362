"""Meaning of HTTP responses: status codes, waits, ranges, pages in place of files."""

from __future__ import annotations

import pytest

from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    NoRangesError,
    RefusedError,
    TransientError,
)
from sciml_datasets.fetch.sources.responses import check_range, page_error, status_error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, RefusedError) for status in (401, 403, 404, 418)),
        *((status, ChangedError) for status in (412, 416)),
        *((status, TransientError) for status in (408, 429, 500, 503, 599)),
    ],
)
def test_status_codes_have_a_meaning(status: int, error: type[Exception]) -> None:
    assert type(status_error(status)) is error
    assert str(status) in str(status_error(status))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("7", 7.0), ("100000", 120.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", 0.0), ("", 0.0)],
)
def test_a_source_may_ask_to_wait(asked: str, expected: float) -> None:
    error = status_error(503, asked)
    assert isinstance(error, TransientError)
    assert error.wait == expected


@pytest.mark.parametrize(
    ("status", "content_range", "error"),
    [
        (200, "", NoRangesError),
        (206, "", NoRangesError),
        (206, "bytes 5-9/100", TransientError),
        (206, "bytes 0-9/99", ChangedError),
    ],
)
def test_an_answer_must_bring_the_range_that_was_asked_for(
    status: int, content_range: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_range(status, content_range, 0, 10, 100)
    check_range(206, "bytes 0-9/100", 0, 10, 100)
    check_range(206, "bytes 0-9/*", 0, 10, 100)
    check_range(200, "", 0, 100, 100)


@pytest.mark.parametrize(
    ("first", "reported"),
    [
        (b"\xef\xbb\xbf\n <!DOCTYPE html><TITLE>\nSign&nbsp;in\n</TITLE>", 'titled "Sign in"'),
        (b"<html><body>", "a web page in place"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code>', "an error document (NoSuchKey)"),
    ],
)
def test_pages_are_distinguished_from_data(first: bytes, reported: str) -> None:
    assert reported in str(page_error(first))
    assert page_error(b"\x89HDF\r\n\x1a\n" + first) is None
    assert page_error(b"NAME\tABC\n<html>\t1\n") is None
