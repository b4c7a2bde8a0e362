"""Credentials and settings of S3 where the environment alone does not hold them: profiles, roles, public buckets.

obstore reads variables of the environment. The files of AWS (``~/.aws``), single sign-on and the roles of machines are
botocore's, which is imported only where no variable decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sciml_datasets.errors import InputError

DECISIVE = ("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
"""Variables with which obstore needs nothing else."""
LIFE = timedelta(minutes=5)
"""Time after which botocore is asked for credentials again; it renews them itself before they expire."""


def s3_access(environ: Mapping[str, str] = os.environ) -> tuple[dict[str, Any], Callable[[], Any] | None]:
    """Settings for obstore beside those in the environment, and a function that gives credentials.

    Without any credentials requests are not signed, which public buckets allow.

    Raises:
        InputError: a profile is named that does not exist, or its file cannot be read.
    """
    if any(environ.get(name) for name in DECISIVE):
        return {}, None
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        credentials = session.get_credentials()
        profile = session.get_scoped_config()
    except BotoCoreError as error:
        raise InputError(f"credentials of AWS cannot be had ({error}): correct AWS_PROFILE or the files") from error
    settings: dict[str, Any] = {}
    if "region" in profile and not (environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")):
        settings["region"] = profile["region"]
    if "endpoint_url" in profile and not (environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_S3")):
        settings["endpoint"] = profile["endpoint_url"]
    if credentials is None:
        return settings | {"skip_signature": True}, None

    def current() -> dict[str, Any]:
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + LIFE,
        }

    return settings, current
