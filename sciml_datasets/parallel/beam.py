"""Apache Beam as an executor: planned shards are elements of a pipeline on Spark, Flink, Dataflow or the local runner.

TFDS's own Beam writer is not used, since its shards have other boundaries. Workers must see the raw and data folders
under the same paths.
"""

from __future__ import annotations

import pickle
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sciml_datasets.errors import InputError
from sciml_datasets.parallel.executors import Tick
from sciml_datasets.parallel.processes import owner_lives, signature

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

RESULT = re.compile(r"[0-9]+(-[0-9a-f]{12})?")
"""Name of a file with the result of an element."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Beam:
    """See `sciml_datasets.parallel.executors.Executor`.

    Args:
        options: options of the pipeline: runner, number of workers and others.
        folder: folder that all workers share, through which results are returned.

    Raises:
        InputError: the options are no PipelineOptions, or Beam is not installed.
    """

    rank = 0
    size = 1

    def __init__(self, options: PipelineOptions, folder: Path) -> None:
        try:
            from apache_beam.options.pipeline_options import PipelineOptions
        except ImportError as error:
            raise InputError(f"Apache Beam cannot be used ({error}): pip install sciml-datasets[beam]") from error
        if not isinstance(options, PipelineOptions):
            raise InputError(f"beam is {options!r}: expected Apache Beam's PipelineOptions")
        self._options = options
        self._folder = folder

    def run_once(self, work: Callable[[], Result]) -> Result:
        """See `Executor.run_once`."""
        return work()

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """See `Executor.map`; Beam reports the progress itself."""
        import apache_beam as beam

        for left in self._folder.glob("beam-results-*"):
            if owner_lives(left.name) is False and all(RESULT.fullmatch(path.name) for path in left.iterdir()):
                shutil.rmtree(left, ignore_errors=True)
        results = self._folder / f"beam-results-{signature()}"
        results.mkdir(parents=True)  # with the permissions of the umask, as workers may be other users of the group
        try:
            with beam.Pipeline(options=self._options) as pipeline:
                numbered = pipeline | beam.Create(list(enumerate(items))) | beam.Reshuffle()
                _ = numbered | beam.Map(_Work(work, results))
            outcomes = [pickle.loads((results / str(i)).read_bytes()) for i in range(len(items))]
        finally:
            shutil.rmtree(results, ignore_errors=True)
        for outcome in outcomes:
            if isinstance(outcome, InputError):
                raise outcome
        return outcomes


class _Work:
    """The work on one element: its result, or the user's mistake, is written into the shared folder."""

    def __init__(self, work: Callable[[Any, Tick], Any], results: Path) -> None:
        self._work = work
        self._results = results

    def __call__(self, pair: tuple[int, Any]) -> None:
        number, item = pair
        try:
            outcome = self._work(item, _no_progress)
        except InputError as error:
            outcome = error
        # Runners may process an element twice: the last one replaces the file, with the same content.
        temporary = self._results / f"{number}-{secrets.token_hex(6)}"
        temporary.write_bytes(pickle.dumps(outcome))
        temporary.replace(self._results / str(number))


def _no_progress(_: int) -> None:
    """A `Tick` that does nothing, as Beam has its own ways to show progress."""
