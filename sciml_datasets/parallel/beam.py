"""Apache Beam as an executor: planned shards are elements of a pipeline on Spark, Flink, Dataflow or the local runner.

TFDS's own Beam writer is not used, since its shards have other boundaries. Workers must see the raw and data folders
under the same paths, or reach the stores that they are in.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sciml_datasets.errors import InputError
from sciml_datasets.parallel.executors import Tick
from sciml_datasets.parallel.processes import owner_lives, signature

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

RESULT = re.compile(r"[0-9]+(-[0-9a-f]{12})?")
"""Name of a file with the result of an element."""
DIGEST = "sha256"
Item = TypeVar("Item")
Result = TypeVar("Result")


class Results(Protocol):
    """A new place that all workers reach, through which they return results by number; it can be pickled."""

    def put(self, number: int, content: bytes) -> None:
        """Keep a result; one that is there already has the same content."""

    def get(self, number: int) -> bytes:
        """A result."""

    def remove(self) -> None:
        """Remove the place."""


class FolderResults:
    """`Results` in a new folder that all workers share; what ended runs have left beside it is removed.

    Args:
        folder: folder to make it in.
    """

    def __init__(self, folder: Path) -> None:
        for left in folder.glob("beam-results-*"):
            if owner_lives(left.name) is False and all(RESULT.fullmatch(path.name) for path in left.iterdir()):
                shutil.rmtree(left, ignore_errors=True)
        self._folder = folder / f"beam-results-{signature()}"
        self._folder.mkdir(parents=True)  # with the permissions of the umask: workers may be other users of the group

    def put(self, number: int, content: bytes) -> None:
        """See `Results`. Runners may process an element twice: the last one replaces the file."""
        temporary = self._folder / f"{number}-{secrets.token_hex(6)}"
        temporary.write_bytes(content)
        temporary.replace(self._folder / str(number))

    def get(self, number: int) -> bytes:
        """See `Results`."""
        return (self._folder / str(number)).read_bytes()

    def remove(self) -> None:
        """See `Results`."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Beam:
    """See `sciml_datasets.parallel.executors.Executor`.

    Args:
        options: options of the pipeline: runner, number of workers and others.
        results: function that makes a place for results.

    Raises:
        InputError: the options are no PipelineOptions, or Beam is not installed.
    """

    rank = 0
    size = 1

    def __init__(self, options: PipelineOptions, results: Callable[[], Results]) -> None:
        try:
            from apache_beam.options.pipeline_options import PipelineOptions
        except ImportError as error:
            raise InputError(f"Apache Beam cannot be used ({error}): pip install sciml-datasets[beam]") from error
        if not isinstance(options, PipelineOptions):
            raise InputError(f"beam is {options!r}: expected Apache Beam's PipelineOptions")
        self._options = options
        self._new_results = results

    def run_once(self, work: Callable[[], Result]) -> Result:
        """See `Executor.run_once`."""
        return work()

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """See `Executor.map`; Beam reports the progress itself."""
        import apache_beam as beam

        results, key = self._new_results(), secrets.token_bytes()
        try:
            with beam.Pipeline(options=self._options) as pipeline:
                numbered = pipeline | beam.Create(list(enumerate(items))) | beam.Reshuffle()
                _ = numbered | beam.Map(_Work(work, results, key))
            outcomes = [opened(results.get(number), key) for number in range(len(items))]
        finally:
            results.remove()
        for outcome in outcomes:
            if isinstance(outcome, InputError):
                raise outcome
        return outcomes


class _Work:
    """The work on one element, whose result, or the user's mistake, is returned through `Results`."""

    def __init__(self, work: Callable[[Any, Tick], Any], results: Results, key: bytes) -> None:
        self._work = work
        self._results = results
        self._key = key

    def __call__(self, pair: tuple[int, Any]) -> None:
        number, item = pair
        try:
            outcome = self._work(item, _no_progress)
        except InputError as error:
            outcome = error
        content = pickle.dumps(outcome)
        self._results.put(number, hmac.digest(self._key, content, DIGEST) + content)


def opened(sealed: bytes, key: bytes) -> Any:
    """A result, which a worker of this run has written: pickles of others are not loaded.

    Raises:
        InputError: somebody else has written it.
    """
    length = hashlib.new(DIGEST).digest_size
    seal, content = sealed[:length], sealed[length:]
    if not hmac.compare_digest(seal, hmac.digest(key, content, DIGEST)):
        raise InputError(
            "a result of Beam was not written by a worker of this run: see who else may write to --data-dir"
        )
    return pickle.loads(content)


def _no_progress(_: int) -> None:
    """A `Tick` that does nothing, as Beam has its own ways to show progress."""
