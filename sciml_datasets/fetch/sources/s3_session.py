"""The connections of S3's client, with the bounds of `bounds`: aiobotocore reads documents whole and without end."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from sciml_datasets.fetch.sources.bounds import DOCUMENT_BYTES, RESPONSE_TIMEOUTS, whole_body
from sciml_datasets.fetch.sources.redirects import https_stays


def bounded_session(timeout: float) -> type[Any]:
    """A class of connections for aiobotocore (``http_session_cls``).

    Args:
        timeout: seconds in which a connection must bring something.
    """
    from aiobotocore.httpsession import AIOHTTPSession

    trace = https_stays()

    class BoundedSession(AIOHTTPSession):
        async def _get_session(self, proxy_url: str | None) -> Any:
            session = await super()._get_session(proxy_url)
            if trace not in session.trace_configs:
                session.trace_configs.append(trace)
            return session

        async def send(self, request: Any) -> Any:
            """Send a request; of its response the headers are here, of a document the body too."""
            streams, request.stream_output = request.stream_output, True
            async with asyncio.timeout(RESPONSE_TIMEOUTS * timeout):
                response = await super().send(request)
            if not streams or response.status_code >= 300:
                chunks = response.raw.content.iter_any()
                with closing(response.raw):  # also where it is too long
                    response._content = await whole_body(chunks, DOCUMENT_BYTES, "a document that it sends", timeout)
            return response

    return BoundedSession
