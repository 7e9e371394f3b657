import pytest
import torch

from xner_core.models.precision import is_bfloat16
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.trainer import training_arguments


@pytest.mark.parametrize(("avx512", "amx"), [(False, False), (True, False), (False, True)])
def test_a_training_is_in_bfloat16_where_the_hardware_has_it(avx512, amx, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert is_bfloat16("auto", "cpu") == (avx512 or amx)
    assert training_arguments(OptimisationSettings(), str(tmp_path), 10, 1, use_cpu=True).bf16 == (avx512 or amx)
    assert is_bfloat16("bfloat16", "cpu")
    assert not is_bfloat16("float32", "cpu")


def test_a_gpu_that_emulates_it_has_not_got_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert not is_bfloat16("auto", "cuda")
