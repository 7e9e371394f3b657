"""Runs a study on Ray: each cell is a training and then a scoring, several cells side by side.

A cell's own task needs no CPU: it starts a Ray Train job, whose workers have their own. It runs on the node of the
driver, where its student is kept.
"""

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import ray
import torch
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from scipy.optimize import nnls

from xner_core.engine.resources import cluster_device, count_fitting, require_workers
from xner_core.engine.session import check_address, ensure_ray
from xner_core.engine.training_job import train_student
from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import scored_types
from xner_core.evaluation.gold import marked_types
from xner_core.evaluation.gold_check import check_gold
from xner_core.evaluation.student_evaluation import own_types
from xner_core.labels.label_files import LabelFile, find_label_files
from xner_core.snapshots.repository import label_addresses
from xner_core.storage.files import locate, read_json, write_json, write_table
from xner_core.storage.outputs import require_folder, require_lasting
from xner_core.study.grid import Cell, plan_cells
from xner_core.study.page import render_page
from xner_core.study.predictions import GoldFile, are_there, gold_sentences, predict
from xner_core.study.results import (
    DONE,
    FAILED,
    STUDENT,
    Outcome,
    Scorer,
    draws_needed,
    read_off,
    result_rows,
    summarise,
)
from xner_core.study.study_settings import StudySettings
from xner_core.study.study_summary import duration, summary, too_few_draws
from xner_core.tagging.tagger_check import check_tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.languages import distinct_languages
from xner_core.training.student_settings import StudentSettings

logger = logging.getLogger(__name__)

PAGE, RESULTS = "study.html", "results.parquet"
_TRAINING = "training.json"


def run_study(settings: StudySettings) -> dict[str, Any]:
    """Trains and scores a student for each cell of a grid: corpus sizes x domains x losses x seeds.

    Writes `out`/study.html, curves and numbers to read off how much corpus is enough, and `out`/results.parquet, a row
    for each cell and gold file; both grow with every cell that is done. Run again, it takes up what is not done, and
    another grid finds the cells again that it shares with this one. A cell that fails leaves the others as they are.

    Raises:
        XnerError: labels, gold files, models or domains that do not fit, or a cluster that cannot hold a training.
    """
    check_address()
    require_folder("out", settings.out)
    for address in settings.labels:
        require_lasting("labels", address)
    if settings.student.dev is not None:
        check_gold("student.dev", settings.student.dev)
    files = find_label_files(label_addresses(settings.labels))
    golds = _gold_files(settings, files)
    scored, warnings = _scored_types(settings, golds)
    cells, left_out = plan_cells(settings, files)
    out = Path(settings.out).absolute()
    outcomes = {cell.key: _outcome(out, cell, golds) for cell in cells}
    unfinished = [cell for cell in cells if outcomes[cell.key].status != DONE]
    logger.info("%d cells, %d of them to be done", len(cells), len(unfinished))

    baselines = [out / "direct-transfer" / _tagger(name, settings).fingerprint() for name in settings.baselines]
    unscored = [i for i, folder in enumerate(baselines) if not are_there(folder, golds)]
    crew = None
    if unfinished or unscored:
        ensure_ray()
        crew = Crew(settings, golds)
        ray.get([crew.score(baselines[i], settings.baselines[i], settings.label_map) for i in unscored])
    known = {
        "languages": sorted({file.language for file in files}),
        "left_out": left_out,
        "warnings": warnings,
    }
    scorers = [Scorer(gold, types, baselines, settings.draws) for gold, types in zip(golds, scored, strict=True)]
    result = _report(settings, list(outcomes.values()), scorers, known)
    for outcome in crew.work(unfinished, list(outcomes.values())) if crew and unfinished else ():
        outcomes[outcome.cell.key] = outcome
        result = _report(settings, list(outcomes.values()), scorers, known)
        if outcome.status == DONE:
            scores = [
                f"F1 {100 * scorer.figures(outcome.folder)['f1']:.1f} on {scorer.gold.name}" for scorer in scorers
            ]
            logger.info("%s: %s", outcome.cell, ", ".join(scores))
    print(summary(result))
    if result["failed"]:
        reasons = "; ".join(f"{cell}: {reason}" for cell, reason in result["failed"].items())
        return result | {"status": "failed", "reason": f"{len(result['failed'])} of {len(cells)} cells ({reasons})"}
    if not unfinished:
        return result | {"status": "nothing to do", "reason": f"all {len(cells)} cells are done already"}
    return result


