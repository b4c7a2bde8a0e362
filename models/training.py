"""Training: from a prepared data set to a run folder with weights, predictions, scores and logs.

One path for every benchmark, for one process and for many; a run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.models import checkpoints
from sciml_datasets.models.accelerators import gpus
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.checkpoints import Progress
from sciml_datasets.models.determinism import make_deterministic, report_draws
from sciml_datasets.models.epochs import Epochs, gathered, predicted_batches
from sciml_datasets.models.keras_backend import keras_on_tensorflow
from sciml_datasets.models.networks import build_network, named_model, network_builder
from sciml_datasets.models.recipe_error import of_data_set
from sciml_datasets.models.run_arguments import check_training, prepared_and_recipe
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.models.steps import make_optimizer
from sciml_datasets.models.workers import Workers, join, naming_lost_workers
from sciml_datasets.paths import path_of

if TYPE_CHECKING:
    from mpi4py import MPI


def train(
    name: str,
    data_dir: str | Path | None = None,
    out_dir: str | Path = "run",
    model: Any = None,
    strategy: str = "auto",
    seed: int = 0,
    *,
    partition: str = "",
    until_target: bool = False,
    tensorboard: bool = False,
    comm: MPI.Intracomm | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a model on the training split, score it on the test split, or on validation where the raw files had no test
    split, and write the run folder.

    Args:
        name: name of the data set.
        data_dir: folder of prepared data sets; default as in TFDS.
        out_dir: the run folder: new, empty, or of the same run, which then goes on from its last checkpoint. Several
            workers share it.
        model: a Keras model, a function that makes one, ``package.module:function`` or a ``.keras`` file; default the
            reference.
        strategy: ``none`` for one device, ``mirrored`` for all local devices, ``multiworker`` for several processes
            (see `sciml_datasets.models.cluster`), ``auto`` for mirrored where there is more than one GPU.
        seed: seed of weights, order and augmentation.
        partition: train and score on other splits than the canonical ones: one by name (``cell_blind``), or a fold
            (``fold 2/5 by cell``); see `sciml_datasets.splits.partitions`.
        until_target: end with the epoch that reaches the benchmark's target on the validation split.
        tensorboard: also write the history as TensorBoard's event files, to ``tensorboard/`` in the run folder.
        comm: MPI's ranks, for ``multiworker``.
        settings: other values for the recipe: see `sciml_datasets.models.recipe.SETTINGS`.

    Returns:
        The result, as in ``result.json``; an empty dictionary on all workers but the first.

    Raises:
        InputError: the data set is not prepared, Keras runs on another backend, the run folder is in use, a part of the
            partition holds no sample, or a setting or the model does not fit.
        WorkerLostError: another worker is gone.

    Example:
        >>> from pathlib import Path
        >>> from sciml_datasets.models import train
        >>> result = train("candle_uno_demo", data_dir="data", out_dir="run", epochs=1, xla="off")
        >>> result["benchmark"], result["split"]
        ('candle_uno', 'test')
        >>> Path("run/model.keras").is_file()
        True
    """
    out = path_of(out_dir, "out_dir")
    prepared, recipe = prepared_and_recipe(name, data_dir, model, settings)
    check_training(prepared, seed, partition, until_target=until_target)
    with of_data_set(name):
        keras_on_tensorflow()
        if recipe.training.deterministic == "on":
            make_deterministic(recipe.training, alone=strategy in ("auto", "none"))

        import keras

        keras.utils.set_random_seed(seed)
        workers = join(strategy, comm)
        run = RunFolder(out, tensorboard=tensorboard)
        if workers.chief:
            run.begin(prepared.benchmark, gpus(), workers.part.count)
        with naming_lost_workers(workers):
            workers.run_once(prepared.check)
            accelerated = workers.run_once(lambda: bool(gpus()))
            recipe = recipe.for_data(prepared.facts).placed(accelerated=accelerated)
            batches = Batches(prepared, recipe, seed, prepared.canonical(partition))
            return _trained(batches, model, workers, run, until_target)


