"""Opening of a folder at a URL: its index decides which copy in the cache stands for it.

The index lists the files of the folder with sizes and SHA-256. It is asked for at each opening; a folder with another
index has another copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import read_object
from sciml_datasets.object_stores.cache import OPEN, SOURCE, Cache, used_now
from sciml_datasets.object_stores.mirror import Listed, Mirror, store_at
from sciml_datasets.object_stores.urls import endpoint_of

READABLE = re.compile(r"[^A-Za-z0-9._-]+")


def opened(url: str, prefix: str, index: str, parse: Callable[[Path], Listed]) -> Path:
    """Open a folder at a URL: its index, and the small files that it lists, are in the cache then.

    Args:
        url: URL of the place that the folder is in.
        prefix: path of the folder below the URL, of three names.
        index: name of the file that lists the others.
        parse: function that reads the index.

    Returns:
        the folder in the cache that stands for the URL.

    Raises:
        MissingObjectError: there is no index.
        InputError: index or small files cannot be got, or are damaged.
        OSError: the cache cannot be written.
    """
    store, cache = store_at(url), Cache()
    home = cache.root / url.partition(":")[0] / _name_of(url)
    known_path = home / f"{sha256(prefix.encode()).hexdigest()[:16]}.json"
    known = {"etag": "", "sha256": ""}
    with suppress(InputError, FileNotFoundError):
        known = read_object(known_path, "what is known of a URL", "remove it", {"etag": str, "sha256": str})
        cache.hold(home / known["sha256"][:16], OPEN)
        if not (home / known["sha256"][:16] / SOURCE).exists():
            known["etag"] = ""
    found = store.get(f"{prefix}/{index}", unless=known["etag"])
    if found is not None:
        content, stored = found
        known = {"etag": stored.etag, "sha256": sha256(content).hexdigest()}
    root = home / known["sha256"][:16]
    folder = root / prefix
    cache.hold(root, OPEN)
    if found is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic.writing(folder / index) as temporary:
            temporary.write_bytes(content)
        try:
            listed = parse(folder)
        except InputError as error:
            (folder / index).unlink()
            reason = str(error).replace(str(folder / index), "it").partition(": ")
            raise InputError(f"{store.url_of(prefix)}/{index}: {reason[0]}: prepare the data set again") from error
        kept = sorted({index, *listed.files} - listed.shards)
        atomic.write_text(root / SOURCE, json.dumps({"url": url, "kept": kept}) + "\n")
        atomic.write_text(known_path, json.dumps(known) + "\n")
    listed = parse(folder)
    used_now(root / SOURCE)
    Mirror(folder, listed).fetch(sorted({*listed.files} - listed.shards - {*listed.companions.values()}))
    return root


def _name_of(url: str) -> str:
    """The name of the folder for a URL: what of it can be read, and a hash of it and of the server that is asked."""
    parts = urlsplit(url)
    readable = READABLE.sub("-", parts.netloc + parts.path).strip("-.")[:60]
    return f"{readable}-{sha256(f'{endpoint_of(url)} {url}'.encode()).hexdigest()[:12]}"