def _gold_files(settings: StudySettings, files: Sequence[LabelFile]) -> list[GoldFile]:
    languages = distinct_languages(file.language for file in files)
    language = settings.language or (languages[0] if len(languages) == 1 else None)
    return [GoldFile(name, path, language) for name, path in settings.gold.items()]


def _scored_types(settings: StudySettings, golds: Sequence[GoldFile]) -> tuple[list[list[str]], list[str]]:
    """The entity types that are scored on each gold file, and what a user should know of them."""
    known = {
        f"direct transfer {name}": check_tagger("baselines", name, settings.label_map) for name in settings.baselines
    }
    found = {name: types for name, (types, _) in known.items()}
    scored = [
        scored_types(gold.path, marked_types(gold_sentences(gold)), found, settings.types, shared=True)
        for gold in golds
    ]
    warnings = [warning for each in scored for warning in each.warnings]
    return [each.types for each in scored], warnings + [warning for _, of_map in known.values() for warning in of_map]


def _tagger(name: str, settings: StudySettings) -> TaggerSettings:
    return TaggerSettings(name, settings.label_map, precision="float32")


def _folder(out: Path, cell: Cell) -> Path:
    return out / "cells" / cell.key


def _outcome(out: Path, cell: Cell, golds: Sequence[GoldFile]) -> Outcome:
    """What there is of a cell."""
    folder = _folder(out, cell)
    record = locate(folder / _TRAINING)
    return Outcome(cell, folder, read_json(record) if record.exists() and are_there(folder, golds) else None)


