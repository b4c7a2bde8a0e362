"""Preparation into a folder of this machine, or of a file system that many machines share; see `work_folder`."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.atomic_folders import check_vacant, publish
from sciml_datasets.preparation import work_folder
from sciml_datasets.preparation.destination import Make
from sciml_datasets.preparation.feature_checks import check_features
from sciml_datasets.preparation.traffic import Traffic
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.verify import check_prepared


@dataclass(frozen=True, slots=True)
class InFolder:
    """A `sciml_datasets.preparation.destination.Destination`.

    Attributes:
        final: ``<data_dir>/sciml/<name>/<version>``.
    """

    final: Path

    def __str__(self) -> str:
        return str(self.final)

    @property
    def beside(self) -> Path:
        """See `Destination`."""
        return self.final

    def prepared(self) -> dict[str, Any] | None:
        """See `Destination`."""
        check_vacant(self.final)
        if not self.final.exists():
            return None
        if self.final.is_dir() and not self.is_finished() and (strange := sorted(self.final.iterdir())):
            raise InputError(
                f"{self.final} is no prepared data set, it holds {strange[0].name}: move it elsewhere, or choose "
                "another --data-dir"
            )
        return check_prepared(self.final)

    def check_features(self, features: Any) -> None:
        """See `Destination`."""
        check_features(self.final, features)

    def described(self) -> AbstractContextManager[Path]:
        """See `Destination`."""
        return nullcontext(self.final)

    def is_finished(self) -> bool:
        """See `Destination`."""
        return (self.final / manifest.NAME).exists()

    def open(self, plan: dict[str, Any], names: Collection[str], *, restart: bool) -> tuple[FolderWork, list[Written]]:
        """See `Destination`."""
        self.final.parent.mkdir(parents=True, exist_ok=True)
        work, taken = work_folder.open_work_folder(self.final, plan, names, restart=restart)
        return FolderWork(self.final, work), taken

    def remove_interrupted(self) -> None:
        """See `Destination`."""
        work_folder.remove_interrupted(self.final)


@dataclass(frozen=True, slots=True)
class FolderWork:
    """A `sciml_datasets.preparation.destination.Work`.

    Attributes:
        final: the later prepared folder; where it exists, another run was first and the work is no longer needed.
        folder: the work folder.
    """

    final: Path
    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def together(self) -> int:
        """See `Work`."""
        return 1

    def write(self, shards: Iterable[tuple[str, Make]]) -> list[Written]:
        """See `Work`."""
        found = []
        for name, make in shards:
            if self.final.exists():
                raise FileExistsError(f"{self.final}: a concurrent run was first")
            found.append(make(self.folder / "folder" / name))
            work_folder.journal(self.folder, found[-1])
        return found

    def collect(self, names: Collection[str]) -> list[Written] | None:
        """See `Work`."""
        return work_folder.collect(self.final, self.folder, names)

    def check_room(self, shards: Sequence[int]) -> None:
        """See `Work`."""
        needed = sum(shards)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise InputError(
                f"{self.folder.parent}: the prepared data need {needed / 1e9:.3f} GB and {free / 1e9:.3f} GB are free: "
                "make room or choose another --data-dir"
            )

    @contextmanager
    def finishing(self, shards: Sequence[Written]) -> Iterator[Path]:
        """See `Work`; the shards are in the folder, which gets its final name by one rename."""
        folder = self.folder / "folder"
        with naming(self.final):
            for written in shards:
                for name, size, _ in written.files():
                    if (folder / name).stat().st_size != size:
                        raise OSError(errno.EIO, f"not the {size} bytes that were written", str(folder / name))
            yield folder
            publish(folder, self.final)
        work_folder.remove_interrupted(self.final)

    def traffic(self) -> Traffic:
        """See `Work`."""
        return Traffic()

    def discard(self) -> None:
        """See `Work`."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def was_removed(self, error: FileNotFoundError) -> bool:
        """See `Work`."""
        if self.final.exists():
            return False
        lost = error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(self.folder)
        return lost or not self.folder.exists()
