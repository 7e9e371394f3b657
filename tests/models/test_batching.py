import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xner_core.models.batching import run_batches, token_batches


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 300), st.integers(50, 400))
def test_a_batch_that_memory_does_not_suffice_for_is_halved(lengths, budget, memory):
    """Memory for so many tokens, padding included, always holds one sequence."""
    computed = []

    def run(batch):
        if len(batch) * max(lengths[i] for i in batch) > memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        computed.append(batch)

    run_batches(token_batches(lengths, budget), run)
    assert sorted(i for batch in computed for i in batch) == list(range(len(lengths)))
    if budget <= memory:
        assert computed == list(token_batches(lengths, budget))


def test_the_order_stays():
    computed = []

    def run(batch):
        if len(batch) > 2:
            raise MemoryError
        computed.extend(batch)

    run_batches([np.arange(7), np.arange(7, 9)], run)
    assert computed == list(range(9))


def test_one_sequence_alone_is_not_halved():
    calls = []

    def run(batch):
        calls.append(len(batch))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        run_batches([[0, 1, 2, 3]], run)
    assert calls == [4, 2, 1]


@pytest.mark.parametrize("error", [ValueError("x"), torch.AcceleratorError("CUDA error: device-side assert triggered")])
def test_other_errors_are_raised_at_once(error):
    calls = []

    def run(batch):
        calls.append(batch)
        raise error

    with pytest.raises(type(error)):
        run_batches([[0, 1]], run)
    assert len(calls) == 1


def test_what_a_failed_call_held_is_free_when_its_halves_are_computed():
    """An exception keeps its frames, and these would keep what lies on the device."""

    class Held:
        alive = 0

        def __init__(self):
            Held.alive += 1

        def __del__(self):
            Held.alive -= 1

    def run(batch):
        held = Held()
        assert Held.alive == 1
        if len(batch) > 1:
            raise torch.OutOfMemoryError(f"CUDA out of memory. {id(held)}")

    run_batches([[0, 1, 2, 3]], run)
    assert Held.alive == 0
