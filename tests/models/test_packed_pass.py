"""Packed sequences against padded ones, on the CPU; only the attention kernel is another one on a GPU."""

import numpy as np
import pytest
import torch

from architectures import ENCODERS, byte_tokenizer, save_model
from xner_core.models.forward import Outputs, PaddedPass
from xner_core.models.loading import load_encoder, load_token_classifier
from xner_core.models.model_settings import FLOAT32
from xner_core.models.packed_pass import PackedPass
from xner_core.models.precision import BERT_LIKE


@pytest.mark.parametrize("kind", sorted(BERT_LIKE))
def test_nothing_is_other_than_with_padding(kind, tmp_path):
    save_model(tmp_path, kind, ENCODERS[kind][0], byte_tokenizer())
    chance = np.random.default_rng(1)
    for load, layers in ((load_token_classifier, None), (load_encoder, [1, 2])):
        padded = PaddedPass(Outputs(load(str(tmp_path))[0], layers), 1, "cpu", FLOAT32)
        packed = PackedPass(Outputs(load(str(tmp_path))[0], layers), "cpu", torch.float32)
        for lengths in ((5,), (1, 64, 7), (3, 3)):
            sequences = [chance.integers(4, 200, length) for length in lengths]
            for one, other in zip(packed(sequences), padded(sequences), strict=True):
                assert len(one) == sum(lengths)
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
