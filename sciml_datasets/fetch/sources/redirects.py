"""Redirects of a source that are followed: none from an encrypted connection to an open one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sciml_datasets.fetch.sources.remote import RefusedError

if TYPE_CHECKING:
    from aiohttp import TraceConfig


def https_stays() -> TraceConfig:
    """A tracer of aiohttp that raises RefusedError before a redirect from https to http is followed."""
    import aiohttp

    async def check(_session: Any, _context: Any, redirect: Any) -> None:
        headers = redirect.response.headers
        target = headers.get("Location") or headers.get("URI", "")  # as aiohttp takes them
        if redirect.url.scheme == "https" and target.strip().lower().startswith("http:"):
            redirect.response.close()
            raise RefusedError(
                f"the source redirects from https to {target}, which is not encrypted",
                remedy="name a source that stays with https",
            )

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(check)
    trace.freeze()
    return trace
