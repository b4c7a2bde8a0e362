"""Connections of obstore: which settings they have, how often they try, and how long they wait."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sciml_datasets.object_stores.failures import Access, sentences
from sciml_datasets.object_stores.s3_access import s3_access
from sciml_datasets.object_stores.urls import LOCAL

Result = TypeVar("Result")

RETRIES: Any = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=90),
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=10), "base": 2},
}
"""Waits of 0.1, 0.2, 0.4 seconds and so on, each varied at random, after a 5xx, a 429 or a broken connection."""
TIMEOUTS: Any = {
    "connect_timeout": timedelta(seconds=10),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(minutes=10),
}
"""Times for a connection, between two pieces of an answer, and for an answer as a whole, which may be slow."""
ANSWERS = 5
"""Number of times that is asked for an answer which breaks off: obstore repeats requests, and no answers."""
KINDS = {"s3": "s3", "s3a": "s3", "gs": "gs", "http": "http", "https": "http", LOCAL: LOCAL}
"""Scheme of a URL to the kind of its store; the others are Azure's."""


def connection(url: str) -> tuple[Any, Access]:
    """The store at a URL as obstore has it, and how it is asked.

    Raises:
        InputError: the environment holds no settings with which it can be asked.
    """
    from obstore.store import from_url

    kind = kind_of(url)
    settings, provider = s3_access() if kind == "s3" else ({}, None)
    skips = f"{ {'s3': 'AWS', 'gs': 'GOOGLE', 'az': 'AZURE'}.get(kind) }_SKIP_SIGNATURE"
    anonymous = bool(settings.get("skip_signature")) or os.environ.get(skips, "").lower() in ("1", "true", "yes")
    access = Access(kind, anonymous)
    options: dict[str, Any] = {}
    if kind != LOCAL:
        options = {"client_options": TIMEOUTS | {"allow_http": True}, "retry_config": RETRIES}
    if settings:
        options["config"] = settings
    if provider is not None:
        options["credential_provider"] = provider
    with sentences(url, access):
        return from_url(url, **options), access


def kind_of(url: str) -> str:
    """The kind of the store at a URL: ``s3``, ``gs``, ``az``, ``http`` or ``file``."""
    return KINDS.get(url.partition(":")[0], "az")


def whole_answer(ask: Callable[[], Result]) -> Result:
    """What a request answers, which may be made several times."""
    from obstore.exceptions import GenericError

    for _ in range(ANSWERS - 1):
        try:
            return ask()
        except GenericError as error:
            if "response body" not in str(error):
                raise
    return ask()
