"""Trains a student with Ray Train; the one place that knows it.

Workers take the features in an order that does not depend on which task of Ray Data was faster, so a training that was
interrupted goes on with the very batches that it would have seen.
"""

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
import transformers
from ray.data import ExecutionOptions
from ray.train import Checkpoint, CheckpointConfig, DataConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2.api.config import LoggingConfig
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.engine.feature_dataset import feature_dataset, feature_texts
from xner_core.engine.planned_model import require_planned_model
from xner_core.engine.resources import cluster_device, require_cuda, require_workers
from xner_core.engine.session import check_address, ensure_ray
from xner_core.errors import XnerError
from xner_core.evaluation.gold_check import check_gold
from xner_core.labels.consensus import find_consensus
from xner_core.labels.label_files import find_label_files
from xner_core.models.devices import local_device
from xner_core.models.loading import pinned
from xner_core.models.units import TokenTokeniser
from xner_core.snapshots.repository import label_addresses
from xner_core.storage.files import Location, locate, read_json, write_json
from xner_core.storage.hashing import fingerprint
from xner_core.storage.outputs import require_folder, require_lasting
from xner_core.storage.tasks import InProcess
from xner_core.training.features import FeatureEncoder, TargetScheme, collate
from xner_core.training.stream import BatchStream
from xner_core.training.student_card import student_card
from xner_core.training.student_identity import identity
from xner_core.training.student_model import new_student, start_digest
from xner_core.training.student_plan import TrainingPlan, plan_training
from xner_core.training.student_settings import StudentRecipe, StudentSettings
from xner_core.training.trainer import TokenTrainer, count_steps, freeze, train, training_arguments

logger = logging.getLogger(__name__)

# What a student's or a training's identity is kept in: beside the student, and beside the checkpoints.
RECORD = "training.json"
# Of a worker, before the training fails; what kills a worker each time should not be tried for ever.
_MAX_FAILURES = 3
# How long a controller may take to end its workers.
_ABORT_SECONDS = 20
_TRAINER_STATE = "trainer_state.json"
# Label files that are read before Ray is there; that many take as long as it takes to start.
_FILES_READ_HERE = 64
_MODEL_FILES = (".safetensors", ".json", ".model", ".txt", ".jinja")


def train_student(settings: StudentSettings, callbacks: Sequence[TrainerCallback] = ()) -> dict[str, Any]:
    """Trains a student on projected labels; returns its dev scores and what it was trained on.

    Run again after an interruption, it goes on from the last checkpoint; run again when it is done, it does nothing.

    Args:
        settings: what to train on, how, and where to keep it
        callbacks: Hugging Face callbacks, which run in every worker

    Raises:
        XnerError: labels, dev set, model or checkpoints that do not fit, or a cluster that cannot hold the workers or
            has no GPUs for them, though they were asked for.
        ray.train.TrainingFailedError: a worker failed again and again.
    """
    started = time.monotonic()
    check_address()
    require_folder("out", settings.out)
    if settings.checkpoints:
        require_folder("checkpoints", settings.checkpoints)
    for address in settings.labels:
        require_lasting("labels", address)
    recipe = _pinned(settings.student)
    if recipe.dev is not None:
        check_gold("student.dev", recipe.dev)
    files = find_label_files(label_addresses(settings.labels), recipe.domains)
    votes = find_consensus(settings.consensus, files) if settings.consensus else {}
    own = identity(recipe, files, votes)
    out = locate(settings.out)
    if _record(out).get("identity") == own:
        reason = "the student of these labels and settings is there already"
        return {"status": "nothing to do", "reason": reason, "student": settings.out} | _record(out)["result"]
    _announce(settings.out, own)
    plan = plan_training(recipe, files, votes, InProcess() if len(files) <= _FILES_READ_HERE else ClusterTasks())

    ensure_ray()
    recipe = replace(recipe, device=cluster_device(recipe.device))
    plan = replace(plan, recipe=recipe)
    worker = require_workers(recipe)
    if recipe.device == "cuda":
        require_cuda(worker)
    checkpoints = locate(settings.checkpoints) if settings.checkpoints else out / "checkpoints"
    run = _claim(checkpoints, own, settings.resume)
    texts = plan.counts.sentences // recipe.num_workers
    if not texts:
        raise XnerError(f"{plan.counts.sentences} sentences cannot be shared among {recipe.num_workers} workers")
    steps = count_steps(texts, recipe.optimisation)
    logger.info("%d sentences, %d steps, types %s", plan.counts.sentences, steps, " ".join(plan.types))

    work = partial(_train_worker, plan=plan, texts=texts, steps=steps, model=own["model"], callbacks=callbacks)
    best, metrics = _fit(work, plan, checkpoints, run, worker)
    result = {
        "train_sentences": plan.counts.sentences,
        "entities": {type_: plan.counts.entities[type_] for type_ in plan.types},
        "masked": plan.counts.masked,
        "open": dict(plan.counts.open),
        "failed_pairs": plan.failed,
        "steps": steps,
        "best_step": metrics["step"],
        "dev": {name: metrics[name] for name in ("precision", "recall", "f1", "per_type")},
        "labels": sorted({file.fingerprint for file in files}),
        "seconds": round(time.monotonic() - started, 1),
    }
    _keep(best, out, plan, own, result)
    _discard(checkpoints, run)
    logger.info("dev F1 %.4f; student in %s", result["dev"]["f1"], settings.out)
    return {"status": "done", "student": settings.out} | result


