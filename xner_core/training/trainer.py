"""The Hugging Face trainer with our targets, losses and scores; taggers and students are trained by it."""

import ctypes
from collections.abc import Callable
from json import JSONDecodeError
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import is_torch_tf32_available

from xner_core.errors import XnerError
from xner_core.evaluation.metrics import score
from xner_core.models.loading import encoder_layers
from xner_core.models.precision import is_bfloat16
from xner_core.training.features import TargetScheme
from xner_core.training.fitting_settings import LossSettings, OptimisationSettings
from xner_core.training.losses import IGNORED, batch_loss

# Steps between two times that memory is given back: often enough to keep it small, too rarely to be felt.
_TRIM_STEPS = 10


class OneDeviceArguments(TrainingArguments):
    """Arguments of a training on one device, or on one in each process of a distributed training.

    Where it finds several GPUs, `Trainer` would spread each batch over all of them by `DataParallel`: another batch
    size, and no way for batches that are more than tensors.
    """

    @property
    def n_gpu(self) -> int:
        return min(1, super().n_gpu)


def freeze(model: PreTrainedModel, settings: OptimisationSettings) -> None:
    """Leaves the parts of a model as they are that the settings name.

    Raises:
        XnerError: the model has fewer layers.
    """
    if settings.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    if settings.freeze_layers:
        layers = encoder_layers(model.base_model)
        if settings.freeze_layers > len(layers):
            raise XnerError(
                f"freeze_layers is {settings.freeze_layers}, but {len(layers)} layers of the model are known"
            )
        # A layer below which nothing is learnt needs no backward pass; embeddings that are learnt would need all.
        model.base_model.embeddings.requires_grad_(False)
        layers[: settings.freeze_layers].requires_grad_(False)


class TokenTrainer(Trainer):
    """A trainer whose labels are targets of a scheme, and whose loss is one of ours."""

    def __init__(self, *args: Any, scheme: TargetScheme, loss: LossSettings, **kwargs: Any) -> None:
        super().__init__(
            *args,
            compute_metrics=dev_scores(scheme),
            preprocess_logits_for_metrics=lambda logits, _: logits.argmax(dim=-1),
            **kwargs,
        )
        self._scheme = scheme
        self._loss = loss
        self.add_callback(TrimMemory())

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        targets = inputs["labels"]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        loss = batch_loss(outputs.logits, targets, self._scheme.admitted, self._loss)
        return (loss, {"logits": outputs.logits}) if return_outputs else loss


class TrimMemory(TrainerCallback):
    """Gives freed memory back to the system while a CPU trains.

    Batches of many lengths leave holes in the heap of the C library (glibc), which keeps them: gigabytes.
    """

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._trim and args.use_cpu and state.global_step % _TRIM_STEPS == 0:
            self._trim(0)


def dev_scores(scheme: TargetScheme) -> Callable[[EvalPrediction], dict[str, Any]]:
    """Strict IOB2 scores over what has a target; a label that the target admits, but does not demand, counts as O."""

    def scores(prediction: EvalPrediction) -> dict[str, float]:
        gold_tags, predicted_tags = [], []
        for predicted, targets in zip(prediction.predictions, prediction.label_ids, strict=True):
            known = targets != IGNORED
            gold, found = targets[known], predicted[known]
            admitted = scheme.admitted(torch.from_numpy(gold)).numpy()[np.arange(len(found)), found]
            found = np.where((gold >= len(scheme.labels)) & admitted, 0, found)
            gold_tags.append(scheme.labels_of(gold))
            predicted_tags.append([scheme.labels[label] for label in found])
        return score(gold_tags, predicted_tags)

    return scores


def train(trainer: Trainer, checkpoint: str | None) -> None:
    """Trains; from a checkpoint on, if one is named. Of its files, only tensors, numbers and JSON are read.

    Raises:
        XnerError: the checkpoint is damaged, or a file of it holds anything else, which is not run.
    """
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    except (UnpicklingError, EOFError, SafetensorError, JSONDecodeError, UnicodeDecodeError) as error:
        if checkpoint is None:
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise XnerError(
            f"{checkpoint}: damaged, or no checkpoint that xner wrote ({reason}); remove the checkpoints of this "
            "training, and run again"
        ) from error


def count_steps(examples: int, settings: OptimisationSettings, workers: int = 1) -> int:
    """Optimiser steps of a whole training."""
    return max(1, round(settings.epochs * examples / (settings.batch_size * workers)))


def training_arguments(
    settings: OptimisationSettings, folder: str, steps: int, seed: int, use_cpu: bool, **more: Any
) -> TrainingArguments:
    """Arguments for `Trainer` that write checkpoints to `folder` and keep the best and the last of them.

    Args:
        settings: how weights are fitted
        folder: a local folder
        steps: optimiser steps of the whole training
        seed: of dropout, and of the order of the data
        use_cpu: whether to train on the CPU; otherwise on a GPU
        **more: other arguments, or other values for these
    """
    # Rounded up: the last step is scored in any case.
    interval = -(-steps // settings.evaluations)
    arguments: dict[str, Any] = dict(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=4 * settings.batch_size,
        # Plain numbers: a command line gives types of jsonargparse's, which a checkpoint would then not load.
        learning_rate=float(settings.learning_rate),
        warmup_steps=int(settings.warmup * steps),
        weight_decay=float(settings.weight_decay),
        bf16=is_bfloat16(settings.precision, "cpu" if use_cpu else "cuda"),
        # What stays in float32.
        tf32=True if not use_cpu and is_torch_tf32_available() else None,
        use_cpu=use_cpu,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="f1",
        logging_steps=max(1, min(50, steps // 10)),
        report_to="none",
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
    )
    return OneDeviceArguments(**arguments | more)
