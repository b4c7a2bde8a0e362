"""Inference: predictions of a split by a trained network, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.gpu_meter import GpuMeter
from sciml_datasets.metrics.inference_time import PERCENTILES, summary
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.models.accelerators import gpus
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.input_wait import InputWait
from sciml_datasets.models.keras_backend import keras_on_tensorflow
from sciml_datasets.models.measured_gpus import measured_gpus
from sciml_datasets.models.networks import build_network, network_builder
from sciml_datasets.models.predictor import predictor
from sciml_datasets.models.recipe_error import of_data_set, recipe_part
from sciml_datasets.models.run_arguments import prepared_and_recipe
from sciml_datasets.paths import path_of
from sciml_datasets.prepared.prepared import Prepared

SINGLES, SINGLE_SECONDS = 100, 10.0
"""Number of samples that are also predicted one by one; fewer where they take longer than these seconds together."""
MEASURED = ("title", "unit", "low", "high")
"""Keys of the fact ``response`` by which two measures are the same."""


def predict(
    name: str,
    model: Any,
    out: str | Path,
    data_dir: str | Path | None = None,
    split: str = "test",
    *,
    trained_on: str | None = None,
    response: Mapping[str, Any] | None = None,
    choices: Mapping[str, str] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Write the predictions of a split.

    Args:
        name: name of the data set.
        model: a Keras model, a function that makes one, ``package.module:function``, a ``.keras`` file.
        out: the predictions file, which is overwritten.
        data_dir: folder of prepared data sets; default as in TFDS.
        split: train, validation or test, or a part of another partition (`Prepared.select`).
        trained_on: the partition whose training samples the model has seen, empty for the canonical one; None if not
            known.
        response: the fact ``response`` of the data that the model was trained on, its measure; None if not known.
        choices: the choices of the data that the model was trained on, of those on which features depend, such as
            tables of omics; None if not known.
        settings: settings as in training, for example ``batch_size``, ``precision`` and ``reference``.

    Returns:
        ``latency_50``, ``latency_90`` and ``latency_99``, seconds of a single sample, one after the other; and
        ``throughput``, samples a second in batches of ``batch_size``. Reading is left out; what is predicted first is
        predicted twice and timed the second time; a smaller last batch is not timed, unless it is the only one.
        ``input_wait``, the share of the time of reading and predicting in batches that waited for input; and ``gpus``,
        where there are any that can be asked: see ``metrics/result.schema.json``.

    Raises:
        InputError: the data set is not prepared, the model does not fit, it was trained on samples of the split, on
            another measure or other features, or it predicts what is not finite.

    Example:
        >>> from sciml_datasets.models import predict, train
        >>> result = train("candle_uno_demo", data_dir="data", out_dir="run", epochs=1, xla="off")
        >>> seconds = predict("candle_uno_demo", "run/model.keras", "validation.h5", "data", split="validation")
        >>> 0 < seconds["latency_50"] <= seconds["latency_99"]
        True
    """
    file = path_of(out, "out")
    prepared, recipe = prepared_and_recipe(name, data_dir, model, settings)
    prepared.check()
    with of_data_set(name):
        recipe = recipe.for_data(prepared.facts)
        _check_measure(name, response, prepared.facts.get("response"))
        _check_choices(name, choices, prepared.benchmark.of_features(prepared.manifest.get("choices", {})))
        split = prepared.canonical(split)
        partition, _, part = split.rpartition(":")
        if trained_on not in (None, partition) and part != "train":
            _check_unseen(prepared, f"{trained_on}:train".removeprefix(":"), split)
        keras_on_tensorflow()
        recipe = recipe.placed(accelerated=bool(gpus()))
        batches = Batches(prepared, recipe, seed=0, partition=partition, trained_on=trained_on)
        spec = batches.spec(part)
        network = build_network(network_builder(model, recipe, spec), recipe, spec)
        return _written(file, batches, part, network)


def _written(file: Path, batches: Batches, part: str, network: Any) -> dict[str, Any]:
    """Write the predictions of a part, and time them; see `predict`."""
    predicted = predictor(batches.recipe, network)
    single: list[float] = []
    whole: list[float] = []
    sizes: list[int] = []
    wait = InputWait(asynchronous=False)  # `timed` waits for the predictions

    def timed(inputs: Any, seconds: list[float]) -> NDArray[Any]:
        with recipe_part("predictions"):
            if not seconds:
                np.asarray(predicted(inputs))
            started = time.perf_counter()
            values = np.asarray(predicted(inputs))
            seconds.append(time.perf_counter() - started)
        return values

    def everything() -> Iterator[tuple[list[str], NDArray[Any]]]:
        for ids, inputs in wait.batches(batches.evaluation(part)):
            for i in range(len(ids)):
                if len(single) == SINGLES or sum(single) > SINGLE_SECONDS:
                    break
                timed(tree.map_structure(lambda array, row=i: array[row : row + 1], inputs), single)
            sizes.append(len(ids))
            values = timed(inputs, whole)
            wait.step(0.0)
            wrong = [key for key, value in zip(ids, values, strict=True) if not np.isfinite(value).all()]
            if wrong:
                raise InputError(f"the network predicts NaN or infinity for {wrong[0]}: train it again")
            yield ids, values

    with closing(GpuMeter()) as meter:
        write_predictions(file, batches.num_examples(part), everything())
        gpus = measured_gpus(meter)
    wait.losses()
    waited, _ = wait.seconds()
    of_full_batches = [taken for taken, size in zip(whole, sizes, strict=True) if size == sizes[0]]
    return {
        **{f"latency_{q}": summary(np.array(single))[f"latency_{q}"] for q in PERCENTILES},
        "throughput": summary(np.array(of_full_batches), sizes[0])["throughput"],
        "batch_size": sizes[0],
        "input_wait": waited / (waited + sum(whole)),
        **({} if gpus is None else {"gpus": gpus}),
    }


def _check_measure(name: str, trained: Mapping[str, Any] | None, held: Mapping[str, Any] | None) -> None:
    """Refuse a run of one measure for data of another, where both are known; a column may be spelt in another way."""
    if not trained or not held or all(trained.get(key) == held.get(key) for key in MEASURED):
        return
    of_run, of_data = (
        f"{fact.get('name')} ({fact.get('unit') or 'a pure number'}, {fact.get('range')})" for fact in (trained, held)
    )
    raise InputError(
        f"the run was trained on {of_run}, and {name} holds {of_data}: predict data of the same measure, or train again"
    )


def _check_choices(name: str, trained: Mapping[str, str] | None, held: Mapping[str, str]) -> None:
    """Refuse a run on data with other features than those that are prepared, where its choices are known."""
    if trained is None:
        return
    for choice in sorted(trained.keys() | held.keys()):
        of_run, of_data = (values.get(choice, "none") for values in (trained, held))
        if of_run != of_data:
            raise InputError(
                f"the run was trained on data with the {choice} {of_run}, and {name} is prepared with {of_data}: "
                f"predict data that are prepared with --{choice} {of_run}, or train again"
            )


def _check_unseen(prepared: Prepared, train: str, split: str) -> None:
    seen = set(prepared.select(train).columns["id"])
    ids = prepared.select(split).columns["id"]
    both = sum(key in seen for key in ids)
    if both:
        part = prepared.held_out(train.rpartition(":")[0])
        raise InputError(
            f"the run was trained on {both} of the {len(ids)} samples of {split}: predict a split of its own, "
            f"as in --split '{train.removesuffix('train')}{part}'"
        )
