"""How many tokens a model reads at once: on a GPU as many as pay, which is found out by letting it read."""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedConfig

from xner_core.models.devices import is_out_of_memory, wait_for
from xner_core.models.forward import ForwardPass

logger = logging.getLogger(__name__)

# What is read at once on a CPU, and at least on a GPU; and at most.
LEAST = 4096
MOST = 1 << 18
# Twice as many tokens have to be read this much faster.
_GAIN = 1.05
# Of the memory that is free; other models, and what is made of the states, share it.
_SHARE = 0.5
# Tokens of a sequence, as sentences of news have with their translation.
_LENGTH = 64
_FIRST_ID = 5
_ROUNDS = 4


class Reading(NamedTuple):
    """How a batch was read.

    Attributes:
        rate: tokens/s
        memory: what it took of the memory that was free, 0 to 1
    """

    rate: float
    memory: float


def tokens_at_once(asked: int | None, forward: ForwardPass, config: PreTrainedConfig, device: torch.device) -> int:
    """Tokens that a model is to read at once.

    Args:
        asked: these, if any
        forward: of the model
        config: the model's
        device: that it computes on; on a CPU nothing is measured
    """
    if asked or device.type == "cpu":
        return asked or LEAST
    tokens = most_that_pays(lambda tokens: read(forward, tokens, config.vocab_size, device))
    # What was taken for trying is of use to others.
    torch.cuda.empty_cache()
    logger.info("batches of %d tokens on %s", tokens, torch.cuda.get_device_name(device))
    return tokens


def most_that_pays(read: Callable[[int], Reading]) -> int:
    """Tokens, `LEAST` to `MOST`: they are doubled while they are read faster for it, and memory suffices.

    Args:
        read: reads so many tokens at once
    """
    tokens, before = LEAST, Reading(0, 0)
    try:
        before = read(tokens)
        while tokens < MOST and 2 * before.memory <= _SHARE:
            now = read(2 * tokens)
            if now.rate < _GAIN * before.rate:
                break
            tokens, before = 2 * tokens, now
    except Exception as error:
        # Others may have taken what was free; batches are halved where need be.
        if not is_out_of_memory(error):
            raise
    return tokens


def read(forward: ForwardPass, tokens: int, vocabulary: int, device: torch.device) -> Reading:
    """Lets a model read so many tokens of random words a few times; the fastest one counts."""
    chance = np.random.default_rng(0)
    sequences = list(chance.integers(min(_FIRST_ID, vocabulary - 1), vocabulary, (tokens // _LENGTH, _LENGTH)))
    free = _free_memory(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    held = _peak_memory(device)
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        forward(sequences)
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    return Reading(tokens / min(seconds), (_peak_memory(device) - held) / free)


def _free_memory(device: torch.device) -> int:
    """Bytes that this process could take, those included that PyTorch keeps for it."""
    if device.type == "cpu":
        return 1
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(1, torch.cuda.mem_get_info(device)[0] + kept)


def _peak_memory(device: torch.device) -> int:
    """Bytes of all tensors at the worst moment so far."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
