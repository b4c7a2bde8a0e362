"""What is known of a prepared data set as a whole, ``builder.info.metadata``: a dictionary that prints short."""

from __future__ import annotations

import json
from pathlib import Path
from reprlib import Repr
from typing import Any

import tensorflow_datasets as tfds

NAME = "metadata.json"
"""File of a prepared folder; data sets of which there is nothing to tell have none."""


class Facts(tfds.core.Metadata):
    """Facts by name, as JSON. Printed, long lists, as of all genes, are cut; the dictionary itself holds all."""

    def __repr__(self) -> str:
        short = Repr()
        short.maxdict, short.maxlist, short.maxstring = 100, 3, 300
        return short.repr(dict(self))

    def save_metadata(self, data_dir: Any) -> None:
        """See `tfds.core.Metadata.save_metadata`."""
        if self:
            (Path(data_dir) / NAME).write_text(json.dumps(self), encoding="utf-8")

    def load_metadata(self, data_dir: Any) -> None:
        """See `tfds.core.Metadata.load_metadata`."""
        self.clear()
        self.update(json.loads((Path(data_dir) / NAME).read_text(encoding="utf-8")))
