"""Speed and memory of the criteria, beside scikit-learn's and torchmetrics' own calls on the same arrays in one run.

The arrays are like CloudMask's: scenes of 1200 x 1500 pixels, masks and probabilities. One core is used. torchmetrics
is compared where it is installed (``pip install torchmetrics``).

    python perf/criteria.py
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

ROWS, COLUMNS = 1200, 1500
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Print the table, or measure memory in this process (``--memory``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=100, help="for the memory (default: 100)")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if args.memory:
        memory(args.scenes)
        return
    # Memory is measured first: on Linux a process inherits the peak memory of the one that started it.
    subprocess.run([sys.executable, __file__, "--memory", "--scenes", str(args.scenes)], check=True)
    for name in THREADS:
        os.environ[name] = "1"
    print("one core,", ROWS, "x", COLUMNS, "pixels, best of 3 calls\n")
    print("| measure | by | million pixels/s |")
    print("| --- | --- | ---: |")
    for measure, by, call, pixels in calls():
        print(f"| {measure} | {by} | {pixels / 1e6 / best_seconds(call):.0f} |", flush=True)
    command = "import time; t = time.perf_counter(); import sciml_datasets.metrics; print(time.perf_counter() - t)"
    seconds = [
        float(subprocess.run([sys.executable, "-c", command], check=True, capture_output=True).stdout) for _ in range(5)
    ]
    print(f"import sciml_datasets.metrics: {min(seconds):.2f} s (best of 5)")


def best_seconds(call: Callable[[], object]) -> float:
    """Seconds of the shortest of three calls after one call to warm up."""
    call()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth (mask), probability (float32) and valid (mask) of one scene."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((1, ROWS, COLUMNS), np.float32) < 0.45).view(np.uint8)
    noise = rng.standard_normal(truth.shape, np.float32)
    probability = (1 / (1 + np.exp(np.float32(1) - 2 * truth - noise))).astype(np.float32)
    return truth, probability, (rng.random(truth.shape, np.float32) < 0.97).view(np.uint8)


def calls() -> Iterator[tuple[str, str, Callable[[], object], int]]:
    """Yield the name of a measure, its library, the call, and the number of pixels that it scores."""
    from sklearn import metrics as sk

    from sciml_datasets.metrics.calibration import Calibration
    from sciml_datasets.metrics.roc import Ranking
    from sciml_datasets.metrics.segmentation import Segmentation

    truth, probability, valid = scene(0)
    mask = (probability > 0.5).view(np.uint8)
    inside = valid.view(np.bool_)
    flat_truth, flat_mask, flat_probability = truth[inside], mask[inside], probability[inside]
    is_cloud = flat_truth.view(np.bool_)
    everything, scored = truth.size, flat_truth.size
    ranking = Ranking()  # kept, as for a split: the first scene is the warm-up

    yield "confusion, masks", "ours", lambda: Segmentation(1).update([0], truth, mask, valid), everything
    yield "confusion, masks", "scikit-learn", lambda: sk.confusion_matrix(flat_truth, flat_mask), scored
    yield "ROC-AUC and average precision", "ours", lambda: ranking.update(is_cloud, flat_probability), scored
    yield (
        "ROC-AUC and average precision",
        "scikit-learn",
        lambda: (
            sk.roc_auc_score(flat_truth, flat_probability),
            sk.average_precision_score(flat_truth, flat_probability),
        ),
        scored,
    )
    yield "Brier and ECE", "ours", lambda: Calibration().update(is_cloud, flat_probability), scored
    yield "Brier alone", "scikit-learn", lambda: sk.brier_score_loss(flat_truth, flat_probability), scored
    yield "all of these", "ours", lambda: Segmentation(1).update([0], truth, probability, valid), everything
    if importlib.util.find_spec("torchmetrics") is None:
        print("torchmetrics is not installed and left out", file=sys.stderr)
        return
    import torch
    from torchmetrics.functional import classification as tm

    torch.set_num_threads(1)
    truth_tensor = torch.from_numpy(flat_truth.astype(np.int64))
    mask_tensor, probability_tensor = torch.from_numpy(flat_mask.astype(np.int64)), torch.from_numpy(flat_probability)
    yield "confusion, masks", "torchmetrics", lambda: tm.binary_confusion_matrix(mask_tensor, truth_tensor), scored
    yield (
        "ROC-AUC and average precision",
        "torchmetrics, exact",
        lambda: (
            tm.binary_auroc(probability_tensor, truth_tensor),
            tm.binary_average_precision(probability_tensor, truth_tensor),
        ),
        scored,
    )
    yield (
        "ECE alone",
        "torchmetrics",
        lambda: tm.binary_calibration_error(probability_tensor, truth_tensor, n_bins=15),
        scored,
    )


def memory(scenes: int) -> None:
    """Score a number of scenes with probabilities, one at a time, and print the peak memory of this process."""
    from sciml_datasets.metrics.segmentation import Segmentation

    state = Segmentation(scenes, ("night", "day"))
    truth, probability, valid = scene(0)
    for position in range(scenes):
        state.update([position], truth, probability, valid, [position % 2])
    result = state.result()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"{scenes} scenes, all scores: {peak:.0f} MB peak, ROC-AUC error at most {result['roc_auc_error']:.1e}")


if __name__ == "__main__":
    main()