def _report(
    settings: StudySettings, outcomes: Sequence[Outcome], scorers: Sequence[Scorer], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes the page and the table; returns the results, with what was known before."""
    kinds = summarise(outcomes, scorers)
    rows = result_rows(outcomes, scorers, kinds)
    if (needed := draws_needed(len(kinds))) > settings.draws:
        known = {**known, "warnings": [*known["warnings"], too_few_draws(settings.draws, len(kinds), needed)]}
    out = Path(settings.out).absolute()
    write_table(locate(out / RESULTS), pl.from_dicts(rows, infer_schema_length=None).to_arrow())
    result = {
        "status": "done",
        "page": str(out / PAGE),
        "table": str(out / RESULTS),
        "cells": len(outcomes),
        "done": sum(outcome.status == DONE for outcome in outcomes),
        "failed": {str(outcome.cell): outcome.reason for outcome in outcomes if outcome.status == FAILED},
        **known,
        "direct_transfer": {scorer.gold.name: scorer.direct_transfer for scorer in scorers},
        "comparisons": len(kinds),
        "scores": kinds,
        "curves": read_off(kinds),
    }
    with locate(out / PAGE).open_output() as stream:
        stream.write(render_page(settings, result).encode())
    return result


class Crew:
    """Trains and scores cells on the cluster at `RAY_ADDRESS`, or on this machine.

    Args:
        settings: the study
        golds: its gold files

    Raises:
        XnerError: the cluster cannot hold a single training.
    """

    def __init__(self, settings: StudySettings, golds: Sequence[GoldFile]) -> None:
        recipe = replace(settings.student, device=cluster_device(settings.student.device))
        worker = require_workers(recipe)
        demand = {name: amount * recipe.num_workers for name, amount in worker.items()}
        fitting = count_fitting(demand | {"CPU": demand["CPU"] + 1})
        self._at_once = min(fitting, settings.at_once or fitting)
        self._settings = settings
        self._golds = list(golds)
        self._out = Path(settings.out).absolute()
        # Cells share the CPUs, each its own among its workers.
        self._threads = max(1, int(ray.cluster_resources()["CPU"] // self._at_once))
        self._recipe_threads = recipe.threads or max(1, self._threads // recipe.num_workers)
        node = ray.get_runtime_context().get_node_id()
        here = next(info["Resources"] for info in ray.nodes() if info["NodeID"] == node)
        self._device = recipe.device
        self._gpu = 1 if recipe.device == "cuda" and here.get("GPU") else 0
        self._here = NodeAffinitySchedulingStrategy(node, soft=False)

    def work(self, cells: Sequence[Cell], outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """Does all cells, as many at once as fit, and says what became of each as soon as it is known.

        Args:
            cells: what is to be done
            outcomes: of all cells, for what they took
        """
        waiting, running = deque(cells), {}
        known = {outcome.cell.key: outcome for outcome in outcomes}
        while waiting or running:
            while waiting and len(running) < self._at_once:
                cell = waiting.popleft()
                logger.info("started: %s", cell)
                running[self._start(cell)] = (cell, time.monotonic())
            (finished,), _ = ray.wait(list(running), num_returns=1)
            cell, _ = running.pop(finished)
            known[cell.key] = outcome = self._finish(cell, finished)
            yield outcome
            left = time_left(
                [(one.cell.pairs, one.training["seconds"]) for one in known.values() if one.training],
                [cell.pairs for cell in waiting],
                [(cell.pairs, time.monotonic() - started) for cell, started in running.values()],
                self._at_once,
            )
            logger.info(
                "%s: %s; %d running, %d waiting%s",
                outcome.status,
                cell,
                len(running),
                len(waiting),
                f", about {duration(left)} left" if left else "",
            )

    def _start(self, cell: Cell) -> ray.ObjectRef:
        folder = _folder(self._out, cell)
        recipe = replace(cell.recipe, threads=self._recipe_threads, device=self._device)
        train = _train.options(scheduling_strategy=self._here, name=f"train {cell}")
        trained = train.remote(
            os.getcwd(),
            StudentSettings(cell.files, str(folder / STUDENT), self._settings.consensus, student=recipe),
            folder / _TRAINING,
        )
        return self.score(folder, str(folder / STUDENT), None, trained)

    def score(
        self, folder: Path, model: str, label_map: str | dict[str, str] | None, trained: ray.ObjectRef | None = None
    ) -> ray.ObjectRef:
        """Starts the predictions of a model on all gold files, once it is trained; without a label map, a student's."""
        score = _score.options(scheduling_strategy=self._here, num_gpus=self._gpu, name=f"score {model}")
        return score.remote(os.getcwd(), trained, folder, model, label_map, self._golds, self._threads)

    def _finish(self, cell: Cell, finished: ray.ObjectRef) -> Outcome:
        folder = _folder(self._out, cell)
        try:
            ray.get(finished)
        except RayError as error:
            logger.error("failed: %s", cell, exc_info=error)
            return Outcome(cell, folder, reason=_reason(error))
        if not self._settings.keep_students:
            shutil.rmtree(folder / STUDENT)
        return _outcome(self._out, cell, self._golds)


@ray.remote(num_cpus=0, max_retries=1)
def _train(cwd: str, settings: StudentSettings, record: Path) -> None:
    os.chdir(cwd)
    write_json(locate(record), train_student(settings))


@ray.remote(num_cpus=0, max_retries=1)
def _score(
    cwd: str,
    trained: None,
    folder: Path,
    model: str,
    label_map: str | dict[str, str] | None,
    golds: list[GoldFile],
    threads: int,
) -> None:
    os.chdir(cwd)
    # A task without CPUs would have one thread.
    torch.set_num_threads(threads)
    predict(folder, model, own_types(model) if label_map is None else label_map, golds)


def _reason(error: RayError) -> str:
    """What a user has to know of a failure; the log has all of it."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return str(cause) if isinstance(cause, XnerError) else f"{type(cause).__name__}: {lines[-1] if lines else ''}"


def time_left(
    done: Sequence[tuple[int, float]],
    waiting: Sequence[int],
    running: Sequence[tuple[int, float]],
    at_once: int,
) -> float | None:
    """Seconds that the rest of a study takes, if each cell takes a start-up and so much for each pair.

    Args:
        done: pairs and seconds of cells that are done
        waiting: pairs of cells to start
        running: pairs of cells that run, and seconds since their start
        at_once: cells side by side

    Returns:
        None as long as nothing is done, or when nothing is left
    """
    if not done or not (waiting or running):
        return None
    (start_up, each), _ = nnls([[1.0, pairs] for pairs, _ in done], [seconds for _, seconds in done])
    rest = [start_up + each * pairs for pairs in waiting]
    rest += [max(0.0, start_up + each * pairs - seconds) for pairs, seconds in running]
    return max(max(rest), sum(rest) / at_once)