def _trained(batches: Batches, model: Any, workers: Workers, run: RunFolder, until_target: bool) -> dict[str, Any]:
    """`train` by workers that have joined."""
    prepared, recipe = batches.prepared, batches.recipe
    benchmark = prepared.benchmark.for_data(prepared.facts)
    workers.run_once(run.check)
    spec = batches.spec()
    if recipe.standardised:
        mean, std = batches.moments
        spec = replace(spec, target_mean=mean, target_std=std)
    build = network_builder(model, recipe, spec)
    _check_batch_size(batches, workers)
    scored = prepared.held_out(batches.partition)
    _check_parts(batches, "validation", scored)
    replicas = int(workers.strategy.num_replicas_in_sync)
    with workers.strategy.scope():
        network = build_network(build, recipe, spec, replicas=replicas)
        optimizer = make_optimizer(recipe.training, network)
    config = {
        "benchmark": benchmark.name,
        "dataset": prepared.name,
        "dataset_version": prepared.manifest["version"],
        "plan_digest": prepared.plan_digest,
        "model": network.name,
        "own_model": named_model(model),
        "parameters": int(network.count_params()),
        "settings": recipe.settings(),
        "seed": batches.seed,
        "partition": batches.partition,
        "until_target": until_target,
    }
    chosen = benchmark.of_features(prepared.manifest.get("choices", {}))
    of_data = {"response": prepared.facts.get("response"), "loss_unit": recipe.loss_unit, "choices": chosen}
    config |= {key: value for key, value in of_data.items() if value}
    variables = [*network.variables, *optimizer.variables]
    progress = Progress()
    if workers.run_once(lambda: run.goes_on(config)):
        checkpoint = workers.run_once(lambda: checkpoints.last_sound(run.checkpoint, variables))
        progress = checkpoints.restore(checkpoint, variables)
    with closing(run) if workers.chief else nullcontext():
        workers.run_once(lambda: run.start(config, benchmark.criteria, progress, replicas, _logged(batches, replicas)))
        if workers.chief:
            report_draws(network, recipe.training, replicas)
        spread = spec.target_std
        epochs = Epochs(benchmark, batches, workers, run, progress, network, optimizer, spread, until_target)
        epochs.run(variables)
        if workers.chief:
            network.save(run.folder / "model.keras")
        everything = gathered(workers, predicted_batches(epochs.predict, batches, scored, workers))
        if not workers.chief:
            for _ in everything:  # the chief writes what all have
                pass
            return {}
        write_predictions(run.folder / "predictions.h5", batches.num_examples(scored), everything)
        evaluator = Evaluator(prepared, batches.split(scored))
        evaluator.update_from_file(run.folder / "predictions.h5", here=True)
        return run.finish(evaluator, recipe.loss_criterion)


def _check_batch_size(batches: Batches, workers: Workers) -> None:
    size, replicas = batches.recipe.training.batch_size, int(workers.strategy.num_replicas_in_sync)
    if size % replicas:
        raise InputError(f"batch_size={size} cannot be shared by {replicas} devices: choose a multiple of {replicas}")
    if batches.steps < 1:
        held = f"{batches.num_training_samples:,} {batches.recipe.source.noun}"
        raise InputError(f"batch_size={size}: the training split holds {held}, choose a batch of no more")


def _check_parts(batches: Batches, *parts: str) -> None:
    """Refuse a partition without samples in a part, before anything is trained."""
    for part in parts:
        batches.selection(part)


def _logged(batches: Batches, replicas: int) -> dict[str, Any]:
    """The values that are logged of a run before it starts, as ORNL's runner of STEMDL does (mlcommons/science,
    benchmarks/stemdl/ornl/sgcl_runner.py), whose ranks have a GPU each."""
    training = batches.recipe.training
    return {
        "number_of_ranks": replicas,
        "seed": batches.seed,
        "global_batch_size": training.batch_size,
        "train_samples": batches.num_training_samples,
        "eval_samples": batches.num_examples("validation"),
        "opt_name": training.optimizer,
        "opt_base_learning_rate": training.learning_rate,
    }
