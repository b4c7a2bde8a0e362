"""The order of the files of tests: those that import TensorFlow last, and the longest first.

A process that has imported TensorFlow forks ten times as slowly. Where a long file came last, one worker would wait for
the other.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
WITH_TENSORFLOW = {
    "benchmarks/test_every_benchmark.py",
    "benchmarks/test_mistakes_in_parts.py",
    "benchmarks/test_registry.py",
    "candle_uno/test_doses.py",
    "candle_uno/test_measures.py",
    "candle_uno/test_missing_test_split.py",
    "candle_uno/test_prepared_measures.py",
    "candle_uno/test_raw_candle_uno.py",
    "cli/test_cli.py",
    "cli/test_main.py",
    "cloudmask/test_cloudmask_patches.py",
    "cloudmask/test_cloudmask_preprocessed.py",
    "files/test_files_of_the_user.py",
    "metrics/test_evaluator.py",
    "metrics/test_mllog.py",
    "models/test_candle_uno_model.py",
    "models/test_checkpoints.py",
    "models/test_cloudmask_model.py",
    "models/test_cluster.py",
    "models/test_device_transform.py",
    "models/test_networks.py",
    "models/test_polar_harmonics.py",
    "models/test_recipe.py",
    "models/test_resnet.py",
    "models/test_stemdl_model.py",
    "models/test_stemdl_reconstruction_model.py",
    "models/test_training.py",
    "models/test_workers.py",
    "preparation/test_prepare.py",
    "preparation/test_shards.py",
    "preparation/test_whole_batch.py",
    "prepared/test_data_at_urls.py",
    "prepared/test_large_tensors.py",
    "prepared/test_integrity.py",
    "prepared/test_lookup.py",
    "prepared/test_random_access.py",
    "prepared/test_tensor_views.py",
    "prepared/test_verify.py",
    "project/test_docstring_examples.py",
    "splits/test_folds.py",
    "stemdl_reconstruction/test_raw_stemdl_reconstruction.py",
    "submissions/test_examples.py",
}
"""Files whose tests import TensorFlow into the process of pytest."""
LONGEST = (
    "submissions/test_bad_submissions.py",
    "project/test_blocks.py",
    "models/test_reproducibility.py",
    "preparation/test_parallel.py",
    "benchmarks/test_spectra.py",
    "models/test_keras_backend.py",
    "submissions/test_results_repository.py",
    "metrics/test_segmentation.py",
    "models/test_workers.py",
    "submissions/test_examples.py",
    "project/test_docstring_examples.py",
    "cli/test_cli.py",
    "models/test_stemdl_model.py",
    "models/test_training.py",
    "models/test_resnet.py",
)
"""Files that take longest, the longest of both kinds first."""


def uses_tensorflow(file: Path) -> bool:
    """Whether the tests of a file may import TensorFlow."""
    return _name(file) in WITH_TENSORFLOW


def place(file: Path) -> tuple[bool, int]:
    """A key by which files are sorted."""
    name = _name(file)
    return uses_tensorflow(file), LONGEST.index(name) if name in LONGEST else len(LONGEST)


def _name(file: Path) -> str:
    return file.relative_to(TESTS).as_posix()
