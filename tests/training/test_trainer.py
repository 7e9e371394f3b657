import ctypes
import resource
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import EvalPrediction, TrainerState
from transformers.training_args import ParallelMode

from xner_core.training.features import TargetScheme
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.losses import IGNORED
from xner_core.training.trainer import TrimMemory, count_steps, dev_scores, training_arguments

SCHEME = TargetScheme(["LOC", "PER"])
OUT, B_LOC, I_LOC, B_PER, I_PER = range(5)


def _scores(predicted, targets):
    return dev_scores(SCHEME)(EvalPrediction(np.array(predicted), np.array(targets)))


def test_scores_are_strict_and_by_type():
    out = SCHEME.outside([])
    scores = _scores(
        [[OUT, B_LOC, OUT, B_PER, I_PER], [B_LOC, OUT, OUT, OUT, OUT]],
        [[IGNORED, B_LOC, out, B_PER, out], [out, out, B_PER, IGNORED, IGNORED]],
    )
    # Right: one LOC. Wrong: a PER that is too long, an invented LOC; missed: two PER.
    assert scores["precision"] == pytest.approx(1 / 3)
    assert scores["recall"] == pytest.approx(1 / 3)
    assert scores["f1"] == pytest.approx(1 / 3)
    assert scores["per_type"]["LOC"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert scores["per_type"]["PER"]["support"] == 2


def test_what_a_text_leaves_open_is_not_counted_against_a_prediction():
    out = SCHEME.outside(["PER"])
    found = [[B_PER, I_PER, B_LOC]]
    assert _scores(found, [[out, out, B_LOC]])["f1"] == 1.0
    assert _scores(found, [[SCHEME.outside([])] * 2 + [B_LOC]])["precision"] == 0.5


def test_masked_words_are_not_scored():
    assert _scores([[B_PER, B_LOC]], [[IGNORED, B_LOC]])["f1"] == 1.0


@pytest.mark.parametrize(
    ("examples", "workers", "steps"), [(160, 1, 30), (160, 2, 15), (1, 1, 1), (7, 1, 1), (40, 1, 8)]
)
def test_steps(examples, workers, steps):
    assert count_steps(examples, OptimisationSettings(epochs=3, batch_size=16), workers) == steps


def test_arguments_can_be_replaced(tmp_path):
    arguments = training_arguments(
        OptimisationSettings(evaluations=6, precision="float32"),
        str(tmp_path),
        100,
        7,
        load_best_model_at_end=False,
        use_cpu=True,
    )
    assert (arguments.eval_steps, arguments.save_steps, arguments.seed) == (17, 17, 7)
    assert not arguments.load_best_model_at_end
    assert not arguments.bf16


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_freed_memory_is_given_back_every_ten_steps_on_a_cpu():
    blocks = [bytearray(b"x") * 10_000 for _ in range(20_000)]
    # What stays leaves holes of a megabyte, which the C library keeps.
    blocks = blocks[::100]
    trim, before = TrimMemory(), _resident()
    for step, on_cpu in ((9, True), (10, False)):
        trim.on_step_end(SimpleNamespace(use_cpu=on_cpu), TrainerState(global_step=step), None)
        assert before - _resident() < 50e6
    trim.on_step_end(SimpleNamespace(use_cpu=True), TrainerState(global_step=10), None)
    assert before - _resident() > 100e6
    assert len(blocks) == 200


def test_a_machine_with_several_gpus_trains_on_one(tmp_path, monkeypatch):
    """`Trainer` would go into `DataParallel`, and multiply the batch."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    settings = OptimisationSettings(batch_size=8, precision="float32")
    for number_of_gpus in (4, 1):
        monkeypatch.setattr(torch.cuda, "device_count", lambda number_of_gpus=number_of_gpus: number_of_gpus)
        arguments = training_arguments(settings, str(tmp_path), 10, 1, use_cpu=False)
        # As where accelerate finds CUDA; this build of PyTorch may have none.
        arguments._n_gpu = number_of_gpus
        assert arguments.n_gpu == 1
        assert (arguments.train_batch_size, arguments.eval_batch_size) == (8, 32)
        assert arguments.parallel_mode == ParallelMode.NOT_PARALLEL


def test_on_a_cpu_there_is_no_gpu(tmp_path):
    arguments = training_arguments(OptimisationSettings(), str(tmp_path), 10, 1, use_cpu=True)
    assert arguments.n_gpu == 0
    assert arguments.train_batch_size == 16
