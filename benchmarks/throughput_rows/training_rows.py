"""Rows of a training up to its batches, with a student that costs nothing: planning, first batch, all features."""

import json
import time
from pathlib import Path
from typing import Any

import ray
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from throughput_rows.corpus_rows import label_files, label_folders, start_ray
from throughput_rows.layout import made, part, student_settings
from throughput_rows.measured import Measured, Work
from throughput_rows.meter import Meter
from throughput_rows.stage_rows import free_model

_BATCH = 64
_EPOCHS = 2


class Marks(TrainerCallback):
    """Writes down when a worker began to train, had its first batch, and had done its last."""

    def __init__(self, file: str, steps: int | None = None) -> None:
        self.file = file
        self.steps = steps
        self.marks: dict[str, float] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.marks["began"] = time.time()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if "first" not in self.marks:
            self.marks["first"] = time.time()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.marks |= {"last": time.time(), "steps": state.global_step}
        if state.is_world_process_zero and state.global_step in (1, self.steps or state.max_steps):
            Path(self.file).write_text(json.dumps(self.marks))
        if state.global_step == self.steps:
            control.should_evaluate = control.should_save = control.should_training_stop = True


def recipe(work: Work, **more: Any) -> Any:
    """A student that costs next to nothing, on a CPU."""
    optimisation = made(
        "training.fitting_settings:OptimisationSettings",
        epochs=_EPOCHS,
        batch_size=_BATCH,
        evaluations=1,
        patience=0,
        precision="float32",
    )
    return made(
        "training.student_settings:StudentRecipe",
        model=free_model(work, "tagger"),
        optimisation=optimisation,
        device="cpu",
        threads=1,
        **more,
    )


def planning(work: Work) -> dict[str, Measured]:
    """Plans a training on made-up labels, and trains up to its first batch."""
    files, plan_training = label_files(work), part("training.student_plan:plan_training")
    # What it takes to load a model is not a matter of labels.
    with Meter() as start_up:
        few = plan_training(recipe(work), files[:1])
    with Meter() as meter:
        plan = plan_training(recipe(work), files)
    pairs = plan.counts.sentences + len(plan.dev) - few.counts.sentences - len(few.dev)
    planned = meter.measured(pairs / max(meter.cpu_seconds - start_up.cpu_seconds, 0.01), "pairs/s a core")
    planned.counts = {"sentences": plan.counts.sentences, "dev": len(plan.dev), "types": len(plan.types)}
    start_ray(work.workers + 1)
    marks, meter, started, _ = train(work, steps=1)
    ray.shutdown()
    first = meter.measured(marks["first"] - started, "s")
    return {"planning": planned, "first batch": first}


def features(work: Work) -> dict[str, Measured]:
    """Trains for two epochs on made-up labels, with one CPU for the features, and with several."""
    lines = {}
    for cpus in [1] if work.smoke else sorted({1, work.workers}):
        start_ray(1 + cpus)
        marks, meter, _, result = train(work)
        ray.shutdown()
        texts = _EPOCHS * result["train_sentences"]
        line = meter.measured(texts / (marks["last"] - marks["began"]), "texts/s")
        line.counts = {"sentences": result["train_sentences"], "steps": result["steps"]}
        line.details = marks
        lines[f"features, CPUs: {cpus}"] = line
    return lines


def train(
    work: Work, steps: int | None = None, labels: list[str] | None = None, votes: str | None = None
) -> tuple[dict[str, float], Meter, float, dict[str, Any]]:
    """Trains, with all steps or so many; returns the marks, the meter, the start and the job's result."""
    train_student = part("engine.training_job:train_student")
    out = Path(work.scratch) / f"student-{time.monotonic_ns()}"
    file = f"{out}.json"
    settings = student_settings(recipe(work), labels or label_folders(work), str(out), votes)
    started = time.time()
    with Meter() as meter:
        result = train_student(settings, [Marks(file, steps)])
    return json.loads(Path(file).read_text()), meter, started, result