def _pinned(recipe: StudentRecipe) -> StudentRecipe:
    """The recipe by which workers, which run in folders of their own, start from the model that is looked at here."""
    folder = Path(recipe.model)
    return replace(recipe, model=str(folder.absolute()) if folder.is_dir() else pinned(recipe.model))


def _announce(out: str, own: dict[str, Any]) -> None:
    """Says why a student that is there is trained again, and how long that took before."""
    if record := _record(locate(out)):
        why, seconds = _difference(record["identity"], own), record["result"].get("seconds", 0)
        print(f"trained again: the student in {out} was trained otherwise ({why}); it took {seconds:.0f} s", flush=True)


def _record(folder: Location) -> dict[str, Any]:
    record = folder / RECORD
    return read_json(record) if record.exists() else {}


def _claim(checkpoints: Location, own: dict[str, Any], resume: bool) -> str:
    """Takes the folder of checkpoints for this training; returns the name of its run in Ray Train.

    Raises:
        XnerError: another training's checkpoints are in it.
    """
    # A run's name decides what Ray Train restores, so it follows from all that determines the student.
    run = f"student-{fingerprint(**own)[:16]}"
    found = _record(checkpoints)
    if found and not resume:
        _discard(checkpoints, found["run"])
    elif found and found["identity"] != own:
        raise XnerError(
            f"{checkpoints}: holds checkpoints of another training ({_difference(found['identity'], own)}); "
            "set resume to false to discard them, or name another folder of checkpoints"
        )
    elif found:
        logger.info("taking up the training in %s", checkpoints)
    write_json(checkpoints / RECORD, {"run": run, "identity": own})
    return run


def _difference(found: dict[str, Any], own: dict[str, Any]) -> str:
    """What tells two identities apart."""
    if found.get("labels") != own["labels"]:
        return "on other labels"
    return "; ".join(
        f"{name} {found.get(name)}, now {own.get(name)}"
        for name in sorted(found.keys() | own.keys())
        if found.get(name) != own.get(name)
    )


def _discard(checkpoints: Location, run: str) -> None:
    (checkpoints / run).delete_folder()
    (checkpoints / RECORD).delete()
    if checkpoints.is_local and not any(Path(checkpoints.path).iterdir()):
        Path(checkpoints.path).rmdir()


def _keep(
    checkpoint: Checkpoint, out: Location, plan: TrainingPlan, own: dict[str, Any], result: dict[str, Any]
) -> None:
    """Copies a checkpoint's model and tokenizer to the student's folder; the record, written last, says it is whole."""
    (out / RECORD).delete()
    folder = Location(checkpoint.filesystem, checkpoint.path)
    for file in folder.files():
        # Not the state of the training: .pt, .pth, .bin.
        if file.name.endswith(_MODEL_FILES) and file.name != _TRAINER_STATE:
            with file.open_input() as source, (out / file.name).open_output() as target:
                shutil.copyfileobj(source, target)
    with (out / "README.md").open_output() as stream:
        stream.write(student_card(plan, result).encode())
    write_json(out / RECORD, {"identity": own, "result": result})


def _fit(
    work: Callable[[], None], plan: TrainingPlan, checkpoints: Location, run: str, worker: dict[str, float]
) -> tuple[Checkpoint, dict[str, Any]]:
    """Trains; returns the best checkpoint and its scores."""
    # What is read but once need not be kept.
    kept = checkpoints / run / "features" if plan.recipe.optimisation.epochs > 1 else None
    trainer = _Training(
        work,
        scaling_config=ScalingConfig(
            num_workers=plan.recipe.num_workers, use_gpu=plan.recipe.device == "cuda", resources_per_worker=worker
        ),
        run_config=RunConfig(
            name=run,
            storage_path=checkpoints.path,
            storage_filesystem=checkpoints.filesystem,
            failure_config=FailureConfig(max_failures=_MAX_FAILURES),
            # The best and, whatever its score, the last.
            checkpoint_config=CheckpointConfig(num_to_keep=1, checkpoint_score_attribute="f1"),
            logging_config=LoggingConfig(log_level="WARNING"),
        ),
        datasets={
            "train": feature_dataset(
                plan.training_files, plan.filter, plan.types, plan.window, plan.tokenizer, plan.recipe.seed, kept
            )
        },
        # Only so is the order the same each time.
        dataset_config=DataConfig(execution_options=ExecutionOptions(preserve_order=True)),
    )
    try:
        result = trainer.fit()
    except ray.train.WorkerGroupError as error:
        for failure in error.worker_failures.values():
            # Ray Train wraps what a worker raised, to keep its traceback.
            cause = getattr(failure, "_base_exc", failure)
            if isinstance(cause, XnerError):
                raise cause from None
        raise
    except KeyboardInterrupt:
        trainer.abort()
        raise
    return max(result.best_checkpoints, key=lambda pair: pair[1]["f1"])


