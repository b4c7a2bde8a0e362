"""Errors of object stores as sentences: what is wrong, and what a user can do.

obstore has few kinds of errors and puts the rest into their text: the status of HTTP, and the code that a store sends
with it (Amazon S3 API reference, Error responses; Azure Blob Storage error codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sciml_datasets.errors import InputError
from sciml_datasets.printable import printable

LONGEST_REASON = 200
"""Number of characters of an error of the library that are shown."""
KEYS = {
    "s3": "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""Variables of the environment that name credentials, by the kind of the store."""


class MissingObjectError(InputError):
    """There is no object of this name."""


class ChangedObjectError(InputError):
    """An object is not the one that was read before."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a store is asked, for messages.

    Attributes:
        kind: ``s3``, ``gs``, ``az`` or ``http``.
        anonymous: whether it is asked without credentials.
    """

    kind: str
    anonymous: bool

    def no_right(self) -> tuple[str, str]:
        """What is wrong where a store refuses, and what to do."""
        keys = KEYS.get(self.kind)
        if keys is None:
            return "the server does not let everybody read it", "name a place that is public, or copy the data"
        if self.anonymous:
            return "no credentials were found, and the store does not let everybody do this", f"name them in {keys}"
        return "the credentials do not give the right to do this", f"ask its owner for it, or name others in {keys}"

    def not_accepted(self) -> tuple[str, str]:
        """What is wrong where credentials are unknown, and what to do."""
        keys = KEYS.get(self.kind)
        if keys is None or self.anonymous:
            return self.no_right()
        return "the store does not accept the credentials", f"correct them, in {keys}"


_REGION = re.compile(r"<Region>([a-z0-9-]+)</Region>|expecting '([a-z0-9-]+)'")
_CODES = (
    (
        r"NoSuchBucket|ContainerNotFound|specified bucket does not exist",
        "there is no such bucket",
        "correct its name, or the endpoint (AWS_ENDPOINT_URL for S3)",
    ),
    (
        r"ExpiredToken|TokenRefreshRequired|RequestExpired|token (?:has|is) expired|TokenExpired",
        "the credentials have expired",
        "renew them and run the command again, which goes on with what it has",
    ),
    (
        r"RequestTimeTooSkewed",
        "the clock of this machine differs from the one of the store",
        "set it",
    ),
    (
        r"non-partial response|NotPartial|Range request not supported",
        "the server sends the whole file where a part of it is asked for",
        "copy the data to a store that answers range requests, or to a folder on this machine",
    ),
    (
        r"metadata\.google\.internal|169\.254\.169\.254|MissingCredentials|Account must be specified",
        "no credentials were found",
        "name them in the environment: " + "; ".join(f"{keys} for {kind}" for kind, keys in KEYS.items()),
    ),
    (
        r"SlowDown|TooManyRequests|429 Too Many|503 Service Unavailable|ServerBusy|RequestLimitExceeded",
        "the store has no room for more requests, also after waits",
        "run the command again later, which goes on with what it has",
    ),
    (
        r"501 Not Implemented|405 Method Not Allowed|[Nn]ot yet implemented|NotImplemented",
        "this kind of store cannot do this",
        "use a bucket of S3, Google Cloud Storage or Azure",
    ),
    (
        r"50[0-9] [A-Z]",
        "the store fails, also after waits",
        "run the command again later, which goes on with what it has",
    ),
)
_WRONG_REGION = re.compile(
    r"redirect without LOCATION|PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint"
)
_NOT_ACCEPTED = re.compile(r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|AuthenticationFailed|\b401\b")


@contextmanager
def sentences(url: str, access: Access) -> Iterator[None]:
    """Context in which an error of the library becomes one sentence that begins with the URL.

    Args:
        url: URL of the object or folder.
        access: how the store is asked.

    Raises:
        MissingObjectError: there is no such object.
        ChangedObjectError: the condition of a request does not hold: the object is another one than before.
        InputError: anything else failed.
    """
    from obstore.exceptions import BaseError, PreconditionError

    try:
        yield
    except PreconditionError as error:
        raise changed(url) from error
    except (BaseError, NotImplementedError, ValueError, OSError) as error:  # the second is obstore's
        if isinstance(error, InputError):
            raise
        what, remedy = _meaning(error, access)
        kind = MissingObjectError if what == MISSING[0] else InputError
        raise kind(f"{url}: {what}: {remedy}") from error


MISSING = "there is no such object", "correct the URL, or prepare the data set and copy it there"


def changed(url: str) -> ChangedObjectError:
    """The error of an object that is not the one that was read before."""
    return ChangedObjectError(f"{url}: it has changed while it was read: run the command again")


def _meaning(error: Exception, access: Access) -> tuple[str, str]:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    text = str(error)
    if _WRONG_REGION.search(text):
        named = _REGION.search(text)
        region = next(filter(None, named.groups()), None) if named else None
        return (
            f"the bucket is in another region{f', {region}' if region else ''}",
            f"set AWS_REGION to {region or 'that region'}",
        )
    for pattern, what, remedy in _CODES:
        if re.search(pattern, text):
            return what, remedy
    if isinstance(error, UnauthenticatedError) or _NOT_ACCEPTED.search(text):
        return access.not_accepted()
    if isinstance(error, PermissionDeniedError):
        return access.no_right()
    if isinstance(error, FileNotFoundError):
        return MISSING
    reason = " ".join(text.partition("\n\nDebug source")[0].rpartition(" - ")[2].split())
    return (
        f"the store cannot be used ({printable(reason[:LONGEST_REASON])})",
        "see that the address is right and the network leads there, and run the command again",
    )
