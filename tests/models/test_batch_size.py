from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.models.batch_size import LEAST, MOST, Reading, most_that_pays, read, tokens_at_once
from xner_core.models.forward import Outputs, forward_pass
from xner_core.models.loading import load_token_classifier
from xner_core.models.model_settings import FLOAT32

SIZES = [LEAST << doubled for doubled in range((MOST // LEAST).bit_length())]


def device_with(rates, memory=lambda tokens: 0.0):
    """What reads at these rates, and what it was asked to read."""
    asked = []

    def read_at(tokens):
        asked.append(tokens)
        return Reading(rates(tokens), memory(tokens))

    return read_at, asked


@pytest.mark.parametrize("enough", SIZES)
def test_batches_grow_until_the_device_is_busy(enough):
    read_at, asked = device_with(lambda tokens: min(tokens, enough))
    assert most_that_pays(read_at) == enough
    assert asked == SIZES[: SIZES.index(enough) + 2]


@pytest.mark.parametrize(("first", "most"), [(0.5, LEAST), (0.2, 2 * LEAST), (0.1, 4 * LEAST), (2.0, LEAST)])
def test_batches_leave_others_half_of_the_memory(first, most):
    read_at, asked = device_with(float, lambda tokens: first * tokens / LEAST)
    assert most_that_pays(read_at) == max(asked) == most


@settings(deadline=None)
@given(st.lists(st.floats(1, 1e7), min_size=len(SIZES), max_size=len(SIZES)))
def test_each_doubling_has_gained(rates):
    by_size = dict(zip(SIZES, rates, strict=True))
    read_at, _ = device_with(by_size.__getitem__)
    found = most_that_pays(read_at)
    assert found in SIZES
    kept = [by_size[size] for size in SIZES if size <= found]
    assert all(more >= 1.05 * less for less, more in pairwise(kept))
    assert found == MOST or by_size[2 * found] < 1.05 * by_size[found]


@pytest.mark.parametrize("full", SIZES)
def test_memory_that_ends_ends_the_search(full):
    def rate(tokens):
        if tokens >= full:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return tokens

    assert most_that_pays(device_with(rate)[0]) == max(LEAST, full // 2)


def test_a_device_that_fails_is_not_taken_for_a_full_one():
    def rate(tokens):
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    with pytest.raises(torch.AcceleratorError):
        most_that_pays(device_with(rate)[0])


def test_on_a_cpu_nothing_is_measured():
    def forward(_):
        raise AssertionError

    config = SimpleNamespace(vocab_size=9)
    assert tokens_at_once(None, forward, config, torch.device("cpu")) == LEAST
    assert tokens_at_once(7, forward, config, torch.device("cpu")) == 7
    assert tokens_at_once(7, forward, config, torch.device("cuda")) == 7


def test_a_real_model_reads_as_many_tokens_as_it_is_told(tiny_tagger):
    model, tokenizer = load_token_classifier(tiny_tagger)
    forward, lengths = forward_pass(Outputs(model), tokenizer.pad_token_id, "cpu", FLOAT32), []

    def counted(sequences):
        lengths.append([len(sequence) for sequence in sequences])
        return forward(sequences)

    found = read(counted, 256, model.config.vocab_size, torch.device("cpu"))
    assert found.rate > 0
    assert found.memory == 0
    assert {sum(each) for each in lengths} == {256}