# Which of two classes this is, Ray decides when it is imported.
class _Training(TorchTrainer):  # pyrefly: ignore[invalid-inheritance]
    """Leaves Ctrl-C to the job, as all signals are; Ray Train's own handler ends the process without a word."""

    _controller: ray.actor.ActorHandle | None = None

    def _register_sigint_handler(self, controller: ray.actor.ActorHandle) -> None:
        self._controller = controller

    def abort(self) -> None:
        """Ends the workers, which gives the cluster their CPUs back."""
        with suppress(ray.exceptions.RayError):
            if self._controller is not None:
                ray.get(self._controller.abort.remote(), timeout=_ABORT_SECONDS)


def _train_worker(plan: TrainingPlan, texts: int, steps: int, model: str, callbacks: Sequence[TrainerCallback]) -> None:
    _quieten()
    recipe, optimisation = plan.recipe, plan.recipe.optimisation
    require_planned_model(f"model {recipe.model}", start_digest(recipe), model)
    local_device(recipe.device)
    context = ray.train.get_context()
    torch.set_num_threads(recipe.threads or max(1, _node_cpus() // context.get_local_world_size()))
    set_seed(recipe.seed)
    scheme = TargetScheme(plan.types)
    student = new_student(recipe, plan.types)
    freeze(student, optimisation)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = ray.train.get_checkpoint()
        resumed = checkpoint.to_directory(Path(folder) / "resumed") if checkpoint else None
        done = json.loads((Path(resumed) / _TRAINER_STATE).read_text())["global_step"] if resumed else 0
        shard = ray.train.get_dataset_shard("train")
        stream = BatchStream(
            texts=lambda: feature_texts(shard),
            texts_per_pass=texts,
            batch_size=optimisation.batch_size,
            buffer=recipe.shuffle_buffer,
            padding=plan.tokenizer.pad_token_id,
            seed=(recipe.seed, context.get_world_rank()),
            start=done,
            steps=steps,
        )
        windows = FeatureEncoder(TokenTokeniser(plan.tokenizer, plan.window), scheme)(plan.dev)
        # By length, so that little is padding.
        dev = sorted((window for text in windows for window in text), key=lambda window: len(window["input_ids"]))
        trainer = StreamTrainer(
            student,
            training_arguments(
                optimisation,
                folder,
                steps,
                recipe.seed,
                use_cpu=recipe.device != "cuda",
                # Ray keeps the best checkpoint; the worker's own disk may be gone by then.
                load_best_model_at_end=False,
                greater_is_better=True,
                # The stream starts at the right batch by itself.
                ignore_data_skip=True,
                restore_callback_states_from_checkpoint=True,
                disable_tqdm=True,
                ddp_find_unused_parameters=False,
            ),
            eval_dataset=dev,
            data_collator=partial(collate, padding=plan.tokenizer.pad_token_id),
            processing_class=plan.tokenizer,
            scheme=scheme,
            loss=recipe.loss,
            stream=stream,
            callbacks=[ReportCheckpoints(), *callbacks],
        )
        trainer.remove_callback(PrinterCallback)
        if optimisation.patience:
            trainer.add_callback(EarlyStoppingCallback(optimisation.patience))
        train(trainer, resumed)


def _quieten() -> None:
    """Leaves a worker's own progress, and warnings of Ray's, on the user's terminal."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("xner_core").setLevel(logging.INFO)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _node_cpus() -> int:
    node = ray.get_runtime_context().get_node_id()
    return int(next(info["Resources"].get("CPU", 1) for info in ray.nodes() if info["NodeID"] == node))


class StreamTrainer(TokenTrainer):
    """Trains on a stream of batches, which is this worker's own share of the data."""

    def __init__(self, *args: Any, stream: BatchStream, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stream = stream

    def get_train_dataloader(self) -> Any:
        return self._stream


class ReportCheckpoints(TrainerCallback):
    """Hands each checkpoint of a worker to Ray Train, with the dev scores that were taken just before it."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        figures = ", ".join(f"{name} {logs[name]:.4g}" for name in ("loss", "learning_rate", "eval_f1") if name in logs)
        if state.is_world_process_zero and figures:
            logger.info("step %d of %d: %s", state.global_step, state.max_steps, figures)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        scores = next(log for log in reversed(state.log_history) if "eval_f1" in log)
        ray.train.report(
            {name: scores[f"eval_{name}"] for name in ("precision", "recall", "f1", "per_type")}
            | {"step": state.global_step},
            Checkpoint.from_directory(Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"),
            delete_local_checkpoint_after_upload=True,
        )
